//! The native lab: one supervisor, a process for every node, and the page.
//!
//! ```text
//! server lab ──┬── http: the page
//!              ├── janitor              ends the rest if the supervisor itself is killed
//!              ├── server redis.conf    7001, 7002, 7003 (or from --port on)
//!              └── server sentinel.conf --sentinel    27001, 27002, 27003
//! ```
//!
//! The nodes are this same executable, with a generated configuration each, in one temporary
//! directory. They get process groups of their own, so that Ctrl-C in the terminal reaches the
//! supervisor alone, which then stops them in order. However the supervisor ends, nothing stays
//! behind: [`janitor`] sees to the case in which it has no chance to clean up itself.

pub mod janitor;
mod node;
mod orders;
mod table;
pub mod topology;

use anyhow::{Context, Result};
use node::Node;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// The options of `server lab`.
#[derive(clap::Args)]
pub struct Options {
    /// Where the page is served
    #[arg(long, default_value = topology::DEFAULT_HTTP)]
    http: SocketAddr,
    /// The directory of the page, as `cargo xtask page` builds it
    #[arg(long)]
    page: Option<PathBuf>,
    /// Serve the page only
    #[arg(long)]
    no_nodes: bool,
    /// The master's port; the replicas have the next two, the sentinels those 20000 above
    #[arg(long, default_value_t = topology::DEFAULT_PORT,
          value_parser = clap::value_parser!(u16).range(1..=i64::from(topology::LAST_PORT)))]
    port: u16,
    /// Open the page in a browser
    #[arg(long)]
    open: bool,
    /// Another server program to run as the nodes (a Redis, to compare)
    #[arg(long, hide = true)]
    server_binary: Option<PathBuf>,
}

/// Runs the lab until Ctrl-C.
pub fn run(options: &Options) -> Result<()> {
    topology::check_ports(options.http, (!options.no_nodes).then_some(options.port))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("could not start the runtime")?;
    runtime.block_on(supervise(options))
}

async fn supervise(options: &Options) -> Result<()> {
    let mut stop = StopSignals::new()?;
    let directory = tempfile::Builder::new()
        .prefix("keepsake-lab-")
        .tempdir()
        .context("could not create the lab's directory")?;
    let mut janitor = janitor::Janitor::start(directory.path())?;
    // From here on the janitor is the one who removes it.
    let directory = directory.keep();
    let mut nodes = Vec::new();
    let done = tokio::select! {
        done = serve(options, &directory, &mut janitor, &mut nodes) => done,
        () = stop.wait() => Ok(()),
    };
    for node in nodes.iter_mut().rev() {
        node.stop(&mut janitor).await;
    }
    janitor.dismiss();
    say("\nEverything has ended.");
    done
}

/// Starts everything, prints where it is, and then reports what happens to it, for ever.
async fn serve(
    options: &Options,
    directory: &Path,
    janitor: &mut janitor::Janitor,
    nodes: &mut Vec<Node>,
) -> Result<()> {
    let program = match &options.server_binary {
        Some(program) => program.clone(),
        None => std::env::current_exe().context("could not find this program's own file")?,
    };
    if !options.no_nodes {
        // The sentinels get the replicas from the master's INFO: master and replicas have to run first.
        for (role, port) in topology::nodes(options.port) {
            nodes.push(Node::start(&program, directory, (role, port), options.port, janitor)?);
            nodes.last_mut().expect("just pushed").answers(janitor).await?;
        }
        say(&table::table(directory, options.port));
    }
    let page = match &options.page {
        Some(page) => Some(listen(options.http, page).await?),
        None => None,
    };
    if let Some((listener, router)) = page {
        let address = format!("http://{}/", listener.local_addr()?);
        say(&format!("The page: {address}    (Ctrl-C ends everything)"));
        if options.open {
            open(&address);
        }
        tokio::select! {
            done = axum::serve(listener, router) => Ok(done?),
            () = watch(nodes, janitor) => Ok(()),
        }
    } else {
        say("Ctrl-C ends everything");
        watch(nodes, janitor).await;
        Ok(())
    }
}

async fn listen(http: SocketAddr, page: &Path) -> Result<(TcpListener, axum::Router)> {
    let index = page.join("index.html");
    anyhow::ensure!(
        index.is_file(),
        "{} is missing: build the page with: cargo xtask page",
        index.display()
    );
    let listener =
        TcpListener::bind(http).await.with_context(|| format!("cannot listen on {http}"))?;
    Ok((listener, crate::http::page(page)))
}

/// Prints a line. A closed terminal must not keep the lab from
/// cleaning up, so a failed write is not an error.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Says so when a node ends by itself (a killed master is what the lab is for, so it goes on), and does what is typed.
async fn watch(nodes: &mut [Node], janitor: &mut janitor::Janitor) {
    let mut typed = orders::lines();
    let mut looks = tokio::time::interval(std::time::Duration::from_millis(200));
    loop {
        tokio::select! {
            Some(line) = typed.recv() => {
                if !line.trim().is_empty() {
                    say(&obey(&line, nodes, janitor).await);
                }
            }
            _ = looks.tick() => {
                for node in nodes.iter_mut() {
                    if let Some(how) = node.has_ended(janitor) {
                        let port = node.port;
                        say(&format!("{} on {port} ended: {how}; to have it back, type: start {port}", node.role));
                    }
                }
            }
        }
    }
}

/// Does what a typed line asks for; returns what to say about it.
async fn obey(line: &str, nodes: &mut [Node], janitor: &mut janitor::Janitor) -> String {
    use orders::Order;
    let order = match orders::parse(line) {
        Ok(order) => order,
        Err(help) => return help.to_owned(),
    };
    let (Order::Kill(port) | Order::Stop(port) | Order::Start(port)) = order;
    let Some(node) = nodes.iter_mut().find(|node| node.port == port) else {
        return format!("no node of this lab listens on {port}");
    };
    match (order, node.is_running(janitor)) {
        (Order::Start(_), true) => format!("{port} is running already"),
        (Order::Start(_), false) => match node.restart(janitor) {
            Ok(()) => match node.answers(janitor).await {
                Ok(()) => format!("{port} is back"),
                Err(error) => format!("{error:#}"),
            },
            Err(error) => format!("{error:#}"),
        },
        (_, false) => format!("{port} is not running; to have it back, type: start {port}"),
        (Order::Kill(_), true) => {
            node.kill(janitor);
            format!("{port} is killed; to have it back, type: start {port}")
        }
        (Order::Stop(_), true) => {
            node.stop(janitor).await;
            format!("{port} has stopped; to have it back, type: start {port}")
        }
    }
}

/// Opens the page if this looks like someone's desk; that it cannot is no error.
fn open(address: &str) {
    let (program, has_desktop) = if cfg!(target_os = "macos") {
        ("open", true)
    } else {
        let display =
            ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some());
        ("xdg-open", display)
    };
    if has_desktop {
        let quiet = std::process::Stdio::null;
        let _ = Command::new(program).arg(address).stdout(quiet()).stderr(quiet()).spawn();
    }
}

/// The signals that ask the lab to end.
struct StopSignals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

impl StopSignals {
    fn new() -> Result<Self> {
        let on = |kind| signal(kind).context("could not listen for signals");
        Ok(Self {
            interrupt: on(SignalKind::interrupt())?,
            terminate: on(SignalKind::terminate())?,
            hangup: on(SignalKind::hangup())?,
        })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => (),
            _ = self.terminate.recv() => (),
            _ = self.hangup.recv() => (),
        }
    }
}

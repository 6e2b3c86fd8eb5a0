//! The native driver: one engine node, real sockets, real files, a real clock.
//!
//! Everything happens on one thread, as in Redis. Only what may take long leaves it: fsync (`disk`) and children
//! (`children`).
//!
//! ```text
//!   socket readable ─▶ read ─▶ Node::step ─▶ write the replies           one straight call, no task in between
//!                                  │
//!                                  ├─▶ disk: write at once, fsync on a thread ─▶ Input::Disk
//!                                  └─▶ child: a thread                        ─▶ Input::Child
//!   when everything that was ready has been handed over ─▶ Input::BeforeSleep  (the `turn` task)
//! ```
//!
//! The end of a turn needs no hook in the runtime: its run queue is first in, first out. The first step of a turn
//! wakes the turn task, which so comes up behind all connections that became readable in the same poll.

mod children;
mod disk;
mod listen;
mod log;
mod net;
mod scripts;

use std::{
    cell::RefCell,
    collections::{HashMap, VecDeque},
    io,
    rc::Rc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use children::Child;
pub use disk::strerror;
use disk::{Answer, Disk};
use engine::{
    io::{ChildEvent, ConnId, DiskReply, Effect, Effects, Endpoint, Input, JobId, Signal},
    node::Node,
    time::Time,
};
use net::{Conn, Gate, Stream};
use tokio::{
    sync::{Notify, mpsc},
    task::spawn_local,
};

pub use self::{
    listen::{Listening, listen},
    log::Log,
};

/// What the driver must know beside the node.
pub struct Settings {
    /// The addresses to listen on.
    pub listen: Vec<Address>,
    /// `unixsocket`.
    pub unix_socket: Option<String>,
    /// `unixsocketperm`; 0 leaves it to the umask.
    pub unix_mode: u16,
    /// `tcp-backlog`.
    pub backlog: u32,
    /// `tcp-keepalive`, seconds.
    pub keepalive: u64,
}

/// An address to listen on.
pub struct Address {
    /// The address.
    pub at: std::net::SocketAddr,
    /// It is no error if this machine does not have it.
    pub optional: bool,
}

/// One node in its real surroundings; shared by all tasks of its thread.
pub type Shared = Rc<RefCell<Driver>>;

/// One node in its real surroundings.
pub struct Driver {
    node: Node,
    fx: Effects,
    conns: HashMap<ConnId, Conn>,
    accepted: u64,
    disk: Disk,
    /// What carrying out effects brought about, to be told to the node next.
    news: VecDeque<Input<'static>>,
    /// Bytes read from disk: told one piece a turn, so that loading a large file leaves room for clients.
    read: VecDeque<Input<'static>>,
    children: HashMap<JobId, Child>,
    scripts: scripts::Scripts,
    log: Log,
    settings: Settings,
    /// Those who accept connections from the network.
    acceptors: Vec<tokio::task::JoinHandle<()>>,
    turn: Rc<Notify>,
    read_buffer: Vec<u8>,
    exit: Option<i32>,
    /// When the timer will go off, and how to tell it that this is too late.
    alarm: Time,
    earlier: Rc<Notify>,
    myself: std::rc::Weak<RefCell<Driver>>,
}

/// How much is read from a socket at once; Redis reads 16 KiB.
const READ_AT_ONCE: usize = 64 * 1024;
/// A child that feeds replicas waits while this much is unsent on any connection.
const CHILD_WAITS_ABOVE: usize = 1 << 20;

/// Now, as the engine counts time.
pub fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(since.as_micros() as u64)
}

/// Microseconds since the first call: a clock that never goes back, for measuring.
pub fn stopwatch() -> u64 {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    START.get_or_init(std::time::Instant::now).elapsed().as_micros() as u64
}

/// Run this node until it ends; returns its exit code.
///
/// # Errors
/// A thread could not be started.
pub async fn run(
    node: Node,
    log: Log,
    settings: Settings,
    listeners: Vec<Listening>,
) -> io::Result<i32> {
    let (answer, answers) = mpsc::unbounded_channel::<Answer>();
    let disk = Disk::new(move |done| {
        // The node may be gone already.
        let _ = answer.send(done);
    })?;
    let turn = Rc::new(Notify::new());
    let driver = Rc::new_cyclic(|myself| {
        RefCell::new(Driver {
            node,
            fx: Effects::default(),
            conns: HashMap::new(),
            accepted: 0,
            disk,
            news: VecDeque::new(),
            read: VecDeque::new(),
            children: HashMap::new(),
            scripts: scripts::Scripts::new(),
            log,
            settings,
            acceptors: Vec::new(),
            turn: turn.clone(),
            read_buffer: vec![0; READ_AT_ONCE],
            exit: None,
            alarm: Time::default(),
            earlier: Rc::new(Notify::new()),
            myself: myself.clone(),
        })
    });
    driver.borrow_mut().step(Input::Boot);
    listen::begin(&driver, listeners);
    spawn_local(hear_disk(driver.clone(), answers));
    spawn_local(timer(driver.clone()));
    spawn_local(signals(driver.clone()));
    turns(driver, turn).await
}

/// The end of each turn, until the node ends.
async fn turns(driver: Shared, turn: Rc<Notify>) -> io::Result<i32> {
    loop {
        turn.notified().await;
        let more = {
            let mut driver = driver.borrow_mut();
            driver.feed(Input::BeforeSleep);
            if let Some(piece) = driver.read.pop_front() {
                driver.feed(piece);
            }
            if driver.node.next_wake() < driver.alarm {
                driver.earlier.notify_one();
            }
            if let Some(code) = driver.exit {
                return Ok(code);
            }
            !driver.read.is_empty() || driver.node.is_gathering()
        };
        if more {
            turn.notify_one();
            tokio::task::yield_now().await;
        }
    }
}

/// Hand over what the disk's worker answers.
async fn hear_disk(driver: Shared, mut answers: mpsc::UnboundedReceiver<Answer>) {
    while let Some(answer) = answers.recv().await {
        let mut driver = driver.borrow_mut();
        driver.disk.answered(&answer);
        driver.step(Input::Disk { id: answer.id, result: answer.outcome });
    }
}

async fn timer(driver: Shared) {
    loop {
        let (wake, earlier) = {
            let mut driver = driver.borrow_mut();
            driver.alarm = driver.node.next_wake();
            (driver.alarm, driver.earlier.clone())
        };
        let wait = wake.since(now()).max(Duration::from_millis(1));
        // Whether it is time or has become time earlier: the node knows.
        let _ = tokio::time::timeout(wait, earlier.notified()).await;
        if now() >= driver.borrow().node.next_wake() {
            driver.borrow_mut().step(Input::Timer);
        }
    }
}

/// The first SIGTERM or SIGINT asks the node to end; a second SIGINT ends it as it is, like in Redis.
async fn signals(driver: Shared) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return;
    };
    let mut asked = false;
    loop {
        let signal = tokio::select! {
            _ = term.recv() => Signal::Term,
            _ = int.recv() => Signal::Int,
        };
        asked = asked && driver.borrow().node.is_ending();
        if asked && signal == Signal::Int {
            driver.borrow().log.insisted();
            std::process::exit(1);
        }
        asked = true;
        driver.borrow_mut().step(Input::Terminate { signal });
    }
}

/// Hand over what a connection sends, until it ends.
async fn read(
    driver: std::rc::Weak<RefCell<Driver>>,
    conn: ConnId,
    stream: Rc<Stream>,
    gate: Rc<Gate>,
) {
    loop {
        gate.passed().await;
        if stream.readable().await.is_err() {
            break;
        }
        let Some(driver) = driver.upgrade() else { return };
        let mut driver = driver.borrow_mut();
        let mut buffer = core::mem::take(&mut driver.read_buffer);
        let got = stream.try_read(&mut buffer);
        if let Ok(n @ 1..) = got {
            driver.step(Input::Received { conn, bytes: &buffer[..n] });
        }
        driver.read_buffer = buffer;
        match got {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
    }
    if let Some(driver) = driver.upgrade() {
        driver.borrow_mut().broken(conn);
    }
}

impl Driver {
    /// Pass an input to the node, carry out what it asks, and note that a turn is under way.
    fn step(&mut self, input: Input<'_>) {
        self.feed(input);
        self.turn.notify_one();
    }

    /// Pass an input to the node and carry out what it asks.
    fn feed(&mut self, input: Input<'_>) {
        if self.exit.is_some() {
            return;
        }
        self.node.step(now(), input, &mut self.fx);
        self.carry_out();
        while let Some(news) = self.news.pop_front() {
            self.node.step(now(), news, &mut self.fx);
            self.carry_out();
        }
    }

    fn carry_out(&mut self) {
        if !self.fx.traces.is_empty() {
            self.log.set_level(self.node.config().general.loglevel.into());
            self.log.write(&self.fx.traces);
            self.fx.traces.clear();
        }
        for action in &self.fx.actions {
            if let Effect::Stall { micros } = action {
                std::thread::sleep(Duration::from_micros(*micros));
            }
        }
        if !self.fx.sends.is_empty() {
            let mut sends = core::mem::take(&mut self.fx.sends);
            for (conn, bytes) in sends.drain(..) {
                self.send(conn, &bytes);
                self.fx.recycle(bytes);
            }
            self.fx.sends = sends;
        }
        if !self.fx.actions.is_empty() {
            let mut actions = core::mem::take(&mut self.fx.actions);
            for action in actions.drain(..) {
                self.act(action);
            }
            self.fx.actions = actions;
        }
    }

    fn act(&mut self, effect: Effect) {
        match effect {
            Effect::Close { conn } => self.close(conn),
            Effect::PauseReading { conn } => {
                if let Some(conn) = self.conns.get(&conn) {
                    conn.gate.shut();
                }
            }
            Effect::ResumeReading { conn } => {
                if let Some(conn) = self.conns.get(&conn) {
                    conn.gate.open();
                }
            }
            Effect::Connect { conn, to } => {
                spawn_local(connect(self.myself.clone(), conn, to));
            }
            Effect::Disk { id, op } => {
                if let Some(result) = self.disk.ask(id, op) {
                    let read = matches!(result, Ok(DiskReply::Data(_)));
                    let queue = if read { &mut self.read } else { &mut self.news };
                    queue.push_back(Input::Disk { id, result });
                }
            }
            Effect::StartChild(job) => self.start_child(job),
            Effect::KillChild(id) => {
                self.children.remove(&id);
            }
            Effect::RunScript { id, argv } => self.run_script(id, &argv),
            Effect::KillScript { id } => self.kill_script(id),
            Effect::Listen { id, port, bind } => {
                spawn_local(listen::listen_anew(self.myself.clone(), id, port, bind));
            }
            // It came before everything else of this step.
            Effect::Stall { .. } => {}
            Effect::Free(garbage) => children::free(garbage),
            Effect::Exit { code } => self.exit = Some(code),
        }
    }

    /// Write these bytes, or keep what the socket does not take.
    fn send(&mut self, id: ConnId, bytes: &[u8]) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let mut written = 0;
        if conn.backlog() == 0 {
            match conn.stream.try_write(bytes) {
                Ok(n) => written = n,
                // The reading task will see that it is broken.
                Err(_) => return,
            }
        }
        if written == bytes.len() {
            return;
        }
        let was_waiting = conn.backlog() > 0;
        conn.unsent.extend_from_slice(&bytes[written..]);
        let unsent = conn.backlog() as u64;
        if !was_waiting {
            spawn_local(push_on(self.myself.clone(), id, conn.stream.clone()));
        }
        self.news.push_back(Input::Unsent { conn: id, bytes: unsent });
    }

    fn accepted(&mut self, stream: Stream) {
        net::tune(&stream, self.settings.keepalive);
        let path = self.settings.unix_socket.as_deref().unwrap_or("");
        let (peer, local) = stream.ends(path);
        self.accepted += 1;
        let conn = ConnId::accepted(self.accepted);
        self.adopt(conn, stream);
        self.step(Input::Accepted { conn, peer, local });
    }

    /// Keep a connection and wait for what it sends.
    fn adopt(&mut self, conn: ConnId, stream: Stream) {
        let stream = Rc::new(stream);
        let mut kept = Conn::new(stream.clone());
        let task = spawn_local(read(self.myself.clone(), conn, stream, kept.gate.clone()));
        kept.reader = Some(task.abort_handle());
        self.conns.insert(conn, kept);
    }

    /// The peer is gone.
    fn broken(&mut self, conn: ConnId) {
        if self.conns.remove(&conn).is_some() {
            self.step(Input::Closed { conn });
        }
    }

    /// The node is through with this connection: send what waits, then let it go.
    fn close(&mut self, id: ConnId) {
        let Some(mut conn) = self.conns.remove(&id) else { return };
        if conn.backlog() == 0 {
            return;
        }
        if let Some(reader) = conn.reader.take() {
            reader.abort();
        }
        spawn_local(async move {
            const PATIENCE: Duration = Duration::from_secs(10);
            let rest = async {
                while let Ok(false) = conn.push_on() {
                    if conn.stream.writable().await.is_err() {
                        break;
                    }
                }
            };
            // A peer that reads nothing loses what it did not read.
            let _ = tokio::time::timeout(PATIENCE, rest).await;
        });
    }

    fn start_child(&mut self, job: engine::io::ChildJob) {
        let id = job.id;
        match Child::start(job) {
            Ok(mut child) => {
                if let Some(events) = child.events.take() {
                    spawn_local(listen_to_child(self.myself.clone(), id, events));
                }
                self.children.insert(id, child);
            }
            Err(error) => {
                let event = ChildEvent::Failed { why: strerror(&error) };
                self.news.push_back(Input::Child { job: id, event });
            }
        }
    }

    /// Whether some connection is far behind.
    fn is_congested(&self) -> bool {
        self.conns.values().any(|conn| conn.backlog() > CHILD_WAITS_ABOVE)
    }
}

/// Send what waits on a connection as fast as its socket takes it.
async fn push_on(driver: std::rc::Weak<RefCell<Driver>>, conn: ConnId, stream: Rc<Stream>) {
    loop {
        if stream.writable().await.is_err() {
            return;
        }
        let Some(driver) = driver.upgrade() else { return };
        let mut driver = driver.borrow_mut();
        let Some(kept) = driver.conns.get_mut(&conn) else { return };
        let Ok(through) = kept.push_on() else { return };
        let bytes = kept.backlog() as u64;
        driver.step(Input::Unsent { conn, bytes });
        if through {
            return;
        }
    }
}

async fn connect(driver: std::rc::Weak<RefCell<Driver>>, conn: ConnId, to: Endpoint) {
    let connected = tokio::net::TcpStream::connect((to.host.as_str(), to.port)).await;
    let Some(driver) = driver.upgrade() else { return };
    let mut driver = driver.borrow_mut();
    match connected {
        Ok(stream) => {
            let stream = Stream::Tcp(stream);
            net::tune(&stream, driver.settings.keepalive);
            let (peer, local) = stream.ends("");
            driver.adopt(conn, stream);
            driver.step(Input::Connected { conn, peer, local });
        }
        Err(error) => {
            driver.step(Input::ConnectFailed { conn, why: strerror(&error) });
        }
    }
}

async fn listen_to_child(
    driver: std::rc::Weak<RefCell<Driver>>,
    id: JobId,
    mut events: mpsc::Receiver<ChildEvent>,
) {
    while let Some(event) = events.recv().await {
        let Some(driver) = driver.upgrade() else { return };
        // Output waits until what there is has been sent; a file has nothing to do with it.
        let is_output = matches!(event, ChildEvent::Output(_));
        while is_output && driver.borrow().is_congested() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let mut driver = driver.borrow_mut();
        // A killed child is not heard any more.
        if !driver.children.contains_key(&id) {
            return;
        }
        let is_over = matches!(event, ChildEvent::Finished { .. } | ChildEvent::Failed { .. });
        if is_over {
            driver.children.remove(&id);
        }
        driver.step(Input::Child { job: id, event });
    }
}

//! The native driver: one engine node, real sockets, real files, a real clock.
//!
//! Everything happens on one thread, as in Redis, in a loop over what `mio` reports. Only what may take long leaves it:
//! fsync (`disk`), children (`children`), the resolution of names (`connect`).
//!
//! ```text
//!   one turn:   poll ─▶ signals, answers from other threads
//!                    ─▶ one bounded read of each readable connection ─▶ Node::step
//!                    ─▶ new connections are accepted
//!                    ─▶ one piece of each child's output, the timer, one piece of a file that is read
//!                    ─▶ Input::BeforeSleep       the AOF is written, replicas are fed
//!                    ─▶ one bounded write to each connection with something to send
//! ```
//!
//! No connection gets more than its budget in a turn, so that a peer that never pauses delays the others by one read
//! of its own, and never the timer, the AOF or the replicas. Replies leave after the AOF has been written.

mod children;
mod connect;
mod connections;
mod disk;
mod listen;
mod log;
mod mailbox;
mod net;
mod output;
mod scripts;
mod signals;
mod syslog;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    io::{self, ErrorKind},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use children::Child;
use connections::{Connections, Got, Phase, Slot};
use disk::Disk;
pub use disk::strerror;
use engine::{
    io::{ChildEvent, ChildTask, ConnId, DiskReply, Effect, Effects, Input, JobId},
    node::Node,
    time::{Clock, Time},
    trace::LogRole,
};
use mailbox::{Mailbox, Message};
use mio::{Events, Poll, Token};
use signals::Signals;

use self::{listen::Acceptors, net::Stream};
pub use self::{
    listen::{Listening, listen},
    log::Log,
};
use crate::{allocator, cpus, oom::OomScore, supervisor::Supervisor};

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
    /// `supervised`.
    pub supervisor: Supervisor,
    /// `server_cpulist`: the processors of the thread that serves clients; empty: all.
    pub cpus: String,
    /// `bio_cpulist`: the processors of the threads that wait for the disk; empty: all.
    pub disk_cpus: String,
}

/// An address to listen on.
pub struct Address {
    /// The address.
    pub at: std::net::SocketAddr,
    /// It is no error if this machine does not have it.
    pub optional: bool,
}

/// One node in its real surroundings.
pub struct Driver {
    node: Node,
    fx: Effects,
    poll: Poll,
    conns: Connections,
    acceptors: Acceptors,
    accepted: u64,
    /// Connections whose peer's name is being resolved.
    resolving: HashSet<ConnId>,
    /// Connections that are closed when what waits for them is sent.
    closing: Vec<Slot>,
    disk: Disk,
    mailbox: Mailbox,
    signals: Signals,
    /// What carrying out effects brought about, to be told to the node next.
    news: VecDeque<Input<'static>>,
    /// Bytes read from disk: told one piece a turn, so that loading a large file leaves room for clients.
    read: VecDeque<Input<'static>>,
    children: HashMap<JobId, Child>,
    /// The child whose output is being passed on: the connections that it is sent to are noted.
    feeding: Option<JobId>,
    scripts: scripts::Scripts,
    log: Log,
    settings: Settings,
    oom_score: OomScore,
    read_buffer: Vec<u8>,
    /// Both clocks, as this turn began.
    turn_began: Clock,
    exit: Option<i32>,
}

/// The token of the other threads' messages.
const MAILBOX: Token = Token(0);
/// The token of signals.
const SIGNALS: Token = Token(1);
/// The token of the first socket that listens.
const FIRST_LISTENER: usize = 2;
/// The token of the first connection.
const FIRST_CONNECTION: usize = 64;

/// How much one read takes from a socket when other connections wait: as much as in Redis.
const READ_BESIDE_OTHERS: usize = 16 * 1024;
/// How much one read takes from a socket when no other connection waits.
const READ_ALONE: usize = 64 * 1024;
/// Connections that one turn accepts.
const ACCEPTS_A_TURN: usize = 1000;
/// How much a turn writes to one socket.
const WRITE_BUDGET: usize = 256 * 1024;
/// A child that feeds replicas waits while this much is unsent to one of them.
const CHILD_WAITS_ABOVE: usize = 1 << 20;
/// How long a peer has to read the rest of what it was sent before its connection is closed.
const PATIENCE: Duration = Duration::from_secs(10);
/// Events that one call of the operating system reports.
const EVENTS: usize = 1024;

/// The wall clock, in microseconds since the Unix epoch.
fn wall() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as u64
}

/// The monotonic clock, in microseconds. It counts from the Unix epoch too, as the wall clock stood when this was first
/// called: so its zero lies long ago, as the engine wants it.
pub fn monotonic() -> u64 {
    static START: std::sync::OnceLock<(u64, Instant)> = std::sync::OnceLock::new();
    let (began, start) = START.get_or_init(|| (wall(), Instant::now()));
    began + start.elapsed().as_micros() as u64
}

/// Both clocks, now.
pub fn clock() -> Clock {
    Clock { wall: Time(wall()), mono: engine::time::Instant(monotonic()) }
}

/// Run this node until it ends; returns its exit code.
///
/// # Errors
/// A thread could not be started, or the operating system has no means to wait for sockets.
pub fn run(node: Node, log: Log, settings: Settings, listeners: Vec<Listening>) -> io::Result<i32> {
    let poll = Poll::new()?;
    let mailbox = Mailbox::new(poll.registry(), MAILBOX)?;
    let post = mailbox.clone_sender();
    let disk =
        cpus::on(&settings.disk_cpus, || Disk::new(move |done| post.send(Message::Disk(done))))?;
    cpus::keep_to(&settings.cpus);
    let mut driver = Driver {
        node,
        fx: Effects::default(),
        conns: Connections::new(poll.registry().try_clone()?, FIRST_CONNECTION),
        acceptors: Acceptors::new(poll.registry().try_clone()?),
        accepted: 0,
        resolving: HashSet::new(),
        closing: Vec::new(),
        disk,
        signals: Signals::new(poll.registry(), SIGNALS)?,
        mailbox,
        poll,
        news: VecDeque::new(),
        read: VecDeque::new(),
        children: HashMap::new(),
        feeding: None,
        scripts: scripts::Scripts::new(),
        log,
        settings,
        oom_score: OomScore::default(),
        read_buffer: vec![0; READ_ALONE],
        turn_began: clock(),
        exit: None,
    };
    driver.feed(Input::Boot);
    driver.acceptors.begin(listeners)?;
    let mut events = Events::with_capacity(EVENTS);
    loop {
        if let Some(code) = driver.exit {
            return Ok(code);
        }
        driver.turn(&mut events)?;
    }
}

impl Driver {
    fn turn(&mut self, events: &mut Events) -> io::Result<()> {
        match self.poll.poll(events, Some(self.time_to_wait())) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {
                self.turn_began = clock();
                self.note(events);
            }
        }
        self.hear_threads();
        self.read_ready();
        // After the reads, so that a client that has left does not count against `maxclients` any more.
        self.accept();
        self.hear_children();
        if self.now().mono >= self.node.next_wake() {
            self.feed(Input::Timer);
            let is_replica = self.node.log_role() == LogRole::Replica;
            self.oom_score.apply(self.node.config(), is_replica);
        }
        if let Some(piece) = self.read.pop_front() {
            self.feed(piece);
        }
        self.feed(Input::BeforeSleep);
        self.write_dirty();
        self.end_closing();
        Ok(())
    }

    /// How long the operating system may wait for events.
    fn time_to_wait(&self) -> Duration {
        let has_work = self.conns.has_work()
            || !self.read.is_empty()
            || self.node.has_more()
            || self.children.values().any(|child| child.next.is_some() && !self.is_behind(child));
        if has_work {
            return Duration::ZERO;
        }
        let mut wait = self.node.next_wake().since(self.now().mono);
        if let Some(accept) = self.acceptors.time_to_wait() {
            wait = wait.min(accept);
        }
        wait
    }

    /// Remember which sockets can be read or written.
    fn note(&mut self, events: &Events) {
        for event in events {
            match event.token() {
                MAILBOX => {}
                SIGNALS => self.hear_signals(),
                Token(token) if token < FIRST_CONNECTION => {
                    self.acceptors.note(token - FIRST_LISTENER);
                }
                _ => {
                    if let Some(slot) = self.conns.note(event) {
                        self.connecting(slot);
                    }
                }
            }
        }
    }

    /// Read once from every connection that is readable now.
    fn read_ready(&mut self) {
        let ready = self.conns.ready();
        let budget = if ready > 1 { READ_BESIDE_OTHERS } else { READ_ALONE };
        let mut buffer = core::mem::take(&mut self.read_buffer);
        for _ in 0..ready {
            match self.conns.read_next(&mut buffer[..budget]) {
                Some((_, conn, Got::Bytes(n))) => {
                    self.feed(Input::Received { conn, bytes: &buffer[..n] });
                }
                Some((slot, conn, Got::End)) => {
                    self.conns.remove(slot);
                    self.feed(Input::Closed { conn });
                }
                Some((_, _, Got::Nothing)) | None => {}
            }
        }
        self.read_buffer = buffer;
    }

    /// Hand over what other threads have answered.
    fn hear_threads(&mut self) {
        while let Some(message) = self.mailbox.take() {
            match message {
                Message::Disk(answer) => {
                    self.feed(Input::Disk { owner: answer.owner, result: answer.outcome });
                }
                Message::Resolved { conn, found } => self.resolved(conn, found),
                Message::Script { id, news } => {
                    self.scripts.remove(&id);
                    self.feed(Input::Script { id, news });
                }
            }
        }
    }

    /// Hand over one piece of news of each child. Output waits until what there is has been sent; a file has nothing
    /// to do with it.
    fn hear_children(&mut self) {
        let jobs: Vec<JobId> = self.children.keys().copied().collect();
        for job in jobs {
            let Some(child) = self.children.get_mut(&job) else { continue };
            child.look();
            let Some(child) = self.children.get(&job).filter(|child| !self.is_behind(child)) else {
                continue;
            };
            let is_over = child.is_over();
            let Some(event) = self.children.get_mut(&job).and_then(|child| child.next.take())
            else {
                continue;
            };
            if is_over {
                self.children.remove(&job);
            }
            self.feeding = matches!(event, ChildEvent::Output(_)).then_some(job);
            self.feed(Input::Child { job, event });
            self.feeding = None;
        }
    }

    /// Whether a child's output must wait for one of the replicas that it goes to.
    fn is_behind(&self, child: &Child) -> bool {
        matches!(child.next, Some(ChildEvent::Output(_)))
            && child.fed.iter().any(|conn| self.conns.unsent(*conn) > CHILD_WAITS_ABOVE)
    }

    /// Both clocks, now. The wall clock is read once a turn, and goes on as the monotonic one does.
    fn now(&self) -> Clock {
        let Clock { wall, mono } = self.turn_began;
        let now = monotonic();
        Clock { wall: Time(wall.0 + (now - mono.0)), mono: engine::time::Instant(now) }
    }

    /// Pass an input to the node and carry out what it asks.
    fn feed(&mut self, input: Input<'_>) {
        if self.exit.is_some() {
            return;
        }
        self.node.step(self.now(), input, &mut self.fx);
        self.carry_out();
        self.hear_news();
    }

    /// Pass on what carrying out effects brought about.
    fn hear_news(&mut self) {
        while let Some(news) = self.news.pop_front() {
            self.node.step(self.now(), news, &mut self.fx);
            self.carry_out();
        }
    }

    fn carry_out(&mut self) {
        if !self.fx.traces.is_empty() {
            self.log.set_level(self.node.config().general.loglevel.into());
            self.log.write(&self.fx.traces);
            self.settings.supervisor.hear(&self.fx.traces);
            self.fx.traces.clear();
        }
        for action in &self.fx.actions {
            if let Effect::Stall { micros } = action {
                std::thread::sleep(Duration::from_micros(*micros));
            }
        }
        if !self.fx.sends.is_empty() {
            let mut sends = core::mem::take(&mut self.fx.sends);
            for (conn, bytes) in sends.drain(..).filter(|(_, bytes)| !bytes.is_empty()) {
                self.send(conn, bytes);
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
            Effect::PauseReading { conn } => self.conns.pause(conn, true),
            Effect::ResumeReading { conn } => self.conns.pause(conn, false),
            Effect::Connect { conn, to } => self.connect(conn, to),
            Effect::Disk { owner, op } => {
                if let Some(result) = self.disk.ask(owner, op) {
                    let read = matches!(result, Ok(DiskReply::Data(_)));
                    let queue = if read { &mut self.read } else { &mut self.news };
                    queue.push_back(Input::Disk { owner, result });
                }
            }
            Effect::StartChild(job) => self.start_child(job),
            Effect::KillChild(id) => {
                self.children.remove(&id);
            }
            Effect::RunScript { id, argv } => self.run_script(id, &argv),
            Effect::KillScript { id } => self.kill_script(id),
            Effect::Listen { id, port, bind } => self.listen_anew(id, port, &bind),
            // It came before everything else of this step.
            Effect::Stall { .. } => {}
            Effect::Free(garbage) => children::free(garbage),
            Effect::PurgeMemory => allocator::purge(),
            Effect::Exit { code } => {
                // Nothing is written after the last turn.
                self.write_dirty();
                self.exit = Some(code);
            }
        }
    }

    /// Queue these bytes; they are written at the end of the turn.
    fn send(&mut self, conn: ConnId, bytes: Vec<u8>) {
        let Some(slot) = self.conns.slot_of(conn) else { return self.fx.recycle(bytes) };
        if let Some(child) = self.feeding.and_then(|job| self.children.get_mut(&job))
            && !child.fed.contains(&conn)
        {
            child.fed.push(conn);
        }
        if let Some(spare) = self.conns.send(slot, bytes) {
            self.fx.recycle(spare);
        }
    }

    /// Write to every connection that has something to send and room in its socket.
    fn write_dirty(&mut self) {
        let dirty = self.conns.take_dirty();
        for &slot in &dirty {
            let fx = &mut self.fx;
            let written = self.conns.write(slot, WRITE_BUDGET, |spare| fx.recycle(spare));
            if let (Some(bytes), Some(conn)) = (written, self.conns.get(slot)) {
                let input = Input::Unsent { conn: conn.id, bytes: bytes as u64 };
                self.feed(input);
            }
        }
        self.conns.keep_list(dirty);
    }

    fn accept(&mut self) {
        for _ in 0..ACCEPTS_A_TURN {
            let Some(stream) = self.acceptors.next() else { return };
            self.accepted(stream);
        }
    }

    fn accepted(&mut self, stream: Stream) {
        stream.tune(self.settings.keepalive);
        let path = self.settings.unix_socket.as_deref().unwrap_or("");
        let (peer, local) = stream.ends(path);
        self.accepted += 1;
        let conn = ConnId::accepted(self.accepted);
        // A socket that can't be watched can't be served; it is closed.
        if self.conns.insert(conn, stream, Phase::Open).is_ok() {
            self.feed(Input::Accepted { conn, peer, local });
        }
    }

    /// The node is through with this connection: send what waits, then let it go.
    fn close(&mut self, conn: ConnId) {
        if self.resolving.remove(&conn) {
            return;
        }
        self.closing.extend(self.conns.close(conn, Instant::now() + PATIENCE));
    }

    /// Let connections go whose peers do not read the rest.
    fn end_closing(&mut self) {
        if self.closing.is_empty() {
            return;
        }
        let now = Instant::now();
        let conns = &mut self.conns;
        self.closing.retain(|&slot| match conns.get(slot).map(|conn| &conn.phase) {
            Some(Phase::Closing(deadline)) if *deadline > now => true,
            Some(Phase::Closing(_)) => {
                conns.remove(slot);
                false
            }
            _ => false,
        });
    }

    fn start_child(&mut self, job: engine::io::ChildJob) {
        let id = job.id;
        let general = &self.node.config().general;
        let cpus = match job.task {
            ChildTask::Save => general.bgsave_cpulist.clone(),
            ChildTask::Rewrite => general.aof_rewrite_cpulist.clone(),
        };
        match Child::start(job, cpus.unwrap_or_default(), self.mailbox.waker()) {
            Ok(child) => {
                self.children.insert(id, child);
            }
            Err(error) => {
                let event = ChildEvent::Failed { why: strerror(&error) };
                self.news.push_back(Input::Child { job: id, event });
            }
        }
    }
}

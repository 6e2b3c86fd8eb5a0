//! Which subsystem gets an input.

use super::{Node, cron::CRON_MILLIS};
use crate::{
    io::{ChildEvent, DiskError, DiskReply, Input, JobId, Owner, Signal},
    trace::ServerFact,
};

impl Node {
    /// Hand an input to the subsystem that it is for, and run the clients that it has made runnable.
    pub(super) fn dispatch(&mut self, input: Input<'_>) {
        let Self { turn, server } = self;
        match input {
            Input::Boot => self.boot(),
            Input::Accepted { conn, peer, local } => server.accept(turn, conn, peer, local),
            Input::Received { conn, bytes } if conn.is_accepted() => {
                server.receive(turn, conn, bytes);
            }
            Input::Unsent { conn, bytes } if conn.is_accepted() => server.unsent(turn, conn, bytes),
            Input::Closed { conn } if conn.is_accepted() => server.closed(turn, conn),
            link @ (Input::Received { .. }
            | Input::Unsent { .. }
            | Input::Closed { .. }
            | Input::Connected { .. }
            | Input::ConnectFailed { .. }) => self.on_link(link),
            Input::Disk { owner, result } => self.on_disk(owner, result),
            Input::Listened { id, result } => server.on_listened(turn, id, result),
            Input::Child { job, event } => self.on_child(job, &event),
            Input::Script { id, news } => {
                server.with_sentinel(turn, |sentinel, turn| sentinel.on_script(turn, id, news));
            }
            Input::Timer => self.on_timer(),
            Input::BeforeSleep => self.before_sleep(),
            Input::Terminate { signal } => self.terminate(signal),
        }
        let Self { turn, server } = self;
        server.run_ready(turn);
        if !server.replication.ended.is_empty() {
            server.forget_ended_replicas(turn);
        }
    }

    fn boot(&mut self) {
        let Self { turn, server } = self;
        server.born = turn.clock.mono;
        server.advance_clock(turn);
        server.next_cron = turn.clock.mono.plus_millis(CRON_MILLIS);
        server.note_start(turn);
        if server.sentinel.is_some() {
            return server.boot_sentinel(turn);
        }
        server.replication.boot(turn);
        turn.note(ServerFact::Initialized);
        for fact in &server.machine.memory_warnings {
            turn.note(ServerFact::Process(fact.clone()));
        }
        server.persistence.begin_load(turn);
    }

    fn on_timer(&mut self) {
        let Self { turn, server } = self;
        server.end_overdue_waits(turn.clock.mono);
        server.persistence.aof.end_linger(turn.clock.mono);
        if turn.clock.mono >= server.next_cron {
            server.next_cron = turn.clock.mono.plus_millis(CRON_MILLIS);
            if !server.cron_paused {
                self.cron();
            }
            let Self { turn, server } = self;
            server.sentinel_tick(turn);
        }
    }

    /// The end of a turn: the AOF buffer is written, replicas are fed.
    fn before_sleep(&mut self) {
        let Self { turn, server } = self;
        server.run_ready(turn);
        server.go_on_with_leftover(turn);
        server.tell_tracking(turn);
        server.flush_aof_before_sleep(turn);
        server.feed_replicas(turn);
    }

    /// News on a connection that this node opened: its master's, or a sentinel's to an instance.
    fn on_link(&mut self, input: Input<'_>) {
        let Self { turn, server } = self;
        if server.sentinel.is_none() {
            return server.on_master_link(turn, input);
        }
        server.with_sentinel(turn, |sentinel, turn| sentinel.on_link(turn, input));
    }

    /// A disk operation has ended: the part of the node that has asked for it goes on.
    fn on_disk(&mut self, owner: Owner, result: Result<DiskReply, DiskError>) {
        let Self { turn, server } = self;
        match owner {
            Owner::Unawaited => {}
            Owner::Aof(op) => server.aof_on_disk(turn, op, result),
            Owner::Save(file) => server.save_on_disk(turn, file, result),
            Owner::Bgsave(job) => server.bgsave_on_disk(turn, job, result),
            Owner::Rewrite(job) => server.rewrite_on_disk(turn, job, result),
            Owner::Load => server.load_on_disk(turn, result),
            Owner::Shutdown => server.shutdown_on_disk(turn, result),
            Owner::Config(job) => server.config_on_disk(turn, job, result),
            Owner::Sentinel => server.on_sentinel_disk(turn, result),
            Owner::FullSync(replica) => server.full_sync_on_disk(turn, replica, result),
            Owner::Transfer(master, op) => server.transfer_on_disk(turn, master, op, result),
        }
    }

    fn on_child(&mut self, job: JobId, event: &ChildEvent) {
        let Self { turn, server } = self;
        if let ChildEvent::Progress { keys } = event {
            server.persistence.progress.written = *keys;
        }
        server.on_full_sync_child(turn, job, event);
        server.on_file_child(turn, job, event);
    }

    fn terminate(&mut self, signal: Signal) {
        let Self { turn, server } = self;
        if server.sentinel.is_some() {
            return server.end_sentinel(turn);
        }
        let general = &turn.config.general;
        let (name, options) = match signal {
            Signal::Int => ("SIGINT", general.shutdown_on_sigint),
            Signal::Term => ("SIGTERM", general.shutdown_on_sigterm),
        };
        let loading = server.is_loading();
        turn.note(ServerFact::Signalled { name, loading });
        server.begin_shutdown(turn, options);
    }
}

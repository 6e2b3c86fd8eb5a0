//! The node as a sentinel: inputs are passed on to [`Sentinel`], and the events that it states are published.

use alloc::vec::Vec;

use super::Server;
use crate::{
    config::{Config, Mode},
    io::{DiskError, DiskReply, Effect},
    refusal::Refusal,
    sentinel::{
        Sentinel,
        conf_save::{Answer, Ended},
    },
    session::Client,
    trace::{Level, SentinelFact, ServerFact, Trace},
    turn::Turn,
};

/// `hz`: how often the cron of a sentinel runs a second, at the least. It is drawn anew each time, up to twice that, so
/// that sentinels started together do not go on asking for votes together.
const HZ: u64 = 10;

/// The sentinel that `config` describes, if it describes one. Its lines were checked when they were read.
pub(crate) fn of(config: &Config) -> Option<Sentinel> {
    match config.source.mode {
        Mode::Server => None,
        Mode::Sentinel => Sentinel::load(config).ok(),
    }
}

impl Server {
    /// Run something in the sentinel, if this is one, and publish the events that it states meanwhile.
    pub(crate) fn with_sentinel<T>(
        &mut self,
        turn: &mut Turn,
        run: impl FnOnce(&mut Sentinel, &mut Turn) -> T,
    ) -> Option<T> {
        let before = turn.fx.traces.len();
        let result = run(self.sentinel.as_mut()?, turn);
        self.publish_sentinel_events(turn, before);
        Some(result)
    }

    /// Of the facts that were stated since the trace had this length: those that are events go to the subscribers of
    /// their channels, those about a master that are warnings to its notification script too.
    fn publish_sentinel_events(&mut self, turn: &mut Turn, since: usize) {
        let stated = turn.fx.traces[since..].iter();
        let events = stated.filter_map(|traced| match &traced.fact {
            Trace::Sentinel(fact) => Some((fact.channel()?, fact.clone())),
            _ => None,
        });
        for (channel, fact) in events.collect::<Vec<_>>() {
            let message = fact.message();
            self.publish(turn, channel.as_bytes(), message.as_bytes(), None);
            if fact.level() == Some(Level::Warning)
                && let Some(master) = fact.master()
                && let Some(sentinel) = &mut self.sentinel
            {
                sentinel.notify_by_script(master, channel, message);
            }
        }
    }

    pub(crate) fn boot_sentinel(&mut self, turn: &mut Turn) {
        self.with_sentinel(turn, |sentinel, turn| sentinel.start(turn));
    }

    /// End the process: all that is worth keeping is in the file.
    pub(crate) fn end_sentinel(&mut self, turn: &mut Turn) {
        turn.note(ServerFact::ShutdownRequested);
        turn.note(SentinelFact::Bye);
        turn.fx.push(Effect::Exit { code: 0 });
    }

    pub(crate) fn sentinel_tick(&mut self, turn: &mut Turn) {
        if self.with_sentinel(turn, |sentinel, turn| sentinel.tick(turn)).is_some() {
            let hz = HZ + turn.ids.rng.rand_range(0..HZ);
            self.next_cron = turn.clock.mono.plus_millis(1000 / hz);
        }
    }

    /// A disk operation of the sentinel has ended: answer the clients that have waited for it.
    pub(crate) fn on_sentinel_disk(
        &mut self,
        turn: &mut Turn,
        result: Result<DiskReply, DiskError>,
    ) {
        let ended = self.with_sentinel(turn, |sentinel, turn| sentinel.on_disk(turn, result));
        for Ended { conn, answer, saved } in ended.unwrap_or_default() {
            // A client that was closed meanwhile is not there any more.
            let Some(mut client) = self.clients.take(conn) else { continue };
            self.answer_after_save(&mut client, &answer, saved);
            self.check_in(client);
            self.clients.unblock(conn);
        }
    }

    /// The save of sentinel.conf that this client has waited for has ended.
    pub(crate) fn answer_after_save(&mut self, client: &mut Client, answer: &Answer, saved: bool) {
        match answer {
            Answer::Done if saved => client.reply().ok(),
            Answer::Done => {
                let why = "Failed to save config file. Check server logs.";
                self.refuse(client, &Refusal::err(why));
            }
            Answer::Opinion { down, vote } => vote.write(&mut client.reply(), *down, saved),
        }
    }
}

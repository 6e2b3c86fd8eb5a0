//! FAILOVER, as far as clients are concerned: writes wait while a master hands its place to a replica.

use crate::{
    refusal::Refusal, replication::Failover, server::Server, session::Client,
    trace::replication_facts::ReplicationFact, turn::Turn,
};

impl Server {
    /// FAILOVER, its arguments understood.
    ///
    /// # Errors
    /// In Redis's words.
    pub(crate) fn begin_failover(
        &mut self,
        turn: &mut Turn,
        failover: Failover,
    ) -> Result<(), Refusal> {
        self.replication.begin_failover(turn, failover)?;
        self.pauses.for_failover = true;
        Ok(())
    }

    /// FAILOVER ABORT.
    pub(crate) fn abort_failover(&mut self, turn: &mut Turn, why: &'static str) {
        self.replication.abort_failover(turn, why);
        self.do_replication_tasks(turn);
    }

    /// The failover has taken place, or does not.
    pub(super) fn end_failover_pause(&mut self) {
        self.pauses.for_failover = false;
        self.resume_postponed();
    }

    /// `PSYNC id offset FAILOVER`: this node's master, which speaks as `client`, asks it to take its place.
    ///
    /// # Errors
    /// In Redis's words.
    pub(crate) fn take_over(
        &mut self,
        turn: &mut Turn,
        client: &Client,
        id: &[u8],
    ) -> Result<(), Refusal> {
        self.replication.take_over(turn, id)?;
        self.do_replication_tasks(turn);
        let client = self.describe(client, turn.clock.mono);
        turn.note(ReplicationFact::TookOver { client });
        Ok(())
    }
}

//! FAILOVER: a master hands its place to one of its replicas, without losing a write.
//!
//! ```text
//!   master                                   target
//!   FAILOVER: writes are paused                │
//!      │  … the stream drains …                │
//!      │◀──────────────────────────── ACK of the last byte
//!   becomes a replica of the target            │
//!      │── PSYNC id offset FAILOVER ──────────▶│ becomes a master
//!      │◀──────────────────────────── +CONTINUE│
//!   writes go on, and are refused: READONLY
//! ```

use alloc::string::String;

use super::{Attached, Replication, Task};
use crate::{
    io::Endpoint, refusal::Refusal, time::Instant, trace::replication_facts::ReplicationFact,
    turn::Turn,
};

/// A FAILOVER that a user asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failover {
    /// The replica that is to take over; `None`: the first that is in sync.
    pub target: Option<Endpoint>,
    /// When waiting ends.
    pub until: Option<Instant>,
    /// At that time the target takes over all the same, and what it lacks is lost.
    pub force: bool,
    /// How far it is.
    pub stage: FailoverStage,
}

/// The stages of a FAILOVER.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailoverStage {
    /// The target has not confirmed everything yet.
    WaitingForSync,
    /// The target is asked to take over.
    InProgress,
}

impl Replication {
    /// FAILOVER, its arguments understood.
    ///
    /// # Errors
    /// In Redis's words.
    pub(crate) fn begin_failover(
        &mut self,
        turn: &mut Turn,
        failover: Failover,
    ) -> Result<(), Refusal> {
        let why = if self.failover.is_some() {
            "FAILOVER already in progress."
        } else if self.is_replica() {
            "FAILOVER is not valid when server is a replica."
        } else if self.replicas.is_empty() {
            "FAILOVER requires connected replicas."
        } else if failover.force && (failover.until.is_none() || failover.target.is_none()) {
            "FAILOVER with force option requires both a timeout and target HOST and IP."
        } else {
            match failover.target.as_ref().map(|target| self.replica_at(target)) {
                Some(None) => "FAILOVER target HOST and PORT is not a replica.",
                Some(Some(replica)) if !replica.is_online() => {
                    "FAILOVER target replica is not online."
                }
                _ => "",
            }
        };
        if !why.is_empty() {
            return Err(Refusal::err(why));
        }
        let target = failover.target.clone();
        turn.note(ReplicationFact::FailoverRequested { target });
        self.failover = Some(failover);
        Ok(())
    }

    fn replica_at(&self, target: &Endpoint) -> Option<&Attached> {
        let is_target = |replica: &&Attached| {
            replica.host() == target.host && replica.announced.port == target.port
        };
        self.replicas.iter().find(is_target)
    }

    /// Ten times a second and at each ACK: go on with a FAILOVER that waits.
    pub(crate) fn advance_failover(&mut self, turn: &mut Turn) {
        let Some(failover) = &self.failover else { return };
        if failover.stage != FailoverStage::WaitingForSync {
            return;
        }
        if failover.until.is_some_and(|until| turn.clock.mono >= until) {
            match failover.target.clone().filter(|_| failover.force) {
                Some(target) => {
                    let fact = ReplicationFact::FailoverForced { target: target.clone() };
                    turn.note(fact);
                    self.hand_over(turn, target);
                }
                None => self.abort_failover(turn, "Replica never caught up before timeout"),
            }
            return;
        }
        let offset = self.offset;
        let in_sync = |replica: &&Attached| {
            replica.is_online() && replica.announced.port != 0 && replica.acked == offset
        };
        let replica = match &failover.target {
            Some(target) => self.replica_at(target).filter(in_sync),
            None => self.replicas.iter().find(in_sync),
        };
        if let Some(replica) = replica {
            let target = Endpoint::new(replica.host(), replica.announced.port);
            let fact = ReplicationFact::FailoverTargetSynced { target: target.clone() };
            turn.note(fact);
            self.hand_over(turn, target);
        }
    }

    fn hand_over(&mut self, turn: &mut Turn, target: Endpoint) {
        if let Some(failover) = &mut self.failover {
            failover.stage = FailoverStage::InProgress;
            failover.target = Some(target.clone());
        }
        self.follow(turn, target);
    }

    /// The target has taken over, or refused to.
    pub(super) fn failover_answered(&mut self, turn: &mut Turn, accepted: bool) {
        match &self.failover {
            Some(Failover { stage: FailoverStage::InProgress, .. }) if accepted => {
                self.failover = None;
                self.leave(Task::EndFailoverPause);
            }
            Some(_) => self.abort_failover(turn, "Failover target rejected psync request"),
            None => {}
        }
    }

    /// The failover does not take place: this node is the master again.
    pub(crate) fn abort_failover(&mut self, turn: &mut Turn, why: &'static str) {
        let Some(failover) = self.failover.take() else { return };
        let fact = ReplicationFact::FailoverAborted { target: failover.target, why };
        turn.note(fact);
        if failover.stage == FailoverStage::InProgress {
            self.unfollow(turn);
        }
        self.leave(Task::EndFailoverPause);
    }

    /// `PSYNC id offset FAILOVER`: this node's master asks it to take its place.
    pub(crate) fn take_over(&mut self, turn: &mut Turn, id: &[u8]) -> Result<(), Refusal> {
        let id = String::from_utf8_lossy(id).into_owned();
        let ours = id.eq_ignore_ascii_case(&self.id);
        turn.note(ReplicationFact::FailoverReceived { id });
        if !self.is_replica() {
            return Err(Refusal::err("PSYNC FAILOVER can't be sent to a master."));
        }
        if !ours {
            return Err(Refusal::err("PSYNC FAILOVER replid must match my replid."));
        }
        self.unfollow(turn);
        Ok(())
    }

    /// The word of INFO.
    pub(super) fn failover_word(&self) -> &'static str {
        match self.failover.as_ref().map(|failover| failover.stage) {
            None => "no-failover",
            Some(FailoverStage::WaitingForSync) => "waiting-for-sync",
            Some(FailoverStage::InProgress) => "failover-in-progress",
        }
    }
}

//! Facts about Sentinel.
//!
//! Most of them are Sentinel's *events*: the same words go into the log and, on the channel of the event's name, to
//! the subscribers. [`SentinelFact::channel`] is that name, [`SentinelFact::message`] the text behind it.

use alloc::{format, string::String, vec::Vec};
use core::fmt;

use super::{
    Level,
    instance::{Candidate, Kind, Role},
};
use crate::time::Time;

/// The instance that an event is about, as Redis names it in its events.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Subject {
    /// Master, replica or sentinel.
    pub kind: Kind,
    /// A master's name, a replica's `host:port`, a sentinel's id.
    pub name: String,
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// For replicas and sentinels: name, host and port of the master that they belong to.
    pub of: Option<(String, String, u16)>,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.kind.word(), self.name, self.host, self.port)?;
        match &self.of {
            Some((name, host, port)) => write!(f, " @ {name} {host} {port}"),
            None => Ok(()),
        }
    }
}

impl Subject {
    /// The name of the master that this is, or belongs to.
    pub fn master(&self) -> &str {
        self.of.as_ref().map_or(&self.name, |(name, ..)| name)
    }
}

/// An event that names its instance and says nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[allow(missing_docs, reason = "`Event::name` says what each is called in Redis")]
pub enum Event {
    SdownEntered,
    SdownLeft,
    OdownLeft,
    MasterReset,
    MonitorRemoved,
    ReplicaFound,
    SentinelFound,
    SentinelInvalidAddress,
    Rebooted,
    ConfigUpdateFrom,
    ConvertToReplica,
    FixReplicaConfig,
    TryFailover,
    ElectedLeader,
    StateSelectReplica,
    SelectedReplica,
    StateSendReplicaofNoOne,
    StateWaitPromotion,
    PromotedReplica,
    StateReconfReplicas,
    ReconfSent,
    ReconfSentTimeout,
    ReconfSentBestEffort,
    ReconfInProgress,
    ReconfDone,
    FailoverEnd,
    FailoverEndForTimeout,
    AbortNotElected,
    AbortNoGoodReplica,
    AbortReplicaTimeout,
}

impl Event {
    /// The event's name, which is its channel too, and how loud it is in the log.
    pub const fn name(self) -> (&'static str, Level) {
        use Level::{Notice, Warning};
        match self {
            Self::SdownEntered => ("+sdown", Warning),
            Self::SdownLeft => ("-sdown", Warning),
            Self::OdownLeft => ("-odown", Warning),
            Self::MasterReset => ("+reset-master", Warning),
            Self::MonitorRemoved => ("-monitor", Warning),
            Self::ReplicaFound => ("+slave", Notice),
            Self::SentinelFound => ("+sentinel", Notice),
            Self::SentinelInvalidAddress => ("+sentinel-invalid-addr", Warning),
            Self::Rebooted => ("+reboot", Notice),
            Self::ConfigUpdateFrom => ("+config-update-from", Warning),
            Self::ConvertToReplica => ("+convert-to-slave", Notice),
            Self::FixReplicaConfig => ("+fix-slave-config", Notice),
            Self::TryFailover => ("+try-failover", Warning),
            Self::ElectedLeader => ("+elected-leader", Warning),
            Self::StateSelectReplica => ("+failover-state-select-slave", Warning),
            Self::SelectedReplica => ("+selected-slave", Warning),
            Self::StateSendReplicaofNoOne => ("+failover-state-send-slaveof-noone", Notice),
            Self::StateWaitPromotion => ("+failover-state-wait-promotion", Notice),
            Self::PromotedReplica => ("+promoted-slave", Warning),
            Self::StateReconfReplicas => ("+failover-state-reconf-slaves", Warning),
            Self::ReconfSent => ("+slave-reconf-sent", Notice),
            Self::ReconfSentTimeout => ("-slave-reconf-sent-timeout", Notice),
            Self::ReconfSentBestEffort => ("+slave-reconf-sent-be", Notice),
            Self::ReconfInProgress => ("+slave-reconf-inprog", Notice),
            Self::ReconfDone => ("+slave-reconf-done", Notice),
            Self::FailoverEnd => ("+failover-end", Warning),
            Self::FailoverEndForTimeout => ("+failover-end-for-timeout", Warning),
            Self::AbortNotElected => ("-failover-abort-not-elected", Warning),
            Self::AbortNoGoodReplica => ("-failover-abort-no-good-slave", Warning),
            Self::AbortReplicaTimeout => ("-failover-abort-slave-timeout", Warning),
        }
    }
}

/// A fact about Sentinel. Its `Display` is Redis's own log line.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub enum SentinelFact {
    /// This sentinel begins to run under this id.
    Identified {
        /// 40 hexadecimal digits, the same in every life.
        id: String,
    },
    /// An event that is about one instance and says nothing more.
    About {
        /// Which event.
        event: Event,
        /// The instance that it is about.
        who: Subject,
    },
    /// `+monitor`
    Monitoring {
        /// The master.
        who: Subject,
        /// How many sentinels must agree that it is down.
        quorum: u32,
    },
    /// `+set`: an operator changed an option of a master.
    OptionSet {
        /// The master.
        who: Subject,
        /// Which option.
        option: String,
        /// Its new value.
        value: String,
    },
    /// `+odown`: enough sentinels say so.
    OdownEntered {
        /// The master.
        who: Subject,
        /// How many say so, this one included.
        votes: u32,
        /// How many must.
        quorum: u32,
    },
    /// `+role-change`, `-role-change`: an instance's INFO shows another role than before.
    RoleChanged {
        /// Whose.
        who: Subject,
        /// The role that it reports.
        role: Role,
        /// Whether it is the role that this sentinel takes it to have.
        expected: bool,
    },
    /// `+sentinel-address-switch`
    SentinelMoved {
        /// The master through which it was noticed.
        who: Subject,
        /// The sentinel's new host.
        host: String,
        /// Its new port.
        port: u16,
        /// Its id.
        id: String,
    },
    /// `+sentinel-address-update`: the same, for the other masters that this sentinel watches.
    SentinelMovedElsewhere {
        /// The sentinel.
        who: Subject,
        /// For how many other masters.
        others: u32,
    },
    /// `+new-epoch`
    EpochRaised {
        /// The master through which it was noticed.
        master: String,
        /// The new one.
        epoch: u64,
    },
    /// `+vote-for-leader`: this sentinel gave its vote.
    Voted {
        /// For which master's failover.
        master: String,
        /// Who is to lead it.
        leader: String,
        /// In which epoch: a sentinel votes once in each.
        epoch: u64,
    },
    /// Another sentinel answered with its vote.
    VoteHeard {
        /// For which master's failover.
        master: String,
        /// Who voted.
        voter: String,
        /// The candidate.
        leader: String,
        /// In which epoch.
        epoch: u64,
    },
    /// The replica to promote is chosen (or there is none): how each candidate was judged, the best first.
    ReplicaJudged {
        /// Whose replicas they are.
        master: String,
        /// All of them.
        candidates: Vec<Candidate>,
    },
    /// `+switch-master`
    MasterSwitched {
        /// The master's name.
        name: String,
        /// Where it was.
        from: (String, u16),
        /// Where it is now.
        to: (String, u16),
        /// The epoch of this configuration.
        config_epoch: u64,
    },
    /// The last failover was too short a time ago: none is started before this moment.
    FailoverDelayed {
        /// Which master's.
        master: String,
        /// When the next may begin.
        until: Time,
    },
    /// An operator asked for a failover.
    FailoverRequested {
        /// Which master's.
        master: String,
    },
    /// `+tilt`: the clock jumped or this process was held up; nothing is decided for a while.
    TiltEntered,
    /// `-tilt`
    TiltLeft,
    /// `+script-child`: a script runs.
    ScriptStarted {
        /// As this process.
        pid: u32,
    },
    /// `-script-child`: it has ended.
    ScriptEnded {
        /// Which process.
        pid: u32,
        /// Its exit code.
        code: i32,
        /// The signal that ended it; 0: none.
        signal: i32,
    },
    /// `-script-error`: it failed for good.
    ScriptError {
        /// Which script.
        path: String,
        /// The signal that ended it; 0: none.
        signal: i32,
        /// Its exit code.
        code: i32,
    },
    /// `-script-timeout`: it ran for too long and is killed.
    ScriptTimeout {
        /// Which script.
        path: String,
        /// Which process.
        pid: u32,
    },
    /// The configuration file holds what was changed.
    ConfigSaved,
    /// The configuration file could not be written.
    ConfigNotSaved {
        /// The operating system's word.
        why: String,
    },
    /// The process ends, as it was asked to.
    Bye,
    /// SENTINEL SIMULATE-FAILURE: the process is to end at a bad moment.
    CrashPlanned {
        /// Right after the promotion, and not right after the election.
        promotion: bool,
    },
    /// The process ends on purpose, as SENTINEL SIMULATE-FAILURE asked.
    CrashSimulated,
}

impl SentinelFact {
    /// How loud its log line is; `None` where Redis logs nothing.
    pub fn level(&self) -> Option<Level> {
        Some(match self {
            Self::About { event, .. } => event.name().1,
            Self::RoleChanged { .. } => Level::Verbose,
            Self::SentinelMoved { .. } | Self::SentinelMovedElsewhere { .. } => Level::Notice,
            Self::ConfigSaved => Level::Notice,
            Self::ReplicaJudged { .. } => return None,
            Self::ScriptStarted { .. } | Self::ScriptEnded { .. } => Level::Debug,
            _ => Level::Warning,
        })
    }

    /// The event's name, if this is an event: the channel on which subscribers hear it.
    pub fn channel(&self) -> Option<&'static str> {
        Some(match self {
            Self::About { event, .. } => event.name().0,
            Self::Monitoring { .. } => "+monitor",
            Self::OptionSet { .. } => "+set",
            Self::OdownEntered { .. } => "+odown",
            Self::RoleChanged { expected: true, .. } => "+role-change",
            Self::RoleChanged { expected: false, .. } => "-role-change",
            Self::SentinelMoved { .. } => "+sentinel-address-switch",
            Self::SentinelMovedElsewhere { .. } => "+sentinel-address-update",
            Self::EpochRaised { .. } => "+new-epoch",
            Self::Voted { .. } => "+vote-for-leader",
            Self::MasterSwitched { .. } => "+switch-master",
            Self::TiltEntered => "+tilt",
            Self::TiltLeft => "-tilt",
            Self::ScriptStarted { .. } => "+script-child",
            Self::ScriptEnded { .. } => "-script-child",
            Self::ScriptError { .. } => "-script-error",
            Self::ScriptTimeout { .. } => "-script-timeout",
            Self::Identified { .. }
            | Self::VoteHeard { .. }
            | Self::ReplicaJudged { .. }
            | Self::FailoverDelayed { .. }
            | Self::FailoverRequested { .. }
            | Self::ConfigSaved
            | Self::ConfigNotSaved { .. }
            | Self::Bye
            | Self::CrashPlanned { .. }
            | Self::CrashSimulated => return None,
        })
    }

    /// The master that an event is about, directly or not.
    pub fn master(&self) -> Option<&str> {
        Some(match self {
            Self::About { who, .. }
            | Self::Monitoring { who, .. }
            | Self::OptionSet { who, .. }
            | Self::OdownEntered { who, .. }
            | Self::RoleChanged { who, .. }
            | Self::SentinelMoved { who, .. }
            | Self::SentinelMovedElsewhere { who, .. } => who.master(),
            Self::EpochRaised { master, .. } | Self::Voted { master, .. } => master,
            Self::MasterSwitched { name, .. } => name,
            _ => return None,
        })
    }

    /// The text behind the event's name; for what is no event, the whole log line.
    pub fn message(&self) -> String {
        match self {
            Self::Identified { id } => format!("Sentinel ID is {id}"),
            Self::About { who, .. } => format!("{who}"),
            Self::Monitoring { who, quorum } => format!("{who} quorum {quorum}"),
            Self::OptionSet { who, option, value } => format!("{who} {option} {value}"),
            Self::OdownEntered { who, votes, quorum } => format!("{who} #quorum {votes}/{quorum}"),
            Self::RoleChanged { who, role, .. } => {
                format!("{who} new reported role is {}", role.word())
            }
            Self::SentinelMoved { who, host, port, id } => {
                format!("{who} ip {host} port {port} for {id}")
            }
            Self::SentinelMovedElsewhere { who, others } => {
                format!("{who} {others} additional matching instances")
            }
            Self::EpochRaised { epoch, .. } => format!("{epoch}"),
            Self::Voted { leader, epoch, .. } => format!("{leader} {epoch}"),
            Self::VoteHeard { voter, leader, epoch, .. } => {
                format!("{voter} voted for {leader} {epoch}")
            }
            Self::ReplicaJudged { master, candidates } => {
                format!("judged {} replicas of {master}", candidates.len())
            }
            Self::MasterSwitched { name, from, to, .. } => {
                format!("{name} {} {} {} {}", from.0, from.1, to.0, to.1)
            }
            Self::FailoverDelayed { until, .. } => {
                format!(
                    "Next failover delay: I will not start a failover before {}",
                    crate::time::Ctime(*until)
                )
            }
            Self::FailoverRequested { master } => {
                format!("Executing user requested FAILOVER of '{master}'")
            }
            Self::TiltEntered => "#tilt mode entered".into(),
            Self::TiltLeft => "#tilt mode exited".into(),
            Self::ScriptStarted { pid } => format!("{pid}"),
            Self::ScriptEnded { pid, code, signal } => format!("{pid} {code} {signal}"),
            Self::ScriptError { path, signal, code } => format!("{path} {signal} {code}"),
            Self::ScriptTimeout { path, pid } => format!("{path} {pid}"),
            Self::ConfigSaved => "Sentinel new configuration saved on disk".into(),
            Self::ConfigNotSaved { why } => format!(
                "WARNING: Sentinel was not able to save the new configuration on disk!!!: {why}"
            ),
            Self::Bye => "Sentinel is now ready to exit, bye bye...".into(),
            Self::CrashPlanned { promotion } => format!(
                "Failure simulation: this Sentinel will crash after {}",
                match promotion {
                    true => "promoting the selected replica to master",
                    false => "being successfully elected as failover leader",
                }
            ),
            Self::CrashSimulated => "Sentinel CRASH because of SENTINEL simulate-failure".into(),
        }
    }
}

impl fmt::Display for SentinelFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(channel) = self.channel() {
            write!(f, "{channel} ")?;
        }
        f.write_str(&self.message())
    }
}

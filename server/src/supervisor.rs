//! `supervised`: systemd or upstart, whichever started the process, is notified how far the node has come.

use std::{env, io};

use engine::{
    config::{Config, Supervised},
    trace::{LogRole, PersistenceFact, ProcessFact, ServerFact, Trace, Traced},
};
use rustix::process::{Signal, getpid, kill_process};
use sd_notify::NotifyState;

/// The program that watches over this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supervisor {
    /// There is none, or none that is notified.
    None,
    /// It waits until the process stops itself.
    Upstart,
    /// It reads messages on a socket.
    Systemd,
}

impl Supervisor {
    /// Look for the supervisor that the configuration names, and tell it that the process has begun; with what the log
    /// says of that.
    pub fn find(config: &Config) -> (Self, Option<ProcessFact>) {
        match config.general.supervised {
            Supervised::Systemd => Self::systemd(),
            Supervised::Upstart => Self::upstart(),
            Supervised::Auto if env::var_os("UPSTART_JOB").is_some() => Self::upstart(),
            Supervised::Auto if env::var_os("NOTIFY_SOCKET").is_some() => Self::systemd(),
            Supervised::Auto | Supervised::No => (Self::None, None),
        }
    }

    /// The word that INFO has for it; empty if there is none.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Upstart => "upstart",
            Self::Systemd => "systemd",
        }
    }

    fn systemd() -> (Self, Option<ProcessFact>) {
        if env::var_os("NOTIFY_SOCKET").is_none() {
            return (
                Self::None,
                Some(ProcessFact::NoSystemd { why: "NOTIFY_SOCKET not found!".into() }),
            );
        }
        match tell(&[NotifyState::Status("Redis is loading...")]) {
            Ok(()) => (Self::Systemd, Some(ProcessFact::SupervisedBySystemd)),
            Err(error) => {
                let why = format!("sd_notify: -{}", error.raw_os_error().unwrap_or_default());
                (Self::None, Some(ProcessFact::NoSystemd { why }))
            }
        }
    }

    fn upstart() -> (Self, Option<ProcessFact>) {
        if env::var_os("UPSTART_JOB").is_none() {
            return (Self::None, Some(ProcessFact::NoUpstart));
        }
        // upstart lets the process go on when it has seen this.
        let stopped = kill_process(getpid(), Signal::STOP);
        (Self::Upstart, stopped.is_ok().then_some(ProcessFact::SupervisedByUpstart))
    }

    /// Pass on what a supervisor wants to know of these facts.
    pub fn hear(self, facts: &[Traced]) {
        if self != Self::Systemd {
            return;
        }
        for Traced { role, fact, .. } in facts {
            let told = match fact {
                Trace::Server(ServerFact::Ready { .. }) => {
                    let status = match role {
                        LogRole::Replica => {
                            "Ready to accept connections in read-only mode. Waiting for MASTER <-> REPLICA sync"
                        }
                        _ => "Ready to accept connections",
                    };
                    tell(&[NotifyState::Status(status)]).and_then(|()| tell(&[NotifyState::Ready]))
                }
                Trace::Server(ServerFact::ShutdownRequested) => tell(&[NotifyState::Stopping]),
                Trace::Persistence(PersistenceFact::FinalSave) => {
                    tell(&[NotifyState::Status("Saving the final RDB snapshot")])
                }
                _ => Ok(()),
            };
            // A supervisor that is gone is no reason to stop serving.
            let _ = told;
        }
    }
}

fn tell(state: &[NotifyState<'_>]) -> io::Result<()> {
    sd_notify::notify(state)
}

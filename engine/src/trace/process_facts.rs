//! Facts about the process: what the system grants to it, and who watches over it.

use alloc::string::String;
use core::fmt;

use super::Level;

/// A fact about the process. Its `Display` is Redis's own log line.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub enum ProcessFact {
    /// systemd is told how far the process has come.
    SupervisedBySystemd,
    /// systemd can't be told.
    NoSystemd {
        /// Why.
        why: String,
    },
    /// The process stops itself to tell upstart that it is there.
    SupervisedByUpstart,
    /// upstart has not started the process.
    NoUpstart,
    /// The limit of open files was raised, so that it suffices for `maxclients`.
    DescriptorsRaised {
        /// To this.
        to: u64,
        /// From this.
        from: u64,
    },
    /// `maxclients` needs more open files than there may be.
    DescriptorsNeeded {
        /// `maxclients`.
        maxclients: u32,
        /// How many open files that needs.
        needed: u64,
    },
    /// The limit of open files could not be raised.
    DescriptorsRefused {
        /// To this.
        needed: u64,
        /// The operating system's word.
        why: String,
    },
    /// `maxclients` was reduced to what the limit of open files allows.
    MaxclientsReduced {
        /// The limit.
        limit: u64,
        /// `maxclients` now.
        maxclients: u32,
    },
    /// Where the time that only goes forward comes from.
    MonotonicClock {
        /// The system's means.
        source: &'static str,
    },
    /// The kernel cuts the queue of connections that are not accepted yet.
    BacklogCut {
        /// `tcp-backlog`.
        wanted: u32,
        /// The longest that the kernel allows.
        allowed: u32,
    },
    /// The kernel hands out no more memory than it is sure of.
    NoOvercommit,
    /// The kernel joins pages of memory to huge ones.
    HugePages,
}

impl ProcessFact {
    /// How loud its log line is.
    pub const fn level(&self) -> Level {
        match self {
            Self::SupervisedBySystemd
            | Self::SupervisedByUpstart
            | Self::DescriptorsRaised { .. }
            | Self::MonotonicClock { .. } => Level::Notice,
            Self::NoSystemd { .. }
            | Self::NoUpstart
            | Self::DescriptorsNeeded { .. }
            | Self::DescriptorsRefused { .. }
            | Self::MaxclientsReduced { .. }
            | Self::BacklogCut { .. }
            | Self::NoOvercommit
            | Self::HugePages => Level::Warning,
        }
    }
}

impl fmt::Display for ProcessFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SupervisedBySystemd => f.write_str(
                "Supervised by systemd. Please make sure you set appropriate values for TimeoutStartSec and \
                 TimeoutStopSec in your service unit.",
            ),
            Self::NoSystemd { why } => write!(f, "systemd supervision error: {why}"),
            Self::SupervisedByUpstart => {
                f.write_str("supervised by upstart, will stop to signal readiness.")
            }
            Self::NoUpstart => {
                f.write_str("upstart supervision requested, but UPSTART_JOB not found!")
            }
            Self::DescriptorsRaised { to, from } => write!(
                f,
                "Increased maximum number of open files to {to} (it was originally set to {from})."
            ),
            Self::DescriptorsNeeded { maxclients, needed } => write!(
                f,
                "You requested maxclients of {maxclients} requiring at least {needed} max file descriptors."
            ),
            Self::DescriptorsRefused { needed, why } => {
                write!(f, "Server can't set maximum open files to {needed} because of OS error: {why}.")
            }
            Self::MaxclientsReduced { limit, maxclients } => write!(
                f,
                "Current maximum open files is {limit}. maxclients has been reduced to {maxclients} to compensate for \
                 low ulimit. If you need higher maxclients increase 'ulimit -n'."
            ),
            Self::MonotonicClock { source } => write!(f, "monotonic clock: {source}"),
            Self::BacklogCut { wanted, allowed } => write!(
                f,
                "WARNING: The TCP backlog setting of {wanted} cannot be enforced because /proc/sys/net/core/somaxconn \
                 is set to the lower value of {allowed}."
            ),
            Self::NoOvercommit => f.write_str(
                "WARNING Memory overcommit must be enabled! Without it, a background save or replication may fail \
                 under low memory condition. Being disabled, it can can also cause failures without low memory \
                 condition, see https://github.com/jemalloc/jemalloc/issues/1328. To fix this issue add \
                 'vm.overcommit_memory = 1' to /etc/sysctl.conf and then reboot or run the command 'sysctl \
                 vm.overcommit_memory=1' for this to take effect.",
            ),
            Self::HugePages => f.write_str(
                "WARNING You have Transparent Huge Pages (THP) support enabled in your kernel. This will create \
                 latency and memory usage issues with Redis. To fix this issue run the command 'echo madvise > \
                 /sys/kernel/mm/transparent_hugepage/enabled' as root, and add it to your /etc/rc.local in order to \
                 retain the setting after a reboot. Redis must be restarted after THP is disabled (set to 'madvise' or \
                 'never').",
            ),
        }
    }
}

//! What a driver lets a node know of the process and the machine that it runs on: shown by INFO and the log, and obeyed
//! by nothing in the engine. The simulation has no machine, so that a run is the same everywhere.

use alloc::{string::String, vec::Vec};

use crate::trace::ProcessFact;

/// The process and the machine under a node.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    /// The absolute path of the program (`executable` of INFO).
    pub executable: String,
    /// The supervisor of the process: `systemd`, `upstart`; empty: none.
    pub supervisor: &'static str,
    /// Bytes of the machine's memory; 0 if that is not known.
    pub total_memory: u64,
    /// How much memory the process holds, in bytes; asked whenever INFO or MEMORY shows it.
    pub resident: Option<fn() -> u64>,
    /// What was done to have enough file descriptors.
    pub descriptors: Descriptors,
    /// How enough file descriptors for so many clients are had: asked by CONFIG SET maxclients.
    pub provide_descriptors: Option<fn(u32) -> Descriptors>,
    /// Where the time that only goes forward comes from; empty: that is not known.
    pub monotonic_clock: &'static str,
    /// The longest queue of connections that the kernel allows.
    pub longest_backlog: Option<u32>,
    /// What the log says of the machine's memory.
    pub memory_warnings: Vec<ProcessFact>,
}

impl Machine {
    /// `process_supervised` of INFO.
    pub const fn process_supervised(&self) -> &'static str {
        if self.supervisor.is_empty() { "no" } else { self.supervisor }
    }

    /// What the log says before the node knows its port.
    pub fn early_facts(&self) -> Vec<ProcessFact> {
        let mut facts = self.descriptors.facts();
        if !self.monotonic_clock.is_empty() {
            facts.push(ProcessFact::MonotonicClock { source: self.monotonic_clock });
        }
        facts
    }

    /// What the log says of a `tcp-backlog` that the kernel cuts.
    pub fn backlog_fact(&self, wanted: u32) -> Option<ProcessFact> {
        let allowed = self.longest_backlog.filter(|allowed| *allowed < wanted)?;
        Some(ProcessFact::BacklogCut { wanted, allowed })
    }

    /// How much memory the process holds; `used` where there is no process.
    pub fn resident_bytes(&self, used: u64) -> u64 {
        self.resident.map_or(used, |ask| ask())
    }
}

/// How `maxclients` and the limit of open files were made to fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Descriptors {
    /// The limit was high enough.
    #[default]
    Enough,
    /// The limit was raised.
    Raised {
        /// To this.
        to: u64,
        /// From this.
        from: u64,
    },
    /// The limit could not be raised as far as `maxclients` needs, so `maxclients` was reduced.
    Reduced {
        /// What `maxclients` was.
        requested: u32,
        /// The limit that it needs.
        needed: u64,
        /// Why that can't be had: the operating system's word.
        why: String,
        /// The limit that there is.
        limit: u64,
        /// What `maxclients` is now.
        maxclients: u32,
    },
}

impl Descriptors {
    /// What the log says of it.
    pub fn facts(&self) -> Vec<ProcessFact> {
        match self.clone() {
            Self::Enough => Vec::new(),
            Self::Raised { to, from } => [ProcessFact::DescriptorsRaised { to, from }].into(),
            Self::Reduced { requested, needed, why, limit, maxclients } => [
                ProcessFact::DescriptorsNeeded { maxclients: requested, needed },
                ProcessFact::DescriptorsRefused { needed, why },
                ProcessFact::MaxclientsReduced { limit, maxclients },
            ]
            .into(),
        }
    }
}

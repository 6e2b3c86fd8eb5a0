//! The phase of a node's life: what admission, the cron and saves ask before they do anything.
//!
//! ```text
//!   Booting ──▶ Serving ◀──▶ Saving        SAVE
//!                 ▲  ╰─────▶ Syncing       a replica reads the data set of its master
//!                 ├────────▶ Reloading     DEBUG RELOAD, DEBUG LOADAOF
//!                 ╰────────▶ Ending        (and back, when the last save fails)
//! ```

use super::Server;

/// The phase of a node's life. A replica that reads its master's data set *beside* the old one, which it still serves,
/// is in [`Phase::Serving`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The files of the earlier life are read.
    Booting,
    /// Commands are run.
    Serving,
    /// The data is written to dump.rdb, and nothing else is done.
    Saving,
    /// The data set of the master is read, and there is no data to serve.
    Syncing,
    /// The data goes to the files, and comes back from there.
    Reloading {
        /// It is on its way back.
        reads: bool,
    },
    /// The last writes before the process ends. (Before it waits for its replicas, and serves.)
    Ending,
}

impl Phase {
    /// Whether the data is incomplete: most commands are answered with LOADING, and nothing of it may be saved.
    pub const fn is_loading(self) -> bool {
        matches!(self, Self::Booting | Self::Syncing | Self::Reloading { reads: true })
    }

    /// Whether requests are executed at all; those that are not wait.
    pub const fn runs_commands(self) -> bool {
        !matches!(self, Self::Saving | Self::Ending | Self::Reloading { reads: false })
    }

    /// Whether the node changes and saves its data by itself: expiry, save points, rewrites.
    pub const fn is_serving(self) -> bool {
        matches!(self, Self::Serving)
    }
}

impl Server {
    /// The phase that the states of the subsystems add up to.
    #[inline]
    pub fn phase(&self) -> Phase {
        let persistence = &self.persistence;
        if self.is_leaving() {
            Phase::Ending
        } else if self.reload.is_some() {
            Phase::Reloading { reads: persistence.is_loading() }
        } else if persistence.is_loading() {
            Phase::Booting
        } else if persistence.saves.is_saving_now() {
            Phase::Saving
        } else if self.replication.is_loading() {
            Phase::Syncing
        } else {
            Phase::Serving
        }
    }

    /// Whether the data is incomplete.
    pub fn is_loading(&self) -> bool {
        self.phase().is_loading()
    }
}

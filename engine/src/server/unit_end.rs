//! The end of a unit of execution: where what needs a snapshot of the data begins.
//!
//! A *unit of execution* is one command with all that it runs: EXEC with its queue. Whatever takes a snapshot inside
//! one would save, rewrite or transfer half a transaction. Such a command therefore leaves an order here, and the order
//! is carried out when the outermost command has ended and its changes are handed to the AOF and to the replicas.
//!
//! ```text
//!   MULTI  SET a 1  FLUSHALL  SET b 2  EXEC ──▶ SET a, FLUSHALL, SET b ──▶ propagation ──▶ dump.rdb is written
//!                      ╰───── order ─────────────────────────────────────────────────────────▲
//! ```

use super::Server;
use crate::{io::ConnId, turn::Turn};

/// What begins at the end of the unit of execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AtUnitEnd {
    /// FLUSHALL: children that write the old data are ended, dump.rdb is written anew.
    SaveAfterFlush,
    /// DEBUG RELOAD.
    Reload {
        /// The connection that is answered when the data is read; within EXEC the reply has been written already.
        conn: Option<ConnId>,
        /// Whether the data is saved first.
        save: bool,
        /// Whether the data is emptied before it is read.
        flush: bool,
    },
    /// DEBUG LOADAOF, answered as DEBUG RELOAD is.
    LoadAof(Option<ConnId>),
}

impl Server {
    /// Whether a command runs inside another one, that is inside EXEC.
    pub(crate) const fn is_in_transaction(&self) -> bool {
        self.propagation.depth > 1
    }

    /// Let this begin when the unit of execution ends.
    pub(crate) fn begin_at_unit_end(&mut self, order: AtUnitEnd) {
        debug_assert!(self.propagation.depth > 0, "no unit of execution runs");
        self.at_unit_end.push(order);
    }

    /// The outermost command has ended.
    pub(crate) fn end_unit(&mut self, turn: &mut Turn) {
        for order in core::mem::take(&mut self.at_unit_end) {
            match order {
                AtUnitEnd::SaveAfterFlush => self.save_after_flush(turn),
                AtUnitEnd::Reload { conn, save, flush } => {
                    self.debug_reload(turn, conn, save, flush);
                }
                AtUnitEnd::LoadAof(conn) => self.debug_load_aof(turn, conn),
            }
        }
    }
}

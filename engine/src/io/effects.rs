//! What the engine asks of the outside, as values that a driver carries out.

use alloc::{string::String, sync::Arc, vec::Vec};
use core::fmt;

use hashbrown::HashTable;

use super::{ChildJob, ConnId, DiskOp, Endpoint, JobId, ListenId, Owner, ScriptId};
use crate::{
    time::Time,
    trace::{Trace, Traced},
};

/// Something that nothing else refers to any more, and so large that freeing it takes time: databases with many keys.
#[derive(Clone, Debug)]
pub struct Garbage(
    // Held for the sake of its end.
    #[expect(dead_code)] Arc<dyn fmt::Debug + Send + Sync>,
);

impl Garbage {
    /// What is gone.
    pub fn new(gone: impl fmt::Debug + Send + Sync + 'static) -> Self {
        Self(Arc::new(gone))
    }
}

/// Something that the outside must do.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Close this connection once what was sent on it is through. The node has forgotten it already: no `Closed` follows.
    Close {
        /// Which connection.
        conn: ConnId,
    },
    /// Leave what comes on this connection in its socket: there is no room for it now.
    PauseReading {
        /// Which connection.
        conn: ConnId,
    },
    /// Go on reading.
    ResumeReading {
        /// Which connection.
        conn: ConnId,
    },
    /// Open a connection; answered by [`Input::Connected`](super::Input::Connected) or [`Input::ConnectFailed`](super::Input::ConnectFailed).
    Connect {
        /// Its number.
        conn: ConnId,
        /// Whereto.
        to: Endpoint,
    },
    /// Do this on the disk; answered by [`Input::Disk`](super::Input::Disk).
    Disk {
        /// The part of the node that gets the answer.
        owner: Owner,
        /// What to do.
        op: DiskOp,
    },
    /// Run this child.
    StartChild(ChildJob),
    /// End this child (SIGUSR1 in Redis); its file is left, no event of it is passed on any more.
    KillChild(JobId),
    /// Run this program with these arguments; answered by [`Input::Script`](super::Input::Script). A world without programs says that it ended well.
    RunScript {
        /// This run.
        id: ScriptId,
        /// The program and its arguments.
        argv: Vec<String>,
    },
    /// SIGKILL for a script; its end is reported as any other.
    KillScript {
        /// Which run.
        id: ScriptId,
    },
    /// Listen on this port and these addresses instead of the present ones; answered by [`Input::Listened`](super::Input::Listened). Where it
    /// fails the present ones stay.
    Listen {
        /// Its number.
        id: ListenId,
        /// The port; 0: none.
        port: u16,
        /// The addresses, as `bind` has them.
        bind: Vec<String>,
    },
    /// Stand still: nothing is sent, heard or done for so long (DEBUG SLEEP). What this step asked for comes after it.
    Stall {
        /// Microseconds.
        micros: u64,
    },
    /// Free this memory and give it back to the system. When, and on which thread, does not matter.
    Free(Garbage),
    /// Give back to the system what is free already (MEMORY PURGE).
    PurgeMemory,
    /// End the process with this exit code. Nothing is stepped afterwards.
    Exit {
        /// 0 for a clean end.
        code: i32,
    },
}

/// What one or several steps ask of the outside. Reused from step to step, so that a busy node allocates nothing here.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    /// Bytes to send, a buffer a connection, in order. A buffer may be empty.
    pub sends: Vec<(ConnId, Vec<u8>)>,
    /// Everything else, in order. A `Close` comes after the sends of its connection.
    pub actions: Vec<Effect>,
    /// What happened, for the log, the timeline, the lessons and the checkers.
    pub traces: Vec<Traced>,
    /// Whether traces of single writes are wanted too (the simulation's ledger).
    pub detailed: bool,
    spare: Vec<Vec<u8>>,
    /// Where the buffer of a connection stands in `sends`. A place is checked before it is used: drivers empty `sends`.
    places: HashTable<usize>,
}

impl Effects {
    /// Up to so many buffers a search costs less than the table.
    const FEW: usize = 8;

    /// The output buffer of `conn` in this turn.
    pub fn output(&mut self, conn: ConnId) -> &mut Vec<u8> {
        let at = self.place(conn).unwrap_or_else(|| {
            let buffer = self.spare.pop().unwrap_or_default();
            self.sends.push((conn, buffer));
            let at = self.sends.len() - 1;
            if at == Self::FEW {
                self.places.clear();
                (0..at).for_each(|at| self.remember(at));
            }
            if at >= Self::FEW {
                self.remember(at);
            }
            at
        });
        &mut self.sends[at].1
    }

    /// Enter a buffer into the table of places.
    fn remember(&mut self, at: usize) {
        let Self { sends, places, .. } = self;
        let hash = |at: &usize| sends.get(*at).map_or(0, |(conn, _)| Self::hash(*conn));
        places.insert_unique(hash(&at), at, hash);
    }

    /// The numbers of connections are given out one after the other: multiplying spreads them over the upper bits.
    const fn hash(conn: ConnId) -> u64 {
        conn.0.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32)
    }

    /// Let what is sent on `conn` in this step leave before what is sent on connections that come later.
    pub fn reserve(&mut self, conn: ConnId) {
        self.output(conn);
    }

    fn place(&self, conn: ConnId) -> Option<usize> {
        if self.sends.len() <= Self::FEW {
            return self.sends.iter().rposition(|(other, _)| *other == conn);
        }
        let is_place = |at: &usize| self.sends.get(*at).is_some_and(|(other, _)| *other == conn);
        self.places.find(Self::hash(conn), is_place).copied()
    }

    /// Send all of `bytes` on `conn`; leaves `bytes` empty, and keeps its allocation in use.
    pub fn send_all(&mut self, conn: ConnId, bytes: &mut Vec<u8>) {
        let out = self.output(conn);
        if out.is_empty() {
            core::mem::swap(out, bytes);
        } else {
            out.append(bytes);
        }
    }

    /// Ask for something.
    pub fn push(&mut self, effect: Effect) {
        self.actions.push(effect);
    }

    /// Note a fact.
    pub fn trace(&mut self, at: Time, role: crate::trace::LogRole, fact: Trace) {
        self.traces.push(Traced { at, role, fact });
    }

    /// Give a buffer back that was taken out of `sends`, for use in a later turn.
    pub fn recycle(&mut self, mut buffer: Vec<u8>) {
        const KEEP: usize = 64;
        const LARGEST_KEPT: usize = 64 * 1024;
        if self.spare.len() < KEEP && buffer.capacity() <= LARGEST_KEPT {
            buffer.clear();
            self.spare.push(buffer);
        }
    }
}

//! The signals that a node obeys: SIGTERM and SIGINT ask it to end, SIGHUP is ignored, as in Redis.

use std::io;

use engine::io::{Input, Signal};
use mio::{Interest, Registry, Token};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook_mio::v1_0::Signals as Pending;

use super::Driver;

/// The signals of this process, as events.
pub struct Signals {
    pending: Pending,
    /// A SIGTERM or SIGINT has arrived, and the node is shutting down.
    shutting_down: bool,
}

impl Signals {
    /// Watch them.
    ///
    /// # Errors
    /// The operating system's.
    pub fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        let mut pending = Pending::new([SIGHUP, SIGINT, SIGTERM])?;
        registry.register(&mut pending, token, Interest::READABLE)?;
        Ok(Self { pending, shutting_down: false })
    }
}

impl Driver {
    /// The first SIGTERM or SIGINT asks the node to end; a second SIGINT ends it as it is, like in Redis.
    pub(super) fn hear_signals(&mut self) {
        let signals: Vec<i32> = self.signals.pending.pending().collect();
        for signal in signals {
            let signal = match signal {
                SIGTERM => Signal::Term,
                SIGINT => Signal::Int,
                _ => continue,
            };
            self.signals.shutting_down &= self.node.is_ending();
            if self.signals.shutting_down && signal == Signal::Int {
                self.log.insisted();
                std::process::exit(1);
            }
            self.signals.shutting_down = true;
            self.feed(Input::Terminate { signal });
        }
    }
}

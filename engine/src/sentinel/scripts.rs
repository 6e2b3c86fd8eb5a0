//! Programs that a sentinel runs: `notification-script` for every event of level warning, `client-reconfig-script` when a
//! failover moves a master. They tell operators and load balancers.
//!
//! ```text
//!   event ─▶ Scheduled ─▶ Running ──┬─ exit 0 ─────────────────▶ gone
//!                ▲                  ├─ exit 1, or a signal ──┐
//!                └── 30 s, 60 s, … ─┼────────────────────────┘    up to ten times
//!                                   └─ any other exit ────────▶ gone, -script-error
//! ```
//!
//! At most 16 run at once and 256 wait; one that runs for more than a minute is killed, and then tried again.

use alloc::{
    collections::{BTreeMap, VecDeque},
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::Sentinel;
use crate::{
    io::{Effect, ScriptId, ScriptNews},
    time::Instant,
    trace::SentinelFact,
    turn::Turn,
};

const MAX_QUEUE: usize = 256;
const MAX_RUNNING: usize = 16;
const MAX_TRIES: u32 = 10;

/// The scripts that run or wait, in the order in which they were asked for.
#[derive(Clone, Debug, Default)]
pub struct Scripts {
    queue: VecDeque<Script>,
    last_id: u64,
    /// Scripts that the outside runs, by its number for each try.
    running: BTreeMap<ScriptId, u64>,
}

/// One script with its arguments.
#[derive(Clone, Debug)]
pub struct Script {
    number: u64,
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Whether it runs.
    pub state: ScriptState,
    /// How often it has been started.
    pub tries: u32,
}

/// Whether a script runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptState {
    /// It waits.
    Scheduled {
        /// Not before this moment.
        from: Instant,
    },
    /// It runs.
    Running {
        /// This try.
        id: ScriptId,
        /// Since when.
        since: Instant,
        /// Its process, once that is known.
        pid: u32,
    },
}

impl Scripts {
    /// All, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Script> {
        self.queue.iter()
    }

    /// How many run.
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// How many run or wait.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    fn schedule(&mut self, argv: Vec<String>) {
        self.last_id += 1;
        let state = ScriptState::Scheduled { from: Instant(0) };
        self.queue.push_back(Script { number: self.last_id, argv, state, tries: 0 });
        if self.queue.len() > MAX_QUEUE {
            let waits = |script: &Script| matches!(script.state, ScriptState::Scheduled { .. });
            if let Some(oldest) = self.queue.iter().position(waits) {
                self.queue.remove(oldest);
            }
        }
    }
}

impl Sentinel {
    /// Run the notification script of a master for an event.
    pub(crate) fn notify_by_script(&mut self, master: &str, event: &str, message: String) {
        let options = self.masters.get(master).map(|master| &master.options);
        if let Some(path) = options.and_then(|options| options.notification_script.clone()) {
            self.scripts.schedule([path, event.into(), message].into());
        }
    }

    /// Run the script that reconfigures clients: a master moves.
    pub(super) fn reconfigure_clients(
        &mut self,
        name: &str,
        role: &str,
        from: (String, u16),
        to: (String, u16),
    ) {
        let options = self.masters.get(name).map(|master| &master.options);
        let Some(path) = options.and_then(|options| options.client_reconfig_script.clone()) else {
            return;
        };
        let words = [path.as_str(), name, role, "start"].map(ToString::to_string);
        let ends = [from.0, format!("{}", from.1), to.0, format!("{}", to.1)];
        self.scripts.schedule(words.into_iter().chain(ends).collect());
    }

    /// Start the scripts that wait, end those that run for too long.
    pub(super) fn tend_scripts(&mut self, turn: &mut Turn) {
        for script in &mut self.scripts.queue {
            if self.scripts.running.len() >= MAX_RUNNING {
                break;
            }
            if !matches!(script.state, ScriptState::Scheduled { from } if from <= turn.clock.mono) {
                continue;
            }
            script.tries += 1;
            self.scripts.last_id += 1;
            let id = ScriptId(self.scripts.last_id);
            script.state = ScriptState::Running { id, since: turn.clock.mono, pid: 0 };
            self.scripts.running.insert(id, script.number);
            turn.fx.push(Effect::RunScript { id, argv: script.argv.clone() });
        }
        let longest = self.periods.script_max_runtime;
        let mut late = Vec::new();
        for script in &self.scripts.queue {
            if let ScriptState::Running { id, since, pid } = script.state
                && turn.clock.mono.millis_since(since) > longest
            {
                late.push(SentinelFact::ScriptTimeout { path: script.argv[0].clone(), pid });
                turn.fx.push(Effect::KillScript { id });
            }
        }
        late.into_iter().for_each(|fact| turn.note(fact));
    }

    /// A script has started, or has ended.
    pub(crate) fn on_script(&mut self, turn: &mut Turn, id: ScriptId, news: ScriptNews) {
        let Some(number) = self.scripts.running.get(&id).copied() else { return };
        let found = self.scripts.queue.iter().position(|script| script.number == number);
        let Some(at) = found else { return };
        let script = &mut self.scripts.queue[at];
        let ScriptState::Running { pid, .. } = &mut script.state else { return };
        let (code, signal) = match news {
            ScriptNews::Started { pid: started } => {
                *pid = started;
                return turn.note(SentinelFact::ScriptStarted { pid: started });
            }
            ScriptNews::Ended { code, signal } => (code, signal),
        };
        turn.note(SentinelFact::ScriptEnded { pid: *pid, code, signal });
        self.scripts.running.remove(&id);
        if (signal != 0 || code == 1) && script.tries < MAX_TRIES {
            let delay = self.periods.script_retry_delay.saturating_mul(1 << (script.tries - 1));
            script.state = ScriptState::Scheduled { from: turn.clock.mono.plus_millis(delay) };
            return;
        }
        if signal != 0 || code != 0 {
            let path = script.argv[0].clone();
            turn.note(SentinelFact::ScriptError { path, signal, code });
        }
        self.scripts.queue.remove(at);
    }
}

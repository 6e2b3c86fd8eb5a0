//! A sentinel's scripts: real programs, each watched until it ends.

use std::{
    collections::HashMap,
    os::unix::process::ExitStatusExt as _,
    process::{Child, Command},
    thread,
};

use engine::io::{Input, ScriptId, ScriptNews};
use rustix::process::{Pid, Signal, kill_process};

use super::{Driver, mailbox::Message};

/// What execve(2) failing looks like to Sentinel: do not try again.
const NOT_RUN: ScriptNews = ScriptNews::Ended { code: 2, signal: 0 };

/// The scripts that run, and their processes.
pub type Scripts = HashMap<ScriptId, u32>;

impl Driver {
    /// Run a program; it has the node's own standard streams, as in Redis.
    pub(super) fn run_script(&mut self, id: ScriptId, argv: &[String]) {
        let Ok(process) = Command::new(&argv[0]).args(&argv[1..]).spawn() else {
            self.news.push_back(Input::Script { id, news: NOT_RUN });
            return;
        };
        let pid = process.id();
        self.scripts.insert(id, pid);
        self.news.push_back(Input::Script { id, news: ScriptNews::Started { pid } });
        let mailbox = self.mailbox.clone_sender();
        let watch = move || mailbox.send(Message::Script { id, news: end_of(process) });
        if thread::Builder::new().name("script".into()).spawn(watch).is_err() {
            // Its end cannot be reported: it counts as not run.
            self.kill_script(id);
            self.scripts.remove(&id);
            self.news.push_back(Input::Script { id, news: NOT_RUN });
        }
    }

    /// SIGKILL, if it still runs.
    pub(super) fn kill_script(&self, id: ScriptId) {
        let pid = self.scripts.get(&id).and_then(|pid| Pid::from_raw(i32::try_from(*pid).ok()?));
        if let Some(pid) = pid {
            // It may have ended this very moment.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// Wait for the end of a script.
fn end_of(mut process: Child) -> ScriptNews {
    process.wait().map_or(NOT_RUN, |status| ScriptNews::Ended {
        code: status.code().unwrap_or(0),
        signal: status.signal().unwrap_or(0),
    })
}

//! A sentinel's scripts: real programs, each watched until it ends.

use std::{cell::RefCell, collections::HashMap, rc::Weak};

use engine::io::{Input, ScriptId, ScriptNews};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{process::Command, task::spawn_local};

use super::Driver;

/// What execve(2) failing looks like to Sentinel: do not try again.
const NOT_RUN: ScriptNews = ScriptNews::Ended { code: 2, signal: 0 };

/// The scripts that run, and their processes.
pub type Scripts = HashMap<ScriptId, u32>;

impl Driver {
    /// Run a program; it has the node's own standard streams, as in Redis.
    pub(super) fn run_script(&mut self, id: ScriptId, argv: &[String]) {
        let mut command = Command::new(&argv[0]);
        let started = command.args(&argv[1..]).spawn();
        let Some((mut process, pid)) = started.ok().and_then(|it| it.id().map(|pid| (it, pid)))
        else {
            self.news.push_back(Input::Script { id, news: NOT_RUN });
            return;
        };
        self.scripts.insert(id, pid);
        self.news.push_back(Input::Script { id, news: ScriptNews::Started { pid } });
        let driver: Weak<RefCell<Self>> = self.myself.clone();
        spawn_local(async move {
            let ended = process.wait().await;
            let Some(driver) = driver.upgrade() else { return };
            let mut driver = driver.borrow_mut();
            driver.scripts.remove(&id);
            let news = ended.map_or(NOT_RUN, |status| ScriptNews::Ended {
                code: status.code().unwrap_or(0),
                signal: std::os::unix::process::ExitStatusExt::signal(&status).unwrap_or(0),
            });
            driver.step(Input::Script { id, news });
        });
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

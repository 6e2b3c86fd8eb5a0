//! What every part shares: the two servers, where they run, and rounds in turn.

use super::table::{Figure, Row};
use crate::run;
use anyhow::Result;
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tests::{Node, pinned};

/// Whose server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Redis,
    Ours,
}

impl Side {
    pub const BOTH: [Side; 2] = [Side::Redis, Side::Ours];
}

/// Which processors servers and load may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// The server on one processor, the load on another.
    Pinned,
    /// Everything on all processors, as the kernel likes.
    Free,
}

/// How much of each part is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// What the wanted bounds are about.
    Full,
    /// A first impression: one round with less data.
    Quick,
}

/// What every part is given.
pub struct Bench {
    pub redis: PathBuf,
    pub ours: PathBuf,
    pub rounds: usize,
    /// The number of keys, if one was asked for.
    pub keys: Option<usize>,
    pub effort: Effort,
    /// Where everything lies and every load program works, so that nothing is left behind.
    pub directory: PathBuf,
    /// Whether the machine has two processors, so that pinning means something.
    pub two_processors: bool,
    placement: Cell<Placement>,
}

const SERVER_CORE: usize = 0;
const LOAD_CORE: usize = 1;

impl Bench {
    pub fn new(redis: PathBuf, ours: PathBuf, directory: &Path) -> Self {
        Self {
            redis,
            ours,
            rounds: 5,
            keys: None,
            effort: Effort::Full,
            directory: directory.into(),
            two_processors: std::thread::available_parallelism().is_ok_and(|it| it.get() >= 2),
            placement: Cell::new(Placement::Free),
        }
    }

    /// From now on servers and load run there, this process included: it is a load, too.
    pub fn place(&self, placement: Placement) -> Result<()> {
        if self.placement.replace(placement) == placement {
            return Ok(());
        }
        let list = match self.load_core() {
            Some(core) => core.to_string(),
            None => "0-1023".into(),
        };
        let mut taskset = Command::new("taskset");
        taskset.args(["-a", "-c", "-p", &list, &std::process::id().to_string()]);
        run::check(taskset.stdout(Stdio::null()))
    }

    fn core(&self, core: usize) -> Option<usize> {
        (self.two_processors && self.placement.get() == Placement::Pinned).then_some(core)
    }

    fn load_core(&self) -> Option<usize> {
        self.core(LOAD_CORE)
    }

    /// What `full` says, or a part of it when only an impression is wanted.
    pub fn amount(&self, full: usize, quick: usize) -> usize {
        match self.effort {
            Effort::Full => full,
            Effort::Quick => quick,
        }
    }

    /// A server without files, but for what these lines of redis.conf turn on; it answers already.
    pub fn start(&self, side: Side, configuration: &[&str]) -> Node {
        let program = match side {
            Side::Redis => &self.redis,
            Side::Ours => &self.ours,
        };
        let lines = [&["save \"\"", "appendonly no"], configuration].concat();
        let mut node = Node::prepare_pinned(program, self.core(SERVER_CORE), &lines);
        node.launch();
        node
    }

    /// A program that makes load, where load is to run.
    pub fn load(&self, program: &str) -> Command {
        let mut command = pinned(Path::new(program), self.load_core());
        command.current_dir(&self.directory);
        command
    }

    /// The medians of several rounds, in each of which one server is measured after the other.
    pub fn alternate(&self, round: impl Fn(Side) -> Result<Vec<Figure>>) -> Result<Vec<Row>> {
        let mut rounds = [Vec::new(), Vec::new()];
        for _ in 0..self.rounds {
            for (side, figures) in Side::BOTH.into_iter().zip(&mut rounds) {
                figures.push(round(side)?);
            }
        }
        Ok(Row::medians(rounds))
    }
}

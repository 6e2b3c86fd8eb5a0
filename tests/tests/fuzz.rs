//! Feeds damaged bytes to everything that reads bytes from a peer, a file or a learner.
//!
//! ```text
//!   seeds ──▶ mutate ──▶ target ──▶ a signature: what became of the input, roughly
//!     ▲                    │              │
//!     │                    ╰─ panic ──▶ the input is kept in fuzz/found/, and tried first ever after
//!     ╰──── kept, if nothing had this signature before
//! ```
//!
//! A short round with a fixed seed is part of the tests: the same inputs everywhere. `cargo xtask fuzz [TARGET…]
//! --seconds N` goes on for N seconds, with another seed each time.

mod files;
mod host;
mod mutate;
mod nodes;
mod readers;

use std::collections::BTreeSet;
use std::fs;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use mutate::Mutator;

/// Something that reads bytes.
struct Target {
    name: &'static str,
    /// Inputs that make sense.
    seeds: fn() -> Vec<Vec<u8>>,
    /// What is worth putting anywhere.
    words: &'static [&'static str],
    /// Reads the input, checks what must hold, and says what became of it: alike for alike inputs.
    run: fn(&[u8]) -> String,
    /// How many inputs a short round tries.
    short: u32,
}

/// The longest time for one input, on a machine that does other work too.
const PATIENCE: Duration = Duration::from_secs(20);
/// Inputs grow no longer than this.
const LONGEST: usize = 16 * 1024;
/// So many inputs are kept to go on from.
const MOST_KEPT: usize = 2000;

impl Target {
    /// All that was found earlier, then mutations: a short round, or as long as `KEEPSAKE_FUZZ_SECONDS` says.
    fn round(&self) {
        for input in self.found() {
            self.try_one(&input);
        }
        let number = |name| std::env::var(name).ok().and_then(|value: String| value.parse().ok());
        let end = number("KEEPSAKE_FUZZ_SECONDS").map(|n| Instant::now() + Duration::from_secs(n));
        let mut mutator = Mutator::new(number("KEEPSAKE_FUZZ_SEED").unwrap_or(1), self.words);
        let mut corpus = (self.seeds)();
        let mut seen: BTreeSet<String> = corpus.iter().map(|input| self.try_one(input)).collect();
        let mut tried = 0_u64;
        while end.map_or(tried < u64::from(self.short), |end| Instant::now() < end) {
            let mut input = mutator.mutate(&corpus);
            input.truncate(LONGEST);
            if seen.insert(self.try_one(&input)) && corpus.len() < MOST_KEPT {
                corpus.push(input);
            }
            tried += 1;
        }
        println!("{}: {tried} inputs, {} kept", self.name, corpus.len());
    }

    /// An input that makes the target panic, or keeps it busy, is written down.
    fn try_one(&self, input: &[u8]) -> String {
        let start = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.run)(input)));
        let slow = start.elapsed() > PATIENCE;
        match outcome {
            Ok(signature) if !slow => signature,
            other => {
                let file = self.keep(input);
                eprintln!("{}: the input is kept as {}", self.name, file.display());
                match other {
                    Ok(_) => panic!("{}: it took {:?}", self.name, start.elapsed()),
                    Err(panic) => resume_unwind(panic),
                }
            }
        }
    }

    fn keep(&self, input: &[u8]) -> PathBuf {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(input);
        let file = found_directory().join(format!("{}-{hash:016x}", self.name));
        // A round that can't keep it has still found it: the panic says so.
        let _ = fs::create_dir_all(found_directory()).and_then(|()| fs::write(&file, input));
        file
    }

    fn found(&self) -> Vec<Vec<u8>> {
        let prefix = format!("{}-", self.name);
        let Ok(entries) = fs::read_dir(found_directory()) else { return Vec::new() };
        let mut files: Vec<PathBuf> =
            entries.map(|entry| entry.expect("an entry").path()).collect();
        files.sort();
        let ours = |file: &PathBuf| {
            file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix))
        };
        files.into_iter().filter(ours).map(|file| fs::read(file).expect("it can be read")).collect()
    }
}

fn found_directory() -> PathBuf {
    tests::root().join("tests/tests/fuzz/found")
}

/// The shape of a sentence: without its numbers, and not all of it.
fn shape(text: &str) -> String {
    text.chars().filter(|c| !c.is_ascii_digit()).take(60).collect()
}

#[test]
fn resp() {
    readers::RESP.round();
}

#[test]
fn replies() {
    readers::REPLIES.round();
}

#[test]
fn words() {
    readers::WORDS.round();
}

#[test]
fn rdb() {
    files::RDB.round();
}

#[test]
fn aof() {
    files::AOF.round();
}

#[test]
fn manifest() {
    files::MANIFEST.round();
}

#[test]
fn check_tools() {
    files::CHECK_TOOLS.round();
}

#[test]
fn config() {
    files::CONFIG.round();
}

#[test]
fn sentinel_conf() {
    files::SENTINEL_CONF.round();
}

#[test]
fn hello() {
    readers::HELLO.round();
}

#[test]
fn payload() {
    readers::PAYLOAD.round();
}

#[test]
fn glob() {
    readers::GLOB.round();
}

#[test]
fn numbers() {
    readers::NUMBERS.round();
}

#[test]
fn links() {
    readers::LINKS.round();
}

#[test]
fn lessons() {
    readers::LESSONS.round();
}

#[test]
fn commands() {
    nodes::COMMANDS.round();
}

#[test]
fn restore() {
    nodes::RESTORE.round();
}

#[test]
fn start_with_rdb() {
    nodes::START_WITH_RDB.round();
}

#[test]
fn start_with_aof() {
    nodes::START_WITH_AOF.round();
}

#[test]
fn start_with_manifest() {
    nodes::START_WITH_MANIFEST.round();
}

#[test]
fn master() {
    nodes::MASTER.round();
}

#[test]
fn watched() {
    nodes::WATCHED.round();
}

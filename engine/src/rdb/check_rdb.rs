//! redis-check-rdb: goes through a file, says what it finds, and where it stops making sense.
//!
//! The lines are those of Redis's tool. Values of every type are walked over, so a file that this
//! engine cannot load can be checked all the same.

use super::{Checksum, Decoder, Item, LoadError, LoadedKey, OtherTypes};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// A check in progress: feed it the file, then [finish](Checker::finish).
#[derive(Clone, Debug)]
pub struct Checker {
    decoder: Decoder,
    now_ms: i64,
    tally: Tally,
    lines: Vec<String>,
    verdict: Option<bool>,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Keys read.
    pub keys: u64,
    /// Keys with an expiry.
    pub expires: u64,
    /// Keys whose expiry has passed.
    pub already_expired: u64,
}

/// What a check has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The lines that the tool prints.
    pub lines: Vec<String>,
    /// Whether the file is sound.
    pub ok: bool,
    /// What was counted.
    pub tally: Tally,
    /// Where the RDB part of the file ends.
    pub end: u64,
}

impl Checker {
    /// Begins a check. `name` is what the user called the file; `now_ms` decides what has expired.
    #[must_use]
    pub fn new(name: &str, now_ms: i64) -> Self {
        Self {
            decoder: Decoder::new(OtherTypes::Walk, true),
            now_ms,
            tally: Tally::default(),
            lines: Vec::from([format!("[offset 0] Checking RDB file {name}")]),
            verdict: None,
        }
    }

    /// Looks at the next bytes of the file; returns whether more are wanted.
    pub fn feed(&mut self, bytes: &[u8]) -> bool {
        self.decoder.feed(bytes);
        while self.verdict.is_none() {
            match self.decoder.next_item() {
                Ok(Some(item)) => self.note(item),
                Ok(None) => break,
                Err(error) => self.fail(&error),
            }
        }
        self.verdict.is_none()
    }

    /// There are no more bytes: the verdict.
    #[must_use]
    pub fn finish(mut self) -> Report {
        if self.verdict.is_none() {
            match self.decoder.finish() {
                Ok(()) => self.verdict = Some(true),
                Err(error) => self.fail(&error),
            }
        }
        let ok = self.verdict == Some(true);
        if ok {
            self.say("\\o/ RDB looks OK! \\o/");
            self.say_tally();
        }
        Report { ok, tally: self.tally, end: self.decoder.offset(), lines: self.lines }
    }

    fn note(&mut self, item: Item) {
        match item {
            Item::Aux { name, value } => self.say(&format!(
                "AUX FIELD {} = '{}'",
                String::from_utf8_lossy(&name),
                String::from_utf8_lossy(&value)
            )),
            Item::SelectDb(db) => self.say(&format!("Selecting DB ID {db}")),
            Item::ModuleAux(name) => self.say(&format!("MODULE AUX for: {name}")),
            Item::Key(key) => self.count(&key),
            Item::End(checksum) => {
                match checksum {
                    Checksum::Verified => self.say("Checksum OK"),
                    Checksum::Disabled => {
                        self.say("RDB file was saved with checksum disabled: no check performed.");
                    }
                    Checksum::Unchecked => {}
                }
                self.verdict = Some(true);
            }
            Item::Version(_) | Item::ResizeDb { .. } | Item::Function(_) => {}
        }
    }

    fn count(&mut self, key: &LoadedKey) {
        self.tally.keys += 1;
        if let Some(at) = key.expire_ms {
            self.tally.expires += 1;
            self.tally.already_expired += u64::from(at < self.now_ms);
        }
    }

    fn fail(&mut self, error: &LoadError) {
        self.verdict = Some(false);
        self.lines.push(String::from("--- RDB ERROR DETECTED ---"));
        match error {
            LoadError::Checksum { .. } => self.say("RDB CRC error"),
            LoadError::Cut { offset } => self.lines.push(format!("[offset {offset}] {error}")),
            error => self.say(&format!("{error}")),
        }
        let doing = self.decoder.doing();
        self.lines.push(format!("[additional info] While doing: {doing}"));
        let (key, of) = self.decoder.reading();
        // Redis counts a key as soon as it has read its name.
        self.tally.keys += u64::from(key.is_some());
        let key = key.map(|key| String::from_utf8_lossy(key).into_owned());
        self.lines.extend(key.map(|key| format!("[additional info] Reading key '{key}'")));
        self.lines.extend(
            of.map(|of| format!("[additional info] Reading type {} ({})", of.code, of.name)),
        );
        self.say_tally();
    }

    fn say(&mut self, what: &str) {
        self.lines.push(format!("[offset {}] {what}", self.decoder.offset()));
    }

    fn say_tally(&mut self) {
        let Tally { keys, expires, already_expired } = self.tally;
        self.lines.push(format!("[info] {keys} keys read"));
        self.lines.push(format!("[info] {expires} expires"));
        self.lines.push(format!("[info] {already_expired} already expired"));
    }
}

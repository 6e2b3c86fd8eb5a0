//! The manifest: which files make up the AOF.

use crate::resp::split::split_args;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Write};

/// One file of the AOF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AofFile {
    /// Its name within the directory.
    pub name: String,
    /// Its number; bases and incrs are counted apart.
    pub seq: i64,
}

/// All files of the AOF, and the numbers given out so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The data set at the time of the last rewrite.
    pub base: Option<AofFile>,
    /// Files that are contained in the base and wait to be deleted.
    pub history: Vec<AofFile>,
    /// What was appended since, in order; the last one is still open.
    pub incrs: Vec<AofFile>,
    last_base: i64,
    last_incr: i64,
}

/// What is wrong with a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestError {
    /// The line, counted from 1, and its text, if one line is to blame.
    pub line: Option<(usize, String)>,
    /// Redis's sentence.
    pub what: &'static str,
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\n*** FATAL AOF MANIFEST FILE ERROR ***\n")?;
        if let Some((number, text)) = &self.line {
            write!(f, "Reading the manifest file, at line {number}\n>>> '{text}'\n")?;
        }
        f.write_str(self.what)
    }
}

/// Lines are read into a buffer of this size.
const MAX_LINE: usize = 1024;

const BAD_FORMAT: &str = "Invalid AOF manifest file format";

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// [`ManifestError`]: the file is not one, or contradicts itself.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let mut manifest = Self::default();
        let (mut rest, mut number) = (bytes, 0);
        while !rest.is_empty() {
            let end = rest.iter().take(MAX_LINE).position(|b| *b == b'\n').map(|at| at + 1);
            let (line, after) = rest.split_at(end.unwrap_or(rest.len().min(MAX_LINE)));
            (rest, number) = (after, number + 1);
            if line.starts_with(b"#") {
                continue;
            }
            // A zero ends a line for C, so that its end is not found.
            if end.is_none() || line.contains(&0) {
                let what = "The AOF manifest file contains too long line";
                return Err(ManifestError { line: None, what });
            }
            let line = trim(line);
            manifest.add_line(line).map_err(|what| {
                let text = String::from_utf8_lossy(line).into_owned();
                ManifestError { line: Some((number, text)), what }
            })?;
        }
        if number == 0 {
            return Err(ManifestError { line: None, what: "Found an empty AOF manifest" });
        }
        Ok(manifest)
    }

    fn add_line(&mut self, line: &[u8]) -> Result<(), &'static str> {
        let words = split_args(line).map_err(|_| BAD_FORMAT)?;
        // More than three pairs are allowed: later versions may add some.
        if words.len() < 6 || words.len() % 2 == 1 {
            return Err(BAD_FORMAT);
        }
        let (mut name, mut seq, mut kind) = (None, 0, None);
        for pair in words.chunks_exact(2) {
            let value = &pair[1];
            match pair[0].to_ascii_lowercase().as_slice() {
                b"file" => {
                    if value.iter().any(|b| matches!(b, b'/' | b'\\')) {
                        return Err("File can't be a path, just a filename");
                    }
                    name = Some(String::from_utf8(value.clone()).map_err(|_| BAD_FORMAT)?);
                }
                b"seq" => seq = leading_number(value),
                b"type" => kind = value.first().copied(),
                _ => {}
            }
        }
        // Behind the largest number there is no next one.
        let counts = seq != 0 && seq != i64::MAX;
        let (Some(name), Some(kind), true) = (name, kind, counts) else { return Err(BAD_FORMAT) };
        self.add(AofFile { name, seq }, kind)
    }

    fn add(&mut self, file: AofFile, kind: u8) -> Result<(), &'static str> {
        match kind {
            b'b' if self.base.is_some() => return Err("Found duplicate base file information"),
            b'b' => {
                self.last_base = file.seq;
                self.base = Some(file);
            }
            b'h' => self.history.push(file),
            b'i' if file.seq <= self.last_incr => {
                return Err("Found a non-monotonic sequence number");
            }
            b'i' => {
                self.last_incr = file.seq;
                self.incrs.push(file);
            }
            _ => return Err("Unknown AOF file type"),
        }
        Ok(())
    }

    /// The bytes of the file.
    #[must_use]
    pub fn format(&self) -> String {
        let mut out = String::new();
        let base = self.base.iter().map(|file| (file, 'b'));
        let history = self.history.iter().map(|file| (file, 'h'));
        let incrs = self.incrs.iter().map(|file| (file, 'i'));
        for (file, kind) in base.chain(history).chain(incrs) {
            let _ = writeln!(out, "file {} seq {} type {kind}", quoted(&file.name), file.seq);
        }
        out
    }

    /// Whether no file counts: a new installation, or one that never had an AOF.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.base.is_none() && self.incrs.is_empty()
    }

    /// The files to load, in order.
    pub fn files(&self) -> impl Iterator<Item = &AofFile> {
        self.base.iter().chain(&self.incrs)
    }

    /// Names a new base; the one so far becomes history. `prefix` is `appendfilename`.
    pub fn new_base(&mut self, prefix: &str, rdb: bool) -> String {
        if let Some(old) = self.base.take() {
            self.history.insert(0, old);
        }
        // Only an editor writes a number below 1; 0 could not be read back.
        self.last_base = self.last_base.max(0) + 1;
        let format = if rdb { "rdb" } else { "aof" };
        let name = format!("{prefix}.{}.base.{format}", self.last_base);
        self.base = Some(AofFile { name: name.clone(), seq: self.last_base });
        name
    }

    /// Names a new incr, behind those that are there.
    pub fn new_incr(&mut self, prefix: &str) -> String {
        self.last_incr = self.last_incr.max(0) + 1;
        let name = format!("{prefix}.{}.incr.aof", self.last_incr);
        self.incrs.push(AofFile { name: name.clone(), seq: self.last_incr });
        name
    }

    /// A rewrite has succeeded: the incrs are contained in the new base and become history, but for
    /// the last `keep`: those that were begun when the rewrite was.
    pub fn retire_incrs(&mut self, keep: usize) {
        let retired = self.incrs.len().saturating_sub(keep);
        for file in self.incrs.drain(..retired) {
            self.history.insert(0, file);
        }
    }

    /// An AOF of before 7.0, a single file, becomes the base.
    #[must_use]
    pub fn upgraded(name: &str) -> Self {
        let base = Some(AofFile { name: name.to_string(), seq: 1 });
        Self { base, last_base: 1, ..Self::default() }
    }

    /// `appendonly.aof.manifest`.
    #[must_use]
    pub fn file_name(prefix: &str) -> String {
        format!("{prefix}.manifest")
    }

    /// `temp-appendonly.aof.manifest`: written first, then renamed.
    #[must_use]
    pub fn temp_name(prefix: &str) -> String {
        format!("temp-{prefix}.manifest")
    }

    /// `temp-appendonly.aof.incr`: what is appended to while the AOF is being turned on.
    #[must_use]
    pub fn temp_incr_name(prefix: &str) -> String {
        format!("temp-{prefix}.incr")
    }
}

fn trim(line: &[u8]) -> &[u8] {
    let space = |b: &u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n');
    let start = line.iter().position(|b| !space(b)).unwrap_or(line.len());
    let end = line.iter().rposition(|b| !space(b)).map_or(start, |at| at + 1);
    &line[start..end]
}

/// The number at the beginning of some text, as C's `atoll` sees it: 0 if there is none.
fn leading_number(text: &[u8]) -> i64 {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let digits = digits.iter().take_while(|b| b.is_ascii_digit());
    let n = digits.fold(0_i64, |n, b| n.saturating_mul(10).saturating_add(i64::from(b - b'0')));
    if negative { -n } else { n }
}

/// The name, in quotes with escapes if it would not survive as a plain word.
fn quoted(name: &str) -> String {
    let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'\\' | b'"' | b'\'');
    if !name.is_empty() && name.bytes().all(plain) {
        return name.to_string();
    }
    let mut out = String::from("\"");
    for b in name.bytes() {
        let _ = match b {
            b'\\' | b'"' => write!(out, "\\{}", char::from(b)),
            b'\n' => out.write_str("\\n"),
            b'\r' => out.write_str("\\r"),
            b'\t' => out.write_str("\\t"),
            0x07 => out.write_str("\\a"),
            0x08 => out.write_str("\\b"),
            b if b == b' ' || b.is_ascii_graphic() => out.write_char(char::from(b)),
            b => write!(out, "\\x{b:02x}"),
        };
    }
    out.push('"');
    out
}

//! redis-check-aof: are these files whole, and where do they stop being so?
//!
//! It is given a manifest, or a single file of before 7.0 (commands, with or without an RDB file in
//! front). `--fix` cuts an unfinished tail off the last file; `--truncate-to-timestamp` cuts off
//! what was done after a moment, if the file carries `#TS:` lines. The lines are those of Redis's tool.

use super::manifest::Manifest;
use crate::rdb::check_rdb::Checker;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// What the tool needs from outside.
pub trait Outside {
    /// A file's length; the error is the operating system's word.
    fn length(&mut self, path: &str) -> Result<u64, String>;
    /// Up to `len` bytes from `offset` on; fewer only at the end of the file.
    fn read(&mut self, path: &str, offset: u64, len: usize) -> Result<Vec<u8>, String>;
    /// Cuts a file.
    fn truncate(&mut self, path: &str, len: u64) -> Result<(), String>;
    /// Prints, without adding a line end.
    fn print(&mut self, text: &str);
    /// Reads a line that the user types.
    fn ask(&mut self) -> String;
}

/// What to do about what is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cure {
    None,
    Fix,
    TruncateTo(i64),
}

/// The tool stops here; everything has been said.
struct Stopped;

/// A command cannot be read.
enum Halt {
    /// Because the tool stops.
    Stopped,
    /// Because the file ends in the middle of it.
    Cut,
    /// Because of what stands at this place.
    Broken(u64, String),
}

impl From<Stopped> for Halt {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

/// How one file is.
enum Verdict {
    Ok,
    Empty,
    Truncated,
    TruncatedTo(i64),
}

/// Runs the tool with its command line (the first argument is the program's name); returns the exit
/// code. `now_ms` is for counting expired keys in an RDB file.
pub fn run(args: &[&str], now_ms: i64, outside: &mut dyn Outside) -> i32 {
    let mut tool = Tool { outside, now_ms, cure: Cure::None, line: 1 };
    match tool.main(args) {
        Ok(()) => 0,
        Err(Stopped) => 1,
    }
}

struct Tool<'a> {
    outside: &'a mut dyn Outside,
    now_ms: i64,
    cure: Cure,
    /// The line of the file that is being read; Redis counts on from file to file.
    line: u64,
}

impl Tool<'_> {
    fn main(&mut self, args: &[&str]) -> Result<(), Stopped> {
        let path = match args {
            [_, path] => path,
            [_, "--fix", path] => {
                self.cure = Cure::Fix;
                path
            }
            [_, "--truncate-to-timestamp", moment, path] => {
                let Ok(moment) = moment.parse() else {
                    return self.stop("Invalid timestamp, aborting...\n");
                };
                // Zero is how Redis says that there is no such moment.
                self.cure = if moment == 0 { Cure::None } else { Cure::TruncateTo(moment) };
                path
            }
            _ => {
                let name = args.first().unwrap_or(&"redis-check-aof");
                return self.stop(&format!(
                    "Usage: {name} [--fix|--truncate-to-timestamp $timestamp] <file.manifest|file.aof>\n"
                ));
            }
        };
        let size = self.length(path, "")?;
        let head = self.read(path, 0, 8)?;
        if size >= SMALLEST_MANIFEST && head.starts_with(b"file") {
            self.multi_part(path)
        } else {
            self.old_style(path, head.len() == 8 && head.starts_with(b"REDIS"))
        }
    }

    fn multi_part(&mut self, path: &str) -> Result<(), Stopped> {
        self.say("Start checking Multi Part AOF\n");
        let size = self.length(path, "")?;
        let bytes = self.read(path, 0, usize::try_from(size).unwrap_or(usize::MAX))?;
        let manifest = match Manifest::parse(&bytes) {
            Ok(manifest) => manifest,
            Err(error) => return self.stop(&format!("{error}\n")),
        };
        let dir = path.rfind('/').map_or("", |at| &path[..=at]);
        let total = manifest.files().count();
        let mut number = 0;
        if let Some(file) = &manifest.base {
            number += 1;
            let path = format!("{dir}{}", file.name);
            let head = self.read(&path, 0, 8)?;
            let rdb = head.len() == 8 && head.starts_with(b"REDIS");
            let format = if rdb { "RDB" } else { "RESP" };
            self.say(&format!("Start to check BASE AOF ({format} format).\n"));
            let verdict = self.single(&file.name, &path, number == total, rdb)?;
            self.say_verdict("BASE AOF", &file.name, &verdict);
        }
        if !manifest.incrs.is_empty() {
            self.say("Start to check INCR files.\n");
        }
        for file in &manifest.incrs {
            number += 1;
            let path = format!("{dir}{}", file.name);
            let verdict = self.single(&file.name, &path, number == total, false)?;
            self.say_verdict("INCR AOF", &file.name, &verdict);
        }
        self.say("All AOF files and manifest are valid\n");
        Ok(())
    }

    fn old_style(&mut self, path: &str, preamble: bool) -> Result<(), Stopped> {
        self.say("Start checking Old-Style AOF\n");
        let verdict = self.single(path, path, true, preamble)?;
        self.say_verdict("AOF", path, &verdict);
        Ok(())
    }

    fn say_verdict(&mut self, kind: &str, name: &str, verdict: &Verdict) {
        self.say(&match verdict {
            Verdict::Ok => format!("{kind} {name} is valid\n"),
            Verdict::Empty => format!("{kind} {name} is empty\n"),
            Verdict::Truncated => format!("Successfully truncated AOF {name}\n"),
            Verdict::TruncatedTo(moment) => {
                format!("Successfully truncated AOF {name} to timestamp {moment}\n")
            }
        });
    }

    /// Checks an RDB file, or what stands in front of an old AOF. Returns where it ends, if it is sound.
    fn rdb(&mut self, name: &str, path: &str) -> Result<Option<u64>, Stopped> {
        let mut checker = Checker::new(name, self.now_ms);
        let mut offset = 0;
        loop {
            let piece = self.read(path, offset, CHUNK)?;
            offset += piece.len() as u64;
            if !checker.feed(&piece) || piece.len() < CHUNK {
                break;
            }
        }
        let report = checker.finish();
        for line in &report.lines {
            self.say(&format!("{line}\n"));
        }
        Ok(report.ok.then_some(report.end))
    }

    /// Checks one file of commands.
    fn single(
        &mut self,
        name: &str,
        path: &str,
        last: bool,
        preamble: bool,
    ) -> Result<Verdict, Stopped> {
        let size = self.length(path, ", aborting...")?;
        if size == 0 {
            return Ok(Verdict::Empty);
        }
        let mut begin = 0;
        if preamble {
            begin = match self.rdb(name, path)? {
                Some(end) => end,
                None => return self.stop("RDB preamble of AOF file is not sane, aborting.\n"),
            };
            self.say("RDB preamble is OK, proceeding with AOF tail...\n");
        }
        let mut file =
            File { path, pos: begin, start: begin, window: Vec::new(), used: 0, at_end: false };
        let good = match self.commands(&mut file, name, last)? {
            Scan::Cut(moment) => return Ok(Verdict::TruncatedTo(moment)),
            Scan::UpTo(good) => good,
        };
        let diff = size - good;
        if let (0, Cure::TruncateTo(moment)) = (diff, self.cure) {
            self.say(&format!("Truncate nothing in AOF {name} to timestamp {moment}\n"));
            return Ok(Verdict::Ok);
        }
        let line = self.line;
        self.say(&format!(
            "AOF analyzed: filename={name}, size={size}, ok_up_to={good}, ok_up_to_line={line}, diff={diff}\n"
        ));
        if diff == 0 { Ok(Verdict::Ok) } else { self.fix(name, path, last, size, good) }
    }

    fn fix(
        &mut self,
        name: &str,
        path: &str,
        last: bool,
        size: u64,
        good: u64,
    ) -> Result<Verdict, Stopped> {
        if self.cure != Cure::Fix {
            return self.stop(&format!(
                "AOF {name} is not valid. Use the --fix option to try fixing it.\n"
            ));
        }
        if !last {
            return self
                .stop(&format!("Failed to truncate AOF {name} because it is not the last file\n"));
        }
        let diff = size - good;
        self.say(&format!(
            "This will shrink the AOF {name} from {size} bytes, with {diff} bytes, to {good} bytes\n\
             Continue? [y/N]: "
        ));
        if !self.outside.ask().to_ascii_lowercase().starts_with('y') {
            return self.stop("Aborting...\n");
        }
        match self.outside.truncate(path, good) {
            Ok(()) => Ok(Verdict::Truncated),
            Err(_) => self.stop(&format!("Failed to truncate AOF {name}\n")),
        }
    }

    /// Reads command after command; returns where the last whole one (or transaction) ended.
    fn commands(&mut self, file: &mut File<'_>, name: &str, last: bool) -> Result<Scan, Stopped> {
        let mut in_multi = false;
        let mut good = file.pos;
        let error = loop {
            if !in_multi {
                good = file.pos;
            }
            match file.peek(self)? {
                None if in_multi => break Some((file.start, NO_EXEC.into())),
                None => break None,
                Some(b'#') => {
                    if let Some(moment) = self.annotation(file, last)? {
                        return Ok(Scan::Cut(moment));
                    }
                }
                Some(b'*') => match self.command(file, &mut in_multi) {
                    Ok(()) => {}
                    Err(Halt::Stopped) => return Err(Stopped),
                    Err(Halt::Cut) if in_multi => break Some((file.start, NO_EXEC.into())),
                    Err(Halt::Cut) => break None,
                    Err(Halt::Broken(at, what)) => break Some((at, what)),
                },
                Some(_) => {
                    self.say(&format!("AOF {name} format error\n"));
                    break None;
                }
            }
        };
        if let Some((at, what)) = error {
            self.say(&format!("0x{at:16x}: {what}\n"));
        }
        Ok(Scan::UpTo(good))
    }

    fn command(&mut self, file: &mut File<'_>, in_multi: &mut bool) -> Result<(), Halt> {
        for i in 0..self.number(file, b'*')? {
            let text = self.text(file)?;
            let unexpected =
                |what: &str| Err(Halt::Broken(file.start, format!("{what} in AOF {}", file.path)));
            match (i, text.to_ascii_lowercase().as_slice(), *in_multi) {
                (0, b"multi", true) => return unexpected("Unexpected MULTI"),
                (0, b"multi", false) => *in_multi = true,
                (0, b"exec", false) => return unexpected("Unexpected EXEC"),
                (0, b"exec", true) => *in_multi = false,
                _ => {}
            }
        }
        Ok(())
    }

    /// A line with a number: `*3`, `$5`.
    fn number(&mut self, file: &mut File<'_>, prefix: u8) -> Result<i64, Halt> {
        let at = file.pos;
        file.start = at;
        let line = file.line(self, 127)?;
        let first = *line.first().ok_or(Halt::Cut)?;
        if first != prefix {
            let (prefix, first) = (char::from(prefix), char::from(first));
            return Err(Halt::Broken(at, format!("Expected prefix '{prefix}', got: '{first}'")));
        }
        let sign = usize::from(matches!(line.get(1), Some(b'-' | b'+')));
        let digits = line[1 + sign..].iter().take_while(|b| b.is_ascii_digit()).count();
        let end = 1 + sign + digits;
        let n = core::str::from_utf8(&line[1..end]).ok().and_then(|n| n.parse::<i64>().ok());
        self.newline(at, &line[end..])?;
        Ok(n.unwrap_or(if digits > 0 { i64::MAX } else { 0 }))
    }

    /// A string; of a long one only the beginning is kept.
    fn text(&mut self, file: &mut File<'_>) -> Result<Vec<u8>, Halt> {
        let len = self.number(file, b'$')?;
        if !(0..=i64::MAX - 2).contains(&len) {
            return Err(Halt::Broken(
                file.start,
                format!(
                    "Expected to read string of {len} bytes, which is not in the suitable range"
                ),
            ));
        }
        let at = file.pos;
        file.start = at;
        let wanted = len.unsigned_abs() + 2;
        let mut kept = file.take(self, wanted.min(KEPT))?;
        let mut ending = kept.clone();
        while file.pos - at < wanted {
            let piece = file.take(self, (wanted - (file.pos - at)).min(CHUNK as u64))?;
            if piece.is_empty() {
                let got = file.pos - at;
                let what = format!("Expected to read {wanted} bytes, got {got} bytes");
                return Err(Halt::Broken(at, what));
            }
            ending.extend(piece);
            ending.drain(..ending.len() - 2);
        }
        self.newline(at, &ending[ending.len() - 2..])?;
        kept.truncate(usize::try_from(len).unwrap_or(usize::MAX));
        Ok(kept)
    }

    fn newline(&mut self, at: u64, bytes: &[u8]) -> Result<(), Halt> {
        if bytes.starts_with(b"\r\n") {
            self.line += 1;
            return Ok(());
        }
        let byte = |i: usize| bytes.get(i).copied().unwrap_or(0);
        Err(Halt::Broken(at, format!("Expected \\r\\n, got: {:02x}{:02x}", byte(0), byte(1))))
    }

    /// A line that begins with `#`. `Some`: the file was cut off before it.
    fn annotation(&mut self, file: &mut File<'_>, last: bool) -> Result<Option<i64>, Stopped> {
        let at = file.pos;
        let line = file.line(self, 1023)?;
        let (Cure::TruncateTo(moment), Some(stamp)) = (self.cure, line.strip_prefix(b"#TS:"))
        else {
            return Ok(None);
        };
        let text = stamp.iter().take_while(|b| b.is_ascii_digit() || **b == b'-');
        let text: String = text.map(|b| char::from(*b)).collect();
        let Ok(stamp) = text.parse::<i64>() else {
            return self.stop("Invalid timestamp annotation\n");
        };
        let path = file.path;
        if stamp <= moment {
            return Ok(None);
        }
        if at == 0 {
            return self
                .stop(&format!("AOF {path} has nothing before timestamp {moment}, aborting...\n"));
        }
        if !last {
            return self.stop(&format!(
                "Failed to truncate AOF {path} to timestamp {moment} to offset {at} because it is not the last file.\n\
                 If you insist, please delete all files after this file according to the manifest \
                 file and delete the corresponding records in manifest file manually. Then re-run redis-check-aof.\n"
            ));
        }
        match self.outside.truncate(path, at) {
            Ok(()) => Ok(Some(moment)),
            Err(_) => self.stop(&format!("Failed to truncate AOF {path} to timestamp {moment}\n")),
        }
    }

    fn length(&mut self, path: &str, then: &str) -> Result<u64, Stopped> {
        match self.outside.length(path) {
            Ok(length) => Ok(length),
            Err(why) => self.stop(&format!("Cannot open file {path}: {why}{then}\n")),
        }
    }

    fn read(&mut self, path: &str, offset: u64, len: usize) -> Result<Vec<u8>, Stopped> {
        match self.outside.read(path, offset, len) {
            Ok(bytes) => Ok(bytes),
            Err(why) => self.stop(&format!("Cannot open file {path}: {why}, aborting...\n")),
        }
    }

    fn say(&mut self, text: &str) {
        self.outside.print(text);
    }

    fn stop<T>(&mut self, text: &str) -> Result<T, Stopped> {
        self.say(text);
        Err(Stopped)
    }
}

/// `file a.1.incr.aof seq 1 type i` and its line end: nothing shorter is a manifest.
const SMALLEST_MANIFEST: u64 = 30;
const NO_EXEC: &str = "Reached EOF before reading EXEC for MULTI";
/// Bytes read at a time.
const CHUNK: usize = 64 * 1024;
/// So much of a string is kept: enough to recognise MULTI and EXEC.
const KEPT: u64 = 64;

/// How the reading of a file ended.
enum Scan {
    /// Whole up to here.
    UpTo(u64),
    /// Cut off at this moment.
    Cut(i64),
}

/// A file that is being read from front to back.
struct File<'a> {
    path: &'a str,
    /// The place of the next byte.
    pos: u64,
    /// Where the element begins that is being read, for errors.
    start: u64,
    /// What has been read ahead; the first `used` bytes lie behind `pos`.
    window: Vec<u8>,
    used: usize,
    at_end: bool,
}

impl File<'_> {
    /// Reads ahead until `n` bytes are there, or the file ends.
    fn fill(&mut self, tool: &mut Tool<'_>, n: usize) -> Result<&[u8], Stopped> {
        while self.window.len() - self.used < n && !self.at_end {
            self.window.drain(..core::mem::take(&mut self.used));
            let piece = tool.read(self.path, self.pos + self.window.len() as u64, CHUNK)?;
            self.at_end = piece.len() < CHUNK;
            self.window.extend(piece);
        }
        Ok(&self.window[self.used..])
    }

    fn peek(&mut self, tool: &mut Tool<'_>) -> Result<Option<u8>, Stopped> {
        Ok(self.fill(tool, 1)?.first().copied())
    }

    fn take(&mut self, tool: &mut Tool<'_>, n: u64) -> Result<Vec<u8>, Stopped> {
        let n = usize::try_from(n).unwrap_or(usize::MAX);
        let ahead = self.fill(tool, n)?;
        let taken = ahead[..n.min(ahead.len())].to_vec();
        self.used += taken.len();
        self.pos += taken.len() as u64;
        Ok(taken)
    }

    /// Up to and including the next line end, but at most `max` bytes.
    fn line(&mut self, tool: &mut Tool<'_>, max: usize) -> Result<Vec<u8>, Stopped> {
        let ahead = self.fill(tool, max)?;
        let end = ahead.iter().take(max).position(|b| *b == b'\n').map_or(max, |at| at + 1);
        self.take(tool, end as u64)
    }
}

//! redis-check-rdb and redis-check-aof on real files.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::FileExt as _,
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use engine::{aof, rdb::check_rdb::Checker};

use crate::{cli::REDIS_VERSION, driver::strerror};

/// Bytes read at a time.
const CHUNK: usize = 256 * 1024;

/// redis-check-rdb: `args` stand behind the program's name.
pub fn rdb(args: &[String]) -> ExitCode {
    let path = match args {
        [flag] if flag == "-v" || flag == "--version" => {
            println!("redis-check-rdb {REDIS_VERSION}");
            return ExitCode::SUCCESS;
        }
        [path] => path,
        _ => {
            eprintln!("Usage: redis-check-rdb <rdb-file-name>");
            return ExitCode::FAILURE;
        }
    };
    match check_rdb(path) {
        Ok(ok) => ExitCode::from(u8::from(!ok)),
        Err(error) => {
            eprintln!("Cannot open file {path}: {}", strerror(&error));
            ExitCode::FAILURE
        }
    }
}

fn check_rdb(path: &str) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let mut checker = Checker::new(path, now_ms());
    let mut chunk = vec![0; CHUNK];
    loop {
        let n = file.read(&mut chunk)?;
        if n == 0 || !checker.feed(&chunk[..n]) {
            break;
        }
    }
    let report = checker.finish();
    for line in &report.lines {
        println!("{line}");
    }
    Ok(report.ok)
}

/// redis-check-aof: `args` stand behind the program's name.
pub fn aof(args: &[String]) -> ExitCode {
    let mut whole = vec!["redis-check-aof"];
    whole.extend(args.iter().map(String::as_str));
    let code = aof::check_aof::run(&whole, now_ms(), &mut Files);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The real files and the terminal.
struct Files;

impl aof::check_aof::Outside for Files {
    fn length(&mut self, path: &str) -> Result<u64, String> {
        fs::metadata(path).map(|file| file.len()).map_err(|error| strerror(&error))
    }

    fn read(&mut self, path: &str, offset: u64, len: usize) -> Result<Vec<u8>, String> {
        let read = || {
            let file = File::open(path)?;
            let there = file.metadata()?.len().saturating_sub(offset);
            let mut bytes = vec![0; usize::try_from(there).map_or(len, |there| there.min(len))];
            file.read_exact_at(&mut bytes, offset)?;
            Ok(bytes)
        };
        read().map_err(|error: io::Error| strerror(&error))
    }

    fn truncate(&mut self, path: &str, len: u64) -> Result<(), String> {
        let cut = OpenOptions::new().write(true).open(path).and_then(|file| file.set_len(len));
        cut.map_err(|error| strerror(&error))
    }

    fn print(&mut self, text: &str) {
        let mut out = io::stdout().lock();
        // The reader has closed the pipe: there is nothing left to report to.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    fn ask(&mut self) -> String {
        let mut answer = String::new();
        // An end of the input is no "yes".
        let _ = io::stdin().read_line(&mut answer);
        answer
    }
}

//! The AOF's files as values: what is written is read back, whatever the disk did to the end of it.

use super::check_aof::{self, Outside};
use super::*;
use crate::resp::encode::push_command;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;

type Commands = Vec<Vec<Vec<u8>>>;

fn command(words: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
    push_command(&mut out, words.into_iter());
    out
}

fn commands(lines: &[&str]) -> Vec<u8> {
    lines.iter().flat_map(|line| command(line)).collect()
}

/// Everything in a file, fed in pieces of `size` bytes.
fn read(file: &[u8], size: usize) -> Result<(Commands, Result<(), Unfinished>), BadFormat> {
    let mut reader = Reader::default();
    let mut seen = Vec::new();
    for piece in file.chunks(size) {
        reader.feed(piece);
        while let Some(args) = reader.next_command()? {
            seen.push(args.iter().map(<[u8]>::to_vec).collect());
        }
    }
    Ok((seen, reader.finish()))
}

fn words(lines: &[&str]) -> Commands {
    lines
        .iter()
        .map(|line| line.split(' ').map(|word| word.as_bytes().to_vec()).collect())
        .collect()
}

#[test]
fn a_manifest_is_read_and_written() {
    let text = "file appendonly.aof.2.base.rdb seq 2 type b\n\
        file appendonly.aof.1.incr.aof seq 1 type h\n\
        file appendonly.aof.4.incr.aof seq 4 type i\n\
        file appendonly.aof.5.incr.aof seq 5 type i\n";
    let manifest = Manifest::parse(text.as_bytes()).unwrap();
    assert_eq!(manifest.format(), text);
    assert_eq!(manifest.files().map(|file| file.seq).collect::<Vec<_>>(), [2, 4, 5]);
    let commented = format!("# hello\n{text}");
    assert_eq!(Manifest::parse(commented.as_bytes()), Ok(manifest));
}

#[test]
fn a_rewrite_walks_through_the_manifest() {
    let mut manifest = Manifest::default();
    assert_eq!(manifest.new_base("appendonly.aof", true), "appendonly.aof.1.base.rdb");
    assert_eq!(manifest.new_incr("appendonly.aof"), "appendonly.aof.1.incr.aof");
    // The rewrite begins: a new incr. It ends: a new base, and all before it is history.
    assert_eq!(manifest.new_incr("appendonly.aof"), "appendonly.aof.2.incr.aof");
    assert_eq!(manifest.new_base("appendonly.aof", false), "appendonly.aof.2.base.aof");
    manifest.retire_incrs(1);
    assert_eq!(
        manifest.format(),
        "file appendonly.aof.2.base.aof seq 2 type b\n\
         file appendonly.aof.1.incr.aof seq 1 type h\n\
         file appendonly.aof.1.base.rdb seq 1 type h\n\
         file appendonly.aof.2.incr.aof seq 2 type i\n"
    );
    manifest.history.clear();
    assert_eq!(Manifest::parse(manifest.format().as_bytes()), Ok(manifest));
}

#[test]
fn names_that_are_no_plain_words_are_quoted() {
    let mut manifest = Manifest::default();
    manifest.new_incr("app end\"only");
    assert_eq!(manifest.format(), "file \"app end\\\"only.1.incr.aof\" seq 1 type i\n");
    assert_eq!(Manifest::parse(manifest.format().as_bytes()), Ok(manifest));
}

#[test]
fn what_is_wrong_with_a_manifest_is_said_in_redis_words() {
    let long = format!("file {} seq 1 type b\n", "x".repeat(2000));
    for (text, what) in [
        ("", "Found an empty AOF manifest"),
        ("file a seq 1 type b", "The AOF manifest file contains too long line"),
        (&long, "The AOF manifest file contains too long line"),
        ("\n", "Invalid AOF manifest file format"),
        ("file a seq 1\n", "Invalid AOF manifest file format"),
        ("file a seq x type b\n", "Invalid AOF manifest file format"),
        ("file a seq 1 type b more\n", "Invalid AOF manifest file format"),
        ("file \"a seq 1 type b\n", "Invalid AOF manifest file format"),
        ("file dir/a seq 1 type b\n", "File can't be a path, just a filename"),
        ("file a seq 1 type b\nfile b seq 2 type b\n", "Found duplicate base file information"),
        ("file a seq 2 type i\nfile b seq 2 type i\n", "Found a non-monotonic sequence number"),
        ("file a seq 1 type x\n", "Unknown AOF file type"),
    ] {
        assert_eq!(Manifest::parse(text.as_bytes()).unwrap_err().what, what, "{text}");
    }
    let error = Manifest::parse(b"file a seq 1 type b\n  file b seq 2 type b \n").unwrap_err();
    assert_eq!(
        format!("{error}"),
        "\n*** FATAL AOF MANIFEST FILE ERROR ***\nReading the manifest file, at line 2\n\
         >>> 'file b seq 2 type b'\nFound duplicate base file information"
    );
}

#[test]
fn the_feed_names_the_database_and_the_time_when_they_change() {
    let (mut feed, mut out) = (Feed::default(), Vec::new());
    feed.put(&mut out, 0, &command("SET a 1"), None);
    feed.put(&mut out, 0, &command("SET b 2"), Some(100));
    feed.put(&mut out, 3, &command("SET c 3"), Some(100));
    feed.restart();
    feed.put(&mut out, 3, &command("SET d 4"), Some(100));
    let mut expected = commands(&["SELECT 0", "SET a 1"]);
    expected.extend_from_slice(b"#TS:100\r\n");
    expected.extend(commands(&["SET b 2", "SELECT 3", "SET c 3", "SELECT 3", "SET d 4"]));
    assert_eq!(out, expected);
}

#[test]
fn a_transaction_counts_when_it_is_whole() {
    let file = commands(&["SET a 1", "MULTI", "SET b 2", "SET c 3", "EXEC", "SET d 4"]);
    for size in [1, 7, file.len()] {
        let (seen, end) = read(&file, size).unwrap();
        assert_eq!(seen, words(&["SET a 1", "SET b 2", "SET c 3", "SET d 4"]));
        assert_eq!(end, Ok(()));
    }
    let valid_up_to = command("SET a 1").len() as u64;
    let (seen, end) = read(&commands(&["SET a 1", "MULTI", "SET b 2"]), 5).unwrap();
    assert_eq!(seen, words(&["SET a 1"]));
    assert_eq!(end, Err(Unfinished { valid_up_to, in_transaction: true, in_annotation: false }));
    let mut cut = commands(&["SET a 1", "MULTI", "SET b 2", "EXEC"]);
    cut.pop();
    let (seen, end) = read(&cut, 5).unwrap();
    assert_eq!(seen, words(&["SET a 1"]));
    assert_eq!(end, Err(Unfinished { valid_up_to, in_transaction: false, in_annotation: false }));
}

#[test]
fn annotations_are_passed_over_and_rubbish_is_located() {
    let mut file = b"#TS:1\r\n".to_vec();
    file.extend(command("SET a 1"));
    let valid_up_to = file.len() as u64;
    file.extend_from_slice(b"#TS:2");
    let cut = Unfinished { valid_up_to, in_transaction: false, in_annotation: true };
    assert_eq!(read(&file, 3).unwrap(), (words(&["SET a 1"]), Err(cut)));
    let good = command("SET a 1");
    for bad in [&b"hello\r\n"[..], b"*0\r\n", b"*1\r\n:3\r\n", b"*99999999999999\r\n"] {
        let file = [&good, bad].concat();
        assert_eq!(read(&file, 2), Err(BadFormat { offset: good.len() as u64 }), "{bad:?}");
    }
}

/// A disk, and a user who always says the same.
struct Desk {
    files: BTreeMap<String, Vec<u8>>,
    answer: &'static str,
    printed: String,
}

impl Outside for Desk {
    fn length(&mut self, path: &str) -> Result<u64, String> {
        self.files.get(path).map(|f| f.len() as u64).ok_or("No such file or directory".into())
    }
    fn read(&mut self, path: &str, offset: u64, len: usize) -> Result<Vec<u8>, String> {
        let file = self.files.get(path).ok_or("No such file or directory")?;
        let from = (offset as usize).min(file.len());
        Ok(file[from..(from + len.min(file.len())).min(file.len())].to_vec())
    }
    fn truncate(&mut self, path: &str, len: u64) -> Result<(), String> {
        self.files.get_mut(path).ok_or("No such file or directory")?.truncate(len as usize);
        Ok(())
    }
    fn print(&mut self, text: &str) {
        self.printed.push_str(text);
    }
    fn ask(&mut self) -> String {
        self.answer.to_string()
    }
}

/// The directory d/ with an empty base and this incr.
fn desk(incr: &[u8]) -> Desk {
    let manifest = b"file a.1.base.aof seq 1 type b\nfile a.1.incr.aof seq 1 type i\n";
    let files = [
        ("d/a.manifest", manifest.to_vec()),
        ("d/a.1.base.aof", Vec::new()),
        ("d/a.1.incr.aof", incr.to_vec()),
    ];
    let files = files.map(|(name, bytes)| (name.to_string(), bytes)).into();
    Desk { files, answer: "y\n", printed: String::new() }
}

fn tool(desk: &mut Desk, args: &[&str]) -> (i32, Vec<String>) {
    desk.printed.clear();
    let args: Vec<&str> = [&["redis-check-aof"], args].concat();
    let code = check_aof::run(&args, 0, desk);
    (code, desk.printed.lines().map(String::from).collect())
}

#[test]
fn the_checker_says_what_redis_check_aof_says() {
    let good = commands(&["SELECT 0", "set e 5", "set f 6"]);
    let mut desk = desk(&good);
    let (code, lines) = tool(&mut desk, &["d/a.manifest"]);
    assert_eq!(
        (code, &lines[..]),
        (
            0,
            &[
                "Start checking Multi Part AOF".to_string(),
                "Start to check BASE AOF (RESP format).".into(),
                "BASE AOF a.1.base.aof is empty".into(),
                "Start to check INCR files.".into(),
                "AOF analyzed: filename=a.1.incr.aof, size=77, ok_up_to=77, ok_up_to_line=20, diff=0".into(),
                "INCR AOF a.1.incr.aof is valid".into(),
                "All AOF files and manifest are valid".into(),
            ][..]
        )
    );
    desk.files.get_mut("d/a.1.incr.aof").unwrap().truncate(good.len() - 3);
    let (code, lines) = tool(&mut desk, &["d/a.manifest"]);
    assert_eq!(code, 1);
    assert_eq!(
        lines[4..],
        [
            "0x              4a: Expected to read 3 bytes, got 0 bytes",
            "AOF analyzed: filename=a.1.incr.aof, size=74, ok_up_to=50, ok_up_to_line=19, diff=24",
            "AOF a.1.incr.aof is not valid. Use the --fix option to try fixing it.",
        ]
    );
    let (code, lines) = tool(&mut desk, &["--fix", "d/a.manifest"]);
    assert_eq!(code, 0);
    assert_eq!(
        lines[6..],
        [
            "This will shrink the AOF a.1.incr.aof from 74 bytes, with 24 bytes, to 50 bytes",
            "Continue? [y/N]: Successfully truncated AOF a.1.incr.aof",
            "All AOF files and manifest are valid",
        ]
    );
    assert_eq!(desk.files["d/a.1.incr.aof"], good[..50]);
}

#[test]
fn the_fix_asks_first_and_takes_no_for_an_answer() {
    let bad = [&commands(&["set a 1"])[..], b"*3\r\n"].concat();
    let mut desk = desk(&bad);
    desk.answer = "n\n";
    let (code, lines) = tool(&mut desk, &["--fix", "d/a.1.incr.aof"]);
    assert_eq!((code, lines.last().unwrap().as_str()), (1, "Continue? [y/N]: Aborting..."));
    assert_eq!(desk.files["d/a.1.incr.aof"], bad);
}

#[test]
fn an_open_transaction_is_cut_off_whole() {
    let mut desk = desk(&commands(&["set a 1", "MULTI", "set b 2"]));
    let (_, lines) = tool(&mut desk, &["d/a.1.incr.aof"]);
    assert!(lines[1].ends_with("Reached EOF before reading EXEC for MULTI"), "{lines:?}");
    tool(&mut desk, &["--fix", "d/a.1.incr.aof"]);
    assert_eq!(desk.files["d/a.1.incr.aof"], command("set a 1"));
}

#[test]
fn a_file_can_be_cut_back_to_a_moment() {
    let (mut feed, mut out) = (Feed::default(), Vec::new());
    feed.put(&mut out, 0, &command("SET a 1"), Some(100));
    let before = out.len();
    feed.put(&mut out, 0, &command("FLUSHALL"), Some(200));
    let mut desk = desk(&out);
    let args = ["--truncate-to-timestamp", "150", "d/a.manifest"];
    let (code, lines) = tool(&mut desk, &args);
    assert_eq!(code, 0, "{lines:?}");
    assert_eq!(lines[4], "Successfully truncated AOF a.1.incr.aof to timestamp 150");
    assert_eq!(desk.files["d/a.1.incr.aof"], out[..before]);
    let (code, lines) = tool(&mut desk, &args);
    assert_eq!((code, &*lines[4]), (0, "Truncate nothing in AOF a.1.incr.aof to timestamp 150"));
    let (code, lines) = tool(&mut desk, &["--truncate-to-timestamp", "50", "d/a.manifest"]);
    assert_eq!(
        (code, &*lines[4]),
        (1, "AOF d/a.1.incr.aof has nothing before timestamp 50, aborting...")
    );
}

#[test]
fn a_wrong_call_is_answered_with_the_usage() {
    let usage = "Usage: redis-check-aof [--fix|--truncate-to-timestamp $timestamp] <file.manifest|file.aof>";
    let mut desk = desk(b"");
    assert_eq!(tool(&mut desk, &[]), (1, vec![usage.to_string()]));
    assert_eq!(tool(&mut desk, &["--fox", "d/a.manifest"]), (1, vec![usage.to_string()]));
    let gone = vec!["Cannot open file nowhere: No such file or directory".to_string()];
    assert_eq!(tool(&mut desk, &["nowhere"]), (1, gone));
}

proptest! {
    #[test]
    fn what_is_appended_is_read_back_however_it_is_cut(
        steps in proptest::collection::vec((0..3_u32, proptest::collection::vec("[a-z\r\n]{0,9}", 1..4)), 0..20),
        size in 1..50_usize, cut in any::<prop::sample::Index>(),
    ) {
        let (mut feed, mut file, mut ends) = (Feed::default(), Vec::new(), vec![0]);
        let mut expected = Vec::new();
        for (db, args) in &steps {
            let mut encoded = Vec::new();
            push_command(&mut encoded, args.iter().map(String::as_bytes).collect::<Vec<_>>().into_iter());
            feed.put(&mut file, *db, &encoded, None);
            ends.push(file.len() as u64);
            expected.push(args.iter().map(|a| a.as_bytes().to_vec()).collect::<Vec<_>>());
        }
        let (seen, end) = read(&file, size).unwrap();
        let seen: Commands = seen.into_iter().filter(|args| args[0] != b"SELECT").collect();
        prop_assert_eq!(&seen, &expected);
        prop_assert_eq!(end, Ok(()));
        let cut = cut.index(file.len() + 1);
        let (seen, end) = read(&file[..cut], size).unwrap();
        prop_assert!(seen.len() <= steps.len() * 2);
        if let Err(unfinished) = end {
            prop_assert!(unfinished.valid_up_to < cut as u64);
            prop_assert_eq!(read(&file[..unfinished.valid_up_to as usize], size).unwrap(), (seen, Ok(())));
        }
    }

    #[test]
    fn rubbish_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), lines in "[*$0-9a\r\n#]{0,60}") {
        for file in [&bytes[..], lines.as_bytes()] {
            let whole = read(file, 1000);
            if let (Ok(whole), Ok(split)) = (whole, read(file, 1)) {
                prop_assert_eq!(whole, split);
            }
            let _ = Manifest::parse(file);
            tool(&mut desk(file), &["--fix", "d/a.manifest"]);
        }
    }
}

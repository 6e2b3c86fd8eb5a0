//! What the two halves of the format promise each other, and what they promise a hostile file.

use super::*;
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;

type Row = (u32, Vec<u8>, Vec<u8>, Option<i64>);

/// Rows sorted by database.
#[derive(Clone, Debug)]
struct Rows {
    rows: Vec<Row>,
    next: usize,
    db: Option<u32>,
}

impl Rows {
    fn new(mut rows: Vec<Row>) -> Self {
        rows.sort();
        Self { rows, next: 0, db: None }
    }
}

impl Source for Rows {
    fn next_database(&mut self) -> Option<Database> {
        let index = self.rows.get(self.next)?.0;
        self.db = Some(index);
        let of_db = || self.rows.iter().filter(|row| row.0 == index);
        let expires = of_db().filter(|row| row.3.is_some()).count() as u64;
        Some(Database { index, keys: of_db().count() as u64, expires })
    }

    fn next_entry(&mut self) -> Option<Entry<'_>> {
        let (_, key, value, expire_ms) =
            self.rows.get(self.next).filter(|row| Some(row.0) == self.db)?;
        self.next += 1;
        let (key, value) = (Cow::Borrowed(&key[..]), Cow::Borrowed(&value[..]));
        Some(Entry { key, value, expire_ms: *expire_ms, meta: EntryMeta::None })
    }
}

fn aux() -> AuxInfo {
    AuxInfo { ctime: 1_795_181_287, used_mem: 1_153_384, repl: None, aof_base: false }
}

fn encode(rows: &[Row], options: EncodeOptions, budget: usize) -> Vec<u8> {
    let mut encoder = Encoder::new(Rows::new(rows.to_vec()), aux(), options);
    let mut out = Vec::new();
    while encoder.next_chunk(budget, &mut out) == Progress::More {}
    out
}

/// Everything in a file, fed in pieces of the given sizes (the last one repeats).
fn decode(file: &[u8], sizes: &[usize]) -> Result<(Vec<Row>, Checksum), LoadError> {
    let mut decoder = Decoder::new(OtherTypes::Refuse, true);
    let (mut rows, mut db, mut end) = (Vec::new(), 0, None);
    let (mut rest, mut turn) = (file, 0);
    loop {
        while let Some(item) = decoder.next_item()? {
            match item {
                Item::SelectDb(n) => db = n as u32,
                Item::Key(LoadedKey { key, object: Object::String(value), expire_ms, .. }) => {
                    rows.push((db, key, value, expire_ms));
                }
                Item::End(checksum) => end = Some(checksum),
                _ => {}
            }
        }
        if rest.is_empty() {
            decoder.finish()?;
            return Ok((rows, end.expect("finish() saw the end")));
        }
        let size = sizes.get(turn).or(sizes.last()).map_or(rest.len(), |n| (*n).max(1));
        let (piece, tail) = rest.split_at(size.min(rest.len()));
        decoder.feed(piece);
        (rest, turn) = (tail, turn + 1);
    }
}

fn key(key: &str, value: &str) -> Row {
    (0, key.as_bytes().to_vec(), value.as_bytes().to_vec(), None)
}

#[test]
fn the_checksum_is_that_of_redis() {
    assert_eq!(crc::crc64(0, b"123456789"), 0xe9c6_d914_c4b8_d9ca);
}

#[test]
fn numbers_take_one_two_five_or_nine_bytes() {
    for (n, size) in [(0, 1), (63, 1), (64, 2), (16_383, 2), (16_384, 5), (u32::MAX.into(), 5)] {
        let mut out = Vec::new();
        length::put(&mut out, n);
        assert_eq!((out.len(), length::take(&out)), (size, Ok((length::Length::Plain(n), size))));
    }
    let mut out = Vec::new();
    length::put(&mut out, 1 << 32);
    assert_eq!(length::take(&out), Ok((length::Length::Plain(1 << 32), 9)));
    assert_eq!(length::take(&[0x82]), Err(length::LengthError::Unknown(0x82)));
}

#[test]
fn strings_that_are_numbers_are_packed_only_if_they_come_back_the_same() {
    let packed = |text: &str| {
        let mut out = Vec::new();
        string::put(&mut out, text.as_bytes(), None);
        assert_eq!(string::take(&out), Ok((text.as_bytes().to_vec(), out.len())), "{text}");
        out.len()
    };
    assert_eq!(["0", "-1", "127", "-128"].map(packed), [2; 4]);
    assert_eq!(["128", "-129", "32767"].map(packed), [3; 3]);
    assert_eq!(["32768", "2147483647", "-2147483648"].map(packed), [5; 3]);
    for text in ["2147483648", "-0", "01", "+1", "1 ", "-", "", "1e3"] {
        assert_eq!(packed(text), text.len() + 1, "{text}");
    }
}

#[test]
fn compression_gives_the_bytes_that_redis_gives() {
    // `SET big abcabc…` (600 bytes) and SAVE on Redis 7.0.15.
    let text = "abc".repeat(200);
    let mut out = Vec::new();
    string::put(&mut out, text.as_bytes(), Some(&mut lzf::Compressor::default()));
    let redis = b"\xc3\x11\x42\x58\x03abca\xe0\xff\x02\xe1\xff\x07\xe1\x39\x07\x01bc";
    assert_eq!(out, redis);
    assert_eq!(string::take(&out), Ok((text.into_bytes(), out.len())));
}

#[test]
fn an_lzf_bomb_is_refused_before_it_goes_off() {
    // Claims to expand to 4 GB, and to less than it does.
    let mut bomb = vec![0xc3, 5, 0x80, 0xff, 0xff, 0xff, 0xff, 0, b'a', 0xe0, 255, 0];
    assert!(
        matches!(string::take(&bomb), Err(string::StringError::Bad(what)) if what.contains("512 MB"))
    );
    bomb.splice(2..7, [50]);
    assert_eq!(
        string::take(&bomb),
        Err(string::StringError::Bad("Invalid LZF compressed string".into()))
    );
    // A match that begins before the string does.
    assert_eq!(lzf::decompress(&[0x20, 5], 3), None);
}

#[test]
fn a_file_looks_as_redis_writes_it() {
    let rows = [key("k", "v"), (3, b"z".to_vec(), b"12".to_vec(), Some(0x0102_0304))];
    let file = encode(&rows, EncodeOptions::default(), usize::MAX);
    let body =
        b"\xfa\x09redis-ver\x067.0.15\xfa\x0aredis-bits\xc0\x40\xfa\x05ctime\xc2\xe7\x4a\x00\x6b\
        \xfa\x08used-mem\xc2\x68\x99\x11\x00\xfa\x08aof-base\xc0\x00\
        \xfe\x00\xfb\x01\x00\x00\x01k\x01v\
        \xfe\x03\xfb\x01\x01\xfc\x04\x03\x02\x01\x00\x00\x00\x00\x00\x01z\xc0\x0c\xff";
    let mut expected = b"REDIS0010".to_vec();
    expected.extend_from_slice(body);
    let sum = crc::crc64(0, &expected).to_le_bytes();
    expected.extend_from_slice(&sum);
    assert_eq!(file, expected);
}

#[test]
fn a_file_for_a_socket_stands_between_marks_that_are_not_part_of_it() {
    let rows = [key("k", "v")];
    let mark = [b'm'; 40];
    let options = EncodeOptions { eof_mark: Some(mark), ..EncodeOptions::default() };
    let plain = encode(&rows, EncodeOptions::default(), 7);
    let marked = encode(&rows, options, 1);
    assert_eq!(marked[..5], *b"$EOF:");
    assert_eq!(marked[45..47], *b"\r\n");
    assert_eq!(marked[47..marked.len() - 40], plain);
    assert!(marked.ends_with(&mark));
}

#[test]
fn a_value_that_is_not_a_string_is_named_and_refused() {
    let file = b"REDIS0010\xfe\x00\x10\x01h\x03abc\xff\0\0\0\0\0\0\0\0";
    let error = decode(file, &[]).unwrap_err();
    assert!(matches!(error, LoadError::Unsupported { offset: 14, .. }), "{error:?}");
    assert_eq!(
        alloc::format!("{error}"),
        "key 'h' is a hash (type 16, hash-listpack): this version holds strings only"
    );
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    assert_eq!(decode(b"RUBBISH..", &[]), Err(LoadError::Signature));
    assert_eq!(decode(b"REDIS0013", &[]), Err(LoadError::Version(13)));
    assert_eq!(decode(b"REDIS00", &[]), Err(LoadError::Cut { offset: 7 }));
    let mut file = encode(&[key("k", "v")], EncodeOptions::default(), usize::MAX);
    file[40] ^= 1;
    assert!(matches!(decode(&file, &[]), Err(LoadError::Checksum { .. })));
    assert!(matches!(decode(b"REDIS0010\x08", &[]), Err(LoadError::Corrupt { offset: 9, .. })));
}

#[test]
fn without_a_checksum_nothing_is_compared() {
    let options = EncodeOptions { checksum: false, ..EncodeOptions::default() };
    let file = encode(&[key("k", "v")], options, 10);
    assert_eq!(decode(&file, &[]).unwrap().1, Checksum::Disabled);
}

#[test]
fn the_checker_speaks_as_redis_check_rdb_does() {
    let mut rows = vec![key("a", "1"), key("b", "2")];
    rows[0].3 = Some(5);
    let file = encode(&rows, EncodeOptions::default(), usize::MAX);
    let run = |file: &[u8]| {
        let mut checker = check_rdb::Checker::new("dump.rdb", 10);
        checker.feed(file);
        checker.finish()
    };
    let report = run(&file);
    assert!(report.ok);
    let lines: Vec<&str> = report.lines.iter().map(String::as_str).collect();
    assert_eq!(
        lines[..2],
        ["[offset 0] Checking RDB file dump.rdb", "[offset 27] AUX FIELD redis-ver = '7.0.15'"]
    );
    assert_eq!(
        lines[6..],
        [
            "[offset 82] Selecting DB ID 0",
            &alloc::format!("[offset {}] Checksum OK", file.len()),
            &alloc::format!("[offset {}] \\o/ RDB looks OK! \\o/", file.len()),
            "[info] 2 keys read",
            "[info] 1 expires",
            "[info] 1 already expired",
        ]
    );
    let report = run(&file[..file.len() - 10]);
    assert!(!report.ok);
    assert!(report.lines.contains(&String::from("--- RDB ERROR DETECTED ---")));
    assert!(report.lines.iter().any(|line| line.ends_with("Unexpected EOF reading RDB file")));
}

#[test]
fn a_stream_with_a_consumer_group_is_walked_over() {
    // XADD x … / XGROUP CREATE x g 0 / XREADGROUP GROUP g c STREAMS x > on Redis 7.0.15.
    let mut file = b"REDIS0010\xfe\x00\x13\x01x\x01\x10\0\0\x01\xa1\xf9\x24\x96\x88\0\0\0\0\0\0\0\0\
        \x1d\x1d\0\0\0\x0a\0\x01\x01\0\x01\x01\x01\x81\x61\x02\0\x01\x02\x01\0\x01\0\x01\x81\x62\x02\x04\x01\xff\
        \x01\x81\0\0\x01\xa1\xf9\x24\x96\x88\0\x81\0\0\x01\xa1\xf9\x24\x96\x88\0\0\0\x01\x01\x01g\x81\0\0\x01\
        \xa1\xf9\x24\x96\x88\0\x01\x01\0\0\x01\xa1\xf9\x24\x96\x88\0\0\0\0\0\0\0\0\x90\x96\x24\xf9\xa1\x01\0\0\
        \x01\x01\x01c\x90\x96\x24\xf9\xa1\x01\0\0\x01\0\0\x01\xa1\xf9\x24\x96\x88\0\0\0\0\0\0\0\0"
        .to_vec();
    file.extend_from_slice(b"\x00\x01k\x01v\xff\0\0\0\0\0\0\0\0");
    for size in [1, 3, 1000] {
        let mut checker = check_rdb::Checker::new("x", 0);
        for piece in file.chunks(size) {
            checker.feed(piece);
        }
        let report = checker.finish();
        assert!(report.ok, "{:#?}", report.lines);
        assert_eq!((report.tally.keys, report.end), (2, file.len() as u64));
    }
}

#[test]
fn a_huge_value_in_small_pieces_is_looked_at_once() {
    let value: String =
        (0..200_000_u32).map(|n| char::from(b'a' + (n.wrapping_mul(n) / 7 % 26) as u8)).collect();
    let rows = vec![key("big", &value), key("small", "x")];
    for compression in [true, false] {
        let options = EncodeOptions { compression, ..EncodeOptions::default() };
        assert_eq!(decode(&encode(&rows, options, 100), &[1]).unwrap().0, rows);
    }
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let text = prop_oneof![
        "[a-c]{0,300}".prop_map(String::into_bytes),
        any::<i64>().prop_map(|n| alloc::format!("{n}").into_bytes()),
        proptest::collection::vec(any::<u8>(), 0..100),
    ];
    let row = (0..3_u32, text.clone(), text, proptest::option::of(any::<i64>()));
    proptest::collection::vec(row, 0..20)
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_however_it_is_cut(
        rows in rows(), budget in 1..500_usize, sizes in proptest::collection::vec(1..200_usize, 1..20),
        compression: bool,
    ) {
        let options = EncodeOptions { compression, ..EncodeOptions::default() };
        let file = encode(&rows, options, budget);
        prop_assert_eq!(&file, &encode(&rows, options, usize::MAX));
        let (loaded, checksum) = decode(&file, &sizes).unwrap();
        prop_assert_eq!(loaded, Rows::new(rows).rows);
        prop_assert_eq!(checksum, Checksum::Verified);
    }

    #[test]
    fn compression_is_undone(input in prop_oneof![
        proptest::collection::vec(0..4_u8, 4..2000),
        proptest::collection::vec(any::<u8>(), 4..500),
    ]) {
        let mut lzf = lzf::Compressor::default();
        for _ in 0..2 {
            let mut out = Vec::new();
            if lzf.compress(&input, input.len() - 4, &mut out) {
                prop_assert!(out.len() <= input.len() - 4);
                prop_assert_eq!(lzf::decompress(&out, input.len()), Some(input.clone()));
            }
        }
    }

    #[test]
    fn a_damaged_file_is_an_error_or_a_file_but_never_a_panic(
        rows in rows(), damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut file = encode(&rows, EncodeOptions { checksum: false, ..EncodeOptions::default() }, usize::MAX);
        for (at, byte) in damage {
            let at = at.index(file.len());
            file[at] = byte;
        }
        file.truncate(cut.index(file.len()).max(file.len() / 2));
        let whole = decode(&file, &[]);
        prop_assert_eq!(&whole, &decode(&file, &[1]));
        let mut checker = check_rdb::Checker::new("x", 0);
        checker.feed(&file);
        let _ = checker.finish();
    }

    #[test]
    fn arbitrary_bytes_after_the_magic_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut file = b"REDIS0011".to_vec();
        file.extend(bytes);
        let _ = decode(&file, &[]);
        let mut checker = check_rdb::Checker::new("x", 0);
        checker.feed(&file);
        let _ = checker.finish();
    }
}

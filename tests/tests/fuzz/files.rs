//! The formats of files: RDB, AOF, manifest, redis.conf, sentinel.conf, and the tools that check some of them.

use std::collections::BTreeMap;

use engine::aof::{self, Manifest};
use engine::config::{self, Config, Mode, rewrite_file};
use engine::node::load_config;
use engine::rdb::{Decoder, LoadError, OtherTypes, check_rdb::Checker};
use engine::sentinel::Sentinel;
use tests::encode;

use super::{Target, shape};
use crate::memory::NoFiles;

/// The shape of a sentence of which the beginning is always the same.
fn shape_of_rest(text: &str) -> String {
    shape(&text.replace('\n', " ").chars().skip(40).collect::<String>())
}

/// A small file with all that a header can say.
pub fn small_rdb() -> Vec<u8> {
    let mut file =
        b"REDIS0010\xfa\x09redis-ver\x067.0.15\xfa\x05ctime\xc2\x00\xe1\x53\x65".to_vec();
    file.extend(b"\xfe\x00\xfb\x03\x01\x00\x01a\x01b\xfc\x00\x00\x00\x00\xff\x7f\x00\x00\x00\x03key\xc0\x2a");
    file.extend(b"\xf8\x05\x00\x04idle\xc1\x10\x27\xf9\x07\x00\x04freq\xc3\x09\x40\x64\x01aa\xe0\x57\x00\x01aa");
    file.extend(b"\xfe\x03\xfb\x01\x00\x00\x80\x00\x00\x00\x02xy\x40\x05hello\xff");
    file.extend([0; 8]);
    file
}

fn rdb_seeds() -> Vec<Vec<u8>> {
    let other = |kind: u8, value: &[u8]| {
        [b"REDIS0010\xfe\x00", &[kind][..], b"\x01k", value, b"\xff\0\0\0\0\0\0\0\0"].concat()
    };
    vec![
        small_rdb(),
        b"REDIS0003\xfe\x00\xfd\x00\x00\x00\x7f\x00\x01a\x01b\xff".to_vec(),
        other(1, b"\x02\x01a\x01b"),
        other(3, b"\x01\x01m\x031.5"),
        other(5, b"\x01\x01m\0\0\0\0\0\0\0\x40"),
        other(7, b"\x81\0\0\0\0\0\0\x04\0\x02\x02\x05\x03abc\0"),
        other(18, b"\x01\x02\x0b\x0b\0\0\0\x01\0\x81a\x02\xff"),
        other(15, b"\x00\x00\x00\x00\x00"),
        b"REDIS0011\xf5\x03lib\xf7\x81\x40\x5a\x1c\x6e\x0f\x11\x04\x01\x02\x02\x05\x00\xff\0\0\0\0\0\0\0\0".to_vec(),
    ]
}

fn items(bytes: &[u8], size: usize) -> (Vec<String>, Result<(), LoadError>) {
    let mut decoder = Decoder::new(OtherTypes::Walk, true);
    let mut items = Vec::new();
    for piece in bytes.chunks(size) {
        decoder.feed(piece);
        loop {
            match decoder.next_item() {
                Ok(Some(item)) => items.push(format!("{item:?}")),
                Ok(None) => break,
                Err(error) => return (items, Err(error)),
            }
        }
    }
    (items, decoder.finish())
}

pub const RDB: Target = Target {
    name: "rdb",
    seeds: rdb_seeds,
    words: &["REDIS0012", "\u{1}", "\0\0\0\0", "redis-ver"],
    run: |bytes| {
        let whole = items(bytes, bytes.len().max(1));
        for size in [1, 5] {
            assert_eq!(items(bytes, size), whole, "in pieces of {size}");
        }
        format!("{} {:?}", whole.0.len(), whole.1.map_err(|error| shape(&error.to_string())))
    },
    short: 3000,
};

fn aof_seeds() -> Vec<Vec<u8>> {
    let set = encode(&["SET", "a", "1"]);
    vec![
        [&set[..], &encode(&["SELECT", "3"]), &encode(&["PEXPIREAT", "a", "99999999999999"])]
            .concat(),
        [&encode(&["MULTI"])[..], &set, &set, &encode(&["EXEC"])].concat(),
        [b"#TS:1700000000\r\n", &set[..], b"#TS:1700000001\r\n", &encode(&["DEL", "a"])].concat(),
        [&small_rdb()[..], &set].concat(),
    ]
}

pub const AOF: Target = Target {
    name: "aof",
    seeds: aof_seeds,
    words: &[
        "*1\r\n$5\r\nMULTI\r\n",
        "*1\r\n$4\r\nEXEC\r\n",
        "#TS:1\r\n",
        "\r\n",
        "*3\r\n",
        "$1\r\n",
    ],
    run: |bytes| {
        let whole = commands(bytes, bytes.len().max(1));
        assert_eq!(commands(bytes, 3), whole, "in pieces");
        if let (commands_before, Ok(Err(unfinished))) = &whole {
            let valid = &bytes[..unfinished.valid_up_to as usize];
            assert_eq!(commands(valid, 7), (commands_before.clone(), Ok(Ok(()))), "what is whole");
        }
        format!("{} {:?}", whole.0.len().min(9), whole.1.map(|end| end.is_ok()).is_ok())
    },
    short: 3000,
};

type Ended = Result<Result<(), aof::Unfinished>, aof::BadFormat>;

fn commands(bytes: &[u8], size: usize) -> (Vec<Vec<Vec<u8>>>, Ended) {
    let (mut reader, mut out) = (aof::Reader::default(), Vec::new());
    for piece in bytes.chunks(size) {
        reader.feed(piece);
        loop {
            match reader.next_command() {
                Ok(Some(args)) => out.push(args.iter().map(<[u8]>::to_vec).collect()),
                Ok(None) => break,
                Err(bad) => return (out, Err(bad)),
            }
        }
    }
    (out, Ok(reader.finish()))
}

pub fn manifest_seeds() -> Vec<Vec<u8>> {
    ["file a.1.base.rdb seq 1 type b\nfile a.1.incr.aof seq 1 type i\nfile a.2.incr.aof seq 2 type i\n",
        "file \"a b\\x01\" seq 7 type b\n# a word\nfile h seq 1 type h key value\n",
        "type i file x seq 3\r\n"]
        .map(Into::into)
        .into()
}

pub const MANIFEST: Target = Target {
    name: "manifest",
    seeds: manifest_seeds,
    words: &["file ", "seq ", "type ", "\n", "\"", "\\x00", " b", " i", " h", "#", "/"],
    run: |bytes| {
        let mut manifest = match Manifest::parse(bytes) {
            Ok(manifest) => manifest,
            Err(error) => return shape(error.what),
        };
        let text = manifest.format();
        if text.lines().all(|line| line.len() < 1000) && !text.is_empty() {
            assert_eq!(Manifest::parse(text.as_bytes()).as_ref(), Ok(&manifest), "{text}");
        }
        // What a rewrite does to it can be read, too.
        manifest.new_base("x", true);
        manifest.new_incr("x");
        manifest.retire_incrs(1);
        let text = manifest.format();
        if text.lines().all(|line| line.len() < 1000) {
            assert!(Manifest::parse(text.as_bytes()).is_ok(), "{text}");
        }
        manifest.files().count().min(9).to_string()
    },
    short: 3000,
};

/// The files and the terminal of a check tool.
struct Desk(BTreeMap<String, Vec<u8>>, usize);

impl aof::check_aof::Outside for Desk {
    fn length(&mut self, path: &str) -> Result<u64, String> {
        self.0.get(path).map(|file| file.len() as u64).ok_or_else(|| "No such file".into())
    }
    fn read(&mut self, path: &str, offset: u64, len: usize) -> Result<Vec<u8>, String> {
        let file = self.0.get(path).ok_or("No such file")?;
        let rest = file.get(offset as usize..).unwrap_or_default();
        Ok(rest[..rest.len().min(len)].to_vec())
    }
    fn truncate(&mut self, path: &str, len: u64) -> Result<(), String> {
        self.0.get_mut(path).ok_or("No such file")?.truncate(len as usize);
        Ok(())
    }
    fn print(&mut self, text: &str) {
        self.1 += text.len();
    }
    fn ask(&mut self) -> String {
        "y\n".into()
    }
}

pub const CHECK_TOOLS: Target = Target {
    name: "check_tools",
    seeds: || [aof_seeds(), rdb_seeds(), manifest_seeds()].concat(),
    words: &["#TS:1\r\n", "*1\r\n$5\r\nMULTI\r\n", "REDIS0010", "file a.aof seq 1 type i\n"],
    run: |bytes| {
        let mut checker = Checker::new("x", 0);
        checker.feed(bytes);
        let mut signature = shape(&checker.finish().lines.concat());
        for cure in [None, Some("--fix"), Some("--truncate-to-timestamp")] {
            for name in ["x.aof", "x.manifest"] {
                let files = BTreeMap::from([
                    (name.to_string(), bytes.to_vec()),
                    ("a.aof".into(), bytes.to_vec()),
                ]);
                let mut desk = Desk(files, 0);
                let mut args = vec!["redis-check-aof"];
                args.extend(cure);
                if cure == Some("--truncate-to-timestamp") {
                    args.push("1700000000");
                }
                args.push(name);
                let code = aof::check_aof::run(&args, 0, &mut desk);
                assert!(desk.1 > 0, "it says something");
                signature += &code.to_string();
                if cure == Some("--fix") && code == 0 {
                    let again = aof::check_aof::run(&["redis-check-aof", name], 0, &mut desk);
                    assert_eq!(again, 0, "what it has mended is well");
                }
            }
        }
        signature
    },
    short: 1500,
};

pub const CONFIG: Target = Target {
    name: "config",
    seeds: || {
        ["port 7000\nbind 127.0.0.1 -::1\nsave 3600 1 300 100\nappendonly yes\n# a word\n",
            "maxmemory 100mb\nmaxmemory-policy allkeys-lru\nclient-output-buffer-limit replica 256mb 64mb 60\n",
            "replicaof 127.0.0.1 6379\nmasterauth \"a b\\x00\"\nrequirepass foobar\nrename-command CONFIG \"\"\n",
            "notify-keyspace-events KEA\nlogfile \"\"\nloglevel debug\ndir /tmp\ndatabases 4\n"]
            .map(Into::into)
            .into()
    },
    words: &[
        "\n",
        "save \"\"\n",
        "yes",
        "no",
        "include x\n",
        "\"",
        "user default on\n",
        "user x on\n",
        "port 0\n",
        "0kb",
        "1gb",
    ],
    run: |bytes| {
        let read = |text: &[u8]| load_config(Some("x.conf"), text, b"", Mode::Server, &mut NoFiles);
        let loaded = match read(bytes) {
            Ok(loaded) => loaded,
            Err(error) => {
                return shape_of_rest(&format!("{error} {}", error.one_line()));
            }
        };
        // Sizes beyond all measure wrap around, in Redis as well, and can't be read back.
        if bytes.windows(13).any(|digits| digits.iter().all(u8::is_ascii_digit)) {
            return "a great number".into();
        }
        // Redis, too, writes addresses as they are. Nothing listens on one with a space or a quote.
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-.:*%_".contains(&b);
        let address = |text: &String| !text.is_empty() && text.bytes().all(plain);
        if !loaded.network.bind.iter().all(address) {
            return "no address".into();
        }
        let text =
            rewrite_file::rewrite(bytes, &loaded, &rewrite_file::Extra::default(), Mode::Server);
        let again = read(&text)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&text)));
        assert_eq!(comparable(again), comparable(loaded), "{}", String::from_utf8_lossy(&text));
        "fine".into()
    },
    short: 2000,
};

/// A configuration without the lines that it was read from.
fn comparable(mut config: Config) -> Config {
    config.source = config::Source::default();
    config
}

pub fn sentinel_seeds() -> Vec<Vec<u8>> {
    ["port 26379\nsentinel myid 7fcee7c7ddff126bc836a96a65c6f55a2692eb48\nsentinel monitor mymaster 127.0.0.1 6379 2\n\
      sentinel down-after-milliseconds mymaster 3000\nsentinel config-epoch mymaster 3\nsentinel leader-epoch mymaster 3\n\
      sentinel known-replica mymaster 127.0.0.1 6380\nsentinel current-epoch 3\n\
      sentinel known-sentinel mymaster 127.0.0.1 26380 1fcee7c7ddff126bc836a96a65c6f55a2692eb49\n",
        "sentinel monitor a 10.0.0.1 1 1\nsentinel auth-pass a x\nsentinel parallel-syncs a 1\nsentinel failover-timeout a 60000\n",
        "sentinel resolve-hostnames yes\nsentinel monitor b example 6379 2\nsentinel rename-command b CONFIG x\n"]
        .map(Into::into)
        .into()
}

pub const SENTINEL_CONF: Target = Target {
    name: "sentinel_conf",
    seeds: sentinel_seeds,
    words: &[
        "sentinel ",
        "monitor ",
        "mymaster ",
        "\n",
        "known-replica ",
        "yes",
        "no",
        "\"",
        "announce-ip ",
    ],
    run: |bytes| {
        let read = |text: &[u8]| {
            let config = load_config(None, text, b"", Mode::Sentinel, &mut NoFiles)?;
            Sentinel::load(&config)
        };
        let sentinel = match read(bytes) {
            Ok(sentinel) => sentinel,
            Err(error) => return shape_of_rest(&error.to_string()),
        };
        // An id that the file has not is drawn when the node starts.
        let mut lines = sentinel.lines();
        lines.retain(|line| line != b"myid \"\"");
        let text = lines
            .iter()
            .flat_map(|line| [b"sentinel ", &line[..], b"\n"].concat())
            .collect::<Vec<u8>>();
        let again = read(&text)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&text)));
        let mut again = again.lines();
        again.retain(|line| line != b"myid \"\"");
        assert_eq!(again, lines, "{}", String::from_utf8_lossy(&text));
        lines.len().to_string()
    },
    short: 2000,
};

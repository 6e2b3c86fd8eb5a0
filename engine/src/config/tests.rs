//! The configuration, from outside: what a file, `CONFIG GET`, `CONFIG SET` and `CONFIG REWRITE` do.

use crate::node::load_config;
use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use super::{
    directive::{Effect, Kind, Place},
    rewrite_file::{Extra, rewrite},
    *,
};

/// A machine with two files and one directory.
struct Machine;

impl Outside for Machine {
    fn include(&mut self, path: &str) -> Result<Vec<u8>, (String, String)> {
        match path {
            "/conf.d/limits.conf" => Ok(b"maxclients 50\nsave 7 7\n".to_vec()),
            "/conf.d/loop.conf" => Ok(b"include /conf.d/loop.conf\n".to_vec()),
            "/conf.d/*.none" => Ok(Vec::new()),
            _ => Err((path.into(), "No such file or directory".into())),
        }
    }

    fn change_dir(&mut self, path: &str) -> Result<String, String> {
        match path {
            "data" | "/data" => Ok("/data".into()),
            _ => Err("No such file or directory".into()),
        }
    }
}

fn read(text: &str) -> Result<Config, LoadError> {
    load_config(Some("redis.conf"), text.as_bytes(), b"", Mode::Server, &mut Machine)
}

fn read_ok(text: &str) -> Config {
    read(text).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

fn get(config: &Config, name: &str) -> String {
    let found = config.get(&[name.as_bytes()]);
    assert_eq!(found.len(), 1, "{name}");
    String::from_utf8(found[0].1.clone()).unwrap()
}

fn set(config: &Config, pairs: &[(&str, &str)]) -> Result<Applied, String> {
    let pairs: Vec<_> = pairs.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())).collect();
    let rights = SetRights { protected: false, loading: false };
    config.set(&pairs, rights).map_err(|error| error.to_string())
}

fn rewritten(old: &str, config: &Config) -> String {
    String::from_utf8(rewrite(old.as_bytes(), config, &Extra::default(), Mode::Server)).unwrap()
}

// ------------------------------------------------------------------------------------------- the table

#[test]
fn every_default_fits_its_row_and_its_field() {
    let config = Config::default();
    for row in directives::all() {
        let printed = row.print(&config);
        match &row.kind {
            Kind::Number { default, min, max, place, .. } => {
                assert!((min..=max).contains(&default), "{}", row.name);
                if let Place::Field { get, set } = place {
                    for bound in [*min, *max, *default] {
                        let mut config = config.clone();
                        set(&mut config, bound);
                        assert_eq!(get(&config), bound, "{}: the field is too narrow", row.name);
                    }
                }
            }
            Kind::Word { words, default, .. } => {
                assert_eq!(printed, words()[*default].as_bytes(), "{}", row.name);
            }
            Kind::YesNo { default, .. } => {
                assert_eq!(printed, if *default { &b"yes"[..] } else { b"no" }, "{}", row.name);
            }
            Kind::Text { default, .. } => {
                assert_eq!(printed, default.unwrap_or("").as_bytes(), "{}", row.name);
            }
            Kind::Special(_) => {}
        }
    }
}

#[test]
fn what_has_no_field_says_why_it_has_no_effect() {
    for row in directives::all() {
        let kept = match &row.kind {
            Kind::YesNo { place, .. } => matches!(place, Place::Kept),
            Kind::Number { place, .. } => matches!(place, Place::Kept),
            Kind::Word { place, .. } => matches!(place, Place::Kept),
            Kind::Text { place, .. } => matches!(place, Place::Kept),
            Kind::Special(_) => false,
        };
        if kept {
            assert!(matches!(row.effect, Effect::KeptOnly(_)), "{}", row.name);
        }
    }
}

#[test]
fn no_name_stands_twice_and_all_are_lower_case() {
    let mut names: Vec<&str> =
        directives::all().flat_map(|row| core::iter::once(row.name).chain(row.alias)).collect();
    names.sort_unstable();
    for pair in names.windows(2) {
        assert_ne!(pair[0], pair[1]);
    }
    assert!(names.iter().all(|name| name.to_ascii_lowercase() == *name));
    assert_eq!(names.len() - directives::all().filter(|row| row.hidden).count(), 192);
}

// ------------------------------------------------------------------------------------------- files

#[test]
fn a_file_is_read_with_comments_quotes_and_white_space() {
    let config = read_ok(
        "# comment\n\n  PORT   7001\r\nrequirepass \"a\\x41 b\\n\"\ndbfilename 'my dump.rdb'\nmaxmemory 1GB\n\
         slaveof 10.0.0.1 6380\nbind 127.0.0.1 -::1\nmaxmemory-policy ALLKEYS-LRU\nunixsocketperm 700\ndir data\n",
    );
    assert_eq!(config.network.port, 7001);
    assert_eq!(config.general.requirepass.as_deref(), Some(&b"aA b\n"[..]));
    assert_eq!(config.persistence.dbfilename, "my dump.rdb");
    assert_eq!(config.memory.maxmemory, 1 << 30);
    assert_eq!(config.memory.policy, MaxmemoryPolicy::AllkeysLru);
    assert_eq!(config.replication.replicaof.as_ref().unwrap().to_string(), "10.0.0.1:6380");
    assert_eq!(config.network.bind, ["127.0.0.1", "-::1"]);
    assert_eq!(get(&config, "unixsocketperm"), "700");
    assert_eq!(config.general.dir, "/data");
}

#[test]
fn the_first_save_of_a_file_replaces_the_defaults_and_later_ones_add() {
    assert_eq!(get(&Config::default(), "save"), "3600 1 300 100 60 10000");
    assert_eq!(get(&read_ok("save 900 1\nsave 300 10\n"), "save"), "900 1 300 10");
    assert_eq!(get(&read_ok("save 900 1 300 10\n"), "save"), "900 1 300 10");
    assert_eq!(get(&read_ok("save \"\"\n"), "save"), "");
    assert_eq!(get(&read_ok("save 9 1\ninclude /conf.d/limits.conf\n"), "save"), "9 1 7 7");
    assert_eq!(get(&read_ok("save 9 1\nsave\n"), "save"), "9 1");
    assert_eq!(get(&read_ok("save \"9 1 8 2\"\n"), "save"), "9 1 8 2");
    assert_eq!(get(&read_ok("save 9 1\nsave \"\"\ninclude /conf.d/limits.conf\n"), "save"), "7 7");
}

#[test]
fn included_files_are_read_where_they_stand() {
    let config = read_ok("maxclients 10\ninclude /conf.d/limits.conf\ninclude /conf.d/*.none\n");
    assert_eq!(config.network.maxclients, 50);
    let error = read("include /conf.d/nothing.conf\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "Fatal error, can't open config file '/conf.d/nothing.conf': No such file or directory"
    );
    let error = read("include /conf.d/loop.conf\n").unwrap_err();
    assert!(error.one_line().contains("include one another"), "{}", error.one_line());
}

#[test]
fn options_of_the_command_line_are_further_lines() {
    let config =
        load_config(None, b"", b"port 7001\nsave 60 1\n", Mode::Server, &mut Machine).unwrap();
    assert_eq!(config.network.port, 7001);
    assert_eq!(get(&config, "save"), "60 1");
}

#[test]
fn a_wrong_line_is_named_as_redis_names_it() {
    let error = read("\n\n  PORT abc  \n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "\n*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***\nReading the configuration file, at line 3\n\
         >>> 'PORT abc'\nargument couldn't be parsed into an integer"
    );
    assert_eq!(
        error.one_line(),
        "redis.conf:3: \"PORT abc\": argument couldn't be parsed into an integer; correct this line or remove it"
    );
}

#[test]
fn each_kind_of_wrong_line_has_redis_words() {
    for (line, what) in [
        ("foo bar", "Bad directive or wrong number of arguments"),
        ("port", "wrong number of arguments"),
        ("port 1 2", "wrong number of arguments"),
        ("port 70000", "argument must be between 0 and 65535 inclusive"),
        ("appendonly maybe", "argument must be 'yes' or 'no'"),
        ("appendfsync x", "argument(s) must be one of the following: everysec, always, no"),
        ("maxmemory x", "argument must be a memory value"),
        ("maxmemory-clients x", "argument must be a memory or percent value"),
        ("maxmemory-clients 101%", "percentage argument must be less or equal to 100"),
        ("save 60", "Invalid save parameters"),
        (
            "client-output-buffer-limit normal 0 0",
            "Wrong number of arguments in buffer limit configuration.",
        ),
        (
            "client-output-buffer-limit master 0 0 0",
            "Invalid client class specified in buffer limit configuration.",
        ),
        (
            "client-output-buffer-limit slave 1mb x 0",
            "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
        ),
        ("replicaof a", "wrong number of arguments"),
        ("replicaof a 99999", "Invalid master port"),
        ("port \"12", "Unbalanced quotes in configuration line"),
        ("include", "Bad directive or wrong number of arguments"),
        ("user", "Bad directive or wrong number of arguments"),
        ("rename-command nosuch x", "No such command in rename-command"),
        ("rename-command get set", "Target command name already exists"),
        (
            "user alice on nopass",
            "There are no ACL users here but `default`, who may do everything; use requirepass",
        ),
        ("foo.bar", "Module config specified without value"),
        ("sentinel monitor a b 1 1", "sentinel directive while not in sentinel mode"),
        ("list-max-ziplist-entries 1 2", "Bad directive or wrong number of arguments"),
        ("dir /nonexistent", "No such file or directory"),
        (
            "oom-score-adj-values 1 2 3000",
            "Invalid oom-score-adj-values, elements must be between -2000 and 2000.",
        ),
        ("notify-keyspace-events Q", "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."),
        (
            "shutdown-on-sigint save nosave",
            "shutdown options SAVE and NOSAVE can't be used simultaneously",
        ),
        ("dbfilename a/b", "dbfilename can't be a path, just a filename"),
        ("appenddirname \"\"", "appenddirname can't be empty"),
        ("unixsocketperm 9", "argument couldn't be parsed as an octal number"),
        ("unixsocketperm 7777", "argument must be between 0 and 777 inclusive"),
        ("bind 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17", "Too many bind addresses specified."),
        ("proc-title-template {x}", "template format is invalid or contains unknown variables"),
    ] {
        match read(line).unwrap_err() {
            LoadError::Refused { what: said, .. } => assert_eq!(said, what, "{line}"),
            other => panic!("{line}: {other}"),
        }
    }
}

#[test]
fn what_only_files_can_say_is_handed_over() {
    let text = "user default on nopass ~* &* +@all\nrename-command CONFIG \"\"\nloadmodule /m.so a\n\
                lua-replicate-commands yes\nsentinel\n";
    let source = read(text).unwrap().source;
    assert_eq!(
        source.users,
        [["default", "on", "nopass", "~*", "&*", "+@all"].map(|s| s.as_bytes().to_vec())]
    );
    assert_eq!(source.renamed_commands, [(b"CONFIG".to_vec(), Vec::new())]);
    assert_eq!(source.modules.len(), 1);
    assert!(source.sentinel.is_empty());
}

#[test]
fn nobody_gets_more_than_the_acl_says() {
    assert!(read("aclfile users.acl\n").is_err());
    assert!(read("user default off\n").is_err());
    assert!(read("user default on #00 ~* &* +@all\n").is_err());
    let hash = read_file::sha256_hex(b"secret");
    let line = alloc::format!("user default on #{}\n", String::from_utf8_lossy(&hash));
    assert!(read(&line).is_err());
    assert!(read(&alloc::format!("{line}requirepass secret\n")).is_ok());
}

#[test]
fn a_sentinel_has_lines_of_its_own_and_another_port() {
    let text = b"daemonize no\nsentinel monitor mymaster 127.0.0.1 6379 2\n\nSENTINEL deny-scripts-reconfig yes\n";
    let config = load_config(None, text, b"", Mode::Sentinel, &mut Machine).unwrap();
    assert_eq!(config.network.port, 26379);
    assert!(!config.network.protected_mode);
    let lines: Vec<_> =
        config.source.sentinel.iter().map(|line| (line.number, line.args.len())).collect();
    assert_eq!(lines, [(2, 5), (4, 2)]);
}

// ------------------------------------------------------------------------------------------- CONFIG GET

#[test]
fn get_takes_names_patterns_and_aliases() {
    let config = Config::default();
    let names = |patterns: &[&str]| -> Vec<String> {
        let patterns: Vec<_> = patterns.iter().map(|p| p.as_bytes()).collect();
        let found = config.get(&patterns);
        found.into_iter().map(|(name, _)| String::from_utf8(name).unwrap()).collect()
    };
    assert_eq!(names(&["PORT", "port", "Po?t"]), ["PORT"]);
    assert_eq!(names(&["*slaves-to*"]), ["min-slaves-to-write"]);
    assert_eq!(names(&["replicaof", "SLAVEOF", "nothing"]), ["replicaof", "SLAVEOF"]);
    assert!(names(&["watchdog*"]).is_empty());
    assert_eq!(names(&["watchdog-period"]), ["watchdog-period"]);
    assert_eq!(names(&["*"]).len(), 192);
}

#[test]
fn values_are_printed_as_redis_prints_them() {
    let config = read_ok(
        "client-output-buffer-limit replica 1mb 2kb 0 normal 1 2 3\nnotify-keyspace-events mdKEgn$\n\
         latency-tracking-info-percentiles 50 99.95 100.0 0.123456789\nshutdown-on-sigterm now save\n\
         maxmemory-clients 5%\noom-score-adj relative\n",
    );
    assert_eq!(
        get(&config, "client-output-buffer-limit"),
        "normal 1 2 3 slave 1048576 2048 0 pubsub 33554432 8388608 60"
    );
    assert_eq!(get(&config, "notify-keyspace-events"), "g$dnKEm");
    assert_eq!(get(&config, "latency-tracking-info-percentiles"), "50 99.95 100 0.123457");
    assert_eq!(get(&config, "shutdown-on-sigterm"), "save now");
    assert_eq!(get(&config, "maxmemory-clients"), "5%");
    assert_eq!(get(&config, "oom-score-adj"), "yes");
}

// ------------------------------------------------------------------------------------------- CONFIG SET

#[test]
fn set_changes_all_or_nothing() {
    let config = Config::default();
    let applied = set(&config, &[("maxmemory", "1mb"), ("TIMEOUT", "5"), ("hz", "10")]).unwrap();
    assert_eq!(applied.config.memory.maxmemory, 1 << 20);
    let changed: Vec<_> = applied.changes.rows().map(|row| row.name).collect();
    assert_eq!(changed, ["maxmemory", "timeout"]);
    assert!(applied.changes.has("timeout"));
    assert!(set(&config, &[("maxmemory", "1mb"), ("timeout", "x")]).is_err());
    assert_eq!(config.memory.maxmemory, 0);
}

#[test]
fn set_refuses_in_redis_words() {
    let config = Config::default();
    let failed = |name: &str, why: &str| {
        alloc::format!("CONFIG SET failed (possibly related to argument '{name}') - {why}")
    };
    for (pairs, error) in [
        (
            &[("maxmemory", "1mb"), ("nosuch", "2"), ("timeout", "x")][..],
            "Unknown option or number of arguments for CONFIG SET - 'nosuch'".to_string(),
        ),
        (&[("port", "1"), ("port", "2")], failed("port", "duplicate parameter")),
        (&[("Daemonize", "yes")], failed("Daemonize", "can't set immutable config")),
        (&[("dir", "/")], failed("dir", "can't set protected config")),
        (&[("SLAVE-READ-ONLY", "x")], failed("slave-read-only", "argument must be 'yes' or 'no'")),
        (&[("save", "60  1")], failed("save", "Invalid save parameters")),
        (&[("timeout", "01")], failed("timeout", "argument couldn't be parsed into an integer")),
        (
            &[("shutdown-on-sigint", "")],
            failed(
                "shutdown-on-sigint",
                "argument(s) must be one of the following: default, save, nosave, now, force",
            ),
        ),
    ] {
        assert_eq!(set(&config, pairs).unwrap_err(), error);
    }
    // A name and its alias are two names.
    assert!(set(&config, &[("min-slaves-to-write", "1"), ("min-replicas-to-write", "2")]).is_ok());
    let loading = SetRights { protected: true, loading: true };
    assert_eq!(config.set(&[(b"appendonly", b"yes")], loading).unwrap_err(), SetError::Loading);
    assert!(config.set(&[(b"maxmemory", b"1")], loading).is_ok());
}

#[test]
fn some_values_are_moved_into_range() {
    let config = Config::default();
    assert_eq!(set(&config, &[("hz", "1000")]).unwrap().config.general.hz, 500);
    assert_eq!(set(&config, &[("hz", "0")]).unwrap().config.general.hz, 1);
    assert_eq!(read_ok("hz 100000\n").general.hz, 500);
}

// ------------------------------------------------------------------------------------------- CONFIG REWRITE

#[test]
fn rewrite_keeps_comments_and_order() {
    let old = "# notes\nport 6379\n\n\n\nsave 900 1\nsave 300 10\nnonsense here\nslaveof 1.2.3.4 5\n# end\n";
    let mut config = read_ok("port 6380\nsave 60 1000\nappendonly yes\ndir /data\n");
    assert_eq!(
        rewritten(old, &config),
        "# notes\nport 6380\n\nsave 60 1000\n\n# ??? nonsense here\n\n# end\n\n\
         # Generated by CONFIG REWRITE\ndir \"/data\"\nlatency-tracking-info-percentiles 50 99 99.9\nappendonly yes\n"
    );
    config.replication.replicaof = Some(crate::io::Endpoint::new("10.0.0.1", 6379));
    assert!(
        rewritten(old, &config).contains("# ??? nonsense here\nreplicaof 10.0.0.1 6379\n# end\n")
    );
}

#[test]
fn rewriting_twice_is_rewriting_once() {
    let config = read_ok(
        "port 1\nmaxmemory 100mb\nrequirepass \"a \\\"b\\x00\"\nsave \"\"\nbind 127.0.0.1\n\
         client-output-buffer-limit normal 1mb 2gb 3\nnotify-keyspace-events KEA\nmaxmemory-clients 7%\n",
    );
    let once = rewritten("", &config);
    // Redis takes the end of the last line for an empty line, once.
    let twice = rewritten(&once, &config);
    assert_eq!(twice, alloc::format!("{once}\n"));
    assert_eq!(rewritten(&twice, &config), twice);
    assert!(once.contains("client-output-buffer-limit normal 1mb 2gb 3\n"), "{once}");
    let again = read_ok(&once.replace("dir \".\"", "dir /data"));
    for (name, value) in config.get(&[b"*"]) {
        if name != b"dir" {
            assert_eq!(again.get(&[&name])[0].1, value, "{}", String::from_utf8_lossy(&name));
        }
    }
}

proptest::proptest! {
    /// Whatever stands in a file: it is read or refused, and rewriting it leads to a file that is read.
    #[test]
    fn no_text_breaks_the_parser(text in "([a-z0-9 \"'\\\\#.-]{0,20}\n){0,8}") {
        let _ = read(&text);
        let _ = rewritten(&text, &Config::default());
    }

    /// Any text that a directive may hold survives CONFIG REWRITE.
    #[test]
    fn texts_survive_a_rewrite(password in proptest::collection::vec(0u8.., 1..40)) {
        let mut config = Config::default();
        config.general.requirepass = Some(password.clone());
        let file = rewrite(b"", &config, &Extra::default(), Mode::Server);
        let file = String::from_utf8(file).unwrap().replace("dir \".\"", "dir /data");
        proptest::prop_assert_eq!(read_ok(&file).general.requirepass, Some(password));
    }
}

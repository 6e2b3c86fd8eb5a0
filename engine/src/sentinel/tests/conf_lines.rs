use alloc::{format, string::String};

use super::votes_and_hellos::NoFiles;
use crate::{
    config::{LoadError, Mode},
    node::load_config,
    sentinel::Sentinel,
};

/// What the `sentinel` lines of a file are after they were read and written again.
fn again(text: &str) -> Result<String, LoadError> {
    let config = load_config(None, text.as_bytes(), b"", Mode::Sentinel, &mut NoFiles)?;
    let lines = Sentinel::load(&config)?.lines();
    let lines = lines.iter().map(|line| format!("sentinel {}\n", String::from_utf8_lossy(line)));
    Ok(lines.collect())
}

const WRITTEN: &str = "\
sentinel myid 7fcee7c7ddff126bc836a96a65c6f55a2692eb48
sentinel deny-scripts-reconfig no
sentinel resolve-hostnames yes
sentinel announce-hostnames yes
sentinel monitor mymaster 127.0.0.1 21502 2
sentinel down-after-milliseconds mymaster 3000
sentinel failover-timeout mymaster 60000
sentinel parallel-syncs mymaster 2
sentinel notification-script mymaster /bin/true
sentinel client-reconfig-script mymaster /bin/true
sentinel auth-pass mymaster secret
sentinel auth-user mymaster joe
sentinel master-reboot-down-after-period mymaster 5
sentinel config-epoch mymaster 1
sentinel leader-epoch mymaster 2
sentinel known-replica mymaster 127.0.0.1 21501
sentinel known-replica mymaster replica.example 21503
sentinel known-sentinel mymaster 127.0.0.1 27513 68dffb932b0ba5959433d0e6ca864f8673f2a8dc
sentinel known-sentinel mymaster 127.0.0.1 27512 f535297283b0e31f8a089a4a43876f8e36c08690
sentinel rename-command mymaster config guessme
sentinel current-epoch 3
sentinel announce-ip \"10.0.0.1\"
sentinel announce-port 5000
sentinel sentinel-user joe
sentinel sentinel-pass secret
";

#[test]
fn what_is_written_is_read_back() {
    assert_eq!(again(WRITTEN).unwrap(), WRITTEN);
}

#[test]
fn wrong_lines_are_refused_in_redis_words() {
    let monitor = "sentinel monitor m 127.0.0.1 7001 2\n";
    let wrong = [
        ("sentinel monitor m 127.0.0.1 7001 0", "Quorum must be 1 or greater."),
        ("sentinel monitor m 127.0.0.1 70001 1", "Invalid port number."),
        ("sentinel monitor m nowhere 7001 1", "Can't resolve instance hostname."),
        ("sentinel monitor m 127.0.0.1 7001", "Unrecognized sentinel configuration statement."),
        ("sentinel foo m 1", "Unrecognized sentinel configuration statement."),
        ("sentinel parallel-syncs x 1", "No such master with specified name."),
        ("sentinel down-after-milliseconds m 0", "negative or zero time parameter."),
        ("sentinel master-reboot-down-after-period m -1", "negative time parameter."),
        ("sentinel myid 12", "Malformed Sentinel id in myid option."),
        (
            "sentinel resolve-hostnames maybe",
            "Please specify yes or no for the resolve-hostnames option.",
        ),
        (
            "sentinel rename-command m a b\nsentinel rename-command m A c",
            "Same command renamed multiple times with rename-command.",
        ),
        (monitor, "Duplicate master name."),
        (
            "sentinel known-replica m 127.0.0.1 1\nsentinel known-replica m 127.0.0.1 1",
            "Duplicate hostname and port for replica.",
        ),
    ];
    for (line, what) in wrong {
        let text = match line.starts_with("sentinel monitor m ") && line != monitor {
            true => format!("{line}\n"),
            false => format!("{monitor}{line}\n"),
        };
        match again(&text) {
            Err(LoadError::Refused { what: said, line: Some(_), .. }) => {
                assert_eq!(said, what, "{line}");
            }
            other => panic!("{line}: {other:?}"),
        }
    }
}

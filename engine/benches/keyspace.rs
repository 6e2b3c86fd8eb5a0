//! What the keyspace costs: memory per key, and the time of each operation on a million keys.
//!
//! `cargo bench -p engine --bench keyspace`, with the number of keys as an argument if not a million.

use engine::keyspace::{EntryRef, Expiry, Keyspace, ValueRef};
use std::hint::black_box;
use std::sync::OnceLock;
use std::time::Instant;

fn main() {
    let keys = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(1_000_000u64);
    let mut keyspace = Keyspace::new(16, 0x0123_4567_89ab_cdef);
    let before = resident_bytes();
    timed("SET a new key", keys, || {
        for number in 0..keys {
            set(&mut keyspace, number, b'a');
        }
    });
    let resident = resident_bytes().saturating_sub(before);
    let counted = keyspace.approximate_bytes();
    println!("memory per key: {} bytes resident, {} counted", resident / keys, counted / keys);

    let mut random = oorandom::Rand64::new(7);
    let drawn: Vec<u64> = (0..keys).map(|_| random.rand_range(0..keys)).collect();
    timed("GET", keys, || {
        for &number in &drawn {
            let Some(ValueRef::String(value)) = keyspace.db(0).lookup(&key(number)) else {
                panic!("{number} is lost")
            };
            black_box(value.as_slice().map(|value| value[31]));
        }
    });
    timed("GET of no key", keys, || {
        for &number in &drawn {
            black_box(keyspace.db(0).contains(&key(number + keys)));
        }
    });
    timed("SET an existing key", keys, || {
        drawn.iter().for_each(|&number| set(&mut keyspace, number, b'b'));
    });
    let wall = Instant::now();
    let snapshot = keyspace.snapshot();
    println!("{:<36} {:>12} ns", "snapshot", wall.elapsed().as_nanos());
    timed("SET under a snapshot, first tenth", keys / 10, || {
        drawn[..keys as usize / 10].iter().for_each(|&number| set(&mut keyspace, number, b'c'));
    });
    timed("SET under a snapshot, the rest", keys - keys / 10, || {
        drawn[keys as usize / 10..].iter().for_each(|&number| set(&mut keyspace, number, b'c'));
    });
    println!("copied: {:?}", keyspace.copied());
    timed("walk the snapshot", keys, || {
        let total: u64 = snapshot.db(0).table().iter().map(|entry| entry.key()[0] as u64).sum();
        black_box(total);
    });
    timed("drop the snapshot", keys, || drop(snapshot));
    timed("SCAN COUNT 10", keys / 10, || {
        let mut cursor = keyspace.db(0).table().scan(0, 10, |entry| show(&entry));
        while cursor != 0 {
            cursor = keyspace.db(0).table().scan(cursor, 10, |entry| show(&entry));
        }
    });
    timed("EXPIRE", keys, || {
        for &number in &drawn {
            keyspace.db_mut(0).set_expire(&key(number), number);
        }
    });
    let expiring = keyspace.db(0).expiring();
    timed("expire", expiring, || while keyspace.db_mut(0).pop_expired(u64::MAX).is_some() {});
    timed("DEL", keys, || {
        for &number in &drawn {
            keyspace.db_mut(0).remove(&key(number));
        }
    });
    timed("FLUSHALL", 1, || drop(keyspace.flush_all()));
}

fn set(keyspace: &mut Keyspace, number: u64, byte: u8) {
    keyspace.db_mut(0).set_string(&key(number), &[byte; 32], Expiry::None);
}

/// A key of sixteen bytes.
fn key(number: u64) -> [u8; 16] {
    let mut key = *b"key:000000000000";
    let mut rest = number;
    for place in key[4..].iter_mut().rev() {
        *place = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    key
}

fn timed<R>(what: &str, times: u64, work: impl FnOnce() -> R) -> R {
    let start = nanoseconds();
    let result = work();
    let nanos = (nanoseconds() - start) / times.max(1);
    println!("{what:<36} {nanos:>12} ns each");
    result
}

/// Time spent on the processor where the system tells (Linux), so that a busy machine shows less.
fn nanoseconds() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let start = START.get_or_init(Instant::now);
    let text = std::fs::read_to_string("/proc/self/schedstat").ok();
    let spent = text.and_then(|text| text.split_whitespace().next()?.parse().ok());
    spent.unwrap_or(start.elapsed().as_nanos() as u64)
}

/// The resident set, where the system tells (Linux).
fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.and_then(|text| text.split_whitespace().nth(1)?.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
}

fn show(entry: &EntryRef<'_>) {
    black_box(entry);
}

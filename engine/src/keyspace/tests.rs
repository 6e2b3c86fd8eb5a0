//! The database against a model: whatever happens, both agree, and snapshots stay as they were.

use super::*;
use crate::time::Time;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;
use proptest::sample::select;

type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<u64>)>;

/// One thing that is done to a database.
#[derive(Clone, Debug)]
enum Act {
    Set(Vec<u8>, Vec<u8>, Expiry),
    Append(Vec<u8>, Vec<u8>),
    WriteAt(Vec<u8>, u64, Vec<u8>),
    Remove(Vec<u8>),
    Rename(Vec<u8>, Vec<u8>),
    Expire(Vec<u8>, u64),
    Persist(Vec<u8>),
    PopExpired(u64, usize),
    Touch(Vec<u8>, u32),
    Snapshot,
    Flush,
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => (0u16..300).prop_map(|number| number.to_string().into_bytes()),
        1 => Just(Vec::new()),
        2 => (0u8..5, select(vec![200usize, 256, 257, 400, 512, 5000]))
            .prop_map(|(byte, length)| vec![byte; length]),
    ]
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    let length =
        select(vec![0usize, 1, 7, 44, 45, 300, 500, 512, 513, 4096, 16_384, 16_385, 40_000]);
    prop_oneof![
        4 => any::<i16>().prop_map(|number| number.to_string().into_bytes()),
        1 => (any::<u8>(), length).prop_map(|(byte, length)| vec![byte; length]),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    let expiry =
        prop_oneof![Just(Expiry::Keep), Just(Expiry::None), (0u64..1000).prop_map(Expiry::At)];
    prop_oneof![
        12 => (key(), text(), expiry).prop_map(|(key, text, expiry)| Act::Set(key, text, expiry)),
        3 => (key(), text()).prop_map(|(key, text)| Act::Append(key, text)),
        3 => (key(), 0u64..50_000, text()).prop_map(|(key, at, text)| Act::WriteAt(key, at, text)),
        6 => key().prop_map(Act::Remove),
        2 => (key(), key()).prop_map(|(from, to)| Act::Rename(from, to)),
        3 => (key(), 0u64..1000).prop_map(|(key, at)| Act::Expire(key, at)),
        2 => key().prop_map(Act::Persist),
        1 => (0u64..1000, 0usize..20).prop_map(|(now, limit)| Act::PopExpired(now, limit)),
        2 => (key(), any::<u32>()).prop_map(|(key, clock)| Act::Touch(key, clock)),
        1 => Just(Act::Snapshot),
        1 => select(vec![Act::Flush, Act::Snapshot, Act::Snapshot]),
    ]
}

/// Does the same to both and compares what they say to it.
fn perform(act: Act, keyspace: &mut Keyspace, model: &mut Model) {
    let db = keyspace.db_mut(0);
    match act {
        Act::Set(key, text, expiry) => {
            let old = model.get(&key).cloned();
            assert_eq!(db.set_string(&key, &text, expiry), old.is_some());
            let at = match expiry {
                Expiry::Keep => old.and_then(|(_, at)| at),
                Expiry::None => None,
                Expiry::At(at) => Some(at),
            };
            model.insert(key, (text, at));
        }
        Act::Append(key, text) => {
            let entry = model.entry(key.clone()).or_default();
            entry.0.extend_from_slice(&text);
            assert_eq!(db.append(&key, &text), Some(entry.0.len() as u64));
        }
        Act::WriteAt(key, at, text) if text.is_empty() => {
            let length = model.get(&key).map_or(0, |(old, _)| old.len() as u64);
            assert_eq!(db.write_at(&key, at, &text), Some(length));
        }
        Act::WriteAt(key, at, text) => {
            let (at, entry) = (at as usize, model.entry(key.clone()).or_default());
            entry.0.resize(entry.0.len().max(at + text.len()), 0);
            entry.0[at..at + text.len()].copy_from_slice(&text);
            assert_eq!(db.write_at(&key, at as u64, &text), Some(entry.0.len() as u64));
        }
        Act::Remove(key) => assert_eq!(db.remove(&key), model.remove(&key).is_some()),
        Act::Rename(from, to) => {
            let taken = db.take(&from);
            assert_eq!(taken.is_some(), model.contains_key(&from));
            if let (Some(taken), Some(moved)) = (taken, model.remove(&from)) {
                db.set(&to, taken.value, taken.expire_at.into());
                model.insert(to, moved);
            }
        }
        Act::Expire(key, at) => {
            let entry = model.get_mut(&key);
            assert_eq!(db.set_expire(&key, at), entry.is_some());
            if let Some(entry) = entry {
                entry.1 = Some(at);
            }
        }
        Act::Persist(key) => {
            let old = model.get_mut(&key).and_then(|entry| entry.1.take());
            assert_eq!(db.persist(&key), old.is_some());
        }
        Act::PopExpired(now, limit) => pop_expired(db, model, now, limit),
        Act::Touch(key, clock) => {
            db.set_clock(AccessClock::new(Time(u64::from(clock) * 1_000_000), AccessPolicy::Lru));
            if let Some(spot) = db.find(&key) {
                db.touch(spot);
            }
            assert_eq!(
                db.get(&key).map(|entry| entry.access()),
                model.get(&key).map(|_| clock << 8 >> 8)
            );
        }
        Act::Flush => {
            assert_eq!(keyspace.flush(0).len(), model.len() as u64);
            model.clear();
        }
        Act::Snapshot => {}
    }
}

/// The popped keys need not be those of the model (of equals, any may go first), but their times must.
fn pop_expired(db: &mut Database, model: &mut Model, now: u64, limit: usize) {
    let times = model.values().filter_map(|(_, at)| *at);
    let mut due: Vec<_> = times.filter(|at| *at < now).collect();
    due.sort();
    due.truncate(limit);
    let popped = core::iter::from_fn(|| db.pop_expired(now)).take(limit);
    let times = popped.map(|key| model.remove(&key).and_then(|(_, at)| at).unwrap());
    assert_eq!(times.collect::<Vec<_>>(), due);
}

fn contents(table: &Table) -> Model {
    let entry = |entry: EntryRef<'_>| {
        let ValueRef::String(string) = entry.value();
        (entry.key().to_vec(), (string.to_vec(), entry.expire_at()))
    };
    let found: Vec<_> = table.iter().map(entry).collect();
    assert_eq!(found.len() as u64, table.len());
    let model: Model = found.into_iter().collect();
    assert_eq!(model.len() as u64, table.len(), "a key is there twice");
    model
}

/// What is counted as it changes has to agree with a count of the whole.
fn check_counts(db: &Database) {
    let bytes: u64 = db.table().iter().map(|entry| entry.approximate_bytes()).sum();
    assert_eq!(db.approximate_bytes(), bytes);
    let times: Vec<_> = db.table().iter().filter_map(|entry| entry.expire_at()).collect();
    assert_eq!(db.expiring(), times.len() as u64);
    assert_eq!(db.next_expiry(), times.iter().min().copied());
    let sum: u64 = times.iter().sum();
    assert_eq!(db.average_ttl(0), sum.checked_div(times.len() as u64).unwrap_or(0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_database_does_what_its_model_does(acts in prop::collection::vec(act(), 1..600)) {
        let mut keyspace = Keyspace::new(2, 1);
        let mut model = Model::new();
        let mut snapshots = Vec::new();
        for act in acts {
            if matches!(act, Act::Snapshot) {
                snapshots.push((keyspace.snapshot(), model.clone()));
            }
            perform(act, &mut keyspace, &mut model);
        }
        assert_eq!(contents(keyspace.db(0).table()), model);
        check_counts(keyspace.db(0));
        let mut keys = model.keys().map(Vec::as_slice);
        keyspace.db(0).table().warm(&core::array::from_fn(|_| keys.next().unwrap_or_default()));
        for key in model.keys() {
            assert!(keyspace.db(0).contains(key));
        }
        for (snapshot, model) in snapshots {
            let frozen = snapshot.db(0);
            assert_eq!(contents(frozen.table()), model);
            assert_eq!(frozen.expiring(), model.values().filter(|(_, at)| at.is_some()).count() as u64);
        }
    }

    #[test]
    fn a_range_is_the_bytes_that_it_says(
        writes in prop::collection::vec((0u64..3_000_000, 1usize..40_000, any::<u8>()), 1..6),
        ranges in prop::collection::vec((0u64..3_100_000, 0u64..3_100_000), 10),
    ) {
        let (mut rope, mut model) = (Rope::new(), Vec::new());
        for (at, length, byte) in writes {
            let before = (rope.clone(), model.clone());
            let bytes = vec![byte; length];
            rope.write_at(at, &bytes);
            model.resize(model.len().max(at as usize + length), 0);
            model[at as usize..at as usize + length].copy_from_slice(&bytes);
            assert_eq!(rope.len(), model.len() as u64);
            assert!(before.0.to_vec() == before.1, "a write shows in an earlier clone");
        }
        let value = Value::String(StringValue::from_rope(rope));
        let ValueRef::String(string) = value.as_ref();
        for (start, end) in ranges {
            let ours = string.range(start, end).collect::<Vec<_>>().concat();
            let length = model.len() as u64;
            let (start, end) = (start.min(length) as usize, end.min(length) as usize);
            assert!(ours == model.get(start..end).unwrap_or_default());
            assert_eq!(string.byte(start as u64), model.get(start).copied());
        }
        assert!(string.to_vec() == model);
    }

    #[test]
    fn scan_shows_every_key_that_stays(
        stay in prop::collection::btree_set(0u32..100_000, 0..400),
        churn in prop::collection::vec((100_000u32..103_000, any::<bool>()), 0..6000),
        count in 1u64..50,
        pace in 1usize..200,
    ) {
        let mut keyspace = Keyspace::new(1, 5);
        let db = keyspace.db_mut(0);
        for number in &stay {
            db.set_string(&number.to_be_bytes(), b"", Expiry::None);
        }
        let mut seen = BTreeSet::new();
        let mut churn = churn.chunks(pace);
        let mut cursor = 0;
        loop {
            let mut shown = 0;
            cursor = db.table().scan(cursor, count, |entry| {
                shown += 1;
                seen.insert(u32::from_be_bytes(entry.key().try_into().unwrap()));
            });
            assert!(shown <= count && cursor <= i64::MAX as u64);
            if cursor == 0 {
                break;
            }
            for (number, add) in churn.next().unwrap_or_default() {
                match add {
                    true => { db.set_string(&number.to_be_bytes(), b"new", Expiry::None); }
                    false => { db.remove(&number.to_be_bytes()); }
                }
            }
        }
        assert!(stay.is_subset(&seen));
    }
}

fn fill(db: &mut Database, keys: u32) {
    for number in 0..keys {
        db.set_string(&number.to_be_bytes(), b"", Expiry::None);
    }
}

#[test]
fn a_quiet_scan_shows_every_key_once_and_as_many_at_a_time_as_asked() {
    let mut keyspace = Keyspace::new(1, 5);
    let db = keyspace.db_mut(0);
    fill(db, 10_000);
    let (mut keys, mut cursor, mut calls) = (Vec::new(), 0, 0);
    loop {
        cursor = db.table().scan(cursor, 10, |entry| keys.push(entry.key().to_vec()));
        calls += 1;
        if cursor == 0 {
            break;
        }
    }
    assert_eq!((keys.len(), calls), (10_000, 1000));
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 10_000);
    for strange in [u64::MAX, 1 << 53, (1 << 53) - 1] {
        db.table().scan(strange, 10, |_| ());
    }
    assert_eq!(Keyspace::new(1, 0).db(0).table().scan(12345, 10, |_| panic!("no keys")), 0);
}

#[test]
fn order_comes_from_the_seed_and_the_history_alone() {
    let run = |seed| {
        let mut keyspace = Keyspace::new(1, seed);
        let db = keyspace.db_mut(0);
        for number in 0..3000u32 {
            db.set_string(&(number * 7919 % 2000).to_be_bytes(), b"x", Expiry::None);
            db.remove(&(number * 104_729 % 2000).to_be_bytes());
        }
        let keys: Vec<_> = db.table().iter().map(|entry| entry.key().to_vec()).collect();
        keys
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
    // One fixed value, so that another platform or another release cannot differ unnoticed.
    let fingerprint = run(1)
        .concat()
        .iter()
        .fold(0u32, |sum, &byte| sum.wrapping_mul(16_777_619) ^ u32::from(byte));
    assert_eq!(fingerprint, 1_345_520_574);
}

#[test]
fn copies_are_counted_from_the_latest_snapshot_on() {
    let mut keyspace = Keyspace::new(16, 3);
    for number in 0..10_000u32 {
        keyspace.db_mut(3).set_string(&number.to_be_bytes(), b"value", Expiry::None);
    }
    let snapshot = keyspace.snapshot();
    assert_eq!(keyspace.copied(), Copied::default());
    keyspace.db_mut(3).set_string(&1u32.to_be_bytes(), b"other", Expiry::None);
    let one = keyspace.copied();
    assert_eq!(one.segments, 1);
    assert!((500..6000).contains(&one.bytes), "{one:?}");
    keyspace.db_mut(3).set_string(&1u32.to_be_bytes(), b"again", Expiry::None);
    assert_eq!(keyspace.copied(), one);
    let mut shown = one;
    for number in 0..10_000u32 {
        keyspace.db_mut(3).set_string(&number.to_be_bytes(), b"third", Expiry::None);
        shown = keyspace.copied();
    }
    assert!((150..400).contains(&shown.segments), "{shown:?}");
    let key = 77u32.to_be_bytes();
    let ValueRef::String(old) = snapshot.db(3).table().get(&key).unwrap().value();
    assert_eq!(old.as_slice(), Some(&b"value"[..]));
    // Somebody else's clone is no snapshot: it does not show in the count.
    keyspace.snapshot();
    keyspace.db_mut(3).set_string(&key, b"a", Expiry::None);
    let before = keyspace.copied();
    let checkpoint = keyspace.clone();
    keyspace.db_mut(3).set_string(&key, b"b", Expiry::None);
    assert_eq!(keyspace.copied(), before);
    drop(checkpoint);
}

#[test]
fn a_bit_far_out_stores_one_chunk_of_zeros() {
    let mut keyspace = Keyspace::new(1, 3);
    let db = keyspace.db_mut(0);
    for number in 0..200u64 {
        // Two hundred times 512 MB would not fit this machine.
        assert_eq!(db.write_at(&number.to_be_bytes(), (1 << 29) - 1, &[1]), Some(1 << 29));
    }
    let Some(ValueRef::String(string)) = db.lookup(&7u64.to_be_bytes()) else { panic!() };
    assert_eq!(
        (string.byte((1 << 29) - 1), string.byte(1 << 28), string.byte(1 << 29)),
        (Some(1), Some(0), None)
    );
}

#[test]
fn a_string_shows_its_history_in_its_encoding() {
    let mut keyspace = Keyspace::new(1, 3);
    let db = keyspace.db_mut(0);
    let encoding = |db: &Database| db.lookup(b"k").map(|value| value.encoding_name());
    db.set_string(b"k", b"12", Expiry::None);
    assert_eq!(encoding(db), Some("int"));
    db.append(b"k", b"3");
    assert_eq!(encoding(db), Some("raw"));
    db.set_string(b"k", b"12x", Expiry::None);
    assert_eq!(encoding(db), Some("embstr"));
    db.write_at(b"k", 0, b"4");
    assert_eq!(encoding(db), Some("raw"));
    db.set_expire(b"k", 9);
    let taken = db.take(b"k").unwrap();
    db.set(b"k", taken.value, taken.expire_at.into());
    assert_eq!((encoding(db), db.expire_at(b"k")), (Some("raw"), Some(9)));
    db.set_string(b"k", &[b'x'; 45], Expiry::None);
    assert_eq!(encoding(db), Some("raw"));
    assert_eq!(db.lookup(b"k").unwrap().type_name(), "string");
}

#[test]
fn a_table_that_was_large_once_does_not_stay_so() {
    let mut keyspace = Keyspace::new(1, 3);
    let db = keyspace.db_mut(0);
    fill(db, 100_000);
    let large = db.table().segments();
    assert!((1600..3200).contains(&large), "{large}");
    for number in 0..99_990u32 {
        assert!(db.remove(&number.to_be_bytes()));
    }
    assert_eq!((db.len(), db.table().segments()), (10, 1));
    assert_eq!(db.table().iter().count(), 10);
    fill(db, 100_000);
    assert_eq!(db.len(), 100_000);
    for number in 0..100_000u32 {
        assert!(db.contains(&number.to_be_bytes()));
    }
}

#[test]
fn a_table_that_was_prepared_holds_the_same_keys_and_splits_no_more() {
    let mut keyspace = Keyspace::new(1, 1);
    let db = keyspace.db_mut(0);
    db.prepare(1 << 40);
    assert_eq!(db.table().segments(), 0, "an announcement alone allocates nothing");
    fill(db, 2_000);
    let before = contents(db.table());
    db.prepare(16_000);
    assert_eq!(contents(db.table()), before);
    let prepared = db.table().segments();
    assert!(prepared >= 256, "{prepared} segments");
    fill(db, 9_000);
    assert_eq!((db.len(), db.table().segments()), (9_000, prepared));
    check_counts(db);
}

#[test]
fn random_keys_reach_everybody() {
    let mut keyspace = Keyspace::new(1, 3);
    let db = keyspace.db_mut(0);
    assert!(db.table().random(9).is_none());
    fill(db, 500);
    let mut random = oorandom::Rand64::new(1);
    let mut draw = || db.table().random(random.rand_u64()).unwrap().key().to_vec();
    let drawn: BTreeSet<_> = (0..20_000).map(|_| draw()).collect();
    assert_eq!(drawn.len(), 500);
}

#[test]
fn swap_and_flush_move_whole_databases() {
    let mut keyspace = Keyspace::new(16, 3);
    keyspace.db_mut(0).set_string(b"a", b"1", Expiry::At(5));
    keyspace.swap(0, 9);
    assert!(keyspace.db(0).is_empty());
    assert_eq!((keyspace.db(9).len(), keyspace.db(9).expiring(), keyspace.len()), (1, 1, 1));
    let old = keyspace.flush_all();
    assert_eq!((keyspace.len(), keyspace.databases(), old.len()), (0, 16, 1));
    assert_eq!(keyspace.approximate_bytes(), 0);
}

#[test]
fn a_write_under_a_snapshot_copies_references_to_large_values() {
    let mut keyspace = Keyspace::new(1, 3);
    for number in 0..1000u32 {
        keyspace.db_mut(0).set_string(&number.to_be_bytes(), &[b'x'; 1000], Expiry::None);
    }
    let snapshot = keyspace.snapshot();
    keyspace.db_mut(0).set_string(&7u32.to_be_bytes(), &[b'y'; 1000], Expiry::None);
    let copied = keyspace.copied();
    assert_eq!(copied.segments, 1);
    assert!((500..8000).contains(&copied.bytes), "{copied:?}");
    let ValueRef::String(old) = snapshot.db(0).table().get(&7u32.to_be_bytes()).unwrap().value();
    assert_eq!(old.as_slice(), Some(&[b'x'; 1000][..]));
    // Values that are stored in their records do not make segments large, either.
    let mut keyspace = Keyspace::new(1, 3);
    for number in 0..1000u32 {
        keyspace.db_mut(0).set_string(&number.to_be_bytes(), &[b'x'; 500], Expiry::None);
    }
    keyspace.snapshot();
    keyspace.db_mut(0).set_string(&7u32.to_be_bytes(), &[b'y'; 500], Expiry::None);
    assert!(keyspace.copied().bytes < 10_000, "{:?}", keyspace.copied());
}

/// Keys that agree in all bits of hash that may be split by: only somebody who knows the seed can make them.
#[test]
fn a_segment_that_cannot_be_split_grows_on() {
    use super::{entry::Content, segment::Segment};
    let hasher = Hasher::new(5);
    let mut segment = Segment::new(0, 0);
    let key = |number: u32| number.to_be_bytes();
    let text = |number: u32| vec![b'a'; number as usize * 5];
    let push = |segment: &mut Segment, number: u32| {
        let content = text(number);
        let content = Content::String(&content, StringEncoding::Raw);
        segment.push(hasher.hash(&key(number)), &key(number), content, (Some(9), 1));
    };
    (0..200).for_each(|number| push(&mut segment, number));
    for number in (0..200).filter(|number| number % 3 != 0) {
        let slot = segment.find(hasher.hash(&key(number)), &key(number)).unwrap();
        segment.remove(slot, &hasher);
    }
    assert_eq!(segment.len(), 67);
    for number in 0..200 {
        let slot = segment.find(hasher.hash(&key(number)), &key(number));
        assert_eq!(slot.is_some(), number % 3 == 0, "{number}");
        let Some(entry) = slot.and_then(|slot| segment.entry(slot)) else { continue };
        let ValueRef::String(string) = entry.value();
        assert_eq!((string.to_vec(), entry.expire_at()), (text(number), Some(9)));
    }
}

//! The table against a model: whatever happens, both agree.

use super::*;
use alloc::vec::Vec;

#[test]
fn what_is_set_is_found() {
    let mut keyspace = Keyspace::new(16, 7);
    let db = keyspace.db_mut(0);
    for n in 0..20_000u32 {
        assert!(!db.set_string(&n.to_le_bytes(), &n.to_be_bytes(), Expiry::None));
    }
    assert_eq!(db.len(), 20_000);
    for n in 0..20_000u32 {
        let Some(ValueRef::String(value)) = db.lookup(&n.to_le_bytes()) else {
            panic!("{n} is lost")
        };
        assert_eq!(value.as_slice(), Some(&n.to_be_bytes()[..]));
    }
    let mut seen: Vec<_> = db.table().iter().map(|entry| entry.key().to_vec()).collect();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 20_000);
}

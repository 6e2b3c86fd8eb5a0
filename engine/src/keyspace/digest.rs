//! DEBUG DIGEST: Redis's own fingerprint of a data set, twenty bytes in which equal data agree whatever their order.
//!
//! Two ways to add something to a digest make it up. *Xor*: the SHA-1 of the thing is xored in; order does not matter.
//! *Mix*: the same, and then the digest is replaced by its own SHA-1; order matters. Keys are xored into the whole, so
//! that no two tables need to agree in order; what belongs together in one key is mixed.

use super::entry::EntryRef;
use super::table::Table;
use super::value::{StringRef, ValueRef};
use sha1::{Digest as _, Sha1};

/// A fingerprint.
pub type Digest = [u8; 20];

/// The digest of a whole data set: the tables of its databases in order. No keys, all zeros.
pub fn of_dataset<'a>(tables: impl Iterator<Item = &'a Table>) -> Digest {
    let mut whole = Digest::default();
    for (number, table) in tables.enumerate().filter(|(_, table)| !table.is_empty()) {
        mix(&mut whole, [&(number as u32).to_be_bytes()[..]]);
        for entry in table.iter() {
            let mut one = Digest::default();
            mix(&mut one, [entry.key()]);
            mix_value(&mut one, entry);
            add(&mut whole, &one);
        }
    }
    whole
}

/// The digest of one key's value and of whether it expires: DEBUG DIGEST-VALUE.
pub fn of_value(entry: EntryRef<'_>) -> Digest {
    let mut one = Digest::default();
    mix_value(&mut one, entry);
    one
}

fn mix_value(digest: &mut Digest, entry: EntryRef<'_>) {
    match entry.value() {
        ValueRef::String(string) => mix_string(digest, string),
    }
    if entry.expire_at().is_some() {
        xor(digest, [&b"!!expire!!"[..]]);
    }
}

fn mix_string(digest: &mut Digest, string: StringRef<'_>) {
    const TYPE: u32 = 0;
    mix(digest, [&TYPE.to_be_bytes()[..]]);
    mix(digest, string.pieces());
}

/// Xors the SHA-1 of a thing (given in pieces) into the digest.
fn xor<'a>(digest: &mut Digest, pieces: impl IntoIterator<Item = &'a [u8]>) {
    let mut sha = Sha1::new();
    pieces.into_iter().for_each(|piece| sha.update(piece));
    digest.iter_mut().zip(sha.finalize()).for_each(|(byte, other)| *byte ^= other);
}

/// Xors, and then stirs so that order matters.
fn mix<'a>(digest: &mut Digest, pieces: impl IntoIterator<Item = &'a [u8]>) {
    xor(digest, pieces);
    *digest = Sha1::digest(*digest).into();
}

/// Xors one digest into another.
fn add(whole: &mut Digest, one: &Digest) {
    xor(whole, [&one[..]]);
}

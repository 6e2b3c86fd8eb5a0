//! Whole or byte by byte, an RDB file gives the same items or the same error.
#![no_main]

use engine::rdb::{Decoder, LoadError, OtherTypes};
use libfuzzer_sys::fuzz_target;

fn read(bytes: &[u8], size: usize) -> (usize, Result<(), LoadError>) {
    let mut decoder = Decoder::new(OtherTypes::Walk, true);
    let mut items = 0;
    for piece in bytes.chunks(size) {
        decoder.feed(piece);
        loop {
            match decoder.next_item() {
                Ok(Some(_)) => items += 1,
                Ok(None) => break,
                Err(error) => return (items, Err(error)),
            }
        }
    }
    (items, decoder.finish())
}

fuzz_target!(|bytes: &[u8]| {
    let file = [b"REDIS0010", bytes].concat();
    assert_eq!(read(&file, 1), read(&file, file.len()));
});

//! What a reader calls valid it reads again without complaint.
#![no_main]

use engine::aof::Reader;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut reader = Reader::default();
    let mut commands = 0;
    for piece in bytes.chunks(7) {
        reader.feed(piece);
        loop {
            match reader.next_command() {
                Ok(Some(_)) => commands += 1,
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
    if let Err(unfinished) = reader.finish() {
        let mut again = Reader::default();
        again.feed(&bytes[..unfinished.valid_up_to as usize]);
        while let Ok(Some(_)) = again.next_command() {
            commands -= 1;
        }
        assert_eq!((commands, again.finish()), (0, Ok(())));
    }
});

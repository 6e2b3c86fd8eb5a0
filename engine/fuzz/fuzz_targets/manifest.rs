//! A manifest that can be read is the same after being written.
#![no_main]

use engine::aof::Manifest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(manifest) = Manifest::parse(bytes)
        && manifest.files().all(|file| file.name.len() < 200)
        && !manifest.is_empty()
    {
        let again = Manifest::parse(manifest.format().as_bytes()).expect("what was written");
        assert!(manifest.files().eq(again.files()));
    }
});

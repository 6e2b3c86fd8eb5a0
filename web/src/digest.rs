//! Functions for scripts beside the page: a panic on purpose, to test its report; and the digest of a run, to compare it with
//! the same run played natively, and to measure how fast the browser plays it.

use wasm_bindgen::prelude::wasm_bindgen;

/// Break the page on purpose, to see its report: `Keepsake.panic()` in the browser's console (see `boot.js`).
///
/// # Panics
///
/// That is what it is for.
#[wasm_bindgen]
pub fn panic() {
    panic!("Keepsake.panic() was called");
}

/// The digest of the run behind `link`, played to `until_seconds` of its own time.
///
/// # Errors
///
/// What is wrong with the link.
#[wasm_bindgen]
pub fn digest_of(link: &str, until_seconds: u32) -> Result<String, String> {
    sim::digest_of(link, u64::from(until_seconds) * 1_000_000).map_err(|why| why.to_string())
}

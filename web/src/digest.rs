//! What scripts beside the page may ask it: the digest of a run, to compare it with the same run
//! played natively, and to measure how fast the browser plays it.

use wasm_bindgen::prelude::wasm_bindgen;

/// The digest of the run behind `link`, played to `until_seconds` of its own time.
///
/// # Errors
///
/// What is wrong with the link.
#[wasm_bindgen]
pub fn digest_of(link: &str, until_seconds: u32) -> Result<String, String> {
    sim::digest_of(link, u64::from(until_seconds) * 1_000_000).map_err(|why| why.to_string())
}

//! The page: it shows what a player sends, and sends what the reader wants. No node lives here, and no protocol.
//!
//! | for | module |
//! |---|---|
//! | what the page knows | [`model`] |
//! | what plays the nodes, and how to speak with it | [`player`], and the crate `view` |
//! | every word, in both languages | [`text`], and the `Text` constants of each view |
//! | the four places | [`app`] |
//! | nodes, links, messages | [`stage`] |
//! | what is selected | [`inspector`] |
//! | two timelines side by side | [`compare`] |
//! | walkthroughs | [`lesson`] |
//! | the link in the address bar | [`address`] |
//! | language and theme | [`prefs`] |
//! | time: transport and timeline | [`transport`], [`timeline`] |

mod address;
mod app;
mod compare;
mod help;
mod inspector;
mod lesson;
mod model;
mod obstacle;
mod open_file;
mod panic;
mod player;
mod prefs;
mod prose;
mod stage;
mod text;
mod timeline;
mod transport;

use leptos::prelude::*;
use wasm_bindgen::prelude::wasm_bindgen;

fn main() {
    panic::install();
}

/// Show the page, with this worker as the player behind it (called by boot.js).
#[wasm_bindgen]
pub fn start(worker: web_sys::Worker) {
    mount_to_body(move || app::App(app::AppProps { worker: worker.clone() }));
}

/// Break the page on purpose, to see its report: `Keepsake.panic()` in the browser's console (see boot.js).
///
/// # Panics
///
/// That is what it is for.
#[wasm_bindgen]
pub fn panic() {
    panic!("Keepsake.panic() was called");
}

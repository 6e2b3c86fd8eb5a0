//! The page: a player of runs, and views of the world. No protocol logic lives here.
//!
//! | for | module |
//! |---|---|
//! | what the page knows | [`store`] |
//! | every word, in both languages | [`text`], and the `Text` constants of each view |
//! | the four places | [`app`] |
//! | nodes, links, messages | [`stage`] |
//! | what is selected | [`inspector`] |
//! | time: transport and timeline | [`transport`], [`timeline`] |

mod app;
mod inspector;
mod panic;
mod stage;
mod store;
mod text;
mod timeline;
mod transport;

mod digest;

use leptos::prelude::*;

fn main() {
    panic::install();
    mount_to_body(app::App);
}

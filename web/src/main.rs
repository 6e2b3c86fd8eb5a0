//! The page: a player of runs, and views of the world. No protocol logic lives here.
//!
//! | for | module |
//! |---|---|
//! | what the page knows | [`store`] |
//! | every word, in both languages | [`text`], and the `Text` constants of each view |
//! | the four places | [`app`] |
//! | nodes, links, messages | [`stage`] |
//! | what is selected | [`inspector`] |
//! | walkthroughs | [`lesson`] |
//! | the link in the address bar | [`address`] |
//! | language and theme | [`prefs`] |
//! | time: transport and timeline | [`transport`], [`timeline`] |

mod address;
mod app;
mod digest;
mod help;
mod inspector;
mod lesson;
mod obstacle;
mod open_file;
mod panic;
mod prefs;
mod prose;
mod stage;
mod store;
mod text;
mod timeline;
mod transport;

use leptos::prelude::*;

fn main() {
    panic::install();
    mount_to_body(app::App);
}

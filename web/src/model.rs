//! What the page knows: signals that frames set and views follow.
//!
//! ```text
//!   click, key ─▶ Page::send(Command) ─▶ player (a worker) ─▶ Frame ─▶ Page::apply ─▶ signals ─▶ what is drawn
//!   animation frame ─▶ Command::Tick ──┘
//! ```
//!
//! [`Page`] is what there is once: language, notices, whether time goes on, the lesson. [`Timeline`] is a run and a place in
//! it, of which there may be two. The page holds no world and decides nothing about one: it shows what it was sent last.

mod page;
mod timeline;

pub use page::{Notice, Page};
pub use timeline::{Selection, Tab, Timeline};

//! The worker behind the page: it plays simulated runs, so that the page itself never waits for one.
//!
//! ```text
//!   page ── bytes of a Command ──▶ message ──▶ Player::command ─┐
//!        ◀─ bytes of an Event ──── run ◀── timer ◀──────────────┘   (again, while there is work)
//! ```
//!
//! Between two slices of work the worker goes back to its event loop, where a newer command may be waiting: of many moments
//! that the reader drags over, only the latest is gone to.

use std::cell::RefCell;

use js_sys::Uint8Array;
use sim::Player;
use view::{Command, protocol::Event};
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};
use web_sys::DedicatedWorkerGlobalScope;

/// How long a slice of work takes while time goes on: a frame of the page is to come of it.
const SLICE_MILLIS: f64 = 10.0;

struct Worker {
    player: Player,
    /// Whether a run is due already.
    due: bool,
}

thread_local! {
    static WORKER: RefCell<Worker> = RefCell::new(Worker { player: Player::new(), due: false });
    static RUN: Closure<dyn FnMut()> = Closure::new(run);
}

/// The beginning: the greeting goes out. Commands come by [`take`].
fn main() {
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        // The page shows it: a worker has nothing to show it on.
        let _ = scope().post_message(&JsValue::from(info.to_string()));
    }));
    post(&Player::greeting());
}

/// Take in a command's bytes.
///
/// # Errors
///
/// They are none: the page is of another version.
#[wasm_bindgen]
pub fn take(bytes: &[u8]) -> Result<(), JsValue> {
    let command = Command::from_bytes(bytes).map_err(|bad| JsValue::from(bad.to_string()))?;
    // A tick is answered within its frame; anything else may be one of many that came together.
    let at_once = matches!(command, Command::Tick { .. });
    WORKER.with_borrow_mut(|worker| worker.player.command(command));
    if at_once {
        run()
    } else {
        run_soon()
    }
    Ok(())
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

/// Break the worker on purpose, to see the page's report.
///
/// # Panics
///
/// That is what it is for.
#[wasm_bindgen]
pub fn panic() {
    panic!("Keepsake.panicWorker() was called");
}

fn run_soon() {
    let was_due = WORKER.with_borrow_mut(|worker| std::mem::replace(&mut worker.due, true));
    if !was_due {
        RUN.with(|run| {
            let run = run.as_ref().unchecked_ref();
            // A worker that can't set a timer could not answer at all.
            let _ = scope().set_timeout_with_callback_and_timeout_and_arguments_0(run, 0);
        });
    }
}

/// A slice of work, and the frame that shows what has come of it.
fn run() {
    let begun = now();
    let (frame, more) = WORKER.with_borrow_mut(|worker| {
        worker.due = false;
        worker.player.work(|| now() - begun < SLICE_MILLIS);
        (worker.player.frame(), worker.player.has_work())
    });
    post(&Event::Frame(Box::new(frame)));
    if more {
        run_soon();
    }
}

fn post(event: &Event) {
    let bytes = Uint8Array::from(event.to_bytes().as_slice());
    let buffer = js_sys::Array::of1(&bytes.buffer());
    // The bytes are handed over, not copied.
    let _ = scope().post_message_with_transfer(&bytes, &buffer);
}

fn now() -> f64 {
    scope().performance().map_or(0.0, |clock| clock.now())
}

fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

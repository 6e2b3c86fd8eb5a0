//! The other end: whatever plays the nodes, behind bytes that go there and come back. Here it is a worker of this page
//! (see `web/player`).

use js_sys::Uint8Array;
use view::{Command, protocol::Event};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{MessageEvent, Worker};

use crate::panic;

/// The page's end of the pipe.
#[derive(Clone, Debug)]
pub struct Player {
    worker: Worker,
}

impl Player {
    /// Listen to this worker: `hear` is called with everything that it says, for as long as the page lives.
    pub fn new(worker: Worker, mut hear: impl FnMut(Event) + 'static) -> Self {
        let listen = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
            let data = message.data();
            if let Some(bytes) = data.dyn_ref::<Uint8Array>() {
                match Event::from_bytes(&bytes.to_vec()) {
                    Ok(event) => hear(event),
                    Err(bad) => panic::report(&bad.to_string()),
                }
            } else if let Some(what) = data.as_string() {
                panic::report(&what);
            }
        });
        worker.set_onmessage(Some(listen.as_ref().unchecked_ref()));
        listen.forget();
        Self { worker }
    }

    /// Send a command.
    pub fn send(&self, command: &Command) {
        let bytes = Uint8Array::from(command.to_bytes().as_slice());
        // A worker that is gone has said why: the page shows that.
        let _ = self.worker.post_message(&bytes);
    }
}

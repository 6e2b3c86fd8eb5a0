//! What other threads have to say to the thread of the node: a queue, and a way to end its wait.

use std::{
    io,
    sync::{Arc, mpsc},
};

use engine::io::{ConnId, ScriptId, ScriptNews};
use mio::{Registry, Token, Waker};

use super::{connect::Found, disk::Answer};

/// What another thread has to say.
pub enum Message {
    /// A disk operation has ended.
    Disk(Answer),
    /// A host name is resolved.
    Resolved {
        /// The connection that is to be made.
        conn: ConnId,
        /// To one of these addresses.
        found: Found,
    },
    /// A script has ended.
    Script {
        /// Which run.
        id: ScriptId,
        /// How.
        news: ScriptNews,
    },
}

/// The receiving end.
pub struct Mailbox {
    messages: mpsc::Receiver<Message>,
    sender: Sender,
}

/// The sending end; a thread has its own.
#[derive(Clone)]
pub struct Sender {
    queue: mpsc::Sender<Message>,
    waker: Arc<Waker>,
}

impl Mailbox {
    /// An empty one, whose messages end the wait of `registry`'s poll.
    ///
    /// # Errors
    /// The operating system's.
    pub fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        let waker = Arc::new(Waker::new(registry, token)?);
        let (queue, messages) = mpsc::channel();
        Ok(Self { messages, sender: Sender { queue, waker } })
    }

    /// A sending end.
    pub fn clone_sender(&self) -> Sender {
        self.sender.clone()
    }

    /// What ends the wait, for a thread that has a queue of its own.
    pub fn waker(&self) -> Arc<Waker> {
        self.sender.waker.clone()
    }

    /// The next message.
    pub fn take(&self) -> Option<Message> {
        self.messages.try_recv().ok()
    }
}

impl Sender {
    /// Pass on a message. A node that has ended needs none.
    pub fn send(&self, message: Message) {
        if self.queue.send(message).is_ok() {
            // It fails only with the poll that it belongs to.
            let _ = self.waker.wake();
        }
    }
}

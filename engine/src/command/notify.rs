//! Keyspace notifications: events of keys, published to subscribers.
//!
//! `notify-keyspace-events` chooses the classes of events, and whether they go out by key
//! (`__keyspace@0__:city` says `set`) or by event (`__keyevent@0__:set` says `city`).

use alloc::format;

use super::Ctx;
pub use crate::config::NotifyClass;
use crate::node::Server;
use crate::turn::Turn;

impl Ctx<'_> {
    /// `event` has happened to `key` in the client's database.
    #[inline]
    pub fn notify(&mut self, class: NotifyClass, event: &str, key: &[u8]) {
        self.notify_in(self.client.session.db, class, event, key);
    }

    /// `event` has happened to `key` in database `db`.
    #[inline]
    pub fn notify_in(&mut self, db: u32, class: NotifyClass, event: &str, key: &[u8]) {
        if self.turn.config.general.notify_keyspace_events.has(class) {
            self.node.notify_keyspace(self.turn, db, event, key, Some(self.client));
        }
    }
}

impl Server {
    /// Publish the event; its class is switched on. `running` is the client that is checked out, if one is.
    pub(crate) fn notify_keyspace(
        &mut self,
        turn: &mut Turn,
        db: u32,
        event: &str,
        key: &[u8],
        running: Option<&mut crate::node::Client>,
    ) {
        let events = turn.config.general.notify_keyspace_events;
        let mut running = running;
        if events.has(NotifyClass::Keyspace) {
            let mut channel = format!("__keyspace@{db}__:").into_bytes();
            channel.extend_from_slice(key);
            self.publish(turn, &channel, event.as_bytes(), running.as_deref_mut());
        }
        if events.has(NotifyClass::Keyevent) {
            let channel = format!("__keyevent@{db}__:{event}");
            self.publish(turn, channel.as_bytes(), key, running);
        }
    }
}

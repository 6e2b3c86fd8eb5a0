//! Keyspace notifications: events of keys, published to subscribers.
//!
//! `notify-keyspace-events` chooses the classes of events, and whether they go out by key
//! (`__keyspace@0__:city` says `set`) or by event (`__keyevent@0__:set` says `city`).

use super::Ctx;
pub use crate::config::NotifyClass;

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
            self.server.notify_keyspace(self.turn, db, event, key, Some(self.client));
        }
    }
}

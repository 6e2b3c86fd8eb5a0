//! All clients: by connection, by `CLIENT ID`, by what they wait for; and the run queue.

use alloc::{
    boxed::Box,
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};

use super::{Blocked, Client, ClientKind, waits::Waits};
use crate::io::ConnId;

/// All clients, by connection.
///
/// The client whose commands are running is *checked out*: it is owned by the function that runs them, so that the node
/// and that client can be changed side by side. Its place in the table is empty meanwhile.
#[derive(Clone, Debug, Default)]
pub struct Clients {
    table: BTreeMap<ConnId, Option<Box<Client>>>,
    by_id: BTreeMap<u64, ConnId>,
    last_id: u64,
    waits: Waits,
    /// Clients whose requests can be run, in the order in which they became so. See [`Clients::make_ready`].
    ready: VecDeque<ConnId>,
    /// What the buffers of all clients hold, replicas' apart.
    buffered: u64,
    buffered_for_replicas: u64,
    /// The client at which the cron goes on.
    next_visit: u64,
}

impl Clients {
    /// A new client's `CLIENT ID`.
    pub fn new_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Add a client.
    pub fn insert(&mut self, client: Client) {
        self.by_id.insert(client.id, client.conn);
        self.table.insert(client.conn, Some(Box::new(client)));
    }

    /// Forget a client that is checked out.
    pub fn remove(&mut self, client: &mut Client) {
        if let Some(blocked) = client.blocked.take() {
            self.waits.remove(client.conn, &blocked);
        }
        self.count_buffers(client, 0);
        self.by_id.remove(&client.id);
        self.table.remove(&client.conn);
    }

    /// Check a client out, to run its commands.
    pub fn take(&mut self, conn: ConnId) -> Option<Box<Client>> {
        self.table.get_mut(&conn)?.take()
    }

    /// Put it back, unless its place was removed meanwhile: then the client is returned.
    #[must_use]
    pub fn put_back(&mut self, mut client: Box<Client>) -> Option<Box<Client>> {
        let buffered = client.buffered();
        self.count_buffers(&mut client, buffered);
        let Some(slot) = self.table.get_mut(&client.conn) else { return Some(client) };
        debug_assert!(slot.is_none(), "a client is put back that was not checked out");
        *slot = Some(client);
        None
    }

    /// Remove the place of a client that is checked out.
    pub fn remove_place(&mut self, conn: ConnId) {
        self.table.remove(&conn);
    }

    /// A client that is not checked out.
    pub fn get(&self, conn: ConnId) -> Option<&Client> {
        self.table.get(&conn)?.as_deref()
    }

    /// A client that is not checked out.
    pub fn get_mut(&mut self, conn: ConnId) -> Option<&mut Client> {
        self.table.get_mut(&conn)?.as_deref_mut()
    }

    /// The connection of the client with this `CLIENT ID`, checked out or not.
    pub fn conn_of(&self, id: u64) -> Option<ConnId> {
        self.by_id.get(&id).copied()
    }

    /// All that are not checked out, in order of their connection.
    pub fn iter(&self) -> impl Iterator<Item = &Client> {
        self.table.values().flatten().map(|client| &**client)
    }

    /// How many there are, those checked out included.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// The next clients that the cron looks at: every client once in `rounds` calls, five at least.
    pub fn next_visits(&mut self, rounds: usize) -> Vec<ConnId> {
        const LEAST: usize = 5;
        let wanted = self.len().div_ceil(rounds).max(LEAST).min(self.len());
        let behind = self.table.range(ConnId(self.next_visit)..).map(|(conn, _)| *conn);
        let visits: Vec<ConnId> = behind.chain(self.table.keys().copied()).take(wanted).collect();
        self.next_visit = visits.last().map_or(0, |last| last.0 + 1);
        visits
    }
}

/// Waiting, and going on.
impl Clients {
    /// The blocked clients.
    pub fn waits(&self) -> &Waits {
        &self.waits
    }

    /// A client that is checked out waits from now on: nothing of its input is executed.
    pub fn block(&mut self, client: &mut Client, why: Blocked) {
        debug_assert!(client.blocked.is_none(), "a client waits for one thing at a time");
        self.waits.add(client.conn, &why);
        client.blocked = Some(why);
    }

    /// A pause stops a client that is checked out.
    pub fn postpone(&mut self, client: &mut Client) {
        let ticket = self.waits.new_ticket();
        self.block(client, Blocked::Postponed { ticket });
    }

    /// A client's wait has ended and its reply is written: its requests are run when its turn in the queue has come.
    pub fn unblock(&mut self, conn: ConnId) {
        let Some(client) = self.table.get_mut(&conn).and_then(Option::as_deref_mut) else { return };
        if let Some(blocked) = client.blocked.take() {
            self.waits.remove(conn, &blocked);
        }
        Self::enqueue(&mut self.ready, client);
    }

    /// A client that is checked out has requests that could not be run in this step.
    pub fn make_ready(&mut self, client: &mut Client) {
        Self::enqueue(&mut self.ready, client);
    }

    fn enqueue(ready: &mut VecDeque<ConnId>, client: &mut Client) {
        if !client.is_ready {
            client.is_ready = true;
            ready.push_back(client.conn);
        }
    }

    /// Check out the first client of the run queue.
    pub fn take_ready(&mut self) -> Option<Box<Client>> {
        while let Some(conn) = self.ready.pop_front() {
            // A client that was closed meanwhile is not there any more.
            if let Some(mut client) = self.take(conn) {
                client.is_ready = false;
                return Some(client);
            }
        }
        None
    }

    /// Whether the run queue holds a client.
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }
}

/// Memory.
impl Clients {
    /// What the buffers of clients hold that count for `maxmemory`.
    pub const fn buffered(&self) -> u64 {
        self.buffered
    }

    /// What waits for replicas: shown as used, not counted for `maxmemory`, or evicting would make more of it.
    pub const fn buffered_for_replicas(&self) -> u64 {
        self.buffered_for_replicas
    }

    /// The driver holds so many bytes for this client.
    pub fn set_unsent(&mut self, conn: ConnId, bytes: u64) {
        let Some(Some(client)) = self.table.get_mut(&conn) else { return };
        client.output.unsent = bytes;
        let buffered = client.buffered();
        let sums = [&mut self.buffered, &mut self.buffered_for_replicas];
        recount(sums, client, buffered);
    }

    fn count_buffers(&mut self, client: &mut Client, bytes: u64) {
        recount([&mut self.buffered, &mut self.buffered_for_replicas], client, bytes);
    }
}

/// A client's buffers hold so much from now on. `sums`: of ordinary clients, and of replicas.
fn recount(sums: [&mut u64; 2], client: &mut Client, bytes: u64) {
    let (old, was_replica) = client.counted;
    let is_replica = client.kind == ClientKind::Replica;
    *sums[usize::from(was_replica)] -= old;
    *sums[usize::from(is_replica)] += bytes;
    client.counted = (bytes, is_replica);
}

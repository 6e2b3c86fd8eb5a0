//! Requests of another protocol: a web page can make its reader's browser post to a port of this machine.
//!
//! HTTP is made of lines, and so are inline commands: without a guard each line of a POST's body would run as a command.
//! The two lines that no browser can leave out, `POST …` and `Host: …`, close the connection instead. What stood in
//! front of them in the same read has run, but is not answered.

use crate::{
    resp::Args,
    session::{Client, CloseIntent},
    time::Instant,
    trace::ServerFact,
    turn::Turn,
};

/// Closes connections that speak HTTP.
#[derive(Clone, Debug, Default)]
pub struct CrossProtocolGuard {
    logged: Option<Instant>,
}

impl CrossProtocolGuard {
    /// The log line is not repeated within this time, or a page could fill the disk.
    const QUIET_SECONDS: u64 = 60;

    /// Whether these are the words of an HTTP request rather than of a command.
    #[inline]
    pub(crate) fn is_foreign(args: Args<'_>) -> bool {
        let name = args.at(0);
        name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:")
    }

    /// Close this client.
    #[cold]
    pub(crate) fn close(&mut self, turn: &mut Turn, client: &mut Client) {
        client.net.close = CloseIntent::Now;
        let elapsed = |at: Instant| turn.clock.mono.as_secs().saturating_sub(at.as_secs());
        if self.logged.is_none_or(|at| elapsed(at) > Self::QUIET_SECONDS) {
            self.logged = Some(turn.clock.mono);
            turn.note(ServerFact::CrossProtocolRequest);
        }
    }
}

//! The PSYNC decision: can a replica go on from where it stopped?
//!
//! A replica says which history it followed and which byte it wants next: `PSYNC <replication id> <offset>`. A master
//! has a history of its own, and may remember the one that it followed before it was promoted:
//!
//! ```text
//!   id2 (the old master's history)             id (this master's own history)
//!   ────────────────────────────────────┐┌───────────────────────────────────────▶ stream
//!                       │               ││                                    │
//!                       first byte of   │second_offset: the first byte that   end: the next byte
//!                       the backlog     │differs between the two histories
//!                       │               │
//!                       ├───────────────┴──────── the backlog ────────────────┤
//! ```
//!
//! Both histories agree up to `second_offset`, so a sibling that followed the old master can be continued if it wants
//! no byte *behind* `second_offset` under the old name: it has then seen nothing that this master has not. And what it
//! wants must be in the backlog. Everything else needs a full synchronisation.
//!
//! The decision is a pure function of the request and of what the master knows: [`decide`].

use alloc::string::String;

pub use crate::trace::replication_facts::FullReason;

/// A replica asks to be continued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// The history that it followed; `?` if it followed none.
    pub id: &'a [u8],
    /// The byte that it wants next; -1 if it has none.
    pub offset: i64,
}

/// What the master knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known<'a> {
    /// The present history.
    pub id: &'a str,
    /// The history before; forty zeros if there was none.
    pub id2: &'a str,
    /// The first byte that may differ between the two; -1 if there was none.
    pub second_offset: i64,
    /// The offset of the first byte in the backlog and of the next byte to come; `None` without a backlog.
    pub backlog: Option<(u64, u64)>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Send the stream from this byte on.
    Continue {
        /// The offset of the first byte to send.
        from: u64,
    },
    /// Send everything.
    Full {
        /// Why it can't be less.
        why: FullReason,
    },
}

/// Whether the replica can be continued, and from where.
pub fn decide(request: Request<'_>, known: Known<'_>) -> Decision {
    let full = |why| Decision::Full { why };
    let is = |id: &str| id.as_bytes().eq_ignore_ascii_case(request.id);
    if !is(known.id) && (!is(known.id2) || request.offset > known.second_offset) {
        return full(match request.id.first() {
            Some(b'?') => FullReason::Requested,
            _ if is(known.id2) => {
                FullReason::BeyondSecondId { asked: request.offset, up_to: known.second_offset }
            }
            _ => FullReason::IdMismatch { asked: String::from_utf8_lossy(request.id).into_owned() },
        });
    }
    let wanted = u64::try_from(request.offset).ok();
    match (wanted, known.backlog) {
        (Some(from), Some((first, end))) if (first..=end).contains(&from) => {
            Decision::Continue { from }
        }
        (_, backlog) => full(FullReason::LackOfBacklog {
            asked: request.offset,
            from_the_future: backlog.is_some_and(|(_, end)| wanted.is_some_and(|n| n > end)),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    /// Promoted at offset 149: knows A up to byte 149 and its own B from byte 150 on; the backlog holds 100 to 199.
    const PROMOTED: Known<'_> =
        Known { id: B, id2: A, second_offset: 150, backlog: Some((100, 200)) };

    fn ask(id: &str, offset: i64) -> Decision {
        decide(Request { id: id.as_bytes(), offset }, PROMOTED)
    }

    #[test]
    fn a_follower_of_the_present_history_is_continued_within_the_backlog() {
        assert_eq!(ask(B, 100), Decision::Continue { from: 100 });
        assert_eq!(ask(&B.to_uppercase(), 150), Decision::Continue { from: 150 });
        assert_eq!(ask(B, 200), Decision::Continue { from: 200 });
        for (asked, from_the_future) in [(99, false), (201, true), (-1, false), (i64::MAX, true)] {
            let why = FullReason::LackOfBacklog { asked, from_the_future };
            assert_eq!(ask(B, asked), Decision::Full { why });
        }
    }

    #[test]
    fn a_sibling_is_continued_if_it_saw_no_more_of_the_old_history() {
        assert_eq!(ask(A, 120), Decision::Continue { from: 120 });
        assert_eq!(ask(A, 150), Decision::Continue { from: 150 });
        let why = FullReason::BeyondSecondId { asked: 151, up_to: 150 };
        assert_eq!(ask(A, 151), Decision::Full { why });
    }

    #[test]
    fn strangers_and_beginners_need_everything() {
        assert_eq!(ask("?", -1), Decision::Full { why: FullReason::Requested });
        let why = FullReason::IdMismatch { asked: "cc".into() };
        assert_eq!(ask("cc", 120), Decision::Full { why });
    }

    #[test]
    fn without_a_backlog_nobody_is_continued() {
        let known = Known { backlog: None, ..PROMOTED };
        let why = FullReason::LackOfBacklog { asked: 120, from_the_future: false };
        let request = Request { id: B.as_bytes(), offset: 120 };
        assert_eq!(decide(request, known), Decision::Full { why });
    }
}

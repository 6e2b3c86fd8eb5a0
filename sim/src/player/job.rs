//! What takes longer than a command may: worked on a slice at a time.

use std::collections::VecDeque;

use ::view::protocol::TimelineId;

use super::{Player, SLICE_MICROS};
use crate::{ids::NodeId, lesson::Move};

/// Something that moves time, and how it ends.
#[derive(Clone, Debug)]
pub(super) enum Job {
    /// To this moment, forwards or backwards.
    Go {
        /// Microseconds since the beginning.
        at: u64,
    },
    /// Until the first timeline has a mark that it did not have.
    Mark {
        /// How many happenings it had.
        seen: usize,
        /// No further than this.
        until: u64,
    },
    /// Until a terminal has nothing to wait for.
    Answered {
        /// In which timeline.
        timeline: TimelineId,
        /// Whose terminal.
        node: NodeId,
        /// No further than this.
        until: u64,
    },
    /// A lesson's solution.
    Solve {
        /// What is left to do.
        moves: VecDeque<Move>,
        /// How far the first of them goes, if it lets time pass.
        until: Option<u64>,
    },
}

impl Job {
    /// The moment at which it ends at the latest, as far as that is known.
    pub fn goal(&self) -> u64 {
        match self {
            Self::Go { at } => *at,
            Self::Mark { until, .. } | Self::Answered { until, .. } => *until,
            Self::Solve { until, .. } => until.unwrap_or(0),
        }
    }
}

impl Player {
    /// A slice of a job; what is left of it.
    pub(super) fn work_on(&mut self, job: Job) -> Option<Job> {
        match job {
            Job::Go { at } => {
                if at < self.now() {
                    for one in &mut self.timelines {
                        one.history.rewind_to(at);
                    }
                }
                self.slice_to(at).then_some(job)
            }
            Job::Mark { seen, until } => {
                let first = self.timelines.first_mut()?;
                let end = (first.history.now() + SLICE_MICROS).min(until);
                while !first.history.has_mark_since(seen) && first.history.now() < end {
                    first.history.step_within(end);
                }
                let (now, found) = (first.history.now(), first.history.has_mark_since(seen));
                self.play_to(now);
                self.look_for_goal();
                (!found && now < until && self.goal_is_ahead()).then_some(job)
            }
            Job::Answered { timeline, node, until } => {
                let end = self.now() + 1_000;
                self.play_to(end.min(until));
                let one = self.timeline_mut(timeline)?;
                let busy = one.history.world().terminal(node).is_some_and(|it| it.is_busy());
                self.look_for_goal();
                (busy && end < until).then_some(job)
            }
            Job::Solve { moves, until } => self.solve_on(moves, until),
        }
    }

    /// Play a slice of the way to `at`. Returns whether there is more of it.
    pub(super) fn slice_to(&mut self, at: u64) -> bool {
        for one in &mut self.timelines {
            let now = one.history.now();
            one.history.play_to((now + SLICE_MICROS).min(at));
        }
        let slowest = self.timelines.iter().map(|one| one.history.now()).min();
        let more = slowest.is_some_and(|now| now < at);
        if !more {
            self.look_for_goal();
        }
        more
    }
}

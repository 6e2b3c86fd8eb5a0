//! Which replica becomes the master: a pure function of what is known of each, with its reasons.
//!
//! First, the replicas that can't be promoted: down, unreachable, silent, of priority 0, with an INFO that is too old to show how
//! it is, or lost its master long before the master went down (its data is old). Of the others the lowest priority wins;
//! then the largest replication offset, since it has most of the master's writes; then the smallest run id, only so that all
//! sentinels choose alike.

use alloc::vec::Vec;
use core::cmp::Ordering;

use super::{
    Periods, Sentinel,
    instance::{Master, Replica},
    links::Link,
};
use crate::time::Instant;

pub use crate::trace::instance::{Candidate, Verdict};

/// Judge all replicas of a master: those that could be chosen first, the best at the top.
pub fn judge<'a>(
    now: Instant,
    master: &'a Master,
    periods: &Periods,
    link: impl Fn(&Replica) -> Option<&'a Link>,
) -> Vec<Candidate> {
    let mut fit: Vec<&Replica> = Vec::new();
    let mut unfit = Vec::new();
    for replica in master.replicas.values() {
        match unfit_because(now, master, periods, replica, link(replica)) {
            Some(why) => unfit.push(candidate(replica, why)),
            None => fit.push(replica),
        }
    }
    fit.sort_by(|a, b| compare(a, b).0);
    let best = fit.first().copied();
    let judged = fit.iter().map(|replica| {
        let verdict = match best {
            Some(best) if !core::ptr::eq(best, *replica) => compare(best, replica).1,
            _ => Verdict::Chosen,
        };
        candidate(replica, verdict)
    });
    judged.chain(unfit).collect()
}

fn candidate(replica: &Replica, verdict: Verdict) -> Candidate {
    Candidate {
        name: replica.inst.name.clone(),
        priority: replica.priority,
        offset: replica.offset,
        run_id: replica.inst.run_id.clone(),
        verdict,
    }
}

/// Whether this replica can't be chosen, and why.
fn unfit_because(
    now: Instant,
    master: &Master,
    periods: &Periods,
    replica: &Replica,
    link: Option<&Link>,
) -> Option<Verdict> {
    if replica.inst.s_down {
        return Some(Verdict::Down);
    }
    let Some(link) = link.filter(|link| !link.is_disconnected()) else {
        return Some(Verdict::Disconnected);
    };
    let silent = now.millis_since(link.last_available);
    if silent > periods.ping * 5 {
        return Some(Verdict::SilentFor(silent));
    }
    if replica.priority == 0 {
        return Some(Verdict::PriorityZero);
    }
    // While the master is down INFO is asked for every second, so it must be younger.
    let validity = if master.inst.s_down { periods.ping * 5 } else { periods.info * 3 };
    let age = replica.report.at.map(|at| now.millis_since(at));
    if age.is_none_or(|age| age > validity) {
        return Some(Verdict::InfoTooOld(age));
    }
    let down_for = if master.inst.s_down { now.millis_since(master.inst.s_down_since) } else { 0 };
    let explained = down_for.saturating_add(master.options.down_after.saturating_mul(10));
    let lost = u64::try_from(replica.master_link_down).unwrap_or(0);
    (lost > explained).then_some(Verdict::LostMasterLongAgo(lost))
}

/// Which of two comes first, and by what the second loses if it is the first.
fn compare(a: &Replica, b: &Replica) -> (Ordering, Verdict) {
    let by_priority = a.priority.cmp(&b.priority);
    if by_priority.is_ne() {
        return (by_priority, Verdict::LosesByPriority);
    }
    let by_offset = b.offset.cmp(&a.offset);
    if by_offset.is_ne() {
        return (by_offset, Verdict::LosesByOffset);
    }
    let by_run_id = match (&a.inst.run_id, &b.inst.run_id) {
        (Some(a), Some(b)) => a.to_ascii_lowercase().cmp(&b.to_ascii_lowercase()),
        // A replica without a known run id comes last.
        (a, b) => b.is_some().cmp(&a.is_some()),
    };
    (by_run_id, Verdict::LosesByRunId)
}

impl Sentinel {
    /// How the replicas of a master are judged now.
    pub fn judge(&self, now: Instant, name: &str) -> Vec<Candidate> {
        let Some(master) = self.masters.get(name) else { return Vec::new() };
        judge(now, master, &self.periods, |replica| self.links.get(replica.inst.link))
    }
}

/// The one that was chosen, if any was.
pub fn chosen(candidates: &[Candidate]) -> Option<&Candidate> {
    candidates.first().filter(|candidate| candidate.verdict == Verdict::Chosen)
}

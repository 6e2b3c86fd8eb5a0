//! `server_cpulist`, `bio_cpulist`: the processors that a thread may run on.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Keep the calling thread on the processors of a list such as `0,2-3` or `0-7:2`. A list that makes no sense, or names no
/// processor of this machine, changes nothing, as in Redis.
pub fn keep_to(list: &str) {
    if let Some(set) = parse(list) {
        let _ = sched_setaffinity(None, &set);
    }
}

/// Start threads on the processors of a list: a thread runs at first where its maker does.
pub fn on<T>(list: &str, start: impl FnOnce() -> T) -> T {
    let Ok(own) = sched_getaffinity(None) else { return start() };
    keep_to(list);
    let started = start();
    let _ = sched_setaffinity(None, &own);
    started
}

/// The processors of a list: numbers and ranges, each of which may have a step.
fn parse(list: &str) -> Option<CpuSet> {
    let mut set = CpuSet::new();
    for part in list.split(',') {
        let (range, step) = part.split_once(':').unwrap_or((part, "1"));
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (number(first)?, number(last)?);
        let step = number(step).filter(|step| *step > 0)?;
        (first.min(last)..=first.max(last)).step_by(step).for_each(|cpu| set.set(cpu));
    }
    Some(set)
}

fn number(text: &str) -> Option<usize> {
    text.trim().parse().ok().filter(|cpu| *cpu < CpuSet::MAX_CPU)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpus(list: &str) -> Option<Vec<usize>> {
        let set = parse(list)?;
        Some((0..CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu)).collect())
    }

    #[test]
    fn lists_are_numbers_and_ranges() {
        assert_eq!(cpus("0"), Some(vec![0]));
        assert_eq!(cpus("0,2-4"), Some(vec![0, 2, 3, 4]));
        assert_eq!(cpus("0-7:2, 9"), Some(vec![0, 2, 4, 6, 9]));
        assert_eq!(cpus("3-1"), Some(vec![1, 2, 3]));
        for wrong in ["", "a", "1,", "0-5:0", "99999999"] {
            assert_eq!(cpus(wrong), None, "{wrong}");
        }
    }
}

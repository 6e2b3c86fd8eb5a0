//! `oom-score-adj`: how readily Linux ends this process when memory runs out.

use std::{fs, io};

use engine::config::{Config, OomScoreAdj};

const FILE: &str = "/proc/self/oom_score_adj";
/// What Linux allows.
const RANGE: std::ops::RangeInclusive<i32> = -1000..=1000;

/// The score of this process, as it is and as it was.
#[derive(Default)]
pub struct OomScore {
    /// What the process had before it was changed.
    original: Option<i32>,
    /// What was written last.
    written: Option<i32>,
}

impl OomScore {
    /// Write the score that the configuration has for a process in this role, if that is not done yet.
    pub fn apply(&mut self, config: &Config, is_replica: bool) {
        let rule = config.general.oom_score_adj;
        if rule == OomScoreAdj::No && self.written.is_none() {
            return;
        }
        let original = *self.original.get_or_insert_with(|| read().unwrap_or_default());
        let score = score(rule, config.general.oom_scores.0[usize::from(is_replica)], original);
        if self.written != Some(score) {
            // A process that may not lower its score keeps the one that it has.
            let _ = fs::write(FILE, format!("{score}"));
            self.written = Some(score);
        }
    }
}

fn score(rule: OomScoreAdj, wanted: i32, original: i32) -> i32 {
    let score = match rule {
        OomScoreAdj::No => original,
        OomScoreAdj::Relative => original + wanted,
        OomScoreAdj::Absolute => wanted,
    };
    score.clamp(*RANGE.start(), *RANGE.end())
}

fn read() -> io::Result<i32> {
    fs::read_to_string(FILE)?.trim().parse().map_err(|_| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_is_relative_or_absolute_and_stays_in_its_range() {
        assert_eq!(score(OomScoreAdj::Relative, 200, 100), 300);
        assert_eq!(score(OomScoreAdj::Absolute, 200, 100), 200);
        assert_eq!(score(OomScoreAdj::No, 200, 100), 100);
        assert_eq!(score(OomScoreAdj::Relative, 2000, 100), 1000);
    }
}

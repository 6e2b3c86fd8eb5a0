//! Time travel: a run that can be played on, wound back, and taken another way from any moment.
//!
//! ```text
//!   0s        1s        2s        3s    now
//!   ■─────────■─────────■─────────■──────┤      ■ a checkpoint: a copy of the world
//!                  ▲ seek: the nearest checkpoint before it, and from there by replay
//! ```
//!
//! Copies are cheap (data, files and logs are shared until they change), but not free. The latest ones are kept as they
//! come, so that the near past is close at hand; the older ones are thinned evenly over the whole run, so that no moment of
//! it is farther from a checkpoint than others.

use engine::time::Time;

use crate::{
    action::{Action, Timed},
    run::{BadLink, Run},
    view::marks,
    world::{BEGINNING, World},
};

/// How far apart checkpoints are, at first.
const EVERY_MICROS: u64 = 1_000_000;
/// How many are kept, and how many of them are the latest ones.
const MOST: usize = 64;
const RECENT: usize = 12;

/// A run, and a place in it.
#[derive(Clone, Debug)]
pub struct History {
    run: Run,
    world: World,
    /// How many of the run's actions the world has seen.
    done: usize,
    /// (actions seen, world), by time; the first is the beginning.
    checkpoints: Vec<(usize, World)>,
    furthest: u64,
}

impl History {
    /// The beginning of a run.
    pub fn new(run: Run) -> Result<Self, BadLink> {
        let scenario = run
            .scenario()
            .ok_or_else(|| BadLink(format!("there is no scenario '{}'", run.scenario)))?;
        let world = World::new(&scenario, run.seed);
        let furthest = run.actions.last().map_or(0, |timed| timed.at);
        Ok(Self { checkpoints: vec![(0, world.clone())], run, world, done: 0, furthest })
    }

    /// Open a link, at its beginning.
    pub fn open(link: &str) -> Result<Self, BadLink> {
        Self::new(Run::from_link(link)?)
    }

    /// The world, at the present place.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The run: all of its actions, also those that lie ahead.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// The link that opens this run.
    pub fn link(&self) -> String {
        self.run.to_link()
    }

    /// The present place: microseconds since the beginning.
    pub fn now(&self) -> u64 {
        self.world.elapsed()
    }

    /// How far this run has been played, or is known to go: its last action.
    pub fn furthest(&self) -> u64 {
        self.furthest
    }

    /// Play on to `t`; nothing if that is past already.
    pub fn play_to(&mut self, t: u64) {
        loop {
            let action_at = self.run.actions.get(self.done).map(|timed| timed.at);
            let checkpoint_at = (self.now() / EVERY_MICROS + 1) * EVERY_MICROS;
            let stop = action_at.unwrap_or(u64::MAX).min(checkpoint_at);
            if stop > t {
                break;
            }
            self.world.advance_to(Time(BEGINNING.0 + stop));
            if action_at == Some(stop) {
                let action = self.run.actions[self.done].action.clone();
                self.world.act(&action);
                self.done += 1;
            } else {
                self.keep_checkpoint();
            }
        }
        self.world.advance_to(Time(BEGINNING.0 + t));
        self.furthest = self.furthest.max(self.now());
    }

    /// Go to any moment, past or future.
    pub fn seek(&mut self, t: u64) {
        self.rewind_to(t);
        self.play_to(t);
    }

    /// Go back to the nearest checkpoint before `t`, if that is past: from there it is to be played to `t`.
    pub fn rewind_to(&mut self, t: u64) {
        if t < self.now() {
            let at = self.checkpoints.partition_point(|(_, world)| world.elapsed() <= t);
            let (done, world) = &self.checkpoints[at.saturating_sub(1)];
            self.done = *done;
            self.world = world.clone();
        }
    }

    /// Play on to the next moment at which anything happens.
    pub fn step(&mut self) {
        let action = self.run.actions.get(self.done).map(|timed| timed.at);
        let event = self.world.next_at().map(|at| at.0 - BEGINNING.0);
        if let Some(next) = action.into_iter().chain(event).min() {
            self.play_to(next);
        }
    }

    /// The same, but no further than to `t`.
    pub fn step_within(&mut self, t: u64) {
        let now = self.now();
        self.step();
        if self.now() > t || self.now() == now {
            self.seek(t);
        }
    }

    /// Whether anything that the timeline shows has happened since there were `seen` happenings.
    pub fn has_mark_since(&self, seen: usize) -> bool {
        let chronicle = self.world.chronicle();
        (seen..chronicle.len()).filter_map(|n| chronicle.get(n)).any(marks::is_shown)
    }

    /// The moment of the last mark before now; 0 if there is none.
    pub fn mark_before_now(&self) -> u64 {
        let now = self.world.now();
        let mut past = self.world.chronicle().iter().rev();
        let before = past.find(|happening| happening.at < now && marks::is_shown(happening));
        before.map_or(0, |happening| happening.at.0 - BEGINNING.0)
    }

    /// The run up to now, without what lies ahead, and the present place in it.
    pub fn past(&self) -> (Run, u64) {
        let actions = self.run.actions[..self.done].to_vec();
        (Run { actions, ..self.run.clone() }, self.now())
    }

    /// Do something now. What lay ahead is another timeline: it is cut off and given back, if there was anything.
    pub fn act(&mut self, action: Action) -> Option<Run> {
        let other = self.cut_off();
        let at = self.now();
        self.world.act(&action);
        self.run.actions.push(Timed { at, action });
        self.done += 1;
        other
    }

    /// Forget what lies ahead: the run goes on from here without its later actions, which are given back as the run that they made.
    pub fn cut_off(&mut self) -> Option<Run> {
        let now = self.now();
        let other = (self.done < self.run.actions.len()).then(|| self.run.clone());
        self.run.actions.truncate(self.done);
        self.checkpoints.retain(|(_, world)| world.elapsed() <= now);
        self.furthest = now;
        other
    }

    /// A second timeline that shares the past up to `t` and has none of the actions after it.
    pub fn fork_at(&self, t: u64) -> Self {
        let mut fork = self.clone();
        fork.seek(t);
        fork.cut_off();
        fork
    }

    fn keep_checkpoint(&mut self) {
        let now = self.now();
        if self.checkpoints.last().is_some_and(|(_, world)| world.elapsed() >= now) {
            return;
        }
        self.checkpoints.push((self.done, self.world.clone()));
        if self.checkpoints.len() > MOST {
            self.thin_out();
        }
    }

    /// Of the older checkpoints that one goes which leaves the smallest gap; the beginning stays.
    fn thin_out(&mut self) {
        let at = |n: usize| self.checkpoints[n].1.elapsed();
        let older = 1..self.checkpoints.len() - RECENT;
        if let Some(n) = older.min_by_key(|n| at(n + 1) - at(n - 1)) {
            self.checkpoints.remove(n);
        }
    }
}

/// The digest of the run behind a link, played to `until` microseconds: natively and in a browser it is the same.
pub fn digest_of(link: &str, until: u64) -> Result<String, BadLink> {
    let mut history = History::open(link)?;
    history.play_to(until);
    Ok(history.world().digest().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history() -> History {
        let text =
            "keepsake 3 sentinel 3\n1000000 workload m1 20\n1500000 on m1 PING\n2000000 kill m1\n";
        History::new(Run::from_text(text).unwrap()).unwrap()
    }

    fn digest_at(history: &mut History, t: u64) -> String {
        history.seek(t);
        history.world().digest().to_string()
    }

    #[test]
    fn going_back_and_forth_changes_nothing() {
        let mut history = history();
        let moments = [0, 999_999, 1_000_000, 1_000_001, 1_500_000, 2_000_000, 2_500_000];
        let forwards: Vec<String> = moments.iter().map(|t| digest_at(&mut history, *t)).collect();
        for (t, digest) in moments.iter().zip(&forwards).rev() {
            assert_eq!(&digest_at(&mut history, *t), digest, "at {t}");
        }
        let mut straight = self::history();
        straight.play_to(2_500_000);
        assert_eq!(straight.world().digest().to_string(), forwards[6]);
        assert_eq!(digest_of(&history.link(), 2_500_000).as_ref(), Ok(&forwards[6]));
    }

    #[test]
    fn stepping_is_playing() {
        let mut stepped = history();
        while stepped.now() < 1_600_000 {
            stepped.step();
        }
        let mut played = history();
        played.play_to(stepped.now());
        assert_eq!(stepped.world().digest(), played.world().digest());
    }

    #[test]
    fn acting_in_the_past_makes_another_timeline() {
        let mut history = history();
        history.play_to(3_000_000);
        history.seek(1_700_000);
        let other = history.act(Action::Heal).unwrap();
        assert_eq!(other.actions.len(), 3);
        assert_eq!(history.run().actions.len(), 3);
        assert_eq!((history.now(), history.furthest()), (1_700_000, 1_700_000));
        history.play_to(3_000_000);
        assert!(history.world().process(crate::NodeId(0)).is_some());
        assert_eq!(history.fork_at(1_200_000).run().actions.len(), 1);
    }

    #[test]
    fn memory_is_bounded() {
        let mut history = History::new(Run::new("single", 1)).unwrap();
        history.play_to(300_000_000);
        assert!(history.checkpoints.len() <= MOST);
        history.seek(17_000_000);
        assert_eq!(history.now(), 17_000_000);
    }

    #[test]
    fn no_moment_is_far_from_a_checkpoint() {
        let mut history = History::new(Run::new("single", 1)).unwrap();
        history.play_to(600_000_000);
        let times: Vec<u64> =
            history.checkpoints.iter().map(|(_, world)| world.elapsed()).collect();
        let gaps: Vec<u64> = times.windows(2).map(|two| two[1] - two[0]).collect();
        let even = 600_000_000 / (MOST - RECENT) as u64;
        assert!(gaps.iter().all(|gap| *gap <= 3 * even), "{gaps:?}");
        assert!(gaps.iter().rev().take(RECENT - 1).all(|gap| *gap == EVERY_MICROS), "{gaps:?}");
    }
}

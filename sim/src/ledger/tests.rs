//! The tree, and what is lost of it, against sets: each holder has the set of the writes that it holds.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    /// This holder takes a write, which is acknowledged or not.
    Write(usize, bool),
    /// This holder takes over what that one holds.
    Follow(usize, usize),
    /// This holder keeps what it holds now, for later.
    Keep(usize),
    /// This holder goes back to something that was kept.
    Return(usize, usize),
    /// This holder holds its own and that one's.
    Join(usize, usize),
    /// This holder holds nothing.
    Forget(usize),
}

const HOLDERS: usize = 4;

fn step() -> impl Strategy<Value = Step> {
    let who = || 0..HOLDERS;
    prop_oneof![
        8 => (who(), any::<bool>()).prop_map(|(who, acknowledged)| Step::Write(who, acknowledged)),
        3 => (who(), who()).prop_map(|(a, b)| Step::Follow(a, b)),
        2 => who().prop_map(Step::Keep),
        2 => (who(), any::<usize>()).prop_map(|(who, which)| Step::Return(who, which)),
        1 => (who(), who()).prop_map(|(a, b)| Step::Join(a, b)),
        1 => who().prop_map(Step::Forget),
    ]
}

fn write(acknowledged: bool) -> Write {
    Write {
        position: Position::NOTHING,
        client: ClientId(0),
        node: NodeId(0),
        command: "".into(),
        db: 0,
        sent_at: Time(0),
        executed_at: Time(0),
        executed_wall: Time(0),
        life: 1,
        aof_end: None,
        always: false,
        answered_at: acknowledged.then_some(Time(1)),
        error: None,
    }
}

type Set = BTreeSet<Position>;

#[derive(Default)]
struct Holders {
    ledger: Ledger,
    all: Set,
    acknowledged: Set,
    now: [(Position, Set); HOLDERS],
    kept: Vec<(Position, Set)>,
}

impl Holders {
    fn step(&mut self, step: &Step) {
        match *step {
            Step::Write(who, acknowledged) => {
                let at = self.ledger.tree.grow(self.now[who].0, false, write(acknowledged));
                self.all.insert(at);
                self.acknowledged.extend(acknowledged.then_some(at));
                self.now[who].0 = at;
                self.now[who].1.insert(at);
            }
            Step::Follow(who, whom) => self.now[who] = self.now[whom].clone(),
            Step::Keep(who) => self.kept.push(self.now[who].clone()),
            Step::Return(who, which) => {
                if let Some(n) = which.checked_rem(self.kept.len()) {
                    self.now[who] = self.kept[n].clone();
                }
            }
            Step::Join(who, whom) => {
                let (other, more) = self.now[whom].clone();
                self.now[who].0 = self.ledger.tree.join(self.now[who].0, other);
                self.now[who].1.extend(more);
            }
            Step::Forget(who) => self.now[who] = Default::default(),
        }
        let drop = Drop {
            at: Time(0),
            node: NodeId(0),
            cause: Cause::FileReplaced,
            before: Holding::default(),
            after: Holding::default(),
        };
        let holding = |at| Holding { memory: Some(at), ..Holding::default() };
        // What is kept counts as held every other time, so that writes are lost and found again.
        let kept = self.kept.iter().filter(|_| self.all.len().is_multiple_of(2));
        let holdings: Vec<_> = self.now.iter().chain(kept).map(|(at, _)| holding(*at)).collect();
        self.ledger.files_changed(drop, &holdings);
    }

    fn check(&self) {
        let (tree, losses) = (&self.ledger.tree, &self.ledger.losses);
        for (at, set) in self.now.iter().chain(&self.kept) {
            let held = self.all.iter().copied().filter(|write| tree.holds(*at, *write));
            assert_eq!(held.collect::<Set>(), *set);
            let reach = tree.reach([*at]);
            assert_eq!(reach.total(), set.len() as u64);
            assert_eq!(tree.way_to(*at).into_iter().collect::<Set>(), *set);
        }
        let kept = self.kept.iter().filter(|_| self.all.len().is_multiple_of(2));
        let somewhere: Set =
            self.now.iter().chain(kept).flat_map(|(_, set)| set).copied().collect();
        let lost: Set = self.all.difference(&somewhere).copied().collect();
        assert_eq!(losses.writes().collect::<Set>(), lost);
        let acknowledged = lost.intersection(&self.acknowledged).count();
        assert_eq!(losses.acknowledged(), acknowledged as u64);
        assert!(lost.iter().all(|write| losses.reason(tree, *write).is_some()));
    }
}

proptest! {
    #[test]
    fn what_is_held_and_lost_is_what_the_sets_say(steps in proptest::collection::vec(step(), 1..60)) {
        let mut holders = Holders::default();
        for step in &steps {
            holders.step(step);
            holders.check();
        }
    }
}

#[test]
fn a_stream_goes_on_where_the_one_before_it_was_left() {
    let at = |n| Position { branch: 0, n };
    let mut streams = streams::Streams::default();
    streams.begin("a", streams::Origin::Data(at(2)));
    streams.push("a", 100, at(3));
    streams.push("a", 200, at(4));
    streams.begin("b", streams::Origin::Stream { id: "a".into(), up_to: 150 });
    streams.push("b", 250, at(9));
    let read = |id, offset| streams.position(id, offset);
    assert_eq!([read("a", 0), read("a", 100), read("a", 999)], [2, 3, 4].map(|n| Some(at(n))));
    assert_eq!([read("b", 50), read("b", 249), read("b", 250)], [2, 3, 9].map(|n| Some(at(n))));
    assert_eq!(read("c", 1), None);
}

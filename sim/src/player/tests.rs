use ::view::{
    inside::Inside,
    protocol::{Command, Focus, Frame, Notice, Step, Tab, TimelineFrame},
    stage::{Health, Role},
};

use super::*;

/// A player that has opened this sandbox, and its first frame.
fn opened(scenario: &str) -> (Player, Frame) {
    let mut player = Player::new();
    let frame = after(&mut player, Command::Sandbox { scenario: scenario.into() });
    (player, frame)
}

/// What a command leads to, once all work is done.
fn after(player: &mut Player, command: Command) -> Frame {
    player.command(command);
    player.work(|| true);
    player.frame()
}

fn act(player: &mut Player, line: &str) -> Frame {
    let timeline = player.timelines[0].id;
    after(player, Command::Act { timeline, line: line.into() })
}

fn only(frame: &Frame) -> &TimelineFrame {
    assert_eq!(frame.timelines.len(), 1);
    &frame.timelines[0]
}

#[test]
fn a_sandbox_begins_when_its_nodes_have_found_each_other() {
    let (_, frame) = opened("sentinel");
    let timeline = only(&frame);
    assert_eq!(timeline.now, SETTLED_WITH_SENTINELS);
    assert_eq!(timeline.masters, ["mymaster"]);
    assert_eq!(timeline.stage.nodes.len(), 6);
    let r1 = &timeline.stage.nodes[1];
    assert_eq!((r1.role, r1.follows), (Some(Role::Replica), Some(::view::NodeId(0))));
    assert!(timeline.link.is_some() && !timeline.marks.new.is_empty());
    assert_eq!(frame.busy, None);
}

#[test]
fn a_frame_says_only_what_is_new() {
    let (mut player, first) = opened("replicated");
    let known = only(&first).marks.new.len();
    let second = act(&mut player, "kill m1");
    let marks = &only(&second).marks;
    assert_eq!((marks.from, marks.new[0].text.as_str()), (known, "kill m1"));
    assert_eq!(only(&second).stage.nodes[0].health, Health::Down);
    let third = player.frame();
    assert!(only(&third).marks.new.is_empty() && only(&third).link.is_none());
}

#[test]
fn a_tick_plays_no_more_than_the_budget_allows() {
    let (mut player, frame) = opened("replicated");
    let begun = only(&frame).now;
    player.command(Command::Play { playing: true, speed: 10.0 });
    player.command(Command::Tick { micros: 16_000 });
    player.work(|| true);
    assert_eq!(only(&player.frame()).now, begun + 160_000);
    player.command(Command::Tick { micros: 16_000 });
    player.work(|| false);
    assert_eq!(only(&player.frame()).now, begun + 160_000 + SLICE_MICROS);
    assert!(!player.has_work(), "what could not be played is not owed");
}

#[test]
fn time_slows_down_while_a_vote_is_on_its_way() {
    let votes = |slow_down: bool| {
        let (mut player, _) = opened("sentinel");
        player.command(Command::SlowDown(slow_down));
        act(&mut player, "kill m1");
        player.command(Command::Play { playing: true, speed: 1.0 });
        let mut seen = 0;
        for _ in 0..800 {
            player.command(Command::Tick { micros: 16_000 });
            player.work(|| true);
            let frame = player.frame();
            let messages = &only(&frame).stage.messages;
            let election =
                messages.iter().filter(|one| one.kind == ::view::stage::MessageKind::Election);
            assert!(slow_down || !frame.slowed);
            seen += usize::from(election.count() > 0);
        }
        seen
    };
    assert!(votes(true) > 60, "a second of frames with a vote in them");
    assert!(votes(false) < 5);
}

#[test]
fn the_latest_seek_wins() {
    let (mut player, _) = opened("single");
    player.command(Command::Seek { at: 3_600_000_000 });
    player.work(|| false);
    assert_eq!(player.frame().busy, Some(3_600_000_000));
    let frame = after(&mut player, Command::Seek { at: 1_000 });
    assert_eq!((only(&frame).now, frame.busy), (1_000, None));
}

#[test]
fn acting_in_the_past_forgets_the_marks_that_lay_ahead() {
    let (mut player, _) = opened("replicated");
    let begun = player.now();
    act(&mut player, "kill m1");
    after(&mut player, Command::Seek { at: begun + 2_000_000 });
    let frame = act(&mut player, "restart m1");
    let known = only(&frame).marks.from + only(&frame).marks.new.len();
    after(&mut player, Command::Seek { at: begun + 1_000_000 });
    let frame = act(&mut player, "pause r1");
    assert!(only(&frame).marks.from < known, "{:?}", only(&frame).marks);
    assert_eq!(only(&frame).marks.new[0].text, "pause r1");
    let [Notice::Forked { link }] = frame.notices.as_slice() else { panic!("{:?}", frame.notices) };
    let frame = after(&mut player, Command::Open { link: link.clone() });
    assert_eq!(only(&frame).now, begun + 2_000_000);
}

#[test]
fn a_fork_shares_the_past_and_one_clock() {
    let (mut player, frame) = opened("single");
    let first = only(&frame).id;
    let frame = after(&mut player, Command::Fork);
    let second = frame.timelines[1].id;
    let line = "kill m1".to_owned();
    let frame = after(&mut player, Command::Act { timeline: second, line });
    let health = |n: usize, frame: &Frame| frame.timelines[n].stage.nodes[0].health;
    assert_eq!((health(0, &frame), health(1, &frame)), (Health::Running, Health::Down));
    let frame = after(&mut player, Command::Seek { at: 5_000_000 });
    assert!(frame.timelines.iter().all(|one| one.now == 5_000_000));
    let frame = after(&mut player, Command::Close { timeline: first });
    assert_eq!(only(&frame).id, second);
    after(&mut player, Command::Close { timeline: second });
    assert_eq!(player.timelines.len(), 1, "the last one stays");
}

#[test]
fn what_only_one_timeline_has_is_named() {
    let (mut player, _) = opened("sentinel");
    let frame = after(&mut player, Command::Fork);
    let (forked, same) = (player.now(), frame.comparison.unwrap());
    assert_eq!((same.since, same.events, same.nodes.len()), (forked, [0, 0], 0));
    let timeline = frame.timelines[1].id;
    after(&mut player, Command::Act { timeline, line: "kill m1".into() });
    let frame = after(&mut player, Command::Seek { at: forked + 8_000_000 });
    let differs = frame.comparison.unwrap();
    let said =
        |n: usize, text: &str| differs.only[n].iter().any(|mark| mark.text.starts_with(text));
    assert!(said(1, "kill m1") && said(1, "+switch-master") && !said(0, "+switch-master"));
    let m1 = differs.nodes.iter().find(|one| one.node == ::view::NodeId(0)).unwrap();
    assert_eq!(m1.role, [Some(Role::Master), None]);
    // What has been said in both is not a difference, however often it was said.
    assert!(differs.only[0].iter().all(|mark| !differs.only[1].contains(mark)));
}

#[test]
fn one_line_of_configuration_makes_another_run_of_the_same_actions() {
    let (mut player, frame) = opened("single");
    let timeline = only(&frame).id;
    for n in 0..20 {
        after(
            &mut player,
            Command::Type { timeline, node: ::view::NodeId(0), line: format!("SET k{n} v") },
        );
    }
    act(&mut player, "power-cut m1");
    let line = "appendfsync always".to_owned();
    let frame = after(&mut player, Command::WhatIf { node: None, line });
    assert_eq!(frame.timelines[0].now, frame.timelines[1].now);
    assert_eq!(frame.timelines[1].changes, ["m1: appendfsync always"]);
    let lost = frame.comparison.unwrap().lost;
    assert!(lost[0] > 0 && lost[1] == 0, "{lost:?}");
    let link = frame.timelines[1].link.clone().unwrap();
    assert!(Run::from_link(&link).unwrap().to_text().contains("with m1 appendfsync always"));
}

#[test]
fn a_link_whose_moment_looks_otherwise_here_is_told_to_the_reader() {
    let (mut player, _) = opened("replicated");
    let frame = act(&mut player, "kill m1");
    let (link, digest) = (only(&frame).link.clone().unwrap(), only(&frame).digest.clone());
    let (same, at) = (format!("{link}@{}.{digest}", player.now()), player.now());
    assert!(after(&mut player, Command::Open { link: same }).notices.is_empty());
    let other = after(&mut player, Command::Open { link: format!("{link}@{at}.00000000") });
    let version = run::VERSION;
    assert_eq!(other.notices, [Notice::Differs { recorded: version, played: version }]);
    let run = player.timelines[0].history.run().clone();
    let old = Run { version: 2, ..run }.to_link();
    let old = after(&mut player, Command::Open { link: format!("{old}@{at}") });
    assert_eq!(old.notices, [Notice::Differs { recorded: 2, played: version }]);
}

#[test]
fn a_typed_line_is_answered_though_time_stands_still() {
    let (mut player, frame) = opened("single");
    let (timeline, node) = (only(&frame).id, ::view::NodeId(0));
    let focus = Focus::Node { node, tab: Tab::Terminal };
    after(&mut player, Command::Watch { timeline, focus });
    let line = "100 INCR counter".to_owned();
    let frame = after(&mut player, Command::Type { timeline, node, line });
    let Some(Inside::Terminal(terminal)) = &only(&frame).inside else { panic!("{frame:?}") };
    assert_eq!(terminal.lines.last().unwrap().text, "(integer) 100");
    assert_eq!(terminal.typed, ["100 INCR counter"]);
}

#[test]
fn every_lesson_is_solved_step_by_step() {
    for (file, text) in crate::lesson::FILES {
        let mut player = Player::new();
        let (file, text) = ((*file).to_owned(), (*text).to_owned());
        let mut frame = after(&mut player, Command::Lesson { file: file.clone(), text });
        let steps = frame.lesson.as_ref().unwrap().card.steps;
        for step in 0..steps {
            let lesson = frame.lesson.as_ref().unwrap();
            assert_eq!((lesson.step, lesson.done), (step, false));
            let solved = after(&mut player, Command::Solve);
            assert!(solved.lesson.unwrap().done, "{file}, step {step}");
            frame = after(&mut player, Command::NextStep);
        }
        assert!(frame.lesson.unwrap().now.is_none());
    }
}

#[test]
fn a_step_can_be_begun_again() {
    let (file, text) = crate::lesson::FILES[0];
    let mut player = Player::new();
    let first = after(&mut player, Command::Lesson { file: file.into(), text: text.into() });
    after(&mut player, Command::Solve);
    let again = after(&mut player, Command::RestartStep);
    assert_eq!(only(&again).now, only(&first).now);
    assert_eq!(only(&again).stage, only(&first).stage);
    assert!(!again.lesson.unwrap().done);
}

#[test]
fn what_cannot_be_done_is_said_and_loses_nothing() {
    let (mut player, _) = opened("single");
    let before = player.now();
    for command in [
        Command::Open { link: "%%%".into() },
        Command::Open { link: format!("{}@9999999999999999", Run::new("single", 1).to_link()) },
        Command::Sandbox { scenario: "nowhere".into() },
        Command::Lesson { file: "x.toml".into(), text: "x".into() },
        Command::Act { timeline: player.timelines[0].id, line: "explode m1".into() },
    ] {
        let frame = after(&mut player, command);
        assert_eq!(frame.notices.len(), 1);
        assert_eq!(only(&frame).now, before);
    }
}

#[test]
fn stepping_goes_to_the_next_mark_and_back() {
    let (mut player, _) = opened("sentinel");
    act(&mut player, "kill m1");
    let killed = player.now();
    let ahead = after(&mut player, Command::Step(Step::Event));
    assert!(!only(&ahead).marks.new.is_empty() && only(&ahead).now > killed);
    after(&mut player, Command::Step(Step::EventBack));
    assert_eq!(player.now(), killed);
}

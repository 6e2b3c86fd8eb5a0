//! The page in headless Chromium. Each test plays one file of `tests/browser/scenarios/`; a console
//! error, a warning or a failed request fails it, whatever the scenario itself checks.

use std::process::Command;
use std::sync::Mutex;
use tests::{Node, PageServer, Program, Tool, have, page_directory, root, server_binary};

/// Plays one scenario, or skips where there is no browser.
fn play(scenario: &str) {
    play_with(scenario, &[]);
}

/// The same with arguments for the scenario; what it printed, unless it was skipped.
fn play_with(scenario: &str, arguments: &[&str]) -> Option<String> {
    // One browser at a time: on a small machine two only slow each other down.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if !have(&[Tool::Chromium, Tool::Node, Tool::Playwright]) {
        return None;
    }
    let browser = root().join("tests/browser");
    let server = PageServer::start(server_binary(), page_directory());
    let run = Command::new("node")
        .args(["run.mjs", scenario, server.url()])
        .args(arguments)
        .current_dir(browser)
        .env("KEEPSAKE_ARTEFACTS", root().join("artefacts"))
        .output()
        .expect("node starts");
    let said = String::from_utf8_lossy(&run.stderr);
    let printed = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(run.status.success(), "{said}{printed}");
    Some(printed)
}

#[test]
fn the_page_starts_without_a_complaint() {
    play("smoke");
}

#[test]
fn the_page_says_how_fast_it_is() {
    play("paint");
}

#[test]
fn without_webassembly_the_page_says_why_it_is_empty() {
    play("no_wasm");
}

#[test]
fn something_readable_is_painted_before_the_webassembly_has_come() {
    play("boot");
}

#[test]
fn what_is_to_be_done_stays_in_sight() {
    play("fold");
}

#[test]
fn every_text_has_enough_contrast() {
    play("contrast");
}

#[test]
fn the_timeline_can_be_zoomed_and_follows_the_present() {
    play("zoom");
}

#[test]
fn a_message_that_was_opened_can_be_closed() {
    play("message");
}

#[test]
fn keys_alone_are_enough_and_nothing_has_to_move() {
    play("keyboard");
}

#[test]
fn the_picture_of_the_readme_can_be_taken() {
    play("picture");
}

#[test]
fn a_lost_write_is_counted_kept_and_told() {
    play("ledger");
}

#[test]
fn the_page_says_why_no_failover_comes() {
    play("why");
}

#[test]
fn both_walkthroughs_are_played_to_the_end_in_both_languages() {
    play("walkthroughs");
}

#[test]
fn a_link_opens_the_same_run_and_a_broken_one_says_so() {
    play("link");
}

#[test]
fn the_terminals_answer_as_redis_cli_prints_it() {
    play("terminal");
}

#[test]
fn time_goes_back_and_the_past_can_be_changed() {
    play("time");
}

#[test]
fn nothing_sticks_out_in_any_size_colour_or_language() {
    play("looks");
}

#[test]
fn a_panic_shows_a_report_with_the_link_that_replays_it() {
    play("panic");
}

#[test]
fn two_timelines_are_compared() {
    play("compare");
}

/// A run is seed + actions, to the byte, on 64-bit native code and in 32-bit WebAssembly: those of the golden file, which has
/// each scenario.
#[test]
fn the_same_runs_have_the_same_digests_natively_and_in_the_browser() {
    let golden = std::fs::read_to_string(root().join("tests/golden.txt")).expect("the golden file");
    let runs: Vec<[&str; 3]> = golden
        .lines()
        .skip(1)
        .map(|line| line.split(' ').collect::<Vec<_>>().try_into().expect("three words a line"))
        .collect();
    let arguments: Vec<&str> =
        runs.iter().flat_map(|[seconds, _, link]| [*link, *seconds]).collect();
    if let Some(printed) = play_with("digest", &arguments) {
        let played = printed.lines().filter_map(|line| line.strip_prefix("digest "));
        let native = runs.iter().map(|[_, digest, _]| *digest);
        assert!(played.eq(native), "natively: {golden}\nin the browser: {printed}");
    }
}

#[test]
fn every_scenario_is_played() {
    let this = include_str!("browser.rs");
    for entry in std::fs::read_dir(root().join("tests/browser/scenarios")).expect("scenarios") {
        let file = entry.expect("an entry").path();
        let name = file.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_string();
        assert!(this.contains(&format!("\"{name}\"")), "no test plays {}", file.display());
    }
}

/// What a web page can send to a port writes nothing, in our nodes and in Redis, and the log says who tried.
#[test]
fn a_page_that_posts_to_the_ports_of_nodes_writes_nothing() {
    if !have(&[Tool::RedisServer]) {
        return;
    }
    let nodes = Program::BOTH.map(|program| Node::start(program, &["save \"\""]));
    let sentinel = Node::start_sentinel(Program::Ours, &[]);
    let ports: Vec<String> =
        nodes.iter().chain([&sentinel]).map(|node| node.port().to_string()).collect();
    let ports: Vec<&str> = ports.iter().map(String::as_str).collect();
    if play_with("cross_protocol", &ports).is_none() {
        return;
    }
    for node in &nodes {
        assert_eq!(node.call(&["DBSIZE"]).integer(), 0, "a page wrote into a node");
        let log = node.log();
        assert!(log.contains("Possible SECURITY ATTACK detected."), "nothing arrived: {log}");
    }
    assert_eq!(sentinel.call(&["PING"]).text(), "PONG");
}

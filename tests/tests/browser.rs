//! The page in headless Chromium. Each test plays one file of `tests/browser/scenarios/`; a console
//! error, a warning or a failed request fails it, whatever the scenario itself checks.

use std::process::Command;
use std::sync::Mutex;
use tests::{PageServer, Tool, have, page_directory, root, server_binary};

/// Plays one scenario, or skips where there is no browser.
fn play(scenario: &str) {
    // One browser at a time: on a small machine two only slow each other down.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if !have(&[Tool::Chromium, Tool::Node, Tool::Playwright]) {
        return;
    }
    let browser = root().join("tests/browser");
    let server = PageServer::start(server_binary(), page_directory());
    let run = Command::new("node")
        .args(["run.mjs", scenario, server.url()])
        .current_dir(browser)
        .env("KEEPSAKE_ARTEFACTS", root().join("artefacts"))
        .output()
        .expect("node starts");
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}{}", String::from_utf8_lossy(&run.stdout));
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
fn every_scenario_is_played() {
    let this = include_str!("browser.rs");
    for entry in std::fs::read_dir(root().join("tests/browser/scenarios")).expect("scenarios") {
        let file = entry.expect("an entry").path();
        let name = file.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_string();
        assert!(this.contains(&format!("play(\"{name}\")")), "no test plays {}", file.display());
    }
}

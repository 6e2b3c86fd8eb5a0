//! The layers of the engine: a module imports from its own layer's vocabulary or from below, never from above.
//!
//! ```text
//!   node          the way in: an input goes to the subsystem that owns it
//!   command       rows and functions
//!   server        the subsystems together: execution, propagation, whatever needs several of them
//!   persistence · replication · sentinel      own their state, don't import each other
//!   session       clients: a peer's, and those in whose name a master's stream and an AOF are executed
//!   turn · chain  what a step lends to all of them; disk operations one after the other
//!   dataset       an RDB file into the keyspace, a snapshot of it into a file
//!   keyspace · rdb · aof · resp · config · spec         formats and values
//!   trace · io · machine · time · refusal · number · glob    the vocabulary
//! ```
//!
//! There are no exceptions.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use tests::{root, tracked_files};

/// From the lowest to the highest. Modules of one layer may use each other, but for [`APART`].
const LAYERS: &[&[&str]] = &[
    &["glob", "io", "machine", "number", "refusal", "time", "trace"],
    &["aof", "config", "keyspace", "rdb", "resp", "spec"],
    &["chain", "dataset", "turn"],
    &["session"],
    &["persistence", "replication", "sentinel"],
    &["server"],
    &["command"],
    &["node"],
];

/// The layer whose modules don't know each other: the subsystems.
const APART: usize = 4;

#[test]
fn arrows_between_the_modules_of_the_engine_point_down() {
    let modules: BTreeSet<&str> = LAYERS.iter().flat_map(|layer| layer.iter().copied()).collect();
    let mut broken: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for path in tracked_files() {
        let Some((module, file)) = product_module(&path) else { continue };
        assert!(modules.contains(module.as_str()), "{file}: {module} has no layer: give it one");
        let text = std::fs::read_to_string(root().join(&path)).expect("a tracked file");
        for used in imports(&text) {
            if modules.contains(used.as_str()) && !may_use(&module, &used) {
                broken.entry((module.clone(), used)).or_default().insert(file.clone());
            }
        }
    }
    let complaints: Vec<String> =
        broken.iter().map(|((from, to), files)| format!("{from} -> {to}: {files:?}")).collect();
    assert!(
        complaints.is_empty(),
        "a lower module needs a value or a parameter, not the module above it\n  {}",
        complaints.join("\n  ")
    );
}

/// The top module of the engine that this file belongs to, and the file's name; `None` for tests and other crates.
fn product_module(path: &Path) -> Option<(String, String)> {
    let file = path.strip_prefix("engine/src").ok()?.to_str()?.to_owned();
    let top = file.split('/').next()?.trim_end_matches(".rs").to_owned();
    let is_test = file.split('/').any(|part| part == "tests" || part == "tests.rs");
    let support = ["lib.rs", "node/bench.rs", "test_disk.rs"].contains(&file.as_str());
    (file.ends_with(".rs") && !is_test && !support).then_some((top, file))
}

/// The names behind `crate::`, those of `use crate::{…}` included.
fn imports(text: &str) -> BTreeSet<String> {
    let code: String = text.lines().map(|line| line.split("//").next().unwrap_or("")).collect();
    let mut found = BTreeSet::new();
    for part in code.split("crate::").skip(1) {
        match part.strip_prefix('{') {
            Some(list) => found.extend(first_names(list)),
            None => found.extend(first_word(part)),
        }
    }
    found
}

/// The first name of each path in a list of imports, up to the brace that closes the list.
fn first_names(list: &str) -> Vec<String> {
    let (mut depth, mut names, mut path) = (0, Vec::new(), String::new());
    for c in list.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.extend(first_word(core::mem::take(&mut path).trim())),
            c if depth == 0 => path.push(c),
            _ => {}
        }
    }
    names.extend(first_word(path.trim()));
    names
}

fn first_word(path: &str) -> Option<String> {
    let word: String = path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!word.is_empty()).then_some(word)
}

fn may_use(from: &str, to: &str) -> bool {
    let layer = |module: &str| LAYERS.iter().position(|layer| layer.contains(&module));
    let (Some(from_layer), Some(to_layer)) = (layer(from), layer(to)) else { return true };
    from == to || to_layer < from_layer || to_layer == from_layer && from_layer != APART
}

/// Whose methods stand in which module. The compiler lets any module add methods to any type, and a call of one needs no
/// import: without this a subsystem could reach upwards unseen.
const OWNERS: &[(&str, &str)] = &[
    ("Node", "node"),
    ("Server", "server"),
    ("Persistence", "persistence"),
    ("Replication", "replication"),
    ("Sentinel", "sentinel"),
    ("Aof", "persistence"),
    ("Clients", "session"),
    ("Keyspace", "keyspace"),
    ("Turn", "turn"),
];

#[test]
fn the_methods_of_a_subsystem_stand_in_its_own_module() {
    for path in tracked_files() {
        let Some((module, file)) = product_module(&path) else { continue };
        let text = std::fs::read_to_string(root().join(&path)).expect("a tracked file");
        let strangers = strangers(&module, &text);
        assert!(strangers.is_empty(), "{file}: methods of {strangers:?} stand elsewhere");
    }
}

/// The types of [`OWNERS`] that this text of a module adds methods to, though they belong to another module.
fn strangers<'a>(module: &str, text: &'a str) -> Vec<&'a str> {
    let types = text.lines().filter_map(|line| line.strip_prefix("impl ")?.strip_suffix(" {"));
    let foreign = |name: &&str| OWNERS.iter().any(|(owned, by)| owned == name && *by != module);
    types.filter(foreign).collect()
}

#[test]
fn the_layer_rule_bites() {
    let text =
        "use crate::{\n    io::{Effect, Effects},\n    node::Server,\n};\nlet a = crate::aof::B;";
    let found: Vec<String> = imports(text).into_iter().collect();
    assert_eq!(found, ["aof", "io", "node"]);
    assert!(!may_use("persistence", "node") && !may_use("persistence", "replication"));
    assert!(!may_use("server", "command") && may_use("command", "server"));
    assert!(may_use("server", "persistence") && may_use("aof", "resp"));
    assert_eq!(strangers("persistence", "impl Server {\n}\nimpl Aof {\n}\n"), ["Server"]);
}

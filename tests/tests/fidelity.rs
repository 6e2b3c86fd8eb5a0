//! FIDELITY.md says what has no effect; this holds it to the table of directives.

use std::collections::HashMap;

use engine::config::{Effect, directives};
use tests::{root, tracked_files};

const BEGIN: &str = "<!-- directives kept only: begin -->\n";
const END: &str = "<!-- directives kept only: end -->\n";

/// The section as the table has it: directives by reason, in the order of the table.
fn section() -> String {
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    for row in directives::all() {
        let Effect::KeptOnly(why) = row.effect else { continue };
        let name = format!("`{}`", row.name);
        match reasons.iter_mut().find(|(reason, _)| *reason == why) {
            Some((_, names)) => names.push(name),
            None => reasons.push((why, vec![name])),
        }
    }
    let mut text = String::from("| directives | why they have no effect |\n|---|---|\n");
    for (why, names) in reasons {
        text.push_str(&format!("| {} | {why} |\n", names.join(", ")));
    }
    text
}

#[test]
fn the_directives_without_effect_are_listed_with_their_reasons() {
    let page = std::fs::read_to_string(root().join("FIDELITY.md")).expect("FIDELITY.md");
    let listed = page.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END));
    let (listed, _) = listed.expect("FIDELITY.md has the two marks of this section");
    let section = section();
    assert!(
        listed == section,
        "FIDELITY.md differs from the table; put this between its marks:\n{section}"
    );
}

/// A directive that is listed with an effect has one: its field is read somewhere outside the configuration.
#[test]
fn every_directive_with_an_effect_is_obeyed_somewhere() {
    let fields =
        std::fs::read_to_string(root().join("engine/src/config/fields.rs")).expect("a file");
    let readers: String = tracked_files()
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .filter(|path| ["engine/src", "server/src"].iter().any(|part| path.starts_with(part)))
        .filter(|path| !path.starts_with("engine/src/config") && !path.ends_with("tests.rs"))
        .filter_map(|path| std::fs::read_to_string(root().join(path)).ok())
        .collect();
    let rows = rows_of_fields();
    for line in fields.lines() {
        let Some((field, _)) = line.strip_prefix("    pub ").and_then(|rest| rest.split_once(": "))
        else {
            continue;
        };
        let Some((name, effect)) = rows.get(field) else { continue };
        let read = readers.contains(&format!(".{field}")) || readers.contains(&format!("{field},"));
        assert!(
            read || !matches!(effect, Effect::Active),
            "nothing reads `{field}`: `{name}` is kept only; say so in its row, and why"
        );
    }
}

/// Which directive stands behind a field: read from the tables' text, since a place is a pair of functions.
fn rows_of_fields() -> HashMap<String, (&'static str, Effect)> {
    let mut found = HashMap::new();
    for file in ["network", "general", "persistence", "replication", "memory", "system"] {
        let path = root().join(format!("engine/src/config/directives/{file}.rs"));
        let text = std::fs::read_to_string(path).expect("a table");
        for (at, _) in text.match_indices("field!(") {
            let field = text[at..].split(['.', ')']).nth(1).expect("family.field");
            let name =
                text[..at].rsplit('"').find(|word| directives::find(word.as_bytes()).is_some());
            let (name, row) = directives::find(name.expect("a name").as_bytes()).expect("a row");
            found.insert(field.to_owned(), (name, row.effect));
        }
    }
    found
}

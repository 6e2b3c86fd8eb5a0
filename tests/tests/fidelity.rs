//! FIDELITY.md says what has no effect; this holds it to the table of directives.

use engine::config::{Effect, directives};
use tests::root;

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

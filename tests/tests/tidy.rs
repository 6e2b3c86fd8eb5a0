//! House rules that a machine can check. A rule that is broken names the file, the line and why the
//! rule exists, so that it need not be looked up.

use std::path::{Path, PathBuf};
use tests::{root, tracked_files};

/// Longest file.
const FILE_LINES: usize = 600;
/// Longest function, from its `fn` line to its closing brace.
const FUNCTION_LINES: usize = 70;

/// A tracked file with its text.
struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    fn is_rust(&self) -> bool {
        self.path.extension().is_some_and(|extension| extension == "rs")
    }

    /// Whether this is test code: `tests.rs`, `tests/…`, or the tests crate.
    fn is_test(&self) -> bool {
        self.path.components().any(|part| part.as_os_str() == "tests")
            || self.path.ends_with("tests.rs")
    }

    /// The lines with their numbers, up to a `#[cfg(test)] mod tests {` inside the file.
    fn product_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let end = self.text.lines().zip(self.text.lines().skip(1)).position(|(line, next)| {
            line == "#[cfg(test)]" && next.starts_with("mod ") && next.ends_with('{')
        });
        self.numbered().take(end.unwrap_or(usize::MAX))
    }

    fn numbered(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }
}

/// Every tracked text file.
fn sources() -> Vec<Source> {
    let read = |path: PathBuf| {
        let text = String::from_utf8(std::fs::read(root().join(&path)).ok()?).ok()?;
        Some(Source { path, text })
    };
    tracked_files().into_iter().filter_map(read).collect()
}

/// The Rust sources under one of these directories, without test code.
fn product_code(directories: &[&str]) -> Vec<Source> {
    let inside = |path: &Path| directories.iter().any(|directory| path.starts_with(directory));
    sources()
        .into_iter()
        .filter(|source| source.is_rust() && inside(&source.path) && !source.is_test())
        .collect()
}

/// Fails with every complaint at once.
#[track_caller]
fn none(rule: &str, complaints: &[String]) {
    assert!(complaints.is_empty(), "{rule}\n  {}", complaints.join("\n  "));
}

/// Where product code of `directories` contains one of `words` outside of comments.
fn uses(directories: &[&str], words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for source in product_code(directories) {
        for (number, line) in source.product_lines() {
            let code = line.split("//").next().unwrap_or_default();
            found.extend(
                words
                    .iter()
                    .filter(|word| contains_word(code, word))
                    .map(|word| format!("{}:{number}: {word}", source.path.display())),
            );
        }
    }
    found
}

/// Whether `code` contains `word`, not as the tail of a longer name.
fn contains_word(code: &str, word: &str) -> bool {
    let joined =
        |before: &str| before.ends_with(|last: char| last.is_alphanumeric() || last == '_');
    code.match_indices(word).any(|(at, _)| !joined(&code[..at]))
}

#[test]
fn no_file_is_longer_than_600_lines() {
    let long = sources()
        .into_iter()
        .filter(|source| source.is_rust() && source.text.lines().count() > FILE_LINES)
        .map(|source| format!("{}: {} lines", source.path.display(), source.text.lines().count()))
        .collect::<Vec<_>>();
    none("a file this long holds more than one thing: split it", &long);
}

#[test]
fn no_function_is_longer_than_70_lines() {
    let long = sources()
        .iter()
        .filter(|source| source.is_rust())
        .flat_map(|source| {
            functions(&source.text)
                .into_iter()
                .filter(|(_, _, length)| *length > FUNCTION_LINES)
                .map(|(number, name, length)| {
                    format!("{}:{number}: {name}: {length} lines", source.path.display())
                })
                .collect::<Vec<_>>()
        })
        .collect::<Vec<_>>();
    none("a function this long does more than one thing: name the parts", &long);
}

/// Each function's line, name and length. The code is formatted, so a function ends at the first
/// closing brace that stands as far left as its `fn` line.
fn functions(text: &str) -> Vec<(usize, String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indent = &line[..line.len() - line.trim_start().len()];
        let closing = format!("{indent}}}");
        // `fn a();` in a trait and `fn a() {}` have no body worth measuring.
        let body =
            lines[index..].iter().position(|line| line.ends_with(['{', ';', '}'])).unwrap_or(0);
        if !lines[index + body].ends_with('{') {
            continue;
        }
        if let Some(length) = lines[index..].iter().position(|line| *line == closing) {
            found.push((index + 1, name, length + 1));
        }
    }
    found
}

/// The name, if this line begins a function.
fn function_name(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    let before = ["pub", "pub(crate)", "pub(super)", "const", "async", "unsafe", "extern"];
    let word = words.find(|word| !before.contains(word))?;
    let name = if word == "fn" { words.next()? } else { return None };
    Some(name.split(['(', '<']).next()?.to_string())
}

#[test]
fn the_function_rule_bites() {
    let body = "    1;\n".repeat(80);
    let found = functions(&format!(
        "pub(crate) const fn long<T>(a: T) {{\n{body}}}\n\nfn short() {{\n    1;\n}}\n"
    ));
    assert_eq!(found, [(1, "long".to_string(), 82), (84, "short".to_string(), 3)]);
}

#[test]
fn engine_never_names_std() {
    let found = uses(&["engine/src"], &["std::", "extern crate std"]);
    none(
        "engine is no_std: what it needs of the outside comes in as Input and goes out as Effects",
        &found,
    );
}

#[test]
fn engine_and_sim_have_no_clock_no_thread_and_no_randomness_of_their_own() {
    let words = [
        "Instant::now",
        "SystemTime",
        "thread::",
        "thread_local!",
        "rand::",
        "getrandom",
        "RandomState",
        "std::env",
        "std::fs",
        "std::net",
        "HashMap",
        "HashSet",
        "static mut",
    ];
    let found = uses(&["engine/src", "sim/src"], &words);
    none(
        "a run is seed + actions: time and randomness come in, and no order comes from a hash",
        &found,
    );
}

#[test]
fn the_word_rule_bites_and_looks_at_whole_words() {
    assert!(contains_word("let a = std::mem::take(b);", "std::"));
    assert!(!contains_word("let a = not_std::mem;", "std::"));
}

#[test]
fn no_tracked_file_names_a_path_of_a_machine() {
    // Put together here, so that this file does not complain about itself.
    let words = ["work", "root", "home"].map(|top| format!("/{top}/"));
    let mut found = Vec::new();
    for source in sources() {
        for (number, line) in source.numbered() {
            let starts_a_path = |word: &String| {
                line.match_indices(word.as_str()).any(|(at, _)| {
                    !line[..at]
                        .ends_with(|last: char| last.is_alphanumeric() || "._-~/})$".contains(last))
                })
            };
            found.extend(
                words
                    .iter()
                    .filter(|word| starts_a_path(word))
                    .map(|word| format!("{}:{number}: {word}", source.path.display())),
            );
        }
    }
    none("a path of one machine means nothing on another", &found);
}

#[test]
fn no_tracked_file_names_a_package_registry() {
    let hosts = [
        ["registry.", "npmjs.org"],
        ["static.", "crates.io"],
        ["pypi.", "org"],
        ["deb.", "debian.org"],
    ]
    .map(|parts| parts.concat());
    let mut found = Vec::new();
    for source in sources() {
        for (number, line) in source.numbered() {
            found.extend(
                hosts
                    .iter()
                    .filter(|host| line.contains(host.as_str()))
                    .map(|host| format!("{}:{number}: {host}", source.path.display())),
            );
        }
    }
    none("whose registry is used is the machine's business", &found);
}

#[test]
fn cargo_lock_knows_only_the_default_registry() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).expect("Cargo.lock");
    let odd: Vec<String> = lock
        .lines()
        .filter(|line| {
            line.starts_with("source = ") && !line.contains("github.com/rust-lang/crates.io-index")
        })
        .map(str::to_string)
        .collect();
    none("every dependency comes from the default registry", &odd);
}

#[test]
fn the_workspace_has_the_members_that_the_readme_promises() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    for member in ["engine", "sim", "server", "web", "tests", "xtask"] {
        assert!(manifest.contains(&format!("\"{member}\"")), "{member} is no workspace member");
        let own = std::fs::read_to_string(root().join(member).join("Cargo.toml")).expect(member);
        assert!(
            own.contains("[lints]\nworkspace = true"),
            "{member} does not take over the workspace's lints"
        );
    }
}

#[test]
fn every_lesson_speaks_both_languages() {
    let lessons: Vec<Source> = sources()
        .into_iter()
        .filter(|source| source.path.starts_with("lessons") && is_toml(&source.path))
        .collect();
    assert!(!lessons.is_empty(), "there are no lessons");
    let mut silent = Vec::new();
    for Source { path, text } in lessons {
        match text.parse::<toml::Table>() {
            Ok(lesson) => one_language_only(
                &toml::Value::Table(lesson),
                &path.display().to_string(),
                &mut silent,
            ),
            Err(why) => silent.push(format!("{}: {why}", path.display())),
        }
    }
    none("readers of the other language would miss a part of the lesson", &silent);
}

fn is_toml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "toml")
}

/// A table with `ko` or `en` is a text: both have to be there, and not empty.
fn one_language_only(value: &toml::Value, place: &str, found: &mut Vec<String>) {
    match value {
        toml::Value::Table(table)
            if ["ko", "en"].iter().any(|language| table.contains_key(*language)) =>
        {
            for language in ["ko", "en"] {
                let text = table.get(language).and_then(toml::Value::as_str).unwrap_or_default();
                if text.trim().is_empty() {
                    found.push(format!("{place}: no {language}"));
                }
            }
        }
        toml::Value::Table(table) => {
            for (name, value) in table {
                one_language_only(value, &format!("{place}: {name}"), found);
            }
        }
        toml::Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                one_language_only(value, &format!("{place}[{index}]"), found);
            }
        }
        _ => (),
    }
}

#[test]
fn the_language_rule_bites() {
    let lesson: toml::Table = "[[step]]\ntitle = { ko = \"가\" }\n".parse().expect("it is TOML");
    let mut found = Vec::new();
    one_language_only(&toml::Value::Table(lesson), "lesson", &mut found);
    assert_eq!(found, ["lesson: step[0]: title: no en"]);
}

//! Gathers the lessons: every `lessons/*.toml` becomes part of the library, without a line of Rust. What a list of them
//! shows is taken out of them here. (A file with mistakes has no card; reading it says what is wrong.)

use std::{env, fs, path::Path};

use toml::Table;

fn main() {
    let dir = Path::new(&env::var("CARGO_MANIFEST_DIR").unwrap()).join("../lessons");
    println!("cargo:rerun-if-changed={}", dir.display());
    let mut files: Vec<_> = fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    let rows = files.iter().map(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        let path = fs::canonicalize(path).unwrap();
        format!("    ({name:?}, include_str!({:?})),\n", path.display().to_string())
    });
    let text = format!("&[\n{}]\n", rows.collect::<String>());
    let out = env::var("OUT_DIR").unwrap();
    fs::write(Path::new(&out).join("lessons.rs"), text).unwrap();
    let mut cards: Vec<(i64, String)> = files.iter().filter_map(|path| card(path)).collect();
    cards.sort();
    let cards: String = cards.into_iter().map(|(_, card)| card).collect();
    fs::write(Path::new(&out).join("cards.rs"), format!("&[\n{cards}]\n")).unwrap();
}

/// A lesson's place in the list, and its card as Rust.
fn card(path: &Path) -> Option<(i64, String)> {
    let lesson: Table = fs::read_to_string(path).ok()?.parse().ok()?;
    let text = |name: &str| {
        let text = lesson.get(name)?;
        Some([text.get("ko")?.as_str()?.to_owned(), text.get("en")?.as_str()?.to_owned()])
    };
    let order = lesson.get("order").and_then(toml::Value::as_integer).unwrap_or(i64::MAX);
    let name = path.file_stem()?.to_str()?;
    let steps = lesson.get("step")?.as_array()?.len();
    Some((
        order,
        format!("    ({name:?}, {:?}, {:?}, {steps}),\n", text("title")?, text("summary")?),
    ))
}

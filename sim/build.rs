//! Gathers the lessons: every `lessons/*.toml` becomes part of the library, without a line of Rust.

use std::{env, fs, path::Path};

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
    fs::write(Path::new(&env::var("OUT_DIR").unwrap()).join("lessons.rs"), text).unwrap();
}

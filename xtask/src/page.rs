//! Builds the page into `target/page/`.
//!
//! ```text
//! web/        ──cargo──▶ web.wasm    ──wasm-bindgen──▶ page.js + page.wasm     ─┐
//! web/player/ ──cargo──▶ player.wasm ──wasm-bindgen──▶ player.js + player.wasm ─┤
//! web/assets/* ─────────────────────────────────────────────────────────────────┼─▶ NAME-FINGERPRINT.EXT (+ .br)
//! index.html ──{{NAME}} becomes the fingerprinted name──────────────────────────┘─▶ index.html           (+ .br)
//! lessons/*.toml ───────────────────────────────────────────────────────────────▶ lessons/*.toml       (+ .br)
//! ```
//!
//! A fingerprinted name changes with its content, so the server lets browsers keep such a file for
//! good, and only `index.html` and the lessons are requested again.

use crate::{run, workspace};
use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use wasm_bindgen_cli_support::Bindgen;

/// The options of `cargo xtask page`.
#[derive(clap::Args)]
pub struct Options {
    /// Quick to build, large: little optimised, not compressed. For looking at the page while changing it
    #[arg(long)]
    quick: bool,
}

/// `cargo xtask page`.
pub fn page(options: &Options) -> Result<()> {
    if options.quick { build_with("verify", false).map(drop) } else { build().map(drop) }
}

/// Builds the page and returns the directory that holds it.
pub fn build() -> Result<PathBuf> {
    build_with("web", true)
}

fn build_with(profile: &str, compressed: bool) -> Result<PathBuf> {
    workspace::ensure_target(workspace::PAGE_TARGET)?;
    run::step(
        "page: compile to WebAssembly",
        &mut workspace::cargo(&[
            "build",
            "--package=web",
            "--package=player",
            "--profile",
            profile,
            "--target",
            workspace::PAGE_TARGET,
        ]),
    )?;
    run::timed("page: bind, fingerprint, compress", || {
        let files = collect(&bind(profile)?, compressed)?;
        let page = workspace::target_dir().join("page");
        // Written beside and renamed, so that a server that runs never sees half a page.
        let fresh = workspace::target_dir().join("page.new");
        remove(&fresh)?;
        write(&fresh, &files)?;
        remove(&page)?;
        fs::rename(&fresh, &page)
            .with_context(|| format!("could not replace {}", page.display()))?;
        Ok(page)
    })
}

/// The two programs that the page consists of: the crate, and what its files are called.
const PROGRAMS: [(&str, &str); 2] = [("web", "page"), ("player", "player")];

/// Makes the JavaScript that loads and calls the WASM of both programs; returns the directory that holds all four.
fn bind(profile: &str) -> Result<PathBuf> {
    let out = workspace::target_dir().join("page.bindgen");
    remove(&out)?;
    for (package, name) in PROGRAMS {
        bind_one(profile, package, name, &out)?;
    }
    Ok(out)
}

fn bind_one(profile: &str, package: &str, name: &str, out: &Path) -> Result<()> {
    let built = workspace::target_dir().join(workspace::PAGE_TARGET).join(profile);
    Bindgen::new()
        .input_path(built.join(format!("{package}.wasm")))
        .out_name(name)
        .web(true)?
        .typescript(false)
        // A page that is looked at while it is changed is profiled too.
        .remove_name_section(profile == "web")
        .remove_producers_section(true)
        .generate(out)
        .with_context(|| format!("wasm-bindgen failed for {package}"))
}

/// A file of the page.
struct Served {
    content: Vec<u8>,
    /// Compressed, where that makes it smaller.
    small: Option<Vec<u8>>,
}

impl Served {
    fn new(content: Vec<u8>, compressed: bool) -> Result<Self> {
        let small = if compressed { Some(brotli(&content)?) } else { None };
        Ok(Self { small: small.filter(|small| small.len() < content.len()), content })
    }

    /// How much a browser is sent that accepts brotli.
    fn sent(&self) -> usize {
        self.small.as_ref().map_or(self.content.len(), Vec::len)
    }
}

/// Everything that the page consists of, by the name that it is served under.
fn collect(bound: &Path, compressed: bool) -> Result<BTreeMap<String, Served>> {
    let mut files = BTreeMap::new();
    let mut names = BTreeMap::new();
    let mut add = |name: &str, content: Vec<u8>| -> Result<()> {
        let (path, file) = (fingerprinted(name, &content), Served::new(content, compressed)?);
        names.insert(name.to_string(), path.clone());
        names.insert(format!("{name}:bytes"), file.content.len().to_string());
        names.insert(format!("{name}:sent"), file.sent().to_string());
        files.insert(path, file);
        Ok(())
    };
    for (_, name) in PROGRAMS {
        add(&format!("{name}.js"), read(&bound.join(format!("{name}.js")))?)?;
        add(&format!("{name}.wasm"), read(&bound.join(format!("{name}_bg.wasm")))?)?;
    }
    if bound.join("snippets").exists() {
        bail!("a dependency brings JavaScript snippets along; page.rs does not copy these yet");
    }
    for path in list(&workspace::root().join("web/assets"))? {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .context("an asset needs a UTF-8 name")?;
        add(name, read(&path)?)?;
    }
    for path in list(&workspace::root().join("lessons"))? {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .context("a lesson needs a UTF-8 name")?;
        files.insert(format!("lessons/{name}"), Served::new(read(&path)?, compressed)?);
    }
    let index = workspace::root().join("index.html");
    let template = fs::read_to_string(&index).context("could not read index.html")?;
    let index = fill(&template, &names)?.into_bytes();
    files.insert("index.html".into(), Served::new(index, compressed)?);
    Ok(files)
}

/// `page.js` becomes `page-0f1e2d3c4b5a6978.js`.
fn fingerprinted(name: &str, content: &[u8]) -> String {
    let digest = Sha256::digest(content);
    let print: String = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    match name.rsplit_once('.') {
        Some((stem, extension)) => format!("{stem}-{print}.{extension}"),
        None => format!("{name}-{print}"),
    }
}

/// Replaces every `{{NAME}}` (and `{{NAME:bytes}}`, `{{NAME:sent}}`: its size, and its size as sent); a name that no file has
/// is an error, not a dead link.
fn fill(template: &str, names: &BTreeMap<String, String>) -> Result<String> {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").context("index.html: {{ without }}")?;
        let Some(served) = names.get(name) else {
            bail!("index.html names {{{{{name}}}}}, but there is no such file in web/assets");
        };
        filled.push_str(before);
        filled.push_str(served);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// Writes each file and, where that makes it smaller, a brotli-compressed copy.
fn write(directory: &Path, files: &BTreeMap<String, Served>) -> Result<()> {
    let lessons = directory.join("lessons");
    fs::create_dir_all(&lessons)
        .with_context(|| format!("could not create {}", lessons.display()))?;
    let mut total = 0;
    for (name, file) in files {
        let path = directory.join(name);
        fs::write(&path, &file.content)
            .with_context(|| format!("could not write {}", path.display()))?;
        if let Some(small) = &file.small {
            fs::write(directory.join(format!("{name}.br")), small)
                .with_context(|| format!("could not write {}.br", path.display()))?;
        }
        eprintln!("    {:>8} {:>8} {name}", file.content.len(), file.sent());
        total += file.sent();
    }
    eprintln!("    {:>8} {total:>8} in all, as sent", "");
    Ok(())
}

fn brotli(content: &[u8]) -> Result<Vec<u8>> {
    let mut compressed = Vec::new();
    let parameters = brotli::enc::BrotliEncoderParams { quality: 11, ..Default::default() };
    brotli::BrotliCompress(&mut &*content, &mut compressed, &parameters)?;
    Ok(compressed)
}

/// The files of a directory, in the order of their names.
fn list(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory)
        .with_context(|| format!("could not list {}", directory.display()))?
    {
        paths.push(entry?.path());
    }
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("could not read {}", path.display()))
}

fn remove(directory: &Path) -> Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("could not remove {}", directory.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_becomes_the_fingerprinted_name() {
        let names = BTreeMap::from([("boot.js".to_string(), "boot-12.js".to_string())]);
        assert_eq!(fill("<a {{boot.js}}>", &names).unwrap(), "<a boot-12.js>");
    }

    #[test]
    fn an_unknown_placeholder_is_named() {
        let error = fill("{{lost.js}}", &BTreeMap::new()).unwrap_err().to_string();
        assert!(error.contains("{{lost.js}}"), "{error}");
    }

    #[test]
    fn a_fingerprint_changes_with_the_content() {
        assert_ne!(fingerprinted("a.js", b"1"), fingerprinted("a.js", b"2"));
        assert!(fingerprinted("a.js", b"1").ends_with(".js"));
    }
}

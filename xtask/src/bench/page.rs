//! How big the page is as it is sent, and how long until it is seen.

use super::Bench;
use super::table::{Row, median};
use crate::{page, run, workspace};
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;
use tests::PageServer;

/// Size and time to first paint, in a new browser each round.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let directory = page::build()?;
    #[allow(clippy::cast_precision_loss)]
    let kilobytes = sent(&directory)? as f64 / 1e3;
    let mut rows = vec![Row::alone("page, all files, brotli", "kB", kilobytes)];
    let server = PageServer::start(&bench.servers[1], &directory);
    let mut paints = Vec::new();
    let mut mounts = Vec::new();
    for _ in 0..bench.rounds {
        let mut node = std::process::Command::new("node");
        node.current_dir(workspace::root().join("tests/browser")).args([
            "run.mjs",
            "paint",
            server.url(),
        ]);
        let printed = run::capture(&mut node)?;
        let number = |name: &str| {
            let line = printed.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.trim().parse::<f64>().ok())
                .with_context(|| format!("no {name} in {printed}"))
        };
        paints.push(number("paint")?);
        mounts.push(number("mounted")?);
    }
    rows.push(Row::alone("page, first paint", "ms", median(paints)));
    rows.push(Row::alone("page, mounted", "ms", median(mounts)));
    Ok(rows)
}

/// What a browser that accepts brotli gets.
fn sent(directory: &Path) -> Result<u64> {
    let mut total = 0;
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "br") {
            continue;
        }
        let compressed = path.with_file_name(format!(
            "{}.br",
            path.file_name().unwrap_or_default().to_string_lossy()
        ));
        total += fs::metadata(&compressed).or_else(|_| fs::metadata(&path))?.len();
    }
    Ok(total)
}

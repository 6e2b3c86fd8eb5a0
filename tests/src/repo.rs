//! The workspace as files.

use crate::node::cargo;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The workspace's top directory.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests lies in the workspace").into()
}

/// Every file that git tracks or would track, relative to [`root`].
pub fn tracked_files() -> Vec<PathBuf> {
    let listed = Command::new("git")
        .current_dir(root())
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .output()
        .expect("git lists the files");
    assert!(listed.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listed.stderr));
    let names = String::from_utf8(listed.stdout).expect("file names are UTF-8");
    let files = names.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from);
    files.filter(|file| root().join(file).is_file()).collect()
}

/// The built page: `KEEPSAKE_PAGE`, or built now.
pub fn page_directory() -> &'static Path {
    static PAGE: OnceLock<PathBuf> = OnceLock::new();
    PAGE.get_or_init(|| match std::env::var_os("KEEPSAKE_PAGE") {
        Some(page) => page.into(),
        None => {
            cargo(&["xtask", "page"]);
            target_dir().join("page")
        }
    })
}

/// What cargo is told when it builds the server: jemalloc's own build needs `make`, which not every machine has.
pub fn server_features() -> &'static [&'static str] {
    let has_jemalloc = cfg!(all(target_os = "linux", target_env = "gnu")) && is_installed("make");
    if has_jemalloc { &["--features=jemalloc"] } else { &[] }
}

/// Whether there is a program of this name.
pub(crate) fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

/// Where cargo builds.
pub fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

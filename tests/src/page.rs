//! The built page, served on a free port.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Serves a page until it goes out of scope.
#[derive(Debug)]
pub struct PageServer {
    process: Child,
    url: String,
}

impl PageServer {
    /// Lets `server` (our executable) serve the page in `directory`.
    pub fn start(server: &Path, directory: &Path) -> Self {
        let mut process = Command::new(server)
            .args(["lab", "--no-nodes", "--http", "127.0.0.1:0", "--page"])
            .arg(directory)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        let url = lines
            .find_map(|line| {
                Some(line.ok()?.strip_prefix("The page: ")?.split(' ').next()?.to_string())
            })
            .expect("the server says where the page is");
        Self { process, url }
    }

    /// The address of the page.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for PageServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

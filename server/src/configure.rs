//! From the command line and the files that it names to a configuration.

use std::{
    env, fs, io,
    io::Read as _,
    path::{Path, PathBuf},
};

use engine::config::{Config, LoadError, Mode, Outside};
use engine::node::load_config;

use crate::cli::{NodeArgs, OWN};
use crate::driver::strerror;

/// A configuration, and what it was made of.
pub struct Configured {
    /// The configuration.
    pub config: Config,
    /// What came from the standard input.
    pub stdin: Vec<u8>,
}

/// Read what `args` name, and change to the working directory that it asks for.
///
/// # Errors
/// What is wrong, where, and what to do.
pub fn configure(args: &NodeArgs) -> Result<Configured, String> {
    // Before `dir` leads elsewhere.
    let here = env::current_dir().unwrap_or_default();
    let mut text = Vec::new();
    if let Some(path) = &args.file {
        text = fs::read(path).map_err(|error| unreadable(path, &error))?;
    }
    let mut stdin = Vec::new();
    if args.stdin {
        let read = io::stdin().lock().read_to_end(&mut stdin);
        read.map_err(|error| format!("standard input: {}", strerror(&error)))?;
        text.extend_from_slice(&stdin);
    }
    let mode = if args.sentinel { Mode::Sentinel } else { Mode::Server };
    let mut config =
        load_config(args.file.as_deref(), &text, args.options.as_bytes(), mode, &mut FileSystem)
            .map_err(|error| explained(&error))?;
    config.source.file =
        args.file.as_ref().map(|path| here.join(path).to_string_lossy().into_owned());
    if let Some(module) = config.source.modules.first() {
        let path = String::from_utf8_lossy(&module[0]).into_owned();
        return Err(format!("{path}: modules can't be loaded here; remove `loadmodule {path}`"));
    }
    let log = &config.general.logfile;
    if !log.is_empty() {
        let opened = fs::OpenOptions::new().create(true).append(true).open(log);
        opened.map_err(|error| {
            let what = format!("Can't open the log file: {}", strerror(&error));
            explained(&LoadError::Refused { file: args.file.clone(), line: None, what })
        })?;
    }
    if args.sentinel {
        writable(config.source.file.as_deref())?;
    }
    let dir = &mut config.general.dir;
    if let (".", Ok(here)) = (dir.as_str(), env::current_dir()) {
        *dir = here.to_string_lossy().into_owned();
    }
    Ok(Configured { config, stdin })
}

/// Sentinel keeps its state in its configuration file.
fn writable(file: Option<&str>) -> Result<(), String> {
    let Some(path) = file else {
        return Err("Sentinel needs config file on disk to save state; name one: \
                    server sentinel.conf --sentinel"
            .into());
    };
    let opened = fs::OpenOptions::new().append(true).open(path);
    opened.map(drop).map_err(|error| {
        format!(
            "Sentinel config file {path} is not writable: {}; change its permissions",
            strerror(&error)
        )
    })
}

/// Redis's own words where it has several lines, and then where to look and what to do, on one.
fn explained(error: &LoadError) -> String {
    match error {
        LoadError::Unreadable { .. } => error.one_line(),
        LoadError::Refused { .. } => format!("{error}\n{}", error.one_line()),
    }
}

fn unreadable(path: &str, error: &io::Error) -> String {
    let why = strerror(error);
    let mut what = LoadError::Unreadable { path: path.into(), why }.one_line();
    if error.kind() == io::ErrorKind::NotFound && !path.contains(['/', '.']) {
        what.push_str("; there is no subcommand of this name either, only check-rdb, check-aof, ");
        what.push_str(OWN[0]);
    }
    what
}

/// The real files.
struct FileSystem;

impl Outside for FileSystem {
    fn include(&mut self, path: &str) -> Result<Vec<u8>, (String, String)> {
        let read = |path: &Path| {
            fs::read(path).map_err(|error| (path.display().to_string(), strerror(&error)))
        };
        if !path.contains(['*', '?', '[']) {
            return read(Path::new(path));
        }
        // As glob(3): sorted, and a pattern that makes no sense matches nothing.
        let files = glob::glob(path).into_iter().flatten().flatten().collect::<Vec<PathBuf>>();
        let texts = files.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
        Ok(texts.concat())
    }

    fn change_dir(&mut self, path: &str) -> Result<String, String> {
        let gone = env::set_current_dir(path).and_then(|()| env::current_dir());
        gone.map(|dir| dir.to_string_lossy().into_owned()).map_err(|error| strerror(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_word_is_told_apart_from_a_missing_file() {
        let missing = io::Error::from_raw_os_error(2);
        assert!(unreadable("chekc-rdb", &missing).contains("no subcommand"));
        assert!(!unreadable("/etc/redis.conf", &missing).contains("subcommand"));
    }

    #[test]
    fn included_patterns_are_read_in_order_and_may_match_nothing() {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [("b.conf", "port 2\n"), ("a.conf", "port 1\n")] {
            fs::write(dir.path().join(name), text).unwrap();
        }
        let pattern = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
        assert_eq!(FileSystem.include(&pattern("*.conf")).unwrap(), b"port 1\nport 2\n");
        assert_eq!(FileSystem.include(&pattern("*.none")).unwrap(), b"");
        assert_eq!(
            FileSystem.include(&pattern("c.conf")).unwrap_err().1,
            "No such file or directory"
        );
    }
}

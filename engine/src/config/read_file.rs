//! redis.conf's text, and what the command line adds to it, into a [`Config`].
//!
//! The engine has no files and no working directory: the caller lends them through [`Outside`].

use alloc::{format, string::String, vec::Vec};

use super::{
    Config,
    directive::Origin,
    directives,
    set::{MAX_HZ, MIN_HZ},
};
use crate::resp::split::split_args;

/// What reading a configuration needs from outside.
pub trait Outside {
    /// The text of an included file. A pattern (`*`, `?`, `[`) stands for all files that match, one behind the other;
    /// for none, the text is empty.
    ///
    /// # Errors
    /// The path that could not be read, and the operating system's word for it.
    fn include(&mut self, path: &str) -> Result<Vec<u8>, (String, String)>;

    /// Go to the working directory that `dir` names, and say how the operating system calls it.
    ///
    /// # Errors
    /// The operating system's word for it.
    fn change_dir(&mut self, path: &str) -> Result<String, String>;
}

/// Gives a command another name, or (an empty one) none, and says in Redis's words why it can't.
pub type RenameCommand<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Result<(), &'static str>;

/// Which kind of node is configured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// A server.
    #[default]
    Server,
    /// A sentinel: `sentinel …` lines are allowed, and other defaults hold.
    Sentinel,
}

/// A line that Sentinel reads itself: `sentinel monitor mymaster 127.0.0.1 6379 2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentinelLine {
    /// Where it stands, from 1.
    pub number: u32,
    /// The arguments behind `sentinel`.
    pub args: Vec<Vec<u8>>,
    /// The line as it stands there.
    pub text: Vec<u8>,
}

/// Why a configuration is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// A file can't be read.
    Unreadable {
        /// Which.
        path: String,
        /// The operating system's word.
        why: String,
    },
    /// A line is wrong, or the lines do not go together.
    Refused {
        /// The file, if the text came from one.
        file: Option<String>,
        /// The line's number from 1 and its text, if one is to blame.
        line: Option<(u32, String)>,
        /// What is wrong, in Redis's words.
        what: String,
    },
}

impl LoadError {
    /// On one line: where, what is wrong there, what to do.
    pub fn one_line(&self) -> String {
        match self {
            Self::Unreadable { path, why } => {
                format!(
                    "{path}: can't read the configuration: {why}; check the path and its permissions"
                )
            }
            Self::Refused { file, line, what } => {
                let file = file.as_deref().unwrap_or("command line");
                match line {
                    Some((number, text)) => {
                        format!("{file}:{number}: {text:?}: {what}; correct this line or remove it")
                    }
                    None => format!("{file}: {what}; correct the configuration"),
                }
            }
        }
    }
}

impl core::fmt::Display for LoadError {
    /// What Redis prints to the standard error (for an unreadable file: to its log).
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Unreadable { path, why } => {
                write!(f, "Fatal error, can't open config file '{path}': {why}")
            }
            Self::Refused { line, what, .. } => {
                f.write_str("\n*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***\n")?;
                if let Some((number, text)) = line {
                    write!(f, "Reading the configuration file, at line {number}\n>>> '{text}'\n")?;
                }
                f.write_str(what)
            }
        }
    }
}

/// Read `text`: the content of `file` (where CONFIG REWRITE will write), with `options` of the command line appended as
/// further lines. `rename` tries what a `rename-command` line asks for: the commands are not known here, and neither is
/// what `sentinel` lines mean. [`node::load_config`](crate::node::load_config) checks both.
///
/// # Errors
/// The first line that is wrong, and how; see [`LoadError`].
pub fn load(
    file: Option<&str>,
    text: &[u8],
    options: &[u8],
    mode: Mode,
    outside: &mut dyn Outside,
    rename: RenameCommand<'_>,
) -> Result<Config, LoadError> {
    let config = match mode {
        Mode::Server => Config::default(),
        Mode::Sentinel => Config::for_sentinel(),
    };
    let mut loader = Loader { config, rename, mode, outside, saves_seen: false, depth: 0 };
    loader.config.source.file = file.map(Into::into);
    loader.config.source.given = file.is_some() || !text.is_empty() || !options.is_empty();
    let mut whole = text.to_vec();
    if !options.is_empty() {
        whole.push(b'\n');
        whole.extend_from_slice(options);
    }
    loader.read(file, &whole)?;
    let mut config = loader.config;
    config.general.hz = config.general.hz.clamp(MIN_HZ, MAX_HZ);
    check_whole(&config).map_err(|what| LoadError::Refused {
        file: file.map(Into::into),
        line: None,
        what: what.into(),
    })?;
    Ok(config)
}

/// Files that include files that include files: so deep and no deeper. (Redis has no limit, and dies of a circle.)
const MAX_INCLUDES: u32 = 16;

struct Loader<'a> {
    config: Config,
    rename: RenameCommand<'a>,
    mode: Mode,
    outside: &'a mut dyn Outside,
    saves_seen: bool,
    depth: u32,
}

/// Why a line is refused: its own fault, or an included file's.
enum LineError {
    What(String),
    Included(LoadError),
}

impl<T: Into<String>> From<T> for LineError {
    fn from(what: T) -> Self {
        Self::What(what.into())
    }
}

impl Loader<'_> {
    fn read(&mut self, file: Option<&str>, text: &[u8]) -> Result<(), LoadError> {
        let file_error = |error, number, line: &[u8]| match error {
            LineError::Included(error) => error,
            LineError::What(what) => LoadError::Refused {
                file: file.map(Into::into),
                line: Some((number, String::from_utf8_lossy(line).into_owned())),
                what,
            },
        };
        for (number, line) in (1..).zip(text.split(|b| *b == b'\n')) {
            let line = trim(line);
            if !matches!(line, [] | [b'#', ..]) {
                self.line(number, line).map_err(|error| file_error(error, number, line))?;
            }
        }
        Ok(())
    }

    fn line(&mut self, number: u32, line: &[u8]) -> Result<(), LineError> {
        let args = split_args(line).map_err(|_| "Unbalanced quotes in configuration line")?;
        let Some((name, args)) = args.split_first() else { return Ok(()) };
        let name = name.to_ascii_lowercase();
        match directives::find(&name) {
            Some((_, row)) => {
                let mut origin = Origin::FirstInFile;
                if row.name == "save" && core::mem::replace(&mut self.saves_seen, true) {
                    origin = Origin::AgainInFile;
                }
                // `--save "900 1"`: the values of such a directive may come as one word.
                let split: Vec<Vec<u8>> = match args {
                    [word] if row.takes_several() => words(word),
                    _ => args.to_vec(),
                };
                row.assign(&mut self.config, &split, origin)?;
                if row.name == "dir" {
                    let dir = &mut self.config.general.dir;
                    *dir = self.outside.change_dir(dir)?;
                }
                Ok(())
            }
            None => self.file_only(number, line, &name, args),
        }
    }

    /// What can stand in a file and is no directive of `CONFIG`.
    fn file_only(
        &mut self,
        number: u32,
        line: &[u8],
        name: &[u8],
        args: &[Vec<u8>],
    ) -> Result<(), LineError> {
        match (name, args) {
            (name, [_]) if directives::DEPRECATED.iter().any(|old| old.as_bytes() == name) => {}
            (b"include", [path]) => self.include(&String::from_utf8_lossy(path))?,
            (b"rename-command", [old, new]) => {
                (self.rename)(old, new)?;
                self.config.source.renamed_commands.push((old.clone(), new.clone()));
            }
            (b"user", [_, ..]) => {
                check_user(args)?;
                self.config.source.users.push(args.to_vec());
            }
            (b"loadmodule", [_, ..]) => self.config.source.modules.push(args.to_vec()),
            (name, args) if name.contains(&b'.') => {
                if args.len() != 1 {
                    return Err("Module config specified without value".into());
                }
                return Err("There are no modules, so their directives can't be set".into());
            }
            (b"sentinel", []) => {}
            (b"sentinel", args) if self.mode == Mode::Sentinel => {
                let (args, text) = (args.to_vec(), line.to_vec());
                self.config.source.sentinel.push(SentinelLine { number, args, text });
            }
            (b"sentinel", _) => return Err("sentinel directive while not in sentinel mode".into()),
            _ => return Err("Bad directive or wrong number of arguments".into()),
        }
        Ok(())
    }

    fn include(&mut self, path: &str) -> Result<(), LineError> {
        if self.depth == MAX_INCLUDES {
            return Err(format!("More than {MAX_INCLUDES} files include one another").into());
        }
        let text = self
            .outside
            .include(path)
            .map_err(|(path, why)| LineError::Included(LoadError::Unreadable { path, why }))?;
        self.depth += 1;
        self.read(Some(path), &text).map_err(LineError::Included)?;
        self.depth -= 1;
        Ok(())
    }
}

/// The words between single spaces; of nothing, that one word.
fn words(text: &[u8]) -> Vec<Vec<u8>> {
    text.split(|b| *b == b' ').map(<[u8]>::to_vec).collect()
}

/// There is one user here, who may do everything. Who asks for less must not get more: refused.
fn check_user(args: &[Vec<u8>]) -> Result<(), &'static str> {
    const KNOWN: [&[u8]; 6] = [b"on", b"nopass", b"sanitize-payload", b"~*", b"&*", b"+@all"];
    let is_known = |rule: &Vec<u8>| KNOWN.contains(&rule.as_slice()) || rule.starts_with(b"#");
    match args.split_first() {
        Some((name, rules)) if name == b"default" && rules.iter().all(is_known) => Ok(()),
        _ => Err(ONE_USER),
    }
}

const ONE_USER: &str =
    "There are no ACL users here but `default`, who may do everything; use requirepass";

/// What can be judged only when everything has been read.
fn check_whole(config: &Config) -> Result<(), &'static str> {
    let cluster = directives::find(b"cluster-enabled");
    if config.replication.replicaof.is_some()
        && cluster.is_some_and(|(_, row)| row.print(config) == b"yes")
    {
        return Err("replicaof directive not allowed in cluster mode");
    }
    if !config.general.aclfile.is_empty() {
        return Err(ONE_USER);
    }
    let password = config.general.requirepass.as_deref().map(sha256_hex);
    for rule in config.source.users.iter().flatten() {
        if rule.strip_prefix(b"#").is_some_and(|hash| password.as_deref() != Some(hash)) {
            return Err(
                "The password of `user default` is not that of requirepass; remove that line",
            );
        }
    }
    Ok(())
}

/// As the ACL keeps passwords.
pub(crate) fn sha256_hex(password: &[u8]) -> Vec<u8> {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(password);
    digest.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()
}

/// Without white space at its ends.
pub(super) fn trim(line: &[u8]) -> &[u8] {
    let is_space = |b: &u8| b" \t\r\n".contains(b);
    let start = line.iter().position(|b| !is_space(b)).unwrap_or(line.len());
    let end = line.iter().rposition(|b| !is_space(b)).map_or(start, |at| at + 1);
    &line[start..end]
}

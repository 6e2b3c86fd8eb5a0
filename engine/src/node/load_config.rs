//! Reading redis.conf or sentinel.conf, with those lines checked that only other parts of the node understand.

use crate::{
    command,
    config::{Config, LoadError, Mode, Outside, load},
    sentinel::Sentinel,
    server::CommandIndex,
};

/// Read `text`, the content of `file`, with `options` of the command line appended as further lines.
///
/// # Errors
/// The first line that is wrong, and how; see [`LoadError`].
pub fn load_config(
    file: Option<&str>,
    text: &[u8],
    options: &[u8],
    mode: Mode,
    outside: &mut dyn Outside,
) -> Result<Config, LoadError> {
    let mut commands =
        CommandIndex::new(&command::TABLE, |row| row.is_known(mode == Mode::Sentinel));
    let mut rename = |old: &[u8], new: &[u8]| commands.rename(old, new);
    let config = load(file, text, options, mode, outside, &mut rename)?;
    if mode == Mode::Sentinel {
        Sentinel::load(&config)?;
    }
    Ok(config)
}

//! Enough file descriptors for `maxclients`: the limit is raised as far as the system allows, and `maxclients` is
//! reduced to what there is.

use engine::machine::Descriptors;
use rustix::{
    io::Errno,
    process::{Resource, Rlimit, getrlimit, setrlimit},
};

/// Descriptors that are no clients': files, listening sockets, links.
const RESERVED: u64 = 32;

/// The limit is too low for a single client.
#[derive(Debug, PartialEq, Eq)]
pub struct TooFew {
    /// The limit that there is.
    pub limit: u64,
    /// The limit that `maxclients` needs.
    pub needed: u64,
}

/// Raise this process's limit for so many clients. Where that fails, the result says to how many clients to keep.
///
/// # Errors
/// The limit does not suffice for the process itself.
pub fn provide(maxclients: u32) -> Result<Descriptors, TooFew> {
    let present = getrlimit(Resource::Nofile);
    // No limit is the highest limit.
    let (soft, hard) = (present.current.unwrap_or(u64::MAX), present.maximum.unwrap_or(u64::MAX));
    let needed = u64::from(maxclients) + RESERVED;
    if soft >= needed {
        return Ok(Descriptors::Enough);
    }
    let raise = |to: u64| {
        let maximum = (hard != u64::MAX).then(|| hard.max(to));
        setrlimit(Resource::Nofile, Rlimit { current: Some(to), maximum })
    };
    let Err(error) = raise(needed) else {
        return Ok(Descriptors::Raised { to: needed, from: soft });
    };
    let limit = if hard > soft && raise(hard).is_ok() { hard } else { soft };
    reduced(maxclients, needed, limit, error)
}

fn reduced(requested: u32, needed: u64, limit: u64, error: Errno) -> Result<Descriptors, TooFew> {
    let left = limit.saturating_sub(RESERVED);
    if left == 0 {
        return Err(TooFew { limit, needed });
    }
    let why = crate::driver::strerror(&error.into());
    let maxclients = u32::try_from(left).unwrap_or(u32::MAX);
    Ok(Descriptors::Reduced { requested, needed, why, limit, maxclients })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_for_clients() {
        let Ok(Descriptors::Reduced { maxclients, .. }) =
            reduced(10_000, 10_032, 1000, Errno::PERM)
        else {
            panic!("it is reduced")
        };
        assert_eq!(maxclients, 968);
        assert_eq!(
            reduced(10_000, 10_032, 32, Errno::PERM),
            Err(TooFew { limit: 32, needed: 10_032 })
        );
    }
}

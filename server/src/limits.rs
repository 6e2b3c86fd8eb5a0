//! Enough file descriptors for `maxclients`: the limit is raised as far as the system allows, and `maxclients` is
//! reduced to what there is.

use std::fs;

use engine::machine::Descriptors;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that are no clients': files, listening sockets, links.
const RESERVED: u64 = 32;
/// A limit that can't be had is lowered in steps of this size until it can, as in Redis: both keep the same `maxclients`.
const STEP: u64 = 16;

/// Raise this process's limit for so many clients. Where that fails, the result says to how many clients to keep; none
/// means that the limit does not suffice for the process itself.
pub fn provide(maxclients: u32) -> Descriptors {
    let present = getrlimit(Resource::Nofile);
    // No limit is the highest limit.
    let (soft, hard) = (present.current.unwrap_or(u64::MAX), present.maximum.unwrap_or(u64::MAX));
    let needed = u64::from(maxclients) + RESERVED;
    if soft >= needed {
        return Descriptors::Enough;
    }
    let Err(why) = raise(needed) else { return Descriptors::Raised { to: needed, from: soft } };
    // A process with the right to do so goes beyond its hard limit, up to the kernel's; the others stay below theirs.
    let ceilings = [highest(), hard];
    let lower = ceilings.into_iter().filter(|ceiling| *ceiling < needed);
    let raised =
        lower.map(|ceiling| stepped(needed, ceiling)).find(|to| *to > soft && raise(*to).is_ok());
    let limit = raised.unwrap_or(soft);
    Descriptors::Reduced {
        requested: maxclients,
        needed,
        why: crate::driver::strerror(&why.into()),
        limit,
        maxclients: u32::try_from(limit.saturating_sub(RESERVED)).unwrap_or(u32::MAX),
    }
}

/// Both limits, as in Redis: what is left above is given up.
fn raise(to: u64) -> rustix::io::Result<()> {
    setrlimit(Resource::Nofile, Rlimit { current: Some(to), maximum: Some(to) })
}

/// The highest number up to `ceiling` that whole steps down from `needed` lead to.
const fn stepped(needed: u64, ceiling: u64) -> u64 {
    needed.saturating_sub((needed - ceiling).next_multiple_of(STEP))
}

/// The highest limit that the kernel gives to any process.
fn highest() -> u64 {
    let text = fs::read_to_string("/proc/sys/fs/nr_open").unwrap_or_default();
    text.trim().parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_lowered_in_steps_to_a_ceiling() {
        assert_eq!(stepped(532, 200), 196);
        assert_eq!(stepped(10_032, 1024), 1024);
        assert_eq!(stepped(10, 3), 0);
    }
}

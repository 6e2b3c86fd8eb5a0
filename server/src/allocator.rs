//! The allocator: jemalloc, as in Redis, where it can be built.
//!
//! The C library's allocator keeps the memory of millions of keys after FLUSHALL, and has no safe way to give it back.
//! ARCHITECTURE.md has the measurements. jemalloc is built with `make`, which not every machine has: it is a feature,
//! which `cargo play`, `cargo verify` and `cargo xtask bench` turn on where they find `make`.

#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Let a thread of the allocator give free memory back as time passes (`jemalloc-bg-thread yes`).
pub fn start_background_thread() {
    #[cfg(feature = "jemalloc")]
    // Without such a thread memory is given back while memory is allocated.
    let _ = tikv_jemalloc_ctl::background_thread::write(true);
}

/// Give back to the system all memory that is free.
pub fn purge() {
    #[cfg(feature = "jemalloc")]
    jemalloc::purge();
}

#[cfg(feature = "jemalloc")]
mod jemalloc {
    use tikv_jemalloc_ctl::{Access, AsName, arenas};

    /// Each arena is purged at once when its free pages are to decay in no time; then it goes on as before.
    pub fn purge() {
        for arena in 0..arenas::narenas::read().unwrap_or(0) {
            let name = format!("arena.{arena}.dirty_decay_ms\0");
            let decay = name.name();
            // An arena that was never used has no such setting.
            if let Ok(before) = Access::<isize>::update(decay, 0) {
                let _ = decay.write(before);
            }
        }
    }
}

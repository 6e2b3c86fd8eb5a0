//! What a command may do, and how it is treated before and after it runs: one bit each.

/// A property of a command. The upper group is printed by `COMMAND INFO`, the lower group is internal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Flag {
    /// May change the data.
    Write,
    /// Reads keys.
    Readonly,
    /// May make the data larger: refused beyond `maxmemory`.
    Denyoom,
    /// For administrators.
    Admin,
    /// Pub/Sub.
    Pubsub,
    /// Not from scripts.
    Noscript,
    /// May hold its client.
    Blocking,
    /// Allowed while data is loaded.
    Loading,
    /// Allowed on a replica with stale data.
    Stale,
    /// Not shown to MONITOR.
    SkipMonitor,
    /// Not in the slow log.
    SkipSlowlog,
    /// Works on a key in a slot that is being imported.
    Asking,
    /// O(1) or O(log n).
    Fast,
    /// Allowed before AUTH.
    NoAuth,
    /// The first, last and step of `COMMAND INFO` do not name all of its keys. The table derives it from the key
    /// specifications.
    Movablekeys,
    /// May come without keys though it could have some.
    NoMandatoryKeys,
    /// Refused while a replica loads a data set beside the one that it serves.
    NoAsyncLoading,
    /// Refused in a transaction.
    NoMulti,
    /// Allowed while a long script blocks the server.
    AllowBusy,

    /// Off unless `enable-debug-command` allows it.
    ProtectedDebug,
    /// Off unless `enable-module-command` allows it.
    ProtectedModule,
    /// Only a sentinel knows it.
    OnlySentinel,
    /// A sentinel knows it as well as a server.
    Sentinel,
    /// Replicas hear of it even when it changes no key (PUBLISH).
    MayReplicate,
    /// Deletes expired keys that it was not asked for (SCAN): each deletion is propagated alone, not as one transaction.
    TouchesArbitraryKeys,
    /// Runs the queue of its client's transaction: the queue's flags count as its own, and its refusal ends the
    /// transaction (EXEC).
    RunsQueue,
    /// Is executed at once between MULTI and EXEC, instead of being queued.
    RunsInMulti,
    /// Allowed to a subscriber that speaks RESP2.
    ForSubscribers,
    /// Answers with the error that writes would get while the disk fails (PING).
    ReportsDiskErrors,
    /// Leaves the choice of CLIENT CACHING in force for the command that follows.
    KeepsCaching,
}

impl Flag {
    /// The flags that `COMMAND INFO` prints, in Redis's order, with its words.
    pub const PRINTED: &[(Flag, &str)] = &[
        (Self::Write, "write"),
        (Self::Readonly, "readonly"),
        (Self::Denyoom, "denyoom"),
        (Self::Admin, "admin"),
        (Self::Pubsub, "pubsub"),
        (Self::Noscript, "noscript"),
        (Self::Blocking, "blocking"),
        (Self::Loading, "loading"),
        (Self::Stale, "stale"),
        (Self::SkipMonitor, "skip_monitor"),
        (Self::SkipSlowlog, "skip_slowlog"),
        (Self::Asking, "asking"),
        (Self::Fast, "fast"),
        (Self::NoAuth, "no_auth"),
        (Self::NoMandatoryKeys, "no_mandatory_keys"),
        (Self::NoAsyncLoading, "no_async_loading"),
        (Self::NoMulti, "no_multi"),
        (Self::Movablekeys, "movablekeys"),
        (Self::AllowBusy, "allow_busy"),
    ];
}

/// A set of flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u64);

impl Flags {
    /// No flag.
    pub const NONE: Flags = Flags(0);

    /// The set of these.
    pub const fn of(flags: &[Flag]) -> Self {
        let (mut bits, mut i) = (0, 0);
        while i < flags.len() {
            bits |= 1 << flags[i] as u8;
            i += 1;
        }
        Self(bits)
    }

    /// The set with this flag too.
    pub const fn with(self, flag: Flag) -> Self {
        Self(self.0 | 1 << flag as u8)
    }

    /// Whether this flag is in it.
    #[inline]
    pub const fn contains(self, flag: Flag) -> bool {
        self.0 & (1 << flag as u8) != 0
    }
}

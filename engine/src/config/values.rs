//! The types of configured values, as the rest of the engine sees them.

use alloc::{string::String, vec::Vec};

/// An enumeration that redis.conf spells with words.
pub trait Choice: Copy + PartialEq + 'static {
    /// Every word and what it means, in the order in which Redis lists them; a meaning may have two words.
    const WORDS: &'static [(&'static str, Self)];

    /// The (first) word for this value.
    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, value)| *value == self).map_or("unknown", |(word, _)| word)
    }
}

/// When the AOF is fsynced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AppendFsync {
    /// Once a second, in the background.
    #[default]
    EverySecond,
    /// Before the reply to the write.
    Always,
    /// When the operating system likes.
    No,
}

impl Choice for AppendFsync {
    const WORDS: &'static [(&'static str, Self)] =
        &[("everysec", Self::EverySecond), ("always", Self::Always), ("no", Self::No)];
}

/// Whether a replica reads a data set straight from the socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DisklessLoad {
    /// No: by a file.
    #[default]
    Disabled,
    /// If it has no data to lose.
    OnEmptyDb,
    /// Yes, beside its old data, until the new are whole.
    Swapdb,
}

impl Choice for DisklessLoad {
    const WORDS: &'static [(&'static str, Self)] =
        &[("disabled", Self::Disabled), ("on-empty-db", Self::OnEmptyDb), ("swapdb", Self::Swapdb)];
}

/// What is evicted when `maxmemory` is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MaxmemoryPolicy {
    /// The least recently used among keys that expire.
    VolatileLru,
    /// The least frequently used among keys that expire.
    VolatileLfu,
    /// Any key that expires.
    VolatileRandom,
    /// The key that expires soonest.
    VolatileTtl,
    /// The least recently used of all keys.
    AllkeysLru,
    /// The least frequently used of all keys.
    AllkeysLfu,
    /// Any key.
    AllkeysRandom,
    /// Nothing: writes are refused.
    #[default]
    NoEviction,
}

impl Choice for MaxmemoryPolicy {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("volatile-lru", Self::VolatileLru),
        ("volatile-lfu", Self::VolatileLfu),
        ("volatile-random", Self::VolatileRandom),
        ("volatile-ttl", Self::VolatileTtl),
        ("allkeys-lru", Self::AllkeysLru),
        ("allkeys-lfu", Self::AllkeysLfu),
        ("allkeys-random", Self::AllkeysRandom),
        ("noeviction", Self::NoEviction),
    ];
}

/// Which levels the log shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Everything.
    Debug,
    /// Much.
    Verbose,
    /// What an operator wants in production.
    #[default]
    Notice,
    /// Only what is important.
    Warning,
}

impl Choice for LogLevel {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("debug", Self::Debug),
        ("verbose", Self::Verbose),
        ("notice", Self::Notice),
        ("warning", Self::Warning),
    ];
}

impl From<LogLevel> for crate::trace::Level {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Debug => Self::Debug,
            LogLevel::Verbose => Self::Verbose,
            LogLevel::Notice => Self::Notice,
            LogLevel::Warning => Self::Warning,
        }
    }
}

/// Who may use what is dangerous (DEBUG, protected directives).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProtectedAction {
    /// No client.
    #[default]
    No,
    /// Every client.
    Yes,
    /// Those who connect from this machine.
    Local,
}

impl Choice for ProtectedAction {
    const WORDS: &'static [(&'static str, Self)] =
        &[("no", Self::No), ("yes", Self::Yes), ("local", Self::Local)];
}

/// What a signal to end does with the data set (`shutdown-on-sigterm`); a set of words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShutdownOptions {
    /// Save, do not save, or as the save points say.
    pub save: ShutdownSave,
    /// Do not wait for lagging replicas.
    pub now: bool,
    /// End even if saving fails.
    pub force: bool,
}

/// Whether to save at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ShutdownSave {
    /// If there are save points.
    #[default]
    IfConfigured,
    /// In any case.
    Save,
    /// In no case.
    NoSave,
}

/// `save <seconds> <changes>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePoint {
    /// Not before this much time since the last save, at least 1.
    pub seconds: u64,
    /// At least this many changes since then.
    pub changes: u32,
}

/// The classes of clients that have output limits of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClientClass {
    /// Ordinary clients.
    Normal,
    /// Replicas.
    Replica,
    /// Subscribers.
    Pubsub,
}

impl ClientClass {
    /// All, in Redis's order.
    pub const ALL: [Self; 3] = [Self::Normal, Self::Replica, Self::Pubsub];

    /// As `CONFIG GET` says it.
    pub const fn old_name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Replica => "slave",
            Self::Pubsub => "pubsub",
        }
    }

    /// As redis.conf says it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Replica => "replica",
            other => other.old_name(),
        }
    }
}

/// How much may wait for a client before it is cut off; 0 is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimit {
    /// Bytes that cut it off at once.
    pub hard: u64,
    /// Bytes that cut it off when exceeded for `soft_seconds`.
    pub soft: u64,
    /// See `soft`.
    pub soft_seconds: u64,
}

/// The limits of all three classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputLimits([OutputLimit; 3]);

impl Default for OutputLimits {
    fn default() -> Self {
        const MB: u64 = 1 << 20;
        Self([
            OutputLimit::default(),
            OutputLimit { hard: 256 * MB, soft: 64 * MB, soft_seconds: 60 },
            OutputLimit { hard: 32 * MB, soft: 8 * MB, soft_seconds: 60 },
        ])
    }
}

impl OutputLimits {
    /// The limit of one class.
    pub const fn of(&self, class: ClientClass) -> OutputLimit {
        self.0[class as usize]
    }

    /// Change the limit of one class.
    pub fn set(&mut self, class: ClientClass, limit: OutputLimit) {
        self.0[class as usize] = limit;
    }
}

/// The events that `notify-keyspace-events` publishes: a set of classes, spelled with one letter each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotifyEvents(u16);

/// One class of events, or one of the two channels they go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum NotifyClass {
    /// `K`: on `__keyspace@<db>__:<key>`.
    Keyspace = 1 << 0,
    /// `E`: on `__keyevent@<db>__:<event>`.
    Keyevent = 1 << 1,
    /// `g`: DEL, EXPIRE, RENAME …
    Generic = 1 << 2,
    /// `$`: strings.
    String = 1 << 3,
    /// `l`: lists.
    List = 1 << 4,
    /// `s`: sets.
    Set = 1 << 5,
    /// `h`: hashes.
    Hash = 1 << 6,
    /// `z`: sorted sets.
    SortedSet = 1 << 7,
    /// `x`: a key expired.
    Expired = 1 << 8,
    /// `e`: a key was evicted.
    Evicted = 1 << 9,
    /// `t`: streams.
    Stream = 1 << 10,
    /// `m`: a key was looked for and not found. Not part of `A`.
    Miss = 1 << 11,
    /// `d`: modules.
    Module = 1 << 12,
    /// `n`: a key was made. Not part of `A`.
    New = 1 << 13,
}

impl NotifyEvents {
    /// What `A` stands for, in the order in which Redis prints it.
    const ALL: &'static [(u8, NotifyClass)] = &[
        (b'g', NotifyClass::Generic),
        (b'$', NotifyClass::String),
        (b'l', NotifyClass::List),
        (b's', NotifyClass::Set),
        (b'h', NotifyClass::Hash),
        (b'z', NotifyClass::SortedSet),
        (b'x', NotifyClass::Expired),
        (b'e', NotifyClass::Evicted),
        (b't', NotifyClass::Stream),
        (b'd', NotifyClass::Module),
    ];
    /// The letters outside `A`. (`n` can be set, but Redis 7.0 prints it only where `A` is not complete.)
    const OTHERS: &'static [(u8, NotifyClass)] = &[
        (b'K', NotifyClass::Keyspace),
        (b'E', NotifyClass::Keyevent),
        (b'm', NotifyClass::Miss),
        (b'n', NotifyClass::New),
    ];

    /// Read the letters; `None` if one means nothing.
    pub fn parse(letters: &[u8]) -> Option<Self> {
        let mut events = Self::default();
        for letter in letters {
            if *letter == b'A' {
                Self::ALL.iter().for_each(|(_, class)| events.0 |= *class as u16);
                continue;
            }
            let (_, class) = Self::ALL.iter().chain(Self::OTHERS).find(|(l, _)| l == letter)?;
            events.0 |= *class as u16;
        }
        Some(events)
    }

    /// The letters, as Redis prints them.
    pub fn letters(self) -> String {
        let mut text = String::new();
        if Self::ALL.iter().all(|(_, class)| self.has(*class)) {
            text.push('A');
        } else {
            let n = (b'n', NotifyClass::New);
            let set = Self::ALL.iter().chain([&n]).filter(|(_, class)| self.has(*class));
            set.for_each(|(letter, _)| text.push(char::from(*letter)));
        }
        let printed = Self::OTHERS.iter().filter(|(letter, _)| *letter != b'n');
        printed
            .filter(|(_, class)| self.has(*class))
            .for_each(|(letter, _)| text.push(char::from(*letter)));
        text
    }

    /// Whether events of this class are published.
    pub const fn has(self, class: NotifyClass) -> bool {
        self.0 & class as u16 != 0
    }
}

/// Which program is told how far the process has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Supervised {
    /// upstart.
    Upstart,
    /// systemd.
    Systemd,
    /// The one that has started the process, by its environment.
    Auto,
    /// None.
    #[default]
    No,
}

impl Choice for Supervised {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("upstart", Self::Upstart),
        ("systemd", Self::Systemd),
        ("auto", Self::Auto),
        ("no", Self::No),
    ];
}

/// Where syslog files what it is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SyslogFacility {
    /// Programs of users.
    User,
    /// Free for the site.
    #[default]
    Local0,
    /// Free for the site.
    Local1,
    /// Free for the site.
    Local2,
    /// Free for the site.
    Local3,
    /// Free for the site.
    Local4,
    /// Free for the site.
    Local5,
    /// Free for the site.
    Local6,
    /// Free for the site.
    Local7,
}

impl Choice for SyslogFacility {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("user", Self::User),
        ("local0", Self::Local0),
        ("local1", Self::Local1),
        ("local2", Self::Local2),
        ("local3", Self::Local3),
        ("local4", Self::Local4),
        ("local5", Self::Local5),
        ("local6", Self::Local6),
        ("local7", Self::Local7),
    ];
}

/// How Linux's OOM killer scores are set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OomScoreAdj {
    /// Nothing.
    #[default]
    No,
    /// The scores, added to what the process has.
    Relative,
    /// The scores.
    Absolute,
}

impl Choice for OomScoreAdj {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("no", Self::No),
        ("yes", Self::Relative),
        ("relative", Self::Relative),
        ("absolute", Self::Absolute),
    ];
}

/// Linux's OOM scores of a master, a replica and a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OomScores(pub [i32; 3]);

impl Default for OomScores {
    fn default() -> Self {
        Self([0, 200, 800])
    }
}

/// The percentiles that `INFO latencystats` shows, each in 0.0..=100.0.
#[derive(Clone, Debug, PartialEq)]
pub struct Percentiles(pub Vec<f64>);

impl Default for Percentiles {
    fn default() -> Self {
        Self(alloc::vec![50.0, 99.0, 99.9])
    }
}

//! The configuration as the engine reads it: a field for every directive that has an effect here.
//!
//! The defaults are those of the rows in [`directives`]; nothing is said twice.

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use super::{
    directive::Value,
    directives,
    read_file::{Mode, SentinelLine},
    values::*,
};
use crate::io::Endpoint;

/// All that redis.conf can say, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Ports, limits on clients.
    pub network: Network,
    /// The process, the log, access.
    pub general: General,
    /// RDB and AOF.
    pub persistence: Persistence,
    /// Master and replica.
    pub replication: Replication,
    /// `maxmemory`.
    pub memory: Memory,
    /// What files say that is no directive of CONFIG.
    pub source: Source,
    /// Directives that nothing here obeys, where they differ from their defaults or were set.
    pub(super) kept: BTreeMap<&'static str, Value>,
}

/// Where the configuration comes from, and what stands there that is no directive of CONFIG.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The file, as an absolute path: CONFIG REWRITE and Sentinel write there. `None`: there is none.
    pub file: Option<String>,
    /// Whether a file or the command line said anything.
    pub given: bool,
    /// Server or sentinel.
    pub mode: Mode,
    /// `user` lines: the arguments behind the word.
    pub users: Vec<Vec<Vec<u8>>>,
    /// `rename-command` lines: old and new name; an empty new name removes the command.
    pub renamed_commands: Vec<(Vec<u8>, Vec<u8>)>,
    /// `loadmodule` lines: path and arguments.
    pub modules: Vec<Vec<Vec<u8>>>,
    /// `sentinel` lines, in order.
    pub sentinel: Vec<SentinelLine>,
}

/// Ports, limits on clients.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Network {
    /// The addresses to listen on; a leading `-` means that it is no error if one can't be had. Empty: all.
    pub bind: Vec<String>,
    /// The address that outgoing connections start at.
    pub bind_source_addr: Option<String>,
    /// The TCP port; 0 for none.
    pub port: u16,
    /// The length of the queue of connections not yet accepted.
    pub tcp_backlog: u32,
    /// A socket in the file system beside the port.
    pub unixsocket: Option<String>,
    /// Its mode; 0 leaves it to the umask.
    pub unixsocketperm: u16,
    /// Refuse clients from elsewhere while there is neither a password nor a `bind`.
    pub protected_mode: bool,
    /// Close idle clients after so many seconds; 0: never.
    pub timeout: u32,
    /// Seconds between the TCP keepalive probes; 0: none.
    pub tcp_keepalive: u32,
    /// The largest number of clients.
    pub maxclients: u32,
    /// The largest argument.
    pub proto_max_bulk_len: u64,
    /// The largest request.
    pub client_query_buffer_limit: u64,
    /// What may wait for clients.
    pub output_limits: OutputLimits,
}

/// The process, the log, access.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct General {
    /// How many databases.
    pub databases: u32,
    /// The working directory; after loading, as the operating system names it.
    pub dir: String,
    /// Go into the background.
    pub daemonize: bool,
    /// A file for the process id.
    pub pidfile: Option<String>,
    /// The file to log into; empty: the standard output.
    pub logfile: String,
    /// How much to log.
    pub loglevel: LogLevel,
    /// Begin the log with the logo, wherever it goes.
    pub always_show_logo: bool,
    /// How often per second background work is done.
    pub hz: u32,
    /// The password of the default user.
    pub requirepass: Option<Vec<u8>>,
    /// A file of users, instead of `user` lines.
    pub aclfile: String,
    /// Who may change protected directives.
    pub enable_protected_configs: ProtectedAction,
    /// Who may use DEBUG.
    pub enable_debug_command: ProtectedAction,
    /// Who may use MODULE.
    pub enable_module_command: ProtectedAction,
    /// Which events about keys are published.
    pub notify_keyspace_events: NotifyEvents,
    /// How many keys are tracked for clients at the most; 0: no limit.
    pub tracking_table_max_keys: u64,
    /// Commands that take longer than so many microseconds are in SLOWLOG; -1: none is.
    pub slowlog_log_slower_than: i64,
    /// How many entries SLOWLOG has at the most.
    pub slowlog_max_len: u64,
    /// What takes so many milliseconds is noted by LATENCY; 0: nothing is.
    pub latency_monitor_threshold: u64,
    /// Whether `INFO latencystats` and LATENCY HISTOGRAM are kept.
    pub latency_tracking: bool,
    /// The percentiles of `INFO latencystats`.
    pub latency_percentiles: Percentiles,
    /// How many seconds a node that ends waits for its replicas.
    pub shutdown_timeout: u32,
    /// What SIGINT does.
    pub shutdown_on_sigint: ShutdownOptions,
    /// What SIGTERM does.
    pub shutdown_on_sigterm: ShutdownOptions,
    /// How the OOM killer's scores are set.
    pub oom_score_adj: OomScoreAdj,
    /// Which program is told how far the process has come.
    pub supervised: Supervised,
    /// The processors of the thread that serves clients.
    pub server_cpulist: Option<String>,
    /// The processors of the threads that wait for the disk.
    pub bio_cpulist: Option<String>,
    /// The processors of the threads that rewrite the AOF.
    pub aof_rewrite_cpulist: Option<String>,
    /// The processors of the threads that write a data set.
    pub bgsave_cpulist: Option<String>,
    /// Keep the process's memory in pages of ordinary size where the kernel would use huge ones.
    pub disable_thp: bool,
    /// Write the log to syslog as well.
    pub syslog_enabled: bool,
    /// The name that syslog shows.
    pub syslog_ident: String,
    /// The facility that syslog files it under.
    pub syslog_facility: SyslogFacility,
    /// Linux's OOM scores; there is no child process to have the third.
    pub oom_scores: OomScores,
}

/// RDB and AOF.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Persistence {
    /// When to save by itself.
    pub save: Vec<SavePoint>,
    /// The RDB file's name within the working directory.
    pub dbfilename: String,
    /// Compress strings in it.
    pub rdbcompression: bool,
    /// End it with a checksum, and check that.
    pub rdbchecksum: bool,
    /// Refuse writes after a background save failed.
    pub stop_writes_on_bgsave_error: bool,
    /// Delete the files of full syncs where nothing else persists.
    pub rdb_del_sync_files: bool,
    /// Whether an AOF is written.
    pub appendonly: bool,
    /// How the AOF's files begin.
    pub appendfilename: String,
    /// The directory of the AOF's files within the working directory.
    pub appenddirname: String,
    /// When the AOF is fsynced.
    pub appendfsync: AppendFsync,
    /// Do not fsync the AOF while a child writes.
    pub no_appendfsync_on_rewrite: bool,
    /// Rewrite when the AOF has grown by so many per cent; 0: never by itself.
    pub auto_aof_rewrite_percentage: u32,
    /// And not before it is so large.
    pub auto_aof_rewrite_min_size: u64,
    /// Start though the last file's end is missing.
    pub aof_load_truncated: bool,
    /// The base file is an RDB.
    pub aof_use_rdb_preamble: bool,
    /// Write `#TS:` lines.
    pub aof_timestamp_enabled: bool,
    /// Keep history files (for tests).
    pub aof_disable_auto_gc: bool,
    /// Rest after each key that a child writes (for tests).
    pub rdb_key_save_delay: i32,
    /// Rest after each key or command that is loaded (for tests).
    pub key_load_delay: i32,
    /// So many bytes are loaded between two looks at the clients.
    pub loading_interval_bytes: u64,
}

/// Master and replica.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replication {
    /// The master of this node. REPLICAOF changes it, whether an operator or a sentinel sends it.
    pub replicaof: Option<Endpoint>,
    /// The password for the master.
    pub masterauth: Option<Vec<u8>>,
    /// The user for the master.
    pub masteruser: Option<Vec<u8>>,
    /// Answer though the master is not reached.
    pub serve_stale_data: bool,
    /// Refuse writes from clients.
    pub read_only: bool,
    /// Send full syncs without a file.
    pub diskless_sync: bool,
    /// Wait so many seconds for more replicas before.
    pub diskless_sync_delay: u32,
    /// Whether a data set is read straight from the socket.
    pub diskless_load: DisklessLoad,
    /// Do not wait when so many have come; 0: wait.
    pub diskless_sync_max_replicas: u32,
    /// Seconds between the master's PINGs.
    pub ping_period: u32,
    /// Seconds of silence that end a link.
    pub timeout: u32,
    /// Bytes in the backlog.
    pub backlog_size: u64,
    /// Seconds without replicas after which the backlog goes; 0: never.
    pub backlog_ttl: u64,
    /// For sentinels: lower is preferred, 0 never.
    pub priority: u32,
    /// The address that the replica announces to the master.
    pub announce_ip: Option<String>,
    /// The port that the replica announces to the master; 0: the real one.
    pub announce_port: u16,
    /// Whether sentinels list this replica in their replies.
    pub announced: bool,
    /// Refuse writes when fewer good replicas are there; 0: never.
    pub min_replicas_to_write: u32,
    /// A good replica was heard of within so many seconds.
    pub min_replicas_max_lag: u32,
}

/// `maxmemory`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    /// The limit in bytes; 0: none.
    pub maxmemory: u64,
    /// What to do at the limit.
    pub policy: MaxmemoryPolicy,
    /// How many keys an eviction looks at.
    pub samples: u32,
    /// How long one command evicts: 0 to 100.
    pub eviction_tenacity: u32,
    /// How much less probable each step makes it that a use raises a key's counter.
    pub lfu_log_factor: u32,
    /// Minutes without a use that lower a key's counter by one; 0: none do.
    pub lfu_decay_time: u32,
    /// A HyperLogLog that would be longer is written densely.
    pub hll_sparse_max_bytes: u64,
}

impl Default for Config {
    /// Redis 7.0.15 without a configuration file.
    fn default() -> Self {
        let mut config = Self {
            network: Network { bind: alloc::vec!["*".into(), "-::*".into()], ..Network::default() },
            general: General { dir: ".".into(), ..General::default() },
            persistence: Persistence {
                save: [(3600, 1), (300, 100), (60, 10_000)]
                    .map(|(seconds, changes)| SavePoint { seconds, changes })
                    .into(),
                ..Persistence::default()
            },
            replication: Replication::default(),
            memory: Memory::default(),
            source: Source::default(),
            kept: BTreeMap::new(),
        };
        for directive in directives::all() {
            directive.reset(&mut config);
        }
        config
    }
}

impl Config {
    /// What a sentinel starts from: its own port, and open to others.
    pub fn for_sentinel() -> Self {
        let mut config = Self::default();
        config.network.port = 26379;
        config.network.protected_mode = false;
        config.source.mode = Mode::Sentinel;
        config
    }
}

/// How a field takes and gives the values of its directive. `T` is what the row's kind works with.
pub trait Holds<T> {
    /// The value, as the kind sees it.
    fn read(&self) -> T;
    /// Take a value that the row has checked.
    fn write(&mut self, value: T);
}

impl Holds<bool> for bool {
    fn read(&self) -> bool {
        *self
    }
    fn write(&mut self, value: bool) {
        *self = value;
    }
}

impl<N> Holds<i128> for N
where
    N: Copy + Default + Into<i128> + TryFrom<i128>,
{
    fn read(&self) -> i128 {
        (*self).into()
    }
    /// A row's bounds fit its field (a test sees to it), so the conversion succeeds.
    fn write(&mut self, value: i128) {
        *self = value.try_into().unwrap_or_default();
    }
}

impl<C: Choice> Holds<usize> for C {
    fn read(&self) -> usize {
        C::WORDS.iter().position(|(_, value)| value == self).unwrap_or_default()
    }
    fn write(&mut self, at: usize) {
        if let Some((_, value)) = C::WORDS.get(at) {
            *self = *value;
        }
    }
}

impl Holds<Option<Vec<u8>>> for Option<Vec<u8>> {
    fn read(&self) -> Option<Vec<u8>> {
        self.clone()
    }
    fn write(&mut self, value: Option<Vec<u8>>) {
        *self = value;
    }
}

impl Holds<Option<Vec<u8>>> for Option<String> {
    fn read(&self) -> Option<Vec<u8>> {
        self.as_ref().map(|text| text.as_bytes().to_vec())
    }
    fn write(&mut self, value: Option<Vec<u8>>) {
        *self = value.map(|text| String::from_utf8_lossy(&text).into_owned());
    }
}

impl Holds<Option<Vec<u8>>> for String {
    fn read(&self) -> Option<Vec<u8>> {
        Some(self.as_bytes().to_vec())
    }
    fn write(&mut self, value: Option<Vec<u8>>) {
        *self = String::from_utf8_lossy(&value.unwrap_or_default()).into_owned();
    }
}

/// The place of a directive that has a field: `field!(persistence.appendonly)`.
macro_rules! field {
    ($family:ident . $name:ident) => {
        $crate::config::directive::Place::Field {
            get: |config| $crate::config::fields::Holds::read(&config.$family.$name),
            set: |config, value| {
                $crate::config::fields::Holds::write(&mut config.$family.$name, value)
            },
        }
    };
}
pub(crate) use field;

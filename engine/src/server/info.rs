//! INFO: the server described, a section at a time, fields and order as in Redis 7.0.15.
//!
//! Sections that belong to a subsystem are written there: `Persistence::info`, `Replication::info`.

use alloc::{format, string::String};
use core::fmt::Write as _;

use super::{Server, VERSION};
use crate::{
    config::percentile_text,
    persistence::info_fields::Others,
    session::{Client, ClientKind, pubsub::Kind},
    turn::Turn,
};

/// A section: what it is asked for by, its heading, whether it is shown unasked, and the function that writes it.
struct Section {
    name: &'static str,
    title: &'static str,
    /// Shown by a bare INFO; the others by `INFO all` or by name.
    default: bool,
    write: fn(&Server, &Turn, &mut String),
}

const fn section(
    name: &'static str,
    title: &'static str,
    default: bool,
    write: fn(&Server, &Turn, &mut String),
) -> Section {
    Section { name, title, default, write }
}

/// In Redis's order.
const SECTIONS: &[Section] = &[
    section("server", "Server", true, Server::info_server),
    section("clients", "Clients", true, Server::info_clients),
    section("memory", "Memory", true, Server::info_memory),
    section("persistence", "Persistence", true, Server::info_persistence),
    section("stats", "Stats", true, Server::info_stats),
    section("replication", "Replication", true, Server::info_replication),
    section("cpu", "CPU", true, Server::info_cpu),
    section("modules", "Modules", true, |_, _, _| ()),
    section("commandstats", "Commandstats", false, Server::info_commandstats),
    section("errorstats", "Errorstats", true, Server::info_errorstats),
    section("latencystats", "Latencystats", false, Server::info_latencystats),
    section("cluster", "Cluster", true, |_, _, out| out.push_str("cluster_enabled:0\r\n")),
    section("keyspace", "Keyspace", true, Server::info_keyspace),
];

/// The sections of a sentinel; its own comes last.
const SENTINEL_SECTIONS: &[&str] = &["server", "clients", "cpu", "stats"];

impl Server {
    /// The text of INFO for these sections; none stands for the usual ones.
    pub fn info(&self, turn: &Turn, asked: &[String]) -> String {
        let has = |name: &str| asked.iter().any(|word| word == name);
        let everything = has("all") || has("everything");
        let usual = asked.is_empty() || has("default");
        let mut text = String::new();
        let begin = |text: &mut String, title: &str| {
            if !text.is_empty() {
                text.push_str("\r\n");
            }
            let _ = write!(text, "# {title}\r\n");
        };
        for section in SECTIONS {
            let known = self.sentinel.is_none() || SENTINEL_SECTIONS.contains(&section.name);
            if known && (everything || (usual && section.default) || has(section.name)) {
                begin(&mut text, section.title);
                (section.write)(self, turn, &mut text);
            }
        }
        if let Some(sentinel) = &self.sentinel
            && (everything || usual || has("sentinel"))
        {
            begin(&mut text, "Sentinel");
            sentinel.info(turn.clock.mono, &mut text);
        }
        text
    }

    fn info_server(&self, turn: &Turn, out: &mut String) {
        let uptime = turn.clock.mono.since(self.born).as_secs();
        // Facts about the machine stay out: a sentinel reads this text, and a run must be the same in the browser.
        let bits = 64;
        let hz = turn.config.general.hz;
        let mode = if self.sentinel.is_some() { "sentinel" } else { "standalone" };
        lines(
            out,
            &[
                ("redis_version", VERSION.into()),
                ("redis_git_sha1", "00000000".into()),
                ("redis_git_dirty", "0".into()),
                ("redis_build_id", "6b65657073616b65".into()),
                ("redis_mode", mode.into()),
                ("os", "Keepsake".into()),
                ("arch_bits", format!("{bits}")),
                ("monotonic_clock", "given".into()),
                ("multiplexing_api", "none".into()),
                ("atomicvar_api", "none".into()),
                ("gcc_version", "0.0.0".into()),
                ("process_id", format!("{}", turn.ids.pid)),
                ("process_supervised", self.machine.process_supervised().into()),
                ("run_id", self.run_id.clone()),
                ("tcp_port", format!("{}", turn.config.network.port)),
                ("server_time_usec", format!("{}", turn.clock.wall.0)),
                ("uptime_in_seconds", format!("{uptime}")),
                ("uptime_in_days", format!("{}", uptime / 86_400)),
                ("hz", format!("{hz}")),
                ("configured_hz", format!("{hz}")),
                ("lru_clock", format!("{}", self.access_clock.second())),
                ("executable", self.machine.executable.clone()),
                ("config_file", turn.config.source.file.clone().unwrap_or_default()),
                ("io_threads_active", "0".into()),
            ],
        );
        if let Some(ends_at) = self.ends_at() {
            let left = ends_at.since(turn.clock.mono).as_millis();
            lines(out, &[("shutdown_in_milliseconds", format!("{left}"))]);
        }
    }

    fn info_clients(&self, turn: &Turn, out: &mut String) {
        let replicas = self.clients.iter().filter(|c| c.kind == ClientKind::Replica).count();
        let blocked = self.clients.iter().filter(|c| c.blocked().is_some()).count();
        let in_timeout_table = self.clients.waits().with_deadline();
        let masters = usize::from(self.master_client().is_some());
        let largest = |size: fn(&Client) -> usize| self.clients.iter().map(size).max().unwrap_or(0);
        numbers(
            out,
            &[
                ("connected_clients", (self.clients.len() + masters - replicas) as u64),
                ("cluster_connections", 0),
                ("maxclients", u64::from(turn.config.network.maxclients)),
                ("client_recent_max_input_buffer", largest(|c| c.input.len()) as u64),
                ("client_recent_max_output_buffer", largest(|c| c.output.bytes.len()) as u64),
                ("blocked_clients", blocked as u64),
                ("tracking_clients", self.tracking.counts()[0]),
                ("clients_in_timeout_table", in_timeout_table as u64),
            ],
        );
    }

    fn info_memory(&self, turn: &Turn, out: &mut String) {
        let used = self.used_memory();
        let data = self.keyspace.approximate_bytes();
        let peak = self.peak_memory.max(used);
        let percent = |part: u64, whole: u64| {
            if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
        };
        let sized = |out: &mut String, name: &str, bytes: u64| {
            let _ = write!(out, "{name}:{bytes}\r\n{name}_human:{}\r\n", human(bytes));
        };
        sized(out, "used_memory", used);
        let resident = self.machine.resident_bytes(used);
        sized(out, "used_memory_rss", resident);
        sized(out, "used_memory_peak", peak);
        let _ = write!(out, "used_memory_peak_perc:{:.2}%\r\n", percent(used, peak));
        numbers(
            out,
            &[
                ("used_memory_overhead", used - data),
                ("used_memory_startup", 0),
                ("used_memory_dataset", data),
            ],
        );
        let _ = write!(out, "used_memory_dataset_perc:{:.2}%\r\n", percent(data, used));
        numbers(
            out,
            &[
                ("allocator_allocated", used),
                ("allocator_active", used),
                ("allocator_resident", resident),
            ],
        );
        sized(out, "total_system_memory", self.machine.total_memory);
        zeros(out, "used_memory_lua used_memory_vm_eval");
        out.push_str("used_memory_lua_human:0B\r\n");
        zeros(out, "used_memory_scripts_eval number_of_cached_scripts number_of_functions");
        zeros(out, "number_of_libraries used_memory_vm_functions");
        sized(out, "used_memory_vm_total", 0);
        zeros(out, "used_memory_functions");
        sized(out, "used_memory_scripts", 0);
        sized(out, "maxmemory", turn.config.memory.maxmemory);
        self.info_memory_policy(turn, out);
    }

    /// The rest of `INFO memory`: policy, fragmentation (between the engine's estimate and the process), buffers.
    fn info_memory_policy(&self, turn: &Turn, out: &mut String) {
        let policy = turn.config.get(&[b"maxmemory-policy"]).pop().unwrap_or_default().1;
        let _ = write!(out, "maxmemory_policy:{}\r\n", String::from_utf8_lossy(&policy));
        let used = self.used_memory();
        let resident = self.machine.resident_bytes(used);
        for (name, whole) in [
            ("allocator_frag", used),
            ("allocator_rss", resident),
            ("rss_overhead", used),
            ("mem_fragmentation", resident),
        ] {
            let ratio = whole as f64 / used.max(1) as f64;
            let bytes = whole.cast_signed() - used.cast_signed();
            let _ = write!(out, "{name}_ratio:{ratio:.2}\r\n{name}_bytes:{bytes}\r\n");
        }
        let overhead = self.overhead();
        // One buffer serves the backlog and all replicas.
        let buffers = self.replication.backlog.as_ref().map_or(0, |backlog| backlog.memory());
        numbers(
            out,
            &[
                ("mem_not_counted_for_evict", self.uncounted_memory()),
                ("mem_replication_backlog", overhead.backlog),
                ("mem_total_replication_buffers", buffers),
                ("mem_clients_slaves", overhead.replicas),
                ("mem_clients_normal", overhead.normal),
            ],
        );
        zeros(out, "mem_cluster_links");
        numbers(out, &[("mem_aof_buffer", overhead.aof)]);
        out.push_str("mem_allocator:libc\r\n");
        zeros(out, "active_defrag_running lazyfree_pending_objects lazyfreed_objects");
    }

    fn info_stats(&self, turn: &Turn, out: &mut String) {
        let stats = &self.stats;
        let rates = stats.rates(turn.clock.mono);
        numbers(
            out,
            &[
                ("total_connections_received", stats.connections_received),
                ("total_commands_processed", stats.commands_processed),
                ("instantaneous_ops_per_sec", rates.commands),
                ("total_net_input_bytes", stats.net_input_bytes),
                ("total_net_output_bytes", stats.net_output_bytes),
                ("total_net_repl_input_bytes", stats.net_repl_input_bytes),
                ("total_net_repl_output_bytes", stats.net_repl_output_bytes),
            ],
        );
        let kilobytes = |bytes: u64| format!("{:.2}", bytes as f64 / 1024.0);
        lines(
            out,
            &[
                ("instantaneous_input_kbps", kilobytes(rates.input)),
                ("instantaneous_output_kbps", kilobytes(rates.output)),
                ("instantaneous_input_repl_kbps", "0.00".into()),
                ("instantaneous_output_repl_kbps", "0.00".into()),
            ],
        );
        numbers(
            out,
            &[
                ("rejected_connections", stats.rejected_connections),
                ("sync_full", self.replication.stats.full),
                ("sync_partial_ok", self.replication.stats.partial_ok),
                ("sync_partial_err", self.replication.stats.partial_err),
                ("expired_keys", stats.expired_keys),
            ],
        );
        self.info_stats_of_keys(out);
    }

    /// The rest of `INFO stats`: keys, channels, and fields without a counterpart in this engine.
    fn info_stats_of_keys(&self, out: &mut String) {
        let stats = &self.stats;
        out.push_str("expired_stale_perc:0.00\r\n");
        numbers(
            out,
            &[
                ("expired_time_cap_reached_count", stats.expired_time_cap_reached),
                ("expire_cycle_cpu_milliseconds", 0),
                ("evicted_keys", stats.evicted_keys),
            ],
        );
        zeros(out, "evicted_clients total_eviction_exceeded_time current_eviction_exceeded_time");
        numbers(
            out,
            &[
                ("keyspace_hits", stats.keyspace_hits),
                ("keyspace_misses", stats.keyspace_misses),
                ("pubsub_channels", self.pubsub.of(Kind::Channel).len() as u64),
                ("pubsub_patterns", self.pubsub.of(Kind::Pattern).len() as u64),
                ("pubsubshard_channels", self.pubsub.of(Kind::Shard).len() as u64),
                ("latest_fork_usec", 0),
                ("total_forks", stats.total_forks),
            ],
        );
        zeros(out, "migrate_cached_sockets slave_expires_tracked_keys active_defrag_hits");
        zeros(out, "active_defrag_misses active_defrag_key_hits active_defrag_key_misses");
        zeros(out, "total_active_defrag_time current_active_defrag_time");
        let [_, keys, items, prefixes] = self.tracking.counts();
        numbers(
            out,
            &[
                ("tracking_total_keys", keys),
                ("tracking_total_items", items),
                ("tracking_total_prefixes", prefixes),
                ("unexpected_error_replies", 0),
            ],
        );
        numbers(
            out,
            &[
                ("total_error_replies", stats.error_replies),
                ("dump_payload_sanitizations", 0),
                ("total_reads_processed", stats.reads_processed),
                ("total_writes_processed", stats.writes_processed),
            ],
        );
        zeros(out, "io_threaded_reads_processed io_threaded_writes_processed");
        zeros(out, "reply_buffer_shrinks reply_buffer_expands");
    }

    fn info_persistence(&self, turn: &Turn, out: &mut String) {
        let others = Others {
            loading: self.is_loading(),
            loading_aside: self.replication.is_loading_aside(),
            full_sync: self.replication.full_sync.is_some(),
            copied: self.keyspace.copied().bytes,
            changes: self.dirty,
            keys_loaded: self.replication.keys_loaded(),
        };
        let now = turn.clock.mono;
        self.persistence.info(now, &others, out);
        self.replication.loading_info(now, &mut |name, value| {
            let _ = write!(out, "{name}:{value}\r\n");
        });
    }

    fn info_replication(&self, turn: &Turn, out: &mut String) {
        out.push_str(&self.replication.info(turn.clock.mono, &turn.config));
    }

    /// The engine knows no CPU: its steps take no time of their own.
    fn info_cpu(&self, _: &Turn, out: &mut String) {
        for name in
            ["sys", "user", "sys_children", "user_children", "sys_main_thread", "user_main_thread"]
        {
            let _ = write!(out, "used_cpu_{name}:0.000000\r\n");
        }
    }

    fn info_commandstats(&self, _: &Turn, out: &mut String) {
        for (row, counts) in self.command_stats.by_name(self.commands.table()) {
            let _ = write!(
                out,
                "cmdstat_{}:calls={},usec={},usec_per_call={:.2},rejected_calls={},failed_calls={}\r\n",
                row.full_name(),
                counts.calls,
                counts.micros,
                counts.micros as f64 / counts.calls.max(1) as f64,
                counts.rejected,
                counts.failed
            );
        }
    }

    fn info_latencystats(&self, turn: &Turn, out: &mut String) {
        if !turn.config.general.latency_tracking {
            return;
        }
        for (row, counts) in self.command_stats.by_name(self.commands.table()) {
            if counts.durations.total() == 0 {
                continue;
            }
            let _ = write!(out, "latency_percentiles_usec_{}:", row.full_name());
            for (n, percent) in turn.config.general.latency_percentiles.0.iter().enumerate() {
                let comma = if n > 0 { "," } else { "" };
                let micros = counts.durations.percentile(*percent);
                let _ = write!(out, "{comma}p{}={micros:.3}", percentile_text(percent));
            }
            out.push_str("\r\n");
        }
    }

    fn info_errorstats(&self, _: &Turn, out: &mut String) {
        for (code, count) in self.error_stats.iter() {
            let _ = write!(out, "errorstat_{code}:count={count}\r\n");
        }
    }

    fn info_keyspace(&self, turn: &Turn, out: &mut String) {
        for (number, db) in self.keyspace.iter().enumerate().filter(|(_, db)| !db.is_empty()) {
            let _ = write!(
                out,
                "db{number}:keys={},expires={},avg_ttl={}\r\n",
                db.len(),
                db.expiring(),
                db.average_ttl(turn.clock.wall.as_millis())
            );
        }
    }
}

/// `name:text` lines.
pub(crate) fn lines(out: &mut String, fields: &[(&str, String)]) {
    for (name, text) in fields {
        let _ = write!(out, "{name}:{text}\r\n");
    }
}

/// `name:number` lines.
pub(crate) fn numbers(out: &mut String, fields: &[(&str, u64)]) {
    for (name, number) in fields {
        let _ = write!(out, "{name}:{number}\r\n");
    }
}

/// Fields of Redis without a counterpart in this engine: 0.
fn zeros(out: &mut String, names: &str) {
    for name in names.split(' ') {
        let _ = write!(out, "{name}:0\r\n");
    }
}

/// Bytes in a unit that is easy to read: `943.25K`.
fn human(bytes: u64) -> String {
    const UNITS: [char; 5] = ['K', 'M', 'G', 'T', 'P'];
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    let mut size = bytes as f64;
    let mut unit = 'B';
    for next in UNITS {
        if size < 1024.0 {
            break;
        }
        size /= 1024.0;
        unit = next;
    }
    format!("{size:.2}{unit}")
}

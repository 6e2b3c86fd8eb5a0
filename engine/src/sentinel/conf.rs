//! sentinel.conf: every `sentinel …` line, read and written.
//!
//! The file holds configuration and state: what an operator wrote stands beside what the sentinel has learnt and voted. It
//! is rewritten at every change of state, so that a sentinel that is started again knows its masters, its replicas, its
//! peers, its epochs and its vote.
//!
//! Lines are read in three passes, as they depend on each other: what concerns the sentinel as a whole, then `monitor`, then
//! what concerns a master.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};
use core::net::IpAddr;

use super::{
    Sentinel,
    hello::parse_port,
    instance::{Instance, Master, MasterOptions, Who},
};
use crate::{
    config::{Config, LoadError, SentinelLine, Source},
    io::Endpoint,
    time::Instant,
};

/// Lines that are read before `monitor`.
const GLOBAL: [&str; 9] = [
    "announce-ip",
    "announce-port",
    "deny-scripts-reconfig",
    "sentinel-user",
    "sentinel-pass",
    "current-epoch",
    "myid",
    "resolve-hostnames",
    "announce-hostnames",
];

/// Every option that a `sentinel` line can have: a rewrite replaces the old lines of these.
pub static OPTIONS: [&str; 25] = [
    "monitor",
    "down-after-milliseconds",
    "failover-timeout",
    "parallel-syncs",
    "notification-script",
    "client-reconfig-script",
    "auth-pass",
    "auth-user",
    "config-epoch",
    "leader-epoch",
    "known-replica",
    "known-slave",
    "known-sentinel",
    "rename-command",
    "master-reboot-down-after-period",
    "announce-ip",
    "announce-port",
    "deny-scripts-reconfig",
    "sentinel-user",
    "sentinel-pass",
    "current-epoch",
    "myid",
    "resolve-hostnames",
    "announce-hostnames",
    "reconfig-script",
];

/// What is wrong with a line, in Redis's words.
pub type Wrong = &'static str;

/// A number as `atoi` and `strtoll` of C read it: the digits at the beginning, else 0.
fn lenient(text: &str) -> i64 {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let n: i64 = digits[..end].parse().unwrap_or(if end > 0 { i64::MAX } else { 0 });
    if text.starts_with('-') { -n } else { n }
}

/// A name that could be a host's.
fn is_name(host: &str) -> bool {
    let ok = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    !host.is_empty() && host.len() < 256 && host.bytes().all(ok)
}

impl Sentinel {
    /// A sentinel as its file describes it.
    ///
    /// # Errors
    /// The first line that is wrong, and how.
    pub fn load(config: &Config) -> Result<Self, LoadError> {
        let Source { file, sentinel: lines, .. } = &config.source;
        let mut sentinel = Self {
            my_id: String::new(),
            epoch: 0,
            masters: BTreeMap::new(),
            scripts: super::scripts::Scripts::default(),
            options: super::Options { deny_scripts_reconfig: true, ..Default::default() },
            periods: super::Periods::default(),
            simulated: super::Simulated::default(),
            links: super::Links::default(),
            tilt: super::tilt::Tilt::default(),
            save: super::conf_save::Save::to(file.clone()),
            port: config.network.port,
            own_pass: config
                .general
                .requirepass
                .as_deref()
                .map(|pass| String::from_utf8_lossy(pass).into()),
        };
        for pass in 0..3 {
            for line in lines.iter().filter(|line| pass_of(line) == pass) {
                sentinel.read_line(line).map_err(|what| LoadError::Refused {
                    file: file.clone(),
                    line: Some((line.number, String::from_utf8_lossy(&line.text).into_owned())),
                    what: what.into(),
                })?;
            }
        }
        Ok(sentinel)
    }

    fn read_line(&mut self, line: &SentinelLine) -> Result<(), Wrong> {
        let args: Vec<String> =
            line.args.iter().map(|arg| String::from_utf8_lossy(arg).into_owned()).collect();
        let mut words: Vec<&str> = args.iter().map(String::as_str).collect();
        let option = words.first().map(|word| word.to_ascii_lowercase()).unwrap_or_default();
        if let Some(first) = words.first_mut() {
            *first = &option;
        }
        match words[..] {
            ["monitor", name, host, port, quorum] => {
                let quorum = lenient(quorum);
                let port = u16::try_from(lenient(port)).ok();
                self.monitor(name, host, port, quorum, Instant(0)).map(|_| ())
            }
            [option, value] if GLOBAL.contains(&option) => self.read_global(option, value),
            [option, name, ref values @ ..] => self.read_of_master(option, name, values),
            _ => Err("Unrecognized sentinel configuration statement."),
        }
    }

    /// Watch a master.
    pub(crate) fn monitor(
        &mut self,
        name: &str,
        host: &str,
        port: Option<u16>,
        quorum: i64,
        now: Instant,
    ) -> Result<Who, Wrong> {
        let quorum = u32::try_from(quorum).ok().filter(|n| *n > 0);
        let quorum = quorum.ok_or("Quorum must be 1 or greater.")?;
        let addr = self.address(host, port)?;
        if self.masters.contains_key(name) {
            return Err("Duplicate master name.");
        }
        let options = MasterOptions {
            quorum,
            down_after: self.periods.default_down_after,
            failover_timeout: self.periods.default_failover_timeout,
            parallel_syncs: 1,
            auth_pass: None,
            auth_user: None,
            renamed: BTreeMap::new(),
            notification_script: None,
            client_reconfig_script: None,
            reboot_down_after: 0,
        };
        let inst = Instance::new(name.into(), addr, self.links.add(true, now), now);
        self.masters.insert(name.into(), Master::new(inst, options, now));
        Ok(Who::Master(name.into()))
    }

    fn address(&self, host: &str, port: Option<u16>) -> Result<Endpoint, Wrong> {
        let port = port.ok_or("Invalid port number.")?;
        if !self.is_host(host) {
            return Err("Can't resolve instance hostname.");
        }
        Ok(Endpoint::new(host, port))
    }

    /// Whether this can stand for a host: a number, or with `resolve-hostnames` a name.
    pub(crate) fn is_host(&self, host: &str) -> bool {
        host.parse::<IpAddr>().is_ok() || self.options.resolve_hostnames && is_name(host)
    }

    fn read_global(&mut self, option: &str, value: &str) -> Result<(), Wrong> {
        let text = || Some(String::from(value)).filter(|text| !text.is_empty());
        let yes_no = |wrong| match () {
            () if value.eq_ignore_ascii_case("yes") => Ok(true),
            () if value.eq_ignore_ascii_case("no") => Ok(false),
            () => Err(wrong),
        };
        let options = &mut self.options;
        match option {
            "announce-ip" => options.announce_ip = text(),
            "announce-port" => {
                options.announce_port = u16::try_from(lenient(value)).unwrap_or_default();
            }
            "deny-scripts-reconfig" => {
                options.deny_scripts_reconfig =
                    yes_no("Please specify yes or no for the deny-scripts-reconfig options.")?;
            }
            "sentinel-user" => options.sentinel_user = text(),
            "sentinel-pass" => options.sentinel_pass = text(),
            "current-epoch" => {
                self.epoch = self.epoch.max(u64::try_from(lenient(value)).unwrap_or_default());
            }
            "myid" if value.len() == 40 => self.my_id = value.into(),
            "myid" => return Err("Malformed Sentinel id in myid option."),
            "resolve-hostnames" => {
                options.resolve_hostnames =
                    yes_no("Please specify yes or no for the resolve-hostnames option.")?;
            }
            _ => {
                options.announce_hostnames =
                    yes_no("Please specify yes or no for the announce-hostnames option.")?;
            }
        }
        Ok(())
    }

    fn read_of_master(&mut self, option: &str, name: &str, values: &[&str]) -> Result<(), Wrong> {
        const NO_MASTER: Wrong = "No such master with specified name.";
        match (option, values) {
            ("known-replica" | "known-slave", [host, port]) => {
                self.masters.get(name).ok_or(NO_MASTER)?;
                let addr = self.address(host, parse_port(port.as_bytes()))?;
                let added = self.insert_replica(name, addr, Instant(0));
                return added.map(|_| ()).ok_or("Duplicate hostname and port for replica.");
            }
            ("known-sentinel", [_, _]) => return Ok(()),
            ("known-sentinel", [host, port, id]) => {
                let master = self.masters.get(name).ok_or(NO_MASTER)?;
                if master.sentinels.contains_key(*id) {
                    return Err("Duplicate runid for sentinel.");
                }
                let addr = self.address(host, parse_port(port.as_bytes()))?;
                self.insert_peer(name, id, addr, Instant(0));
                return Ok(());
            }
            _ => {}
        }
        let known = OPTIONS.contains(&option) && !GLOBAL.contains(&option);
        let takes = if option == "rename-command" { 2 } else { 1 };
        if !known || values.len() != takes {
            return Err("Unrecognized sentinel configuration statement.");
        }
        let master = self.masters.get_mut(name).ok_or(NO_MASTER)?;
        read_option(master, option, values)?;
        self.epoch = self.epoch.max(master.config_epoch).max(master.leader_epoch);
        Ok(())
    }
}

fn read_option(master: &mut Master, option: &str, values: &[&str]) -> Result<(), Wrong> {
    let first = values.first().copied().unwrap_or_default();
    let number = lenient(first);
    let positive =
        || u64::try_from(number).ok().filter(|n| *n > 0).ok_or("negative or zero time parameter.");
    let options = &mut master.options;
    match option {
        "down-after-milliseconds" => options.down_after = positive()?,
        "failover-timeout" => options.failover_timeout = positive()?,
        "master-reboot-down-after-period" => {
            options.reboot_down_after =
                u64::try_from(number).map_err(|_| "negative time parameter.")?;
        }
        "parallel-syncs" => options.parallel_syncs = u32::try_from(number).unwrap_or_default(),
        "notification-script" => options.notification_script = Some(first.into()),
        "client-reconfig-script" => options.client_reconfig_script = Some(first.into()),
        "auth-pass" => options.auth_pass = Some(first.into()),
        "auth-user" => options.auth_user = Some(first.into()),
        "config-epoch" => master.config_epoch = u64::try_from(number).unwrap_or_default(),
        "leader-epoch" => master.leader_epoch = u64::try_from(number).unwrap_or_default(),
        "rename-command" => {
            let new = values.get(1).copied().unwrap_or_default();
            let old = options.renamed.insert(first.to_ascii_lowercase(), new.into());
            if old.is_some() {
                return Err("Same command renamed multiple times with rename-command.");
            }
        }
        _ => return Err("Unrecognized sentinel configuration statement."),
    }
    Ok(())
}

fn pass_of(line: &SentinelLine) -> u32 {
    let option = line.args.first().map(|arg| arg.to_ascii_lowercase()).unwrap_or_default();
    match () {
        () if GLOBAL.iter().any(|global| global.as_bytes() == option) => 0,
        () if option == b"monitor" => 1,
        () => 2,
    }
}

impl Sentinel {
    /// All `sentinel` lines as they are to stand in the file, without that word, in Redis's order.
    pub fn lines(&self) -> Vec<Vec<u8>> {
        let mut lines = Lines(Vec::new());
        let yes = "yes".into();
        lines.put("myid", core::slice::from_ref(&self.my_id));
        if !self.options.deny_scripts_reconfig {
            lines.put("deny-scripts-reconfig", &["no".into()]);
        }
        if self.options.resolve_hostnames {
            lines.put("resolve-hostnames", core::slice::from_ref(&yes));
        }
        if self.options.announce_hostnames {
            lines.put("announce-hostnames", core::slice::from_ref(&yes));
        }
        for (name, master) in &self.masters {
            self.lines_of_master(name, master, &mut lines);
        }
        lines.put("current-epoch", &[format!("{}", self.epoch)]);
        let options = &self.options;
        if let Some(host) = &options.announce_ip {
            lines.put_quoted("announce-ip", &[], host);
        }
        if options.announce_port != 0 {
            lines.put("announce-port", &[format!("{}", options.announce_port)]);
        }
        if let Some(user) = &options.sentinel_user {
            lines.put("sentinel-user", core::slice::from_ref(user));
        }
        if let Some(pass) = &options.sentinel_pass {
            lines.put("sentinel-pass", core::slice::from_ref(pass));
        }
        lines.0
    }

    fn lines_of_master(&self, name: &str, master: &Master, lines: &mut Lines) {
        let name = String::from(name);
        let MasterOptions {
            quorum,
            down_after,
            failover_timeout,
            parallel_syncs,
            auth_pass,
            auth_user,
            renamed,
            notification_script,
            client_reconfig_script,
            reboot_down_after,
        } = &master.options;
        let mut put = |option: &str, values: &[String]| {
            let all: Vec<String> =
                core::iter::once(name.clone()).chain(values.iter().cloned()).collect();
            lines.put(option, &all);
        };
        let number = |n: u64| [format!("{n}")];
        let (host, port) = self.current_address(master);
        put("monitor", &[host.clone(), format!("{port}"), format!("{quorum}")]);
        let numbers = [
            ("down-after-milliseconds", *down_after, self.periods.default_down_after),
            ("failover-timeout", *failover_timeout, self.periods.default_failover_timeout),
            ("parallel-syncs", u64::from(*parallel_syncs), 1),
        ];
        for (option, value, default) in numbers {
            if value != default {
                put(option, &number(value));
            }
        }
        let texts = [
            ("notification-script", notification_script),
            ("client-reconfig-script", client_reconfig_script),
            ("auth-pass", auth_pass),
            ("auth-user", auth_user),
        ];
        for (option, value) in texts {
            if let Some(value) = value {
                put(option, core::slice::from_ref(value));
            }
        }
        if *reboot_down_after != 0 {
            put("master-reboot-down-after-period", &number(*reboot_down_after));
        }
        put("config-epoch", &number(master.config_epoch));
        put("leader-epoch", &number(master.leader_epoch));
        for replica in master.replicas.values() {
            // The promoted one stands as the master already; the old master stands in its place.
            let is_master = replica.inst.is_at(&host, port);
            let inst = if is_master { &master.inst } else { &replica.inst };
            let (host, port) = self.shown(inst);
            put("known-replica", &[host, format!("{port}")]);
        }
        for (id, peer) in &master.sentinels {
            let (host, port) = self.shown(&peer.inst);
            put("known-sentinel", &[host, format!("{port}"), id.clone()]);
        }
        for (old, new) in renamed {
            put("rename-command", &[old.clone(), new.clone()]);
        }
    }
}

/// Lines of the file.
struct Lines(Vec<Vec<u8>>);

impl Lines {
    /// A word with white space or quotes in it is quoted, so that it is read back as one.
    fn put(&mut self, option: &str, values: &[String]) {
        let mut line = Vec::from(option.as_bytes());
        for value in values {
            line.push(b' ');
            let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'\'' | b'\\');
            if !value.is_empty() && value.bytes().all(plain) {
                line.extend_from_slice(value.as_bytes());
            } else {
                line.extend(crate::config::directive::quoted(value.as_bytes()));
            }
        }
        self.0.push(line);
    }

    /// A line whose last word Redis always quotes.
    fn put_quoted(&mut self, option: &str, values: &[String], last: &str) {
        self.put(option, values);
        if let Some(line) = self.0.last_mut() {
            line.push(b' ');
            line.extend(crate::config::directive::quoted(last.as_bytes()));
        }
    }
}

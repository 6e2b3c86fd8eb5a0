//! The instances that a sentinel watches: masters, their replicas, and the other sentinels of each master.
//!
//! ```text
//!   Sentinel ─ masters ─┬─ mymaster ─┬─ replicas  127.0.0.1:7002, 127.0.0.1:7003
//!                       │            └─ sentinels 68dffb93…, f5352972…
//!                       └─ cache …
//! ```
//!
//! What a sentinel knows of its peers it knows *per master*: each of them stands once under every master that both
//! watch, with its opinion about that master and its vote.

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use super::{failover::Failover, links::LinkId};
use crate::{io::Endpoint, time::Instant};

pub use crate::trace::instance::{Kind, Role};

/// The name of an instance. The instance may be gone when a reply to it comes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// The master of this name.
    Master(String),
    /// The replica of this master under this `host:port`.
    Replica(String, String),
    /// The sentinel of this master with this id.
    Peer(String, String),
}

impl Who {
    /// The name of the master, or of the master of that replica or sentinel.
    pub fn master(&self) -> &str {
        match self {
            Self::Master(name) | Self::Replica(name, _) | Self::Peer(name, _) => name,
        }
    }

    /// What sort of instance it is.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Master(_) => Kind::Master,
            Self::Replica(..) => Kind::Replica,
            Self::Peer(..) => Kind::Sentinel,
        }
    }
}

/// What is kept of every instance.
#[derive(Clone, Debug)]
pub struct Instance {
    /// A master's name, a replica's `host:port`, a sentinel's id.
    pub name: String,
    /// Its address as it was configured or announced: the host may be a name.
    pub addr: Endpoint,
    /// What the host name resolved to, once a connection was made.
    pub ip: Option<String>,
    /// The run id of its present life (of a sentinel: its id).
    pub run_id: Option<String>,
    /// Its connections; sentinels that stand under several masters share theirs.
    pub link: LinkId,
    /// Whether this sentinel holds it for down (SDOWN).
    pub s_down: bool,
    /// When it was last found down; `Instant(0)`: never.
    pub s_down_since: Instant,
    /// SCRIPT KILL was sent, since it answered BUSY while it was down.
    pub script_kill_sent: bool,
    /// When our hello was last accepted by it.
    pub last_published: Instant,
}

impl Instance {
    /// An instance that nothing is known of yet.
    pub fn new(name: String, addr: Endpoint, link: LinkId, now: Instant) -> Self {
        Self {
            name,
            addr,
            ip: None,
            run_id: None,
            link,
            s_down: false,
            s_down_since: Instant(0),
            script_kill_sent: false,
            last_published: now,
        }
    }

    /// Whether `host` and `port` mean this instance, by name or by number.
    pub fn is_at(&self, host: &str, port: u16) -> bool {
        self.addr.port == port && self.is_on(host)
    }

    /// Whether `host` means this instance's host.
    pub fn is_on(&self, host: &str) -> bool {
        self.addr.host.eq_ignore_ascii_case(host) || self.ip.as_deref() == Some(host)
    }
}

/// What a master's or a replica's INFO said last.
#[derive(Clone, Debug)]
pub struct Report {
    /// When it came; `None`: not yet.
    pub at: Option<Instant>,
    /// The text as it was (SENTINEL INFO-CACHE).
    pub text: Vec<u8>,
    /// The role in its latest INFO.
    pub role: Role,
    /// Since when its INFO shows that role.
    pub role_since: Instant,
}

impl Report {
    /// Nothing was reported yet; the role is what we take it to be.
    pub const fn new(role: Role, now: Instant) -> Self {
        Self { at: None, text: Vec::new(), role, role_since: now }
    }
}

/// A monitored master, and all that belongs to it.
#[derive(Clone, Debug)]
pub struct Master {
    /// What every instance has.
    pub inst: Instance,
    /// What its INFO says.
    pub report: Report,
    /// `sentinel …` lines about it.
    pub options: MasterOptions,
    /// The epoch of the configuration that this sentinel holds: the newer one wins.
    pub config_epoch: u64,
    /// The candidate of this sentinel's latest vote, and its epoch.
    pub leader: Option<String>,
    /// See `leader`.
    pub leader_epoch: u64,
    /// The change of sentinel.conf that holds that vote.
    pub vote_change: u64,
    /// Whether enough sentinels hold it for down (ODOWN).
    pub o_down: bool,
    /// When it was last found so; `Instant(0)`: never.
    pub o_down_since: Instant,
    /// Since when it is in its new life and has not answered PING, if `master-reboot-down-after-period` is set.
    pub rebooted_since: Option<Instant>,
    /// Where its failover stands.
    pub failover: Failover,
    /// Its replicas by `host:port`.
    pub replicas: BTreeMap<String, Replica>,
    /// The other sentinels that watch it, by their ids.
    pub sentinels: BTreeMap<String, Peer>,
}

/// What an operator can set for a master.
#[derive(Clone, Debug)]
pub struct MasterOptions {
    /// How many sentinels must agree that it is down.
    pub quorum: u32,
    /// `down-after-milliseconds`; holds for its replicas and sentinels too.
    pub down_after: u64,
    /// `failover-timeout`, in milliseconds.
    pub failover_timeout: u64,
    /// How many replicas are sent to the new master at the same time.
    pub parallel_syncs: u32,
    /// `auth-pass`
    pub auth_pass: Option<String>,
    /// `auth-user`
    pub auth_user: Option<String>,
    /// `rename-command`: the old name in lower case, and the name that this master knows it by.
    pub renamed: BTreeMap<String, String>,
    /// `notification-script`: runs at every event of level warning.
    pub notification_script: Option<String>,
    /// `client-reconfig-script`: runs when the master moves.
    pub client_reconfig_script: Option<String>,
    /// `master-reboot-down-after-period`, in milliseconds; 0: off.
    pub reboot_down_after: u64,
}

impl Master {
    /// A master that nothing is known of yet.
    pub fn new(inst: Instance, options: MasterOptions, now: Instant) -> Self {
        Self {
            inst,
            report: Report::new(Role::Master, now),
            options,
            config_epoch: 0,
            leader: None,
            leader_epoch: 0,
            vote_change: 0,
            o_down: false,
            o_down_since: Instant(0),
            rebooted_since: None,
            failover: Failover::default(),
            replicas: BTreeMap::new(),
            sentinels: BTreeMap::new(),
        }
    }

    /// The replica that is being promoted.
    pub fn promoted(&self) -> Option<&Replica> {
        self.replicas.get(self.failover.promoted.as_ref()?)
    }

    /// Whether the replica under this key is being promoted.
    pub fn is_promoted(&self, key: &str) -> bool {
        self.failover.promoted.as_deref() == Some(key)
    }
}

/// A replica of a monitored master.
#[derive(Clone, Debug)]
pub struct Replica {
    /// What every instance has.
    pub inst: Instance,
    /// What its INFO says.
    pub report: Report,
    /// Milliseconds since it lost its master, as it says; 0: it has it.
    pub master_link_down: i64,
    /// Whether it has its master, as it says.
    pub master_link_up: bool,
    /// The master that it follows, by its INFO.
    pub master_addr: Option<Endpoint>,
    /// Since when it follows that one.
    pub followed_since: Instant,
    /// `replica-priority`: lower is preferred, 0 never promoted.
    pub priority: u32,
    /// How far it has come in the stream of its master.
    pub offset: u64,
    /// `replica-announced`: whether SENTINEL REPLICAS lists it.
    pub announced: bool,
    /// Where it stands on its way to the new master.
    pub reconf: Reconf,
}

/// Where a replica stands on its way to the new master, in a failover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum Reconf {
    /// Nothing was sent to it.
    Untold,
    /// SLAVEOF was sent then.
    Sent(Instant),
    /// It says that it follows the new master.
    InProgress,
    /// It is in sync with the new master.
    Done,
}

impl Replica {
    /// A replica that nothing is known of yet.
    pub fn new(inst: Instance, now: Instant) -> Self {
        Self {
            inst,
            report: Report::new(Role::Replica, now),
            master_link_down: 0,
            master_link_up: false,
            master_addr: None,
            followed_since: now,
            priority: 100,
            offset: 0,
            announced: true,
            reconf: Reconf::Untold,
        }
    }
}

/// Another sentinel, as it stands to one master.
#[derive(Clone, Debug)]
pub struct Peer {
    /// What every instance has.
    pub inst: Instance,
    /// When its last hello came.
    pub last_hello: Instant,
    /// Whether it said lately that the master is down.
    pub thinks_down: bool,
    /// When it last answered SENTINEL IS-MASTER-DOWN-BY-ADDR.
    pub last_answer: Instant,
    /// The candidate of its vote, by its answer.
    pub leader: Option<String>,
    /// In which epoch that was.
    pub leader_epoch: u64,
}

impl Peer {
    /// A sentinel that nothing is known of yet.
    pub fn new(inst: Instance, now: Instant) -> Self {
        Self {
            inst,
            last_hello: now,
            thinks_down: false,
            last_answer: now,
            leader: None,
            leader_epoch: 0,
        }
    }
}

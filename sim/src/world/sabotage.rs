//! Faults that are injected from outside the engine, to show that each invariant's check can fail.

use engine::resp::reply_decode::Value;

use super::{Sabotage, World};
use crate::{
    disk::Disk,
    host::{Host, config_path},
    ids::NodeId,
    meaning::{self, Speech},
    scenario::NodeKind,
};

impl World {
    /// What a node sends, as the sabotage lets it through; votes are noted as they leave.
    pub(super) fn as_it_leaves(
        &mut self,
        node: NodeId,
        (wire, side): (u64, usize),
        bytes: Vec<u8>,
    ) -> Vec<u8> {
        let from = self.host(node).spec.kind;
        let to = self.net.wire(wire).and_then(|wire| wire.ends[1 - side].party.node());
        let to = to.map(|to| self.host(to).spec.kind);
        let bytes = match (self.sabotage, from, to) {
            (Some(Sabotage::CorruptReplication), NodeKind::Server, Some(NodeKind::Server)) => {
                corrupt(bytes)
            }
            (Some(Sabotage::AcknowledgeAhead), NodeKind::Server, Some(NodeKind::Server)) => {
                acknowledge_ahead(bytes)
            }
            (Some(Sabotage::LyingHellos), NodeKind::Sentinel, Some(NodeKind::Server)) => {
                lie_about_master(bytes)
            }
            (Some(Sabotage::VoteTwice), NodeKind::Sentinel, _) => self.vote_for_each(wire, bytes),
            _ => bytes,
        };
        if from == NodeKind::Sentinel {
            self.votes.note(self.now, node, wire, &bytes);
        }
        match (self.sabotage, from) {
            (Some(Sabotage::MiscountVotes), NodeKind::Sentinel) => self.vote_for_each(wire, bytes),
            _ => bytes,
        }
    }

    /// Remember which sentinel requests a vote on which connection; answer it with its own id, whatever the vote was.
    fn vote_for_each(&mut self, wire: u64, bytes: Vec<u8>) -> Vec<u8> {
        let mut out = Vec::new();
        for span in meaning::of_stream(Speech::Words, &bytes) {
            let piece = &bytes[span.start as usize..span.end as usize];
            let value = Value::read(piece).ok().flatten().map(|(value, _)| value);
            let items = value.as_ref().map_or(&[][..], Value::items);
            let texts: Vec<_> = items.iter().map(|item| item.words().unwrap_or_default()).collect();
            match texts.as_slice() {
                [_, what, _, _, epoch, candidate]
                    if what.eq_ignore_ascii_case("is-master-down-by-addr") && candidate != "*" =>
                {
                    self.candidates.insert(wire, (candidate.to_string(), epoch.to_string()));
                    out.extend_from_slice(piece);
                }
                [down, _, _] if matches!(items[0], Value::Integer(_)) => {
                    match self.candidates.get(&wire) {
                        Some((candidate, epoch)) => {
                            let reply = format!(
                                "*3\r\n:{down}\r\n${}\r\n{candidate}\r\n:{epoch}\r\n",
                                candidate.len()
                            );
                            out.extend_from_slice(reply.as_bytes());
                        }
                        None => out.extend_from_slice(piece),
                    }
                }
                _ => out.extend_from_slice(piece),
            }
        }
        out
    }

    /// Change the disk of a machine whose process is about to start.
    pub(super) fn sabotage_disk(&mut self, node: NodeId) {
        let host = &mut self.hosts[node.0 as usize];
        if host.life == 0 {
            return;
        }
        match (self.sabotage, host.spec.kind) {
            (Some(Sabotage::ForgetSentinels), NodeKind::Sentinel) => {
                host.disk = Disk::default();
                host.disk.install(config_path(host.spec.kind), host.spec.config.as_bytes());
            }
            (Some(Sabotage::ForgetConfigEpochs), NodeKind::Sentinel) => {
                change_files(host, "sentinel.conf", forget_config_epochs);
            }
            (Some(Sabotage::GarbleFiles), NodeKind::Server) => {
                change_files(host, ".aof", |bytes| bytes[0] ^= 0xff);
            }
            (Some(Sabotage::RepeatFiles), NodeKind::Server) => {
                change_files(host, ".incr.aof", |bytes| bytes.extend_from_within(..));
            }
            (Some(Sabotage::HalveTransactions), NodeKind::Server) => {
                change_files(host, ".incr.aof", |bytes| halve_last_transaction(bytes));
            }
            _ => {}
        }
    }

    /// Keep an image of each running process, for a resume that goes back to it.
    pub(super) fn keep_images(&mut self) {
        if self.sabotage == Some(Sabotage::RollBackMemory) {
            for process in self.hosts.iter_mut().filter_map(|host| host.process.as_mut()) {
                if !process.paused {
                    process.image = Some(Box::new(process.node.clone()));
                }
            }
        }
    }
}

/// Change the files whose names end so, if they are long enough to hold something.
fn change_files(host: &mut Host, end: &str, change: impl Fn(&mut Vec<u8>)) {
    for file in host.disk.files() {
        if file.path.ends_with(end) && file.bytes.len() > 100 {
            let mut bytes = file.bytes.to_vec();
            change(&mut bytes);
            host.disk.install(&file.path, &bytes);
        }
    }
}

fn forget_config_epochs(bytes: &mut Vec<u8>) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let lines = text.lines().map(|line| match line.strip_prefix("sentinel config-epoch ") {
        Some(rest) => {
            let name = rest.split(' ').next().unwrap_or_default();
            format!("sentinel config-epoch {name} 0\n")
        }
        None => format!("{line}\n"),
    });
    *bytes = lines.collect::<String>().into_bytes();
}

/// The second half of the last transaction of a mixed workload gets another value than the first.
fn halve_last_transaction(bytes: &mut [u8]) {
    const KEY: &[u8] = b":right\r\n";
    let Some(at) = bytes.windows(KEY.len()).rposition(|window| window == KEY) else { return };
    // Behind the key: `$2`, the line end, the value.
    let line_end = |from: usize| bytes[from..].windows(2).position(|w| w == b"\r\n");
    let Some(from) = line_end(at + KEY.len()).map(|n| at + KEY.len() + n + 2) else { return };
    let Some(to) = line_end(from).map(|n| from + n) else { return };
    bytes[from..to].fill(b'0');
}

/// Change the value of a replicated counter: the stream stays well formed, and is wrong.
fn corrupt(mut bytes: Vec<u8>) -> Vec<u8> {
    const COMMAND: &[u8] = b"$3\r\nSET\r\n";
    let is_stream = bytes.starts_with(b"*") && bytes.windows(COMMAND.len()).any(|w| w == COMMAND);
    let digit = bytes.iter().rposition(|byte| *byte == b'7').filter(|_| is_stream);
    if let Some(at) = digit {
        // A length must stay what it is.
        let line = bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        if !matches!(bytes.get(line), Some(b'$' | b'*')) {
            bytes[at] = b'8';
        }
    }
    bytes
}

/// A replica acknowledges an offset that it has not reached.
fn acknowledge_ahead(mut bytes: Vec<u8>) -> Vec<u8> {
    const COMMAND: &[u8] = b"REPLCONF\r\n$3\r\nACK\r\n";
    let Some(at) = bytes.windows(COMMAND.len()).position(|w| w == COMMAND) else { return bytes };
    let lines = at + COMMAND.len();
    if let Some(end) = bytes[lines..].iter().position(|byte| *byte == b'\n') {
        let digits = bytes[lines + end + 1..].iter_mut();
        digits.take_while(|byte| byte.is_ascii_digit()).for_each(|byte| *byte = b'9');
    }
    bytes
}

/// A sentinel announces another master than it takes for the master, under the same configuration epoch.
fn lie_about_master(mut bytes: Vec<u8>) -> Vec<u8> {
    const HOST: &[u8] = b"master,127.0.0.1,700";
    if let Some(at) = bytes.windows(HOST.len()).position(|w| w == HOST) {
        let digit = &mut bytes[at + HOST.len()];
        *digit = if *digit == b'1' { b'2' } else { b'1' };
    }
    bytes
}

//! Broken on purpose, and from outside: a checker that has never failed proves nothing.

use engine::resp::reply_decode::Value;

use super::{Sabotage, World};
use crate::{
    host::config_path,
    ids::{NodeId, Party},
    meaning,
    scenario::NodeKind,
};

impl World {
    /// What a node sends, as the sabotage lets it through.
    pub(super) fn sabotaged_send(
        &mut self,
        node: NodeId,
        (wire, side): (u64, usize),
        bytes: Vec<u8>,
    ) -> Vec<u8> {
        match self.sabotage {
            Some(Sabotage::CorruptReplication) => {
                let other = self.net.wire(wire).map(|wire| wire.ends[1 - side].party);
                let to_server = other.and_then(Party::node).is_some_and(|other| {
                    self.host(other).spec.kind == NodeKind::Server
                        && self.host(node).spec.kind == NodeKind::Server
                });
                if to_server { corrupt(bytes) } else { bytes }
            }
            Some(Sabotage::VoteForEverybody) => self.vote_for_whoever_asks(wire, bytes),
            _ => bytes,
        }
    }

    /// Note the candidate of each request for a vote, and grant the vote whatever the sentinel answers.
    fn vote_for_whoever_asks(&mut self, wire: u64, bytes: Vec<u8>) -> Vec<u8> {
        let mut out = Vec::new();
        for span in meaning::of_stream(&bytes) {
            let piece = &bytes[span.range];
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

    /// What a machine's disk looks like to a process that starts.
    pub(super) fn sabotage_disk(&mut self, node: NodeId) {
        let host = &mut self.hosts[node.0 as usize];
        if host.life == 0 {
            return;
        }
        match self.sabotage {
            Some(Sabotage::ForgetSentinels) if host.spec.kind == NodeKind::Sentinel => {
                host.disk = crate::disk::Disk::default();
                host.disk.install(config_path(host.spec.kind), host.spec.config.as_bytes());
            }
            Some(Sabotage::GarbleFiles) => {
                for file in host.disk.files() {
                    if file.path.ends_with(".aof") && file.bytes.len() > 100 {
                        let mut bytes = file.bytes.to_vec();
                        bytes[0] ^= 0xff;
                        host.disk.install(&file.path, &bytes);
                    }
                }
            }
            _ => {}
        }
    }
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

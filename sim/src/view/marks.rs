//! Marks of the timeline, and a node's log.

use ::view::time::{Label, LogLine, Mark, MarkKind};
use engine::{
    time::Time,
    trace::{
        Event, Level, PersistenceFact, ReplicationFact, SentinelFact, Trace,
        replication_facts::{LinkFact, MasterFact},
    },
};

use super::since_beginning;
use crate::{
    action::Action,
    ids::NodeId,
    world::{BEGINNING, Happening, What, World},
};

/// The marks of the timeline, from the `first` happening on (so that a page asks for new ones only): what Redis would
/// log at `loglevel notice`, and all that sentinels state.
pub fn timeline(world: &World, first: usize) -> Vec<Mark> {
    let chronicle = world.chronicle();
    let happenings = (first..chronicle.len()).filter_map(|n| chronicle.get(n));
    happenings.filter(|happening| is_shown(happening)).map(|one| mark(world, one)).collect()
}

/// Whether something has a mark of its own.
pub fn is_shown(happening: &Happening) -> bool {
    match &happening.what {
        What::Fact(traced) => {
            matches!(traced.fact, Trace::Sentinel(_))
                || traced.fact.level().is_some_and(|level| level >= Level::Notice)
        }
        _ => true,
    }
}

fn mark(world: &World, happening: &Happening) -> Mark {
    let (kind, text) = match &happening.what {
        What::Action(action) => (MarkKind::Action, action.text(world.scenario())),
        What::Started => (MarkKind::Process, "started".to_owned()),
        What::Refused(why) => (MarkKind::Process, why.clone()),
        What::Exited { code } => (MarkKind::Process, format!("exited with code {code}")),
        What::Fact(traced) => (kind_of(&traced.fact), traced.fact.to_string()),
    };
    Mark {
        at: since_beginning(happening.at),
        node: happening.node,
        kind,
        label: label(&happening.what, &text),
        text,
    }
}

fn kind_of(fact: &Trace) -> MarkKind {
    match fact {
        Trace::Server(_) | Trace::Write(_) | Trace::Snapshot(_) => MarkKind::Server,
        Trace::Persistence(_) => MarkKind::Persistence,
        Trace::Replication(_) => MarkKind::Replication,
        Trace::Sentinel(_) => MarkKind::Sentinel,
    }
}

/// What is written beside a mark, and how much it matters: what decides more has the smaller rank.
fn label(what: &What, text: &str) -> Option<Label> {
    let label = |rank, text: &str| Some(Label { rank, text: text.to_owned() });
    match what {
        What::Action(Action::Command { line, .. }) => label(6, line.split(' ').next()?),
        What::Action(_) => label(0, text),
        What::Fact(traced) => match &traced.fact {
            Trace::Sentinel(fact) => label(rank(fact)?, text.split(' ').next()?),
            Trace::Persistence(fact) => {
                let (rank, words) = step_of_files(fact)?;
                label(rank, words)
            }
            Trace::Replication(fact) => {
                let (rank, words) = step_of_sync(fact)?;
                label(rank, words)
            }
            Trace::Server(_) | Trace::Write(_) | Trace::Snapshot(_) => None,
        },
        What::Started | What::Refused(_) | What::Exited { .. } => None,
    }
}

/// The turning points of a failover.
fn rank(fact: &SentinelFact) -> Option<u8> {
    match fact {
        SentinelFact::MasterSwitched { .. } => Some(0),
        SentinelFact::OdownEntered { .. } => Some(1),
        SentinelFact::Voted { .. } => Some(4),
        SentinelFact::About { event, who } => match event {
            Event::ElectedLeader => Some(1),
            Event::PromotedReplica
            | Event::SelectedReplica
            | Event::AbortNotElected
            | Event::AbortNoGoodReplica
            | Event::AbortReplicaTimeout => Some(2),
            Event::ConvertToReplica => Some(3),
            Event::SdownEntered if who.of.is_none() => Some(3),
            Event::SdownLeft if who.of.is_none() => Some(5),
            Event::TryFailover | Event::OdownLeft => Some(5),
            _ => None,
        },
        _ => None,
    }
}

fn step_of_files(fact: &PersistenceFact) -> Option<(u8, &'static str)> {
    Some(match fact {
        PersistenceFact::RewriteStarted { .. } => (2, "AOF rewrite"),
        PersistenceFact::RewriteFinished => (2, "rewrite done"),
        PersistenceFact::SaveStarted { .. } => (3, "BGSAVE"),
        PersistenceFact::SaveSucceeded => (3, "saved"),
        _ => return None,
    })
}

fn step_of_sync(fact: &ReplicationFact) -> Option<(u8, &'static str)> {
    Some(match fact {
        ReplicationFact::Link(LinkFact::FullResync { .. }) => (3, "full resync"),
        ReplicationFact::Link(LinkFact::PartialAccepted) => (3, "partial resync"),
        ReplicationFact::Master(MasterFact::Online { .. }) => (4, "online"),
        _ => return None,
    })
}

/// The last `most` lines of a node's log, the oldest first, as Redis writes them (`loglevel notice`).
pub fn log_lines(world: &World, node: NodeId, most: usize) -> Vec<LogLine> {
    let facts = world.chronicle().iter().rev().filter(|happening| happening.node == Some(node));
    let lines = facts.filter_map(|happening| {
        let What::Fact(traced) = &happening.what else { return None };
        let level = traced.fact.level().filter(|level| *level >= Level::Notice)?;
        let (letter, mark, pid) = (traced.role.letter(), level.mark(), world.host(node).pid());
        Some(LogLine {
            at: since_beginning(happening.at),
            stamp: format!("{pid}:{letter} {} {mark}", date(traced.at)),
            text: traced.fact.to_string(),
            warning: level == Level::Warning,
        })
    });
    let mut lines: Vec<LogLine> = lines.take(most).collect();
    lines.reverse();
    lines
}

/// `01 Jan 2026 00:00:03.125`: a simulated run lasts less than a month, so the date is counted from its beginning.
fn date(at: Time) -> String {
    let millis = at.0.saturating_sub(BEGINNING.0) / 1000;
    let (secs, millis) = (millis / 1000, millis % 1000);
    let (day, hour) = (secs / 86_400 + 1, secs / 3_600 % 24);
    format!("{day:02} Jan 2026 {hour:02}:{:02}:{:02}.{millis:03}", secs / 60 % 60, secs % 60)
}

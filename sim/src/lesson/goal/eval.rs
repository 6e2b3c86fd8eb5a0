//! Evaluates goals against a world.

use super::{Call, Context, Expr, Operator, Value};
use crate::{
    ids::NodeId,
    view::{self, Role},
    world::What,
};

pub(super) fn truth(expr: &Expr, context: Context<'_>) -> bool {
    match expr {
        Expr::Any(all) => all.iter().any(|one| truth(one, context)),
        Expr::All(all) => all.iter().all(|one| truth(one, context)),
        Expr::Not(one) => !truth(one, context),
        Expr::Compare(left, operator, right) => {
            compare(&value(left, context), *operator, &value(right, context))
        }
        Expr::Literal(_) | Expr::Ask(..) => value(expr, context) == Value::Truth(true),
    }
}

fn compare(left: &Value, operator: Operator, right: &Value) -> bool {
    if let (Value::Number(left), Value::Number(right)) = (left, right) {
        return match operator {
            Operator::Equal => left == right,
            Operator::Unequal => left != right,
            Operator::Less => left < right,
            Operator::AtMost => left <= right,
            Operator::More => left > right,
            Operator::AtLeast => left >= right,
        };
    }
    match operator {
        Operator::Equal => left == right && *left != Value::Missing,
        Operator::Unequal => left != right,
        _ => false,
    }
}

fn value(expr: &Expr, context: Context<'_>) -> Value {
    match expr {
        Expr::Literal(value) => value.clone(),
        Expr::Ask(thing, field) => ask(thing, field.as_ref(), context),
        other => Value::Truth(truth(other, context)),
    }
}

fn ask(thing: &Call, field: Option<&Call>, context: Context<'_>) -> Value {
    let field_name = field.map_or("", |field| field.name.as_str());
    let field_arg = field.and_then(|field| field.args.first()).map_or("", String::as_str);
    let args: Vec<&str> = thing.args.iter().map(String::as_str).collect();
    match (thing.name.as_str(), args.as_slice()) {
        ("node", [name]) => node(context, name, field_name, field_arg),
        ("key", [name, key]) => self::key(context, name, key, field_name),
        ("sentinel", [name]) => sentinel(context, name, field_name, field_arg),
        ("file", [name, path]) => file(context, name, path, field_name),
        ("trace", [text]) => traces(context, None, text, field_name),
        ("trace", [name, text]) => traces(context, Some(name), text, field_name),
        ("ever", [text]) => traces(context.of_all_time(), None, text, field_name),
        ("ever", [name, text]) => traces(context.of_all_time(), Some(name), text, field_name),
        ("replied", [name, text]) => replied(context, name, text),
        ("client", [name]) => client(context, name, field_name),
        ("writes", _) => writes(context, field_name),
        _ => Value::Missing,
    }
}

impl Context<'_> {
    fn of_all_time(self) -> Self {
        Self { since: crate::world::BEGINNING, ..self }
    }
}

fn id(context: Context<'_>, name: &str) -> Option<NodeId> {
    context.world.scenario().node(name)
}

fn number(n: u64) -> Value {
    Value::Number(i64::try_from(n).unwrap_or(i64::MAX))
}

fn node(context: Context<'_>, name: &str, field: &str, arg: &str) -> Value {
    let Some(id) = id(context, name) else { return Value::Missing };
    let world = context.world;
    let host = world.host(id);
    match field {
        "running" => Value::Truth(host.process.is_some()),
        "paused" => Value::Truth(host.process.as_ref().is_some_and(|process| process.paused)),
        "life" => number(u64::from(host.life)),
        _ if host.process.is_none() => Value::Missing,
        "role" => match view::node::role(world, id) {
            Some(Role::Master) => Value::Text("master".into()),
            Some(Role::Replica) => Value::Text("replica".into()),
            Some(Role::Sentinel) => Value::Text("sentinel".into()),
            None => Value::Missing,
        },
        "keys" => number(view::node::keys(world, id)),
        "offset" => number(view::node::offset(world, id)),
        "replicas" => number(view::node::replicas(world, id).len() as u64),
        "linked" => Value::Truth(view::node::is_linked(world, id)),
        "follows" => {
            let follows = view::node::follows(world, id);
            Value::Truth(follows.is_some() && follows == self::id(context, arg))
        }
        _ => Value::Missing,
    }
}

fn key(context: Context<'_>, name: &str, key: &str, field: &str) -> Value {
    let Some(id) = id(context, name) else { return Value::Missing };
    let found = view::node::string_value(context.world, id, key);
    match (field, found) {
        ("exists", found) => Value::Truth(found.is_some()),
        ("value", Some(value)) => match value.parse() {
            Ok(n) => Value::Number(n),
            Err(_) => Value::Text(value),
        },
        _ => Value::Missing,
    }
}

fn sentinel(context: Context<'_>, name: &str, field: &str, master: &str) -> Value {
    let view = id(context, name).and_then(|id| view::watch::sentinel(context.world, id));
    let Some(view) = view else { return Value::Missing };
    if field == "epoch" {
        return number(view.current_epoch);
    }
    let Some(watched) = view.masters.iter().find(|one| one.name == master) else {
        return Value::Missing;
    };
    match field {
        "sdown" => Value::Truth(watched.sdown),
        "odown" => Value::Truth(watched.odown),
        "voted" => Value::Truth(watched.vote.is_some()),
        "knows" => number(watched.sentinels.len() as u64),
        "master" => watched.node.map_or(Value::Missing, |node| {
            Value::Text(context.world.scenario().name_of(node.into()))
        }),
        _ => Value::Missing,
    }
}

fn file(context: Context<'_>, name: &str, path: &str, field: &str) -> Value {
    let Some(id) = id(context, name) else { return Value::Missing };
    let path = format!("{}/{path}", crate::disk::HOME);
    let files = context.world.disk(id).files();
    let found = files.iter().find(|file| matches(&path, &file.path));
    match (field, found) {
        ("exists", found) => Value::Truth(found.is_some()),
        ("size", Some(file)) => number(file.bytes.len() as u64),
        ("durable", Some(file)) => number(file.durable),
        _ => Value::Missing,
    }
}

/// One `*` stands for anything.
fn matches(pattern: &str, path: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == path,
        Some((before, after)) => {
            path.len() >= before.len() + after.len()
                && path.starts_with(before)
                && path.ends_with(after)
        }
    }
}

fn traces(context: Context<'_>, name: Option<&str>, text: &str, field: &str) -> Value {
    let at = name.and_then(|name| id(context, name));
    let happenings = context.world.chronicle().iter().rev();
    let count = happenings
        .take_while(|happening| happening.at >= context.since)
        .filter(|happening| at.is_none() || happening.node == at)
        .filter(|happening| match &happening.what {
            What::Fact(traced) => traced.fact.to_string().contains(text),
            _ => false,
        })
        .count() as u64;
    if field == "count" { number(count) } else { Value::Truth(count > 0) }
}

fn replied(context: Context<'_>, name: &str, text: &str) -> Value {
    let terminal = id(context, name).and_then(|id| context.world.terminal(id));
    let Some(terminal) = terminal else { return Value::Missing };
    let lines = terminal.lines().iter().rev();
    let mut new = lines.take_while(|line| line.at >= context.since);
    Value::Truth(
        new.any(|line| line.kind != crate::client::LineKind::Typed && line.text.contains(text)),
    )
}

fn client(context: Context<'_>, name: &str, field: &str) -> Value {
    let id = context.world.scenario().workload(name);
    let found = context.world.workloads().find(|(one, _)| Some(*one) == id);
    match (found, field) {
        (Some((_, workload)), "sent") => number(workload.sent()),
        (Some((_, workload)), "acknowledged") => number(workload.acknowledged()),
        (Some((_, workload)), "refused") => number(workload.refused()),
        _ => Value::Missing,
    }
}

fn writes(context: Context<'_>, field: &str) -> Value {
    let ledger = context.world.ledger();
    match field {
        "acknowledged" => {
            let acknowledged = ledger.writes().filter(|write| write.is_acknowledged());
            number(acknowledged.count() as u64)
        }
        "lost" => number(ledger.losses().acknowledged()),
        _ => Value::Missing,
    }
}

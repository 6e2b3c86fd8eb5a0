//! The language of goals: a predicate on the state of a world.
//!
//! ```text
//!   goal   := any { "||" any }                 any := one { "&&" one }
//!   one    := "!" one | "(" goal ")" | value [ ("==" | "!=" | "<" | "<=" | ">" | ">=") value ]
//!   value  := number | "text" | true | false | thing { "." field }
//! ```
//!
//! | thing | fields |
//! |---|---|
//! | `node("m1")` | `role` (`"master"`, `"replica"`, `"sentinel"`), `running`, `paused`, `keys`, `offset`, `replicas`, `linked`, `life`, `follows("m1")` |
//! | `key("m1", "a")` | `exists`, `value` |
//! | `sentinel("s1")` | `epoch`, `sdown("mymaster")`, `odown("mymaster")`, `master("mymaster")` (a node's name), `voted("mymaster")`, `knows("mymaster")` (sentinels) |
//! | `file("m1", "appendonlydir/a.aof")` | `exists`, `size`, `durable`; a `*` in the path stands for any one file |
//! | `trace("+switch-master")`, `trace("s1", "+sdown")` | `count`; by itself: whether there was one **since the step began** |
//! | `ever("+odown")`, `ever("s1", "+odown")` | whether there was such a trace at any time |
//! | `replied("m1", "READONLY")` | whether m1's terminal has printed that since the step began |
//! | `client("c1")` | `sent`, `acknowledged`, `refused` |
//! | `writes()` | `acknowledged`; `lost`: of those, how many no node holds any more, in memory or in a file |

mod eval;

use std::{iter::Peekable, str::CharIndices};

use engine::time::Time;

use crate::{scenario::Scenario, world::World};

/// What a goal is evaluated against: a world, and when the step of the lesson began.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The world.
    pub world: &'a World,
    /// When the step began: earlier traces and replies do not count.
    pub since: Time,
}

/// A predicate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goal {
    text: String,
    root: Expr,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Expr {
    Any(Vec<Expr>),
    All(Vec<Expr>),
    Not(Box<Expr>),
    Compare(Box<Expr>, Operator, Box<Expr>),
    Literal(Value),
    /// `thing(args).field(args)`; a missing field is empty.
    Ask(Call, Option<Call>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Call {
    name: String,
    args: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
}

/// What an expression gives.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Truth(bool),
    Number(i64),
    Text(String),
    /// There is no such thing now (the role of a dead node): equal to nothing.
    Missing,
}

impl Goal {
    /// Read a goal. The names of nodes must be the scenario's.
    pub fn parse(text: &str, scenario: &Scenario) -> Result<Self, String> {
        let mut parser = Parser { text, chars: text.char_indices().peekable(), scenario };
        let root = parser.any()?;
        parser.space();
        match parser.chars.peek() {
            None => Ok(Self { text: text.to_owned(), root }),
            Some((at, _)) => Err(format!("'{}' is too much", &text[*at..])),
        }
    }

    /// Whether it holds.
    pub fn holds(&self, context: Context<'_>) -> bool {
        eval::truth(&self.root, context)
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// A thing that a goal can name: its name, how many arguments it takes, and its fields with how many each takes.
type Thing = (&'static str, &'static [usize], &'static [(&'static str, usize)]);

const THINGS: &[Thing] = &[
    (
        "node",
        &[1],
        &[
            ("role", 0),
            ("running", 0),
            ("paused", 0),
            ("keys", 0),
            ("offset", 0),
            ("replicas", 0),
            ("linked", 0),
            ("life", 0),
            ("follows", 1),
        ],
    ),
    ("key", &[2], &[("exists", 0), ("value", 0)]),
    (
        "sentinel",
        &[1],
        &[("epoch", 0), ("sdown", 1), ("odown", 1), ("master", 1), ("voted", 1), ("knows", 1)],
    ),
    ("file", &[2], &[("exists", 0), ("size", 0), ("durable", 0)]),
    ("trace", &[1, 2], &[("count", 0)]),
    ("ever", &[1, 2], &[]),
    ("replied", &[2], &[]),
    ("client", &[1], &[("sent", 0), ("acknowledged", 0), ("refused", 0)]),
    ("writes", &[0], &[("lost", 0), ("acknowledged", 0)]),
];

/// What may stand without a field.
const BARE: &[&str] = &["trace", "ever", "replied"];

/// Parentheses and negations lie no deeper in each other.
const DEEPEST: usize = 32;

struct Parser<'a> {
    text: &'a str,
    chars: Peekable<CharIndices<'a>>,
    scenario: &'a Scenario,
}

impl Parser<'_> {
    fn any(&mut self) -> Result<Expr, String> {
        self.any_at(0)
    }

    fn any_at(&mut self, depth: usize) -> Result<Expr, String> {
        if depth > DEEPEST {
            return Err("it is nested too deeply".to_owned());
        }
        let mut all = vec![self.all(depth)?];
        while self.eat("||") {
            all.push(self.all(depth)?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Expr::Any(all) })
    }

    fn all(&mut self, depth: usize) -> Result<Expr, String> {
        let mut all = vec![self.one(depth)?];
        while self.eat("&&") {
            all.push(self.one(depth)?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Expr::All(all) })
    }

    fn one(&mut self, depth: usize) -> Result<Expr, String> {
        if depth > DEEPEST {
            return Err("it is nested too deeply".to_owned());
        }
        if self.eat("!") {
            return Ok(Expr::Not(Box::new(self.one(depth + 1)?)));
        }
        if self.eat("(") {
            let inner = self.any_at(depth + 1)?;
            return if self.eat(")") { Ok(inner) } else { Err(self.missing("')'")) };
        }
        let left = self.value()?;
        let operators = [
            ("==", Operator::Equal),
            ("!=", Operator::Unequal),
            ("<=", Operator::AtMost),
            (">=", Operator::AtLeast),
            ("<", Operator::Less),
            (">", Operator::More),
        ];
        for (sign, operator) in operators {
            if self.eat(sign) {
                let right = self.value()?;
                return Ok(Expr::Compare(Box::new(left), operator, Box::new(right)));
            }
        }
        Ok(left)
    }

    fn value(&mut self) -> Result<Expr, String> {
        self.space();
        match self.chars.peek() {
            Some((_, '"')) => Ok(Expr::Literal(Value::Text(self.string()?))),
            Some((_, c)) if c.is_ascii_digit() => {
                let digits = self.while_(|c| c.is_ascii_digit());
                let n = digits.parse().map_err(|_| format!("{digits} is too large"))?;
                Ok(Expr::Literal(Value::Number(n)))
            }
            Some((_, c)) if c.is_ascii_alphabetic() => self.ask(),
            _ => Err(self.missing("a value")),
        }
    }

    fn ask(&mut self) -> Result<Expr, String> {
        let name = self.while_(|c| c.is_ascii_alphanumeric() || c == '_');
        match name.as_str() {
            "true" => return Ok(Expr::Literal(Value::Truth(true))),
            "false" => return Ok(Expr::Literal(Value::Truth(false))),
            _ => {}
        }
        let thing = THINGS.iter().find(|(thing, ..)| *thing == name);
        let (_, arities, fields) = thing.ok_or_else(|| format!("there is no '{name}'"))?;
        let call = Call { args: self.args()?, name };
        if !arities.contains(&call.args.len()) {
            return Err(format!("'{}' has the wrong number of arguments", call.name));
        }
        self.check_names(&call)?;
        if !self.eat(".") {
            return if BARE.contains(&call.name.as_str()) {
                Ok(Expr::Ask(call, None))
            } else {
                Err(format!("'{}' lacks a field", call.name))
            };
        }
        let name = self.while_(|c| c.is_ascii_alphanumeric() || c == '_');
        let arity = fields.iter().find(|(field, _)| *field == name).map(|(_, arity)| *arity);
        let arity = arity.ok_or_else(|| format!("'{}' has no field '{name}'", call.name))?;
        let args = if arity > 0 { self.args()? } else { Vec::new() };
        if args.len() != arity {
            return Err(format!("'{name}' has the wrong number of arguments"));
        }
        Ok(Expr::Ask(call, Some(Call { name, args })))
    }

    fn check_names(&self, call: &Call) -> Result<(), String> {
        let name = match (call.name.as_str(), call.args.as_slice()) {
            ("trace" | "ever", [_]) | ("writes", _) => return Ok(()),
            ("client", [name, ..]) => {
                return self.scenario.workload(name).map(drop).ok_or_else(|| self.unknown(name));
            }
            (_, [name, ..]) => name,
            (_, []) => return Ok(()),
        };
        self.scenario.node(name).map(drop).ok_or_else(|| self.unknown(name))
    }

    fn unknown(&self, name: &str) -> String {
        format!("no node or client of '{}' is called '{name}'", self.scenario.name)
    }

    fn args(&mut self) -> Result<Vec<String>, String> {
        if !self.eat("(") {
            return Err(self.missing("'('"));
        }
        let mut args = Vec::new();
        while !self.eat(")") {
            if !args.is_empty() && !self.eat(",") {
                return Err(self.missing("',' or ')'"));
            }
            args.push(self.string()?);
        }
        Ok(args)
    }

    fn string(&mut self) -> Result<String, String> {
        if !self.eat("\"") {
            return Err(self.missing("a text in quotes"));
        }
        let text = self.while_(|c| c != '"');
        match self.chars.next() {
            Some(_) => Ok(text),
            None => Err(self.missing("a closing quote")),
        }
    }

    fn while_(&mut self, fits: impl Fn(char) -> bool) -> String {
        let mut text = String::new();
        while let Some((_, c)) = self.chars.next_if(|(_, c)| fits(*c)) {
            text.push(c);
        }
        text
    }

    fn space(&mut self) {
        self.while_(char::is_whitespace);
    }

    fn eat(&mut self, sign: &str) -> bool {
        self.space();
        let at = self.chars.peek().map_or(self.text.len(), |(at, _)| *at);
        let there = self.text[at..].starts_with(sign);
        if there {
            self.chars.nth(sign.chars().count() - 1);
        }
        there
    }

    fn missing(&mut self, what: &str) -> String {
        let at = self.chars.peek().map_or(self.text.len(), |(at, _)| *at);
        match &self.text[at..] {
            "" => format!("{what} is missing at the end"),
            rest => format!("{what} is missing before '{rest}'"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(text: &str) -> bool {
        let scenario = Scenario::named("sentinel").unwrap();
        let world = World::new(&scenario, 1);
        let goal = Goal::parse(text, &scenario).unwrap_or_else(|why| panic!("{text}: {why}"));
        goal.holds(Context { world: &world, since: world.now() })
    }

    #[test]
    fn goals_are_read_as_one_expects() {
        assert!(holds("1 < 2 && 2 >= 2"));
        assert!(holds("1 > 2 || !(1 == 2) && true"));
        assert!(holds("\"a\" != \"b\""));
        assert!(holds("node(\"m1\").running"));
        assert!(holds("trace(\"no such thing\").count == 0"));
        assert!(!holds("\"a\" == 1"));
    }

    #[test]
    fn mistakes_are_named() {
        let scenario = Scenario::named("single").unwrap();
        let deep = "!".repeat(100) + "true";
        let cases = [
            ("", "a value is missing at the end"),
            ("node(\"m1\")", "'node' lacks a field"),
            ("node(\"m1\").rol", "'node' has no field 'rol'"),
            ("node(\"m2\").role", "no node or client of 'single' is called 'm2'"),
            ("node(m1).role", "a text in quotes is missing before 'm1).role'"),
            ("true true", "'true' is too much"),
            ("(true", "')' is missing at the end"),
            ("node(\"m1", "a closing quote is missing at the end"),
            (deep.as_str(), "it is nested too deeply"),
        ];
        for (text, why) in cases {
            assert_eq!(Goal::parse(text, &scenario).unwrap_err(), why, "{text}");
        }
    }
}

//! What a row of the table is made of, and how a value is read, kept and printed.
//!
//! ```text
//!            words ──check──▶ Value ──write──▶ Config ──read──▶ Value ──print──▶ CONFIG GET, CONFIG REWRITE
//!   (Kind: range, unit, list of words)    (Place: a field, or kept aside)
//! ```

use alloc::{format, string::String, vec::Vec};

use super::{
    Config,
    number::{format_memory, parse_lenient, parse_memory},
    special::Special,
    values::Choice,
};
use crate::number::parse_i64;

/// One directive of redis.conf.
#[derive(Debug)]
pub struct Directive {
    /// Its name, in lower case.
    pub name: &'static str,
    /// Its older name, that works as well.
    pub alias: Option<&'static str>,
    /// What it takes.
    pub kind: Kind,
    /// Whether `CONFIG SET` may change it.
    pub access: Access,
    /// Whether `CONFIG GET` with a pattern shows it.
    pub hidden: bool,
    /// Whether its value is kept out of logs.
    pub sensitive: bool,
    /// Whether `CONFIG SET` is refused while the data is loaded.
    pub deny_loading: bool,
    /// What it does in this implementation.
    pub effect: Effect,
}

/// Whether `CONFIG SET` may change a directive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It may.
    Mutable,
    /// It may not.
    Immutable,
    /// Only where `enable-protected-configs` says so.
    Protected,
}

/// What a directive does in this implementation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// What it does in Redis.
    Active,
    /// Nothing: it is checked, shown and rewritten. The reason stands in FIDELITY.md.
    KeptOnly(&'static str),
}

/// What a directive takes.
#[derive(Debug)]
pub enum Kind {
    /// `yes` or `no`.
    YesNo {
        /// The default.
        default: bool,
        /// Where it is kept.
        place: Place<bool>,
        /// What else Redis demands.
        check: Option<YesNoCheck>,
    },
    /// A number within bounds.
    Number {
        /// How it is spelled.
        unit: Unit,
        /// The smallest.
        min: i128,
        /// The largest.
        max: i128,
        /// The default.
        default: i128,
        /// Where it is kept.
        place: Place<i128>,
    },
    /// One word out of a list.
    Word {
        /// The list, in Redis's order.
        words: fn() -> Vec<&'static str>,
        /// The default, as a position in the list.
        default: usize,
        /// Where it is kept.
        place: Place<usize>,
    },
    /// Any text.
    Text {
        /// The default; `None`: not set.
        default: Option<&'static str>,
        /// What the empty text means.
        empty: Empty,
        /// Where it is kept.
        place: Place<Option<Vec<u8>>>,
        /// What else Redis demands.
        check: Option<TextCheck>,
    },
    /// Several arguments, or rules of its own.
    Special(Special),
}

/// What else a yes or no must fulfil; the error is in Redis's words.
pub type YesNoCheck = fn(bool) -> Result<(), &'static str>;

/// What else a text must fulfil; the error is in Redis's words.
pub type TextCheck = fn(&[u8]) -> Result<(), &'static str>;

/// How a number is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Decimal.
    Plain,
    /// Bytes with a unit.
    Memory,
    /// Bytes with a unit or a percentage, which is held as a negative number.
    MemoryOrPercent,
    /// Octal, as file modes are.
    Octal,
}

/// What the empty text means to a directive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Empty {
    /// An empty text.
    Allowed,
    /// That the directive is not set.
    Unset,
}

/// Where a directive's value is.
#[derive(Debug)]
pub enum Place<T> {
    /// In a field of [`Config`].
    Field {
        /// Read it.
        get: fn(&Config) -> T,
        /// Write it; `value` has been checked.
        set: fn(&mut Config, T),
    },
    /// Nothing obeys it: its value is kept in [`Config`] as text.
    Kept,
}

/// A checked value of a directive that is only kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Of a yes/no directive.
    YesNo(bool),
    /// Of a number.
    Number(i128),
    /// Of a word: its position.
    Word(usize),
    /// Of a text.
    Text(Option<Vec<u8>>),
}

/// How a value stands in a rewritten file.
#[derive(Debug)]
pub struct Rewritten {
    /// The lines, without the directive's name.
    pub values: Vec<Vec<u8>>,
    /// For each line, whether it is written though the old file does not have the directive.
    pub forced: Vec<bool>,
}

impl Rewritten {
    /// One line.
    pub fn one(value: impl Into<Vec<u8>>, forced: bool) -> Self {
        Self { values: alloc::vec![value.into()], forced: alloc::vec![forced] }
    }

    /// No line: what the old file has goes.
    pub fn none() -> Self {
        Self { values: Vec::new(), forced: Vec::new() }
    }
}

// ------------------------------------------------------------------------------------------- building rows

const fn row(name: &'static str, kind: Kind) -> Directive {
    Directive {
        name,
        alias: None,
        kind,
        access: Access::Mutable,
        hidden: false,
        sensitive: false,
        deny_loading: false,
        effect: Effect::Active,
    }
}

/// A yes/no directive.
pub const fn yes_no(name: &'static str, default: bool, place: Place<bool>) -> Directive {
    row(name, Kind::YesNo { default, place, check: None })
}

/// A number in `min..=max`.
pub const fn number(
    name: &'static str,
    (min, max): (i128, i128),
    default: i128,
    place: Place<i128>,
) -> Directive {
    row(name, Kind::Number { unit: Unit::Plain, min, max, default, place })
}

/// A number of bytes in `min..=max`.
pub const fn memory(
    name: &'static str,
    (min, max): (i128, i128),
    default: i128,
    place: Place<i128>,
) -> Directive {
    row(name, Kind::Number { unit: Unit::Memory, min, max, default, place })
}

/// One word of `T`'s; the default is its word at this position.
pub const fn word<T: Choice>(name: &'static str, default: usize, place: Place<usize>) -> Directive {
    row(name, Kind::Word { words: words::<T>, default, place })
}

/// One of these words.
pub const fn one_of(
    name: &'static str,
    words: fn() -> Vec<&'static str>,
    default: usize,
) -> Directive {
    row(name, Kind::Word { words, default, place: Place::Kept })
}

fn words<T: Choice>() -> Vec<&'static str> {
    T::WORDS.iter().map(|(word, _)| *word).collect()
}

/// A text that may be empty.
pub const fn text(
    name: &'static str,
    default: &'static str,
    place: Place<Option<Vec<u8>>>,
) -> Directive {
    row(name, Kind::Text { default: Some(default), empty: Empty::Allowed, place, check: None })
}

/// A text that is not set at first, and again when it is made empty.
pub const fn optional(name: &'static str, place: Place<Option<Vec<u8>>>) -> Directive {
    row(name, Kind::Text { default: None, empty: Empty::Unset, place, check: None })
}

/// A directive with rules of its own.
pub const fn special(name: &'static str, special: Special) -> Directive {
    row(name, Kind::Special(special))
}

impl Directive {
    /// Its older name.
    pub const fn alias(mut self, alias: &'static str) -> Self {
        self.alias = Some(alias);
        self
    }

    /// `CONFIG SET` can't change it.
    pub const fn immutable(mut self) -> Self {
        self.access = Access::Immutable;
        self
    }

    /// `CONFIG SET` can change it where `enable-protected-configs` allows.
    pub const fn protected(mut self) -> Self {
        self.access = Access::Protected;
        self
    }

    /// Not shown by patterns.
    pub const fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    /// Its value is a secret.
    pub const fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }

    /// Not while loading.
    pub const fn deny_loading(mut self) -> Self {
        self.deny_loading = true;
        self
    }

    /// It has no effect here, because …
    pub const fn kept_only(mut self, why: &'static str) -> Self {
        self.effect = Effect::KeptOnly(why);
        self
    }

    /// What else its text must fulfil.
    pub const fn text_check(mut self, demand: TextCheck) -> Self {
        if let Kind::Text { check, .. } = &mut self.kind {
            *check = Some(demand);
        }
        self
    }

    /// What else its yes or no must fulfil.
    pub const fn yes_no_check(mut self, demand: YesNoCheck) -> Self {
        if let Kind::YesNo { check, .. } = &mut self.kind {
            *check = Some(demand);
        }
        self
    }

    /// A number's spelling.
    pub const fn unit(mut self, spelling: Unit) -> Self {
        if let Kind::Number { unit, .. } = &mut self.kind {
            *unit = spelling;
        }
        self
    }
}

// ------------------------------------------------------------------------------------------- using rows

impl Directive {
    /// Whether it takes more than one argument in redis.conf, separated by single spaces in `CONFIG SET`.
    pub fn takes_many(&self) -> bool {
        matches!(self.kind, Kind::Special(special) if special.takes_many())
    }

    /// Check `args` and write them into `config`; `origin` matters to `save` alone.
    ///
    /// # Errors
    /// What is wrong, in Redis's words; `config` is as before.
    pub fn assign(
        &self,
        config: &mut Config,
        args: &[Vec<u8>],
        origin: Origin,
    ) -> Result<(), String> {
        if let Kind::Special(special) = &self.kind {
            return special.assign(config, args, origin);
        }
        let [arg] = args else { return Err("wrong number of arguments".into()) };
        match &self.kind {
            Kind::YesNo { place, check, .. } => {
                let yes = parse_yes_no(arg).ok_or("argument must be 'yes' or 'no'")?;
                check.map_or(Ok(()), |check| check(yes))?;
                place.write(config, self.name, yes, Value::YesNo);
            }
            Kind::Number { unit, min, max, place, .. } => {
                let n = parse_number(arg, *unit)?;
                check_bounds(n, *unit, *min, *max)?;
                place.write(config, self.name, n, Value::Number);
            }
            Kind::Word { words, place, .. } => {
                let words = words();
                let at = words.iter().position(|word| word.as_bytes().eq_ignore_ascii_case(arg));
                let at = at.ok_or_else(|| must_be_one_of(&words))?;
                place.write(config, self.name, at, Value::Word);
            }
            Kind::Text { empty, place, check, .. } => {
                check.map_or(Ok(()), |check| check(arg))?;
                let value = (*empty == Empty::Allowed || !arg.is_empty()).then(|| arg.clone());
                place.write(config, self.name, value, Value::Text);
            }
            Kind::Special(_) => {}
        }
        Ok(())
    }

    /// Whether it takes several values, each a word.
    pub const fn takes_several(&self) -> bool {
        matches!(&self.kind, Kind::Special(special) if special.takes_several())
    }

    /// Put the default into `config`'s field, if it has one.
    pub fn reset(&self, config: &mut Config) {
        match &self.kind {
            Kind::YesNo { default, place: Place::Field { set, .. }, .. } => set(config, *default),
            Kind::Number { default, place: Place::Field { set, .. }, .. } => set(config, *default),
            Kind::Word { default, place: Place::Field { set, .. }, .. } => set(config, *default),
            Kind::Text { default, place: Place::Field { set, .. }, .. } => {
                set(config, default.map(|text| text.as_bytes().to_vec()));
            }
            _ => {}
        }
    }

    /// As `CONFIG GET` prints it.
    pub fn print(&self, config: &Config) -> Vec<u8> {
        match &self.kind {
            Kind::YesNo { default, place, .. } => {
                let yes = place.read(config, self.name, default, as_yes_no);
                if yes { "yes" } else { "no" }.into()
            }
            Kind::Number { unit, default, place, .. } => {
                let n = place.read(config, self.name, default, as_number);
                match unit {
                    Unit::MemoryOrPercent if n < 0 => format!("{}%", -n),
                    Unit::Octal => format!("{n:o}"),
                    _ => format!("{n}"),
                }
                .into()
            }
            Kind::Word { words, default, place } => {
                words()[place.read(config, self.name, default, as_word)].into()
            }
            Kind::Text { .. } => self.text_value(config).unwrap_or_default(),
            Kind::Special(special) => special.print(config),
        }
    }

    /// The lines that `CONFIG REWRITE` writes for it.
    pub fn rewrite(&self, config: &Config) -> Rewritten {
        match &self.kind {
            Kind::YesNo { default, place, .. } => {
                let yes = place.read(config, self.name, default, as_yes_no);
                Rewritten::one(self.print(config), yes != *default)
            }
            Kind::Number { unit, default, place, .. } => {
                let n = place.read(config, self.name, default, as_number);
                // Redis passes the bytes through a signed integer of 64 bits.
                let line = match unit {
                    Unit::Memory | Unit::MemoryOrPercent if n >= 0 => {
                        format_memory(n as u64 as i64).into_bytes()
                    }
                    _ => self.print(config),
                };
                Rewritten::one(line, n != *default)
            }
            Kind::Word { default, place, .. } => {
                let at = place.read(config, self.name, default, as_word);
                Rewritten::one(self.print(config), at != *default)
            }
            Kind::Text { default, .. } => match self.text_value(config) {
                None => Rewritten::none(),
                Some(value) => {
                    let forced = default.is_none_or(|text| text.as_bytes() != value);
                    Rewritten::one(quoted(&value), forced)
                }
            },
            Kind::Special(special) => special.rewrite(config),
        }
    }

    fn text_value(&self, config: &Config) -> Option<Vec<u8>> {
        let Kind::Text { default, place, .. } = &self.kind else { return None };
        match (place, config.kept.get(self.name)) {
            (Place::Field { get, .. }, _) => get(config),
            (Place::Kept, Some(Value::Text(value))) => value.clone(),
            (Place::Kept, _) => default.map(|text| text.as_bytes().to_vec()),
        }
    }
}

/// Where an assignment comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `CONFIG SET`: the new value replaces the old.
    Set,
    /// A file's first line of this directive: it replaces the default.
    FirstInFile,
    /// A later line of the same directive: it adds to the first (`save` alone).
    AgainInFile,
}

impl<T: Copy> Place<T> {
    fn read(
        &self,
        config: &Config,
        name: &'static str,
        default: &T,
        open: fn(&Value) -> Option<T>,
    ) -> T {
        match self {
            Self::Field { get, .. } => get(config),
            Self::Kept => config.kept.get(name).and_then(open).unwrap_or(*default),
        }
    }
}

impl<T> Place<T> {
    fn write(&self, config: &mut Config, name: &'static str, value: T, close: fn(T) -> Value) {
        match self {
            Self::Field { set, .. } => set(config, value),
            Self::Kept => {
                config.kept.insert(name, close(value));
            }
        }
    }
}

fn as_yes_no(value: &Value) -> Option<bool> {
    if let Value::YesNo(yes) = value { Some(*yes) } else { None }
}

fn as_number(value: &Value) -> Option<i128> {
    if let Value::Number(n) = value { Some(*n) } else { None }
}

fn as_word(value: &Value) -> Option<usize> {
    if let Value::Word(at) = value { Some(*at) } else { None }
}

fn parse_yes_no(arg: &[u8]) -> Option<bool> {
    if arg.eq_ignore_ascii_case(b"yes") {
        Some(true)
    } else if arg.eq_ignore_ascii_case(b"no") {
        Some(false)
    } else {
        None
    }
}

fn parse_number(arg: &[u8], unit: Unit) -> Result<i128, &'static str> {
    match unit {
        Unit::Plain => {
            parse_i64(arg).map(i128::from).ok_or("argument couldn't be parsed into an integer")
        }
        Unit::Memory => parse_memory(arg).map(i128::from).ok_or("argument must be a memory value"),
        // Redis keeps this one in a signed integer of 64 bits, so that the largest numbers turn into percentages.
        Unit::MemoryOrPercent => parse_memory(arg)
            .map(|bytes| i128::from(bytes as i64))
            .or_else(|| parse_percent(arg))
            .ok_or("argument must be a memory or percent value"),
        Unit::Octal => parse_lenient(arg, 8)
            .map(i128::from)
            .ok_or("argument couldn't be parsed as an octal number"),
    }
}

fn parse_percent(arg: &[u8]) -> Option<i128> {
    let percent = parse_i64(arg.strip_suffix(b"%")?)?;
    (percent >= 0).then_some(-i128::from(percent))
}

fn check_bounds(n: i128, unit: Unit, min: i128, max: i128) -> Result<(), String> {
    if (min..=max).contains(&n) {
        return Ok(());
    }
    Err(match unit {
        Unit::MemoryOrPercent if n < 0 => {
            format!("percentage argument must be less or equal to {}", -min)
        }
        Unit::Octal => format!("argument must be between {min:o} and {max:o} inclusive"),
        _ => format!("argument must be between {min} and {max} inclusive"),
    })
}

/// The error for a word that is not in the list.
pub fn must_be_one_of(words: &[&str]) -> String {
    format!("argument(s) must be one of the following: {}", words.join(", "))
}

/// `text` between double quotes, as redis.conf reads it back.
pub fn quoted(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 2);
    out.push(b'"');
    for b in text {
        match b {
            b'\\' | b'"' => out.extend([b'\\', *b]),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            0x07 => out.extend(b"\\a"),
            0x08 => out.extend(b"\\b"),
            b' '..=b'~' => out.push(*b),
            _ => out.extend(format!("\\x{b:02x}").bytes()),
        }
    }
    out.push(b'"');
    out
}

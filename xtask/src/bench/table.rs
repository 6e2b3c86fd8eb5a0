//! The result as a table.

use std::fmt::Write;

/// One measured thing.
pub struct Row {
    what: String,
    unit: &'static str,
    /// Debian's Redis; none for what only we have.
    theirs: Option<f64>,
    ours: f64,
    wish: Wish,
}

/// Which way is better.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    Higher,
    Lower,
}

impl Row {
    /// A rate: more is better.
    pub fn rate(what: impl Into<String>, unit: &'static str, [theirs, ours]: [f64; 2]) -> Self {
        Self { what: what.into(), unit, theirs: Some(theirs), ours, wish: Wish::Higher }
    }

    /// A cost: less is better.
    pub fn cost(what: impl Into<String>, unit: &'static str, [theirs, ours]: [f64; 2]) -> Self {
        Self { what: what.into(), unit, theirs: Some(theirs), ours, wish: Wish::Lower }
    }

    /// Something that Redis does not have.
    pub fn alone(what: impl Into<String>, unit: &'static str, ours: f64) -> Self {
        Self { what: what.into(), unit, theirs: None, ours, wish: Wish::Lower }
    }
}

/// `ratio` is ours divided by Redis's; the word behind it says whether that is good.
pub fn table(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.what.chars().count()).max().unwrap_or(0);
    let mut text = format!("{:width$} {:>12} {:>12} {:>7}\n", "", "redis", "ours", "ratio");
    for Row { what, unit, theirs, ours, wish } in rows {
        let (theirs, verdict) = match theirs {
            None => (String::new(), String::new()),
            Some(theirs) => {
                let ratio = ours / theirs;
                let gain = if *wish == Wish::Higher { ratio } else { 1.0 / ratio };
                (number(*theirs), format!("{ratio:>7.2} {}", verdict(gain)))
            }
        };
        writeln!(text, "{what:width$} {theirs:>12} {:>12} {verdict:<14} {unit}", number(*ours))
            .expect("a String takes it");
    }
    text
}

/// A few percent on a machine that does other things too are nothing.
fn verdict(gain: f64) -> &'static str {
    match gain {
        _ if gain > 1.05 => "better",
        _ if gain < 0.95 => "worse",
        _ => "even",
    }
}

/// Three figures that mean something are enough.
fn number(value: f64) -> String {
    match value.abs() {
        big if big >= 100.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

/// The middle of several measurements.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

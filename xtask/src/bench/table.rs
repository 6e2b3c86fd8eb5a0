//! What was measured, as a table: Redis, ours, the ratio, and the bound that is wanted.

use std::fmt::Write;

/// What the ratio ours/Redis should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wanted {
    /// A rate: more is better, no bound was set.
    Higher,
    /// A cost: less is better, no bound was set.
    Lower,
    /// The ratio is to be this at most.
    AtMost(f64),
    /// The ratio is to be this at least.
    AtLeast(f64),
}

/// One value that one server showed in one round.
pub struct Figure {
    what: String,
    unit: &'static str,
    wanted: Wanted,
    value: f64,
    details: Vec<(&'static str, f64)>,
}

impl Figure {
    pub fn new(what: impl Into<String>, unit: &'static str, wanted: Wanted, value: f64) -> Self {
        Self { what: what.into(), unit, wanted, value, details: Vec::new() }
    }

    /// A further value that explains this one, such as the user part of a CPU time.
    pub fn detail(mut self, name: &'static str, value: f64) -> Self {
        self.details.push((name, value));
        self
    }
}

/// The medians of one figure over all rounds.
pub struct Row {
    what: String,
    unit: &'static str,
    wanted: Wanted,
    /// Debian's Redis; none for what only we have.
    theirs: Option<f64>,
    ours: f64,
    /// Name, Redis, ours.
    details: Vec<(&'static str, f64, f64)>,
    remark: String,
}

impl Row {
    /// A figure without a counterpart at Redis.
    pub fn alone(what: impl Into<String>, unit: &'static str, wanted: Wanted, ours: f64) -> Self {
        let (theirs, details, remark) = (None, Vec::new(), String::new());
        Self { what: what.into(), unit, wanted, theirs, ours, details, remark }
    }

    /// The medians of rounds that all measured the same figures, Redis's rounds first.
    pub fn medians([theirs, ours]: [Vec<Vec<Figure>>; 2]) -> Vec<Self> {
        let [theirs, ours] = [theirs, ours].map(columns);
        theirs.into_iter().zip(ours).map(|(theirs, ours)| Self::of(&theirs, &ours)).collect()
    }

    fn of(theirs: &[Figure], ours: &[Figure]) -> Self {
        let first = &theirs[0];
        let detail = |index: usize, rounds: &[Figure]| {
            median(rounds.iter().map(|figure| figure.details[index].1).collect())
        };
        let details = first.details.iter().enumerate();
        Self {
            what: first.what.clone(),
            unit: first.unit,
            wanted: first.wanted,
            theirs: Some(median(theirs.iter().map(|figure| figure.value).collect())),
            ours: median(ours.iter().map(|figure| figure.value).collect()),
            details: details
                .map(|(index, (name, _))| (*name, detail(index, theirs), detail(index, ours)))
                .collect(),
            remark: String::new(),
        }
    }

    /// A detail's medians: Redis's, ours.
    pub fn detail(&self, name: &str) -> Option<[f64; 2]> {
        let found = self.details.iter().find(|(own, ..)| *own == name);
        found.map(|(_, theirs, ours)| [*theirs, *ours])
    }

    /// Adds a sentence at the end of the line.
    pub fn remark(&mut self, text: &str) {
        self.remark = format!("; {text}");
    }

    /// Adds where or how it was measured to the name.
    pub fn suffix(&mut self, text: &str) {
        self.what.push_str(text);
    }

    /// Ours divided by Redis's.
    fn ratio(&self) -> Option<f64> {
        Some(self.ours / self.theirs?)
    }

    /// Whether a bound was set and the ratio breaks it.
    pub fn misses(&self) -> bool {
        match (self.wanted, self.ratio()) {
            // A ratio that is not a number meets no bound.
            (Wanted::AtMost(bound), Some(ratio)) => ratio.is_nan() || ratio > bound,
            (Wanted::AtLeast(bound), Some(ratio)) => ratio.is_nan() || ratio < bound,
            _ => false,
        }
    }

    fn verdict(&self) -> &'static str {
        let Some(ratio) = self.ratio() else { return "" };
        match self.wanted {
            Wanted::AtMost(_) | Wanted::AtLeast(_) if self.misses() => "missed",
            Wanted::AtMost(_) | Wanted::AtLeast(_) => "met",
            Wanted::Higher => in_words(ratio),
            Wanted::Lower => in_words(1.0 / ratio),
        }
    }
}

/// From one list of figures a round to one list of rounds a figure.
fn columns(rounds: Vec<Vec<Figure>>) -> Vec<Vec<Figure>> {
    let mut columns: Vec<Vec<Figure>> = Vec::new();
    for (index, figure) in rounds.into_iter().flat_map(|round| round.into_iter().enumerate()) {
        match columns.get_mut(index) {
            Some(column) => column.push(figure),
            None => columns.push(vec![figure]),
        }
    }
    columns
}

/// A gain of a few percent on a machine that does other things too means nothing.
fn in_words(gain: f64) -> &'static str {
    match gain {
        _ if gain > 1.05 => "better",
        _ if gain < 0.95 => "worse",
        _ => "even",
    }
}

/// All rows as text in columns.
pub fn table(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.what.chars().count()).max().unwrap_or(0);
    let mut text = format!(
        "{:width$} {:>10} {:>10} {:>7} {:>8} {:<7} unit\n",
        "", "redis", "ours", "ratio", "wanted", ""
    );
    for row in rows {
        let wanted = match row.wanted {
            Wanted::AtMost(bound) => format!("<= {bound:.2}"),
            Wanted::AtLeast(bound) => format!(">= {bound:.2}"),
            Wanted::Higher | Wanted::Lower => String::new(),
        };
        let theirs = row.theirs.map(number).unwrap_or_default();
        let ratio = row.ratio().map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
        let details: String = row
            .details
            .iter()
            .map(|(name, theirs, ours)| format!("; {name} {} / {}", number(*theirs), number(*ours)))
            .collect();
        let (what, ours, verdict) = (&row.what, number(row.ours), row.verdict());
        let (unit, remark) = (row.unit, &row.remark);
        writeln!(
            text,
            "{what:width$} {theirs:>10} {ours:>10} {ratio:>7} {wanted:>8} {verdict:<7} {unit}{details}{remark}"
        )
        .expect("a String can always be written to");
    }
    text
}

/// Three significant digits.
fn number(value: f64) -> String {
    match value.abs() {
        big if big >= 100.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        small if small >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// The middle of several measurements.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(values: &[f64], wanted: Wanted) -> Vec<Vec<Figure>> {
        let figure = |value: &f64| Figure::new("time", "s", wanted, *value).detail("user", *value);
        values.iter().map(|value| vec![figure(value)]).collect()
    }

    #[test]
    fn a_row_is_the_median_of_its_rounds() {
        let wanted = Wanted::AtMost(0.85);
        let rows =
            Row::medians([rounds(&[1.0, 9.0, 2.0], wanted), rounds(&[1.5, 0.5, 9.0], wanted)]);
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].theirs, rows[0].ours), (Some(2.0), 1.5));
        assert_eq!(rows[0].detail("user"), Some([2.0, 1.5]));
        assert_eq!(rows[0].verdict(), "met");
    }

    #[test]
    fn a_bound_is_missed_above_below_and_without_a_number() {
        let verdict = |wanted, ours| {
            let rows = Row::medians([rounds(&[1.0], wanted), rounds(&[ours], wanted)]);
            rows[0].verdict()
        };
        assert_eq!(verdict(Wanted::AtMost(0.85), 0.86), "missed");
        assert_eq!(verdict(Wanted::AtLeast(0.9), 0.91), "met");
        assert_eq!(verdict(Wanted::AtLeast(0.9), 0.8), "missed");
        assert_eq!(verdict(Wanted::AtMost(0.85), f64::NAN), "missed");
        assert_eq!(verdict(Wanted::Lower, 0.5), "better");
        assert_eq!(verdict(Wanted::Higher, 0.5), "worse");
    }
}

//! A run as a value: seed, scenario, and what was done when. Nothing else is needed to replay it to the byte.
//!
//! As text (what a failing test prints, and, in base64url, what stands behind the `#` of the page's address):
//!
//! ```text
//! keepsake 2 sentinel 42
//! 2500000 kill m1
//! 9000000 restart m1
//! ```

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    action::{Action, Timed},
    scenario::{NAMES, Scenario},
};

/// The version of the format, and of the meaning of a run.
pub const VERSION: u32 = 2;
/// No link is longer.
const LONGEST_LINK: usize = 256 * 1024;
/// No run goes on longer: a simulated day.
pub const LONGEST_MICROS: u64 = 86_400_000_000;

/// What a run is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The seed of all randomness.
    pub seed: u64,
    /// Where it begins: the name of a scenario.
    pub scenario: String,
    /// What is done, in order of time.
    pub actions: Vec<Timed>,
}

/// Why a link can't be opened: one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLink(pub String);

impl std::fmt::Display for BadLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "This link can't be opened: {}.", self.0)
    }
}

impl std::error::Error for BadLink {}

impl Run {
    /// A run in which nothing is done.
    pub fn new(scenario: &str, seed: u64) -> Self {
        Self { seed, scenario: scenario.to_owned(), actions: Vec::new() }
    }

    /// As text; see the module.
    pub fn to_text(&self) -> String {
        let mut text = format!("keepsake {VERSION} {} {}\n", self.scenario, self.seed);
        if let Some(scenario) = Scenario::named(&self.scenario) {
            for Timed { at, action } in &self.actions {
                text += &format!("{at} {}\n", action.text(&scenario));
            }
        }
        text
    }

    /// Read the text back.
    pub fn from_text(text: &str) -> Result<Self, BadLink> {
        let mut lines = text.lines();
        let (scenario, seed) = header(lines.next().unwrap_or_default())?;
        let mut actions = Vec::new();
        let mut last = 0;
        for (n, line) in lines.enumerate() {
            let bad = |why: String| BadLink(format!("action {}: {why}", n + 1));
            let (at, action) =
                line.split_once(' ').ok_or_else(|| bad(format!("'{line}' is not one")))?;
            let at: u64 = at.parse().map_err(|_| bad(format!("'{at}' is not a time")))?;
            if at < last || at > LONGEST_MICROS {
                return Err(bad(format!("its time {at} is out of order")));
            }
            last = at;
            let action = Action::parse(action, &scenario).map_err(bad)?;
            actions.push(Timed { at, action });
        }
        Ok(Self { seed, scenario: scenario.name, actions })
    }

    /// The fragment of the page's address that opens this run.
    pub fn to_link(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.to_text())
    }

    /// Open such a fragment (with or without its `#`).
    pub fn from_link(link: &str) -> Result<Self, BadLink> {
        let link = link.trim().trim_start_matches('#');
        if link.len() > LONGEST_LINK {
            return Err(BadLink(format!("it is longer than {LONGEST_LINK} characters")));
        }
        let bytes = URL_SAFE_NO_PAD
            .decode(link)
            .map_err(|_| BadLink("it is cut off or has characters that no link has".into()))?;
        let text =
            String::from_utf8(bytes).map_err(|_| BadLink("what it says is not text".into()))?;
        Self::from_text(&text)
    }

    /// Open what stands behind the `#` of the page's address: a run and, behind an `@`, the moment to go to.
    pub fn from_link_at(link: &str) -> Result<(Self, u64), BadLink> {
        let (run, at) = link.split_once('@').unwrap_or((link, "0"));
        let moment = at.parse().ok().filter(|at| *at <= LONGEST_MICROS);
        let moment = moment.ok_or_else(|| BadLink(format!("'{at}' is not a moment of a run")))?;
        Ok((Self::from_link(run)?, moment))
    }

    /// The scenario; runs are only ever made with one that exists.
    pub fn scenario(&self) -> Option<Scenario> {
        Scenario::named(&self.scenario)
    }
}

fn header(line: &str) -> Result<(Scenario, u64), BadLink> {
    let words: Vec<&str> = line.split(' ').collect();
    let ["keepsake", version, scenario, seed] = words[..] else {
        return Err(BadLink("it does not begin as one of this playground".into()));
    };
    if version != VERSION.to_string() {
        return Err(BadLink(format!("it is of version {version}, this page reads {VERSION}")));
    }
    let scenario = Scenario::named(scenario).ok_or_else(|| {
        BadLink(format!("there is no scenario '{scenario}', only {}", NAMES.join(", ")))
    })?;
    let seed = seed.parse().map_err(|_| BadLink(format!("'{seed}' is not a seed")))?;
    Ok((scenario, seed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_says_all_of_a_run() {
        let text = "keepsake 2 sentinel 42\n0 on m1 SET a \"b c\"\n5 partition m1 -> *\n5 partition m1 s1\n\
            5 heal m1 s1\n6 workload @mymaster 10\n6 workload m1 5 mixed\n7 stop c1\n8 power-cut r1 torn\n9 clock-jump s1 -3000\n9 disk-full m1 off\n";
        let run = Run::from_text(text).unwrap();
        assert_eq!(run.to_text(), text);
        assert_eq!(Run::from_link(&format!("#{}", run.to_link())), Ok(run));
    }

    #[test]
    fn a_broken_link_is_one_sentence() {
        let cases = [
            ("", "it does not begin as one of this playground"),
            ("%%%", "it is cut off or has characters that no link has"),
        ];
        for (link, why) in cases {
            let error = Run::from_link(link).unwrap_err();
            assert_eq!(error.to_string(), format!("This link can't be opened: {why}."));
        }
        let texts = [
            ("keepsake 9 single 1", "it is of version 9, this page reads 2"),
            ("keepsake 2 single x", "'x' is not a seed"),
            (
                "keepsake 2 single 1\n5 kill m9",
                "action 1: no node or client of 'single' is called 'm9'",
            ),
            ("keepsake 2 single 1\n5 explode", "action 1: there is no action 'explode'"),
            ("keepsake 2 single 1\n5 heal\n4 heal", "action 2: its time 4 is out of order"),
            ("keepsake 2 single 1\n5 kill m1 m1", "action 1: 'm1' is too much in 'kill m1 m1'"),
        ];
        for (text, why) in texts {
            assert_eq!(Run::from_text(text).unwrap_err().0, why, "{text}");
        }
    }
}

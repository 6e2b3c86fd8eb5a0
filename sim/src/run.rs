//! What a run is made of: a scenario, changes to it, a seed, and what was done when. Nothing else is needed to live it again, to the
//! byte.
//!
//! As text (what a failing test prints):
//!
//! ```text
//! keepsake 3 sentinel 42
//! with m1 appendfsync always
//! 2500000 kill m1
//! 9000000 restart m1
//! ```
//!
//! As a link, what stands behind the `#` of the page's address: that text in base64url (compressed where that is shorter), then
//! `@` and the moment to go to, then `.` and the world's digest at that moment. The digest says whether what is played here is
//! what was seen there: the meaning of a run is what the engine and the simulation do, and they change.
//! [`VERSION`] is raised when they do (`tests/tests/golden.rs` notices it); an older run is played, and the reader is told.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use engine::rdb::lzf;

use crate::{
    action::{Action, Timed},
    scenario::{NAMES, Scenario},
};

/// The version of the format, and of the meaning of a run.
pub const VERSION: u32 = 3;
/// The oldest version whose text can still be read.
const OLDEST: u32 = 2;
/// No link is longer, and no run's text.
const LONGEST_LINK: usize = 256 * 1024;
const LONGEST_TEXT: usize = 4 * 1024 * 1024;
/// No run goes on longer: a simulated day.
pub const LONGEST_MICROS: u64 = 86_400_000_000;
/// What a compressed run begins with: no text does.
const COMPRESSED: u8 = 1;

/// What a run is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The version that it was recorded with.
    pub version: u32,
    /// The seed of all randomness.
    pub seed: u64,
    /// Where it begins: the name of a scenario.
    pub scenario: String,
    /// What is different from that scenario.
    pub changes: Vec<Change>,
    /// What is done, in order of time.
    pub actions: Vec<Timed>,
}

/// A line behind a node's configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The node's name.
    pub node: String,
    /// The line: `appendfsync always`.
    pub line: String,
}

/// A link, read: a run and a place in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The run.
    pub run: Run,
    /// The moment to go to: microseconds since the beginning.
    pub at: u64,
    /// The digest of the world at that moment, where the link was made.
    pub digest: Option<String>,
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
        let (changes, actions) = (Vec::new(), Vec::new());
        Self { version: VERSION, seed, scenario: scenario.to_owned(), changes, actions }
    }

    /// As text; see the module.
    pub fn to_text(&self) -> String {
        let mut text = format!("keepsake {} {} {}\n", self.version, self.scenario, self.seed);
        for Change { node, line } in &self.changes {
            text += &format!("with {node} {line}\n");
        }
        if let Some(scenario) = Scenario::named(&self.scenario) {
            for Timed { at, action } in &self.actions {
                text += &format!("{at} {}\n", action.text(&scenario));
            }
        }
        text
    }

    /// Read the text back.
    pub fn from_text(text: &str) -> Result<Self, BadLink> {
        let mut lines = text.lines().peekable();
        let (version, scenario, seed) = header(lines.next().unwrap_or_default())?;
        let mut changes = Vec::new();
        while let Some(line) = lines.next_if(|line| line.starts_with("with ")) {
            changes.push(Change::parse(line, &scenario)?);
        }
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
        Ok(Self { version, seed, scenario: scenario.name, changes, actions })
    }

    /// What stands in a link for this run, without a moment.
    pub fn to_link(&self) -> String {
        let text = self.to_text();
        let mut packed = vec![COMPRESSED];
        packed.extend_from_slice(&(text.len() as u32).to_le_bytes());
        let room = text.len().saturating_sub(packed.len());
        let shorter = lzf::Compressor::default().compress(text.as_bytes(), room, &mut packed);
        URL_SAFE_NO_PAD.encode(if shorter { packed.as_slice() } else { text.as_bytes() })
    }

    /// Read that back.
    pub fn from_link(link: &str) -> Result<Self, BadLink> {
        let link = link.trim().trim_start_matches('#');
        if link.len() > LONGEST_LINK {
            return Err(BadLink(format!("it is longer than {LONGEST_LINK} characters")));
        }
        let cut_off = || BadLink("it is cut off or has characters that no link has".into());
        let bytes = URL_SAFE_NO_PAD.decode(link).map_err(|_| cut_off())?;
        let bytes = match bytes.split_first() {
            Some((&COMPRESSED, rest)) => unpack(rest).ok_or_else(cut_off)?,
            _ => bytes,
        };
        let text =
            String::from_utf8(bytes).map_err(|_| BadLink("what it says is not text".into()))?;
        Self::from_text(&text)
    }

    /// The scenario with this run's changes; `None`: there is no such scenario.
    pub fn scenario(&self) -> Option<Scenario> {
        let mut scenario = Scenario::named(&self.scenario)?;
        for Change { node, line } in &self.changes {
            let spec = scenario.nodes.iter_mut().find(|spec| spec.name == *node)?;
            spec.config += &format!("{line}\n");
        }
        Some(scenario)
    }
}

impl Change {
    /// Read `with m1 appendfsync always`, the names being those of the scenario.
    pub fn parse(line: &str, scenario: &Scenario) -> Result<Self, BadLink> {
        let bad = |why: &str| BadLink(format!("'{line}': {why}"));
        let words = line.strip_prefix("with ").and_then(|rest| rest.split_once(' '));
        let (node, setting) =
            words.ok_or_else(|| bad("'with' takes a node and a line of its configuration"))?;
        if scenario.node(node).is_none() {
            return Err(bad(&format!("no node of '{}' is called '{node}'", scenario.name)));
        }
        if setting.trim().is_empty() {
            return Err(bad("there is no line of configuration"));
        }
        Ok(Self { node: node.to_owned(), line: setting.to_owned() })
    }
}

impl Link {
    /// Read what stands behind the `#` of the page's address.
    pub fn parse(link: &str) -> Result<Self, BadLink> {
        let (run, place) = link.split_once('@').unwrap_or((link, "0"));
        let (at, digest) = match place.split_once('.') {
            Some((at, digest)) => (at, Some(digest.to_owned())),
            None => (place, None),
        };
        let moment = at.parse().ok().filter(|at| *at <= LONGEST_MICROS);
        let at = moment.ok_or_else(|| BadLink(format!("'{at}' is not a moment of a run")))?;
        Ok(Self { run: Run::from_link(run)?, at, digest })
    }
}

/// What was compressed, behind its length.
fn unpack(bytes: &[u8]) -> Option<Vec<u8>> {
    let (len, packed) = bytes.split_first_chunk::<4>()?;
    let len = u32::from_le_bytes(*len) as usize;
    (len <= LONGEST_TEXT).then(|| lzf::decompress(packed, len)).flatten()
}

fn header(line: &str) -> Result<(u32, Scenario, u64), BadLink> {
    let words: Vec<&str> = line.split(' ').collect();
    let ["keepsake", version, scenario, seed] = words[..] else {
        return Err(BadLink("it does not begin as one of this playground".into()));
    };
    let number = version.parse().ok().filter(|version| (OLDEST..=VERSION).contains(version));
    let number = number.ok_or_else(|| {
        BadLink(format!("it is of version {version}, this page reads {OLDEST} to {VERSION}"))
    })?;
    let scenario = Scenario::named(scenario).ok_or_else(|| {
        BadLink(format!("there is no scenario '{scenario}', only {}", NAMES.join(", ")))
    })?;
    let seed = seed.parse().map_err(|_| BadLink(format!("'{seed}' is not a seed")))?;
    Ok((number, scenario, seed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_says_all_of_a_run() {
        let text = "keepsake 3 sentinel 42\nwith m1 appendfsync always\nwith s1 sentinel failover-timeout mymaster 20000\n0 on m1 SET a \"b c\"\n5 partition m1 -> *\n5 partition m1 s1\n\
            5 heal m1 s1\n6 workload @mymaster 10\n6 workload m1 5 mixed\n7 stop c1\n8 power-cut r1 torn\n9 clock-jump s1 -3000\n9 disk-full m1 off\n";
        let run = Run::from_text(text).unwrap();
        assert_eq!(run.to_text(), text);
        assert_eq!(Run::from_link(&format!("#{}", run.to_link())), Ok(run));
    }

    #[test]
    fn a_long_run_makes_a_short_link() {
        let mut text = "keepsake 3 single 1\n".to_owned();
        for n in 0..2_000 {
            text += &format!("{} on m1 SET key:{n} {n}\n", n * 1_000);
        }
        let run = Run::from_text(&text).unwrap();
        let link = run.to_link();
        assert!(link.len() < text.len() / 2, "{} of {}", link.len(), text.len());
        assert_eq!(Run::from_link(&link), Ok(run.clone()));
        let read = Link::parse(&format!("#{link}@2000.0123abcd")).unwrap();
        assert_eq!((read.run, read.at, read.digest.as_deref()), (run, 2000, Some("0123abcd")));
        for cut in [3, link.len() / 2, link.len() - 1] {
            assert!(Run::from_link(&link[..cut]).is_err());
        }
    }

    #[test]
    fn a_run_of_an_older_version_says_so() {
        let run = Run::from_text("keepsake 2 single 1\n5 kill m1\n").unwrap();
        assert_eq!(run.version, 2);
        assert!(run.to_text().starts_with("keepsake 2 "));
    }

    #[test]
    fn a_change_is_a_line_of_the_node_s_configuration() {
        let run = Run::from_text("keepsake 3 single 1\nwith m1 appendfsync always\n").unwrap();
        let config = run.scenario().unwrap().nodes[0].config.clone();
        assert!(config.ends_with("\nappendfsync always\n"), "{config}");
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
            ("keepsake 9 single 1", "it is of version 9, this page reads 2 to 3"),
            ("keepsake 3 single x", "'x' is not a seed"),
            (
                "keepsake 3 single 1\nwith m9 save 1 1",
                "'with m9 save 1 1': no node of 'single' is called 'm9'",
            ),
            (
                "keepsake 3 single 1\nwith m1",
                "'with m1': 'with' takes a node and a line of its configuration",
            ),
            (
                "keepsake 3 single 1\n5 kill m9",
                "action 1: no node or client of 'single' is called 'm9'",
            ),
            ("keepsake 3 single 1\n5 explode", "action 1: there is no action 'explode'"),
            ("keepsake 3 single 1\n5 heal\n4 heal", "action 2: its time 4 is out of order"),
            ("keepsake 3 single 1\n5 kill m1 m1", "action 1: 'm1' is too much in 'kill m1 m1'"),
        ];
        for (text, why) in texts {
            assert_eq!(Run::from_text(text).unwrap_err().0, why, "{text}");
        }
    }
}

//! The directives that take several arguments, or have rules of their own.

use alloc::{format, string::String, vec::Vec};

use super::{
    Config,
    directive::{Origin, Rewritten, must_be_one_of, quoted},
    number::{format_memory, parse_lenient, parse_memory},
    values::*,
};
use crate::io::Endpoint;

/// The special ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    /// The working directory: the caller changes it, since the engine has none.
    Dir,
    /// Save points: several on a line, several lines.
    Save,
    /// Output limits by class.
    ClientOutputBufferLimit,
    /// Three numbers.
    OomScoreAdjValues,
    /// Letters.
    NotifyKeyspaceEvents,
    /// Addresses.
    Bind,
    /// Host and port.
    ReplicaOf,
    /// Percentages.
    LatencyPercentiles,
    /// Words that combine.
    ShutdownOn(Signal),
}

/// The signals that end a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Int,
    /// kill.
    Term,
}

/// The most addresses that `bind` takes.
const MAX_BIND: usize = 16;
const WRONG_NUMBER: &str = "wrong number of arguments";

impl Special {
    /// Whether `CONFIG SET` splits its value at spaces.
    pub const fn takes_many(self) -> bool {
        !matches!(self, Self::Dir | Self::NotifyKeyspaceEvents)
    }

    /// See [`Directive::assign`](super::Directive::assign).
    pub(super) fn assign(
        self,
        config: &mut Config,
        args: &[Vec<u8>],
        origin: Origin,
    ) -> Result<(), String> {
        match self {
            Self::Dir => {
                let [dir] = args else { return Err(WRONG_NUMBER.into()) };
                config.general.dir = String::from_utf8_lossy(dir).into_owned();
            }
            Self::Save => assign_save(&mut config.persistence.save, args, origin)?,
            Self::ClientOutputBufferLimit => {
                config.network.output_limits = parse_limits(config.network.output_limits, args)?;
            }
            Self::OomScoreAdjValues => config.general.oom_scores = parse_oom_scores(args)?,
            Self::NotifyKeyspaceEvents => {
                let [letters] = args else { return Err(WRONG_NUMBER.into()) };
                config.general.notify_keyspace_events = NotifyEvents::parse(letters)
                    .ok_or("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")?;
            }
            Self::Bind => {
                if args.len() > MAX_BIND {
                    return Err("Too many bind addresses specified.".into());
                }
                let text = |address: &Vec<u8>| String::from_utf8_lossy(address).into_owned();
                config.network.bind = without_single_empty(args).iter().map(text).collect();
            }
            Self::ReplicaOf => config.replication.replicaof = parse_replicaof(args)?,
            Self::LatencyPercentiles => {
                config.general.latency_percentiles = parse_percentiles(args)?;
            }
            Self::ShutdownOn(signal) => *signal.options_mut(config) = parse_shutdown(args)?,
        }
        Ok(())
    }

    /// Whether it takes several values, each a word.
    pub(super) const fn takes_several(self) -> bool {
        !matches!(self, Self::Dir | Self::NotifyKeyspaceEvents)
    }

    /// As `CONFIG GET` prints it.
    pub(super) fn print(self, config: &Config) -> Vec<u8> {
        match self {
            Self::Dir => config.general.dir.clone(),
            Self::Save => joined(config.persistence.save.iter().map(save_text)),
            Self::ClientOutputBufferLimit => joined(ClientClass::ALL.iter().map(|class| {
                let OutputLimit { hard, soft, soft_seconds } =
                    config.network.output_limits.of(*class);
                format!("{} {hard} {soft} {soft_seconds}", class.old_name())
            })),
            Self::OomScoreAdjValues => {
                joined(config.general.oom_scores.0.iter().map(|score| format!("{score}")))
            }
            Self::NotifyKeyspaceEvents => config.general.notify_keyspace_events.letters(),
            Self::Bind => config.network.bind.join(" "),
            Self::ReplicaOf => match &config.replication.replicaof {
                Some(master) => format!("{} {}", master.host, master.port),
                None => String::new(),
            },
            Self::LatencyPercentiles => {
                joined(config.general.latency_percentiles.0.iter().map(percentile_text))
            }
            Self::ShutdownOn(signal) => shutdown_text(signal.options(config)),
        }
        .into_bytes()
    }

    /// The lines that `CONFIG REWRITE` writes.
    pub(super) fn rewrite(self, config: &Config) -> Rewritten {
        let printed = self.print(config);
        let default = Config::default();
        match self {
            Self::Dir => Rewritten::one(quoted(&printed), true),
            Self::Save if config.persistence.save.is_empty() => Rewritten::one("\"\"", true),
            Self::Save => {
                let points = &config.persistence.save;
                let values = points.iter().map(|point| save_text(point).into_bytes()).collect();
                Rewritten { values, forced: alloc::vec![true; points.len()] }
            }
            Self::ClientOutputBufferLimit => rewrite_limits(&config.network.output_limits),
            Self::OomScoreAdjValues => {
                let forced = config.general.oom_scores != default.general.oom_scores;
                Rewritten::one(printed, forced)
            }
            Self::NotifyKeyspaceEvents => {
                let forced = config.general.notify_keyspace_events != NotifyEvents::default();
                Rewritten::one(quoted(&printed), forced)
            }
            Self::Bind if config.network.bind == default.network.bind => Rewritten::none(),
            Self::Bind if printed.is_empty() => Rewritten::one("\"\"", true),
            Self::ReplicaOf if printed.is_empty() => Rewritten::none(),
            Self::LatencyPercentiles if printed.is_empty() => Rewritten::one("\"\"", true),
            Self::Bind | Self::ReplicaOf | Self::LatencyPercentiles => {
                Rewritten::one(printed, true)
            }
            Self::ShutdownOn(signal) => {
                let forced = *signal.options(config) != ShutdownOptions::default();
                Rewritten::one(printed, forced)
            }
        }
    }
}

impl Signal {
    const fn options(self, config: &Config) -> &ShutdownOptions {
        match self {
            Self::Int => &config.general.shutdown_on_sigint,
            Self::Term => &config.general.shutdown_on_sigterm,
        }
    }

    const fn options_mut(self, config: &mut Config) -> &mut ShutdownOptions {
        match self {
            Self::Int => &mut config.general.shutdown_on_sigint,
            Self::Term => &mut config.general.shutdown_on_sigterm,
        }
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(" ")
}

/// A single empty argument means none.
fn without_single_empty(args: &[Vec<u8>]) -> &[Vec<u8>] {
    match args {
        [only] if only.is_empty() => &[],
        args => args,
    }
}

// ------------------------------------------------------------------------------------------- save

fn assign_save(
    save: &mut Vec<SavePoint>,
    args: &[Vec<u8>],
    origin: Origin,
) -> Result<(), &'static str> {
    const INVALID: &str = "Invalid save parameters";
    let mut points = Vec::new();
    // `save ""` takes back whatever was said before it; a bare `save` says nothing.
    let takes_back = matches!(args, [word] if word.is_empty());
    let args = without_single_empty(args);
    if !args.len().is_multiple_of(2) {
        return Err(INVALID);
    }
    for pair in args.chunks_exact(2) {
        let seconds = parse_lenient(&pair[0], 10).filter(|n| *n >= 1).ok_or(INVALID)?;
        let changes = parse_lenient(&pair[1], 10).filter(|n| *n >= 0).ok_or(INVALID)?;
        let changes = u32::try_from(changes).unwrap_or(u32::MAX);
        points.push(SavePoint { seconds: seconds.unsigned_abs(), changes });
    }
    if origin != Origin::AgainInFile || takes_back {
        save.clear();
    }
    save.append(&mut points);
    Ok(())
}

fn save_text(point: &SavePoint) -> String {
    format!("{} {}", point.seconds, point.changes)
}

// ------------------------------------------------------------------------------------------- client-output-buffer-limit

fn parse_limits(mut limits: OutputLimits, args: &[Vec<u8>]) -> Result<OutputLimits, &'static str> {
    // `CONFIG SET … ""` gives one empty argument, which Redis's splitter does not count.
    let args = without_single_empty(args);
    if !args.len().is_multiple_of(4) {
        return Err("Wrong number of arguments in buffer limit configuration.");
    }
    for limit in args.chunks_exact(4) {
        let class = ClientClass::ALL.into_iter().find(|class| {
            [class.name(), class.old_name()]
                .iter()
                .any(|name| name.as_bytes().eq_ignore_ascii_case(&limit[0]))
        });
        let class = class.ok_or("Invalid client class specified in buffer limit configuration.")?;
        let seconds = parse_lenient(&limit[3], 10).and_then(|n| u64::try_from(n).ok());
        let (Some(hard), Some(soft), Some(soft_seconds)) =
            (parse_memory(&limit[1]), parse_memory(&limit[2]), seconds)
        else {
            return Err(
                "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
            );
        };
        limits.set(class, OutputLimit { hard, soft, soft_seconds });
    }
    Ok(limits)
}

fn rewrite_limits(limits: &OutputLimits) -> Rewritten {
    let line = |class: &ClientClass| {
        let OutputLimit { hard, soft, soft_seconds } = limits.of(*class);
        let [hard, soft] = [hard, soft].map(|bytes| format_memory(bytes as i64));
        format!("{} {hard} {soft} {soft_seconds}", class.name()).into_bytes()
    };
    let default = OutputLimits::default();
    let forced = |class: &ClientClass| limits.of(*class) != default.of(*class);
    Rewritten {
        values: ClientClass::ALL.iter().map(line).collect(),
        forced: ClientClass::ALL.iter().map(forced).collect(),
    }
}

// ------------------------------------------------------------------------------------------- the others

fn parse_oom_scores(args: &[Vec<u8>]) -> Result<OomScores, &'static str> {
    const INVALID: &str = "Invalid oom-score-adj-values, elements must be between -2000 and 2000.";
    let [a, b, c] = args else { return Err(WRONG_NUMBER) };
    let mut scores = OomScores::default();
    for (score, arg) in scores.0.iter_mut().zip([a, b, c]) {
        let n = parse_lenient(arg, 10).filter(|n| (-2000..=2000).contains(n)).ok_or(INVALID)?;
        *score = i32::try_from(n).map_err(|_| INVALID)?;
    }
    Ok(scores)
}

fn parse_replicaof(args: &[Vec<u8>]) -> Result<Option<Endpoint>, &'static str> {
    let [host, port] = args else { return Err(WRONG_NUMBER) };
    if host.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one") {
        return Ok(None);
    }
    let port = parse_lenient(port, 10).and_then(|port| u16::try_from(port).ok());
    let port = port.ok_or("Invalid master port")?;
    Ok(Some(Endpoint::new(String::from_utf8_lossy(host), port)))
}

fn parse_percentiles(args: &[Vec<u8>]) -> Result<Percentiles, &'static str> {
    let parse = |arg: &Vec<u8>| {
        let number = core::str::from_utf8(arg).ok().and_then(|text| text.parse::<f64>().ok());
        match number {
            None => Err("Invalid latency-tracking-info-percentiles parameters"),
            Some(n) if (0.0..=100.0).contains(&n) => Ok(n),
            Some(_) => {
                Err("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]")
            }
        }
    };
    without_single_empty(args).iter().map(parse).collect::<Result<_, _>>().map(Percentiles)
}

/// Six decimals at the most, as C's `%f`.
pub(crate) fn percentile_text(percentile: &f64) -> String {
    let text = format!("{percentile:.6}");
    text.trim_end_matches('0').trim_end_matches('.').into()
}

const SHUTDOWN_WORDS: [&str; 5] = ["default", "save", "nosave", "now", "force"];

fn parse_shutdown(args: &[Vec<u8>]) -> Result<ShutdownOptions, String> {
    let mut options = ShutdownOptions::default();
    let mut nosave = false;
    if args.is_empty() {
        return Err(must_be_one_of(&SHUTDOWN_WORDS));
    }
    for arg in args {
        match arg.to_ascii_lowercase().as_slice() {
            b"default" => {}
            b"save" => options.save = ShutdownSave::Save,
            b"nosave" => nosave = true,
            b"now" => options.now = true,
            b"force" => options.force = true,
            _ => return Err(must_be_one_of(&SHUTDOWN_WORDS)),
        }
    }
    if nosave && options.save == ShutdownSave::Save {
        return Err("shutdown options SAVE and NOSAVE can't be used simultaneously".into());
    }
    if nosave {
        options.save = ShutdownSave::NoSave;
    }
    Ok(options)
}

fn shutdown_text(options: &ShutdownOptions) -> String {
    let words = [
        ("save", options.save == ShutdownSave::Save),
        ("nosave", options.save == ShutdownSave::NoSave),
        ("now", options.now),
        ("force", options.force),
    ];
    let set: Vec<&str> = words.into_iter().filter(|(_, on)| *on).map(|(word, _)| word).collect();
    if set.is_empty() { "default".into() } else { set.join(" ") }
}

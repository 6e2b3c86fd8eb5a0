//! Options that several commands share: `EX 10`, `KEEPTTL`, `NX`, `GET`.

use crate::{number::parse_i64, refusal::Refusal, resp::Args};

/// When a key is to expire, as the arguments give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpiryOption<'a> {
    /// No such option.
    Unsaid,
    /// `EX`: seconds from now.
    Seconds(&'a [u8]),
    /// `PX`: milliseconds from now.
    Millis(&'a [u8]),
    /// `EXAT`: seconds of Unix time.
    AtSeconds(&'a [u8]),
    /// `PXAT`: milliseconds of Unix time.
    AtMillis(&'a [u8]),
}

impl ExpiryOption<'_> {
    /// Whether it names a moment and not a length of time.
    pub const fn is_absolute(self) -> bool {
        matches!(self, Self::AtSeconds(_) | Self::AtMillis(_))
    }

    /// The moment in milliseconds of Unix time.
    ///
    /// # Errors
    /// No integer, or a moment that `command` can't be meant to name: not positive, or beyond 64 bits.
    pub fn moment(self, command: &str, now: u64) -> Result<Option<u64>, Refusal> {
        let (text, unit, base) = match self {
            Self::Unsaid => return Ok(None),
            Self::Seconds(text) => (text, 1000, now),
            Self::Millis(text) => (text, 1, now),
            Self::AtSeconds(text) => (text, 1000, 0),
            Self::AtMillis(text) => (text, 1, 0),
        };
        let number = parse_i64(text).ok_or(Refusal::NotAnInteger)?;
        let at = Some(number)
            .filter(|number| *number > 0)
            .and_then(|number| number.checked_mul(unit))
            .and_then(|millis| millis.checked_add(base as i64));
        match at {
            Some(at) => Ok(Some(at as u64)),
            None => Err(Refusal::err(format_args!("invalid expire time in '{command}' command"))),
        }
    }
}

/// The options of SET and GETEX.
#[derive(Clone, Copy, Debug)]
pub struct StringOptions<'a> {
    /// Only if the key is missing.
    pub nx: bool,
    /// Only if it is there.
    pub xx: bool,
    /// Answer the old value.
    pub get: bool,
    /// Keep the time to live.
    pub keep_ttl: bool,
    /// Take the time to live away.
    pub persist: bool,
    /// When it is to expire.
    pub expiry: ExpiryOption<'a>,
}

/// Whose options are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// SET.
    Set,
    /// GETEX.
    Getex,
}

impl<'a> StringOptions<'a> {
    /// SET's options are read.
    pub const SET: Of = Of::Set;
    /// GETEX's options are read.
    pub const GETEX: Of = Of::Getex;

    /// Read the options in `args`, in any order.
    ///
    /// # Errors
    /// A syntax error for an unknown option, or for two that exclude each other.
    pub fn parse(args: Args<'a>, of: Of) -> Result<Self, Refusal> {
        let mut options = Self {
            nx: false,
            xx: false,
            get: false,
            keep_ttl: false,
            persist: false,
            expiry: ExpiryOption::Unsaid,
        };
        let mut i = 0;
        while let Some(word) = args.get(i) {
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            let free =
                options.expiry == ExpiryOption::Unsaid && !options.keep_ttl && !options.persist;
            let timed = args.get(i + 1).filter(|_| free);
            match of {
                Of::Set if is("nx") && !options.xx => options.nx = true,
                Of::Set if is("xx") && !options.nx => options.xx = true,
                Of::Set if is("get") => options.get = true,
                Of::Set if is("keepttl") && options.expiry == ExpiryOption::Unsaid => {
                    options.keep_ttl = true;
                }
                Of::Getex if is("persist") && options.expiry == ExpiryOption::Unsaid => {
                    options.persist = true;
                }
                _ => {
                    let text = timed.ok_or(Refusal::Syntax)?;
                    options.expiry = match () {
                        () if is("ex") => ExpiryOption::Seconds(text),
                        () if is("px") => ExpiryOption::Millis(text),
                        () if is("exat") => ExpiryOption::AtSeconds(text),
                        () if is("pxat") => ExpiryOption::AtMillis(text),
                        () => return Err(Refusal::Syntax),
                    };
                    i += 1;
                }
            }
            i += 1;
        }
        Ok(options)
    }
}

//! Strings, in the shortest of three forms:
//!
//! ```text
//!   <length> <bytes>                        plain
//!   C0 <i8> | C1 <i16 LE> | C2 <i32 LE>     the decimal text of a number
//!   C3 <compressed length> <length> <LZF>   more than 20 bytes, and LZF saves at least four
//! ```

use super::length::{self, Length, LengthError};
use super::lzf::{self, Compressor};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

const INT8: u8 = 0;
const INT16: u8 = 1;
const INT32: u8 = 2;
const LZF: u8 = 3;
/// What a first byte looks like when a special encoding follows.
const SPECIAL: u8 = 0xc0;

/// The longest string that LZF may expand to: 512 MB, the limit of a Redis string.
const MAX_EXPANDED: u64 = 512 << 20;

/// Why a string could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StringError {
    /// So many bytes are needed, counted from the first of the string's.
    Short(usize),
    /// No string looks like this; the sentence says why.
    Bad(String),
}

impl From<LengthError> for StringError {
    fn from(error: LengthError) -> Self {
        match error {
            LengthError::Short(needed) => Self::Short(needed),
            LengthError::Unknown(byte) => {
                Self::Bad(format!("Unknown length encoding {byte} in rdbLoadLen()"))
            }
        }
    }
}

/// Appends a string; `lzf` is there when compression is on.
pub fn put(out: &mut Vec<u8>, string: &[u8], lzf: Option<&mut Compressor>) {
    if let Some(n) = as_integer(string) {
        return put_integer(out, n);
    }
    if let Some(lzf) = lzf.filter(|_| string.len() > 20)
        && put_compressed(out, string, lzf)
    {
        return;
    }
    length::put(out, string.len() as u64);
    out.extend_from_slice(string);
}

/// The number whose canonical decimal text this is, if it fits 32 bits.
fn as_integer(string: &[u8]) -> Option<i32> {
    if string.is_empty() || string.len() > 11 {
        return None;
    }
    let (negative, digits) = match string {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let canonical = match digits {
        [] => false,
        [b'0'] => !negative,
        [first, ..] => *first != b'0',
    };
    if !canonical || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let magnitude = digits.iter().fold(0_i64, |n, digit| n * 10 + i64::from(digit - b'0'));
    i32::try_from(if negative { -magnitude } else { magnitude }).ok()
}

fn put_integer(out: &mut Vec<u8>, n: i32) {
    if let Ok(n) = i8::try_from(n) {
        out.extend_from_slice(&[SPECIAL | INT8, n as u8]);
    } else if let Ok(n) = i16::try_from(n) {
        out.push(SPECIAL | INT16);
        out.extend_from_slice(&n.to_le_bytes());
    } else {
        out.push(SPECIAL | INT32);
        out.extend_from_slice(&n.to_le_bytes());
    }
}

/// The two lengths stand before the compressed bytes, but the first of them is known only after.
fn put_compressed(out: &mut Vec<u8>, string: &[u8], lzf: &mut Compressor) -> bool {
    let start = out.len();
    if !lzf.compress(string, string.len() - 4, out) {
        return false;
    }
    let mut prefix = Vec::with_capacity(19);
    prefix.push(SPECIAL | LZF);
    length::put(&mut prefix, (out.len() - start) as u64);
    length::put(&mut prefix, string.len() as u64);
    out.splice(start..start, prefix);
    true
}

/// Reads a string from the front of `bytes`; returns it with the number of bytes that it took.
pub fn take(bytes: &[u8]) -> Result<(Vec<u8>, usize), StringError> {
    match length::take(bytes)? {
        (Length::Plain(len), at) => {
            let (string, end) = slice(bytes, at, len)?;
            Ok((string.to_vec(), end))
        }
        (Length::Special(INT8), at) => {
            let (n, end) = slice(bytes, at, 1)?;
            Ok((format!("{}", n[0] as i8).into_bytes(), end))
        }
        (Length::Special(INT16), at) => {
            let (n, end) = slice(bytes, at, 2)?;
            Ok((format!("{}", i16::from_le_bytes([n[0], n[1]])).into_bytes(), end))
        }
        (Length::Special(INT32), at) => {
            let (n, end) = slice(bytes, at, 4)?;
            Ok((format!("{}", i32::from_le_bytes([n[0], n[1], n[2], n[3]])).into_bytes(), end))
        }
        (Length::Special(LZF), at) => take_compressed(bytes, at),
        (Length::Special(other), _) => {
            Err(StringError::Bad(format!("Unknown RDB string encoding type {other}")))
        }
    }
}

fn take_compressed(bytes: &[u8], at: usize) -> Result<(Vec<u8>, usize), StringError> {
    let (compressed, at) = plain(bytes, at)?;
    let (expanded, at) = plain(bytes, at)?;
    if expanded > MAX_EXPANDED {
        return Err(StringError::Bad(format!(
            "a compressed string claims to expand to {expanded} bytes; a string has at most 512 MB"
        )));
    }
    let (compressed, end) = slice(bytes, at, compressed)?;
    let string = lzf::decompress(compressed, expanded as usize)
        .ok_or_else(|| StringError::Bad(String::from("Invalid LZF compressed string")))?;
    Ok((string, end))
}

fn plain(bytes: &[u8], at: usize) -> Result<(u64, usize), StringError> {
    let rest = bytes.get(at..).unwrap_or_default();
    match length::take(rest) {
        Ok((Length::Plain(n), used)) => Ok((n, at + used)),
        Ok((Length::Special(n), _)) => Err(StringError::Bad(format!(
            "encoding {n} where the length of a compressed string belongs"
        ))),
        Err(LengthError::Short(needed)) => Err(StringError::Short(at + needed)),
        Err(error) => Err(error.into()),
    }
}

/// The `len` bytes from `at` on, and where they end.
fn slice(bytes: &[u8], at: usize, len: u64) -> Result<(&[u8], usize), StringError> {
    let end = usize::try_from(len)
        .ok()
        .and_then(|len| at.checked_add(len))
        .filter(|end| *end <= isize::MAX as usize)
        .ok_or_else(|| StringError::Bad(format!("a string of {len} bytes cannot exist here")))?;
    match bytes.get(at..end) {
        Some(slice) => Ok((slice, end)),
        None => Err(StringError::Short(end)),
    }
}

//! Numbers and lengths: the two top bits of the first byte say how many bytes there are.
//!
//! ```text
//!   00xxxxxx                        0 to 63
//!   01xxxxxx xxxxxxxx               0 to 16383
//!   10000000 <4 bytes, big endian>  up to 2^32 - 1
//!   10000001 <8 bytes, big endian>  anything
//!   11xxxxxx                        not a length: a string in special encoding xxxxxx follows
//! ```

use alloc::vec::Vec;

/// What a length prefix says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// A plain number.
    Plain(u64),
    /// A string in a special encoding: see [`super::string`].
    Special(u8),
}

/// Why a prefix could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LengthError {
    /// So many bytes are needed, counted from the first of the prefix.
    Short(usize),
    /// No prefix begins with this byte.
    Unknown(u8),
}

/// Appends a number in its shortest form.
pub fn put(out: &mut Vec<u8>, n: u64) {
    if n < 1 << 6 {
        out.push(n as u8);
    } else if n < 1 << 14 {
        out.extend_from_slice(&(0x4000 | n as u16).to_be_bytes());
    } else if let Ok(n) = u32::try_from(n) {
        out.push(0x80);
        out.extend_from_slice(&n.to_be_bytes());
    } else {
        out.push(0x81);
        out.extend_from_slice(&n.to_be_bytes());
    }
}

/// Reads a prefix from the front of `bytes`; returns it with the number of bytes that it took.
pub fn take(bytes: &[u8]) -> Result<(Length, usize), LengthError> {
    let first = *bytes.first().ok_or(LengthError::Short(1))?;
    match first >> 6 {
        0 => Ok((Length::Plain(u64::from(first)), 1)),
        1 => {
            let [high, low] = array::<2>(bytes, 0)?;
            Ok((Length::Plain(u64::from(high & 0x3f) << 8 | u64::from(low)), 2))
        }
        2 if first == 0x80 => {
            Ok((Length::Plain(u64::from(u32::from_be_bytes(array(bytes, 1)?))), 5))
        }
        2 if first == 0x81 => Ok((Length::Plain(u64::from_be_bytes(array(bytes, 1)?)), 9)),
        2 => Err(LengthError::Unknown(first)),
        _ => Ok((Length::Special(first & 0x3f), 1)),
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], LengthError> {
    let slice = bytes.get(at..at + N).ok_or(LengthError::Short(at + N))?;
    Ok(core::array::from_fn(|i| slice[i]))
}

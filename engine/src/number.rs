//! Numbers as Redis reads and writes them.

mod big;
mod long_double;
#[cfg(test)]
mod tests;
mod text;

pub use long_double::LongDouble;

use alloc::format;
use alloc::string::String;

/// The longest text of an `i64`: a sign and nineteen digits.
pub const I64_MAX_DIGITS: usize = 20;

/// Reads an `i64` in its only canonical form: no sign but a minus, no leading zeros, no spaces, no `-0`.
#[inline]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'0'] => return Some(0),
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if !(1..I64_MAX_DIGITS).contains(&digits.len()) || digits[0] == b'0' {
        return None;
    }
    let mut magnitude: u64 = 0;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        // Nineteen digits never overflow a u64.
        magnitude = magnitude * 10 + u64::from(digit - b'0');
    }
    if negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

/// An `i64` as text, without an allocation.
#[derive(Clone, Copy, Debug)]
pub struct I64Text {
    bytes: [u8; I64_MAX_DIGITS],
    start: usize,
}

impl I64Text {
    /// Writes `number`.
    pub fn new(number: i64) -> Self {
        let mut text = I64Text { bytes: [0; I64_MAX_DIGITS], start: I64_MAX_DIGITS };
        let mut rest = number.unsigned_abs();
        loop {
            text.start -= 1;
            text.bytes[text.start] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if number < 0 {
            text.start -= 1;
            text.bytes[text.start] = b'-';
        }
        text
    }
}

impl core::ops::Deref for I64Text {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

/// Writes a double as `%.17g` does, and as Redis 7.0 answers one: seventeen significant digits, without trailing zeros,
/// with an exponent when that is below -4 or above 16.
pub fn format_f64(number: f64) -> String {
    if number.is_nan() {
        return "nan".into();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf".into() } else { "-inf".into() };
    }
    let scientific = format!("{number:.16e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if mantissa.starts_with('-') { "-" } else { "" };
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let digits = match digits.trim_end_matches('0') {
        "" => "0",
        digits => digits,
    };
    if !(-4..17).contains(&exponent) {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        let exponent_sign = if exponent < 0 { '-' } else { '+' };
        return format!("{sign}{first}{point}{rest}e{exponent_sign}{:02}", exponent.abs());
    }
    if exponent < 0 {
        let zeros = "0".repeat((-exponent - 1) as usize);
        return format!("{sign}0.{zeros}{digits}");
    }
    let whole = exponent as usize + 1;
    if digits.len() <= whole {
        return format!("{sign}{digits}{}", "0".repeat(whole - digits.len()));
    }
    let (integer, fraction) = digits.split_at(whole);
    format!("{sign}{integer}.{fraction}")
}

/// Reads a double as C's `strtod` does, and refuses what Redis refuses: spaces, trailing bytes, NaN, numbers too large,
/// and numbers so small that nothing is left of them.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    use text::{Text, hexadecimal, round_to, split};
    let (negative, parts) = split(text)?;
    let size = match parts {
        Text::Infinity => f64::INFINITY,
        Text::Decimal { digits, .. } => {
            let text = core::str::from_utf8(text).ok()?;
            let size = text.parse::<f64>().ok()?.abs();
            let vanished = size == 0.0 && digits.iter().any(|&digit| digit != b'0');
            Some(size).filter(|size| size.is_finite() && !vanished)?
        }
        Text::Hexadecimal { digits, fraction, exponent } => {
            let exact = hexadecimal(digits, fraction, exponent)?;
            let nothing = exact.mantissa == 0 && !exact.sticky;
            let (mantissa, exponent) = round_to(exact, f64::MANTISSA_DIGITS, -1074);
            if (mantissa == 0 && !nothing) || exponent > 971 {
                return None;
            }
            f64_from_parts(mantissa, exponent)
        }
    };
    Some(if negative { -size } else { size })
}

/// `mantissa × 2^exponent` where that is a double.
fn f64_from_parts(mantissa: u64, exponent: i32) -> f64 {
    const TOP: u64 = 1 << 52;
    match mantissa {
        0..TOP => f64::from_bits(mantissa),
        _ => f64::from_bits(((exponent + 1075) as u64) << 52 | (mantissa - TOP)),
    }
}

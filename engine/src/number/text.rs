//! The text of a number, as C knows it, taken apart exactly: what is left to do is to round it to a format.

use super::big::{Big, powers_of_ten};
use alloc::vec::Vec;

/// `mantissa × 2^exponent`, and a little more if `sticky`: an exact number on its way to being rounded.
pub(super) struct Unrounded {
    pub mantissa: u128,
    pub exponent: i32,
    pub sticky: bool,
}

/// A number's text taken apart, as [`split`] does it.
pub(super) enum Text<'a> {
    Infinity,
    /// Digits (without the point), and the power of ten they are to be multiplied by.
    Decimal {
        digits: Vec<u8>,
        exponent: i64,
    },
    /// The same in base 16; the exponent is a power of two.
    Hexadecimal {
        digits: &'a [u8],
        fraction: &'a [u8],
        exponent: i64,
    },
}

/// Takes a sign and the parts of a number apart: decimal, hexadecimal or infinity, in the forms that C knows.
pub(super) fn split(text: &[u8]) -> Option<(bool, Text<'_>)> {
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if text.eq_ignore_ascii_case(b"inf") || text.eq_ignore_ascii_case(b"infinity") {
        return Some((negative, Text::Infinity));
    }
    let text = match text {
        [b'0', b'x' | b'X', rest @ ..] => {
            let (digits, fraction, exponent) = parts(rest, u8::is_ascii_hexdigit, b'p')?;
            Text::Hexadecimal { digits, fraction, exponent }
        }
        _ => {
            let (digits, fraction, exponent) = parts(text, u8::is_ascii_digit, b'e')?;
            let exponent = exponent.saturating_sub(fraction.len() as i64);
            Text::Decimal { digits: [digits, fraction].concat(), exponent }
        }
    };
    Some((negative, text))
}

/// Digits before and behind the point (at least one), and the exponent.
fn parts(text: &[u8], digit: fn(&u8) -> bool, mark: u8) -> Option<(&[u8], &[u8], i64)> {
    let run = |text: &[u8]| text.iter().take_while(|byte| digit(byte)).count();
    let (integer, rest) = text.split_at(run(text));
    let (fraction, rest) = match rest {
        [b'.', rest @ ..] => rest.split_at(run(rest)),
        _ => (&rest[..0], rest),
    };
    if integer.is_empty() && fraction.is_empty() {
        return None;
    }
    let exponent = match rest {
        [] => 0,
        [byte, rest @ ..] if byte.eq_ignore_ascii_case(&mark) => exponent(rest)?,
        _ => return None,
    };
    Some((integer, fraction, exponent))
}

/// A signed exponent. One beyond all use is cut short: it only has to stay beyond all use.
fn exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let size = digits
        .iter()
        .fold(0i64, |sum, digit| (sum * 10 + i64::from(digit - b'0')).min(1_000_000_000));
    Some(if negative { -size } else { size })
}

/// `digits × 10^exponent`, exactly. `None` when it is beyond all formats.
pub(super) fn decimal(digits: &[u8], exponent: i64) -> Option<Unrounded> {
    let lead = digits.iter().take_while(|&&digit| digit == b'0').count();
    let digits = &digits[lead..];
    let trail = digits.iter().rev().take_while(|&&digit| digit == b'0').count();
    let (digits, exponent) = (&digits[..digits.len() - trail], exponent + trail as i64);
    let magnitude = exponent + digits.len() as i64;
    if digits.is_empty() || magnitude < -5200 {
        return Some(Unrounded { mantissa: 0, exponent: 0, sticky: !digits.is_empty() });
    }
    if magnitude > 5200 {
        return None;
    }
    let mut number = Big::from_digits(digits);
    for power in powers_of_ten(exponent) {
        number.multiply_add(power, 0);
    }
    let mut sticky = false;
    let mut shift = 0;
    if exponent < 0 {
        // Room for 128 good bits after dividing: a decimal digit is less than three and a half bits.
        shift = 7 * exponent.unsigned_abs() as u32 / 2 + 192;
        number = number.shifted_left(shift);
        for power in powers_of_ten(-exponent) {
            sticky |= number.divide(power) != 0;
        }
    }
    let (mantissa, dropped, more) = number.top();
    Some(Unrounded { mantissa, exponent: dropped as i32 - shift as i32, sticky: sticky || more })
}

/// `digits.fraction × 2^exponent` in base 16. `None` when it is beyond all formats.
pub(super) fn hexadecimal(digits: &[u8], fraction: &[u8], exponent: i64) -> Option<Unrounded> {
    let mut number = Big::from(0);
    for &digit in digits.iter().chain(fraction) {
        number.multiply_add(16, char::from(digit).to_digit(16)?);
    }
    let (mantissa, dropped, sticky) = number.top();
    let exponent = exponent - 4 * fraction.len() as i64 + i64::from(dropped);
    match exponent {
        _ if mantissa == 0 => Some(Unrounded { mantissa, exponent: 0, sticky }),
        ..-100_000 => Some(Unrounded { mantissa: 0, exponent: 0, sticky: true }),
        -100_000..=100_000 => Some(Unrounded { mantissa, exponent: exponent as i32, sticky }),
        _ => None,
    }
}

/// Rounds to `bits` bits (at most 64), to nearest, ties to even; fewer where the exponent would fall below `least`.
pub(super) fn round_to(exact: Unrounded, bits: u32, least: i32) -> (u64, i32) {
    let Unrounded { mantissa, exponent, sticky } = exact;
    if mantissa == 0 {
        return (0, least);
    }
    // Left-justified first, so that there is one case: bits to drop on the right.
    let lead = mantissa.leading_zeros();
    let mantissa = mantissa << lead;
    let exponent = exponent - lead as i32;
    let normal = (u128::BITS - bits) as i32;
    let drop = normal.max(least.saturating_sub(exponent));
    let target = exponent.saturating_add(drop);
    if drop > u128::BITS as i32 {
        return (0, least);
    }
    let kept = mantissa.checked_shr(drop as u32).unwrap_or(0);
    let rest = mantissa.wrapping_sub(kept.checked_shl(drop as u32).unwrap_or(0));
    let half = 1u128 << (drop - 1);
    let up = rest > half || (rest == half && (sticky || kept & 1 == 1));
    let kept = kept + u128::from(up);
    if kept >> bits != 0 {
        return ((kept >> 1) as u64, target + 1);
    }
    (kept as u64, target)
}

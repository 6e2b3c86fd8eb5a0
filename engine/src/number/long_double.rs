//! The 80-bit `long double` of x86, in software.
//!
//! INCRBYFLOAT adds in `long double`: that is why 0.1 + 0.2 is 0.3 in Redis and not 0.30000000000000004. No Rust target
//! has the type, so here it is, as far as that command needs it: read, add, write, each exact and rounded once (to
//! nearest, ties to even), by integers alone. The result is the same to the last digit on every platform.
//!
//! A finite number is `mantissa × 2^exponent`, the mantissa holding 64 bits with its top bit set (or fewer, at the
//! smallest exponent: subnormal numbers).

use super::big::Big;
use super::text::{Text, Unrounded, decimal, hexadecimal, round_to, split};
use alloc::string::String;

/// The exponent of subnormal numbers, and the least there is.
const MIN_EXPONENT: i32 = -16445;
const MAX_EXPONENT: i32 = 16320;
/// Digits behind the point when writing: `%.17Lf`.
const DECIMALS: usize = 17;
const TEN_TO_DECIMALS: u128 = 10u128.pow(DECIMALS as u32);
/// Redis reads no longer text than its buffer holds.
const LONGEST_TEXT: usize = 5 * 1024 - 1;

/// A number in the x87 extended format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongDouble {
    negative: bool,
    size: Size,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Size {
    Finite { mantissa: u64, exponent: i32 },
    Infinite,
}

impl LongDouble {
    /// Nothing.
    pub const ZERO: Self =
        LongDouble { negative: false, size: Size::Finite { mantissa: 0, exponent: MIN_EXPONENT } };

    /// Reads a number as C's `strtold` does, and refuses what Redis refuses: spaces, trailing bytes, NaN, numbers too
    /// large, and numbers so small that nothing is left of them.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() > LONGEST_TEXT {
            return None;
        }
        let (negative, text) = split(text)?;
        let unrounded = match text {
            Text::Infinity => return Some(LongDouble { negative, size: Size::Infinite }),
            Text::Decimal { digits, exponent } => decimal(&digits, exponent)?,
            Text::Hexadecimal { digits, fraction, exponent } => {
                hexadecimal(digits, fraction, exponent)?
            }
        };
        let nothing = unrounded.mantissa == 0 && !unrounded.sticky;
        let number = Self::round(negative, unrounded);
        match number.size {
            Size::Infinite => None,
            Size::Finite { mantissa: 0, .. } if !nothing => None,
            Size::Finite { .. } => Some(number),
        }
    }

    /// Whether it is neither infinite nor NaN (which does not exist here: see [`LongDouble::plus`]).
    pub fn is_finite(self) -> bool {
        self.size != Size::Infinite
    }

    /// The sum, or `None` for infinity minus infinity, which is not a number.
    pub fn plus(self, other: Self) -> Option<Self> {
        let (
            Size::Finite { mantissa: ma, exponent: ea },
            Size::Finite { mantissa: mb, exponent: eb },
        ) = (self.size, other.size)
        else {
            let sum = if self.is_finite() { other } else { self };
            let opposed =
                !self.is_finite() && !other.is_finite() && self.negative != other.negative;
            return (!opposed).then_some(sum);
        };
        if (eb, mb) > (ea, ma) {
            return other.plus(self);
        }
        // The larger one gets 62 more bits to the right, the smaller one is moved under it. What falls off the end
        // leaves a one in the last place, which is all that rounding needs to know of it.
        const ROOM: u32 = 62;
        let large = u128::from(ma) << ROOM;
        let distance = (ea - eb) as u32;
        let small = u128::from(mb) << ROOM;
        let moved = small.checked_shr(distance).unwrap_or(0);
        let lost = small != 0 && (distance >= 128 || moved << distance != small);
        let small = moved | u128::from(lost);
        let subtract = self.negative != other.negative;
        let mantissa = if subtract { large - small } else { large + small };
        let negative = if mantissa == 0 { self.negative && other.negative } else { self.negative };
        let exponent = ea - ROOM as i32;
        Some(Self::round(negative, Unrounded { mantissa, exponent, sticky: false }))
    }

    /// Rounds an exact number to what the format can hold.
    fn round(negative: bool, exact: Unrounded) -> Self {
        let (mantissa, exponent) = round_to(exact, u64::BITS, MIN_EXPONENT);
        let size = if exponent > MAX_EXPONENT {
            Size::Infinite
        } else {
            Size::Finite { mantissa, exponent }
        };
        LongDouble { negative, size }
    }

    /// Writes the number without an exponent, with up to 17 decimals and no trailing zeros, as INCRBYFLOAT does.
    pub fn to_text(self) -> String {
        let Size::Finite { mantissa, exponent } = self.size else {
            return if self.negative { "-inf".into() } else { "inf".into() };
        };
        let digits = if exponent >= 0 {
            let mut digits =
                Big::from(u128::from(mantissa)).shifted_left(exponent as u32).into_digits();
            digits.resize(digits.len() + DECIMALS, b'0');
            digits
        } else {
            Big::from(scaled(mantissa, exponent.unsigned_abs())).into_digits()
        };
        let digits: String = digits.into_iter().map(char::from).collect();
        let digits = alloc::format!("{digits:0>width$}", width = DECIMALS + 1);
        let (integer, fraction) = digits.split_at(digits.len() - DECIMALS);
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        let zero = integer == "0" && fraction.is_empty();
        let sign = if self.negative && !zero { "-" } else { "" };
        alloc::format!("{sign}{integer}{point}{fraction}")
    }
}

/// `mantissa / 2^shift × 10^17`, rounded to nearest, ties to even.
fn scaled(mantissa: u64, shift: u32) -> u128 {
    // At most 64 + 57 bits.
    let exact = u128::from(mantissa) * TEN_TO_DECIMALS;
    if shift >= u128::BITS {
        return 0;
    }
    let floor = exact >> shift;
    let rest = exact - (floor << shift);
    let half = 1u128 << (shift - 1);
    floor + u128::from(rest > half || (rest == half && floor & 1 == 1))
}

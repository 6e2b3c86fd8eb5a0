//! The 80-bit `long double` of x86, in software.
//!
//! INCRBYFLOAT adds in `long double`: that is why 0.1 + 0.2 is 0.3 in Redis and not 0.30000000000000004. No Rust target
//! has the type, so here it is, as far as that command needs it: read, add, write, each exact and rounded once (to
//! nearest, ties to even), by integers alone. The result is the same to the last digit on every platform.
//!
//! A finite number is `mantissa × 2^exponent`, the mantissa holding 64 bits with its top bit set (or fewer, at the
//! smallest exponent: subnormal numbers).

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

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

/// `mantissa × 2^exponent`, and a little more if `sticky`: an exact number on its way to being rounded.
pub(super) struct Unrounded {
    pub mantissa: u128,
    pub exponent: i32,
    pub sticky: bool,
}

/// A number's text taken apart; see [`split`].
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

impl LongDouble {
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

/// Ten to the power of `exponent` as factors that fit a word.
fn powers_of_ten(exponent: i64) -> impl Iterator<Item = u32> {
    (0..exponent.max(0)).step_by(9).map(move |done| 10u32.pow((exponent - done).min(9) as u32))
}

/// A natural number of any size, least significant word first.
struct Big(Vec<u32>);

impl From<u128> for Big {
    fn from(mut number: u128) -> Self {
        let mut words = Vec::new();
        while number != 0 {
            words.push(number as u32);
            number >>= 32;
        }
        Big(words)
    }
}

impl Big {
    fn from_digits(digits: &[u8]) -> Self {
        let mut number = Big(Vec::new());
        for group in digits.chunks(9) {
            let value = group.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
            number.multiply_add(10u32.pow(group.len() as u32), value);
        }
        number
    }

    fn multiply_add(&mut self, factor: u32, addend: u32) {
        let mut carry = u64::from(addend);
        for word in &mut self.0 {
            carry += u64::from(*word) * u64::from(factor);
            *word = carry as u32;
            carry >>= 32;
        }
        if carry != 0 {
            self.0.push(carry as u32);
        }
    }

    /// Divides in place and returns the remainder.
    fn divide(&mut self, divisor: u32) -> u32 {
        let mut rest: u64 = 0;
        for word in self.0.iter_mut().rev() {
            rest = rest << 32 | u64::from(*word);
            *word = (rest / u64::from(divisor)) as u32;
            rest %= u64::from(divisor);
        }
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
        rest as u32
    }

    fn shifted_left(mut self, bits: u32) -> Self {
        self.multiply_add(1 << (bits % 32), 0);
        if !self.0.is_empty() {
            self.0.splice(0..0, vec![0; (bits / 32) as usize]);
        }
        self
    }

    /// The four highest words, how many bits lie below them, and whether any of those is set.
    fn top(&self) -> (u128, u32, bool) {
        let below = self.0.len().saturating_sub(4);
        let top = self.0[below..].iter().rev().fold(0, |sum, &word| sum << 32 | u128::from(word));
        (top, 32 * below as u32, self.0[..below].iter().any(|&word| word != 0))
    }

    fn into_digits(mut self) -> Vec<u8> {
        let mut digits = Vec::new();
        while !self.0.is_empty() {
            let mut group = self.divide(1_000_000_000);
            for _ in 0..9 {
                digits.push(b'0' + (group % 10) as u8);
                group /= 10;
            }
        }
        while digits.last() == Some(&b'0') {
            digits.pop();
        }
        digits.reverse();
        digits
    }
}

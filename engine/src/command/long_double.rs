//! The x86 `long double` in software: what INCRBYFLOAT computes with, so that its sums agree with Redis's to the digit.
//!
//! A number is `mantissa · 2^exponent` with 64 bits of mantissa, the highest one set (or zero). Reading a decimal and
//! adding both round to the nearest, ties to even, as the FPU does. Exponents beyond the FPU's are refused.

use alloc::{format, string::String, vec::Vec};

/// The largest exponent of a finite number, of the mantissa read as an integer.
const MAX_EXPONENT: i32 = 16383 - 63;
/// Longer texts are not looked at: Redis's buffer holds no more.
const MAX_TEXT: usize = 5 * 1024;
/// Digits behind the point in a text.
const FRACTION: usize = 17;

/// A number, or an infinity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongDouble {
    negative: bool,
    /// `None`: infinite.
    size: Option<(u64, i32)>,
}

impl LongDouble {
    /// Nothing.
    pub const ZERO: Self = Self { negative: false, size: Some((0, 0)) };

    /// The number that `text` spells, all of it; as `strtold`, without hexadecimals and NaN.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (negative, rest) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        if rest.is_empty() || text.len() >= MAX_TEXT {
            return None;
        }
        if rest.eq_ignore_ascii_case(b"inf") || rest.eq_ignore_ascii_case(b"infinity") {
            return Some(Self { negative, size: None });
        }
        let (digits, power) = decimal(rest)?;
        let size = nearest(&digits, power)?;
        Some(Self { negative, size: Some(size) })
    }

    /// The sum; `None` if it is not finite.
    pub fn add(self, other: Self) -> Option<Self> {
        let ((a, b), (mine, theirs)) =
            (self.size.zip(other.size)?, (self.negative, other.negative));
        // The larger exponent comes first; a zero has none to speak of.
        let swap = b.0 != 0 && (a.0 == 0 || b.1 > a.1);
        let ((high, exponent), (low, low_exponent)) = if swap { (b, a) } else { (a, b) };
        let (high_negative, low_negative) = if swap { (theirs, mine) } else { (mine, theirs) };
        if low == 0 {
            return Some(Self { negative: high_negative, size: Some((high, exponent)) });
        }
        let shift = exponent.abs_diff(low_exponent);
        let high = u128::from(high) << 62;
        let low = shifted_sticky(u128::from(low) << 62, shift);
        let (negative, sum) = if high_negative == low_negative {
            (high_negative, high + low)
        } else if high >= low {
            (high_negative, high - low)
        } else {
            (low_negative, low - high)
        };
        if sum == 0 {
            return Some(Self::ZERO);
        }
        let size = rounded(sum, exponent - 62)?;
        Some(Self { negative, size: Some(size) })
    }

    /// `%.17Lf` without trailing zeros: Redis's form for people.
    pub fn to_text(self) -> String {
        let sign = if self.negative { "-" } else { "" };
        let Some((mantissa, exponent)) = self.size else { return format!("{sign}inf") };
        if exponent >= 0 {
            return if mantissa == 0 {
                "0".into()
            } else {
                format!("{sign}{}", Big::shifted(mantissa, exponent).decimal())
            };
        }
        let scaled = u128::from(mantissa) * 10u128.pow(FRACTION as u32);
        let shift = exponent.unsigned_abs();
        let mut text = format!("{:0width$}", half_even(scaled, shift), width = FRACTION + 1);
        text.insert(text.len() - FRACTION, '.');
        let trimmed = text.trim_end_matches('0').trim_end_matches('.');
        if trimmed == "0" { trimmed.into() } else { format!("{sign}{trimmed}") }
    }
}

/// The significant digits of a decimal, and the power of ten that they are multiplied by.
fn decimal(text: &[u8]) -> Option<(Vec<u8>, i32)> {
    let end = text.iter().position(|b| matches!(b, b'e' | b'E')).unwrap_or(text.len());
    let (number, exponent) = text.split_at(end);
    let mut power = match exponent {
        [] => 0i32,
        [_, rest @ ..] => {
            let (negative, rest) = match rest {
                [b'-', rest @ ..] => (true, rest),
                [b'+', rest @ ..] => (false, rest),
                rest => (false, rest),
            };
            if rest.is_empty() || !rest.iter().all(u8::is_ascii_digit) {
                return None;
            }
            let size = rest
                .iter()
                .fold(0i32, |n, d| n.saturating_mul(10).saturating_add(i32::from(d - b'0')));
            if negative { -size.min(100_000) } else { size.min(100_000) }
        }
    };
    let point = number.iter().position(|b| *b == b'.');
    let digits: Vec<u8> =
        number.iter().enumerate().filter(|(i, _)| Some(*i) != point).map(|(_, b)| *b).collect();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    power -= point.map_or(0, |at| (number.len() - at - 1) as i32);
    Some((digits, power))
}

/// The number nearest to `digits · 10^power`.
fn nearest(digits: &[u8], power: i32) -> Option<(u64, i32)> {
    let start = digits.iter().position(|d| *d != b'0').unwrap_or(digits.len());
    let digits = &digits[start..];
    if digits.is_empty() {
        return Some((0, 0));
    }
    if !(-5100..=5000).contains(&(power + digits.len() as i32)) || digits.len() > MAX_TEXT {
        return None;
    }
    let mut numerator = Big::default();
    for digit in digits {
        numerator.multiply_add(10, u32::from(digit - b'0'));
    }
    let mut denominator = Big::from(1);
    let scaled = if power >= 0 { &mut numerator } else { &mut denominator };
    for _ in 0..power.unsigned_abs() {
        scaled.multiply_add(10, 0);
    }
    // Bring the quotient to 66 bits or 67: 64, and the rest decides how to round.
    let shift = 66 + denominator.bits() as i32 - numerator.bits() as i32;
    if shift >= 0 {
        numerator.shift_left(shift as usize)
    } else {
        denominator.shift_left(shift.unsigned_abs() as usize)
    }
    let (quotient, exact) = numerator.divide_small_quotient(denominator);
    rounded(quotient << 1 | u128::from(!exact), -shift - 1)
}

/// `value · 2^exponent` with 64 bits of mantissa.
fn rounded(value: u128, exponent: i32) -> Option<(u64, i32)> {
    let bits = 128 - value.leading_zeros();
    let drop = bits.saturating_sub(64);
    let mut mantissa = half_even(value, drop);
    let mut exponent = exponent + drop as i32;
    if mantissa >> 64 != 0 {
        mantissa >>= 1;
        exponent += 1;
    }
    let up = (mantissa as u64).leading_zeros();
    let (mantissa, exponent) = ((mantissa as u64) << up, exponent - up as i32);
    (exponent <= MAX_EXPONENT).then_some((mantissa, exponent))
}

/// `value / 2^shift`, rounded to the nearest, ties to even.
fn half_even(value: u128, shift: u32) -> u128 {
    if shift == 0 {
        return value;
    }
    if shift > 127 {
        return 0;
    }
    let (whole, rest, half) = (value >> shift, value & ((1 << shift) - 1), 1u128 << (shift - 1));
    whole + u128::from(rest > half || (rest == half && whole & 1 == 1))
}

/// `value / 2^shift` with the lowest bit set if anything was lost.
fn shifted_sticky(value: u128, shift: u32) -> u128 {
    if shift > 127 {
        return u128::from(value != 0);
    }
    let kept = value >> shift;
    kept | u128::from(kept << shift != value)
}

/// A natural number of any size: digits of 32 bits, the lowest first, no zero at the top.
#[derive(Clone, Debug, Default)]
struct Big(Vec<u32>);

impl Big {
    fn from(n: u32) -> Self {
        Big(alloc::vec![n])
    }

    fn shifted(mantissa: u64, by: i32) -> Self {
        let mut big = Big(alloc::vec![mantissa as u32, (mantissa >> 32) as u32]);
        big.shift_left(by as usize);
        big
    }

    fn multiply_add(&mut self, by: u32, plus: u32) {
        let mut carry = u64::from(plus);
        for digit in &mut self.0 {
            let product = u64::from(*digit) * u64::from(by) + carry;
            *digit = product as u32;
            carry = product >> 32;
        }
        if carry > 0 {
            self.0.push(carry as u32);
        }
    }

    fn bits(&self) -> usize {
        self.0.last().map_or(0, |top| self.0.len() * 32 - top.leading_zeros() as usize)
    }

    fn shift_left(&mut self, by: usize) {
        let bits = by % 32;
        if bits > 0 {
            self.multiply_add(1 << bits, 0);
        }
        self.0.splice(0..0, core::iter::repeat_n(0, by / 32));
    }

    fn shift_right_one(&mut self) {
        let mut carry = 0;
        for digit in self.0.iter_mut().rev() {
            let low = *digit & 1;
            *digit = *digit >> 1 | carry << 31;
            carry = low;
        }
        self.trim();
    }

    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }

    fn at_least(&self, other: &Big) -> bool {
        let key = |big: &Big| big.0.len();
        key(self) > key(other)
            || (key(self) == key(other) && self.0.iter().rev().ge(other.0.iter().rev()))
    }

    fn subtract(&mut self, other: &Big) {
        let mut borrow = 0i64;
        for (i, digit) in self.0.iter_mut().enumerate() {
            let difference =
                i64::from(*digit) - i64::from(other.0.get(i).copied().unwrap_or(0)) + borrow;
            *digit = difference as u32;
            borrow = difference >> 32;
        }
        self.trim();
    }

    /// A quotient of less than 68 bits, and whether nothing was left: long division, a bit at a time.
    fn divide_small_quotient(mut self, mut by: Big) -> (u128, bool) {
        by.shift_left(67);
        let mut quotient = 0u128;
        for _ in 0..68 {
            quotient <<= 1;
            if self.at_least(&by) {
                self.subtract(&by);
                quotient |= 1;
            }
            by.shift_right_one();
        }
        (quotient, self.0.is_empty())
    }

    fn decimal(mut self) -> String {
        const CHUNK: u64 = 1_000_000_000;
        let mut chunks: Vec<u32> = Vec::new();
        self.trim();
        while !self.0.is_empty() {
            let mut rest = 0u64;
            for digit in self.0.iter_mut().rev() {
                let value = rest << 32 | u64::from(*digit);
                *digit = (value / CHUNK) as u32;
                rest = value % CHUNK;
            }
            chunks.push(rest as u32);
            self.trim();
        }
        let mut chunks = chunks.iter().rev();
        let mut text = format!("{}", chunks.next().unwrap_or(&0));
        chunks.for_each(|chunk| text.push_str(&format!("{chunk:09}")));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(a: &str, b: &str) -> String {
        let [a, b] = [a, b].map(|n| LongDouble::parse(n.as_bytes()).unwrap());
        a.add(b).unwrap().to_text()
    }

    #[test]
    fn sums_are_those_of_the_fpu() {
        assert_eq!(sum("10.5", "0.1"), "10.6");
        assert_eq!(sum("0.1", "0.2"), "0.3");
        assert_eq!(sum("3", "1.100"), "4.1");
        assert_eq!(sum("1", "-1"), "0");
        assert_eq!(sum("5.0e3", "2.0e2"), "5200");
        assert_eq!(sum("1e20", "1"), "100000000000000000001");
        assert_eq!(sum("-0.0000000000000000001", "0"), "0");
        assert_eq!(sum("17179869184", "-17179869185.25"), "-1.25");
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for bad in ["", " 1", "1 ", "a", "1e", "--1", "1.2.3", "nan", "1e5000", "."] {
            assert_eq!(LongDouble::parse(bad.as_bytes()), None, "{bad}");
        }
        assert!(LongDouble::parse(b"inf").unwrap().add(LongDouble::ZERO).is_none());
    }
}

//! Natural numbers of any size, as far as exact decimal text needs them.

use alloc::vec;
use alloc::vec::Vec;

/// Ten to the power of `exponent` as factors that fit a word.
pub(super) fn powers_of_ten(exponent: i64) -> impl Iterator<Item = u32> {
    (0..exponent.max(0)).step_by(9).map(move |done| 10u32.pow((exponent - done).min(9) as u32))
}

/// A natural number of any size, least significant word first.
pub(super) struct Big(Vec<u32>);

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
    pub fn from_digits(digits: &[u8]) -> Self {
        let mut number = Big(Vec::new());
        for group in digits.chunks(9) {
            let value = group.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
            number.multiply_add(10u32.pow(group.len() as u32), value);
        }
        number
    }

    pub fn multiply_add(&mut self, factor: u32, addend: u32) {
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
    pub fn divide(&mut self, divisor: u32) -> u32 {
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

    pub fn shifted_left(mut self, bits: u32) -> Self {
        self.multiply_add(1 << (bits % 32), 0);
        if !self.0.is_empty() {
            self.0.splice(0..0, vec![0; (bits / 32) as usize]);
        }
        self
    }

    /// The four highest words, how many bits lie below them, and whether any of those is set.
    pub fn top(&self) -> (u128, u32, bool) {
        let below = self.0.len().saturating_sub(4);
        let top = self.0[below..].iter().rev().fold(0, |sum, &word| sum << 32 | u128::from(word));
        (top, 32 * below as u32, self.0[..below].iter().any(|&word| word != 0))
    }

    pub fn into_digits(mut self) -> Vec<u8> {
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

//! Random damage to bytes, as disks, networks and people do it.

use oorandom::Rand64;

/// Draws mutations; the same seed gives the same damage.
pub struct Mutator {
    lot: Rand64,
    words: &'static [&'static str],
}

/// Numbers at which something ends.
const NUMBERS: &[&str] = &[
    "0",
    "-1",
    "1",
    "127",
    "128",
    "255",
    "256",
    "512",
    "1024",
    "32767",
    "65535",
    "65536",
    "1048576",
    "2147483647",
    "2147483648",
    "-2147483648",
    "4294967295",
    "4294967296",
    "536870912",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "18446744073709551615",
    "99999999999999999999999",
    "00",
    "+1",
    "1e9",
    "-0",
    "0x10",
    "nan",
    "inf",
];

const BYTES: &[u8] =
    &[0, 1, 7, 8, 9, 10, 13, 32, 34, 35, 36, 39, 42, 45, 48, 92, 127, 128, 192, 254, 255];

impl Mutator {
    pub fn new(seed: u64, words: &'static [&'static str]) -> Self {
        Self { lot: Rand64::new(u128::from(seed)), words }
    }

    /// One of the corpus, damaged in one to four places.
    pub fn mutate(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut input = corpus[self.below(corpus.len())].clone();
        for _ in 0..=self.below(4) {
            let other = &corpus[self.below(corpus.len())];
            self.damage(&mut input, other);
        }
        input
    }

    fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { self.lot.rand_range(0..end as u64) as usize }
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// A piece of `bytes`: short ones come more often.
    fn piece(&mut self, bytes: &[u8]) -> std::ops::Range<usize> {
        let at = self.below(bytes.len() + 1);
        let longest = self.pick(&[1, 4, 16, 64, 4096]);
        let len = self.below(longest.min(bytes.len() - at) + 1);
        at..at + len
    }

    fn damage(&mut self, input: &mut Vec<u8>, other: &[u8]) {
        let range = self.piece(input);
        let at = range.start;
        match self.below(12) {
            0 if at < input.len() => input[at] ^= 1 << self.below(8),
            1 if at < input.len() => input[at] = self.pick(BYTES),
            2 if at < input.len() => input[at] = self.below(256) as u8,
            3 => input.truncate(at),
            4 => drop(input.drain(range)),
            5 => {
                let copy = input[range].to_vec();
                let to = self.below(input.len() + 1);
                drop(input.splice(to..to, copy));
            }
            6 => {
                let from = self.piece(other);
                drop(input.splice(range, other[from].iter().copied()));
            }
            7 => {
                let cut = self.below(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[cut..]);
            }
            8 | 9 => self.change_number(input, at),
            10 if !self.words.is_empty() => {
                let word = self.pick(self.words);
                drop(input.splice(range, word.bytes()));
            }
            _ => {
                let byte = self.pick(BYTES);
                input.insert(at, byte);
            }
        }
    }

    /// Another number in the place of the next one.
    fn change_number(&mut self, input: &mut Vec<u8>, at: usize) {
        let digit = |b: &u8| b.is_ascii_digit();
        let Some(start) = input[at..].iter().position(digit).map(|n| at + n) else { return };
        let end = input[start..].iter().position(|b| !digit(b)).map_or(input.len(), |n| start + n);
        let number = self.pick(NUMBERS);
        drop(input.splice(start..end, number.bytes()));
    }
}

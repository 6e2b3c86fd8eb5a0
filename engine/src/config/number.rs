//! Numbers as configuration files spell them: bytes with units, octal, and C's lenient decimal.

/// Bytes with an optional unit: `100`, `1k` (1000), `1kb` (1024), `5m`, `5mb`, `2g`, `2gb`.
///
/// As Redis does it: no digits at all count as 0, what exceeds 64 bits stops at the largest value, and the unit's
/// multiplication wraps round.
pub fn parse_memory(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let (number, unit) = text.split_at(digits);
    let multiplier: u64 = match unit.to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    let mut value: u64 = 0;
    for digit in number {
        value = value.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
    }
    Some(value.wrapping_mul(multiplier))
}

/// `strtoll` to the end of the text: leading white space, a sign, digits of `base`; the empty text is 0.
/// What exceeds 64 bits stops at the limit.
pub fn parse_lenient(text: &[u8], base: u32) -> Option<i64> {
    let start = text.iter().position(|b| !b.is_ascii_whitespace() && *b != 0x0b);
    let trimmed = &text[start.unwrap_or(text.len())..];
    if trimmed.is_empty() {
        return text.is_empty().then_some(0);
    }
    let (negative, digits) = match trimmed {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let mut value: i64 = 0;
    for digit in digits {
        let digit = i64::from(char::from(*digit).to_digit(base)?);
        let step = if negative { -digit } else { digit };
        value = value.saturating_mul(i64::from(base)).saturating_add(step);
    }
    Some(value)
}

/// As `CONFIG REWRITE` writes bytes: in the largest unit that divides them.
pub fn format_memory(bytes: i64) -> alloc::string::String {
    const UNITS: [(i64, &str); 3] = [(1 << 30, "gb"), (1 << 20, "mb"), (1 << 10, "kb")];
    match UNITS.iter().find(|(size, _)| bytes != 0 && bytes % size == 0) {
        Some((size, unit)) => alloc::format!("{}{unit}", bytes / size),
        None => alloc::format!("{bytes}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_units_are_decimal_without_b_and_binary_with_it() {
        for (text, bytes) in [
            ("0", 0),
            ("100", 100),
            ("100b", 100),
            ("1k", 1000),
            ("1KB", 1024),
            ("5M", 5_000_000),
            ("64mb", 64 << 20),
            ("2g", 2_000_000_000),
            ("1gB", 1 << 30),
            ("", 0),
            ("18446744073709551616", u64::MAX),
            ("17179869184gb", 0),
        ] {
            assert_eq!(parse_memory(text.as_bytes()), Some(bytes), "{text}");
        }
        for bad in ["-1", "1x", "1 mb", "x"] {
            assert_eq!(parse_memory(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn bytes_are_written_in_the_largest_unit_that_divides_them() {
        assert_eq!(format_memory(3 << 30), "3gb");
        assert_eq!(format_memory(1 << 20), "1mb");
        assert_eq!(format_memory(1025), "1025");
        assert_eq!(format_memory(0), "0");
    }

    #[test]
    fn lenient_numbers_may_carry_a_sign_and_leading_space() {
        assert_eq!(parse_lenient(b"+60", 10), Some(60));
        assert_eq!(parse_lenient(b" 7", 10), Some(7));
        assert_eq!(parse_lenient(b"-5", 10), Some(-5));
        assert_eq!(parse_lenient(b"777", 8), Some(0o777));
        assert_eq!(parse_lenient(b"8", 8), None);
        assert_eq!(parse_lenient(b"6x", 10), None);
        assert_eq!(parse_lenient(b"-", 10), None);
    }
}

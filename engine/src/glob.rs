//! Glob patterns by Redis's rules: KEYS, SCAN MATCH, PSUBSCRIBE, CONFIG GET, ACL.
//!
//! `*` any bytes (a slash is nothing special), `?` one byte, `[abc]`, `[a-z]`, `[^abc]` one byte of a set (or not),
//! `\x` the byte `x` itself. An unclosed set ends with the pattern.
//!
//! Only the latest `*` is ever reconsidered: when what follows it fails, it swallows one byte more. That is enough, since
//! an earlier `*` could only give the later ones less to choose from, and it bounds the work by the product of both lengths
//! where trying every `*` would take exponential time.

/// Whether `text` matches `pattern`.
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    matches_with(pattern, text, Case::Sensitive)
}

/// Whether `text` matches `pattern`, taking upper and lower case for the same.
pub fn matches_ignore_case(pattern: &[u8], text: &[u8]) -> bool {
    matches_with(pattern, text, Case::Ignored)
}

#[derive(Clone, Copy)]
enum Case {
    Sensitive,
    Ignored,
}

impl Case {
    fn fold(self, byte: u8) -> u8 {
        match self {
            Case::Sensitive => byte,
            Case::Ignored => byte.to_ascii_lowercase(),
        }
    }
}

fn matches_with(pattern: &[u8], text: &[u8], case: Case) -> bool {
    let (mut p, mut t) = (pattern, text);
    // What follows the latest `*`, and the text from where it is to be tried next.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        if let [b'*', rest @ ..] = p {
            p = rest;
            retry = Some((p, t));
            continue;
        }
        let step = match t {
            [] if p.is_empty() => return true,
            [] => return false,
            [byte, after @ ..] => one(p, *byte, case).map(|rest| (rest, after)),
        };
        (p, t) = match (step, retry) {
            (Some(next), _) => next,
            (None, Some((after_star, [_, shorter @ ..]))) => {
                retry = Some((after_star, shorter));
                (after_star, shorter)
            }
            (None, _) => return false,
        };
    }
}

/// Matches one byte against the first item of the pattern (not a `*`). Returns the rest of the pattern if it fits.
fn one(pattern: &[u8], byte: u8, case: Case) -> Option<&[u8]> {
    match pattern {
        [] => None,
        [b'?', rest @ ..] => Some(rest),
        [b'[', rest @ ..] => set(rest, byte, case),
        [b'\\', literal, rest @ ..] | [literal, rest @ ..] => {
            (case.fold(*literal) == case.fold(byte)).then_some(rest)
        }
    }
}

/// Matches one byte against a set, whose opening bracket is behind us.
fn set(pattern: &[u8], byte: u8, case: Case) -> Option<&[u8]> {
    let (negated, mut p) = match pattern {
        [b'^', rest @ ..] => (true, rest),
        _ => (false, pattern),
    };
    let byte = case.fold(byte);
    let mut found = false;
    let rest = loop {
        p = match p {
            [] => break p,
            [b']', rest @ ..] => break rest,
            [b'\\', literal, rest @ ..] => {
                found |= *literal == byte;
                rest
            }
            [a, b'-', b, rest @ ..] => {
                // Redis compares `char`s, which have a sign: the bytes from 128 on come first.
                let (a, b) = (*a as i8, *b as i8);
                let (least, most) = (case.fold(a.min(b) as u8), case.fold(a.max(b) as u8));
                found |= (least as i8..=most as i8).contains(&(byte as i8));
                rest
            }
            [literal, rest @ ..] => {
                found |= case.fold(*literal) == byte;
                rest
            }
        };
    };
    (found != negated).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn patterns_follow_the_rules_of_redis() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("", "a", false),
            ("a*c", "a/b/c", true),
            ("h?llo", "hllo", false),
            ("h[ae]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[!e]llo", "h!llo", true),
            ("h[a-b]llo", "hbllo", true),
            ("[z-a]", "m", true),
            ("[abc", "c", true),
            ("[", "[", false),
            ("[^", "x", true),
            ("a\\*", "a*", true),
            ("a\\*", "ab", false),
            ("\\", "\\", true),
            ("[\\]]", "]", true),
            ("*a*b*c", "xxaxxbxxcxxc", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
        assert!(matches_ignore_case(b"APP*[A-D]Y", b"appendonly-dy"));
        assert!(!matches(b"APP*", b"appendonly"));
    }

    #[test]
    fn a_hostile_pattern_takes_no_exponential_time() {
        let pattern: Vec<u8> = b"a*".repeat(500);
        let mut pattern = [pattern, b"b".to_vec()].concat();
        let text = b"a".repeat(20_000);
        assert!(!matches(&pattern, &text));
        pattern.pop();
        assert!(matches(&pattern, &text));
    }
}

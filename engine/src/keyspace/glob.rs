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
                let (a, b) = (case.fold(*a.min(b)), case.fold(*a.max(b)));
                found |= (a..=b).contains(&byte);
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

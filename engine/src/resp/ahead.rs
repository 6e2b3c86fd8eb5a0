//! Looking ahead in a pipeline: which keys the next requests in a buffer will probably ask for.
//!
//! The keyspace reads their entries before the requests run, several at a time, so that one wait for memory serves them
//! all (`Table::warm`). A wrong guess costs a few nanoseconds and changes nothing; a request that
//! is not made of ordinary bulk strings ends the look.

/// A request with more arguments is not worth walking over.
const MOST_ARGS: usize = 64;

/// The first arguments of the requests at the beginning of `buf` (empty for a request without any), and how many
/// requests were looked at: `N` at the most.
pub fn first_arguments<const N: usize>(buf: &[u8]) -> ([&[u8]; N], usize) {
    let mut found: [&[u8]; N] = [&[]; N];
    let (mut rest, mut count) = (buf, 0);
    while let Some(place) = found.get_mut(count)
        && let Some((argument, behind)) = first_argument(rest)
    {
        *place = argument;
        rest = behind;
        count += 1;
    }
    (found, count)
}

/// The first argument of the request at the beginning of `buf`, and what follows the request.
fn first_argument(buf: &[u8]) -> Option<(&[u8], &[u8])> {
    let (args, mut rest) = announced(buf, b'*')?;
    let mut first: &[u8] = &[];
    for number in 0..Some(args).filter(|args| *args <= MOST_ARGS)? {
        let (len, behind) = announced(rest, b'$')?;
        let argument = behind.get(..len)?;
        if number == 1 {
            first = argument;
        }
        rest = behind.get(len + 2..)?;
    }
    Some((first, rest))
}

/// The number of a line like `$12\r\n`, and what follows it.
fn announced(buf: &[u8], mark: u8) -> Option<(usize, &[u8])> {
    /// Longer arguments are rare, and their requests come one at a time.
    const MOST_DIGITS: usize = 6;
    let mut digits = buf.strip_prefix(&[mark])?;
    let mut number = 0;
    for _ in 0..MOST_DIGITS {
        let (&digit, behind) = digits.split_first()?;
        if digit == b'\r' {
            return Some((number, behind.strip_prefix(b"\n")?));
        }
        number = number * 10 + usize::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?);
        digits = behind;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::first_arguments;

    #[test]
    fn the_first_arguments_of_whole_requests_are_found() {
        let buf = b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n*1\r\n$4\r\nPING\r\n*3\r\n$3\r\nSET\r\n$2\r\nbc\r\n$0\r\n\r\n*2\r\n$3\r\nGET\r\n$9\r\nhalf";
        let (found, count) = first_arguments::<16>(buf);
        assert_eq!(found[..count], [&b"a"[..], b"", b"bc"]);
        for end in 0..buf.len() {
            assert!(first_arguments::<16>(&buf[..end]).1 <= 3);
        }
        assert_eq!(first_arguments::<8>(&b"*1\r\n$1\r\na\r\n".repeat(40)).1, 8);
    }

    #[test]
    fn what_is_no_request_ends_the_look() {
        for odd in [
            "GET a\r\n",
            "*x\r\n",
            "*-1\r\n",
            "*1\r\n$-1\r\n",
            "*9999999\r\n",
            "*1\r\n:1\r\n",
            "*\r",
            "*1\n",
        ] {
            assert_eq!(first_arguments::<16>(odd.as_bytes()).1, 0, "{odd:?}");
        }
    }
}

//! LCS: the longest common subsequence of two strings.
//!
//! The table holds, for every pair of prefixes, how long their longest common subsequence is; the way back through it
//! from its far corner gives the subsequence itself, last byte first.

use alloc::{vec, vec::Vec};
use core::ops::Range;

use super::{Ctx, Outcome, access::string_of};
use crate::{number::parse_i64, refusal::Refusal, resp::Args};

/// What is wanted of the subsequence.
#[derive(Clone, Copy, Default)]
struct Wanted {
    length: bool,
    matches: bool,
    least: u64,
    lengths_of_matches: bool,
}

impl Wanted {
    fn parse(args: Args<'_>) -> Result<Self, Refusal> {
        let (mut wanted, mut i) = (Self::default(), 0);
        while let Some(option) = args.get(i) {
            match option.to_ascii_lowercase().as_slice() {
                b"idx" => wanted.matches = true,
                b"len" => wanted.length = true,
                b"withmatchlen" => wanted.lengths_of_matches = true,
                b"minmatchlen" if args.get(i + 1).is_some() => {
                    let least = parse_i64(args.at(i + 1)).ok_or(Refusal::NotAnInteger)?;
                    wanted.least = least.max(0) as u64;
                    i += 1;
                }
                _ => return Err(Refusal::Syntax),
            }
            i += 1;
        }
        if wanted.matches && wanted.length {
            return Err(Refusal::err(
                "If you want both the length and indexes, please just use IDX.",
            ));
        }
        Ok(wanted)
    }
}

fn string(ctx: &mut Ctx<'_>, key: &[u8]) -> Result<Vec<u8>, Refusal> {
    let Some(entry) = ctx.read(key).0 else { return Ok(Vec::new()) };
    let wrong = |_| Refusal::err("The specified keys must contain string values");
    Ok(string_of(entry.value()).map_err(wrong)?.to_vec())
}

pub(super) fn lcs(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let (a, b) = (string(ctx, args.at(1))?, string(ctx, args.at(2))?);
    let wanted = Wanted::parse(args.skip(3))?;
    let cells = (a.len() as u64 + 1).saturating_mul(b.len() as u64 + 1);
    if cells.saturating_mul(4) > ctx.turn.config.network.proto_max_bulk_len {
        return Err(Refusal::err(
            "Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
        ));
    }
    let table = Table::new(&a, &b);
    let length = table.at(a.len(), b.len());
    if wanted.length {
        ctx.reply().integer(i64::from(length));
        return Ok(());
    }
    let matches = table.matches(&a, &b);
    if wanted.matches {
        write_matches(ctx, &matches, i64::from(length), wanted);
    } else {
        let text: Vec<u8> =
            matches.iter().rev().flat_map(|(in_a, _)| a[in_a.clone()].iter().copied()).collect();
        ctx.reply().bulk(&text);
    }
    Ok(())
}

/// Where a run of common bytes lies in both strings.
type Match = (Range<usize>, Range<usize>);

fn write_matches(ctx: &mut Ctx<'_>, matches: &[Match], length: i64, wanted: Wanted) {
    let long: Vec<&Match> =
        matches.iter().filter(|(in_a, _)| in_a.len() as u64 >= wanted.least).collect();
    let mut reply = ctx.reply();
    reply.map(2);
    reply.bulk(b"matches");
    reply.array(long.len());
    for (in_a, in_b) in long {
        reply.array(2 + usize::from(wanted.lengths_of_matches));
        for range in [in_a, in_b] {
            reply.array(2);
            reply.integer(range.start as i64);
            reply.integer(range.end as i64 - 1);
        }
        if wanted.lengths_of_matches {
            reply.integer(in_a.len() as i64);
        }
    }
    reply.bulk(b"len");
    reply.integer(length);
}

/// The lengths for all pairs of prefixes, a row for each prefix of the first string.
struct Table {
    width: usize,
    cells: Vec<u32>,
}

impl Table {
    fn new(a: &[u8], b: &[u8]) -> Self {
        let width = b.len() + 1;
        let mut table = Self { width, cells: vec![0; (a.len() + 1) * width] };
        for (i, x) in a.iter().enumerate() {
            for (j, y) in b.iter().enumerate() {
                table.cells[(i + 1) * width + j + 1] = if x == y {
                    table.at(i, j) + 1
                } else {
                    table.at(i, j + 1).max(table.at(i + 1, j))
                };
            }
        }
        table
    }

    fn at(&self, i: usize, j: usize) -> u32 {
        self.cells[i * self.width + j]
    }

    /// The runs of common bytes, the last one first.
    fn matches(&self, a: &[u8], b: &[u8]) -> Vec<Match> {
        let mut found: Vec<Match> = Vec::new();
        let (mut i, mut j) = (a.len(), b.len());
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                i -= 1;
                j -= 1;
                match found.last_mut() {
                    Some((in_a, in_b)) if in_a.start == i + 1 && in_b.start == j + 1 => {
                        in_a.start = i;
                        in_b.start = j;
                    }
                    _ => found.push((i..i + 1, j..j + 1)),
                }
            } else if self.at(i - 1, j) > self.at(i, j - 1) {
                i -= 1;
            } else {
                j -= 1;
            }
        }
        found
    }
}

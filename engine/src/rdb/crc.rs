//! The checksum at the end of an RDB file: CRC-64 with the Jones polynomial.

use crc::{CRC_64_REDIS, Crc, Table};

/// Sixteen tables of 256 entries let the sum advance sixteen bytes at a time.
static CRC64: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_REDIS);

/// The checksum of some bytes, given the checksum of everything before them (0 at the start).
///
/// ```
/// use engine::rdb::crc::crc64;
/// assert_eq!(crc64(0, b"123456789"), 0xe9c6_d914_c4b8_d9ca);
/// assert_eq!(crc64(crc64(0, b"12345"), b"6789"), crc64(0, b"123456789"));
/// ```
#[must_use]
pub fn crc64(before: u64, bytes: &[u8]) -> u64 {
    // The algorithm is bit-reflected: the crate wants a starting value in unreflected order.
    let mut digest = CRC64.digest_with_initial(before.reverse_bits());
    digest.update(bytes);
    digest.finalize()
}

//! How much a file may hold for its size: one of kilobytes that unpacks to terabytes is an attack, not data.

use super::import_failed;
use crate::error::ApplyError;

/// What any file may unpack to, in bytes.
const UNPACKED_BYTES_ALWAYS: u64 = 1024 * 1024 * 1024;
/// What no file may unpack to more than, in bytes.
const UNPACKED_BYTES_MAX: u64 = 64 * 1024 * 1024 * 1024;
/// How many times its own size a file may unpack to, between the two. Tables of text shrink to a tenth, dull ones to a hundredth.
const UNPACKED_RATIO_MAX: u64 = 200;

/// What a file of this size may unpack to, in bytes. It follows from the file alone: a replay decides the same.
pub(super) fn bytes_max(packed: u64) -> u64 {
    packed.saturating_mul(UNPACKED_RATIO_MAX).clamp(UNPACKED_BYTES_ALWAYS, UNPACKED_BYTES_MAX)
}

pub(super) fn refused(bytes_max: u64) -> ApplyError {
    import_failed(
        format!("the file unpacks to more than {bytes_max} bytes, which is too much for its size"),
        None,
        None,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_follows_the_size() {
        assert_eq!(bytes_max(10), UNPACKED_BYTES_ALWAYS);
        assert_eq!(bytes_max(100 << 20), (100 << 20) * UNPACKED_RATIO_MAX);
        assert_eq!(bytes_max(u64::MAX), UNPACKED_BYTES_MAX);
    }
}

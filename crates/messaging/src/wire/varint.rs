//! Avro's numbers: zig-zag, seven bits a byte.

/// Bytes of the longest number.
const BYTES_MAX: usize = 10;

/// Appends a number.
pub(crate) fn write(out: &mut Vec<u8>, number: i64) {
    let mut rest = ((number << 1) ^ (number >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Takes a number off; `None` if the bytes end early or there are too many of them.
pub(crate) fn read(bytes: &mut &[u8]) -> Option<i64> {
    let mut number = 0_u64;
    for (at, byte) in bytes.iter().take(BYTES_MAX).enumerate() {
        number |= u64::from(byte & 0x7F) << (7 * at);
        if byte & 0x80 == 0 {
            if at == BYTES_MAX - 1 && *byte > 1 {
                return None;
            }
            *bytes = &bytes[at + 1..];
            return Some((number >> 1) as i64 ^ -((number & 1) as i64));
        }
    }
    None
}

//! Bytes as text: hexadecimal, and in base 58 with the digits that are not easily taken for one another.

/// How many bytes are read and written in base 58; the time grows with the square of it.
pub(crate) const BASE58_BYTES_MAX: usize = 4_096;
/// Digits in base 58 that are worked on at once, and how many numbers they are: the most that 32 bits hold.
const BASE58_STEP_DIGITS: usize = 5;
const BASE58_STEP: u64 = 58_u64.pow(BASE58_STEP_DIGITS as u32);
const BASE58_DIGITS: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// Writes two digits for each byte.
pub(crate) fn write_hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.reserve(bytes.len() * 2);
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
}

/// Reads two digits for each byte, in any case.
pub(crate) fn read_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    digits.chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

/// Writes in base 58: a leading `1` for each leading zero, then the rest as one number. False if there are too many bytes.
pub(crate) fn write_base58(bytes: &[u8], out: &mut Vec<u8>) -> bool {
    if bytes.len() > BASE58_BYTES_MAX {
        return false;
    }
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    // Places of 32 bits, the greatest first.
    let mut number: Vec<u32> = Vec::with_capacity(bytes.len() / 4 + 1);
    for place in bytes[zeros..].rchunks(4).rev() {
        number.push(place.iter().fold(0, |value, byte| value << 8 | u32::from(*byte)));
    }
    let mut digits = Vec::with_capacity(bytes.len() * 7 / 5 + BASE58_STEP_DIGITS);
    while let Some(first) = number.iter().position(|place| *place != 0) {
        number.drain(..first);
        let mut rest = 0_u64;
        for place in &mut number {
            let value = rest << 32 | u64::from(*place);
            *place = (value / BASE58_STEP) as u32;
            rest = value % BASE58_STEP;
        }
        for _ in 0..BASE58_STEP_DIGITS {
            digits.push(BASE58_DIGITS[(rest % 58) as usize]);
            rest /= 58;
        }
    }
    let last = digits.iter().rposition(|digit| *digit != b'1').map_or(0, |at| at + 1);
    out.extend(std::iter::repeat_n(b'1', zeros));
    out.extend(digits[..last].iter().rev());
    true
}

/// Reads base 58.
pub(crate) fn read_base58(text: &str) -> Option<Vec<u8>> {
    if text.len() > BASE58_BYTES_MAX * 2 {
        return None;
    }
    let place = |byte: u8| BASE58_DIGITS.iter().position(|digit| *digit == byte).map(|place| place as u64);
    let digits = text.bytes().map(place).collect::<Option<Vec<u64>>>()?;
    let zeros = digits.iter().take_while(|digit| **digit == 0).count();
    // Places of 32 bits, the smallest first.
    let mut number: Vec<u32> = Vec::with_capacity(digits.len() / 5 + 1);
    for step in digits[zeros..].chunks(BASE58_STEP_DIGITS) {
        let mut carry = step.iter().fold(0, |value, digit| value * 58 + digit);
        let factor = 58_u64.pow(step.len() as u32);
        for place in &mut number {
            carry += u64::from(*place) * factor;
            *place = carry as u32;
            carry >>= 32;
        }
        if carry > 0 {
            number.push(carry as u32);
        }
    }
    let mut bytes = vec![0; zeros];
    bytes.extend(number.iter().rev().flat_map(|place| place.to_be_bytes()).skip_while(|byte| *byte == 0));
    (bytes.len() <= BASE58_BYTES_MAX).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_as_they_were_written() {
        for (bytes, hex, base58) in [
            (&b""[..], "", ""),
            (b"\0", "00", "1"),
            (b"\0\0\x01", "000001", "112"),
            (b"hello world", "68656c6c6f20776f726c64", "StV1DL6CwTryKyV"),
            (b"\xff", "ff", "5Q"),
            (&[0, 0, 0, 0, 1, 0, 0, 0, 0], "000000000100000000", "11117YXq9H"),
        ] {
            let (mut out, mut based) = (Vec::new(), Vec::new());
            write_hex(bytes, &mut out);
            assert!(write_base58(bytes, &mut based));
            assert_eq!((String::from_utf8(out).unwrap(), read_hex(hex).unwrap()), (hex.to_owned(), bytes.to_vec()));
            assert_eq!(read_base58(&String::from_utf8(based.clone()).unwrap()).unwrap(), bytes, "{based:?}");
            assert_eq!(String::from_utf8(based).unwrap(), base58);
        }
        for length in 0..200 {
            let bytes: Vec<u8> = (0..length).map(|at: u32| (at * 89 + length) as u8).collect();
            let mut based = Vec::new();
            assert!(write_base58(&bytes, &mut based));
            assert_eq!(read_base58(std::str::from_utf8(&based).unwrap()), Some(bytes));
        }
        assert_eq!(read_hex("AbCd"), Some(vec![0xab, 0xcd]));
        for bad in ["a", "0g", "é"] {
            assert_eq!(read_hex(bad), None, "{bad}");
        }
        for bad in ["0", "O", "I", "l", "é", &"1".repeat(BASE58_BYTES_MAX + 1), &"2".repeat(BASE58_BYTES_MAX * 3)] {
            assert_eq!(read_base58(bad), None, "{bad:.10}");
        }
        assert!(write_base58(&[0; BASE58_BYTES_MAX], &mut Vec::new()));
        assert!(!write_base58(&[0; BASE58_BYTES_MAX + 1], &mut Vec::new()));
    }
}

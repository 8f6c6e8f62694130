//! UUIDs as text: in lower case with hyphens, as they are in memory.

/// Bytes of the text.
pub(crate) const TEXT_BYTES: usize = 36;
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// Reads 32 hexadecimal digits, with hyphens at their places or none at all.
pub(crate) fn read_uuid(text: &str) -> Option<[u8; TEXT_BYTES]> {
    let bytes = text.as_bytes();
    let has_hyphens = match bytes.len() {
        TEXT_BYTES => true,
        32 => false,
        _ => return None,
    };
    let mut found = [b'-'; TEXT_BYTES];
    let mut from = bytes.iter();
    for (at, to) in found.iter_mut().enumerate() {
        let is_hyphen = HYPHENS.contains(&at);
        if is_hyphen && !has_hyphens {
            continue;
        }
        let byte = *from.next()?;
        let is_right = if is_hyphen { byte == b'-' } else { byte.is_ascii_hexdigit() };
        if !is_right {
            return None;
        }
        *to = byte.to_ascii_lowercase();
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_have_one_text() {
        let canonical = "67e55044-10b1-426f-9247-bb680e5fe0c8";
        for (text, found) in [
            (canonical, Some(canonical)),
            ("67E55044-10B1-426F-9247-BB680E5FE0C8", Some(canonical)),
            ("67e5504410b1426f9247bb680e5fe0c8", Some(canonical)),
            ("67e55044-10b1-426f-9247-bb680e5fe0c", None),
            ("67e5504410b1-426f-9247-bb680e5fe0c8-", None),
            ("67e55044-10b1-426f-9247-bb680e5fe0cg", None),
            ("é7e5504410b1426f9247bb680e5fe0c8", None),
            ("", None),
        ] {
            let read = read_uuid(text);
            assert_eq!(read.as_ref().map(|read| std::str::from_utf8(read).unwrap()), found, "{text}");
        }
    }
}

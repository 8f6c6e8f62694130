//! Texts in JSON, and values that carry their type: JSON in one form for each value, so that equal values have equal texts.

use serde_json::Value;

/// Writes a text between quotes.
pub(crate) fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    write_escaped(text, out);
    out.push(b'"');
}

/// Writes a text as it stands between quotes.
pub(crate) fn write_escaped(text: &str, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let bytes = text.as_bytes();
    let mut done = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if *byte >= 0x20 && *byte != b'"' && *byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[done..at]);
        done = at + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                out.extend_from_slice(b"\\u00");
                out.push(DIGITS[usize::from(byte >> 4)]);
                out.push(DIGITS[usize::from(byte & 15)]);
            }
        }
    }
    out.extend_from_slice(&bytes[done..]);
}

/// The one form of a `VARIANT` value that is written as JSON: keys in order, numbers as they are read. None if it is no JSON.
pub(crate) fn canonical_variant(text: &str) -> Option<String> {
    serde_json::from_str::<Value>(text).ok().map(|value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_as_json_has_it() {
        for text in ["", "plain", "a\"b\\c", "\n\r\t\u{0}\u{1f}\u{7f}", "é\u{2028}𝄞", "\\"] {
            let mut out = Vec::new();
            write_text(text, &mut out);
            assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }

    #[test]
    fn equal_variants_have_one_text() {
        for (text, found) in [
            (" { \"b\" : 1 , \"a\" : [ 1.50, 1e2 ] } ", Some(r#"{"a":[1.5,100.0],"b":1}"#)),
            (r#""\u0041""#, Some(r#""A""#)),
            ("null", Some("null")),
            ("18446744073709551615", Some("18446744073709551615")),
            ("0.1000000000000000055511151231257827", Some("0.1")),
            ("{", None),
            ("", None),
        ] {
            assert_eq!(canonical_variant(text).as_deref(), found, "{text}");
        }
        let once = canonical_variant("[123456789.12345679e-200]").unwrap();
        assert_eq!(canonical_variant(&once), Some(once.clone()));
    }
}

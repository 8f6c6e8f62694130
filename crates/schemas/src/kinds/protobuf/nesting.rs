//! Keeps hostile nesting from the parser, which descends by recursion.

/// Braces, brackets and parentheses open at once. Compilers stop at 32 levels of messages.
const NESTING_MAX: usize = 64;

/// Refuses a text that nests deeper than any real one.
pub fn check(text: &str) -> Result<(), String> {
    let mut depth = 0_usize;
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' | b'\'' => {
                while let Some(inner) = bytes.next() {
                    match inner {
                        b'\\' => drop(bytes.next()),
                        b'\n' => break,
                        end if end == byte => break,
                        _ => {}
                    }
                }
            }
            b'/' if bytes.peek() == Some(&b'/') => while bytes.next_if(|inner| *inner != b'\n').is_some() {},
            b'/' if bytes.peek() == Some(&b'*') => {
                bytes.next();
                let mut before = 0;
                for inner in bytes.by_ref() {
                    if before == b'*' && inner == b'/' {
                        break;
                    }
                    before = inner;
                }
            }
            b'{' | b'[' | b'(' | b'<' => depth += 1,
            b'}' | b']' | b')' | b'>' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > NESTING_MAX {
            return Err(format!("nested deeper than {NESTING_MAX} levels"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_parser_sees_counts() {
        assert!(check(&"{}".repeat(1000)).is_ok());
        assert!(
            check(&format!(
                "// {}\n/* {} **/ \"{}\\\"{}\"",
                "{".repeat(99),
                "(".repeat(99),
                "{".repeat(99),
                "{".repeat(99)
            ))
            .is_ok()
        );
        assert!(check(&"{".repeat(NESTING_MAX + 1)).is_err());
        assert!(check(&format!("message A {}", "{ message B ".repeat(100_000))).is_err());
    }
}

//! The one place where text becomes part of an SQL statement.
//!
//! Everything that cannot be a bound parameter (identifiers, type names, literals in rewritten queries) is quoted here and
//! nowhere else. DuckDB knows no escape but the doubled quote in both forms.

/// Text that can not be written into SQL at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text holds a NUL character")]
pub struct QuoteError;

/// Says whether the text can be quoted: a NUL would cut the statement short inside the engine.
pub fn check(text: &str) -> Result<(), QuoteError> {
    if text.contains('\0') { Err(QuoteError) } else { Ok(()) }
}

/// An identifier in double quotes: `a"b` becomes `"a""b"`.
///
/// Names are checked where they enter the system; should a NUL come this far all the same, it is written as U+FFFD, so
/// that the statement names something that does not exist instead of ending early.
pub fn ident(name: &str) -> String {
    quoted(name, '"')
}

/// A string literal in single quotes: `a'b` becomes `'a''b'`. A NUL is treated as in [`ident`].
pub fn literal(text: &str) -> String {
    quoted(text, '\'')
}

fn quoted(text: &str, quote: char) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for character in text.chars() {
        if character == quote {
            out.push(quote);
        }
        out.push(if character == '\0' { '\u{fffd}' } else { character });
    }
    out.push(quote);
    out
}

#[cfg(test)]
mod tests {
    use super::{check, ident, literal};
    use proptest::prelude::*;

    #[test]
    fn quotes_are_doubled() {
        assert_eq!(ident(r#"a"b'c"#), r#""a""b'c""#);
        assert_eq!(literal(r#"a"b'c\"#), r#"'a"b''c\'"#);
        assert!(check("a\0b").is_err());
        assert!(!ident("a\0b").contains('\0'));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_text_comes_back_from_the_engine(text in "[^\0]{0,40}") {
            let connection = duckdb::Connection::open_in_memory().unwrap();
            let back: String = connection
                .query_row(&format!("SELECT {}", literal(&text)), [], |row| row.get(0))
                .unwrap();
            prop_assert_eq!(&back, &text);
            if !text.is_empty() {
                let name = ident(&text);
                connection.execute_batch(&format!("CREATE TABLE t ({name} INTEGER)")).unwrap();
                let back: String = connection
                    .query_row("SELECT column_name FROM duckdb_columns() WHERE table_name = 't'", [], |row| row.get(0))
                    .unwrap();
                prop_assert_eq!(&back, &text);
            }
        }
    }
}

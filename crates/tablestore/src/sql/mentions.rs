//! Which names a statement mentions, whatever the statement: for those who must have at hand what it may be about. It says nothing of
//! what the statement does, and allows nothing.

use sqlparser::tokenizer::Token;

use super::SqlError;
use super::parse::{self, Comments};

/// Every name of one statement, in its parts, as written without quotes: of tables, columns, functions and key words alike.
///
/// Errors: `query_syntax` (with its place) for text that falls into no tokens, `query_not_allowed` for more than one statement.
///
/// ```
/// use alluvium_tablestore::sql::mentions;
///
/// let found = mentions(r#"DELETE FROM "in.c-sales"."orders" WHERE note = 'x.y'"#).unwrap();
/// assert!(found.contains(&vec!["in.c-sales".to_owned(), "orders".to_owned()]));
/// assert!(!found.iter().any(|name| name[0] == "x"));
/// assert_eq!(mentions("SELECT 1; SELECT 2").unwrap_err().code, "query_not_allowed");
/// ```
pub fn mentions(sql: &str) -> Result<Vec<Vec<String>>, SqlError> {
    let tokens = parse::tokens(sql, Comments::Allowed)?;
    let (mut found, mut name, mut joined, mut ended) = (Vec::new(), Vec::new(), false, false);
    for token in tokens {
        match token.token {
            Token::Whitespace(_) => {}
            Token::SemiColon => ended = true,
            _ if ended => {
                return Err(SqlError::new("query_not_allowed", "one statement is allowed, there is another after it"));
            }
            Token::Period => joined = !name.is_empty(),
            Token::Word(word) => {
                if !joined {
                    end(&mut found, &mut name);
                }
                name.push(word.value);
                joined = false;
            }
            _ => {
                end(&mut found, &mut name);
                joined = false;
            }
        }
    }
    end(&mut found, &mut name);
    Ok(found)
}

fn end(found: &mut Vec<Vec<String>>, name: &mut Vec<String>) {
    if !name.is_empty() {
        found.push(std::mem::take(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_wherever_they_stand() {
        let sql = "CREATE TABLE x AS (SELECT a.b, f(c) FROM s . \"t\" /* no.comment */ JOIN u_v.main.data) -- end.here";
        let found = mentions(sql).unwrap();
        for name in [&["x"][..], &["a", "b"], &["s", "t"], &["u_v", "main", "data"]] {
            assert!(found.iter().any(|parts| parts == name), "{name:?} of {found:?}");
        }
        assert!(!found.iter().any(|parts| parts.iter().any(|part| part == "no" || part == "end")), "{found:?}");
        assert!(mentions("SELECT 1;;").is_ok());
        assert_eq!(mentions("SELECT 'open").unwrap_err().code, "query_syntax");
    }
}

//! Where statements end, which words they begin with, and which parameters they have. Not what they mean.

use crate::tokens::{Kind, Token, tokens};

/// One statement of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Statement {
    /// As it was written.
    pub sql: String,
    /// How many parameters it has.
    pub params: usize,
    /// Types that parameters are cast to where they stand, by their numbers from 1.
    pub casts: Vec<(usize, String)>,
}

/// Words that are kept of each statement's beginning.
const FIRST_WORDS: usize = 6;
/// The highest number of a parameter.
const PARAMS_MAX: usize = 1_024;

/// A text as its statements; those without a word in them are left out.
pub(crate) fn statements(text: &str) -> Vec<Statement> {
    let all: Vec<_> = tokens(text).collect();
    let (mut found, mut current, mut from, mut at, mut is_empty) = (Vec::new(), Statement::default(), 0, 0, true);
    for (nth, token) in all.iter().enumerate() {
        let begins = at;
        at += token.text.len();
        if token.is(";") {
            let done = std::mem::take(&mut current);
            if !std::mem::replace(&mut is_empty, true) {
                found.push(Statement { sql: text[from..begins].trim().to_owned(), ..done });
            }
            from = at;
            continue;
        }
        is_empty &= token.kind == Kind::Blank;
        if let Some(number) = param(token) {
            current.params = current.params.max(number);
            current.casts.extend(cast(&all[nth + 1..]).map(|kind| (number, kind)));
        }
    }
    if !is_empty {
        found.push(Statement { sql: text[from..].trim().to_owned(), ..current });
    }
    found
}

/// The first words of a statement, in lower case.
pub fn first_words(sql: &str) -> Vec<String> {
    let written = tokens(sql).filter(|token| token.kind != Kind::Blank);
    let from_the_first = written.skip_while(|token| token.kind != Kind::Word);
    let words = from_the_first.take_while(|token| token.kind == Kind::Word).take(FIRST_WORDS);
    words.map(|token| token.text.to_ascii_lowercase()).collect()
}

/// The number of a parameter.
fn param(token: &Token<'_>) -> Option<usize> {
    let number = (token.kind == Kind::Param).then(|| token.text[1..].parse().ok()).flatten()?;
    (1..=PARAMS_MAX).contains(&number).then_some(number)
}

/// The type in `::type` that follows.
fn cast(rest: &[Token<'_>]) -> Option<String> {
    let mut written = rest.iter().filter(|token| token.kind != Kind::Blank);
    written.next().filter(|token| token.kind == Kind::Cast)?;
    written.next().filter(|token| token.kind == Kind::Word).map(|token| token.text.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_end_at_semicolons_that_are_no_text() {
        let sql =
            "SELECT ';', \"a;b\", E'\\';' -- x;\n; ; /* a;/*b;*/ */ INSERT INTO t VALUES ($1, $2::bigint);$x$;$x$";
        let found = statements(sql);
        let texts: Vec<&str> = found.iter().map(|statement| statement.sql.as_str()).collect();
        assert_eq!(texts.len(), 3, "{texts:?}");
        assert!(texts[0].starts_with("SELECT ';'") && texts[2] == "$x$;$x$", "{texts:?}");
        assert_eq!((found[1].params, &found[1].casts), (2, &vec![(2, "BIGINT".to_owned())]));
        assert!(statements(" ; -- nothing\n").is_empty());
        for broken in ["'", "E'\\", "/*", "$", "$x", "$x$", "\"", "$99999999999", "é'€", "e"] {
            let _ = (statements(broken), first_words(broken));
        }
    }

    #[test]
    fn first_words_are_found_behind_comments_and_brackets() {
        assert_eq!(first_words("/* x */ (SELECT * FROM t)"), ["select"]);
        assert_eq!(first_words("create  OR replace TABLE x (y)"), ["create", "or", "replace", "table", "x"]);
        assert!(first_words("").is_empty());
    }
}

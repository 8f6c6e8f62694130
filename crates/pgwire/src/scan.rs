//! Where statements end, which words they begin with, and which parameters they have. Not what they mean.

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
    let (mut found, mut current, mut from, mut is_empty) = (Vec::new(), Statement::default(), 0, true);
    let mut scan = Scan { text, at: 0 };
    while let Some(token) = scan.next() {
        match token {
            Token::Blank => {}
            Token::End(at) => {
                let done = std::mem::take(&mut current);
                if !std::mem::replace(&mut is_empty, true) {
                    found.push(Statement { sql: text[from..at].trim().to_owned(), ..done });
                }
                from = at + 1;
            }
            Token::Param(number) => {
                is_empty = false;
                current.params = current.params.max(number);
                current.casts.extend(scan.cast().map(|kind| (number, kind)));
            }
            Token::Word(_) | Token::Other => is_empty = false,
        }
    }
    if !is_empty {
        found.push(Statement { sql: text[from..].trim().to_owned(), ..current });
    }
    found
}

/// The first words of a statement, in lower case.
pub fn first_words(sql: &str) -> Vec<String> {
    let (mut words, mut scan) = (Vec::new(), Scan { text: sql, at: 0 });
    while let Some(token) = scan.next() {
        match token {
            Token::Word(word) => words.push(word.to_ascii_lowercase()),
            Token::Blank => continue,
            _ if words.is_empty() => continue,
            _ => break,
        }
        if words.len() == FIRST_WORDS {
            break;
        }
    }
    words
}

enum Token<'a> {
    Blank,
    Word(&'a str),
    Param(usize),
    /// A semicolon, and where.
    End(usize),
    Other,
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn next(&mut self) -> Option<Token<'a>> {
        let rest = self.rest();
        let first = rest.chars().next()?;
        let (token, length) = match first {
            ';' => (Token::End(self.at), 1),
            '\'' | '"' => (Token::Other, quoted(rest, first, false)),
            'e' | 'E' if rest[1..].starts_with('\'') => (Token::Other, 1 + quoted(&rest[1..], '\'', true)),
            '-' if rest.starts_with("--") => (Token::Blank, rest.find('\n').unwrap_or(rest.len())),
            '/' if rest.starts_with("/*") => (Token::Blank, comment(rest)),
            '$' => dollar(rest),
            _ if first.is_whitespace() => (Token::Blank, first.len_utf8()),
            _ if is_word(first) => {
                let length = rest.find(|c: char| !is_word(c) && c != '$').unwrap_or(rest.len());
                (Token::Word(&rest[..length]), length)
            }
            _ => (Token::Other, first.len_utf8()),
        };
        self.at += length;
        Some(token)
    }

    /// The type in `::type` that follows.
    fn cast(&self) -> Option<String> {
        let rest = self.rest().trim_start().strip_prefix("::")?.trim_start();
        let length = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
        Some(rest[..length].to_ascii_uppercase()).filter(|kind| !kind.is_empty())
    }
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Length of what stands in quotes; all of the rest where they do not close.
fn quoted(text: &str, quote: char, escapes: bool) -> usize {
    let mut letters = text.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        if escapes && letter == '\\' {
            letters.next();
        } else if letter == quote && letters.next_if(|(_, next)| *next == quote).is_none() {
            return at + 1;
        }
    }
    text.len()
}

/// Length of a comment, which may hold others.
fn comment(text: &str) -> usize {
    let (bytes, mut depth, mut at) = (text.as_bytes(), 0, 0);
    while at < bytes.len() {
        match (bytes[at], bytes.get(at + 1)) {
            (b'/', Some(b'*')) => (depth, at) = (depth + 1, at + 2),
            (b'*', Some(b'/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// A parameter, or a text between `$tag$` and `$tag$`.
fn dollar(text: &str) -> (Token<'_>, usize) {
    let digits = text[1..].bytes().take_while(u8::is_ascii_digit).count();
    if let Ok(number @ 1..=PARAMS_MAX) = text[1..=digits].parse() {
        return (Token::Param(number), digits + 1);
    }
    let tag = text[1..].find(|c: char| !is_word(c)).unwrap_or(text.len() - 1) + 1;
    if !text[tag..].starts_with('$') {
        return (Token::Other, 1);
    }
    let mark = &text[..=tag];
    let end = text[mark.len()..].find(mark).map_or(text.len(), |at| at + 2 * mark.len());
    (Token::Other, end)
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

//! Statements as their tokens, which together are the text again. What they mean is not known here.

use std::borrow::Cow;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// White space and comments.
    Blank,
    /// A text, between whichever quotes.
    Text,
    /// `$1`.
    Param,
    /// A name or a key word, without quotes.
    Word,
    /// A name in double quotes.
    Quoted,
    /// A number without its sign.
    Number,
    /// `::`.
    Cast,
    /// Signs that stand together as one.
    Operator,
    /// Any other sign: brackets, dots, commas, semicolons.
    Other,
}

/// A token.
#[derive(Clone, Debug)]
pub struct Token<'a> {
    /// What it is.
    pub kind: Kind,
    /// As it is written.
    pub text: Cow<'a, str>,
}

impl Token<'_> {
    /// One that takes another's place.
    pub fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, text: Cow::Owned(text.into()) }
    }

    /// The name that it is, in lower case; none where it is no name.
    pub fn name(&self) -> Option<String> {
        match self.kind {
            Kind::Word => Some(self.text.to_lowercase()),
            Kind::Quoted => Some(self.text.trim_matches('"').to_lowercase()),
            _ => None,
        }
    }

    /// Whether it is written so and is no text.
    pub fn is(&self, text: &str) -> bool {
        self.kind != Kind::Text && self.text == text
    }
}

/// Letters of operators.
const OPERATORS: &str = "~!@#%^&|`?<>=+-*/";

/// The tokens of a text, whatever the text.
pub fn tokens(sql: &str) -> impl Iterator<Item = Token<'_>> {
    let mut rest = sql;
    std::iter::from_fn(move || {
        let (kind, length) = next(rest, rest.chars().next()?);
        let (text, after) = rest.split_at(length);
        rest = after;
        Some(Token { kind, text: Cow::Borrowed(text) })
    })
}

fn next(rest: &str, first: char) -> (Kind, usize) {
    let until = |ends: fn(char) -> bool| rest.find(ends).unwrap_or(rest.len());
    match first {
        '\'' => (Kind::Text, quoted(rest, first, false)),
        'e' | 'E' if rest[1..].starts_with('\'') => (Kind::Text, 1 + quoted(&rest[1..], '\'', true)),
        '"' => (Kind::Quoted, quoted(rest, first, false)),
        '-' if rest.starts_with("--") => (Kind::Blank, until(|letter: char| letter == '\n')),
        '/' if rest.starts_with("/*") => (Kind::Blank, comment(rest)),
        '$' => dollar(rest),
        ':' if rest.starts_with("::") => (Kind::Cast, 2),
        _ if first.is_whitespace() => (Kind::Blank, until(|letter: char| !letter.is_whitespace())),
        _ if first.is_ascii_digit() => (Kind::Number, until(|letter: char| !is_word(letter))),
        _ if is_word(first) => (Kind::Word, until(|letter: char| !is_word(letter) && letter != '$')),
        _ if OPERATORS.contains(first) => (Kind::Operator, operator(rest)),
        _ => (Kind::Other, first.len_utf8()),
    }
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Length of an operator, which ends where a comment begins.
fn operator(text: &str) -> usize {
    let end = text.find(|letter: char| !OPERATORS.contains(letter)).unwrap_or(text.len());
    let comment = ["--", "/*"].iter().filter_map(|mark| text[..end].find(mark)).min();
    comment.unwrap_or(end)
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
    let (mut depth, mut at) = (0, 0);
    while let Some(rest) = text.as_bytes().get(at..).filter(|rest| !rest.is_empty()) {
        let step = match rest {
            [b'/', b'*', ..] => 1,
            [b'*', b'/', ..] => -1,
            _ => 0,
        };
        (depth, at) = (depth + step, at + if step == 0 { 1 } else { 2 });
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// A parameter, or a text between `$tag$` and `$tag$`.
fn dollar(text: &str) -> (Kind, usize) {
    let tag = text[1..].find(|letter: char| !is_word(letter)).unwrap_or(text.len() - 1) + 1;
    if text[1..].starts_with(|letter: char| letter.is_ascii_digit()) {
        return (Kind::Param, tag);
    }
    if !text[tag..].starts_with('$') {
        return (Kind::Other, 1);
    }
    let mark = &text[..=tag];
    (Kind::Text, text[mark.len()..].find(mark).map_or(text.len(), |at| at + 2 * mark.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_falls_into_tokens_and_is_whole_again() {
        let sql =
            "SELECT e'\\'~', \"a\"\"b\"::int, $1 !~ $tag$~'$tag$ /* ~ /* */ */ FROM é.b -- ~\n WHERE 1+-2.5=-c[3]";
        let found: Vec<_> = tokens(sql).collect();
        assert_eq!(found.iter().map(|token| token.text.as_ref()).collect::<String>(), sql);
        let of = |kind| {
            found.iter().filter(move |token| token.kind == kind).map(|token| token.text.as_ref()).collect::<Vec<_>>()
        };
        assert_eq!(of(Kind::Text), ["e'\\'~'", "$tag$~'$tag$"]);
        assert_eq!(of(Kind::Quoted), ["\"a\"\"b\""]);
        assert_eq!(of(Kind::Operator), ["!~", "+-", "=-"]);
        assert_eq!(of(Kind::Param), ["$1"]);
        for broken in ["'", "E'\\", "/*", "/*/", "$", "$x", "$x$", "\"", "$9x", "é'€", "e", "::", ":", "~--", "~/*"]
        {
            assert_eq!(tokens(broken).map(|token| token.text).collect::<String>(), broken);
        }
    }
}

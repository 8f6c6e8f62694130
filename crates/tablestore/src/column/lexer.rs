//! Tokens of the two small languages users write in a column: its type and its default.

use super::ColumnError;

/// One token. Words keep their case; comparisons fold it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Word(String),
    Quoted(String),
    Text(String),
    Number(String),
    Symbol(char),
    /// `::`
    Cast,
}

/// A read head over the tokens.
pub(super) struct Tokens {
    all: Vec<Token>,
    next: usize,
    code: &'static str,
}

impl Tokens {
    /// Splits the text; `code` is that of every error from here on.
    pub(super) fn of(text: &str, bytes_max: usize, code: &'static str) -> Result<Self, ColumnError> {
        let error = |message: String| ColumnError { code, message };
        if text.len() > bytes_max {
            return Err(error(format!("the text has {} bytes; at most {bytes_max} are allowed", text.len())));
        }
        let mut tokens = Vec::new();
        let mut rest = text.chars().peekable();
        while let Some(&character) = rest.peek() {
            match character {
                ' ' | '\t' | '\n' | '\r' => {
                    rest.next();
                }
                '\'' | '"' => {
                    rest.next();
                    let inner = delimited(&mut rest, character).map_err(|why| error(why.to_owned()))?;
                    tokens.push(if character == '"' { Token::Quoted(inner) } else { Token::Text(inner) });
                }
                'a'..='z' | 'A'..='Z' | '_' => {
                    tokens.push(Token::Word(take_while(&mut rest, |c| c.is_ascii_alphanumeric() || c == '_')));
                }
                '0'..='9' | '.' => tokens.push(Token::Number(number(&mut rest))),
                '(' | ')' | '[' | ']' | ',' | '+' | '-' => {
                    rest.next();
                    tokens.push(Token::Symbol(character));
                }
                ':' => {
                    rest.next();
                    if rest.next() != Some(':') {
                        return Err(error("a single `:` has no meaning here".to_owned()));
                    }
                    tokens.push(Token::Cast);
                }
                other => return Err(error(format!("unexpected character {other:?}"))),
            }
        }
        Ok(Self { all: tokens, next: 0, code })
    }

    pub(super) fn peek(&self) -> Option<&Token> {
        self.all.get(self.next)
    }

    pub(super) fn peek_word(&self) -> Option<String> {
        match self.peek() {
            Some(Token::Word(word)) => Some(word.to_ascii_uppercase()),
            _ => None,
        }
    }

    pub(super) fn take(&mut self) -> Option<Token> {
        let token = self.all.get(self.next).cloned();
        self.next += 1;
        token
    }

    /// Un-takes one token.
    pub(super) fn back(&mut self) {
        self.next = self.next.saturating_sub(1);
    }

    pub(super) fn take_if(&mut self, token: &Token) -> bool {
        let hit = self.peek() == Some(token);
        if hit {
            self.next += 1;
        }
        hit
    }

    pub(super) fn take_symbol(&mut self, symbol: char) -> bool {
        self.take_if(&Token::Symbol(symbol))
    }

    /// Takes the words if they all come next.
    pub(super) fn take_words(&mut self, words: &[&str]) -> bool {
        let hit = words.iter().enumerate().all(|(offset, word)| {
            matches!(self.all.get(self.next + offset), Some(Token::Word(seen)) if seen.eq_ignore_ascii_case(word))
        });
        if hit {
            self.next += words.len();
        }
        hit
    }

    pub(super) fn expect_symbol(&mut self, symbol: char) -> Result<(), ColumnError> {
        if self.take_symbol(symbol) { Ok(()) } else { Err(self.error(format!("expected `{symbol}`"))) }
    }

    pub(super) fn expect_end(&self) -> Result<(), ColumnError> {
        match self.peek() {
            None => Ok(()),
            Some(token) => Err(self.error(format!("unexpected {token:?} at the end"))),
        }
    }

    pub(super) fn error(&self, message: impl Into<String>) -> ColumnError {
        ColumnError { code: self.code, message: message.into() }
    }
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn take_while(rest: &mut Chars<'_>, keep: impl Fn(char) -> bool) -> String {
    let mut out = String::new();
    while let Some(character) = rest.next_if(|&c| keep(c)) {
        out.push(character);
    }
    out
}

/// Digits, a point, an exponent. What it means is checked by whoever uses it.
fn number(rest: &mut Chars<'_>) -> String {
    let mut out = take_while(rest, |c| c.is_ascii_digit() || c == '.');
    if let Some(exponent) = rest.next_if(|&c| c == 'e' || c == 'E') {
        out.push(exponent);
        if let Some(sign) = rest.next_if(|&c| c == '+' || c == '-') {
            out.push(sign);
        }
        out.push_str(&take_while(rest, |c| c.is_ascii_digit()));
    }
    out
}

fn delimited(rest: &mut Chars<'_>, quote: char) -> Result<String, &'static str> {
    let mut out = String::new();
    loop {
        match rest.next() {
            None => return Err("a quote is not closed"),
            Some('\0') => return Err("a NUL character is not allowed"),
            Some(character) if character == quote => {
                if rest.next_if_eq(&quote).is_none() {
                    return Ok(out);
                }
                out.push(quote);
            }
            Some(character) => out.push(character),
        }
    }
}

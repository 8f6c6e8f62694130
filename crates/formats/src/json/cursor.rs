//! Goes through the text of a JSON value that is known to be one.

use crate::error::{Bad, Tag};

/// A place in the text of a value.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

/// What kind of value begins somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Object,
    Array,
    Text,
    Number,
    True,
    False,
    Null,
}

impl Token {
    /// What it is, for people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Object => "an object",
            Self::Array => "an array",
            Self::Text => "a text",
            Self::Number => "a number",
            Self::True | Self::False => "a truth value",
            Self::Null => "null",
        }
    }
}

impl<'a> Cursor<'a> {
    /// Before the value. The text has been scanned; what is no JSON gives values that are not what it says.
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while self.byte().is_some_and(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// The kind of the next value.
    pub(crate) fn peek(&mut self) -> Token {
        self.skip_blanks();
        match self.byte() {
            Some(b'{') => Token::Object,
            Some(b'[') => Token::Array,
            Some(b'"') => Token::Text,
            Some(b't') => Token::True,
            Some(b'f') => Token::False,
            Some(b'-' | b'0'..=b'9') => Token::Number,
            _ => Token::Null,
        }
    }

    /// Goes into the next value, an array or object.
    pub(crate) fn open(&mut self) {
        self.skip_blanks();
        self.at += 1;
    }

    /// Goes to the next item of the array or object it is in, or out of it: then false.
    pub(crate) fn next(&mut self) -> bool {
        self.skip_blanks();
        if self.byte() == Some(b',') {
            self.at += 1;
            self.skip_blanks();
        }
        if matches!(self.byte(), None | Some(b']' | b'}')) {
            self.at += 1;
            return false;
        }
        true
    }

    /// Reads a name of an object and goes before its value.
    pub(crate) fn key<'s>(&mut self, scratch: &'s mut String) -> Result<&'s str, Bad>
    where
        'a: 's,
    {
        let key = self.text(scratch)?;
        self.skip_blanks();
        self.at += 1;
        Ok(key)
    }

    /// Reads a text. It is where it was unless something in it is escaped.
    pub(crate) fn text<'s>(&mut self, scratch: &'s mut String) -> Result<&'s str, Bad>
    where
        'a: 's,
    {
        let raw = self.raw();
        let inside = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')).unwrap_or_default();
        if memchr::memchr(b'\\', inside.as_bytes()).is_none() {
            return Ok(inside);
        }
        unescape(inside, scratch)?;
        Ok(scratch)
    }

    /// Takes the next value as it is written.
    pub(crate) fn raw(&mut self) -> &'a str {
        self.skip_blanks();
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            match self.byte() {
                None => break,
                Some(b'"') => self.skip_text(),
                Some(b'{' | b'[') => {
                    depth += 1;
                    self.at += 1;
                }
                Some(b'}' | b']' | b',') if depth == 0 => break,
                Some(b'}' | b']') => {
                    depth -= 1;
                    self.at += 1;
                }
                Some(byte) if byte.is_ascii_whitespace() && depth == 0 => break,
                Some(_) => self.at += 1,
            }
            // Behind a text, array or object the value is over; literals and numbers end at what is not theirs.
            if depth == 0 && matches!(self.text.as_bytes().get(self.at - 1), Some(b'"' | b'}' | b']')) {
                break;
            }
        }
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn skip_text(&mut self) {
        self.at += 1;
        while let Some(rest) = self.text.as_bytes().get(self.at..) {
            match memchr::memchr2(b'"', b'\\', rest) {
                Some(plain) if rest[plain] == b'\\' => self.at = (self.at + plain + 2).min(self.text.len()),
                Some(plain) => {
                    self.at += plain + 1;
                    return;
                }
                None => {
                    self.at = self.text.len();
                    return;
                }
            }
        }
    }
}

/// The text that is meant where something is escaped.
fn unescape(raw: &str, text: &mut String) -> Result<(), Bad> {
    text.clear();
    let mut rest = raw;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        text.push_str(plain);
        let kind = escaped.bytes().next().unwrap_or(b'\\');
        rest = escaped.get(1..).unwrap_or_default();
        match kind {
            b'b' => text.push('\u{8}'),
            b'f' => text.push('\u{c}'),
            b'n' => text.push('\n'),
            b'r' => text.push('\r'),
            b't' => text.push('\t'),
            b'u' => {
                let mut code = hex(rest);
                rest = rest.get(4..).unwrap_or_default();
                if (0xd800..0xdc00).contains(&code) {
                    let low = rest.strip_prefix("\\u").map_or(0, hex);
                    if (0xdc00..0xe000).contains(&low) {
                        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                        rest = rest.get(6..).unwrap_or_default();
                    }
                }
                let alone = || Bad::new(Tag::Encoding, format!("\\u{code:04x} is half of a character"));
                text.push(char::from_u32(code).ok_or_else(alone)?);
            }
            other => text.push(char::from(other)),
        }
    }
    text.push_str(rest);
    Ok(())
}

fn hex(text: &str) -> u32 {
    text.get(..4).and_then(|digits| u32::from_str_radix(digits, 16).ok()).unwrap_or(0xd800)
}

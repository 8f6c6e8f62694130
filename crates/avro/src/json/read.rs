//! The reader: one pass over the bytes, no recursion deeper than its limit, a byte offset with every value.

use super::line_and_column;

/// Deepest nesting of lists and objects that is read. No real schema comes near; a hostile one must not eat the stack.
pub const JSON_DEPTH_MAX: usize = 256;

/// A value and the byte offset where it starts.
#[derive(Debug)]
pub(crate) struct Spanned<T = SpannedValue> {
    pub at: usize,
    pub value: T,
}

#[derive(Debug)]
pub(crate) enum SpannedValue {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    Array(Vec<Spanned>),
    Object(Vec<(Spanned<String>, Spanned)>),
}

/// Why a text is no JSON, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} at line {line}, column {column}")]
pub struct SyntaxError {
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// What was found, and what would be right.
    pub message: String,
}

/// Reads one JSON value with nothing but whitespace around it.
pub(crate) fn read(text: &str) -> Result<Spanned, SyntaxError> {
    let mut reader = Reader { text, bytes: text.as_bytes(), at: 0, depth: 0 };
    let result = reader.value().and_then(|value| {
        reader.blank();
        if reader.at == text.len() { Ok(value) } else { Err("more text after the end of the JSON value".to_owned()) }
    });
    result.map_err(|message| {
        let (line, column) = line_and_column(text, reader.at);
        SyntaxError { line, column, message }
    })
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn blank(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn found(&self) -> String {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(letter) => format!("`{}`", letter.escape_debug()),
            None => "the end of the text".to_owned(),
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(there);
        there
    }

    fn value(&mut self) -> Result<Spanned, String> {
        self.blank();
        let at = self.at;
        let value = match self.bytes.get(at) {
            Some(b'{') => self.nested(Self::object)?,
            Some(b'[') => self.nested(Self::array)?,
            Some(b'"') => SpannedValue::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => SpannedValue::Number(self.number()?),
            _ => self.word()?,
        };
        Ok(Spanned { at, value })
    }

    fn word(&mut self) -> Result<SpannedValue, String> {
        for (word, value) in
            [("null", SpannedValue::Null), ("true", SpannedValue::Bool(true)), ("false", SpannedValue::Bool(false))]
        {
            if self.bytes[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(format!("expected a JSON value, found {}", self.found()))
    }

    fn nested(&mut self, inner: fn(&mut Self) -> Result<SpannedValue, String>) -> Result<SpannedValue, String> {
        if self.depth == JSON_DEPTH_MAX {
            return Err(format!("nested deeper than {JSON_DEPTH_MAX} levels"));
        }
        self.depth += 1;
        self.at += 1;
        let value = inner(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn array(&mut self) -> Result<SpannedValue, String> {
        let mut items = Vec::new();
        self.blank();
        if self.take(b']') {
            return Ok(SpannedValue::Array(items));
        }
        loop {
            items.push(self.value()?);
            self.blank();
            if self.take(b']') {
                return Ok(SpannedValue::Array(items));
            }
            if !self.take(b',') {
                return Err(format!("expected `,` or `]`, found {}", self.found()));
            }
        }
    }

    fn object(&mut self) -> Result<SpannedValue, String> {
        let mut members = Vec::new();
        self.blank();
        if self.take(b'}') {
            return Ok(SpannedValue::Object(members));
        }
        loop {
            self.blank();
            let at = self.at;
            if self.bytes.get(at) != Some(&b'"') {
                return Err(format!("expected an attribute name in quotes, found {}", self.found()));
            }
            let name = Spanned { at, value: self.string()? };
            self.blank();
            if !self.take(b':') {
                return Err(format!("expected `:`, found {}", self.found()));
            }
            members.push((name, self.value()?));
            self.blank();
            if self.take(b'}') {
                return Ok(SpannedValue::Object(members));
            }
            if !self.take(b',') {
                return Err(format!("expected `,` or `}}`, found {}", self.found()));
            }
        }
    }

    fn digits(&mut self) -> bool {
        let start = self.at;
        while matches!(self.bytes.get(self.at), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at > start
    }

    fn number(&mut self) -> Result<String, String> {
        let start = self.at;
        self.take(b'-');
        let good = if self.take(b'0') { true } else { self.digits() };
        let fraction = !self.take(b'.') || self.digits();
        let exponent = if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()
        } else {
            true
        };
        if good && fraction && exponent {
            Ok(self.text[start..self.at].to_owned())
        } else {
            Err(format!("expected a digit, found {}", self.found()))
        }
    }

    fn string(&mut self) -> Result<String, String> {
        let opening = self.at;
        self.at += 1;
        let mut out = String::new();
        loop {
            let start = self.at;
            while !matches!(self.bytes.get(self.at), None | Some(b'"' | b'\\' | 0..=0x1F)) {
                self.at += 1;
            }
            // Both ends are ASCII bytes or the end, hence on character boundaries.
            out.push_str(&self.text[start..self.at]);
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    self.at += 1;
                    out.push(self.escape()?);
                }
                Some(_) => return Err("a control character in a text must be escaped".to_owned()),
                None => {
                    self.at = opening;
                    return Err("a text that starts here never ends".to_owned());
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, String> {
        let letter = match self.bytes.get(self.at) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode();
            }
            _ => return Err(format!("no such escape: {}", self.found())),
        };
        self.at += 1;
        Ok(letter)
    }

    fn unicode(&mut self) -> Result<char, String> {
        let first = self.hex()?;
        if !(0xD800..0xE000).contains(&first) {
            return char::from_u32(first).ok_or_else(|| "no such character".to_owned());
        }
        if first < 0xDC00 && self.take(b'\\') && self.take(b'u') {
            let second = self.hex()?;
            if (0xDC00..0xE000).contains(&second) {
                let code = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                return char::from_u32(code).ok_or_else(|| "no such character".to_owned());
            }
        }
        Err("half of a surrogate pair is no character".to_owned())
    }

    fn hex(&mut self) -> Result<u32, String> {
        let digits = self.bytes.get(self.at..self.at + 4).filter(|four| four.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.ok_or_else(|| "expected four hexadecimal digits".to_owned())?;
        let code = digits.iter().fold(0, |code, digit| code << 4 | char::from(*digit).to_digit(16).unwrap_or_default());
        self.at += 4;
        Ok(code)
    }
}

//! Where records end in a stream of bytes, so that it is cut between them and never inside.

use serde_json::Value;

/// How records of a format are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Each line is one.
    Lines,
    /// Each line is one, but for ends of lines inside of quotes.
    Csv {
        /// The quote; none if fields are not quoted.
        quote: Option<u8>,
        /// What takes the meaning of the quote behind it away.
        escape: Option<u8>,
    },
    /// Each JSON value is one; scalars end with their line.
    Json,
    /// Only the whole file is one.
    Whole,
}

impl Cut {
    /// How the records of a connector's `format` are told apart; what is not known is taken whole.
    #[must_use]
    pub fn of_format(format: Option<&Value>) -> Self {
        let name = format.and_then(|format| format.get("name")).and_then(Value::as_str);
        let config = format.and_then(|format| format.get("config"));
        let member = |name: &str| config.and_then(|config| config.get(name));
        let byte = |name: &str| member(name).and_then(Value::as_str).and_then(|text| text.bytes().next());
        match name {
            Some("json") => Self::Json,
            Some("csv") => {
                let is_quoting = member("quoting").and_then(Value::as_bool).unwrap_or(true);
                Self::Csv { quote: is_quoting.then(|| byte("quote").unwrap_or(b'"')), escape: byte("escape") }
            }
            Some("raw") if member("mode").and_then(Value::as_str) == Some("lines") => Self::Lines,
            _ => Self::Whole,
        }
    }
}

/// Looks through a stream byte by byte and says where records end.
#[derive(Debug)]
pub(super) struct Scanner {
    cut: Cut,
    depth: u64,
    is_quoted: bool,
    is_escaped: bool,
}

impl Scanner {
    pub fn new(cut: Cut) -> Self {
        Self { cut, depth: 0, is_quoted: false, is_escaped: false }
    }

    /// The end of the last record that ends in these bytes, which follow those of the last call.
    pub fn last_end(&mut self, bytes: &[u8]) -> Option<usize> {
        match self.cut {
            Cut::Lines | Cut::Csv { quote: None, .. } => memchr::memrchr(b'\n', bytes).map(|at| at + 1),
            Cut::Csv { quote: Some(quote), escape } => self.csv(bytes, quote, escape),
            Cut::Json => self.json(bytes),
            Cut::Whole => None,
        }
    }

    fn csv(&mut self, bytes: &[u8], quote: u8, escape: Option<u8>) -> Option<usize> {
        let mut end = None;
        for (at, byte) in bytes.iter().enumerate() {
            match *byte {
                _ if self.is_escaped => self.is_escaped = false,
                byte if self.is_quoted && escape == Some(byte) && byte != quote => self.is_escaped = true,
                // A doubled quote ends and begins: the same in the end.
                byte if byte == quote => self.is_quoted = !self.is_quoted,
                b'\n' if !self.is_quoted => end = Some(at + 1),
                _ => {}
            }
        }
        end
    }

    fn json(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut end = None;
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' if self.is_quoted => self.is_escaped = true,
                b'"' => self.is_quoted = !self.is_quoted,
                _ if self.is_quoted => {}
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    // One too many is the parser's to complain about.
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        end = Some(at + 1);
                    }
                }
                b'\n' if self.depth == 0 => end = Some(at + 1),
                _ => {}
            }
        }
        end
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CSV: Cut = Cut::Csv { quote: Some(b'"'), escape: None };

    #[test]
    fn records_end_where_their_format_says() {
        let escaping = Cut::Csv { quote: Some(b'\''), escape: Some(b'\\') };
        for (cut, text, end) in [
            (Cut::Lines, "a\nb\nc", Some(4)),
            (Cut::Lines, "abc", None),
            (Cut::Whole, "a\nb\n", None),
            (CSV, "a,\"x\ny\"\nb,\"z\n", Some(8)),
            (CSV, "\"a\"\"\n\"\n\"", Some(7)),
            (Cut::Csv { quote: None, escape: None }, "\"a\nb", Some(3)),
            (escaping, "'a\\'\n'\nx", Some(7)),
            (Cut::Json, "{\"a\": {}}{\"b\": 1", Some(9)),
            (Cut::Json, "{\"a\": \"}\\\"}\"", None),
            (Cut::Json, "[1,\n2]\n", Some(7)),
            (Cut::Json, "1\n2", Some(2)),
            (Cut::Json, "}\n{", Some(2)),
        ] {
            assert_eq!(Scanner::new(cut).last_end(text.as_bytes()), end, "{cut:?} {text:?}");
        }
    }

    #[test]
    fn formats_say_how_they_are_cut() {
        for (format, cut) in [
            (json!({"name": "json", "config": {"update_format": "raw"}}), Cut::Json),
            (json!({"name": "csv"}), CSV),
            (
                json!({"name": "csv", "config": {"quote": "'", "escape": "\\"}}),
                Cut::Csv { quote: Some(b'\''), escape: Some(b'\\') },
            ),
            (json!({"name": "csv", "config": {"quoting": false}}), Cut::Csv { quote: None, escape: None }),
            (json!({"name": "raw", "config": {"mode": "lines"}}), Cut::Lines),
            (json!({"name": "raw"}), Cut::Whole),
            (json!({"name": "parquet"}), Cut::Whole),
        ] {
            assert_eq!(Cut::of_format(Some(&format)), cut, "{format}");
        }
        assert_eq!(Cut::of_format(None), Cut::Whole);
    }

    proptest::proptest! {
        /// Where the bytes are split does not matter.
        #[test]
        fn pieces_end_where_the_whole_does(text in "[ab\"\\\\{}\\[\\],\n']{0,40}", at in 0_usize..40) {
            for cut in [Cut::Lines, CSV, Cut::Csv { quote: Some(b'\''), escape: Some(b'\\') }, Cut::Json, Cut::Whole] {
                let whole = Scanner::new(cut).last_end(text.as_bytes());
                let (first, second) = text.as_bytes().split_at(at.min(text.len()));
                let mut scanner = Scanner::new(cut);
                let before = scanner.last_end(first);
                let after = scanner.last_end(second).map(|end| end + first.len());
                proptest::prop_assert_eq!(after.or(before), whole);
            }
        }
    }
}

//! What is wrong with what came in, and with how a format is configured.

use std::fmt;

use serde_json::{Value, json};

/// How many errors are kept with all they say; the others are counted.
pub const ERRORS_MAX: usize = 1_000;
/// How much of a record an error quotes.
pub const QUOTED_BYTES_MAX: usize = 1_024;

/// Why a format cannot be had as it is configured. [`code`](Self::code) is stable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// There is no such format.
    #[error("there is no format '{0}'; formats are json, csv and raw")]
    UnknownFormat(String),
    /// The format is known but not offered here.
    #[error("{0}")]
    Unsupported(String),
    /// A member of the configuration that the format does not have.
    #[error("the format {format} has no member '{member}'; it has {known}")]
    UnknownMember {
        /// The format.
        format: String,
        /// The member.
        member: String,
        /// The members that there are.
        known: String,
    },
    /// A member of the configuration has a value that it cannot have.
    #[error("'{member}' is {value}; it is {wanted}")]
    Invalid {
        /// The member.
        member: String,
        /// Its value.
        value: String,
        /// What it may be.
        wanted: String,
    },
    /// The format does not fit the table or view.
    #[error("{0}")]
    Misfit(String),
}

impl FormatError {
    /// A name for the kind of error that stays.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownFormat(_) => "UnknownFormat",
            Self::Unsupported(_) => "FormatNotSupported",
            Self::UnknownMember { .. } => "UnknownFormatMember",
            Self::Invalid { .. } => "InvalidFormatMember",
            Self::Misfit(_) => "FormatMisfit",
        }
    }
}

/// What is wrong with one record of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// What is wrong.
    pub description: String,
    /// Which record it is, from 1.
    pub event_number: Option<u64>,
    /// The column whose value is wrong.
    pub field: Option<String>,
    /// The record where it is no text, its beginning if it is long.
    pub invalid_bytes: Option<Vec<u8>>,
    /// The record, its beginning if it is long.
    pub invalid_text: Option<String>,
    /// What may help.
    pub suggestion: Option<String>,
    /// What kind of error it is.
    pub tag: Tag,
}

/// Kinds of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// The record is not in the format.
    Syntax,
    /// The record is no text.
    Encoding,
    /// The record says no change.
    Envelope,
    /// A value is not of its column's type.
    Value,
    /// A value is NULL that may not be.
    Null,
    /// The record is too large.
    Limit,
}

impl Tag {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::Encoding => "encoding",
            Self::Envelope => "envelope",
            Self::Value => "value",
            Self::Null => "null",
            Self::Limit => "limit",
        }
    }
}

/// What is wrong with a value or a record, before it is known which record it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bad {
    pub tag: Tag,
    pub description: String,
    pub field: Option<String>,
    pub suggestion: Option<String>,
}

impl Bad {
    pub(crate) fn new(tag: Tag, description: impl Into<String>) -> Self {
        Self { tag, description: description.into(), field: None, suggestion: None }
    }

    pub(crate) fn value(description: impl Into<String>) -> Self {
        Self::new(Tag::Value, description)
    }

    pub(crate) fn suggest(mut self, suggestion: &str) -> Self {
        self.suggestion = Some(suggestion.to_owned());
        self
    }

    pub(crate) fn of_field(mut self, field: &str) -> Self {
        self.field = Some(field.to_owned());
        self
    }

    /// The error of a record.
    pub(crate) fn of_record(self, event_number: u64, record: &[u8]) -> ParseError {
        let start = record.get(..QUOTED_BYTES_MAX).unwrap_or(record);
        let text = match std::str::from_utf8(start) {
            Ok(text) => Some(text),
            // Only a character that the cut went through is missing.
            Err(error) if error.error_len().is_none() && record.len() > start.len() => {
                std::str::from_utf8(&start[..error.valid_up_to()]).ok()
            }
            Err(_) => None,
        };
        let text = if self.tag == Tag::Encoding { None } else { text };
        ParseError {
            description: self.description,
            event_number: Some(event_number),
            field: self.field,
            invalid_bytes: text.is_none().then(|| start.to_vec()),
            invalid_text: text.map(str::to_owned),
            suggestion: self.suggestion,
            tag: self.tag,
        }
    }
}

impl ParseError {
    /// It as clients know it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "description": self.description,
            "event_number": self.event_number,
            "field": self.field,
            "invalid_bytes": self.invalid_bytes,
            "invalid_text": self.invalid_text,
            "suggestion": self.suggestion,
            "tag": self.tag.name(),
        })
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Parse error")?;
        if let Some(number) = self.event_number {
            write!(f, " (event #{number})")?;
        }
        if let Some(field) = &self.field {
            write!(f, " in field '{field}'")?;
        }
        write!(f, ": {}", self.description)?;
        if let Some(text) = &self.invalid_text {
            write!(f, "\nInvalid fragment: '{text}'")?;
        }
        if let Some(bytes) = &self.invalid_bytes {
            write!(f, "\nInvalid bytes: {bytes:?}")?;
        }
        if let Some(suggestion) = &self.suggestion {
            write!(f, "\nSuggestion: {suggestion}")?;
        }
        Ok(())
    }
}

/// All that is wrong with the input: how much it is, and the first of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParseErrors {
    total: u64,
    kept: Vec<ParseError>,
}

impl ParseErrors {
    /// Adds one.
    pub fn push(&mut self, error: ParseError) {
        self.total += 1;
        if self.kept.len() < ERRORS_MAX {
            self.kept.push(error);
        }
    }

    /// Adds those of a later part of the same input.
    pub fn append(&mut self, later: Self) {
        self.total += later.total;
        let room = ERRORS_MAX - self.kept.len();
        self.kept.extend(later.kept.into_iter().take(room));
    }

    /// How many there are.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The first of them, at most [`ERRORS_MAX`].
    #[must_use]
    pub fn kept(&self) -> &[ParseError] {
        &self.kept
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// The details of an answer that tells of them.
    #[must_use]
    pub fn details(&self) -> Value {
        json!({ "num_errors": self.total, "errors": self.kept.iter().map(ParseError::to_json).collect::<Vec<_>>() })
    }
}

impl fmt::Display for ParseErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Errors parsing input data ({} errors):", self.total)?;
        if self.total > self.kept.len() as u64 {
            write!(f, " reporting {} out of {} total errors", self.kept.len(), self.total)?;
        }
        for error in &self.kept {
            write!(f, "\n{error}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(number: u64) -> ParseError {
        Bad::value("no number").of_field("a").of_record(number, b"{\"a\":true}")
    }

    #[test]
    fn errors_are_told_as_clients_know_them() {
        let mut errors = ParseErrors::default();
        errors.push(error(3));
        assert_eq!(
            errors.to_string(),
            "Errors parsing input data (1 errors):\nParse error (event #3) in field 'a': no number\nInvalid fragment: '{\"a\":true}'"
        );
        assert_eq!(
            errors.details(),
            json!({"num_errors": 1, "errors": [{
                "description": "no number", "event_number": 3, "field": "a", "invalid_bytes": null,
                "invalid_text": "{\"a\":true}", "suggestion": null, "tag": "value",
            }]})
        );
    }

    #[test]
    fn all_errors_are_counted_and_the_first_are_kept() {
        let (mut errors, mut later) = (ParseErrors::default(), ParseErrors::default());
        (1..=900).for_each(|number| errors.push(error(number)));
        (901..=2300).for_each(|number| later.push(error(number)));
        errors.append(later);
        assert_eq!((errors.total(), errors.kept().len()), (2300, ERRORS_MAX));
        assert_eq!(errors.kept().last().unwrap().event_number, Some(1000));
        let text = errors.to_string();
        assert!(
            text.starts_with("Errors parsing input data (2300 errors): reporting 1000 out of 2300 total errors\n"),
            "{text:.100}"
        );
    }

    #[test]
    fn records_are_quoted_up_to_a_limit() {
        let long = "é".repeat(QUOTED_BYTES_MAX);
        for (record, text, bytes) in [
            (&b"abc"[..], Some(3), None),
            (long.as_bytes(), Some(QUOTED_BYTES_MAX), None),
            (&long.as_bytes()[1..], None, Some(QUOTED_BYTES_MAX)),
            (&[0xff, b'a'][..], None, Some(2)),
        ] {
            let error = Bad::value("").of_record(1, record);
            assert_eq!(error.invalid_text.map(|text| text.len()), text);
            assert_eq!(error.invalid_bytes.map(|bytes| bytes.len()), bytes);
        }
        let odd = format!("x{long}");
        assert_eq!(Bad::value("").of_record(1, odd.as_bytes()).invalid_text.unwrap().len(), QUOTED_BYTES_MAX - 1);
    }
}

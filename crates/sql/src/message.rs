//! What is said of a program to who wrote it.

use serde::Serialize;
use sqlparser::parser::ParserError;
use sqlparser::tokenizer::TokenWithSpan;

use crate::position::{Position, SourceRange};
use crate::source::Source;

/// Titles of errors.
pub mod error {
    /// The text is no SQL of ours.
    pub const PARSING: &str = "Error parsing SQL";
    /// A statement says what cannot be.
    pub const STATEMENT: &str = "Error in SQL statement";
    /// A name or a type does not fit.
    pub const COMPILATION: &str = "Compilation error";
    /// What is asked for does not exist yet.
    pub const NOT_YET_IMPLEMENTED: &str = "Not yet implemented";
    /// The program asks for more than there may be.
    pub const COMPILER: &str = "Compiler error";
    /// A connector's description is wrong.
    pub const CONNECTOR: &str = "ConnectorGenerationError";
    /// A type that does not exist, or not in this place.
    pub const ILLEGAL_TYPE: &str = "Illegal type";
    /// What is asked for will not exist.
    pub const NOT_SUPPORTED: &str = "Not supported";
    /// A column name twice in one list.
    pub const DUPLICATE_NAME: &str = "Duplicate name";
    /// A key twice.
    pub const DUPLICATE_KEY: &str = "Duplicate key";
    /// A table, view, type, function or index of a name that is taken.
    pub const DUPLICATE_DECLARATION: &str = "Duplicate declaration";
    /// A column of a primary key that may be NULL.
    pub const NULLABLE_KEY: &str = "PRIMARY KEY cannot be nullable";
    /// A name that is ours.
    pub const RESERVED: &str = "Reserved name";
}

/// Titles of warnings.
pub mod warning {
    /// A column of a table that no view reads.
    pub const UNUSED_COLUMN: &str = "Unused column";
    /// An outermost ORDER BY, which a view cannot keep.
    pub const ORDER_BY_IGNORED: &str = "ORDER BY is ignored";
    /// `DECIMAL` alone, which has no digits behind the point.
    pub const DECIMAL_UNSPECIFIED: &str = "DECIMAL precision and scale unspecified";
    /// A division by the constant zero.
    pub const DIVISION_BY_ZERO: &str = "Division by zero";
    /// A connector without a name.
    pub const UNNAMED_CONNECTOR: &str = "Unnamed connector";
    /// INSERT or DELETE in a program.
    pub const STATEMENT_IGNORED: &str = "Statement ignored";
    /// SET of something that is no setting.
    pub const UNKNOWN_SETTING: &str = "Unknown setting";
    /// Fields of a row that are taken by name although their order differs.
    pub const FIELDS_REORDERED: &str = "Fields reordered";
    /// DECLARE RECURSIVE VIEW that nothing needs.
    pub const UNUSED_DECLARATION: &str = "Unused view declaration";
    /// A key twice in a map constructor.
    pub const DUPLICATE_MAP_KEY: &str = "Duplicate MAP key";
    /// An argument that cannot be meant.
    pub const SUSPICIOUS_ARGUMENT: &str = "Suspicious argument";
    /// An operation without effect.
    pub const NOOP: &str = "Noop";
    /// A part of a view that is computed anew instead of kept up to date.
    pub const NOT_INCREMENTAL: &str = "Not incremental";
    /// A property that no table or view has.
    pub const UNKNOWN_PROPERTY: &str = "Unknown property";

    /// Every title, for settings that name one.
    pub const ALL: &[&str] = &[
        UNUSED_COLUMN,
        ORDER_BY_IGNORED,
        DECIMAL_UNSPECIFIED,
        DIVISION_BY_ZERO,
        UNNAMED_CONNECTOR,
        STATEMENT_IGNORED,
        UNKNOWN_SETTING,
        FIELDS_REORDERED,
        UNUSED_DECLARATION,
        DUPLICATE_MAP_KEY,
        SUSPICIOUS_ARGUMENT,
        NOOP,
        NOT_INCREMENTAL,
        UNKNOWN_PROPERTY,
    ];
}

/// An error or a warning about a program, with its place; zeros and no snippet where that is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// The first line, from 1.
    pub start_line_number: u32,
    /// The first character of it, from 1.
    pub start_column: u32,
    /// The last line.
    pub end_line_number: u32,
    /// The last character of it.
    pub end_column: u32,
    /// Whether the program is good all the same.
    pub warning: bool,
    /// The title.
    pub error_type: String,
    /// What is the matter.
    pub message: String,
    /// The place in the text.
    pub snippet: Option<String>,
}

/// How long the text of a message may be: it may quote the program.
pub const MESSAGE_CHARS_MAX: usize = 2000;

/// Between the parts of a message of ours inside the parser's errors, which hold nothing but a text.
const MARK: char = '\u{1}';

impl Message {
    /// An error.
    #[must_use]
    pub fn error(error_type: &str, range: SourceRange, message: impl Into<String>) -> Self {
        Self {
            start_line_number: range.start.line,
            start_column: range.start.column,
            end_line_number: range.end.line,
            end_column: range.end.column,
            warning: false,
            error_type: error_type.to_owned(),
            message: message.into(),
            snippet: None,
        }
    }

    /// A warning.
    #[must_use]
    pub fn warning(error_type: &str, range: SourceRange, message: impl Into<String>) -> Self {
        Self { warning: true, ..Self::error(error_type, range, message) }
    }

    /// A name that stands for nothing.
    #[must_use]
    pub fn not_found(range: SourceRange, name: &str) -> Self {
        Self::error(error::COMPILATION, range, format!("{}: Object '{name}' not found", range.in_words()))
    }

    /// The place.
    #[must_use]
    pub fn range(&self) -> SourceRange {
        SourceRange {
            start: Position { line: self.start_line_number, column: self.start_column },
            end: Position { line: self.end_line_number, column: self.end_column },
        }
    }

    /// With the snippet of its place.
    #[must_use]
    pub(crate) fn shown_in(mut self, source: &Source<'_>) -> Self {
        if let Some((cut, _)) = self.message.char_indices().nth(MESSAGE_CHARS_MAX) {
            self.message.truncate(cut);
            self.message.push('…');
        }
        let range = source.within(self.range());
        (self.start_line_number, self.start_column) = (range.start.line, range.start.column);
        (self.end_line_number, self.end_column) = (range.end.line, range.end.column);
        if self.snippet.is_none() {
            self.snippet = source.snippet(range);
        }
        self
    }

    /// As an error of the parser, through which our hooks speak.
    pub(crate) fn into_parser_error(self) -> ParserError {
        let SourceRange { start, end } = self.range();
        let place = format!("{}:{}:{}:{}", start.line, start.column, end.line, end.column);
        ParserError::ParserError(format!("{MARK}{}{MARK}{place}{MARK}{}", self.error_type, self.message))
    }

    /// What the parser found wrong with the statement of these tokens.
    pub(crate) fn from_parser_error(error: ParserError, tokens: &[TokenWithSpan]) -> Self {
        let text = match error {
            ParserError::TokenizerError(text) | ParserError::ParserError(text) => text,
            ParserError::RecursionLimitExceeded => {
                let message = "the statement nests too deep or is too hard to parse";
                return Self::error(error::COMPILER, whole(tokens), message);
            }
        };
        if let Some(ours) = Self::unmarked(&text) {
            return ours;
        }
        // The parser tells the place only in its text: ` at Line: 1, Column: 8`.
        let (message, place) = text.rsplit_once(" at Line: ").unwrap_or((&text, ""));
        let place = place.split_once(", Column: ").and_then(|(line, column)| {
            let start = Position { line: line.parse().ok()?, column: column.parse().ok()? };
            let starts_here = |token: &&TokenWithSpan| SourceRange::of_span(token.span).start == start;
            let token = tokens.iter().find(starts_here).map(|token| SourceRange::of_span(token.span));
            Some(token.unwrap_or(SourceRange { start, end: start }))
        });
        let end = tokens.last().map_or(SourceRange::UNKNOWN, |token| SourceRange::of_span(token.span));
        Self::error(error::PARSING, place.unwrap_or(end), message)
    }

    fn unmarked(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix(MARK)?.splitn(3, MARK);
        let (title, place, message) = (parts.next()?, parts.next()?, parts.next()?);
        let mut numbers = place.split(':').map(str::parse::<u32>);
        let mut number = || numbers.next()?.ok();
        let start = Position { line: number()?, column: number()? };
        let end = Position { line: number()?, column: number()? };
        Some(Self::error(title, SourceRange { start, end }, message))
    }
}

/// From the first to the last of the tokens.
pub(crate) fn whole(tokens: &[TokenWithSpan]) -> SourceRange {
    let of = |token: &TokenWithSpan| SourceRange::of_span(token.span);
    tokens.first().map_or(SourceRange::UNKNOWN, of).to(tokens.last().map_or(SourceRange::UNKNOWN, of))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_the_parser() {
        let start = Position { line: 3, column: 7 };
        let range = SourceRange { start, end: Position { line: 4, column: 1 } };
        let sent = Message::error(error::ILLEGAL_TYPE, range, "no: such\u{1}type at Line: 1, Column: 2");
        assert_eq!(Message::from_parser_error(sent.clone().into_parser_error(), &[]), sent);
    }

    #[test]
    fn unknown_places_are_zero() {
        let message = Message::from_parser_error(ParserError::ParserError("odd".to_owned()), &[]);
        assert_eq!((message.range(), message.message.as_str()), (SourceRange::UNKNOWN, "odd"));
    }
}

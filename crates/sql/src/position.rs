//! Places in a program's text.

use serde::ser::{Serialize, SerializeStruct, Serializer};
use sqlparser::ast::Spanned;
use sqlparser::tokenizer::{Location, Span};

/// A character of the text: its line and its place in the line, both from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line, from 1.
    pub line: u32,
    /// The character of the line, from 1.
    pub column: u32,
}

/// Part of the text, from its first to its last character. All zero where the place is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceRange {
    /// The first character.
    pub start: Position,
    /// The last character.
    pub end: Position,
}

impl SourceRange {
    /// A place that is not known.
    pub const UNKNOWN: Self = Self { start: Position { line: 0, column: 0 }, end: Position { line: 0, column: 0 } };

    /// The place of a node of the parser's tree; unknown if the parser keeps none of it.
    #[must_use]
    pub fn of(node: &impl Spanned) -> Self {
        Self::of_span(node.span())
    }

    /// The place of a token. The parser's end is the character behind it.
    #[must_use]
    pub fn of_span(span: Span) -> Self {
        let (start, mut end) = (position(span.start), position(span.end));
        if start.line == 0 || end.line == 0 {
            return Self::UNKNOWN;
        }
        if end.column > 1 {
            end.column -= 1;
        }
        Self { start, end: end.max(start) }
    }

    /// Whether the place is known.
    #[must_use]
    pub fn is_known(self) -> bool {
        self.start.line > 0 && self.start.column > 0 && self.end >= self.start
    }

    /// From the start of this to the end of `other`.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        match (self.is_known(), other.is_known()) {
            (true, true) => Self { start: self.start, end: other.end.max(self.start) },
            (true, false) => self,
            (false, _) => other,
        }
    }

    /// `From line 1, column 2 to line 1, column 5`, as messages about names begin.
    #[must_use]
    pub fn in_words(self) -> String {
        let Self { start, end } = self;
        format!("From line {}, column {} to line {}, column {}", start.line, start.column, end.line, end.column)
    }
}

impl Serialize for SourceRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("SourceRange", 4)?;
        object.serialize_field("start_line_number", &self.start.line)?;
        object.serialize_field("start_column", &self.start.column)?;
        object.serialize_field("end_line_number", &self.end.line)?;
        object.serialize_field("end_column", &self.end.column)?;
        object.end()
    }
}

fn position(location: Location) -> Position {
    let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    Position { line: narrow(location.line), column: narrow(location.column) }
}

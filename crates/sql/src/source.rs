//! The text of a program by lines: parts of it, and how a message shows the place it is about.

use std::fmt::Write as _;

use crate::position::{Position, SourceRange};

/// How much of a line a message shows, in characters.
pub const SNIPPET_LINE_CHARS_MAX: usize = 1000;
/// How many lines a message shows in full.
const SNIPPET_LINES_MAX: u32 = 5;
/// Between how many characters of a line that is not ASCII the byte offset is remembered.
const MARK_CHARS: usize = 128;

/// A program's text, ready to be looked up by line and column.
#[derive(Debug)]
pub struct Source<'a> {
    text: &'a str,
    lines: Vec<Line<'a>>,
}

#[derive(Debug)]
struct Line<'a> {
    /// Where it begins in the text, in bytes.
    start: usize,
    text: &'a str,
    /// The byte offset of every [`MARK_CHARS`]th character; none if each character is a byte.
    marks: Option<Vec<usize>>,
}

impl Line<'_> {
    /// The offset in bytes of the character, counted from 0, or the end of the line.
    fn offset(&self, character: usize) -> usize {
        let Some(marks) = &self.marks else {
            return character.min(self.text.len());
        };
        let Some(mark) = marks.get(character / MARK_CHARS) else {
            return self.text.len();
        };
        let rest = &self.text[*mark..];
        rest.char_indices().nth(character % MARK_CHARS).map_or(self.text.len(), |(offset, _)| mark + offset)
    }

    fn shown(&self) -> &str {
        &self.text[..self.offset(SNIPPET_LINE_CHARS_MAX)]
    }
}

impl<'a> Source<'a> {
    /// Splits the text into lines.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        let mut lines = Vec::new();
        let mut start = 0;
        for piece in text.split_inclusive('\n') {
            let line = piece.strip_suffix('\n').unwrap_or(piece);
            let line = line.strip_suffix('\r').unwrap_or(line);
            lines.push(Line { start, text: line, marks: marks(line) });
            start += piece.len();
        }
        Self { text, lines }
    }

    /// The text of the place; nothing if it is not in the text.
    #[must_use]
    pub fn slice(&self, range: SourceRange) -> &'a str {
        let (Some(start), Some(end)) = (self.offset(range.start), self.offset(range.end)) else {
            return "";
        };
        let last = self.text.get(end..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        self.text.get(start..end + last).unwrap_or("")
    }

    /// The place, or the last character if it lies behind the text; nowhere in an empty text.
    #[must_use]
    pub fn within(&self, range: SourceRange) -> SourceRange {
        let (Some(last), Ok(lines)) = (self.lines.last(), u32::try_from(self.lines.len())) else {
            return SourceRange::UNKNOWN;
        };
        let end = Position { line: lines, column: u32::try_from(last.text.chars().count()).unwrap_or(u32::MAX).max(1) };
        if !range.is_known() || range.start.line <= lines {
            return range;
        }
        SourceRange { start: end, end }
    }

    /// The place as a message shows it, each line with its number and a newline. None if it is not in the text.
    #[must_use]
    pub fn snippet(&self, range: SourceRange) -> Option<String> {
        if !range.is_known() || range.start.line as usize > self.lines.len() {
            return None;
        }
        let (first, last) = (range.start.line, range.end.line.min(u32::try_from(self.lines.len()).unwrap_or(u32::MAX)));
        let mut shown = String::new();
        if first == last {
            self.show_one_line(&mut shown, range);
        } else if last - first < SNIPPET_LINES_MAX {
            (first..=last).for_each(|number| self.show(&mut shown, number));
        } else {
            self.show(&mut shown, first);
            self.show(&mut shown, first + 1);
            shown.push_str("      ...\n");
            self.show(&mut shown, last);
        }
        Some(shown)
    }

    /// The line with carets under the place, and the line after it or, at the end of the text, the one before it.
    fn show_one_line(&self, shown: &mut String, range: SourceRange) {
        let number = range.start.line;
        if number > 1 && number as usize == self.lines.len() {
            self.show(shown, number - 1);
        }
        self.show(shown, number);
        let start = range.start.column as usize;
        let end = if range.end.line == number { range.end.column as usize } else { start };
        if start <= SNIPPET_LINE_CHARS_MAX {
            shown.extend(std::iter::repeat_n(' ', 5 + start));
            shown.extend(std::iter::repeat_n('^', end.min(SNIPPET_LINE_CHARS_MAX) - start + 1));
            shown.push('\n');
        }
        self.show(shown, number + 1);
    }

    fn show(&self, shown: &mut String, number: u32) {
        if let Some(line) = self.lines.get(number as usize - 1) {
            // Writing to a String does not fail.
            let _ = writeln!(shown, "{number:5}|{}", line.shown());
        }
    }

    /// The offset of a character in bytes.
    fn offset(&self, position: Position) -> Option<usize> {
        let line = self.lines.get((position.line as usize).checked_sub(1)?)?;
        Some(line.start + line.offset((position.column as usize).checked_sub(1)?))
    }
}

fn marks(line: &str) -> Option<Vec<usize>> {
    if line.is_ascii() {
        return None;
    }
    Some(line.char_indices().step_by(MARK_CHARS).map(|(offset, _)| offset).collect())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn range(start: (u32, u32), end: (u32, u32)) -> SourceRange {
        let position = |(line, column)| Position { line, column };
        SourceRange { start: position(start), end: position(end) }
    }

    const TEXT: &str = "one\ntwo\nthree\nfour\nfive\nsix\nseven";

    #[rstest]
    #[case::line_and_the_next((2, 1), (2, 3), "    2|two\n      ^^^\n    3|three\n")]
    #[case::first_line((1, 2), (1, 2), "    1|one\n       ^\n    2|two\n")]
    #[case::last_line((7, 2), (7, 3), "    6|six\n    7|seven\n       ^^\n")]
    #[case::two_lines((2, 2), (3, 1), "    2|two\n    3|three\n")]
    #[case::five_lines((1, 1), (5, 1), "    1|one\n    2|two\n    3|three\n    4|four\n    5|five\n")]
    #[case::over_five_lines((1, 1), (6, 1), "    1|one\n    2|two\n      ...\n    6|six\n")]
    #[case::to_the_end((2, 1), (7, 5), "    2|two\n    3|three\n      ...\n    7|seven\n")]
    fn snippets_show_the_place(#[case] start: (u32, u32), #[case] end: (u32, u32), #[case] shown: &str) {
        assert_eq!(Source::new(TEXT).snippet(range(start, end)).as_deref(), Some(shown));
    }

    #[test]
    fn the_only_line_stands_alone() {
        assert_eq!(Source::new("nope\n").snippet(range((1, 1), (1, 4))).as_deref(), Some("    1|nope\n      ^^^^\n"));
    }

    #[test]
    fn the_example_of_the_contract() {
        let text = "CREATE TABLE t (\n  a INT\n\n);\nCREATE VIEW w AS SELECT a FROM nope;";
        let shown = "    4|);\n    5|CREATE VIEW w AS SELECT a FROM nope;\n                                     ^^^^\n";
        assert_eq!(Source::new(text).snippet(range((5, 32), (5, 35))).as_deref(), Some(shown));
    }

    #[test]
    fn places_behind_the_text_are_its_end() {
        let within = |text, range| Source::new(text).within(range);
        assert_eq!(within("ab\n", range((2, 1), (2, 1))), range((1, 2), (1, 2)));
        assert_eq!(within("ab\n", range((1, 3), (1, 3))), range((1, 3), (1, 3)));
        assert_eq!(within("", range((1, 1), (1, 1))), SourceRange::UNKNOWN);
    }

    #[rstest]
    #[case::unknown((0, 0), (0, 0))]
    #[case::behind_the_text((9, 1), (9, 2))]
    #[case::backwards((2, 3), (2, 1))]
    fn places_outside_the_text_have_no_snippet(#[case] start: (u32, u32), #[case] end: (u32, u32)) {
        assert_eq!(Source::new(TEXT).snippet(range(start, end)), None);
    }

    #[test]
    fn carriage_returns_are_no_part_of_lines() {
        let source = Source::new("ab\r\ncd\r\n");
        assert_eq!(source.snippet(range((1, 2), (1, 2))).as_deref(), Some("    1|ab\n       ^\n    2|cd\n"));
        assert_eq!(source.slice(range((1, 1), (2, 2))), "ab\r\ncd");
    }

    #[test]
    fn long_lines_are_cut() {
        let text = "x".repeat(5000);
        let source = Source::new(&text);
        let shown = source.snippet(range((1, 4000), (1, 4001))).expect("in the text");
        assert_eq!(shown, format!("    1|{}\n", "x".repeat(SNIPPET_LINE_CHARS_MAX)));
        let carets = source.snippet(range((1, 990), (1, 4001))).expect("in the text");
        assert_eq!(carets.matches('^').count(), 11);
    }

    #[test]
    fn columns_count_characters() {
        let text = "é".repeat(300) + "abc";
        let source = Source::new(&text);
        assert_eq!(source.slice(range((1, 301), (1, 303))), "abc");
        assert_eq!(source.slice(range((1, 300), (1, 301))), "éa");
        assert_eq!(source.slice(range((1, 303), (1, 400))), "c");
        assert_eq!(source.slice(range((3, 1), (3, 2))), "");
    }
}

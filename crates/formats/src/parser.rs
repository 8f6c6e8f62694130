//! Parsers: from bytes to changes of a table.

use std::sync::Arc;

use crate::change::Change;
use crate::config::FormatConfig;
use crate::csv::CsvParser;
use crate::error::{Bad, FormatError, ParseErrors, Tag};
use crate::json::JsonParser;
use crate::raw::RawParser;
use crate::sink::Sink;
use crate::table::InputTable;

/// How long a record may be, in bytes.
pub const RECORD_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Reads the input of a table, in pieces of any size.
///
/// An input is an object, a message or the body of a request. [`feed`](Self::feed) it piece by piece,
/// [`end`](Self::end) it, and [`take`](Self::take) what became of it as often as one likes. Then the next one may come.
pub struct Parser {
    table: Arc<InputTable>,
    kind: Kind,
    bytes: u64,
}

enum Kind {
    Json(Box<JsonParser>),
    Csv(Box<CsvParser>),
    Raw(Box<RawParser>),
}

/// What became of input.
#[derive(Debug, Default)]
pub struct Parsed {
    /// The changes, in their order.
    pub changes: Vec<Change>,
    /// What is wrong with records that became no change.
    pub errors: ParseErrors,
    /// How many rows the changes have.
    pub records: u64,
    /// How many bytes were fed since it was last taken.
    pub bytes: u64,
}

impl Parsed {
    /// Adds what became of a later part of the same input.
    pub fn append(&mut self, later: Self) {
        self.changes.extend(later.changes);
        self.errors.append(later.errors);
        self.records += later.records;
        self.bytes += later.bytes;
    }
}

impl FormatConfig {
    /// A parser of this format for a table.
    ///
    /// # Errors
    /// [`FormatError`] if the format is not for input, or not for this table.
    pub fn parser(&self, table: Arc<InputTable>) -> Result<Parser, FormatError> {
        let kind = match self {
            Self::Json(config) => {
                Kind::Json(Box::new(JsonParser::new(config.input(table.table())?, Arc::clone(&table))))
            }
            Self::Csv(config) => Kind::Csv(Box::new(CsvParser::new(config.input()?.clone(), Arc::clone(&table)))),
            Self::Raw(config) => Kind::Raw(Box::new(RawParser::new(config, Arc::clone(&table))?)),
        };
        Ok(Parser { table, kind, bytes: 0 })
    }
}

impl Parser {
    /// Reads a piece of the input and says how many of its bytes it took. It takes fewer than all, but at least one of
    /// them, if so many rows wait that they should be [taken](Self::take) before the rest of the piece is fed.
    #[must_use = "the rest of the piece has to be fed again"]
    pub fn feed(&mut self, piece: &[u8]) -> usize {
        let taken = match &mut self.kind {
            Kind::Json(parser) => parser.feed(piece),
            Kind::Csv(parser) => parser.feed(piece),
            Kind::Raw(parser) => parser.feed(piece),
        };
        self.bytes += taken as u64;
        taken
    }

    /// Says that the input ends: what has no end then is an error, or the last record where formats need no mark.
    pub fn end(&mut self) {
        match &mut self.kind {
            Kind::Json(parser) => parser.end(),
            Kind::Csv(parser) => parser.end(),
            Kind::Raw(parser) => parser.end(),
        }
    }

    /// Takes what became of the input so far. While an array of records is not over there are no changes: nothing is
    /// known of its rows yet.
    pub fn take(&mut self) -> Parsed {
        let (sink, errors): (Option<&mut Sink>, &mut ParseErrors) = match &mut self.kind {
            Kind::Json(parser) => parser.parts(),
            Kind::Csv(parser) => (Some(&mut parser.sink), &mut parser.errors),
            Kind::Raw(parser) => (Some(&mut parser.sink), &mut parser.errors),
        };
        let mut parsed =
            Parsed { errors: std::mem::take(errors), bytes: std::mem::take(&mut self.bytes), ..Parsed::default() };
        match sink.map(|sink| sink.take(self.table.table())) {
            Some(Ok((changes, size))) => {
                parsed.changes = changes;
                parsed.records = size.rows;
            }
            Some(Err(error)) => {
                parsed
                    .errors
                    .push(Bad::new(Tag::Limit, format!("rows do not fit into memory: {error}")).of_record(0, &[]));
            }
            None => {}
        }
        parsed
    }

    /// Reads a whole input at once: a message, say.
    pub fn parse(&mut self, input: &[u8]) -> Parsed {
        let mut parsed = Parsed::default();
        let mut rest = input;
        loop {
            let taken = self.feed(rest);
            rest = rest.get(taken..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            parsed.append(self.take());
        }
        self.end();
        parsed.append(self.take());
        parsed
    }
}

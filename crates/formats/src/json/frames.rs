//! Streams of JSON: finds the records in what comes in pieces, and goes on behind what is bad.

use std::sync::Arc;

use super::envelope::apply;
use super::row::Rows;
use super::scan::{Scanner, Step};
use crate::config::{JsonInput, Lines};
use crate::error::{Bad, ParseErrors, QUOTED_BYTES_MAX, Tag};
use crate::parser::RECORD_BYTES_MAX;
use crate::sink::{Mark, Sink};
use crate::table::InputTable;

/// How many bytes one array of records may have: its rows come only when all of it is good.
pub const ARRAY_BYTES_MAX: usize = 256 * 1024 * 1024;
/// How many values the rows of one array may have.
const ARRAY_VALUES_MAX: usize = 32 * 1024 * 1024;

/// Where in the input the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Between records.
    Between,
    /// In a value, or just before it.
    Value,
    /// Behind the value of a line.
    LineRest,
    /// Behind the bracket of an array of records.
    FirstItem,
    /// Behind a comma in it.
    NextItem,
    /// Behind an item of it.
    BehindItem,
    /// In what is bad; and whether a line begins here.
    Bad { is_line_start: bool },
}

/// An array of records whose end was not seen yet.
struct Array {
    mark: Mark,
    bytes: usize,
    is_dropped: bool,
}

/// Reads JSON.
pub(crate) struct JsonParser {
    config: JsonInput,
    rows: Rows,
    errors: ParseErrors,
    events: u64,
    place: Place,
    scanner: Scanner,
    /// The value so far, as far as it came in earlier pieces.
    pending: Vec<u8>,
    /// How long the value is so far, also what is not kept of it.
    length: usize,
    /// The byte before the next one.
    last: u8,
    array: Option<Array>,
}

fn blanks(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| !matches!(byte, b' ' | b'\n' | b'\r' | b'\t')).unwrap_or(bytes.len())
}

impl JsonParser {
    pub(crate) fn new(config: JsonInput, table: Arc<InputTable>) -> Self {
        let rows = Rows::new(table, config.flavor.encoding());
        Self {
            config,
            rows,
            errors: ParseErrors::default(),
            events: 0,
            place: Place::Between,
            scanner: Scanner::new(0),
            pending: Vec::new(),
            length: 0,
            last: b'\n',
            array: None,
        }
    }

    /// The errors, and the sink unless it holds rows of an array whose end was not seen yet.
    pub(crate) fn parts(&mut self) -> (Option<&mut Sink>, &mut ParseErrors) {
        (self.array.is_none().then_some(&mut self.rows.sink), &mut self.errors)
    }

    /// Reads a piece, up to where rows have to be taken first.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let taken = match self.place {
                Place::Between => self.between(rest),
                Place::Value => self.value(rest),
                Place::Bad { is_line_start } => self.bad(rest, is_line_start),
                Place::LineRest | Place::FirstItem | Place::NextItem | Place::BehindItem => self.behind(rest),
            };
            at += taken;
            self.last = taken.checked_sub(1).map_or(self.last, |last| rest[last]);
            if at > 0 && self.array.is_none() && self.rows.sink.is_full() {
                break;
            }
        }
        at
    }

    /// Says that the input ends.
    pub(crate) fn end(&mut self) {
        if self.place == Place::Value && !self.scanner.is_new() {
            if self.scanner.end() {
                self.finish_value(&[]);
            } else {
                self.fail(&[], Bad::new(Tag::Syntax, "the input ends within a value"));
            }
        }
        if self.array.is_some() {
            self.fail(&[], Bad::new(Tag::Syntax, "the input ends within an array"));
        }
        self.place = Place::Between;
        self.last = b'\n';
        self.pending = Vec::new();
    }

    fn is_single(&self) -> bool {
        self.config.lines == Lines::Single
    }

    fn between(&mut self, bytes: &[u8]) -> usize {
        let at = blanks(bytes);
        match bytes.get(at) {
            None => at,
            Some(b'[') if self.config.array => {
                self.array = Some(Array { mark: self.rows.sink.mark(), bytes: 0, is_dropped: false });
                self.place = Place::FirstItem;
                at + 1
            }
            Some(_) => {
                self.begin_value();
                at
            }
        }
    }

    fn begin_value(&mut self) {
        self.scanner = Scanner::new(usize::from(self.array.is_some()));
        self.pending.clear();
        self.length = 0;
        self.place = Place::Value;
    }

    fn behind(&mut self, bytes: &[u8]) -> usize {
        let mut at = blanks(bytes);
        if self.is_single()
            && let Some(end) = memchr::memchr(b'\n', &bytes[..at])
        {
            if self.place != Place::LineRest {
                self.fail(&[], Bad::new(Tag::Syntax, "a line ends within an array"));
            }
            self.place = Place::Between;
            return end + 1;
        }
        match (self.place, bytes.get(at)) {
            (_, None) => {}
            (Place::FirstItem | Place::BehindItem, Some(b']')) => {
                self.array = None;
                self.place = if self.is_single() { Place::LineRest } else { Place::Between };
                at += 1;
            }
            (Place::BehindItem, Some(b',')) => {
                self.place = Place::NextItem;
                at += 1;
            }
            (Place::FirstItem | Place::NextItem, _) => self.begin_value(),
            (Place::BehindItem, _) => {
                self.fail(&bytes[at..=at], Bad::new(Tag::Syntax, "',' or ']' is expected behind a record"));
                self.place = self.behind_bad(bytes, at);
            }
            _ => {
                self.fail(&bytes[at..], Bad::new(Tag::Syntax, "a line holds one value, this one holds more"));
                self.place = Place::Bad { is_line_start: false };
            }
        }
        at
    }

    fn value(&mut self, bytes: &[u8]) -> usize {
        let line_end = if self.is_single() { memchr::memchr(b'\n', bytes) } else { None };
        let bytes = &bytes[..line_end.unwrap_or(bytes.len())];
        match self.scanner.scan(bytes) {
            Step::Done(end) => {
                self.finish_value(&bytes[..end]);
                end
            }
            Step::More => {
                self.keep(bytes);
                let Some(end) = line_end else { return bytes.len() };
                if self.scanner.end() {
                    self.finish_value(&[]);
                } else {
                    self.fail(&[], Bad::new(Tag::Syntax, "a line ends within a value"));
                    self.place = Place::Between;
                }
                end
            }
            Step::Bad(at, reason) => {
                let is_first = self.length + at == 0;
                let description = format!("{reason} at byte {} of the record", self.length + at + 1);
                self.fail(&bytes[..=at], Bad::new(Tag::Syntax, description));
                self.place = if is_first { Place::Bad { is_line_start: false } } else { self.behind_bad(bytes, at) };
                at
            }
        }
    }

    /// Where it goes on at a byte that is bad where it is: what begins a line like a record is believed to be one,
    /// whatever was open before.
    fn behind_bad(&self, bytes: &[u8], at: usize) -> Place {
        let before = at.checked_sub(1).map_or(self.last, |before| bytes[before]);
        if before == b'\n' && self.begins_record(bytes[at]) && !self.is_single() {
            return Place::Between;
        }
        Place::Bad { is_line_start: false }
    }

    fn begins_record(&self, byte: u8) -> bool {
        byte == b'[' || (byte == b'{' && !self.config.array)
    }

    /// Goes to the next line, or to the next line that begins like a record.
    fn bad(&mut self, bytes: &[u8], is_line_start: bool) -> usize {
        if is_line_start && (self.is_single() || self.begins_record(bytes[0])) {
            self.place = Place::Between;
            return 0;
        }
        let end = memchr::memchr(b'\n', bytes);
        self.place = Place::Bad { is_line_start: end.is_some() };
        end.map_or(bytes.len(), |end| end + 1)
    }

    /// Keeps a piece of a value until the rest comes.
    fn keep(&mut self, bytes: &[u8]) {
        self.length = self.length.saturating_add(bytes.len());
        if self.length <= RECORD_BYTES_MAX {
            self.pending.extend_from_slice(bytes);
        } else {
            // Only its beginning is told.
            self.pending.truncate(QUOTED_BYTES_MAX);
        }
    }

    fn finish_value(&mut self, last: &[u8]) {
        let mut pending = std::mem::take(&mut self.pending);
        let length = self.length.saturating_add(last.len());
        let result = if length > RECORD_BYTES_MAX {
            Err(Bad::new(Tag::Limit, format!("a record has {length} bytes, at most {RECORD_BYTES_MAX} are read")))
        } else if pending.is_empty() {
            self.record(last, length)
        } else {
            pending.extend_from_slice(last);
            self.record(&pending, length)
        };
        self.events += 1;
        if let Err(bad) = result {
            let record = if pending.is_empty() { last } else { &pending[..] };
            self.errors.push(bad.of_record(self.events, record));
        }
        pending.clear();
        self.pending = pending;
        self.place = match (&self.array, self.is_single()) {
            (Some(_), _) => Place::BehindItem,
            (None, true) => Place::LineRest,
            (None, false) => Place::Between,
        };
    }

    /// Applies a whole record, or nothing of it.
    fn record(&mut self, bytes: &[u8], length: usize) -> Result<(), Bad> {
        let before = self.rows.sink.mark();
        let mut result = match std::str::from_utf8(bytes) {
            Err(_) => Err(Bad::new(Tag::Encoding, "a record is text in UTF-8, this one is not")),
            Ok(_) if self.config.array && self.array.is_none() => {
                Err(Bad::new(Tag::Envelope, "an array of records is expected")
                    .suggest("records that are not in arrays need 'array' set to false"))
            }
            Ok(text) => apply(&mut self.rows, self.config.update_format, text),
        };
        let size = self.rows.sink.size();
        if let Some(array) = &mut self.array {
            array.bytes = array.bytes.saturating_add(length);
            let is_too_large = array.bytes > ARRAY_BYTES_MAX || size.values > ARRAY_VALUES_MAX;
            if result.is_ok() && is_too_large && !array.is_dropped {
                result = Err(Bad::new(Tag::Limit, "the array is too large to be taken as a whole"));
            }
            array.is_dropped |= result.is_err();
            if array.is_dropped {
                self.rows.sink.go_back(array.mark);
            }
        } else if result.is_err() {
            self.rows.sink.go_back(before);
        }
        result
    }

    /// Tells of a record that is none, and drops the array that it is in.
    fn fail(&mut self, last: &[u8], bad: Bad) {
        let mut record = std::mem::take(&mut self.pending);
        record.extend_from_slice(&last[..last.len().min(QUOTED_BYTES_MAX)]);
        self.events += 1;
        self.errors.push(bad.of_record(self.events, &record));
        record.clear();
        self.pending = record;
        if let Some(array) = self.array.take() {
            self.rows.sink.go_back(array.mark);
        }
    }
}

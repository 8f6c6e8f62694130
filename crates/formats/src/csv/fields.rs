//! Records of CSV as their fields.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use crate::config::{CsvConfig, Trim};
use crate::error::QUOTED_BYTES_MAX;
use crate::parser::RECORD_BYTES_MAX;

/// How many fields of a record are read; those behind are more than a table has columns.
const FIELDS_MAX: usize = 16_384;
/// How much memory is kept for the next record.
const KEPT_BYTES_MAX: usize = 1024 * 1024;

/// Splits input into records and fields.
pub(crate) struct Fields {
    reader: Reader,
    is_trimmed: bool,
    delimiter: u8,
    /// The fields of the record so far, one behind the other.
    text: Vec<u8>,
    length: usize,
    /// Where each of them ends.
    ends: Vec<usize>,
    count: usize,
    /// How long the record is, also what is not kept of it.
    record_bytes: usize,
}

/// What was found in a piece of input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The record goes on.
    More,
    /// A record is whole.
    Record,
    /// The input is over.
    End,
}

impl Fields {
    pub(crate) fn new(config: &CsvConfig) -> Self {
        let reader = ReaderBuilder::new()
            .delimiter(config.delimiter)
            .quote(config.quote)
            .escape(config.escape)
            .double_quote(config.double_quote)
            .quoting(config.quoting)
            .comment(config.comment)
            .build();
        Self {
            reader,
            is_trimmed: matches!(config.trim, Trim::Fields | Trim::All),
            delimiter: config.delimiter,
            text: vec![0; 4096],
            length: 0,
            ends: vec![0; 256],
            count: 0,
            record_bytes: 0,
        }
    }

    /// Reads on, says how much was read. Nothing to read is the end of the input.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> (usize, Found) {
        let (result, read, written, ended) =
            self.reader.read_record(bytes, &mut self.text[self.length..], &mut self.ends[self.count..]);
        self.length += written;
        self.count += ended;
        self.record_bytes = self.record_bytes.saturating_add(written);
        match result {
            ReadRecordResult::InputEmpty => {}
            ReadRecordResult::OutputFull if self.is_too_long() => self.length = 0,
            ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2, 0),
            ReadRecordResult::OutputEndsFull if self.ends.len() < FIELDS_MAX => {
                self.ends.resize(self.ends.len() * 2, 0);
            }
            // What is behind is no column's; the place of the last one is used again and again.
            ReadRecordResult::OutputEndsFull => self.count = FIELDS_MAX - 1,
            ReadRecordResult::Record => return (read, Found::Record),
            ReadRecordResult::End => return (read, Found::End),
        }
        (read, Found::More)
    }

    /// Forgets the record.
    pub(crate) fn clear(&mut self) {
        (self.length, self.count, self.record_bytes) = (0, 0, 0);
        if self.text.len() > KEPT_BYTES_MAX {
            self.text = vec![0; 4096];
        }
    }

    /// Begins a new input.
    pub(crate) fn reset(&mut self) {
        self.clear();
        self.reader.reset();
    }

    /// Whether the record is longer than is read.
    pub(crate) fn is_too_long(&self) -> bool {
        self.record_bytes > RECORD_BYTES_MAX
    }

    /// How long the record is, without what separates its fields.
    pub(crate) fn record_bytes(&self) -> usize {
        self.record_bytes
    }

    /// How many fields the record has.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// A field of the record.
    pub(crate) fn get(&self, at: usize) -> Option<&[u8]> {
        let ends = self.ends.get(..self.count)?;
        let start = at.checked_sub(1).map_or(0, |before| ends.get(before).copied().unwrap_or(0));
        let field = self.text.get(start..*ends.get(at)?)?;
        Some(if self.is_trimmed { field.trim_ascii() } else { field })
    }

    /// The beginning of the record, roughly as it came.
    pub(crate) fn quoted(&self) -> Vec<u8> {
        let mut record = Vec::new();
        for at in 0..self.count {
            if at > 0 {
                record.push(self.delimiter);
            }
            record.extend_from_slice(self.get(at).unwrap_or_default());
            if record.len() > QUOTED_BYTES_MAX {
                break;
            }
        }
        record
    }
}

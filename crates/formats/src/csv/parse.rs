//! Records of CSV into rows to be put in.

use std::sync::Arc;

use alluvium_sql::types::Type;
use arrow::array::{Array as _, ArrayRef};

use super::fields::{Fields, Found};
use crate::change::ChangeKind;
use crate::column::{Column, Values};
use crate::config::CsvConfig;
use crate::error::{Bad, ParseErrors, Tag};
use crate::flavor::{BytesForm, Flavor};
use crate::json::{Cursor, RECORD_VALUES_MAX, Reading, is_value, quoted, read_text_value};
use crate::parser::RECORD_BYTES_MAX;
use crate::sink::Sink;
use crate::table::InputTable;

/// Reads CSV.
pub(crate) struct CsvParser {
    config: CsvConfig,
    table: Arc<InputTable>,
    columns: Vec<usize>,
    pub sink: Sink,
    pub errors: ParseErrors,
    events: u64,
    fields: Fields,
    reading: Reading,
    /// How many fields the first record had.
    width: Option<usize>,
    is_header_over: bool,
    /// Whether anything came since the last end.
    is_begun: bool,
}

impl CsvParser {
    pub(crate) fn new(config: CsvConfig, table: Arc<InputTable>) -> Self {
        Self {
            fields: Fields::new(&config),
            is_header_over: !config.headers,
            columns: (0..table.table().columns.len()).collect(),
            reading: Reading::new(Flavor::Default.encoding()),
            sink: Sink::new(),
            errors: ParseErrors::default(),
            events: 0,
            width: None,
            is_begun: false,
            config,
            table,
        }
    }

    /// Reads a piece, up to where rows have to be taken first.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while at < bytes.len() {
            at += self.step(&bytes[at..]).0;
            if at > 0 && self.sink.is_full() {
                break;
            }
        }
        at
    }

    /// Says that the input ends. The next one begins with a header again, if there are headers.
    pub(crate) fn end(&mut self) {
        while self.is_begun {
            self.is_begun = self.step(&[]).1 != Found::End;
        }
        self.fields.reset();
        self.is_header_over = !self.config.headers;
        self.width = None;
    }

    fn step(&mut self, bytes: &[u8]) -> (usize, Found) {
        self.is_begun = true;
        let (read, found) = self.fields.read(bytes);
        if found == Found::Record {
            self.finish_record();
            self.fields.clear();
        }
        (read, found)
    }

    fn finish_record(&mut self) {
        if !self.is_header_over {
            self.is_header_over = true;
            return;
        }
        self.events += 1;
        let mark = self.sink.mark();
        if let Err(bad) = self.record() {
            self.sink.go_back(mark);
            self.errors.push(bad.of_record(self.events, &self.fields.quoted()));
        }
    }

    fn record(&mut self) -> Result<(), Bad> {
        let Self { fields, table, sink, reading, .. } = self;
        if fields.is_too_long() {
            let description = format!("a record is longer than the {RECORD_BYTES_MAX} bytes that are read");
            return Err(Bad::new(Tag::Limit, description));
        }
        let width = *self.width.get_or_insert(fields.count());
        if !self.config.flexible && width != fields.count() {
            let description = format!("the record has {} fields, the first one had {width}", fields.count());
            return Err(Bad::new(Tag::Syntax, description).suggest("set 'flexible' to true"));
        }
        reading.budget = RECORD_VALUES_MAX;
        let run = sink.run(table.table(), ChangeKind::Insert, &self.columns);
        for (at, builder) in run.builders.iter_mut().enumerate() {
            let read = cell(fields.get(at), builder, table.default_of(at), reading);
            read.map_err(|bad| bad.of_field(&table.table().columns[at].name.name))?;
        }
        sink.added(RECORD_VALUES_MAX - reading.budget, fields.record_bytes());
        Ok(())
    }
}

/// Adds a field to its column: the value, NULL, or the default.
fn cell(
    field: Option<&[u8]>,
    builder: &mut Column,
    default: Option<&ArrayRef>,
    reading: &mut Reading,
) -> Result<(), Bad> {
    let text = match field.map(std::str::from_utf8) {
        Some(Err(_)) => return Err(Bad::new(Tag::Encoding, "a field is text in UTF-8, this one is not")),
        Some(Ok(text)) => Some(text),
        None => None,
    };
    if let Some(text) = text.filter(|text| !is_null(text, builder)) {
        return value(text, builder, reading);
    }
    reading.spend(builder.width())?;
    match default {
        Some(default) if text.is_none() || !builder.is_nullable => {
            reading.spend(default.get_array_memory_size() / 8)?;
            builder.push_arrow(default, 0);
        }
        _ if builder.is_nullable => builder.push_null(),
        _ if text.is_some() => {
            return Err(Bad::new(Tag::Null, format!("NULL where a {} is needed", builder.kind)));
        }
        _ => return Err(Bad::new(Tag::Null, "the record has no such field")),
    }
    Ok(())
}

fn is_null(text: &str, builder: &Column) -> bool {
    match builder.kind {
        Type::Char(_) | Type::Varchar(_) => false,
        // Where there may be no NULL, it is the value that says null.
        Type::Variant => text.is_empty() || text == "NULL" || (text == "null" && builder.is_nullable),
        _ => matches!(text, "" | "NULL" | "null"),
    }
}

fn value(text: &str, builder: &mut Column, reading: &mut Reading) -> Result<(), Bad> {
    match builder.values {
        Values::Array(..) | Values::Map(..) | Values::Row(..) if is_value(text) => {
            reading.read(&mut Cursor::new(text), builder)
        }
        Values::Array(..) | Values::Map(..) | Values::Row(..) => {
            Err(Bad::value(format!("{} is no {}", quoted(text), builder.kind)).suggest("the field holds JSON"))
        }
        _ => {
            reading.spend(1)?;
            read_text_value(text, BytesForm::Hex, builder)
        }
    }
}

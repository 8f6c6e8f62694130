//! What tests of several modules need.

use std::sync::Arc;

use alluvium_sql::types::{ColumnType, Field, Identifier};
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::types::{parse_type, recast, with_arrow_maps};
use crate::{Change, ChangeKind, FormatConfig, InputTable, Parsed, Parser, Table, Tag};

/// A table whose columns are written as `name TYPE [NOT NULL | KEY]`, a comma between; the key is not NULL.
pub(crate) fn table(columns: &str) -> Table {
    let mut key = Vec::new();
    let columns = columns.split(", ").enumerate().map(|(at, text)| {
        let (name, rest) = text.split_once(' ').unwrap();
        let is_key = rest.ends_with(" KEY");
        if is_key {
            key.push(at);
        }
        let kind = rest.trim_end_matches(" KEY").trim_end_matches(" NOT NULL");
        let name = match name.strip_prefix('"') {
            Some(quoted) => Identifier::quoted(quoted.trim_end_matches('"')),
            None => Identifier::folded(name),
        };
        let is_nullable = rest.len() == kind.len();
        // A comma within a type is written without a blank behind it.
        Field { name, column_type: ColumnType { kind: parse_type(kind).unwrap(), is_nullable } }
    });
    Table { name: "t".to_owned(), columns: columns.collect(), key }
}

/// The rows of changes as texts: `+` in, `-` out, `~` set, then the columns.
pub(crate) fn shown(changes: &[Change]) -> Vec<String> {
    let options = FormatOptions::new().with_null("NULL");
    let mut rows = Vec::new();
    for change in changes {
        let sign = match change.kind {
            ChangeKind::Insert => '+',
            ChangeKind::Delete => '-',
            ChangeKind::Update => '~',
        };
        let schema = change.batch.schema();
        assert_eq!(change.columns.len(), schema.fields().len());
        for row in 0..change.batch.num_rows() {
            let cells = schema.fields().iter().zip(change.batch.columns()).map(|(field, array)| {
                let array = recast(array, &with_arrow_maps(array.data_type())).unwrap();
                let value = ArrayFormatter::try_new(&offset(&array), &options).unwrap().value(row).to_string();
                format!(" {}={value}", field.name())
            });
            rows.push(format!("{sign}{}", cells.collect::<String>()));
        }
    }
    rows
}

/// The same points in time with a zone that can be shown without a list of zones.
fn offset(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Timestamp(_, Some(_)) => {
            Arc::new(array.as_primitive::<TimestampMicrosecondType>().clone().with_timezone("+00:00"))
        }
        _ => Arc::clone(array),
    }
}

/// A parser of a format for a table.
pub(crate) fn parser(format: &str, table: InputTable) -> Parser {
    let format: serde_json::Value = serde_json::from_str(format).unwrap();
    FormatConfig::from_json(&format).unwrap().parser(Arc::new(table)).unwrap()
}

/// What becomes of input that comes in pieces of a size.
pub(crate) fn parsed(mut parser: Parser, input: &[u8], piece: usize) -> Parsed {
    let mut parsed = Parsed::default();
    for mut piece in input.chunks(piece) {
        while !piece.is_empty() {
            let taken = parser.feed(piece);
            piece = &piece[taken..];
        }
        parsed.append(parser.take());
    }
    parser.end();
    parsed.append(parser.take());
    parsed
}

/// Which records are wrong: the number, the kind of error and the column.
pub(crate) fn wrong(parsed: &Parsed) -> Vec<(u64, Tag, Option<&str>)> {
    let told = parsed.errors.kept().iter();
    told.map(|error| (error.event_number.unwrap(), error.tag, error.field.as_deref())).collect()
}

/// Input, and what becomes of it.
pub(crate) struct Case<'a> {
    pub table: &'a str,
    pub format: &'a str,
    pub input: &'a [u8],
    pub rows: &'a [&'a str],
    pub errors: &'a [(u64, Tag, Option<&'a str>)],
}

impl Case<'_> {
    /// Checks it with pieces of several sizes; what becomes of input does not depend on them.
    pub(crate) fn check(&self, defaults: &[(usize, ArrayRef)]) {
        let text = String::from_utf8_lossy(self.input);
        for piece in [1, 2, 3, 5, 8, 13, 1 << 20] {
            let mut input = InputTable::new(table(self.table)).unwrap();
            for (column, value) in defaults {
                input = input.with_default(*column, Arc::clone(value)).unwrap();
            }
            let parsed = parsed(parser(self.format, input), self.input, piece);
            assert_eq!(shown(&parsed.changes), self.rows, "{} in pieces of {piece}: {text}", self.format);
            assert_eq!(wrong(&parsed), self.errors, "{} in pieces of {piece}: {text}\n{}", self.format, parsed.errors);
            assert_eq!((parsed.records, parsed.bytes), (self.rows.len() as u64, self.input.len() as u64), "{text}");
            for change in parsed.changes {
                change.checked(&table(self.table)).unwrap();
            }
        }
    }
}

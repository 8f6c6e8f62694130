//! Input that is taken as it is: a row for each object, or for each line.

use std::sync::Arc;

use alluvium_sql::types::Type;
use arrow::array::Array as _;

use crate::change::ChangeKind;
use crate::column::Values;
use crate::config::{RawConfig, RawMode};
use crate::error::{Bad, FormatError, ParseErrors, QUOTED_BYTES_MAX, Tag};
use crate::names::Names;
use crate::parser::RECORD_BYTES_MAX;
use crate::sink::Sink;
use crate::table::InputTable;

/// Reads input as it is.
pub(crate) struct RawParser {
    mode: RawMode,
    table: Arc<InputTable>,
    columns: Vec<usize>,
    /// The column that gets the input.
    target: usize,
    pub sink: Sink,
    pub errors: ParseErrors,
    events: u64,
    pending: Vec<u8>,
    length: usize,
    /// Whether there is an object that is not over.
    is_begun: bool,
}

impl RawParser {
    pub(crate) fn new(config: &RawConfig, table: Arc<InputTable>) -> Result<Self, FormatError> {
        let columns = &table.table().columns;
        let misfit = |reason: String| FormatError::Misfit(reason);
        let target = match (&config.column_name, columns.len()) {
            (Some(name), _) => Names::new(columns.iter().map(|column| &column.name))
                .find(name, 0)
                .ok_or_else(|| misfit(format!("'column_name' is '{name}', the table has no such column")))?,
            (None, 1) => 0,
            (None, count) => {
                return Err(misfit(format!(
                    "the table has {count} columns, 'column_name' has to say which one is meant"
                )));
            }
        };
        let kind = &columns[target].column_type.kind;
        if !matches!(kind, Type::Char(_) | Type::Varchar(_) | Type::Binary(_) | Type::Varbinary(_)) {
            return Err(misfit(format!("the column '{}' is {kind}, not VARCHAR or VARBINARY", columns[target].name)));
        }
        let needed =
            |at: &usize| *at != target && !columns[*at].column_type.is_nullable && table.default_of(*at).is_none();
        if let Some(at) = (0..columns.len()).find(needed) {
            return Err(misfit(format!("the column '{}' may not be NULL and has no default", columns[at].name)));
        }
        Ok(Self {
            mode: config.mode,
            columns: (0..columns.len()).collect(),
            target,
            table,
            sink: Sink::new(),
            errors: ParseErrors::default(),
            events: 0,
            pending: Vec::new(),
            length: 0,
            is_begun: false,
        })
    }

    /// Reads a piece, up to where rows have to be taken first. Also an empty piece begins an object.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> usize {
        if self.mode == RawMode::Blob {
            self.is_begun = true;
            self.keep(bytes);
            return bytes.len();
        }
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let Some(end) = memchr::memchr(b'\n', rest) else {
                self.is_begun = true;
                self.keep(rest);
                return bytes.len();
            };
            self.finish(&rest[..end]);
            at += end + 1;
            if self.sink.is_full() {
                break;
            }
        }
        at
    }

    /// Says that the object ends.
    pub(crate) fn end(&mut self) {
        if self.is_begun {
            self.finish(&[]);
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.length = self.length.saturating_add(bytes.len());
        if self.length <= RECORD_BYTES_MAX {
            self.pending.extend_from_slice(bytes);
        } else {
            self.pending.truncate(QUOTED_BYTES_MAX);
        }
    }

    fn finish(&mut self, last: &[u8]) {
        self.is_begun = false;
        self.events += 1;
        let mut pending = std::mem::take(&mut self.pending);
        let length = std::mem::take(&mut self.length).saturating_add(last.len());
        let record = if pending.is_empty() && length == last.len() {
            last
        } else {
            if length <= RECORD_BYTES_MAX {
                pending.extend_from_slice(last);
            }
            &pending
        };
        let line = if self.mode == RawMode::Lines { record.strip_suffix(b"\r").unwrap_or(record) } else { record };
        let mark = self.sink.mark();
        if let Err(bad) = self.add(line, length) {
            self.sink.go_back(mark);
            self.errors.push(bad.of_record(self.events, line));
        }
    }

    fn add(&mut self, record: &[u8], length: usize) -> Result<(), Bad> {
        if length > RECORD_BYTES_MAX {
            let description = format!("a record has {length} bytes, at most {RECORD_BYTES_MAX} are read");
            return Err(Bad::new(Tag::Limit, description));
        }
        let Self { table, sink, target, columns, .. } = self;
        let run = sink.run(table.table(), ChangeKind::Insert, columns);
        let mut values = 0;
        for (at, builder) in run.builders.iter_mut().enumerate() {
            values += builder.width();
            match (&mut builder.values, table.default_of(at)) {
                (Values::Text(spans), _) if at == *target => {
                    let text = std::str::from_utf8(record);
                    let text = text.map_err(|_| Bad::new(Tag::Encoding, "the input is text in UTF-8, this is not"));
                    spans.push(text?.as_bytes());
                    builder.valid.append(true);
                }
                (Values::Binary(spans), _) if at == *target => {
                    spans.push(record);
                    builder.valid.append(true);
                }
                (_, Some(default)) => {
                    values += default.get_array_memory_size() / 8;
                    builder.push_arrow(default, 0);
                }
                _ => builder.push_null(),
            }
        }
        sink.added(values, length);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FormatConfig;
    use crate::tests::{Case, parser, shown, table, wrong};
    use arrow::array::{ArrayRef, Int32Array};

    const BLOB: &str = r#"{"name":"raw"}"#;
    const LINES: &str = r#"{"name":"raw","config":{"mode":"lines","column_name":"Text"}}"#;

    #[test]
    fn an_object_or_a_line_is_a_row() {
        for (text, format, input, rows, errors) in [
            ("a VARCHAR", BLOB, &b"one\ntwo\n"[..], &["+ a=one\ntwo\n"][..], &[][..]),
            ("a VARBINARY", BLOB, b"\xff\0", &["+ a=ff00"], &[]),
            ("a VARCHAR", BLOB, b"a\xff", &[], &[(1, Tag::Encoding, None)]),
            (
                "id INTEGER, text VARCHAR",
                LINES,
                b"one\r\n\ntwo",
                &["+ id=NULL text=one", "+ id=NULL text=", "+ id=NULL text=two"],
                &[],
            ),
            ("text VARCHAR", LINES, b"one\n", &["+ text=one"], &[]),
            (
                "text VARCHAR",
                LINES,
                b"a\xc3\n\xa9\nb",
                &["+ text=b"],
                &[(1, Tag::Encoding, None), (2, Tag::Encoding, None)],
            ),
        ] {
            Case { table: text, format, input, rows, errors }.check(&[]);
        }
        let number: ArrayRef = Arc::new(Int32Array::from(vec![7]));
        let rows = &["+ id=7 text=one"];
        Case { table: "id INTEGER NOT NULL, text VARCHAR", format: LINES, input: b"one", rows, errors: &[] }
            .check(&[(0, number)]);
    }

    #[test]
    fn an_object_without_bytes_is_one() {
        let input = || InputTable::new(table("a VARCHAR")).unwrap();
        assert_eq!(shown(&parser(BLOB, input()).parse(b"").changes), ["+ a="]);
        let mut parser = parser(BLOB, input());
        parser.end();
        assert_eq!(parser.take().records, 0);
        assert_eq!(shown(&parser.parse(b"x").changes), ["+ a=x"]);
        parser.end();
        assert_eq!(parser.take().records, 0);
    }

    #[test]
    fn objects_are_limited() {
        for format in [BLOB, r#"{"name":"raw","config":{"mode":"lines"}}"#] {
            let mut parser = parser(format, InputTable::new(table("a VARBINARY")).unwrap());
            let mut large = vec![b'x'; RECORD_BYTES_MAX];
            assert_eq!(parser.parse(&large).records, 1);
            large.push(b'x');
            assert_eq!(wrong(&parser.parse(&large)), [(2, Tag::Limit, None)]);
            assert_eq!(parser.parse(b"x").records, 1);
        }
    }

    #[test]
    fn the_column_has_to_be_known_and_to_take_it() {
        for (text, config, is_good) in [
            ("a VARCHAR", "", true),
            ("a CHAR(3)", "", true),
            ("a INTEGER", "", false),
            ("a VARIANT", "", false),
            ("a VARCHAR, b VARCHAR", "", false),
            ("a VARCHAR, b VARCHAR", r#""column_name":"B""#, true),
            ("a VARCHAR, b VARCHAR", r#""column_name":"c""#, false),
            ("a VARCHAR, b VARCHAR NOT NULL", r#""column_name":"a""#, false),
            ("a VARCHAR, b VARCHAR NOT NULL", r#""column_name":"b""#, true),
        ] {
            let format = serde_json::from_str(&format!(r#"{{"name":"raw","config":{{{config}}}}}"#)).unwrap();
            let format = FormatConfig::from_json(&format).unwrap();
            let made = format.parser(Arc::new(InputTable::new(table(text)).unwrap()));
            assert_eq!(made.is_ok(), is_good, "{text} {config}");
        }
    }
}

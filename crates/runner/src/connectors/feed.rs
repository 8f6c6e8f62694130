//! What a connector brought becomes changes of its table, and errors for what cannot be read.

use std::sync::Arc;

use alluvium_connectors::{Message, Payload};
use alluvium_formats::{Change, FormatConfig, FormatError, InputTable, ParseErrors, Parsed, Parser};
use serde_json::{Value, json};

use crate::dead::Dead;

/// Errors of one lot that are kept with all they say; the others are counted.
const ERRORS_MAX: usize = 100;

/// Reads what one connector brings.
pub(super) struct Feed {
    endpoint: String,
    table: Arc<InputTable>,
    /// None for connectors whose rows come as rows.
    format: Option<FormatConfig>,
    /// The one for what comes now, and the object it comes from.
    parser: Option<(Parser, Option<Arc<str>>)>,
}

/// What became of a lot.
#[derive(Debug, Default)]
pub(super) struct Lot {
    pub changes: Vec<Change>,
    pub records: u64,
    pub bytes: u64,
    /// How many records could not be read.
    pub parse_errors: u64,
    /// The first of them.
    pub dead: Vec<Dead>,
}

impl Feed {
    /// For a table.
    ///
    /// # Errors
    /// The format is not for input, or not for this table.
    pub fn new(endpoint: &str, table: Arc<InputTable>, format: Option<FormatConfig>) -> Result<Self, FormatError> {
        if let Some(format) = &format {
            format.parser(Arc::clone(&table))?;
        }
        Ok(Self { endpoint: endpoint.to_owned(), table, format, parser: None })
    }

    /// Reads a payload.
    ///
    /// # Errors
    /// It cannot be read at all by how the connector is configured.
    pub fn read(&mut self, payload: Payload, lot: &mut Lot) -> Result<(), String> {
        lot.bytes += payload.bytes();
        match payload {
            Payload::Rows(batch) => {
                lot.records += batch.num_rows() as u64;
                if batch.num_rows() > 0 {
                    lot.changes.push(Change::insert(batch));
                }
                Ok(())
            }
            Payload::JsonLines(bytes) => self.lines(&bytes, lot),
            Payload::Messages(messages) => self.messages(&messages, lot),
            Payload::Stream { bytes, object, offset, ends_object } => {
                self.stream(&bytes, (&object, offset, ends_object), lot)
            }
        }
    }

    fn lines(&mut self, bytes: &[u8], lot: &mut Lot) -> Result<(), String> {
        let raw = json!({ "name": "json", "config": { "update_format": "raw" } });
        let made = FormatConfig::from_json(&raw).and_then(|raw| raw.parser(Arc::clone(&self.table)));
        let parsed = made.map_err(|error| error.to_string())?.parse(bytes);
        self.take(parsed, &Value::Null, lot);
        Ok(())
    }

    fn messages(&mut self, messages: &[Message], lot: &mut Lot) -> Result<(), String> {
        let parser = self.parser_of(None, true)?;
        let mut parsed = Parsed::default();
        for message in messages {
            feed(parser, &message.payload, &mut parsed);
            parser.end();
        }
        parsed.append(parser.take());
        if parsed.errors.is_empty() {
            self.take(parsed, &Value::Null, lot);
            return Ok(());
        }
        // Once more one by one, so that errors say of which message they are.
        for message in messages {
            let parser = self.parser_of(None, true)?;
            let parsed = parser.parse(&message.payload);
            self.take(parsed, &Value::Object(message.metadata.clone()), lot);
        }
        Ok(())
    }

    fn stream(
        &mut self,
        bytes: &[u8],
        (object, offset, ends_object): (&Arc<str>, u64, bool),
        lot: &mut Lot,
    ) -> Result<(), String> {
        if offset == 0 {
            self.parser = None;
        }
        let parser = self.parser_of(Some(object), offset == 0)?;
        let mut parsed = Parsed::default();
        feed(parser, bytes, &mut parsed);
        if ends_object {
            parser.end();
        }
        parsed.append(parser.take());
        if ends_object {
            self.parser = None;
        }
        self.take(parsed, &json!({ "object": object.as_ref(), "offset": offset }), lot);
        Ok(())
    }

    /// The parser for an object, or for messages. In the middle of an object nothing names the columns any more.
    fn parser_of(&mut self, object: Option<&Arc<str>>, is_start: bool) -> Result<&mut Parser, String> {
        let is_there = self.parser.as_ref().is_some_and(|(_, of)| of.as_ref() == object);
        let parser = if let Some((parser, _)) = self.parser.take().filter(|_| is_there) {
            parser
        } else {
            let mut format = self.format.clone().ok_or("the connector has no format")?;
            if let (FormatConfig::Csv(csv), false) = (&mut format, is_start) {
                csv.headers = false;
            }
            format.parser(Arc::clone(&self.table)).map_err(|error| error.to_string())?
        };
        Ok(&mut self.parser.insert((parser, object.cloned())).0)
    }

    fn take(&self, parsed: Parsed, position: &Value, lot: &mut Lot) {
        lot.records += parsed.records;
        lot.parse_errors += parsed.errors.total();
        self.bury(&parsed.errors, position, lot);
        lot.changes.extend(parsed.changes);
    }

    fn bury(&self, errors: &ParseErrors, position: &Value, lot: &mut Lot) {
        let room = ERRORS_MAX.saturating_sub(lot.dead.len());
        for error in errors.kept().iter().take(room) {
            let metadata = json!({ "endpoint": self.endpoint, "position": position, "error": error.to_json() });
            lot.dead.push(Dead::new(&self.table.table().name, &error.to_string(), &metadata));
        }
    }
}

/// Feeds a parser; what it has no room for is taken in between.
fn feed(parser: &mut Parser, bytes: &[u8], parsed: &mut Parsed) {
    let mut rest = bytes;
    while !rest.is_empty() {
        let taken = parser.feed(rest);
        rest = rest.get(taken..).unwrap_or_default();
        if !rest.is_empty() {
            parsed.append(parser.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use alluvium_formats::types::parse_type;
    use alluvium_formats::{ChangeKind, Table};
    use alluvium_sql::types::{ColumnType, Field, Identifier};
    use arrow::array::AsArray;
    use arrow::datatypes::Int64Type;
    use bytes::Bytes;
    use serde_json::Map;

    use super::*;

    fn feed_of(format: Option<Value>) -> Feed {
        let column = |name: &str| Field {
            name: Identifier::folded(name),
            column_type: ColumnType { kind: parse_type("BIGINT").unwrap(), is_nullable: name != "id" },
        };
        let table = Table { name: "t".into(), columns: vec![column("id"), column("n")], key: vec![0] };
        let format = format.map(|format| FormatConfig::from_json(&format).unwrap());
        Feed::new("t.c", Arc::new(InputTable::new(table).unwrap()), format).unwrap()
    }

    fn message(text: &str, sequence: u64) -> Message {
        let metadata = Map::from_iter([("nats_sequence".to_owned(), Value::from(sequence))]);
        Message { payload: Bytes::copy_from_slice(text.as_bytes()), key: None, metadata }
    }

    fn stream(text: &str, offset: u64, ends_object: bool) -> Payload {
        Payload::Stream { bytes: Bytes::copy_from_slice(text.as_bytes()), object: "f".into(), offset, ends_object }
    }

    fn ids(lot: &Lot) -> Vec<(ChangeKind, Vec<i64>)> {
        let ids = |change: &Change| change.batch.column(0).as_primitive::<Int64Type>().values().to_vec();
        lot.changes.iter().map(|change| (change.kind, ids(change))).collect()
    }

    #[test]
    fn messages_become_changes_and_what_is_wrong_says_where_it_was() {
        let mut feed = feed_of(Some(json!({ "name": "json" })));
        let mut lot = Lot::default();
        let good = [message(r#"{"insert": {"id": 1}}"#, 1), message(r#"{"insert": {"id": 2, "n": 3}}"#, 2)];
        feed.read(Payload::Messages(good.to_vec()), &mut lot).unwrap();
        assert_eq!((ids(&lot), lot.records), (vec![(ChangeKind::Insert, vec![1, 2])], 2));
        let mixed = [
            message(r#"{"insert": {"id": 3}}"#, 3),
            message(r#"{"insert": {"id""#, 4),
            message(r#"{"delete": {"id": 1}} {"insert": {"id": null}}"#, 5),
        ];
        let mut lot = Lot::default();
        feed.read(Payload::Messages(mixed.to_vec()), &mut lot).unwrap();
        assert_eq!(ids(&lot), [(ChangeKind::Insert, vec![3]), (ChangeKind::Delete, vec![1])]);
        assert_eq!((lot.records, lot.parse_errors, lot.dead.len()), (2, 2, 2));
        for (dead, sequence) in lot.dead.iter().zip([4, 5]) {
            let metadata: Value = serde_json::from_str(&dead.metadata).unwrap();
            assert_eq!(
                (&metadata["endpoint"], &metadata["position"]["nats_sequence"]),
                (&json!("t.c"), &json!(sequence))
            );
        }
    }

    #[test]
    fn objects_are_read_on_from_where_they_were_left() {
        let mut feed = feed_of(Some(json!({ "name": "csv", "config": { "headers": true } })));
        let mut lot = Lot::default();
        for payload in [stream("id,n\n1,1\n", 0, false), stream("2,2\n", 9, false), stream("3,3", 13, true)] {
            feed.read(payload, &mut lot).unwrap();
        }
        feed.read(stream("id,n\n4,4\n", 0, true), &mut lot).unwrap();
        assert_eq!((lot.records, lot.parse_errors), (4, 0));
        // A restart begins in the middle, where no line names the columns.
        let mut again = feed_of(Some(json!({ "name": "csv", "config": { "headers": true } })));
        let mut lot = Lot::default();
        again.read(stream("2,2\n", 9, true), &mut lot).unwrap();
        again.read(stream("id,n\n5,5\nx,y\n", 0, true), &mut lot).unwrap();
        assert_eq!((lot.records, lot.parse_errors), (2, 1));
        assert!(lot.dead[0].message.contains("event #2"), "{}", lot.dead[0].message);
    }

    #[test]
    fn rows_and_lines_need_no_format_and_errors_are_limited() {
        let mut feed = feed_of(None);
        let mut lot = Lot::default();
        feed.read(Payload::JsonLines(Bytes::from_static(b"{\"id\": 1, \"n\": 2}\n{\"id\": 2}\n")), &mut lot).unwrap();
        assert_eq!((lot.records, lot.parse_errors), (2, 0));
        let batch = lot.changes[0].batch.clone();
        feed.read(Payload::Rows(batch), &mut lot).unwrap();
        assert_eq!(lot.records, 4);
        let wrong = "{}\n".repeat(ERRORS_MAX + 7);
        feed.read(Payload::JsonLines(wrong.into()), &mut lot).unwrap();
        assert_eq!((lot.parse_errors, lot.dead.len()), (ERRORS_MAX as u64 + 7, ERRORS_MAX));
        assert!(feed.read(Payload::Messages(vec![message("{}", 1)]), &mut lot).unwrap_err().contains("no format"));
    }
}

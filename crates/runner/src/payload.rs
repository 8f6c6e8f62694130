//! Changes of a table as messages of the input stream carry them.
//!
//! | The payload begins with | It is |
//! |---|---|
//! | `FF FF FF FF` | Arrow IPC streams, one after the other: each one a run of changes of one kind, which the metadata `change` of its schema names (`insert`, `delete`, `update`; `insert` without it). Columns are found by name |
//! | anything else | JSON as people write it: `{"insert": {…}}`, `{"delete": {…}}`, `{"update": {…}}`, one after the other |

use std::collections::HashMap;
use std::io::Cursor;
use std::sync::Arc;

use alluvium_formats::{Change, ChangeKind, FormatConfig, InputTable};
use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;

use crate::adapt::adapt;

/// How an Arrow IPC stream begins.
const ARROW: [u8; 4] = [0xff; 4];
/// The key of a schema's metadata that names the kind of the changes.
const KIND: &str = "change";
/// How large the columns of one message may become, in bytes: those who read it hold all of them at once.
const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// Why a message cannot be read.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub(crate) struct Unreadable(pub String);

impl From<arrow::error::ArrowError> for Unreadable {
    fn from(error: arrow::error::ArrowError) -> Self {
        Self(error.to_string())
    }
}

/// Changes as a payload, without regard to its size.
pub(crate) fn write(changes: &[Change]) -> Result<Vec<u8>, Unreadable> {
    let mut payload = Vec::new();
    for change in changes {
        let metadata = HashMap::from([(KIND.to_owned(), name_of(change.kind).to_owned())]);
        let schema = Schema::new_with_metadata(change.batch.schema().fields().clone(), metadata);
        let batch = RecordBatch::try_new(Arc::new(schema), change.batch.columns().to_vec())?;
        let mut writer = StreamWriter::try_new(&mut payload, &batch.schema())?;
        writer.write(&batch)?;
        writer.finish()?;
    }
    Ok(payload)
}

fn name_of(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Insert => "insert",
        ChangeKind::Delete => "delete",
        ChangeKind::Update => "update",
    }
}

/// The changes in a payload, and how many of its rows could not be read, with the first reason.
/// Rows of an earlier version of the program (`is_old`) are made those of the table as it is now.
pub(crate) fn read(
    payload: &[u8],
    table: &Arc<InputTable>,
    is_old: bool,
) -> Result<(Vec<Change>, Option<Unreadable>), Unreadable> {
    if payload.starts_with(&ARROW) { Ok((arrow(payload, table, is_old)?, None)) } else { json(payload, table) }
}

fn arrow(payload: &[u8], input: &InputTable, is_old: bool) -> Result<Vec<Change>, Unreadable> {
    let table = input.table();
    let mut rest = Cursor::new(payload);
    let (mut changes, mut bytes) = (Vec::new(), 0_usize);
    while rest.position() < payload.len() as u64 {
        let reader = StreamReader::try_new(&mut rest, None)?;
        let schema = reader.schema();
        let kind = match schema.metadata().get(KIND).map(String::as_str) {
            None | Some("insert") => ChangeKind::Insert,
            Some("delete") => ChangeKind::Delete,
            Some("update") => ChangeKind::Update,
            Some(other) => return Err(Unreadable(format!("a change cannot be of the kind {other:?}"))),
        };
        let place = |name: &String| {
            let found = table.columns.iter().position(|column| column.name.name == *name);
            found.ok_or_else(|| Unreadable(format!("the table {} has no column {name:?}", table.name)))
        };
        let columns = schema.fields().iter().map(|field| place(field.name())).collect::<Result<Vec<_>, _>>();
        for batch in reader {
            let batch = batch?;
            bytes = bytes.saturating_add(batch.get_array_memory_size());
            if bytes > MESSAGE_BYTES_MAX {
                return Err(Unreadable(format!("the rows of a message take more than {MESSAGE_BYTES_MAX} bytes")));
            }
            let change =
                if is_old { adapt(kind, &batch, input)? } else { Change { kind, batch, columns: columns.clone()? } };
            changes.push(change);
        }
    }
    Ok(changes)
}

fn json(payload: &[u8], table: &Arc<InputTable>) -> Result<(Vec<Change>, Option<Unreadable>), Unreadable> {
    let parser = FormatConfig::from_query([("format", "json")]).and_then(|json| json.parser(Arc::clone(table)));
    let parsed = parser.map_err(|error| Unreadable(error.to_string()))?.parse(payload);
    let wrong = parsed.errors.kept().first().map(|error| Unreadable(error.to_string()));
    Ok((parsed.changes, wrong))
}

#[cfg(test)]
mod tests {
    use alluvium_formats::Table;
    use alluvium_formats::types::parse_type;
    use alluvium_sql::types::{ColumnType, Field, Identifier};
    use arrow::array::{ArrayRef, Int64Array};

    use super::*;

    fn table() -> Arc<InputTable> {
        let column = |name: &str| Field {
            name: Identifier::folded(name),
            column_type: ColumnType { kind: parse_type("BIGINT").unwrap(), is_nullable: name != "id" },
        };
        let table = Table { name: "t".into(), columns: vec![column("id"), column("n")], key: vec![0] };
        Arc::new(InputTable::new(table).unwrap())
    }

    fn change(kind: ChangeKind, columns: &[usize], rows: i64) -> Change {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
        let named = columns.iter().map(|at| (["id", "n"][*at], Arc::clone(&numbers)));
        Change { kind, batch: RecordBatch::try_from_iter(named).unwrap(), columns: columns.to_vec() }
    }

    #[test]
    fn changes_are_read_as_they_were_written_in_their_order() {
        let changes = [
            change(ChangeKind::Insert, &[0, 1], 3),
            change(ChangeKind::Delete, &[0], 2),
            change(ChangeKind::Update, &[1, 0], 1),
        ];
        let (found, wrong) = read(&write(&changes).unwrap(), &table(), false).unwrap();
        assert_eq!((found.len(), wrong), (3, None));
        for (found, written) in found.iter().zip(&changes) {
            assert_eq!((found.kind, &found.columns), (written.kind, &written.columns));
            assert_eq!(found.batch.columns(), written.batch.columns());
        }
    }

    #[test]
    fn people_write_json_and_what_is_wrong_is_told_beside_the_rest() {
        let text = br#"{"insert": {"id": 1, "n": 2}} {"insert": {"id": null}} {"delete": {"id": 1}}"#;
        let (found, wrong) = read(text, &table(), false).unwrap();
        let kinds: Vec<ChangeKind> = found.iter().map(|change| change.kind).collect();
        assert_eq!(kinds, [ChangeKind::Insert, ChangeKind::Delete]);
        assert!(wrong.unwrap().0.contains("event #2"));
    }

    #[test]
    fn what_is_no_change_is_refused() {
        let other: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        let batch = RecordBatch::try_from_iter([("other", other)]).unwrap();
        let unknown = write(&[Change { kind: ChangeKind::Insert, batch, columns: vec![0] }]).unwrap();
        let torn = write(&[change(ChangeKind::Insert, &[0, 1], 3)]).unwrap();
        for payload in [&unknown[..], &torn[..torn.len() / 2], &[0xff; 4], &[0xff; 64]] {
            assert!(read(payload, &table(), false).is_err(), "{payload:?}");
        }
    }
}

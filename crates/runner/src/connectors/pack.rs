//! Changes as few messages as hold them.

use std::sync::Arc;

use alluvium_formats::{CHANGE_ROWS_MAX, Change};
use alluvium_messaging::batch::BATCH_MESSAGES_MAX;
use arrow::compute::concat_batches;
use bytes::Bytes;

use crate::payload::{self, Unreadable};

/// How large a payload may be, in bytes; the servers take one megabyte.
const PAYLOAD_BYTES_MAX: usize = 900_000;
/// Messages of rows in a batch; a position and an account of errors go with them.
pub(super) const MESSAGES_MAX: usize = BATCH_MESSAGES_MAX - 2;

/// Payloads with all changes in their order, each with how many rows it has, and how many rows no message takes.
pub(super) fn pack(changes: Vec<Change>) -> Result<(Vec<(Bytes, u64)>, u64), Unreadable> {
    let mut packed = Packed::default();
    let mut run: Vec<Change> = Vec::new();
    let mut rows = 0;
    for change in changes {
        let fits = run.first().is_none_or(|first| first.kind == change.kind && first.columns == change.columns);
        if !fits || rows + change.batch.num_rows() > CHANGE_ROWS_MAX {
            packed.add(std::mem::take(&mut run))?;
            rows = 0;
        }
        rows += change.batch.num_rows();
        run.push(change);
    }
    packed.add(run)?;
    Ok(packed.done())
}

#[derive(Default)]
struct Packed {
    payloads: Vec<(Bytes, u64)>,
    open: Vec<u8>,
    open_rows: u64,
    too_large: u64,
}

impl Packed {
    /// Adds changes of one kind as one.
    fn add(&mut self, mut run: Vec<Change>) -> Result<(), Unreadable> {
        let Some(first) = run.pop() else { return Ok(()) };
        let schema = first.batch.schema();
        let batches: Vec<_> = run.iter().map(|change| &change.batch).chain([&first.batch]).collect();
        let is_alone = batches.len() == 1 || batches.iter().any(|batch| batch.schema_ref() != &schema);
        if !is_alone {
            let batch = concat_batches(&Arc::clone(&schema), batches)?;
            return self.put(Change { batch, ..first });
        }
        for change in run {
            self.put(change)?;
        }
        self.put(first)
    }

    /// Puts a change into payloads that the servers take.
    fn put(&mut self, change: Change) -> Result<(), Unreadable> {
        let mut waiting = vec![change];
        while let Some(change) = waiting.pop() {
            let rows = change.batch.num_rows();
            let payload = payload::write(std::slice::from_ref(&change))?;
            if payload.len() <= PAYLOAD_BYTES_MAX {
                if self.open.len() + payload.len() > PAYLOAD_BYTES_MAX {
                    self.close();
                }
                self.open.extend_from_slice(&payload);
                self.open_rows += rows as u64;
            } else if rows <= 1 {
                self.too_large += rows as u64;
            } else {
                let half = rows / 2;
                waiting.push(Change { batch: change.batch.slice(half, rows - half), ..change.clone() });
                waiting.push(Change { batch: change.batch.slice(0, half), ..change });
            }
        }
        Ok(())
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            self.payloads.push((std::mem::take(&mut self.open).into(), std::mem::take(&mut self.open_rows)));
        }
    }

    fn done(mut self) -> (Vec<(Bytes, u64)>, u64) {
        self.close();
        (self.payloads, self.too_large)
    }
}

#[cfg(test)]
mod tests {
    use alluvium_formats::types::parse_type;
    use alluvium_formats::{ChangeKind, InputTable, Table};
    use alluvium_sql::types::{ColumnType, Field, Identifier};
    use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};

    use super::*;

    fn table() -> Arc<InputTable> {
        let column_type = ColumnType { kind: parse_type("VARCHAR").unwrap(), is_nullable: true };
        let columns = vec![Field { name: Identifier::folded("a"), column_type }];
        Arc::new(InputTable::new(Table { name: "t".into(), columns, key: vec![] }).unwrap())
    }

    fn change(kind: ChangeKind, rows: &[&str]) -> Change {
        let texts: ArrayRef = Arc::new(StringArray::from(rows.to_vec()));
        let batch = RecordBatch::try_from_iter_with_nullable([("a", texts, true)]).unwrap();
        Change { kind, batch, columns: vec![0] }
    }

    fn unpacked(payloads: &[(Bytes, u64)]) -> Vec<(ChangeKind, Vec<String>)> {
        let read = payloads.iter().flat_map(|(payload, _)| payload::read(payload, &table(), false).unwrap().0);
        read.map(|change| {
            let texts = change.batch.column(0).as_string::<i32>();
            (change.kind, texts.iter().map(|text| text.unwrap().chars().take(3).collect()).collect())
        })
        .collect()
    }

    #[test]
    fn changes_of_one_kind_become_one_and_all_stay_in_their_order() {
        use ChangeKind::{Delete, Insert};
        let changes =
            vec![change(Insert, &["a"]), change(Insert, &["b", "c"]), change(Delete, &["a"]), change(Insert, &["d"])];
        let (payloads, too_large) = pack(changes).unwrap();
        assert_eq!((payloads.len(), too_large), (1, 0));
        let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let wanted = [(Insert, texts(&["a", "b", "c"])), (Delete, texts(&["a"])), (Insert, texts(&["d"]))];
        assert_eq!(unpacked(&payloads), wanted);
        assert!(pack(Vec::new()).unwrap().0.is_empty());
    }

    #[test]
    fn large_changes_are_cut_and_rows_that_no_message_takes_are_counted() {
        let row = |mark: &str, length: usize| format!("{mark}{}", "x".repeat(length));
        let rows = [row("1-", 500_000), row("2-", 950_000), row("3-", 500_000), row("4-", 10)];
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let (payloads, too_large) = pack(vec![change(ChangeKind::Insert, &rows)]).unwrap();
        assert_eq!(too_large, 1);
        assert!(payloads.iter().all(|(payload, _)| payload.len() <= PAYLOAD_BYTES_MAX));
        assert_eq!(payloads.iter().map(|(_, rows)| rows).sum::<u64>(), 3);
        let found: Vec<String> = unpacked(&payloads).into_iter().flat_map(|(_, rows)| rows).collect();
        assert_eq!(found, ["1-x", "3-x", "4-x"]);
    }
}

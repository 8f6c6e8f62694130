//! From decoded messages to changes: as few appends as defaults allow, because each costs the engine a fixed price.

use arrow::compute::concat_batches;
use arrow::record_batch::RecordBatch;

use super::DecodedRun;
use crate::apply::{Change, Moment};
use crate::column::{DefaultExpr, TableSchema};
use crate::stamp;

/// Batches of fewer rows are put together with their neighbours; for larger ones the copy costs more than it saves.
const SMALL_BATCH_ROWS: usize = 8_192;

/// The changes that append the rows. `moment` says what the defaults of a message (by its index) are made of, `micros` when it was:
/// the same, but asked for each message.
pub(super) fn appends(
    runs: Vec<DecodedRun>,
    schema: &TableSchema,
    moment: impl Fn(usize) -> Moment,
    micros: impl Fn(usize) -> i64,
) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut small = Small::default();
    for run in runs {
        let (first, messages) = (run.messages.start, run.messages.len());
        for (part, batch) in run.batches.into_iter().enumerate() {
            // A run of several messages has one row of each.
            let batch = stamp::stamped(&batch, |row| micros(if messages > 1 { first + row } else { first }));
            if takes_moment(schema, &batch) {
                small.flush(&mut changes);
                // Rows of two messages must never share a moment: which messages
                // are decoded together is chance, and a replay has to give every row the same value again.
                let step = if messages > 1 { 1 } else { batch.num_rows() };
                for (row, index) in (0..batch.num_rows()).step_by(step.max(1)).zip(first..) {
                    let mut moment = moment(index);
                    if part > 0 {
                        // Ids count rows from the start of a batch.
                        moment.seed = format!("{}/{part}", moment.seed);
                    }
                    changes.push(Change::Append { batch: batch.slice(row, step), moment });
                }
            } else if batch.num_rows() < SMALL_BATCH_ROWS {
                small.add(batch, || moment(first), &mut changes);
            } else {
                small.flush(&mut changes);
                changes.push(Change::Append { batch, moment: moment(first) });
            }
        }
    }
    small.flush(&mut changes);
    changes
}

/// Whether a column that the batch lacks has a default that differs between messages.
fn takes_moment(schema: &TableSchema, batch: &RecordBatch) -> bool {
    let varies = |default: &DefaultExpr| match default {
        DefaultExpr::Now | DefaultExpr::CurrentDate | DefaultExpr::Uuid => true,
        DefaultExpr::Literal(_) | DefaultExpr::Cast(..) => false,
    };
    let lacks = |name: &str| batch.schema_ref().column_with_name(name).is_none();
    schema.columns.iter().any(|column| column.default.as_ref().is_some_and(varies) && lacks(&column.name))
}

/// Small batches of the same columns, in order.
#[derive(Default)]
struct Small {
    batches: Vec<RecordBatch>,
    moment: Option<Moment>,
}

impl Small {
    fn add(&mut self, batch: RecordBatch, moment: impl FnOnce() -> Moment, changes: &mut Vec<Change>) {
        if self.batches.first().is_some_and(|first| first.schema_ref() != batch.schema_ref()) {
            self.flush(changes);
        }
        self.moment.get_or_insert_with(moment);
        self.batches.push(batch);
    }

    fn flush(&mut self, changes: &mut Vec<Change>) {
        let (Some(moment), batches) = (self.moment.take(), std::mem::take(&mut self.batches)) else { return };
        let together = match batches.as_slice() {
            [] | [_] => None,
            [first, ..] => concat_batches(first.schema_ref(), &batches).ok(),
        };
        // Without a common batch (texts of more than 2 GiB) each goes alone.
        let batches = together.map_or(batches, |batch| vec![batch]);
        changes.extend(batches.into_iter().map(|batch| Change::Append { batch, moment: moment.clone() }));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::column::Column;
    use crate::rows::RowsDecoder;

    /// The seed of each append, and how many rows it has.
    fn shape(columns: Vec<Column>, payloads: &[&str]) -> Vec<(String, usize)> {
        let mut decoder = RowsDecoder::new(TableSchema::new(columns, &[]).unwrap(), HashMap::new());
        let payloads: Vec<&[u8]> = payloads.iter().map(|text| text.as_bytes()).collect();
        let runs = decoder.decode_many(&payloads).runs;
        let moment = |index: usize| Moment { event_time_micros: 0, seed: index.to_string() };
        let shape = |change| match change {
            Change::Append { batch, moment } => (moment.seed, batch.num_rows()),
            other => panic!("{other:?}"),
        };
        decoder.appends(runs, moment, |_| 0).into_iter().map(shape).collect()
    }

    fn column(name: &str, kind: &str, default: Option<&str>) -> Column {
        Column::new(name, kind, true, default).unwrap()
    }

    #[test]
    fn small_messages_are_appended_together_while_they_bring_the_same_columns() {
        let columns = vec![column("a", "BIGINT", None), column("b", "BIGINT", Some("7"))];
        let payloads = [r#"{"a":1}"#, r#"[{"a":2},{"a":3}]"#, "[]", r#"{"b":4}"#, r#"{"a":5}"#];
        assert_eq!(shape(columns, &payloads), [("0".into(), 3), ("3".into(), 1), ("4".into(), 1)]);
    }

    #[test]
    fn rows_that_take_their_moment_are_not_mixed_with_those_of_other_messages() {
        let columns = vec![column("a", "BIGINT", None), column("id", "UUID", Some("uuid()"))];
        let payloads =
            [r#"{"a":1}"#, r#"{"a":2}"#, r#"[{"a":3},{"a":4,"id":"6f1ed002-ab59-4b1a-b1c9-2f3d1b3a0c55"},{"a":5}]"#];
        let expected = [("0", 1), ("1", 1), ("2", 1), ("2", 1), ("2/2", 1)].map(|(seed, rows)| (seed.to_owned(), rows));
        assert_eq!(shape(columns, &payloads), expected);
    }
}

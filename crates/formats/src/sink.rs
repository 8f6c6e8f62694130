//! Rows gathered to changes: rows in a row of the same kind and with the same columns are one change.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::error::ArrowError;

use crate::change::{Change, ChangeKind, change_schema};
use crate::column::Column;
use crate::table::{InputTable, Table};

/// How many rows a change has at most.
pub const CHANGE_ROWS_MAX: usize = 65_536;
/// Above how many bytes of input a change ends.
const CHANGE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Above how many values rows have to be taken before more is read.
const READY_VALUES_MAX: usize = 4 * 1024 * 1024;
/// Above how many bytes of input rows have to be taken before more is read.
const READY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Rows of the same kind with the same columns.
pub(crate) struct Run {
    pub kind: ChangeKind,
    /// Which columns of the table they are.
    pub columns: Vec<usize>,
    pub builders: Vec<Column>,
    /// How many rows are whole.
    pub rows: usize,
    bytes: usize,
}

/// The rows so far.
pub(crate) struct Sink {
    done: Vec<Change>,
    run: Option<Run>,
    size: Size,
    /// Why rows could not become a change.
    broken: Option<ArrowError>,
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub rows: u64,
    pub values: usize,
    pub bytes: usize,
}

/// A state to which one can go back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    done: usize,
    rows: usize,
    size: Size,
}

impl Sink {
    pub(crate) fn new() -> Self {
        Self { done: Vec::new(), run: None, size: Size::default(), broken: None }
    }

    /// The run to which rows of a kind with these columns go.
    pub(crate) fn run(&mut self, table: &Table, kind: ChangeKind, columns: &[usize]) -> &mut Run {
        let fits = |run: &Run| {
            run.kind == kind && run.columns == columns && run.rows < CHANGE_ROWS_MAX && run.bytes < CHANGE_BYTES_MAX
        };
        if !self.run.as_ref().is_some_and(fits) {
            self.finish(table);
        }
        self.run.get_or_insert_with(|| {
            let types = columns.iter().filter_map(|at| table.columns.get(*at));
            let builders = types.map(|column| Column::new(&column.column_type)).collect();
            Run { kind, columns: columns.to_vec(), builders, rows: 0, bytes: 0 }
        })
    }

    /// Says that a row was added to the run, and what it took.
    pub(crate) fn added(&mut self, values: usize, bytes: usize) {
        if let Some(run) = &mut self.run {
            run.rows += 1;
            run.bytes += bytes;
        }
        self.size.rows += 1;
        self.size.values += values;
        self.size.bytes += bytes;
    }

    /// How much there is that was not taken.
    pub(crate) fn size(&self) -> Size {
        self.size
    }

    /// Whether rows should be taken before more are added.
    pub(crate) fn is_full(&self) -> bool {
        self.size.values > READY_VALUES_MAX || self.size.bytes > READY_BYTES_MAX
    }

    /// Where it is now.
    pub(crate) fn mark(&self) -> Mark {
        Mark { done: self.done.len(), rows: self.run.as_ref().map_or(0, |run| run.rows), size: self.size }
    }

    /// Drops all that was added since, and what was begun of a row.
    pub(crate) fn go_back(&mut self, mark: Mark) {
        self.size = mark.size;
        if mark.rows == 0 {
            self.run = None;
        } else if self.done.len() == mark.done {
            if let Some(run) = &mut self.run {
                run.builders.iter_mut().for_each(|builder| builder.truncate(mark.rows));
                run.rows = mark.rows;
            }
        } else {
            // What was the run then is a change by now.
            self.run = None;
            if let Some(change) = self.done.get_mut(mark.done) {
                change.batch = change.batch.slice(0, mark.rows.min(change.batch.num_rows()));
            }
        }
        self.done.truncate(mark.done + usize::from(mark.rows > 0));
    }

    fn finish(&mut self, table: &Table) {
        let Some(run) = self.run.take() else { return };
        if run.rows == 0 {
            return;
        }
        let schema = Arc::new(change_schema(table, &run.columns));
        let options = RecordBatchOptions::new().with_row_count(Some(run.rows));
        let arrays = run.builders.into_iter().map(Column::finish).collect::<Result<Vec<_>, _>>();
        match arrays.and_then(|arrays| RecordBatch::try_new_with_options(schema, arrays, &options)) {
            Ok(batch) => self.done.push(Change { kind: run.kind, batch, columns: run.columns }),
            Err(error) => self.broken = Some(error),
        }
    }

    /// Takes the changes.
    pub(crate) fn take(&mut self, table: &Table) -> Result<(Vec<Change>, Size), ArrowError> {
        self.finish(table);
        let size = std::mem::take(&mut self.size);
        let done = std::mem::take(&mut self.done);
        match self.broken.take() {
            Some(error) => Err(error),
            None => Ok((done, size)),
        }
    }
}

/// What rows of a kind need of a table: its columns by number.
pub(crate) struct Plan {
    /// The columns of a change.
    pub columns: Vec<usize>,
    /// Where in the change each column of the table is.
    pub slots: Vec<Option<usize>>,
}

impl Plan {
    pub(crate) fn new(table: &InputTable, columns: Vec<usize>) -> Self {
        let mut slots = vec![None; table.table().columns.len()];
        for (slot, column) in columns.iter().enumerate() {
            if let Some(place) = slots.get_mut(*column) {
                *place = Some(slot);
            }
        }
        Self { columns, slots }
    }
}

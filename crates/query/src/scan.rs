//! The rows of a relation as the executor asks for them.

use std::fmt;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use futures::{TryStreamExt, stream};

use crate::conform::cast_batch;
use crate::error::QueryError;
use crate::relations::{Batches, BoxError, Relations};

/// The plan that reads the columns at these places.
pub(crate) fn scan_plan(
    source: &Arc<dyn Relations>,
    name: &str,
    columns: &SchemaRef,
    places: Vec<usize>,
    limit: Option<usize>,
    batch_rows: usize,
) -> Result<Arc<dyn ExecutionPlan>> {
    let schema = Arc::new(columns.project(&places)?);
    let scan =
        Scan { source: source.clone(), name: name.to_owned(), columns: columns.clone(), places, schema, batch_rows };
    let schema = scan.schema.clone();
    Ok(Arc::new(StreamingTableExec::try_new(schema, vec![Arc::new(scan)], None, [], false, limit)?))
}

/// A relation, and what of it is read.
#[derive(Clone)]
struct Scan {
    source: Arc<dyn Relations>,
    name: String,
    /// All columns of the relation.
    columns: SchemaRef,
    /// Which of them are read.
    places: Vec<usize>,
    /// Those.
    schema: SchemaRef,
    batch_rows: usize,
}

impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan").field("name", &self.name).field("places", &self.places).finish_non_exhaustive()
    }
}

/// Between two batches.
enum Position {
    Begin(Scan),
    Inside(Scan, Batches),
}

impl PartitionStream for Scan {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let rows = stream::try_unfold(Position::Begin(self.clone()), |position| async move {
            // No thread is held while nobody asks for rows: many scans that wait for each other cannot use them all up.
            let next = tokio::task::spawn_blocking(move || position.next()).await;
            next.map_err(|failure| {
                DataFusionError::from(QueryError::internal(format!("reading rows failed: {failure}")))
            })?
        });
        Box::pin(RecordBatchStreamAdapter::new(
            self.schema.clone(),
            rows.try_filter(|batch| {
                let has_rows = batch.num_rows() > 0;
                async move { has_rows }
            }),
        ))
    }
}

impl Position {
    /// The next batch and where the one after it is; none at the end. It blocks.
    fn next(self) -> Result<Option<(RecordBatch, Self)>> {
        let (scan, mut batches) = match self {
            Self::Begin(scan) => {
                let batches = scan.begin().map_err(|error| scan.failed(&error))?;
                (scan, batches)
            }
            Self::Inside(scan, batches) => (scan, batches),
        };
        match batches.next() {
            None => Ok(None),
            Some(Err(error)) => Err(scan.failed(&error).into()),
            Some(Ok(batch)) => Ok(Some((scan.shown(&batch)?, Self::Inside(scan, batches)))),
        }
    }
}

impl Scan {
    fn begin(&self) -> Result<Batches, BoxError> {
        if self.places.is_empty() && !self.columns.fields().is_empty() {
            // Only the number of rows is asked for; any column has it.
            return self.source.scan(&self.name, Some(&[self.narrowest()]), self.batch_rows);
        }
        let is_all = self.places.iter().copied().eq(0..self.columns.fields().len());
        self.source.scan(&self.name, (!is_all).then_some(self.places.as_slice()), self.batch_rows)
    }

    /// The place of a column that is cheap to read.
    fn narrowest(&self) -> usize {
        let width = |place: usize| self.columns.field(place).data_type().primitive_width().unwrap_or(usize::MAX);
        (0..self.columns.fields().len()).min_by_key(|place| width(*place)).unwrap_or(0)
    }

    fn shown(&self, batch: &RecordBatch) -> Result<RecordBatch, QueryError> {
        if self.schema.fields().is_empty() {
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            return Ok(RecordBatch::try_new_with_options(self.schema.clone(), Vec::new(), &options)?);
        }
        cast_batch(batch, &self.schema)
    }

    fn failed(&self, error: &BoxError) -> QueryError {
        QueryError::internal(format!("the rows of {} cannot be read: {error}", self.name))
    }
}

//! Does what a request says: first its inserts, one after the other, then what it answers.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::physical_plan::ExecutionPlan;
use futures::stream::{self, StreamExt};

use crate::conform::{cast_batch, shown_schema};
use crate::drive::{Job, Stage, spawn};
use crate::error::QueryError;
use crate::output::{Answer, Encoder, Format, encoder};
use crate::plan::{InsertPlan, Last};
use crate::relations::Insert;
use crate::session::Prepared;

impl Prepared {
    /// Does the inserts and begins to answer. Errors if an insert fails, in which case those before it stay done, or if
    /// the format has no place for a column. Once there is an [`Answer`], errors are in its stream. Dropping the future
    /// stops what it does.
    pub async fn run(mut self, format: Format) -> Result<Answer, QueryError> {
        let rows = match &self.planned.last {
            Last::Rows(plan) => Some(plan.clone()),
            Last::Count | Last::Nothing => None,
        };
        let shown = rows.as_ref().map(|plan| shown_schema(&plan.schema()));
        let encoder = shown.as_ref().map(|schema| encoder(format, schema)).transpose()?;
        let mut count = 0;
        for insert in std::mem::take(&mut self.planned.inserts) {
            count = self.insert(insert).await?;
        }
        let (Some(plan), Some(schema), Some(encoder)) = (rows, shown, encoder) else {
            let batch = match self.planned.last {
                Last::Count => Some(count_batch(count)?),
                _ => None,
            };
            return Ok(Answer::new(format, stream::iter(vec![at_once(format, batch)]).boxed()));
        };
        let job = Job { rows_max: self.rows_max, ..self.job(plan) };
        let receiver = spawn(job, Encode { schema, encoder });
        let chunks = stream::unfold(receiver, |mut receiver| async move {
            let next = receiver.recv().await?;
            Some((next, receiver))
        });
        Ok(Answer::new(format, chunks.boxed()))
    }

    fn job(&self, plan: Arc<dyn ExecutionPlan>) -> Job {
        let (deadline, permit) = (self.deadline, self.permit.clone());
        Job { plan, context: self.planned.context.clone(), rows_max: None, deadline, permit }
    }

    /// Hands all rows over at once, so that a failure half way inserts none. Gives how many there were.
    async fn insert(&self, insert: InsertPlan) -> Result<u64, QueryError> {
        let InsertPlan { table, given, schema, rows } = insert;
        let held = MemoryConsumer::new("INSERT").register(self.planned.context.memory_pool());
        let mut receiver = spawn(self.job(rows), Collect { schema });
        let (mut batches, mut count) = (Vec::new(), 0);
        while let Some(batch) = receiver.recv().await {
            let batch = batch?;
            held.try_grow(batch.get_array_memory_size())?;
            count += batch.num_rows() as u64;
            batches.push(batch);
        }
        if count > 0 {
            let rows = Insert { table: table.clone(), given, batches };
            let done = self.sink.insert(rows).await;
            done.map_err(|error| QueryError::internal(format!("the rows cannot be inserted into {table}: {error}")))?;
        }
        Ok(count)
    }
}

fn count_batch(count: u64) -> Result<RecordBatch, QueryError> {
    let schema = Schema::new(vec![Field::new("count", DataType::UInt64, false)]);
    let column: ArrayRef = Arc::new(UInt64Array::from(vec![count]));
    Ok(RecordBatch::try_new(Arc::new(schema), vec![column])?)
}

/// An answer that is there already; without a batch it has no column.
fn at_once(format: Format, batch: Option<RecordBatch>) -> Result<Bytes, QueryError> {
    let schema = batch.as_ref().map_or_else(|| Arc::new(Schema::empty()), RecordBatch::schema);
    let mut encoder = encoder(format, &schema)?;
    let mut chunks = match &batch {
        Some(batch) => encoder.rows(batch)?,
        None => Vec::new(),
    };
    chunks.extend(encoder.end()?);
    Ok(Bytes::from(chunks.concat()))
}

/// Writes rows.
struct Encode {
    schema: SchemaRef,
    encoder: Box<dyn Encoder>,
}

impl Stage for Encode {
    type Out = Bytes;

    fn rows(&mut self, batch: RecordBatch) -> Result<Vec<Bytes>, QueryError> {
        self.encoder.rows(&cast_batch(&batch, &self.schema)?)
    }

    fn end(&mut self) -> Result<Vec<Bytes>, QueryError> {
        self.encoder.end()
    }
}

/// Takes rows as the table has them.
struct Collect {
    schema: SchemaRef,
}

impl Stage for Collect {
    type Out = RecordBatch;

    fn rows(&mut self, batch: RecordBatch) -> Result<Vec<RecordBatch>, QueryError> {
        if batch.num_rows() == 0 {
            return Ok(Vec::new());
        }
        for (column, field) in batch.columns().iter().zip(self.schema.fields()) {
            if !field.is_nullable() && column.logical_null_count() > 0 {
                return Err(QueryError::rejected(format!(
                    "column {} is NOT NULL, and a row has NULL there",
                    field.name()
                )));
            }
        }
        Ok(vec![cast_batch(&batch, &self.schema)?])
    }

    fn end(&mut self) -> Result<Vec<RecordBatch>, QueryError> {
        Ok(Vec::new())
    }
}

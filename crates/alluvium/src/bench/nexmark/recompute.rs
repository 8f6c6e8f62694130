//! The same view without an engine: DuckDB computes it anew after each batch.

use std::time::Instant;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use duckdb::Connection;

use super::data::{Data, Rows, conform};
use super::digest::Digest;
use super::engine::with_arrival;
use super::queries::Query;
use crate::failure::Failure;

/// After how many batches the view is computed in fact; what lies between two of these is taken to cost what they cost.
const MEASURED_MAX: u64 = 100;
/// Threads, as all who are measured have.
const THREADS: usize = 2;

/// DuckDB after it took everything in.
pub struct Recomputed {
    /// What it took for all batches.
    pub seconds: f64,
    /// After how many batches the view was computed in fact.
    pub measured: u64,
    /// The rows of the view.
    pub digest: Digest,
    db: Connection,
    schema: SchemaRef,
}

impl Recomputed {
    /// The rows of the view.
    pub fn view(&self) -> Result<Vec<RecordBatch>, Failure> {
        let mut query = self.db.prepare("SELECT * FROM v").map_err(Failure::bug)?;
        query.query_arrow([]).map_err(Failure::bug)?.map(|batch| conform(&batch, &self.schema)).collect()
    }
}

/// Takes all batches in, computing the view again and again. `arrivals` says when each batch arrived.
pub fn run(query: &Query, data: &Data, arrivals: &[i64], schema: &SchemaRef) -> Result<Recomputed, Failure> {
    let db = Connection::open_in_memory().map_err(Failure::bug)?;
    db.execute_batch(&format!("SET threads = {THREADS}; {}", query.duckdb_tables())).map_err(Failure::bug)?;
    append(&db, "side_input", data.side_input()?)?;
    let every = data.batches.div_ceil(MEASURED_MAX).max(1);
    let view = format!("CREATE OR REPLACE TABLE v AS {}", query.for_duckdb());
    let (mut seconds, mut measured) = (0.0, 0);
    for (at, (batch, arrived)) in data.read()?.zip(arrivals).enumerate() {
        let batch = batch?;
        let began = Instant::now();
        for rows in batch {
            take(query, &db, rows, *arrived)?;
        }
        seconds += began.elapsed().as_secs_f64();
        let at = at as u64;
        if at % every == every - 1 || at + 1 == data.batches {
            let began = Instant::now();
            db.execute_batch(&view).map_err(Failure::bug)?;
            let stands_for = if at % every == every - 1 { every } else { data.batches % every };
            seconds += began.elapsed().as_secs_f64() * stands_for as f64;
            measured += 1;
        }
    }
    let mut recomputed = Recomputed { seconds, measured, digest: Digest::new(schema)?, db, schema: schema.clone() };
    for batch in recomputed.view()? {
        recomputed.digest.add(&batch, std::iter::repeat_n(1, batch.num_rows()))?;
    }
    Ok(recomputed)
}

fn take(query: &Query, db: &Connection, rows: Rows, arrived: i64) -> Result<(), Failure> {
    let Rows { table, gone, come } = rows;
    if gone.num_rows() > 0 {
        db.execute_batch("CREATE OR REPLACE TEMP TABLE gone (event BIGINT)").map_err(Failure::bug)?;
        append(db, "gone", gone.project(&[0]).map_err(Failure::bug)?)?;
        let sql = format!("DELETE FROM {table} WHERE event IN (SELECT event FROM gone)");
        db.execute_batch(&sql).map_err(Failure::bug)?;
    }
    append(db, table, if table == "bid" && query.needs_arrival() { with_arrival(&come, arrived)? } else { come })
}

fn append(db: &Connection, table: &str, rows: RecordBatch) -> Result<(), Failure> {
    let plain: SchemaRef = Schema::new(rows.schema().fields().clone()).into();
    let mut appender = db.appender(table).map_err(Failure::bug)?;
    appender.append_record_batch(conform(&rows, &plain)?).map_err(Failure::bug)?;
    appender.flush().map_err(Failure::bug)
}

//! One statement of a user's own.

use std::collections::BTreeSet;

use alluvium_tablestore::quote::{ident, literal};
use alluvium_tablestore::{ColumnType, row_json};
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;

use crate::Error;
use crate::request::{Rows, Source, Statement};
use crate::sql::Engine;

/// Names that a copy of a table cannot be attached under, because the engine has them.
pub(crate) const TAKEN: [&str; 5] = ["workspace", "memory", "system", "temp", "main"];

/// Runs a statement that nobody has checked in an engine where it can do no harm. `open` opens the workspace with further files.
pub(crate) fn run(
    statement: &Statement,
    open: impl FnOnce(&[(String, String)]) -> Result<Engine, Error>,
) -> Result<Rows, Error> {
    let engine = opened(&statement.sources, open)?;
    let described = described(&engine, &statement.sql);
    let is_question = described.is_some();
    let rows = ask(&engine, statement, described)?;
    if !is_question {
        engine.run("CHECKPOINT workspace")?;
    }
    Ok(rows)
}

/// The workspace with copies of tables to read, where nothing else can be opened any more.
pub(crate) fn opened(
    sources: &[Source],
    open: impl FnOnce(&[(String, String)]) -> Result<Engine, Error>,
) -> Result<Engine, Error> {
    let names = names(sources);
    let mut files = Vec::with_capacity(names.len());
    for (source, name) in sources.iter().zip(&names) {
        let file = source.file.to_str().ok_or_else(|| Error::unavailable("a path is not UTF-8"))?;
        files.push((file.to_owned(), name.clone()));
    }
    let engine = open(&files)?;
    show(&engine, sources, &names)?;
    engine.locked()
}

/// What each copy is attached under: `{bucket}_{table}`, as clients know it, unless that is taken.
fn names(sources: &[Source]) -> Vec<String> {
    let mut taken: BTreeSet<String> = TAKEN.iter().map(|name| (*name).to_owned()).collect();
    let named = |(index, source): (usize, &Source)| {
        let name = format!("{}_{}", source.bucket, source.table);
        if taken.insert(name.to_ascii_lowercase()) { name } else { format!("source {index}") }
    };
    sources.iter().enumerate().map(named).collect()
}

/// Makes the copies readable as `bucket.table`, behind what is the workspace's own.
fn show(engine: &Engine, sources: &[Source], names: &[String]) -> Result<(), Error> {
    let mut path = vec!["workspace.main".to_owned()];
    for (source, name) in sources.iter().zip(names) {
        for schema in &source.schemas {
            let place = format!("memory.{}", ident(schema));
            engine.run(&format!("CREATE SCHEMA IF NOT EXISTS {place}"))?;
            let view = format!("{place}.{}", ident(&source.table));
            engine.run(&format!("CREATE VIEW IF NOT EXISTS {view} AS SELECT * FROM {}.main.data", ident(name)))?;
            if !path.contains(&place) {
                path.push(place);
            }
        }
    }
    engine.run(&format!("SET search_path = {}", literal(&path.join(","))))
}

/// The columns of a question; `None` for a statement that is none, or is wrong.
fn described(engine: &Engine, sql: &str) -> Option<Vec<(String, String)>> {
    let mut statement = engine.0.prepare(&format!("DESCRIBE {sql}")).ok()?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).ok()?;
    rows.collect::<duckdb::Result<_>>().ok()
}

/// Runs the statement. Columns that nobody could describe before are those that come.
fn ask(engine: &Engine, statement: &Statement, described: Option<Vec<(String, String)>>) -> Result<Rows, Error> {
    let failed = |error: duckdb::Error| Error::statement(&error);
    let (mut columns, mut rows, mut bytes) = (described, Vec::new(), 0);
    let mut prepared = engine.0.prepare(&statement.sql).map_err(failed)?;
    // The iterator this returns panics on an error; stepping by hand gives the error.
    drop(prepared.stream_arrow([]).map_err(failed)?);
    while let Some(array) = prepared.step().map_err(failed)? {
        let batch = RecordBatch::from(&array);
        let columns = columns.get_or_insert_with(|| arrived(&batch));
        let kinds: Vec<Option<ColumnType>> = columns.iter().map(|(_, kind)| kind.parse().ok()).collect();
        for row in 0..batch.num_rows() {
            let text = row_json(&batch, row, &kinds);
            bytes += text.get().len() as u64;
            rows.push(text);
            if rows.len() as u64 > statement.rows_max {
                return Err(Error::TooLarge { limit: format!("{} rows", statement.rows_max) });
            }
            if bytes > statement.bytes_max {
                return Err(Error::TooLarge { limit: format!("{} bytes", statement.bytes_max) });
            }
        }
    }
    Ok(Rows { columns: columns.unwrap_or_default(), rows })
}

/// The columns of what came: counts and texts, from statements that are no questions.
pub(crate) fn arrived(batch: &RecordBatch) -> Vec<(String, String)> {
    let kind = |kind: &DataType| match kind {
        DataType::Int64 => "BIGINT".to_owned(),
        DataType::Utf8 => "VARCHAR".to_owned(),
        DataType::Boolean => "BOOLEAN".to_owned(),
        other => other.to_string(),
    };
    batch.schema().fields().iter().map(|field| (field.name().clone(), kind(field.data_type()))).collect()
}

//! Reading rows: previews, point reads. Every read sees one version of the table and blocks no writer.

use arrow::record_batch::RecordBatch;
use duckdb::{Statement, params_from_iter};
use serde_json::value::RawValue;

use crate::apply::plain;
use crate::column::{Column, ColumnType, TableSchema};
use crate::error::{Error, Kind, Result, code, kind, store_error, text};
use crate::file::TableFile;
use crate::hub::Hub;
use crate::instance::Session;
use crate::json::{string, write_value};
use crate::lens::{Lens, through};
use crate::meta::Meta;
use crate::quote::ident;
use crate::sql::filters::filters_sql;
use crate::sql::{OrderBy, SqlError, WhereFilter};
use crate::stamp::{self, Changed};

/// Most rows one preview gives.
pub const PREVIEW_ROWS_MAX: u64 = 10_000;

/// A condition that leaves out no row. Without any, the engine looks for the numbers of the first rows, joins the table with those and
/// sorts what it finds, which for the first thousand rows takes three times as long as reading them.
const EVERY_ROW: &str = "WHERE d.rowid >= 0";

/// What to read.
#[derive(Debug, Clone, Default)]
pub struct PreviewSpec {
    /// Only these columns, in this order; all if `None`.
    pub columns: Option<Vec<String>>,
    /// A predicate made by `Predicate::to_sql`, never user text.
    pub predicate_sql: Option<String>,
    /// Structured filters; their values are bound, not spliced.
    pub filters: Vec<WhereFilter>,
    /// When they last changed.
    pub changed: Changed,
    /// Shows that, as [`crate::SHOWN_AS`].
    pub with_stamp: bool,
    /// What to sort by; ties are broken as without it.
    pub order_by: Vec<OrderBy>,
    /// How many rows.
    pub limit: u64,
    /// How many to leave out first.
    pub offset: u64,
    /// What of the table is there at all; everything when `None`.
    pub lens: Option<Lens>,
}

/// Rows of one version of a table.
#[derive(Debug)]
pub struct Preview {
    /// The columns read.
    pub columns: Vec<Column>,
    /// One JSON object a row.
    pub rows: Vec<Box<RawValue>>,
    /// Rows that match, without limit and offset.
    pub total: u64,
}

impl Hub {
    /// Reads rows as JSON objects, in a stable order: by primary key, else as inserted.
    pub fn preview(&self, file: &TableFile, spec: &PreviewSpec) -> Result<Preview> {
        let (attached, session) = self.open_file(file)?;
        let transaction = session.begin()?;
        let meta = crate::meta::read(&session, &attached)?;
        let (data, meta) = through(spec.lens.as_ref(), &attached, meta)?;
        let mut columns = chosen(&meta.schema, spec.columns.as_deref())?;
        let mut selected = selected(&columns);
        if spec.with_stamp {
            columns.push(stamp::shown(&meta.schema)?);
            selected = format!("{selected}, {}", stamp::of("d", meta.is_stamped));
        }
        let (mut condition, values) = condition(&meta, spec)?;
        let failed = |error: duckdb::Error| read_error(&error);
        let total = if condition.is_empty() && spec.lens.is_none() {
            meta.rows
        } else {
            let sql = format!("SELECT count(*) FROM {data} AS d {condition}");
            let count =
                session.connection().query_row(&sql, params_from_iter(values.iter()), |row| row.get::<_, i64>(0));
            session.noted(count).map_err(|error| filter_error(&error, spec))? as u64
        };
        let order = order(&meta.schema, &spec.order_by)?;
        if condition.is_empty() && order.is_empty() && spec.offset == 0 {
            EVERY_ROW.clone_into(&mut condition);
        }
        let (limit, offset) = (spec.limit.min(PREVIEW_ROWS_MAX), spec.offset);
        let sql = format!("SELECT {selected} FROM {data} AS d {condition} {order} LIMIT {limit} OFFSET {offset}");
        let mut rows = Vec::new();
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let kinds: Vec<Option<&ColumnType>> = columns.iter().map(|column| Some(&column.column_type)).collect();
        few_batches(&session, &sql, &values, |batch| {
            for row in 0..batch.num_rows() {
                rows.push(raw(object(batch, row, &names, &kinds)));
            }
        })
        .map_err(failed)?;
        transaction.commit().map_err(|error| store_error(&error))?;
        Ok(Preview { columns, rows, total })
    }
}

/// A value of a structured filter that its column's type cannot take fails in the engine only.
fn filter_error(error: &duckdb::Error, spec: &PreviewSpec) -> Error {
    match read_error(error) {
        Error::Invalid { code: code::INVALID_WHERE_CLAUSE, message } if !spec.filters.is_empty() => {
            Error::invalid("invalid_where_filter", message)
        }
        error => error,
    }
}

/// How the engine begins what it says of a condition that cannot be computed: wrong values, and wrong types.
const CONDITION_FAULTS: [&str; 2] = ["Invalid Input Error", "Binder Error"];

pub(crate) fn read_error(error: &duckdb::Error) -> Error {
    let text = text(error);
    match kind(error) {
        Kind::Conversion => Error::invalid(code::INVALID_WHERE_CLAUSE, plain(&text)),
        Kind::Other if CONDITION_FAULTS.iter().any(|fault| text.starts_with(fault)) => {
            Error::invalid(code::INVALID_WHERE_CLAUSE, plain(&text))
        }
        _ => store_error(error),
    }
}

pub(crate) fn chosen(schema: &TableSchema, names: Option<&[String]>) -> Result<Vec<Column>> {
    let Some(names) = names else { return Ok(schema.columns.clone()) };
    if names.is_empty() {
        return Err(Error::invalid("invalid_request", "columns, when given, names at least one column"));
    }
    names.iter().map(|name| known(schema, name).cloned()).collect()
}

fn known<'a>(schema: &'a TableSchema, name: &str) -> Result<&'a Column> {
    schema.column(name).ok_or_else(|| Error::invalid(code::COLUMN_NOT_FOUND, format!("there is no column {name:?}")))
}

/// Types Arrow cannot carry exactly leave the engine as text.
fn selected(columns: &[Column]) -> String {
    let parts: Vec<String> =
        columns.iter().map(|column| carried(&format!("d.{}", ident(&column.name)), &column.column_type)).collect();
    parts.join(", ")
}

/// A value of this type, as text if Arrow cannot carry it exactly.
pub(crate) fn carried(value: &str, column_type: &ColumnType) -> String {
    match column_type {
        ColumnType::UHugeInt | ColumnType::TimeTz => format!("CAST({value} AS VARCHAR)"),
        _ => value.to_owned(),
    }
}

fn condition(meta: &Meta, spec: &PreviewSpec) -> Result<(String, Vec<String>)> {
    let mut parts: Vec<String> = spec.predicate_sql.iter().map(|sql| format!("({sql})")).collect();
    let (filters, values) = filters_sql(&spec.filters, &meta.schema).map_err(refused)?;
    if !spec.filters.is_empty() {
        parts.push(filters);
    }
    parts.extend(spec.changed.to_sql("d", meta.is_stamped));
    let condition = if parts.is_empty() { String::new() } else { format!("WHERE {}", parts.join(" AND ")) };
    Ok((condition, values))
}

/// What puts the rows in order. Without key and wish there is nothing to do: a scan gives them as they were inserted.
fn order(schema: &TableSchema, first: &[OrderBy]) -> Result<String> {
    if first.is_empty() && schema.primary_key.is_empty() {
        return Ok(String::new());
    }
    let mut parts = first.iter().map(|key| key.to_sql(schema).map_err(refused)).collect::<Result<Vec<_>>>()?;
    parts.extend(schema.primary_key.iter().map(|key| format!("d.{}", ident(key))));
    if schema.primary_key.is_empty() {
        parts.push("d.rowid".into());
    }
    Ok(format!("ORDER BY {}", parts.join(", ")))
}

fn refused(error: SqlError) -> Error {
    Error::invalid(error.code, error.message)
}

/// Runs a query and hands over its batches as they come; an error in the middle comes back as an error.
pub(crate) fn each_batch(
    session: &Session,
    sql: &str,
    values: &[String],
    take: impl FnMut(&RecordBatch),
) -> duckdb::Result<()> {
    session.noted(session.connection().prepare(sql).and_then(|mut statement| {
        drop(statement.stream_arrow(params_from_iter(values.iter()))?);
        rest(&mut statement, take)
    }))
}

/// The same of a query whose answer fits into memory: it is made before any of it is handed over. That takes a part of the time when
/// there is little of it, as nobody waits for the engine's own threads, which give way to others.
pub(crate) fn few_batches(
    session: &Session,
    sql: &str,
    values: &[String],
    take: impl FnMut(&RecordBatch),
) -> duckdb::Result<()> {
    session.noted(session.connection().prepare(sql).and_then(|mut statement| {
        drop(statement.query_arrow(params_from_iter(values.iter()))?);
        rest(&mut statement, take)
    }))
}

/// Runs a query and hands over its batches as they come, until `take` wants no more.
pub(crate) fn batches_while(
    session: &Session,
    sql: &str,
    mut take: impl FnMut(RecordBatch) -> bool,
) -> duckdb::Result<()> {
    session.noted(session.connection().prepare(sql).and_then(|mut statement| {
        drop(statement.stream_arrow([])?);
        while let Some(array) = statement.step()? {
            if !take(RecordBatch::from(&array)) {
                break;
            }
        }
        Ok(())
    }))
}

/// What the iterators of the statement would give. They panic on an error; stepping by hand gives the error.
fn rest(statement: &mut Statement<'_>, mut take: impl FnMut(&RecordBatch)) -> duckdb::Result<()> {
    while let Some(array) = statement.step()? {
        take(&RecordBatch::from(&array));
    }
    Ok(())
}

/// One row as a JSON object.
fn object(batch: &RecordBatch, row: usize, names: &[&str], kinds: &[Option<&ColumnType>]) -> String {
    let mut out = String::from("{");
    for (index, (name, kind)) in names.iter().zip(kinds).enumerate() {
        if index > 0 {
            out.push(',');
        }
        string(&mut out, name);
        out.push(':');
        write_value(&mut out, batch.column(index).as_ref(), row, *kind);
    }
    out.push('}');
    out
}

#[expect(clippy::expect_used, reason = "the text is written by our own JSON writer")]
pub(crate) fn raw(text: String) -> Box<RawValue> {
    RawValue::from_string(text).expect("our JSON writer writes JSON")
}

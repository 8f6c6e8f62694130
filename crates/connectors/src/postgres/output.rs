//! Keeps a table up to date: each step in one transaction, together with its number.

use std::collections::BTreeSet;

use futures::future::BoxFuture;
use serde_json::{Map, Value};
use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgConnectOptions, PgConnection};

use super::settings::{OutputConfig, WriteMode};
use super::{connect, fault, quoted, uri};
use crate::context::Context;
use crate::error::{Error, Fault};
use crate::output::{ChangeKind, Item, Output, Reached, Wants};

/// Rows to a statement, where nothing else is said.
const STATEMENT_ROWS: usize = 10_000;
/// The table of the last step of each connector that writes to a Postgres.
const STEPS: &str = "CREATE TABLE IF NOT EXISTS alluvium_steps (endpoint TEXT PRIMARY KEY, step BIGINT NOT NULL)";
const LAST_STEP: &str = "SELECT step FROM alluvium_steps WHERE endpoint = $1";
const SET_STEP: &str = "INSERT INTO alluvium_steps (endpoint, step) VALUES ($1, $2) \
    ON CONFLICT (endpoint) DO UPDATE SET step = EXCLUDED.step";

/// Rows of one kind that go in one statement.
struct Batch {
    kind: ChangeKind,
    columns: BTreeSet<String>,
    keys: Vec<String>,
    rows: Vec<Value>,
    bytes: usize,
}

/// Keeps a table of a Postgres up to date.
pub(crate) struct PostgresOutput {
    options: PgConnectOptions,
    config: OutputConfig,
    table: String,
    /// What the connector is called in the table of steps.
    endpoint: String,
    connection: Option<PgConnection>,
    is_in_transaction: bool,
    reached: Option<i64>,
}

impl PostgresOutput {
    /// Connects to nothing yet. The endpoint is the view and the connector.
    ///
    /// # Errors
    ///
    /// The URL is none; certificates cannot be read.
    pub fn new(connector: &str, endpoint: &str, config: &OutputConfig, context: &Context) -> Result<Self, Error> {
        let wrong =
            |it: crate::config::Wrong| Error::member(connector, format!("transport.config.{}", it.member), it.reason);
        Ok(Self {
            options: uri::options(connector, &config.uri, &config.tls, context)?,
            table: config.target().map_err(wrong)?,
            config: config.clone(),
            endpoint: format!("{}/{endpoint}", context.pipeline),
            connection: None,
            is_in_transaction: false,
            reached: None,
        })
    }

    async fn connect(&mut self) -> Result<Option<Reached>, Fault> {
        // What an old connection began, Postgres takes back when it is closed.
        self.connection = None;
        self.is_in_transaction = false;
        let mut connection = connect(&self.options).await?;
        let there: bool = sqlx::query_scalar("SELECT to_regclass('alluvium_steps') IS NOT NULL")
            .fetch_one(&mut connection)
            .await
            .map_err(|error| fault("looking for the table alluvium_steps", &error))?;
        if !there {
            sqlx::raw_sql(STEPS)
                .execute(&mut connection)
                .await
                .map_err(|error| fault("making the table alluvium_steps", &error))?;
        }
        let reached: Option<i64> = sqlx::query_scalar(LAST_STEP)
            .bind(&self.endpoint)
            .fetch_optional(&mut connection)
            .await
            .map_err(|error| fault("reading the last step", &error))?;
        self.connection = Some(connection);
        self.reached = reached;
        Ok(reached.map(|step| Reached { step: step.cast_unsigned(), items: None }))
    }

    fn is_there(&self, step: u64) -> bool {
        self.reached.is_some_and(|reached| step <= reached.cast_unsigned())
    }

    fn connection(&mut self) -> Result<&mut PgConnection, Fault> {
        self.connection.as_mut().ok_or_else(|| Fault::Passing("it is not connected".to_owned()))
    }

    async fn begin(&mut self) -> Result<(), Fault> {
        if !self.is_in_transaction {
            let begun = sqlx::raw_sql("BEGIN").execute(self.connection()?).await;
            begun.map_err(|error| fault("beginning a transaction", &error))?;
            self.is_in_transaction = true;
        }
        Ok(())
    }

    async fn put(&mut self, step: u64, items: &[Item]) -> Result<(), Fault> {
        if self.is_there(step) {
            return Ok(());
        }
        self.begin().await?;
        let most = self.config.max_records_in_buffer.unwrap_or(STATEMENT_ROWS);
        let moment = jiff::Timestamp::now().to_string();
        let mut batch: Option<Batch> = None;
        for item in items {
            let Item::Change { kind, key, row } = item else {
                return Err(Fault::Fatal("it takes rows and was given encoded ones".to_owned()));
            };
            let (kind, row) = match self.config.mode {
                WriteMode::Materialized => (*kind, row.clone()),
                // All are added, whatever became of them.
                WriteMode::Cdc => (ChangeKind::Insert, self.told(*kind, row, &moment)),
            };
            let keys: Vec<String> = key.keys().cloned().collect();
            let bytes = row.iter().map(|(name, value)| name.len() + bytes_of(value)).sum::<usize>();
            let is_full =
                |batch: &Batch| batch.rows.len() >= most || batch.bytes + bytes > self.config.max_buffer_size_bytes;
            if let Some(full) = batch.take_if(|batch| batch.kind != kind || batch.keys != keys || is_full(batch)) {
                self.flush(full).await?;
            }
            let batch =
                batch.get_or_insert_with(|| Batch { kind, columns: BTreeSet::new(), keys, rows: Vec::new(), bytes: 0 });
            batch.columns.extend(row.keys().cloned());
            batch.rows.push(Value::Object(row));
            batch.bytes += bytes;
        }
        match batch {
            Some(batch) => self.flush(batch).await,
            None => Ok(()),
        }
    }

    /// A row with what became of it, and when.
    fn told(&self, kind: ChangeKind, row: &Map<String, Value>, moment: &str) -> Map<String, Value> {
        let op = match kind {
            ChangeKind::Insert => "i",
            ChangeKind::Update => "u",
            ChangeKind::Delete => "d",
        };
        let mut row = row.clone();
        row.insert(self.config.cdc_op_column.clone(), op.into());
        row.insert(self.config.cdc_ts_column.clone(), moment.into());
        row
    }

    async fn flush(&mut self, batch: Batch) -> Result<(), Fault> {
        let statement = self.statement(&batch)?;
        let rows = Value::Array(batch.rows).to_string();
        let doing = format!("writing to the table {}", self.table);
        let done = sqlx::query(AssertSqlSafe(statement)).bind(rows).execute(self.connection()?).await;
        done.map(drop).map_err(|error| fault(&doing, &error))
    }

    /// A statement whose only parameter is a JSON list of rows.
    fn statement(&self, batch: &Batch) -> Result<String, Fault> {
        let table = &self.table;
        let rows = format!("jsonb_populate_recordset(NULL::{table}, $1::jsonb) AS r");
        let list = |names: &mut dyn Iterator<Item = String>| names.collect::<Vec<_>>().join(", ");
        let columns = list(&mut batch.columns.iter().map(|name| quoted(name)));
        let values = list(&mut batch.columns.iter().map(|name| format!("r.{}", quoted(name))));
        let insert = format!("INSERT INTO {table} ({columns}) SELECT {values} FROM {rows}");
        if self.config.mode == WriteMode::Cdc {
            return Ok(insert);
        }
        if batch.keys.is_empty() {
            return Err(Fault::Fatal("changes have no key; the connector needs an `index`".to_owned()));
        }
        let keys = list(&mut batch.keys.iter().map(|name| quoted(name)));
        if batch.kind == ChangeKind::Delete {
            let same =
                batch.keys.iter().map(|name| format!("t.{0} = r.{0}", quoted(name))).collect::<Vec<_>>().join(" AND ");
            return Ok(format!("DELETE FROM {table} AS t USING {rows} WHERE {same}"));
        }
        let others = batch.columns.iter().filter(|name| !batch.keys.contains(*name));
        let set = list(&mut others.map(|name| format!("{0} = EXCLUDED.{0}", quoted(name))));
        let is_kept = self.config.on_conflict_do_nothing && batch.kind == ChangeKind::Insert;
        let action = if is_kept || set.is_empty() { "DO NOTHING".to_owned() } else { format!("DO UPDATE SET {set}") };
        Ok(format!("{insert} ON CONFLICT ({keys}) {action}"))
    }

    async fn commit(&mut self, step: u64) -> Result<(), Fault> {
        if self.is_there(step) {
            return Ok(());
        }
        self.begin().await?;
        let endpoint = self.endpoint.clone();
        let number = i64::try_from(step).map_err(|_| Fault::Fatal(format!("the step {step} is too great")))?;
        let connection = self.connection()?;
        let set = sqlx::query(SET_STEP).bind(endpoint).bind(number).execute(&mut *connection).await;
        set.map_err(|error| fault("writing the step", &error))?;
        sqlx::raw_sql("COMMIT").execute(connection).await.map_err(|error| fault("committing", &error))?;
        self.is_in_transaction = false;
        self.reached = Some(number);
        Ok(())
    }
}

/// About how long a value is as JSON.
fn bytes_of(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 4,
        Value::Array(_) | Value::Object(_) => value.to_string().len() + 2,
        _ => 12,
    }
}

impl Output for PostgresOutput {
    fn wants(&self) -> Wants {
        Wants::Changes
    }

    fn open(&mut self) -> BoxFuture<'_, Result<Option<Reached>, Fault>> {
        Box::pin(self.connect())
    }

    fn write<'a>(&'a mut self, step: u64, _: u64, items: &'a [Item]) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(self.put(step, items))
    }

    fn finish(&mut self, step: u64) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(self.commit(step))
    }
}

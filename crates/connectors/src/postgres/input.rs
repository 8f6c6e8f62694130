//! The rows of a query, once.

use alluvium_sql::types::Type;
use bytes::{BufMut as _, Bytes, BytesMut};
use futures::TryStreamExt as _;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Column as _, Executor as _, SqlSafeStr as _, Statement as _};
use std::time::Duration;

use super::settings::InputConfig;
use super::{connect, fault, quoted, uri};
use crate::context::Context;
use crate::error::{Error, Exit, Fault};
use crate::input::{Backoff, Draft, Input, Payload, Port};
use crate::table::Table;

/// How many rows, and how many of their bytes, go on at once.
const CHUNK_ROWS_MAX: usize = 10_000;
const CHUNK_BYTES_MAX: usize = 1 << 20;
/// The longest wait between two tries, in seconds.
const RETRY_SECS_MAX: u64 = 30;

/// How far it is. A query has no places where it could go on: what is not done is done again from its first row.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Position {
    is_done: bool,
    rows: u64,
}

/// The rows of a query.
pub(crate) struct PostgresInput {
    options: PgConnectOptions,
    query: String,
    table: Table,
}

enum Failure {
    Fault(Fault),
    Exit(Exit),
}

impl From<Exit> for Failure {
    fn from(exit: Exit) -> Self {
        Self::Exit(exit)
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl PostgresInput {
    /// Connects to nothing yet.
    ///
    /// # Errors
    ///
    /// The URL is none; certificates cannot be read.
    pub fn new(connector: &str, config: &InputConfig, table: &Table, context: &Context) -> Result<Self, Error> {
        let options = uri::options(connector, &config.uri, &config.tls, context)?;
        Ok(Self { options, query: config.query.trim().trim_end_matches(';').to_owned(), table: table.clone() })
    }

    async fn read(self, position: Option<Value>, mut port: Port) -> Result<(), Exit> {
        let mut at: Position = match position {
            None => Position::default(),
            Some(position) => serde_json::from_value(position)
                .map_err(|error| Exit::fatal(format!("this is no position of a query: {error}")))?,
        };
        if at.is_done {
            return Ok(());
        }
        at.rows = 0;
        let mut backoff = Backoff::up_to(Duration::from_secs(RETRY_SECS_MAX));
        loop {
            let reason = match self.run(&mut at, &mut port).await {
                Ok(()) => return Ok(()),
                Err(Failure::Exit(exit)) => return Err(exit),
                Err(Failure::Fault(Fault::Fatal(reason))) => return Err(Exit::Fatal(reason)),
                Err(Failure::Fault(Fault::Passing(reason))) => reason,
            };
            if at.rows > 0 {
                // Again from the first row, its rows would come twice.
                return Err(Exit::fatal(format!("{reason}; {} rows of the query came before", at.rows)));
            }
            port.trouble("postgres", &reason);
            port.sleep(backoff.next()).await?;
        }
    }

    async fn run(&self, at: &mut Position, port: &mut Port) -> Result<(), Failure> {
        port.ready().await?;
        let mut connection = port.guard(connect(&self.options)).await??;
        let statement = port.guard(self.statement(&mut connection)).await??;
        let mut rows =
            sqlx::query_scalar::<_, String>(AssertSqlSafe(statement)).persistent(false).fetch(&mut connection);
        port.well();
        let (mut buffer, mut count) = (BytesMut::new(), 0);
        loop {
            let row =
                port.guard(rows.try_next()).await?.map_err(|error| fault("reading the rows of the query", &error))?;
            let is_done = row.is_none();
            if let Some(row) = row {
                buffer.put_slice(row.as_bytes());
                buffer.put_u8(b'\n');
                count += 1;
            }
            if is_done || count >= CHUNK_ROWS_MAX || buffer.len() >= CHUNK_BYTES_MAX {
                at.rows += count as u64;
                at.is_done = is_done;
                let payload = Payload::JsonLines(Bytes::from(std::mem::take(&mut buffer)));
                port.send(Draft { payload, position: json!(at), transaction: None }).await?;
                count = 0;
            }
            if is_done {
                return Ok(());
            }
        }
    }

    /// The query, its rows as JSON objects of the table's columns.
    async fn statement(&self, connection: &mut PgConnection) -> Result<String, Fault> {
        let described = connection.prepare(AssertSqlSafe(self.query.as_str()).into_sql_str()).await;
        let described = described.map_err(|error| fault("preparing the query", &error))?;
        let mut chosen = Vec::new();
        let mut taken = vec![false; self.table.columns.len()];
        for column in described.columns() {
            let Some(at) = self.table.position(column.name()) else { continue };
            if std::mem::replace(&mut taken[at], true) {
                return Err(Fault::Fatal(format!("the query has the column '{}' twice", column.name())));
            }
            let field = &self.table.columns[at];
            let value = format!("q.{}", quoted(column.name()));
            chosen.push(format!("{} AS {}", as_json(&field.column_type.kind, &value), quoted(&field.name.name)));
        }
        if chosen.is_empty() {
            return Err(Fault::Fatal(format!(
                "no column of the query has the name of one of the table '{}'",
                self.table.name
            )));
        }
        let query = &self.query;
        Ok(format!("SELECT row_to_json(r)::text FROM (SELECT {} FROM (\n{query}\n) AS q) AS r", chosen.join(", ")))
    }
}

/// An expression for a value as the JSON of its column's type has it.
fn as_json(kind: &Type, value: &str) -> String {
    match kind {
        Type::Decimal(..) | Type::Char(_) | Type::Varchar(_) | Type::Uuid => format!("{value}::text"),
        Type::Date => format!("{value}::date::text"),
        Type::Time => format!("{value}::time::text"),
        Type::Timestamp => format!("{value}::timestamp::text"),
        Type::TimestampTz => {
            format!("to_char({value}::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
        }
        Type::Binary(_) | Type::Varbinary(_) => format!(
            "CASE WHEN {value} IS NOT NULL THEN (SELECT coalesce(json_agg(get_byte({value}, at) ORDER BY at), '[]') \
             FROM generate_series(0, length({value}) - 1) AS at) END"
        ),
        _ => value.to_owned(),
    }
}

impl Input for PostgresInput {
    fn run(self: Box<Self>, position: Option<Value>, port: Port) -> BoxFuture<'static, Result<(), Exit>> {
        Box::pin((*self).read(position, port))
    }
}

//! The account in Postgres: one row a message, for as long as the stream has it.

use std::sync::LazyLock;

use alluvium_kernel::{BoxFuture, SigningKey, Timestamp, header};
use alluvium_messaging::Contract as _;
use alluvium_projection::{ApplyError, LogMessage, PgProjection, migrations};
use serde_json::{Value, json};
use sqlx::PgConnection;
use sqlx::migrate::Migrator;
use uuid::Uuid;

use crate::contract::CallAudited;
use crate::publish::signer;

/// The projection's name, and the base name of its schema.
pub const PROJECTION: &str = "audit";
/// The stream of the account.
pub const STREAM: &str = "AUDIT";

static MIGRATOR: LazyLock<Migrator> = LazyLock::new(|| {
    migrations(&[
        (1, "calls", include_str!("../migrations/0001_calls.sql")),
        (2, "call created", include_str!("../migrations/0002_call_created.sql")),
    ])
});

const INSERT: &str = include_str!("sql/insert_calls.sql");
const TRIM: &str = include_str!("sql/trim_calls.sql");

/// Folds `AUDIT` into the table of `migrations/`.
pub struct AuditProjection {
    /// Whose signature the messages bear.
    pub key: SigningKey,
}

impl PgProjection for AuditProjection {
    fn name(&self) -> &'static str {
        PROJECTION
    }

    fn stream(&self) -> &'static str {
        STREAM
    }

    fn subjects(&self) -> Vec<String> {
        vec!["audit.>".to_owned()]
    }

    fn schema(&self) -> &'static str {
        PROJECTION
    }

    fn migrator(&self) -> &'static Migrator {
        &MIGRATOR
    }

    fn apply<'a>(&'a self, tx: &'a mut PgConnection, batch: &'a [LogMessage]) -> BoxFuture<'a, Result<(), ApplyError>> {
        Box::pin(async move {
            let rows: Vec<Value> = batch.iter().filter_map(|message| self.row(message)).collect();
            if rows.is_empty() {
                return Ok(());
            }
            sqlx::query(INSERT).bind(Value::Array(rows).to_string()).execute(tx).await.map_err(ApplyError::from)?;
            Ok(())
        })
    }

    fn forgets(&self) -> bool {
        true
    }

    fn trim<'a>(&'a self, tx: &'a mut PgConnection, first: u64) -> BoxFuture<'a, Result<(), sqlx::Error>> {
        Box::pin(async move { sqlx::query(TRIM).bind(first as i64).execute(tx).await.map(drop) })
    }
}

impl AuditProjection {
    /// The row of a message; none for one that this installation did not publish.
    fn row(&self, message: &LogMessage) -> Option<Value> {
        let (id, time) = (message.header(header::MESSAGE_ID)?, message.header(header::TIME)?.parse().ok()?);
        let signature = message.header(header::SIGNATURE)?;
        let time = Timestamp::from_micros(time);
        if !self.key.verify(signature, id, &signer(), time, &message.subject, &message.payload) {
            return None;
        }
        let tenant = message.subject.split('.').nth(1)?;
        let call = CallAudited::from_avro(&message.payload).ok()?;
        Uuid::parse_str(&call.uuid).ok()?;
        Some(row(message.seq, tenant, &call))
    }
}

fn row(seq: u64, tenant: &str, call: &CallAudited) -> Value {
    let mut row = json!(call);
    if let Value::Object(columns) = &mut row {
        for (field, column) in [("table", "table_name"), ("key", "key_id")] {
            let value = columns.remove(field).unwrap_or_default();
            columns.insert(column.to_owned(), value);
        }
        columns.insert("seq".to_owned(), json!(seq));
        columns.insert("tenant".to_owned(), json!(tenant));
        // The one letter that Postgres has no text with.
        for value in columns.values_mut() {
            if let Value::String(text) = value
                && text.contains('\0')
            {
                *text = text.replace('\0', "");
            }
        }
    }
    row
}

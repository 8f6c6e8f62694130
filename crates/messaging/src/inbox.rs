//! Which messages a consumer has dealt with, kept in the transaction of what it did about them: with it, a message that is
//! delivered twice has its effect once.

use std::time::Duration;

use sqlx::{PgConnection, PgPool};

use crate::consume::Context;

/// How long a message is remembered when nothing else is said, in days.
pub const INBOX_DAYS: u64 = 14;

/// Whether a message is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It is; now it is remembered, if the transaction commits.
    First,
    /// It was dealt with before.
    Duplicate,
}

/// Makes the tables of inbox and outbox where they are missing.
pub async fn migrate(pool: &PgPool) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(include_str!("messaging.sql")).execute(pool).await.map(drop)
}

/// Remembers that `consumer` deals with a message in this transaction.
pub async fn remember(
    tx: &mut PgConnection,
    consumer: &str,
    message_id: &str,
    position: &str,
) -> Result<Seen, sqlx::Error> {
    let insert =
        "INSERT INTO messaging_inbox (consumer, message_id, position) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    let done = sqlx::query(insert).bind(consumer).bind(message_id).bind(position).execute(tx).await?;
    Ok(if done.rows_affected() == 1 { Seen::First } else { Seen::Duplicate })
}

/// Advances the place of a consumer on a partition, if it stands before `position`: a cheaper inbox where messages of a partition
/// come in order.
pub async fn advance(
    tx: &mut PgConnection,
    consumer: &str,
    partition: &str,
    position: i64,
) -> Result<Seen, sqlx::Error> {
    let upsert = "INSERT INTO messaging_inbox_position AS at (consumer, partition, position) VALUES ($1, $2, $3)
        ON CONFLICT (consumer, partition) DO UPDATE SET position = EXCLUDED.position WHERE at.position < EXCLUDED.position";
    let done = sqlx::query(upsert).bind(consumer).bind(partition).bind(position).execute(tx).await?;
    Ok(if done.rows_affected() == 1 { Seen::First } else { Seen::Duplicate })
}

/// Forgets messages that were dealt with longer ago than `age`; gives how many.
pub async fn forget(pool: &PgPool, age: Duration) -> Result<u64, sqlx::Error> {
    let delete = "DELETE FROM messaging_inbox WHERE seen_at < now() - make_interval(secs => $1)";
    Ok(sqlx::query(delete).bind(age.as_secs_f64()).execute(pool).await?.rows_affected())
}

impl Context {
    /// Remembers the message in this transaction: on [`Seen::Duplicate`] the handler returns without doing anything. A message
    /// without an id goes by its place.
    pub async fn inbox(&self, tx: &mut PgConnection) -> Result<Seen, sqlx::Error> {
        let position = self.position().to_string();
        remember(tx, self.group(), self.id().unwrap_or(&position), &position).await
    }
}

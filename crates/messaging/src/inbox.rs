//! Which messages a consumer has dealt with, kept in the transaction of what it did about them: with it, a message that is
//! delivered twice has its effect once.

use std::time::Duration;

use alluvium_kernel::BoxFuture;
use sqlx::{PgConnection, PgPool, Row};
use tokio_util::sync::CancellationToken;

use crate::{
    consume::{AttemptLedger, BoxError, Context, Positions},
    transport::Position,
};

/// How long a message is remembered when nothing else is said, in days.
pub const INBOX_DAYS: u64 = 14;
/// How often old messages are forgotten, in minutes.
const FORGET_EVERY_MINUTES: u64 = 60;

/// An inbox did not work.
#[derive(Debug, thiserror::Error)]
pub enum InboxError {
    /// The database did not do it.
    #[error("the inbox cannot be read or written")]
    Database(#[from] sqlx::Error),
    /// Messages do not come in order, so one that comes again behind a later one would count as dealt with.
    #[error(
        "a place cannot say which messages were dealt with: this loop does not handle a partition in order (Ordering::Strict does)"
    )]
    Unordered,
}

impl InboxError {
    /// A stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Database(_) => "messaging.inbox",
            Self::Unordered => "messaging.settings",
        }
    }
}

/// The tables of a consumer that remembers, in one database.
#[derive(Clone, Debug)]
pub struct Inbox {
    pool: PgPool,
    keep: Duration,
}

impl Inbox {
    /// In the tables that [`migrate`] makes.
    pub fn new(pool: PgPool) -> Self {
        Self { pool, keep: Duration::from_hours(24 * INBOX_DAYS) }
    }

    /// Remembers messages for this long instead of [`INBOX_DAYS`]. Longer than any message may take to come again.
    #[must_use]
    pub fn keep(mut self, keep: Duration) -> Self {
        self.keep = keep;
        self
    }

    /// Moves the place of the context's group to its message, in the transaction of what is done about it: one row for each partition
    /// instead of one for each message. Only where messages come in order: with [`Ordering::Strict`], and on Kafka by partition.
    ///
    /// [`Ordering::Strict`]: crate::consume::Ordering::Strict
    pub async fn position(context: &Context, tx: &mut PgConnection) -> Result<Seen, InboxError> {
        if !context.in_order() {
            return Err(InboxError::Unordered);
        }
        let number = i64::try_from(context.position().number()).unwrap_or(i64::MAX);
        let partition = match context.position() {
            Position::Stream { .. } => context.topic().to_owned(),
            Position::Partition { topic, partition, .. } => format!("{topic}/{partition}"),
        };
        Ok(advance(tx, context.group(), &partition, number).await?)
    }

    /// Forgets messages once they are old enough, until cancelled. Several processes may do so.
    pub async fn forget_old(self, shutdown: CancellationToken) {
        let mut look = tokio::time::interval(Duration::from_mins(FORGET_EVERY_MINUTES));
        loop {
            tokio::select! {
                _ = look.tick() => {}
                () = shutdown.cancelled() => return,
            }
            match forget(&self.pool, self.keep).await {
                Ok(0) => {}
                Ok(forgotten) => tracing::debug!(messages = forgotten, "the inbox has forgotten old messages"),
                Err(error) => tracing::warn!(error = %error, "the inbox cannot forget old messages now"),
            }
        }
    }
}

impl Positions for Inbox {
    fn load<'a>(&'a self, consumer: &'a str, partition: &'a str) -> BoxFuture<'a, Result<Option<u64>, BoxError>> {
        Box::pin(async move {
            let select = "SELECT position FROM messaging_inbox_position WHERE consumer = $1 AND partition = $2";
            let row = sqlx::query(select).bind(consumer).bind(partition).fetch_optional(&self.pool).await?;
            let position = row.map(|row| row.try_get::<i64, _>(0)).transpose()?;
            Ok(position.and_then(|position| u64::try_from(position).ok()))
        })
    }

    fn advance<'a>(
        &'a self,
        consumer: &'a str,
        partition: &'a str,
        position: u64,
    ) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(async move {
            let mut connection = self.pool.acquire().await?;
            let position = i64::try_from(position)?;
            // Where the handler moved it in its own transaction there is nothing left to do.
            advance(&mut connection, consumer, partition, position).await?;
            Ok(())
        })
    }
}

impl AttemptLedger for Inbox {
    fn begin<'a>(
        &'a self,
        consumer: &'a str,
        partition: &'a str,
        position: u64,
    ) -> BoxFuture<'a, Result<u32, BoxError>> {
        Box::pin(async move {
            let upsert =
                "INSERT INTO messaging_attempts AS at (consumer, partition, position, starts) VALUES ($1, $2, $3, 1)
                ON CONFLICT (consumer, partition) DO UPDATE SET position = EXCLUDED.position,
                starts = CASE WHEN at.position = EXCLUDED.position THEN at.starts + 1 ELSE 1 END RETURNING starts";
            let asked = sqlx::query(upsert).bind(consumer).bind(partition).bind(i64::try_from(position)?);
            let starts: i32 = asked.fetch_one(&self.pool).await?.try_get(0)?;
            Ok(u32::try_from(starts)?)
        })
    }

    fn end<'a>(&'a self, consumer: &'a str, partition: &'a str, position: u64) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(async move {
            let delete = "DELETE FROM messaging_attempts WHERE consumer = $1 AND partition = $2 AND position = $3";
            let asked = sqlx::query(delete).bind(consumer).bind(partition).bind(i64::try_from(position)?);
            asked.execute(&self.pool).await?;
            Ok(())
        })
    }
}

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
        let position = self.raw().origin();
        remember(tx, self.group(), self.id().unwrap_or(&position), &position).await
    }
}

//! Messages written in the transaction of what they tell of, and published after it.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use sqlx::{PgConnection, PgPool, Row, postgres::PgListener};
use tokio_util::sync::CancellationToken;

use crate::{
    Bus, Message,
    bus::ProduceOpts,
    headers::Headers,
    transport::{Outgoing, PublishError},
};

/// Messages published at once.
const PAGE_MESSAGES: i64 = 256;
/// How often the table is looked at when nobody tells of a message, in milliseconds.
const LOOK_EVERY_MS: u64 = 1_000;
/// How long a relay waits after a failure, in milliseconds.
const FAILED_PAUSE_MS: u64 = 1_000;
/// The lock of whoever publishes: one at a time, so that messages go out in the order of their numbers.
const LOCK: i64 = 0x616c_765f_6f75_7462;
/// The channel on which a message is told of.
const CHANNEL: &str = "messaging_outbox";

/// An outbox did not work.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The database did not do it.
    #[error("the outbox cannot be read or written")]
    Database(#[from] sqlx::Error),
    /// The message cannot be made or sent.
    #[error("a message of the outbox cannot be sent")]
    Publish(#[from] PublishError),
    /// A row is not what this release writes.
    #[error("row {0} of the outbox cannot be read")]
    Row(i64),
}

/// Writes messages into the outbox.
#[derive(Clone, Debug)]
pub struct Outbox {
    bus: Bus,
}

impl Outbox {
    /// For messages that go over `bus` in the end.
    pub fn new(bus: &Bus) -> Self {
        Self { bus: bus.clone() }
    }

    /// Writes a message in this transaction; gives its number.
    pub async fn add<M: Message>(&self, tx: &mut PgConnection, message: &M) -> Result<i64, OutboxError> {
        let outgoing = self.bus.outgoing(message, ProduceOpts::new()).await?;
        add(tx, &outgoing).await
    }
}

/// Writes a message in this transaction; gives its number.
pub async fn add(tx: &mut PgConnection, message: &Outgoing) -> Result<i64, OutboxError> {
    let headers: Vec<(String, String)> =
        message.headers.iter().map(|(name, value)| (name.to_owned(), STANDARD.encode(value))).collect();
    let insert = "INSERT INTO messaging_outbox (topic, subject, stream, key, headers, payload)
        VALUES ($1, $2, $3, $4, $5, $6) RETURNING id";
    let row = sqlx::query(insert)
        .bind(message.topic.as_ref())
        .bind(&message.subject)
        .bind(message.stream.as_deref())
        .bind(message.key.as_deref())
        .bind(sqlx::types::Json(headers))
        .bind(message.payload.as_deref())
        .fetch_one(&mut *tx)
        .await?;
    // Told when the transaction commits.
    sqlx::query("SELECT pg_notify($1, '')").bind(CHANNEL).execute(tx).await?;
    Ok(row.try_get(0)?)
}

/// Publishes what the outbox holds. Several may run; one works at a time.
#[derive(Debug)]
pub struct OutboxRelay {
    bus: Bus,
    pool: PgPool,
    instance: String,
}

impl OutboxRelay {
    /// A relay from `pool` to `bus`; `instance` names the database, and stays the same for ever: ids of messages begin with it.
    pub fn new(bus: &Bus, pool: PgPool, instance: impl Into<String>) -> Self {
        Self { bus: bus.clone(), pool, instance: instance.into() }
    }

    /// Publishes until cancelled.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut listener: Option<PgListener> = None;
        while !shutdown.is_cancelled() {
            match self.publish_waiting().await {
                // There may be more.
                Ok(published) if published == PAGE_MESSAGES as usize => continue,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(error = %error, "messages of the outbox wait");
                    metrics::counter!("messaging_outbox_failures_total").increment(1);
                    let pause = tokio::time::sleep(Duration::from_millis(FAILED_PAUSE_MS));
                    tokio::select! { () = pause => {} () = shutdown.cancelled() => return }
                }
            }
            if listener.is_none() {
                listener = self.listen().await;
            }
            let told = async {
                match &mut listener {
                    Some(listener) => listener.recv().await.is_ok(),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                heard = told => if !heard { listener = None },
                () = tokio::time::sleep(Duration::from_millis(LOOK_EVERY_MS)) => {}
                () = shutdown.cancelled() => return,
            }
        }
    }

    async fn listen(&self) -> Option<PgListener> {
        let mut listener = PgListener::connect_with(&self.pool).await.ok()?;
        listener.listen(CHANNEL).await.ok()?;
        Some(listener)
    }

    /// Publishes one page of what waits, in the order of the numbers; gives how many went out. Stops at the first failure, so that
    /// nothing overtakes.
    pub async fn publish_waiting(&self) -> Result<usize, OutboxError> {
        let mut tx = self.pool.begin().await?;
        let lock = sqlx::query("SELECT pg_try_advisory_xact_lock($1)").bind(LOCK).fetch_one(&mut *tx).await?;
        if !lock.try_get::<bool, _>(0)? {
            return Ok(0);
        }
        let select =
            "SELECT id, topic, subject, stream, key, headers, payload, extract(epoch FROM now() - created_at)::float8
            FROM messaging_outbox WHERE published_at IS NULL ORDER BY id LIMIT $1 FOR UPDATE";
        let rows = sqlx::query(select).bind(PAGE_MESSAGES).fetch_all(&mut *tx).await?;
        metrics::gauge!("messaging_outbox_waiting").set(rows.len() as f64);
        let oldest = rows.first().map_or(Ok(0.0), |row| row.try_get::<f64, _>(7))?;
        metrics::gauge!("messaging_outbox_oldest_seconds").set(oldest);
        let mut under_way = Vec::with_capacity(rows.len());
        for row in &rows {
            let id: i64 = row.try_get(0)?;
            let mut message = outgoing(row).map_err(|_| OutboxError::Row(id))?;
            message.id = Some(format!("outbox-{}-{id}", self.instance));
            under_way.push((id, self.bus.send(message).await?));
        }
        let mut published: Vec<i64> = Vec::with_capacity(under_way.len());
        let mut failed = None;
        for (id, pending) in under_way {
            match pending.await {
                Ok(_) => published.push(id),
                Err(error) => {
                    failed.get_or_insert(error);
                }
            }
        }
        let update = "UPDATE messaging_outbox SET published_at = now() WHERE id = ANY($1)";
        sqlx::query(update).bind(&published).execute(&mut *tx).await?;
        tx.commit().await?;
        failed.map_or(Ok(published.len()), |error| Err(error.into()))
    }

    /// Removes what was published longer ago than `age`; gives how many.
    pub async fn forget(&self, age: Duration) -> Result<u64, OutboxError> {
        let delete = "DELETE FROM messaging_outbox WHERE published_at < now() - make_interval(secs => $1)";
        Ok(sqlx::query(delete).bind(age.as_secs_f64()).execute(&self.pool).await?.rows_affected())
    }
}

fn outgoing(row: &sqlx::postgres::PgRow) -> Result<Outgoing, Box<dyn std::error::Error + Send + Sync>> {
    let bytes = |at: usize| row.try_get::<Option<Vec<u8>>, _>(at).map(|bytes| bytes.map(Bytes::from));
    let mut message = Outgoing::new(row.try_get::<String, _>(1)?, Bytes::new());
    message.subject = row.try_get(2)?;
    message.stream = row.try_get::<Option<String>, _>(3)?.map(Into::into);
    message.key = bytes(4)?;
    message.payload = bytes(6)?;
    let sqlx::types::Json(headers): sqlx::types::Json<Vec<(String, String)>> = row.try_get(5)?;
    let mut all = Headers::with_capacity(headers.len());
    for (name, value) in headers {
        all.append(name, STANDARD.decode(value)?);
    }
    message.headers = all;
    Ok(message)
}

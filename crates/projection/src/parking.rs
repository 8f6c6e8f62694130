//! What could not be applied, and the two remedies: try again, or give the first event up. Both are for audited commands, and
//! both are done once for the position of their request.

use std::collections::HashSet;

use alluvium_kernel::Problem;
use alluvium_messaging::LogMessage;
use alluvium_messaging::direct::leader_at;
use async_nats::jetstream::Context;
use serde::Serialize;
use sqlx::{PgConnection, PgPool, Row as _};

use crate::apply::apply_each;
use crate::{Error, PgProjection, Schema};

/// Parked events of one key that a remedy takes on at once; the rest stays for another call.
const REMEDY_EVENTS_MAX: i64 = 2_000;
/// Parked events in one list.
const LIST_MAX: i64 = 1_000;

/// One event that is not applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Parked {
    /// What is out of service.
    pub key: String,
    /// The event's sequence in the stream.
    pub seq: u64,
    /// Why, as a stable code.
    pub code: String,
    /// Why, for people.
    pub reason: String,
}

/// What is to be done about a key's parked events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The key.
    pub key: String,
    /// Give up the first event, which must be this one; without it all are tried again.
    pub give_up: Option<u64>,
    /// Names the order for ever: given again, it does nothing and has the answer it had.
    pub position: String,
}

/// What a remedy did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remedy {
    /// Events that are applied now.
    pub applied: u64,
    /// Events given up for ever.
    pub skipped: u64,
    /// Events of the key that are still parked.
    pub remaining: u64,
}

pub(crate) async fn keys(
    db: &mut PgConnection,
    projection: &str,
    generation: i32,
) -> Result<HashSet<String>, sqlx::Error> {
    let rows =
        sqlx::query_scalar("SELECT DISTINCT key FROM projection.parked WHERE projection = $1 AND generation = $2")
            .bind(projection)
            .bind(generation)
            .fetch_all(db)
            .await?;
    Ok(rows.into_iter().collect())
}

pub(crate) async fn skipped(db: &mut PgConnection, projection: &str) -> Result<HashSet<u64>, sqlx::Error> {
    let rows: Vec<i64> = sqlx::query_scalar("SELECT seq FROM projection.skipped WHERE projection = $1")
        .bind(projection)
        .fetch_all(db)
        .await?;
    Ok(rows.into_iter().map(|seq| seq as u64).collect())
}

pub(crate) async fn park(
    tx: &mut PgConnection,
    projection: &str,
    generation: i32,
    rows: &[Parked],
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let column =
        |get: fn(&Parked) -> &str| rows.iter().map(|row| get(row).replace('\0', "\u{fffd}")).collect::<Vec<_>>();
    sqlx::query(
        "INSERT INTO projection.parked (projection, generation, key, seq, code, reason) \
         SELECT $1, $2, * FROM unnest($3::text[], $4::bigint[], $5::text[], $6::text[])",
    )
    .bind(projection)
    .bind(generation)
    .bind(column(|row| &row.key))
    .bind(rows.iter().map(|row| row.seq as i64).collect::<Vec<_>>())
    .bind(column(|row| &row.code))
    .bind(column(|row| &row.reason))
    .execute(tx)
    .await?;
    Ok(())
}

pub(crate) async fn list(pool: &PgPool, projection: &str, generation: i32) -> Result<Vec<Parked>, Error> {
    let rows = sqlx::query(
        "SELECT key, seq, code, reason FROM projection.parked WHERE projection = $1 AND generation = $2 ORDER BY seq LIMIT $3",
    )
    .bind(projection)
    .bind(generation)
    .bind(LIST_MAX)
    .fetch_all(pool)
    .await?;
    Ok(rows.iter().map(parked).collect::<Result<_, _>>()?)
}

fn parked(row: &sqlx::postgres::PgRow) -> Result<Parked, sqlx::Error> {
    let seq: i64 = row.try_get("seq")?;
    Ok(Parked { key: row.try_get("key")?, seq: seq as u64, code: row.try_get("code")?, reason: row.try_get("reason")? })
}

/// What to remedy and where.
pub(crate) struct Bench<'a> {
    pub pool: &'a PgPool,
    pub js: &'a Context,
    pub projection: &'a dyn PgProjection,
    pub schema: &'a Schema,
}

impl Bench<'_> {
    /// Applies the parked events of a key in order, all or none; an event that is given up is left out for ever. The runner
    /// cannot move meanwhile: the watermark's row is locked.
    pub async fn remedy(&self, order: &Order) -> Result<Remedy, Error> {
        let mut tx = self.pool.begin().await?;
        self.lock(&mut tx).await?;
        if let Some(done) = self.done_before(&mut tx, order).await? {
            return Ok(done);
        }
        let rows = self.rows(&mut tx, &order.key).await?;
        let Some(first) = rows.first() else {
            let detail = format!("Nothing is parked under `{}`.", order.key);
            return Err(Problem::new("projection.not_parked", 404, detail).into());
        };
        if let Some(seq) = order.give_up.filter(|seq| *seq != first.seq) {
            let detail = format!("The first parked event of `{}` is {}, not {seq}.", order.key, first.seq);
            return Err(Problem::new("projection.not_first", 409, detail).into());
        }
        let given_up = usize::from(order.give_up.is_some());
        let messages = self.messages(&rows[given_up..]).await?;

        sqlx::query(self.schema.set_search_path()).execute(&mut *tx).await?;
        if order.give_up.is_some() {
            self.give_up(&mut tx, first).await?;
        }
        let mut done = rows.len();
        if let Some(still) = apply_each(&mut tx, self.projection, &messages).await? {
            if order.give_up.is_none() {
                let detail =
                    format!("Event {} still cannot be applied: {}. Nothing was changed.", still.seq, still.reason);
                return Err(Problem::new("projection.still_poison", 409, detail).into());
            }
            // What was applied before it stays applied; the key stays parked from it on.
            done = rows.iter().position(|row| row.seq == still.seq).unwrap_or(given_up);
            self.note(&mut tx, &still).await?;
        }
        let remaining = self.unpark(&mut tx, &order.key, &rows[..done]).await?;
        let remedy = Remedy { applied: (done - given_up) as u64, skipped: given_up as u64, remaining };
        self.write_down(&mut tx, order, &remedy).await?;
        tx.commit().await?;
        Ok(remedy)
    }

    /// Leaves an event out of every replay from here on, as the log says it was decided. When it is parked now, its key goes
    /// on behind it.
    pub async fn obey(&self, order: &Order) -> Result<(), Error> {
        let Some(seq) = order.give_up else { return Ok(()) };
        let mut tx = self.pool.begin().await?;
        self.lock(&mut tx).await?;
        let rows = self.rows(&mut tx, &order.key).await?;
        let is_first = rows.first().is_some_and(|first| first.seq == seq);
        if !is_first {
            let (code, reason) = ("projection.skipped".to_owned(), "given up before".to_owned());
            let event = Parked { key: order.key.clone(), seq, code, reason };
            self.give_up(&mut tx, &event).await?;
            // It may wait behind another one of its key.
            self.unpark(&mut tx, &order.key, &[event]).await?;
            tx.commit().await?;
            return Ok(());
        }
        drop(tx);
        self.remedy(&Order { position: format!("{} again", order.position), ..order.clone() }).await.map(drop)
    }

    async fn lock(&self, tx: &mut PgConnection) -> Result<(), sqlx::Error> {
        sqlx::query("SELECT 1 FROM projection.watermark WHERE projection = $1 AND generation = $2 FOR UPDATE")
            .bind(self.projection.name())
            .bind(self.schema.generation())
            .execute(tx)
            .await?;
        Ok(())
    }

    async fn done_before(&self, tx: &mut PgConnection, order: &Order) -> Result<Option<Remedy>, sqlx::Error> {
        let found: Option<(i64, i64, i64)> = sqlx::query_as(
            "SELECT applied, skipped, remaining FROM projection.remedy WHERE projection = $1 AND position = $2",
        )
        .bind(self.projection.name())
        .bind(&order.position)
        .fetch_optional(tx)
        .await?;
        Ok(found.map(|(applied, skipped, remaining)| Remedy {
            applied: applied as u64,
            skipped: skipped as u64,
            remaining: remaining as u64,
        }))
    }

    async fn write_down(&self, tx: &mut PgConnection, order: &Order, done: &Remedy) -> Result<(), sqlx::Error> {
        sqlx::query(
            "INSERT INTO projection.remedy (projection, position, applied, skipped, remaining) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(self.projection.name())
        .bind(&order.position)
        .bind(done.applied as i64)
        .bind(done.skipped as i64)
        .bind(done.remaining as i64)
        .execute(tx)
        .await?;
        Ok(())
    }

    async fn rows(&self, tx: &mut PgConnection, key: &str) -> Result<Vec<Parked>, sqlx::Error> {
        let rows = sqlx::query(
            "SELECT key, seq, code, reason FROM projection.parked \
             WHERE projection = $1 AND generation = $2 AND key = $3 ORDER BY seq LIMIT $4",
        )
        .bind(self.projection.name())
        .bind(self.schema.generation())
        .bind(key)
        .bind(REMEDY_EVENTS_MAX)
        .fetch_all(tx)
        .await?;
        rows.iter().map(parked).collect()
    }

    async fn messages(&self, rows: &[Parked]) -> Result<Vec<LogMessage>, Error> {
        let mut messages = Vec::with_capacity(rows.len());
        for row in rows {
            let message = leader_at(self.js, self.projection.stream(), row.seq).await?;
            messages.push(message.ok_or_else(|| {
                Error::Quarantine(format!(
                    "the parked event {} is not in {} any more",
                    row.seq,
                    self.projection.stream()
                ))
            })?);
        }
        Ok(messages)
    }

    async fn give_up(&self, tx: &mut PgConnection, event: &Parked) -> Result<(), sqlx::Error> {
        sqlx::query(
            "INSERT INTO projection.skipped (projection, seq, key, code, reason) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT DO NOTHING",
        )
        .bind(self.projection.name())
        .bind(event.seq as i64)
        .bind(&event.key)
        .bind(&event.code)
        .bind(&event.reason)
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Writes down the reason why an event that was only waiting behind another is stuck itself.
    async fn note(&self, tx: &mut PgConnection, event: &Parked) -> Result<(), sqlx::Error> {
        sqlx::query(
            "UPDATE projection.parked SET code = $4, reason = $5 WHERE projection = $1 AND generation = $2 AND seq = $3",
        )
        .bind(self.projection.name())
        .bind(self.schema.generation())
        .bind(event.seq as i64)
        .bind(&event.code)
        .bind(event.reason.replace('\0', "\u{fffd}"))
        .execute(tx)
        .await?;
        Ok(())
    }

    async fn unpark(&self, tx: &mut PgConnection, key: &str, done: &[Parked]) -> Result<u64, sqlx::Error> {
        let (name, generation) = (self.projection.name(), self.schema.generation());
        sqlx::query(
            "DELETE FROM projection.parked WHERE projection = $1 AND generation = $2 AND key = $3 AND seq = ANY($4)",
        )
        .bind(name)
        .bind(generation)
        .bind(key)
        .bind(done.iter().map(|row| row.seq as i64).collect::<Vec<_>>())
        .execute(&mut *tx)
        .await?;
        let remaining: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM projection.parked WHERE projection = $1 AND generation = $2 AND key = $3",
        )
        .bind(name)
        .bind(generation)
        .bind(key)
        .fetch_one(tx)
        .await?;
        Ok(remaining as u64)
    }
}

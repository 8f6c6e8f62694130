//! What could not be applied, and the two remedies: try again, or give the first event up. Both are for audited commands.

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
    /// Applies the parked events of a key in order, all or none; with `give_up`, all but the first, which is given up for
    /// ever. The runner cannot move meanwhile: the watermark's row is locked.
    pub async fn remedy(&self, key: &str, give_up: bool) -> Result<Remedy, Error> {
        let (name, generation) = (self.projection.name(), self.schema.generation());
        let mut tx = self.pool.begin().await?;
        sqlx::query("SELECT 1 FROM projection.watermark WHERE projection = $1 AND generation = $2 FOR UPDATE")
            .bind(name)
            .bind(generation)
            .execute(&mut *tx)
            .await?;
        let rows = sqlx::query(
            "SELECT key, seq, code, reason FROM projection.parked \
             WHERE projection = $1 AND generation = $2 AND key = $3 ORDER BY seq LIMIT $4",
        )
        .bind(name)
        .bind(generation)
        .bind(key)
        .bind(REMEDY_EVENTS_MAX)
        .fetch_all(&mut *tx)
        .await?;
        let rows: Vec<Parked> = rows.iter().map(parked).collect::<Result<_, _>>()?;
        let Some(first) = rows.first() else {
            return Err(Problem::new("projection.not_parked", 404, format!("Nothing is parked under `{key}`.")).into());
        };
        let given_up = usize::from(give_up);
        let messages = self.messages(&rows[given_up..]).await?;

        sqlx::query(self.schema.set_search_path()).execute(&mut *tx).await?;
        if give_up {
            self.give_up(&mut tx, first).await?;
        }
        let mut done = rows.len();
        if let Some(still) = apply_each(&mut tx, self.projection, &messages).await? {
            if !give_up {
                let detail =
                    format!("Event {} still cannot be applied: {}. Nothing was changed.", still.seq, still.reason);
                return Err(Problem::new("projection.still_poison", 409, detail).into());
            }
            // What was applied before it stays applied; the key stays parked from it on.
            done = rows.iter().position(|row| row.seq == still.seq).unwrap_or(given_up);
            self.note(&mut tx, &still).await?;
        }
        let remaining = self.unpark(&mut tx, key, &rows[..done]).await?;
        tx.commit().await?;
        Ok(Remedy { applied: (done - given_up) as u64, skipped: given_up as u64, remaining })
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

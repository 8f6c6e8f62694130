//! Whether the stream is still the one that was folded so far. Asked of its leader, at start and on every reconnect.

use alluvium_messaging::direct::{extent, leader_at};
use alluvium_messaging::stream_created;
use async_nats::jetstream::Context;
use sqlx::PgPool;

use crate::watermark::{Watermark, hash_of};
use crate::{Error, PgProjection, Schema};

/// The stream as its leader knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    pub created: i64,
    pub last_seq: u64,
}

pub(crate) async fn facts(js: &Context, stream: &str) -> Result<Facts, Error> {
    let (created, last_seq) = stream_created(js, stream).await?;
    Ok(Facts { created: created.micros(), last_seq })
}

/// Fails with [`Error::Quarantine`] when the stream is not the one that `watermark` was reached on.
pub(crate) async fn verify(js: &Context, projection: &dyn PgProjection, watermark: &Watermark) -> Result<Facts, Error> {
    let stream = projection.stream();
    let facts = facts(js, stream).await?;
    if watermark.seq == 0 {
        return Ok(facts);
    }
    let quarantine = |what: String| Err(Error::Quarantine(format!("{what}; applied so far: {}", watermark.seq)));
    if facts.created != watermark.stream_created {
        return quarantine(format!("the stream {stream} was deleted and made anew"));
    }
    if facts.last_seq < watermark.seq {
        return quarantine(format!("the stream {stream} ends at {}, it was truncated", facts.last_seq));
    }
    match leader_at(js, stream, watermark.seq).await? {
        // Let go of in its time, with all before it: nobody can vouch any more, and nothing is missing.
        None if projection.forgets() && extent(js, stream).await?.first > watermark.seq => Ok(facts),
        None => quarantine(format!("the message {} of {stream} is gone", watermark.seq)),
        Some(message) if hash_of(&message) != watermark.hash => {
            quarantine(format!("the message {} of {stream} is not the one that was applied", watermark.seq))
        }
        Some(_) => Ok(facts),
    }
}

/// Deletes from a generation what its stream has let go of, where it does; of several at the same point.
pub(crate) async fn trim(
    pool: &PgPool,
    js: &Context,
    projection: &dyn PgProjection,
    schemas: &[&Schema],
) -> Result<(), Error> {
    if !projection.forgets() {
        return Ok(());
    }
    let first = extent(js, projection.stream()).await?.first;
    for schema in schemas {
        let mut tx = pool.begin().await?;
        sqlx::query(schema.set_search_path()).execute(&mut *tx).await?;
        projection.trim(&mut tx, first).await?;
        tx.commit().await?;
    }
    Ok(())
}

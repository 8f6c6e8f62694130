//! How far a generation is, and on which stream: one row, moved by compare-and-set in the transaction of the rows.

use alluvium_kernel::header;
use alluvium_messaging::LogMessage;
use sha2::{Digest as _, Sha256};
use sqlx::{PgConnection, Row as _};

use crate::Schema;

/// Channel on which runners tell other processes how far they are: `<projection> <seq>`.
pub(crate) const CHANNEL: &str = "alluvium_projection";

/// The stored watermark.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Watermark {
    pub seq: u64,
    /// Of the message at `seq`: its chain value, else the hash of its payload.
    pub hash: String,
    /// When the stream was made; 0 before the first look at it.
    pub stream_created: i64,
    /// When the stream took in the message at `seq`.
    pub message_micros: i64,
    pub quarantined: Option<String>,
}

/// What tells a message from another one at its place.
pub(crate) fn hash_of(message: &LogMessage) -> String {
    message.header(header::CHAIN).map_or_else(|| hex::encode(Sha256::digest(&message.payload)), ToOwned::to_owned)
}

impl Watermark {
    pub async fn read(db: &mut PgConnection, projection: &str, generation: i32) -> Result<Option<Self>, sqlx::Error> {
        let row = sqlx::query(
            "SELECT seq, hash, stream_created_micros, message_micros, quarantined FROM projection.watermark \
             WHERE projection = $1 AND generation = $2",
        )
        .bind(projection)
        .bind(generation)
        .fetch_optional(db)
        .await?;
        row.map(|row| {
            Ok(Self {
                seq: row.try_get::<i64, _>(0)? as u64,
                hash: row.try_get(1)?,
                stream_created: row.try_get(2)?,
                message_micros: row.try_get(3)?,
                quarantined: row.try_get(4)?,
            })
        })
        .transpose()
    }

    /// The row of a new generation, before its first message.
    pub async fn begin(db: &mut PgConnection, projection: &str, generation: i32) -> Result<(), sqlx::Error> {
        sqlx::query(
            "INSERT INTO projection.watermark (projection, generation, seq, hash, stream_created_micros) \
             VALUES ($1, $2, 0, '', 0) ON CONFLICT DO NOTHING",
        )
        .bind(projection)
        .bind(generation)
        .execute(db)
        .await?;
        Ok(())
    }

    /// Notes which stream is folded, as long as nothing was applied.
    pub async fn adopt(
        db: &mut PgConnection,
        projection: &str,
        generation: i32,
        created: i64,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(
            "UPDATE projection.watermark SET stream_created_micros = $3 \
             WHERE projection = $1 AND generation = $2 AND seq = 0",
        )
        .bind(projection)
        .bind(generation)
        .bind(created)
        .execute(db)
        .await?;
        Ok(())
    }

    /// Moves the row from where this runner believes it to be; false when it is not there, or when reads were switched to another
    /// generation than the one that is told of. Also puts the generation's schema
    /// on the search path and, for the generation that is read, tells other processes at commit: one round trip for all.
    ///
    /// The commit of a generation that nobody reads does not wait for the disk: the flip's does, and then all before it is
    /// on disk too. One that was lost with a part of it was never read.
    pub async fn advance(
        tx: &mut PgConnection,
        projection: &str,
        schema: &Schema,
        from: &Self,
        to: &Self,
        tell: bool,
    ) -> Result<bool, sqlx::Error> {
        let notice = tell.then(|| format!("{projection} {}", to.seq));
        let row = sqlx::query(
            "WITH moved AS ( \
               UPDATE projection.watermark SET seq = $4, hash = $5, message_micros = $6, updated_at = now() \
               WHERE projection = $1 AND generation = $2 AND seq = $3 AND stream_created_micros = $7 \
                 AND quarantined IS NULL \
                 AND ($9::text IS NULL OR generation = (SELECT active FROM projection.generation WHERE projection = $1)) \
               RETURNING 1) \
             SELECT count(*), set_config('search_path', $8, true), \
               CASE WHEN $9::text IS NOT NULL THEN pg_notify($10, $9) END, \
               CASE WHEN $9::text IS NULL THEN set_config('synchronous_commit', 'off', true) END FROM moved",
        )
        .bind(projection)
        .bind(schema.generation())
        .bind(from.seq as i64)
        .bind(to.seq as i64)
        .bind(&to.hash)
        .bind(to.message_micros)
        .bind(from.stream_created)
        .bind(schema.quoted())
        .bind(notice)
        .bind(CHANNEL)
        .fetch_one(tx)
        .await?;
        Ok(row.try_get::<i64, _>(0)? == 1)
    }

    pub async fn quarantine(
        db: &mut PgConnection,
        projection: &str,
        generation: i32,
        reason: &str,
    ) -> Result<(), sqlx::Error> {
        sqlx::query("UPDATE projection.watermark SET quarantined = $3 WHERE projection = $1 AND generation = $2")
            .bind(projection)
            .bind(generation)
            .bind(reason)
            .execute(db)
            .await?;
        Ok(())
    }
}

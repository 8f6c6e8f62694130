//! Generations of a projection: which one is read, how one is made and dropped.

use std::borrow::Cow;
use std::sync::LazyLock;

use alluvium_kernel::Problem;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, PgPool};

use crate::schema::SHARED;
use crate::watermark::Watermark;
use crate::{Error, PgProjection, Schema, quote};

/// How the comment of a generation begins that goes after a while; the moment follows, in seconds since 1970.
const ABANDONED: &str = "alluvium-abandoned-after";

static MIGRATOR: LazyLock<Migrator> = LazyLock::new(|| {
    migrations(&[
        (1, "projection", include_str!("../migrations/0001_projection.sql")),
        (2, "remedy", include_str!("../migrations/0002_remedy.sql")),
    ])
});

/// A migrator out of numbered steps, forward only: `(1, "bucket", include_str!("../migrations/0001_bucket.sql"))`.
pub fn migrations(steps: &[(i64, &'static str, &'static str)]) -> Migrator {
    let step = |(version, what, sql): &(i64, &'static str, &'static str)| {
        let (what, sql) = (Cow::Borrowed(*what), sqlx::SqlSafeStr::into_sql_str(*sql));
        Migration::new(*version, what, MigrationType::Simple, sql, false)
    };
    Migrator::with_migrations(steps.iter().map(step).collect())
}

/// Makes the shared tables.
pub(crate) async fn prepare(pool: &PgPool) -> Result<(), Error> {
    migrate(pool, &quote(SHARED), &MIGRATOR).await
}

/// The active generation of a projection; makes the first one. Brings its tables up to date.
pub(crate) async fn active(pool: &PgPool, projection: &dyn PgProjection) -> Result<Schema, Error> {
    sqlx::query(
        "INSERT INTO projection.generation (projection, active, latest) VALUES ($1, 1, 1) ON CONFLICT DO NOTHING",
    )
    .bind(projection.name())
    .execute(pool)
    .await?;
    let schema = Schema::new(projection.schema(), read_active(pool, projection).await?);
    create(pool, projection, &schema).await?;
    Ok(schema)
}

pub(crate) async fn read_active(pool: &PgPool, projection: &dyn PgProjection) -> Result<i32, Error> {
    let active = sqlx::query_scalar("SELECT active FROM projection.generation WHERE projection = $1")
        .bind(projection.name())
        .fetch_one(pool)
        .await?;
    Ok(active)
}

/// A new, empty generation beside the active one.
pub(crate) async fn next(pool: &PgPool, projection: &dyn PgProjection) -> Result<Schema, Error> {
    let number: i32 = sqlx::query_scalar(
        "UPDATE projection.generation SET latest = latest + 1 WHERE projection = $1 RETURNING latest",
    )
    .bind(projection.name())
    .fetch_one(pool)
    .await?;
    let schema = Schema::new(projection.schema(), number);
    create(pool, projection, &schema).await?;
    Ok(schema)
}

/// Makes reads use another generation, if `from` is still the one they use. Everyone switches at the commit.
pub(crate) async fn flip(pool: &PgPool, projection: &dyn PgProjection, from: i32, to: i32) -> Result<(), Error> {
    let mut tx = pool.begin().await?;
    let flipped = sqlx::query(
        "UPDATE projection.generation SET active = $3, flipped_at = now() WHERE projection = $1 AND active = $2",
    )
    .bind(projection.name())
    .bind(from)
    .bind(to)
    .execute(&mut *tx)
    .await?;
    if flipped.rows_affected() != 1 {
        return Err(Problem::new("projection.busy", 409, "Somebody else switched the generation meanwhile.").into());
    }
    sqlx::query("SELECT pg_notify($1, $2)")
        .bind(crate::watermark::CHANNEL)
        .bind(format!("{} flip", projection.name()))
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(())
}

/// Drops a generation that is not read.
pub(crate) async fn drop(pool: &PgPool, projection: &dyn PgProjection, number: i32) -> Result<(), Error> {
    let schema = Schema::new(projection.schema(), number);
    let mut tx = pool.begin().await?;
    let active: i32 = sqlx::query_scalar("SELECT active FROM projection.generation WHERE projection = $1 FOR UPDATE")
        .bind(projection.name())
        .fetch_one(&mut *tx)
        .await?;
    if active == number {
        let detail = format!("Generation {number} of `{}` is the one being read.", projection.name());
        return Err(Problem::new("projection.generation_in_use", 409, detail).into());
    }
    sqlx::query(AssertSqlSafe(format!("DROP SCHEMA IF EXISTS {} CASCADE", schema.quoted()))).execute(&mut *tx).await?;
    for statement in [
        "DELETE FROM projection.watermark WHERE projection = $1 AND generation = $2",
        "DELETE FROM projection.parked WHERE projection = $1 AND generation = $2",
    ] {
        sqlx::query(statement).bind(projection.name()).bind(number).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Notes on a generation when it may be dropped by anybody: one that is only read for a while.
pub(crate) async fn abandon_after(pool: &PgPool, schema: &Schema, seconds: u64) -> Result<(), Error> {
    let until: i64 = sqlx::query_scalar("SELECT extract(epoch FROM now())::bigint + $1")
        .bind(seconds as i64)
        .fetch_one(pool)
        .await?;
    // A comment takes no bound values; both parts are ours.
    let sql = format!("COMMENT ON SCHEMA {} IS '{ABANDONED} {until}'", schema.quoted());
    sqlx::query(AssertSqlSafe(sql)).execute(pool).await?;
    Ok(())
}

/// Drops generations that were made to be read for a while by processes that are gone.
pub(crate) async fn drop_abandoned(pool: &PgPool, projection: &dyn PgProjection) -> Result<(), Error> {
    let prefix = format!("{}_g", projection.schema());
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT nspname::text FROM pg_namespace, LATERAL obj_description(oid, 'pg_namespace') AS note \
         WHERE starts_with(nspname::text, $1) AND starts_with(note, $2) \
           AND split_part(note, ' ', 2)::bigint < extract(epoch FROM now())",
    )
    .bind(&prefix)
    .bind(format!("{ABANDONED} "))
    .fetch_all(pool)
    .await?;
    for number in names.iter().filter_map(|name| name.strip_prefix(&prefix)?.parse().ok()) {
        drop(pool, projection, number).await?;
    }
    Ok(())
}

async fn create(pool: &PgPool, projection: &dyn PgProjection, schema: &Schema) -> Result<(), Error> {
    migrate(pool, schema.quoted(), projection.migrator()).await?;
    let mut db = pool.acquire().await?;
    Watermark::begin(&mut db, projection.name(), schema.generation()).await?;
    Ok(())
}

/// Runs migrations with one schema alone on the search path, on a connection that is closed after: no other user of the pool
/// ever sees that path.
async fn migrate(pool: &PgPool, quoted: &str, migrator: &Migrator) -> Result<(), Error> {
    let mut db = pool.acquire().await?.detach();
    let result = async {
        let lock = "SELECT pg_advisory_lock(hashtext('alluvium_projection_schemas'))";
        sqlx::query(lock).execute(&mut db).await?;
        sqlx::query(AssertSqlSafe(format!("CREATE SCHEMA IF NOT EXISTS {quoted}"))).execute(&mut db).await?;
        sqlx::query(AssertSqlSafe(format!("SET search_path TO {quoted}"))).execute(&mut db).await?;
        migrator.run_direct(None, &mut db, false).await?;
        Ok(())
    }
    .await;
    // Closing also gives the lock back; a connection that cannot be closed is gone already.
    let _ = sqlx::Connection::close(db).await;
    result
}

//! Generations of a projection: which one is read, how one is made and dropped.

use std::borrow::Cow;
use std::sync::LazyLock;
use std::time::Duration;

use alluvium_kernel::Problem;
use serde::Serialize;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, PgConnection, PgPool};

use crate::schema::SHARED;
use crate::watermark::Watermark;
use crate::{Error, PgProjection, Schema, quote};

/// How the comment of a generation begins that goes after a while; the moment follows, in seconds since 1970.
const ABANDONED: &str = "alluvium-abandoned-after";
/// How long a generation stays after reads were switched away from it: requests that began before, here and in other
/// processes, still read it.
pub(crate) const READERS_LEAVE: Duration = Duration::from_secs(5);

static MIGRATOR: LazyLock<Migrator> = LazyLock::new(|| {
    migrations(&[
        (1, "projection", include_str!("../migrations/0001_projection.sql")),
        (2, "remedy", include_str!("../migrations/0002_remedy.sql")),
        (3, "previous", include_str!("../migrations/0003_previous.sql")),
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

/// A new, empty generation beside the active one, and the sign that it is being built.
pub(crate) async fn next(pool: &PgPool, projection: &dyn PgProjection) -> Result<(Schema, Building), Error> {
    let number: i32 = sqlx::query_scalar(
        "UPDATE projection.generation SET latest = latest + 1 WHERE projection = $1 RETURNING latest",
    )
    .bind(projection.name())
    .fetch_one(pool)
    .await?;
    let schema = Schema::new(projection.schema(), number);
    let building = Building::sign(pool, projection, number).await?;
    create(pool, projection, &schema).await?;
    Ok((schema, building))
}

/// A switch that is being made: while this lives, nobody anywhere moves the generation that is read.
pub(crate) struct Switch {
    tx: sqlx::Transaction<'static, sqlx::Postgres>,
    from: i32,
    kept: Option<i32>,
    /// Where the generation that is read stands.
    pub at: u64,
}

impl Switch {
    /// Makes everybody stand still who folds, if `from` is still what is read.
    pub async fn begin(pool: &PgPool, projection: &dyn PgProjection, from: i32) -> Result<Self, Error> {
        let mut tx = pool.begin().await?;
        let kept: Option<(Option<i32>,)> = sqlx::query_as(
            "SELECT previous FROM projection.generation WHERE projection = $1 AND active = $2 FOR UPDATE",
        )
        .bind(projection.name())
        .bind(from)
        .fetch_optional(&mut *tx)
        .await?;
        let Some((kept,)) = kept else {
            let detail = "Somebody else switched the generation meanwhile.";
            return Err(Problem::new("projection.busy", 409, detail).into());
        };
        // Another process that folds it too cannot move it from here on, and not at all once it is not the active one.
        let at: i64 = sqlx::query_scalar(
            "SELECT seq FROM projection.watermark WHERE projection = $1 AND generation = $2 FOR UPDATE",
        )
        .bind(projection.name())
        .bind(from)
        .fetch_one(&mut *tx)
        .await?;
        Ok(Self { tx, from, kept, at: at as u64 })
    }

    /// Lets everybody go on, with nothing switched.
    pub async fn let_go(self) -> Result<(), Error> {
        Ok(self.tx.rollback().await?)
    }

    /// Makes reads use another generation and keeps the one they used to go back to. Everyone switches at the commit. Gives the
    /// one that was kept until now.
    pub async fn to(mut self, projection: &dyn PgProjection, to: i32) -> Result<Option<i32>, Error> {
        sqlx::query(
            "UPDATE projection.generation SET active = $3, previous = $2, flipped_at = clock_timestamp() WHERE projection = $1",
        )
        .bind(projection.name())
        .bind(self.from)
        .bind(to)
        .execute(&mut *self.tx)
        .await?;
        sqlx::query("SELECT pg_notify($1, $2)")
            .bind(crate::watermark::CHANNEL)
            .bind(format!("{} flip", projection.name()))
            .execute(&mut *self.tx)
            .await?;
        self.tx.commit().await?;
        Ok(self.kept.filter(|kept| *kept != to))
    }
}

/// Drops a generation that is not read. Who only just stopped being read is left for a moment to those who still read it.
pub(crate) async fn drop(pool: &PgPool, projection: &dyn PgProjection, number: i32) -> Result<(), Error> {
    let schema = Schema::new(projection.schema(), number);
    let mut tx = pool.begin().await?;
    let (active, since_flip): (i32, f64) = sqlx::query_as(
        "SELECT active, extract(epoch FROM clock_timestamp() - flipped_at)::float8 FROM projection.generation \
         WHERE projection = $1 FOR UPDATE",
    )
    .bind(projection.name())
    .fetch_one(&mut *tx)
    .await?;
    if active == number {
        let detail = format!("Generation {number} of `{}` is the one being read.", projection.name());
        return Err(Problem::new("projection.generation_in_use", 409, detail).into());
    }
    let idle: bool = sqlx::query_scalar("SELECT pg_try_advisory_xact_lock(hashtext($1), $2)")
        .bind(building_key(projection))
        .bind(number)
        .fetch_one(&mut *tx)
        .await?;
    if !idle {
        let detail = format!("Generation {number} of `{}` is being built or checked.", projection.name());
        return Err(Problem::new("projection.generation_in_use", 409, detail).into());
    }
    let grace = READERS_LEAVE.saturating_sub(Duration::from_secs_f64(since_flip.max(0.0)));
    if !grace.is_zero() && was_read(&mut tx, projection, number).await? {
        // Not while the row is locked: a flip must not wait for this.
        tx.rollback().await?;
        tokio::time::sleep(grace).await;
        return Box::pin(drop(pool, projection, number)).await;
    }
    sqlx::query(AssertSqlSafe(format!("DROP SCHEMA IF EXISTS {} CASCADE", schema.quoted()))).execute(&mut *tx).await?;
    for statement in [
        "DELETE FROM projection.watermark WHERE projection = $1 AND generation = $2",
        "DELETE FROM projection.parked WHERE projection = $1 AND generation = $2",
        "UPDATE projection.generation SET previous = NULL WHERE projection = $1 AND previous = $2",
    ] {
        sqlx::query(statement).bind(projection.name()).bind(number).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Whether somebody may still read a generation: the one that was read before.
async fn was_read(tx: &mut PgConnection, projection: &dyn PgProjection, number: i32) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT previous IS NOT DISTINCT FROM $2 FROM projection.generation WHERE projection = $1")
        .bind(projection.name())
        .bind(number)
        .fetch_one(tx)
        .await
}

/// The generation that was read before, if it is still there.
pub(crate) async fn previous(pool: &PgPool, projection: &dyn PgProjection) -> Result<Option<i32>, Error> {
    let previous = sqlx::query_scalar("SELECT previous FROM projection.generation WHERE projection = $1")
        .bind(projection.name())
        .fetch_one(pool)
        .await?;
    Ok(previous)
}

/// Drops what processes left behind that ended in a rebuild or check: neither read, nor kept, nor being built by anybody.
pub(crate) async fn drop_left_behind(pool: &PgPool, projection: &dyn PgProjection) -> Result<(), Error> {
    for found in list(pool, projection).await? {
        if found.state != GenerationState::LeftBehind {
            continue;
        }
        match drop(pool, projection, found.generation).await {
            Ok(()) => tracing::info!(
                projection = projection.name(),
                projection.generation = found.generation,
                "dropped a generation that an ended process had left behind"
            ),
            // Somebody took it up meanwhile.
            Err(Error::Refused(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What a generation is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GenerationState {
    /// The one that is read.
    Live,
    /// The one that was read before: to go back to.
    Kept,
    /// Being built or checked.
    Building,
    /// An earlier point of the log, for somebody who looks at it.
    Past,
    /// Left by a process that ended; the next start drops it.
    LeftBehind,
}

/// One generation of a projection.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Generation {
    /// Its number.
    pub generation: i32,
    /// What it is there for.
    pub state: GenerationState,
    /// Everything up to here is applied in it.
    pub watermark: u64,
    /// What it takes in the database.
    pub bytes: u64,
}

/// Every generation there is, newest first.
pub(crate) async fn list(pool: &PgPool, projection: &dyn PgProjection) -> Result<Vec<Generation>, Error> {
    let rows: Vec<(i32, bool, bool, bool, bool, i64, i64)> = sqlx::query_as(
        "WITH found AS ( \
           SELECT oid, substr(nspname::text, length($2) + 1)::int AS number, obj_description(oid, 'pg_namespace') AS note \
           FROM pg_namespace WHERE nspname::text ~ ('^' || $2 || '[0-9]{1,9}$')) \
         SELECT f.number, f.number = g.active, f.number IS NOT DISTINCT FROM g.previous, \
           EXISTS (SELECT 1 FROM pg_locks l WHERE l.locktype = 'advisory' AND l.objsubid = 2 \
             AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
             AND l.classid::bigint = (hashtext($3)::bigint & 4294967295) AND l.objid::bigint = f.number), \
           starts_with(coalesce(f.note, ''), $4), coalesce(w.seq, 0), \
           coalesce((SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c \
             WHERE c.relnamespace = f.oid AND c.relkind = 'r'), 0)::bigint \
         FROM found f JOIN projection.generation g ON g.projection = $1 \
         LEFT JOIN projection.watermark w ON w.projection = $1 AND w.generation = f.number ORDER BY 1 DESC",
    )
    .bind(projection.name())
    .bind(format!("{}_g", projection.schema()))
    .bind(building_key(projection))
    .bind(ABANDONED)
    .fetch_all(pool)
    .await?;
    let listed = |(generation, live, kept, building, past, seq, bytes)| {
        let state = match (live, kept, building, past) {
            (true, ..) => GenerationState::Live,
            (_, true, ..) => GenerationState::Kept,
            (_, _, true, _) => GenerationState::Building,
            (.., true) => GenerationState::Past,
            _ => GenerationState::LeftBehind,
        };
        Generation { generation, state, watermark: seq as u64, bytes: bytes as u64 }
    };
    Ok(rows.into_iter().map(listed).collect())
}

/// While this lives, everybody sees that a generation is being built. It ends with the process, whatever ends that.
pub(crate) struct Building(PgConnection);

impl Building {
    pub async fn sign(pool: &PgPool, projection: &dyn PgProjection, number: i32) -> Result<Self, Error> {
        let mut db = pool.acquire().await?.detach();
        sqlx::query("SELECT pg_advisory_lock(hashtext($1), $2)")
            .bind(building_key(projection))
            .bind(number)
            .execute(&mut db)
            .await?;
        Ok(Self(db))
    }

    /// Takes the sign away at once; dropping it does so a moment later.
    pub async fn done(mut self) {
        // A connection that cannot be asked is gone, and the sign with it.
        let _ = sqlx::query("SELECT pg_advisory_unlock_all()").execute(&mut self.0).await;
        let _ = sqlx::Connection::close(self.0).await;
    }
}

fn building_key(projection: &dyn PgProjection) -> String {
    format!("alluvium building {}", projection.name())
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

pub(crate) async fn create(pool: &PgPool, projection: &dyn PgProjection, schema: &Schema) -> Result<(), Error> {
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

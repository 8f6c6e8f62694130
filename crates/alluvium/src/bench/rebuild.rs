//! Rebuild of the catalogue from the log, beside upserting rows of the same shape with `unnest`.

use std::time::Instant;

use alluvium_projection::{Pace, RebuildMode};
use alluvium_storage::projection::NAME;
use bytes::Bytes;
use futures::StreamExt as _;
use serde_json::json;
use sqlx::PgPool;

use super::world::World;
use super::{Measured, Results, Run, raw};
use crate::failure::Failure;

/// Projects in the catalogue.
const PROJECTS: u64 = 20_000;
/// What is promised.
const SHARE: f64 = 0.5;
/// Rows of one upsert.
const UPSERT_ROWS: usize = 1_000;

pub async fn run(run: Run) -> Results {
    let count = run.scaled(PROJECTS, 1_000);
    let world = World::start().await?;
    let running = world.node().await?;
    let parts = running.node.parts();
    let mut told = parts.js.client().subscribe("told.default.>").await.map_err(Failure::bug)?;
    let body = |n: u64| Bytes::from(json!({ "project": format!("p-{n}") }).to_string());
    let messages = (0..count).map(|n| ("cmd.default.storage.CreateProject".to_owned(), body(n)));
    let heard = async {
        for _ in 0..count {
            told.next().await;
        }
        Ok(())
    };
    tokio::try_join!(raw::publish(&parts.js, messages), heard)?;

    let before = upsert(&parts.pool, count, "raw_before").await?;
    let began = Instant::now();
    let report = parts.projections.rebuild(NAME, RebuildMode::AcceptDifferences, Pace::default()).await?;
    let ours = began.elapsed().as_secs_f64();
    let after = upsert(&parts.pool, count, "raw_after").await?;
    running.node.stop().await;
    world.stop().await?;
    let beside = "the same rows by unnest upserts";
    let (ours, raw) = (report.events as f64 / ours, count as f64 / before.midpoint(after));
    Ok(vec![Measured::share("rebuild of a Postgres projection", "rows/s", ours, raw, SHARE, beside)])
}

/// Seconds to upsert as many rows as there are projects, in transactions of [`UPSERT_ROWS`].
async fn upsert(pool: &PgPool, count: u64, table: &'static str) -> Result<f64, Failure> {
    // The two names are ours, not a user's.
    let (create, insert) = match table {
        "raw_before" => (include_str!("sql/create_before.sql"), include_str!("sql/upsert_before.sql")),
        _ => (include_str!("sql/create_after.sql"), include_str!("sql/upsert_after.sql")),
    };
    sqlx::raw_sql(create).execute(pool).await.map_err(Failure::bug)?;
    let ids: Vec<String> = (0..count).map(|n| format!("p-{n}")).collect();
    let began = Instant::now();
    for chunk in ids.chunks(UPSERT_ROWS) {
        let same = |text: &str| vec![text.to_owned(); chunk.len()];
        sqlx::query(insert)
            .bind(same("default"))
            .bind(chunk)
            .bind(chunk)
            .bind(same("{}"))
            .bind(vec![1_i64; chunk.len()])
            .execute(pool)
            .await
            .map_err(Failure::bug)?;
    }
    Ok(began.elapsed().as_secs_f64())
}

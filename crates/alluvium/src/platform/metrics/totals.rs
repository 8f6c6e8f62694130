//! How much there is: counted anew when somebody scrapes, unless nothing has changed since.

use std::time::{Duration, Instant};

use metrics::gauge;
use tokio::sync::Mutex;

use super::super::{ANSWER_WAIT, Platform};

/// How long counts are good for while nothing changes, in seconds: files expire by themselves.
const GOOD_SECONDS: u64 = 15;

/// What was counted last: the state of the catalogue, and when.
struct Counted {
    applied: Option<u64>,
    at: Instant,
}

/// Brings the gauges up to date, unless they are or Postgres is away. Scrapes at the same time share one count: they are read
/// from whole tables.
pub async fn update(platform: &Platform) {
    static COUNTED: Mutex<Option<Counted>> = Mutex::const_new(None);
    let Some(catalogue) = &platform.catalogue else { return };
    let mut counted = COUNTED.lock().await;
    let applied = platform.freshness.applied(alluvium_storage::projection::NAME);
    let is_good = |last: &Counted| last.applied == applied && last.at.elapsed() < Duration::from_secs(GOOD_SECONDS);
    if counted.as_ref().is_some_and(is_good) {
        return;
    }
    let Ok(Ok(totals)) = tokio::time::timeout(ANSWER_WAIT, catalogue.totals()).await else { return };
    *counted = Some(Counted { applied, at: Instant::now() });
    gauge!("duckdb_projects_total").set(totals.projects as f64);
    gauge!("duckdb_buckets_total").set(totals.buckets as f64);
    gauge!("duckdb_tables_total").set(totals.tables as f64);
    gauge!("duckdb_branches_total").set(totals.branches as f64);
    gauge!("duckdb_branch_tables_total").set(totals.branch_tables as f64);
    gauge!("duckdb_bucket_shares_total").set(totals.shares as f64);
    gauge!("duckdb_bucket_links_total").set(totals.links as f64);
    gauge!("duckdb_workspaces_total").set(totals.workspaces as f64);
    gauge!("duckdb_files_total").set(totals.files as f64);
    gauge!("duckdb_files_staging_count").set(totals.staging as f64);
    gauge!("duckdb_s3_multipart_uploads_active").set(totals.multiparts as f64);
    snapshots(&totals.snapshots);
    let tables = platform.tables.as_ref().map_or(0, |tables| tables.bytes());
    let sizes = [
        ("metadata", totals.metadata_bytes as f64),
        ("tables", tables as f64),
        ("staging", (totals.staging_bytes + totals.parts_bytes) as f64),
        ("files", totals.files_bytes as f64),
    ];
    for (kind, bytes) in sizes {
        gauge!("duckdb_storage_size_bytes", "type" => kind).set(bytes);
    }
}

/// Kinds that are gone for now are none, not what they were.
fn snapshots(found: &[(String, i64, i64)]) {
    for kind in ["manual", "auto_predrop", "auto_predrop_column", "auto_pretruncate"] {
        let count = found.iter().find(|(known, ..)| known == kind).map_or(0, |(_, count, _)| *count);
        gauge!("duckdb_snapshots_total", "type" => kind).set(count as f64);
    }
    let bytes: i64 = found.iter().map(|(.., bytes)| bytes).sum();
    gauge!("duckdb_snapshots_size_bytes").set(bytes as f64);
}

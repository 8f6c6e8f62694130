//! How much there is: counted anew when somebody scrapes, but not more often than is worth it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use metrics::gauge;

use super::super::{ANSWER_WAIT, Platform};

/// How long counts are good for, in seconds: they are read from whole tables.
const GOOD_SECONDS: u64 = 15;

/// Brings the gauges up to date, unless they are fresh or Postgres is away.
pub async fn update(platform: &Platform) {
    static COUNTED: Mutex<Option<Instant>> = Mutex::new(None);
    let Some(catalogue) = &platform.catalogue else { return };
    {
        let mut counted = COUNTED.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.is_some_and(|at| at.elapsed() < Duration::from_secs(GOOD_SECONDS)) {
            return;
        }
        *counted = Some(Instant::now());
    }
    let Ok(Ok(totals)) = tokio::time::timeout(ANSWER_WAIT, catalogue.totals()).await else { return };
    gauge!("duckdb_projects_total").set(totals.projects as f64);
    gauge!("duckdb_buckets_total").set(totals.buckets as f64);
    gauge!("duckdb_tables_total").set(totals.tables as f64);
    gauge!("duckdb_workspaces_total").set(totals.workspaces as f64);
    gauge!("duckdb_files_total").set(totals.files as f64);
    gauge!("duckdb_files_staging_count").set(totals.staging as f64);
    let tables = platform.tables.as_ref().map_or(0, |tables| tables.bytes());
    let sizes = [
        ("metadata", totals.metadata_bytes as f64),
        ("tables", tables as f64),
        ("staging", totals.staging_bytes as f64),
        ("files", totals.files_bytes as f64),
    ];
    for (kind, bytes) in sizes {
        gauge!("duckdb_storage_size_bytes", "type" => kind).set(bytes);
    }
}

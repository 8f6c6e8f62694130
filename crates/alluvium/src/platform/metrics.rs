//! `/metrics` for Prometheus: `alluvium_*`, and the names that clients of the storage surface scrape.

mod machine;
mod names;
mod totals;

use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use alluvium_http::{Op, Route};
use alluvium_kernel::Problem;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use metrics::gauge;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::{Platform, health, public};

/// Bounds of request durations, in seconds; the storage surface fixes them.
const DURATION_BUCKETS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// What the storage surface says the text is.
const CONTENT: &str = "text/plain; version=1.0.0; charset=utf-8";

/// Renders what was recorded. Cheap to clone.
#[derive(Clone)]
pub struct Scrape(Arc<PrometheusHandle>);

/// Installs the recorder of this process, once; later calls give the same one.
pub fn install() -> Result<Scrape, Problem> {
    static HANDLE: OnceLock<Option<Arc<PrometheusHandle>>> = OnceLock::new();
    let handle = HANDLE.get_or_init(|| {
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), DURATION_BUCKETS)
            .and_then(PrometheusBuilder::install_recorder);
        match builder {
            Ok(handle) => {
                at_start();
                Some(Arc::new(handle))
            }
            Err(error) => {
                tracing::error!(error = %error, "metrics cannot be recorded");
                None
            }
        }
    });
    handle.clone().map(Scrape).ok_or_else(Problem::internal)
}

impl Scrape {
    /// The metrics of this process as text.
    pub fn render(&self) -> String {
        self.0.render()
    }
}

fn at_start() {
    names::describe();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    gauge!("duckdb_api_up").set(1.0);
    gauge!("duckdb_api_start_time_seconds").set(now.as_secs_f64());
    let labels = [("version", env!("CARGO_PKG_VERSION")), ("duckdb_version", names::DUCKDB_VERSION)];
    gauge!("duckdb_api_service_info", &labels).set(1.0);
    gauge!("alluvium_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

pub fn routes() -> Vec<Route<Platform>> {
    let op = Op::new("metrics", "platform", "Metrics for Prometheus").binary(200, CONTENT, "All families").uncounted();
    vec![Route::get("/metrics", public, scrape, op)]
}

async fn scrape(State(platform): State<Platform>) -> impl IntoResponse {
    let (checks, folds) = health::checks(&platform).await;
    gauge!("alluvium_ready").set(if checks.iter().all(|check| check.ok) { 1.0 } else { 0.0 });
    for fold in folds {
        let labels = [("projection", fold.name)];
        let quarantined = if fold.state == "quarantined" { 1.0 } else { 0.0 };
        gauge!("alluvium_projection_quarantined", &labels).set(quarantined);
        gauge!("alluvium_projection_watermark", &labels).set(fold.watermark as f64);
        gauge!("alluvium_projection_lag_seconds", &labels).set(fold.lag_seconds);
        gauge!("alluvium_projection_parked_events", &labels).set(fold.parked as f64);
        gauge!("alluvium_projection_parked_keys", &labels).set(fold.parked_keys as f64);
        if let Some(lag) = fold.lag_events {
            gauge!("alluvium_projection_lag_events", &labels).set(lag as f64);
        }
        if let Some(age) = fold.heartbeat_age_ms {
            gauge!("alluvium_projection_heartbeat_age_seconds", &labels).set(age as f64 / 1e3);
        }
    }
    deciders(&platform);
    totals::update(&platform).await;
    machine::update(&platform).await;
    let busy = platform.pool.size() as usize - platform.pool.num_idle().min(platform.pool.size() as usize);
    gauge!("duckdb_metadata_connections_active").set(busy as f64);
    let mut text = platform.metrics.0.render();
    add_silent(&mut text);
    ([(CONTENT_TYPE, CONTENT)], text)
}

/// How the deciders of this process are doing.
fn deciders(platform: &Platform) {
    let executors = platform.executors.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    for (context, health) in executors.iter() {
        let active = health.is_active();
        gauge!("alluvium_decider_active", "context" => *context).set(if active { 1.0 } else { 0.0 });
        let silent = if active { health.silent_for().as_secs_f64() } else { 0.0 };
        gauge!("alluvium_decider_silent_seconds", "context" => *context).set(silent);
    }
}

/// Every family shows from the first scrape, also those that nothing was recorded in yet.
fn add_silent(text: &mut String) {
    for (name, kind, help) in names::ALL {
        if !text.contains(&format!("# TYPE {name} ")) {
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_without_samples_are_announced_once() {
        let mut text = "# TYPE duckdb_api_up gauge\nduckdb_api_up 1\n".to_owned();
        add_silent(&mut text);
        for (name, kind, _) in names::ALL {
            assert_eq!(text.matches(&format!("# TYPE {name} {kind}\n")).count(), 1, "{name}");
        }
    }
}

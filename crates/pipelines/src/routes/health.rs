//! Whether the parts of the installation are well.

use std::sync::{Arc, Mutex, PoisonError};

use alluvium_http::Json;
use alluvium_kernel::BoxFuture;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use super::pipelines::Answer;
use super::state::{PipelineRoutes, now};
use crate::wire::{ClusterHealth, Healthz, ServiceStatus, moment};

/// Asks the parts of the installation how they are; the binary answers.
pub trait Health: Send + Sync + 'static {
    /// The database and the log, what understands programs, what runs them.
    fn services(&self) -> BoxFuture<'_, [Service; 3]>;
}

/// How one part is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Whether it is well.
    pub healthy: bool,
    /// What there is to say.
    pub message: String,
}

/// How the parts are, and since when.
pub(super) struct Watched {
    health: Arc<dyn Health>,
    since: Mutex<Option<[(bool, i64); 3]>>,
}

impl Watched {
    pub fn new(health: Arc<dyn Health>) -> Self {
        Self { health, since: Mutex::default() }
    }

    async fn look(&self, now: i64) -> [ServiceStatus; 3] {
        let services = self.health.services().await;
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = since.unwrap_or_else(|| [0, 1, 2].map(|n: usize| (services[n].healthy, now)));
        for (known, service) in known.iter_mut().zip(&services) {
            if known.0 != service.healthy {
                *known = (service.healthy, now);
            }
        }
        *since = Some(known);
        let mut all = services.into_iter().zip(known).map(|(service, (healthy, since))| ServiceStatus {
            healthy,
            message: service.message,
            unchanged_since: moment(since),
            checked_at: moment(now),
        });
        std::array::from_fn(|_| all.next().unwrap_or_else(|| ServiceStatus::unknown(now)))
    }
}

impl ServiceStatus {
    /// Of a part that nobody knows.
    fn unknown(now: i64) -> Self {
        Self { healthy: false, message: String::new(), unchanged_since: moment(now), checked_at: moment(now) }
    }
}

pub(super) async fn healthz(State(state): State<PipelineRoutes>) -> Response {
    match state.queries.alive().await {
        Ok(()) => Json(Healthz { status: "healthy" }).into_response(),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, Json(Healthz { status: "unhealthy" })).into_response(),
    }
}

pub(super) async fn cluster(State(state): State<PipelineRoutes>) -> Answer {
    let [api, compiler, runner] = state.health.look(now()).await;
    let all_healthy = api.healthy && compiler.healthy && runner.healthy;
    let status = if all_healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok((status, Json(ClusterHealth { all_healthy, api, compiler, runner })).into_response())
}

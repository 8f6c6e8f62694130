//! What handlers work with, and the steps they share: send the command, wait until it shows.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alluvium_eventlog::{CommandClient, CommandRequest};
use alluvium_http::{MinPosition, PathParams, Principal, WithPosition};
use alluvium_kernel::{Authorizer, BoxFuture, Position, Problem, Verdict};
use alluvium_messaging::ContractSet as _;
use alluvium_projection::Freshness;
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::sync::Semaphore;

use super::demos::Demo;
use super::health::{Health, Watched};
use super::keys::ApiKeys;
use crate::contract::{Command, PipelineCommand};
use crate::error;
use crate::projection::PROJECTION;
use crate::queries::PipelineQueries;
use crate::reactors::{Compiler, Telemetry};

/// How long an outcome is waited for, in seconds.
const OUTCOME_WAIT_SECONDS: u64 = 30;
/// How long the projection is waited for after it, in seconds.
const VISIBLE_WAIT_SECONDS: u64 = 30;
/// How long the compiler may take to answer, in seconds.
const COMPILER_WAIT_SECONDS: u64 = 30;
/// Programs that are looked at for somebody who waits, at once.
const LOOKING_MAX: usize = 4;

/// What the handlers work with. Cheap to clone.
#[derive(Clone)]
pub struct PipelineRoutes {
    pub(super) client: CommandClient,
    pub(super) queries: PipelineQueries,
    pub(super) freshness: Freshness,
    pub(super) authorizer: Arc<dyn Authorizer>,
    pub(super) keys: Arc<dyn ApiKeys>,
    pub(super) health: Arc<Watched>,
    pub(super) compiler: Option<Arc<dyn Compiler>>,
    pub(super) telemetry: Option<Arc<dyn Telemetry>>,
    pub(super) about: Arc<About>,
    /// Places for programs that are looked at now.
    looking: Arc<Semaphore>,
}

/// What the installation says of itself.
pub(super) struct About {
    pub edition: String,
    pub revision: String,
    pub unstable_features: Vec<String>,
    pub demos: Vec<Demo>,
}

/// What handlers are made of.
pub struct RouteParts {
    /// Sends commands.
    pub client: CommandClient,
    /// Reads pipelines.
    pub queries: PipelineQueries,
    /// Waits until reads show what was written.
    pub freshness: Freshness,
    /// Says who may.
    pub authorizer: Arc<dyn Authorizer>,
    /// Has the keys.
    pub keys: Arc<dyn ApiKeys>,
    /// Knows how the installation is.
    pub health: Arc<dyn Health>,
    /// Understands programs; without one, whoever asks for that is told to try again.
    pub compiler: Option<Arc<dyn Compiler>>,
    /// Knows what only running pipelines know; without one, nothing is known of them.
    pub telemetry: Option<Arc<dyn Telemetry>>,
    /// What clients are told that this is: `Open source` or `Enterprise`, they know no other.
    pub edition: String,
    /// Our own version.
    pub revision: String,
    /// Features that are not settled yet and on all the same: `testing` is known.
    pub unstable_features: Vec<String>,
    /// Programs to try.
    pub demos: Vec<Demo>,
}

/// An accepted command.
pub(super) struct Accepted {
    pub position: Position,
    pub result: Value,
}

impl PipelineRoutes {
    /// Handlers made of these.
    pub fn new(parts: RouteParts) -> Self {
        let RouteParts { edition, revision, unstable_features, demos, .. } = parts;
        Self {
            client: parts.client,
            queries: parts.queries,
            freshness: parts.freshness,
            authorizer: parts.authorizer,
            keys: parts.keys,
            health: Arc::new(Watched::new(parts.health)),
            compiler: parts.compiler,
            telemetry: parts.telemetry,
            about: Arc::new(About { edition, revision, unstable_features, demos }),
            looking: Arc::new(Semaphore::new(LOOKING_MAX)),
        }
    }

    /// Asks the compiler something, within its time and behind those who asked before.
    pub(super) async fn ask<'a, T>(
        &'a self,
        asked: impl FnOnce(&'a dyn Compiler) -> BoxFuture<'a, T>,
    ) -> Result<T, Problem> {
        let Some(compiler) = &self.compiler else {
            return Err(error::compiler_unavailable("this process has none"));
        };
        let answer = async {
            let _place = self.looking.acquire().await.map_err(|_| Problem::internal())?;
            Ok(asked(compiler.as_ref()).await)
        };
        let answered = tokio::time::timeout(Duration::from_secs(COMPILER_WAIT_SECONDS), answer).await;
        answered.unwrap_or_else(|_| Err(error::compiler_timeout(COMPILER_WAIT_SECONDS)))
    }

    /// Sends a command and waits until the projection shows it; a rejection is an error.
    pub(super) async fn write(
        &self,
        principal: &Principal,
        command: impl Into<PipelineCommand>,
    ) -> Result<Accepted, Problem> {
        let command = Command::Pipeline(command.into());
        let request = CommandRequest {
            tenant: principal.tenant.clone(),
            context: "pipelines".to_owned(),
            command: command.name().to_owned(),
            command_id: principal.seed.command_id(command.name()),
            actor: principal.actor.clone(),
            payload: command.to_avro().into(),
            trace_parent: None,
        };
        let wait = Duration::from_secs(OUTCOME_WAIT_SECONDS);
        let outcome = if principal.seed.is_again() {
            self.client.send_again(&request, wait).await?
        } else {
            self.client.send(&request, wait).await?
        };
        match outcome.verdict {
            Verdict::Accepted { position, result, .. } => {
                self.shows(&position, Duration::from_secs(VISIBLE_WAIT_SECONDS)).await?;
                Ok(Accepted { position, result })
            }
            Verdict::Rejected { problem } => Err(problem),
        }
    }

    /// Waits until the projection is as far as a read demands.
    pub(super) async fn fresh(&self, wanted: &MinPosition) -> Result<(), Problem> {
        self.shows(&wanted.position, wanted.budget).await
    }

    async fn shows(&self, position: &Position, budget: Duration) -> Result<(), Problem> {
        self.freshness.wait(position, &[PROJECTION], budget).await
    }
}

/// The clock of the edge, in microseconds since 1970.
pub(super) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as i64
}

/// The name in a path.
pub(super) fn name_of(params: &PathParams) -> &str {
    params.get("pipeline_name")
}

/// An answer that nobody may keep.
pub(super) fn uncached(answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// An answer to a change, which says where that is on the log.
pub(super) fn changed(position: Position, answer: impl IntoResponse) -> Response {
    uncached(WithPosition(position, answer))
}

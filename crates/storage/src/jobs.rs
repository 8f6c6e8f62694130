//! Requests that are answered later. A job is a request that was let in, on the log with whoever asked for it. It is carried out by
//! the process that took it in, or by another when that is gone: as a request to its own surface, with the rights of who asked as
//! they are then, and with a seed that is the same each time. So what was done of it before is found again instead of done twice.

mod waiting;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use alluvium_eventlog::registry::Registry;
use alluvium_eventlog::{CommandClient, CommandRequest};
use alluvium_http::{Deferred, Json, Later, Principal, Resumed, Seed};
use alluvium_kernel::{Actor, BoxFuture, Position, Problem, SigningKey, Timestamp, Token, Verdict};
use alluvium_messaging::ContractSet as _;
use alluvium_projection::Freshness;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::contract::{BeginJob, Command, EndJob, JobCommand, StartJob};
use crate::model::limits::JOB_ANSWER_BYTES_MAX;
use crate::model::names::{self, MAIN_BRANCH};
use crate::projection;
use crate::queries::{JobReach, JobView, Queries};
use crate::routes::tenant_text;
use crate::wire::{Job, kept_answer};
use waiting::Waiting;

/// Jobs that one process carries out at once.
const RUNNING_MAX: usize = 8;
/// Jobs that wait in one process.
const WAITING_MAX: usize = 1_000;
/// Jobs looked for at once that somebody else left.
const LEFT_MAX: i64 = 1_000;
/// How often is looked for jobs that somebody else left, in seconds.
const LOOK_SECONDS: u64 = 5;
/// How often a job is tried again whose answer is that it could not be done now.
const TRIES_MAX: u32 = 20;
/// First and longest pause before it is tried again, in milliseconds.
const PAUSE_MS: (u64, u64) = (500, 30_000);
/// How large an answer is read, in bytes; what is kept of it is less.
const ANSWER_READ_BYTES_MAX: usize = 16 << 20;
/// How long an outcome is waited for, and then the catalogue, in seconds.
const OUTCOME_WAIT_SECONDS: u64 = 30;
/// First and longest pause between two looks for an answer, in milliseconds.
const POLL_MS: (u64, u64) = (20, 500);
/// Answers that say that it could not be done now: somebody is at it, or something is not there.
const PASSING: [StatusCode; 4] = [
    StatusCode::SERVICE_UNAVAILABLE,
    StatusCode::GATEWAY_TIMEOUT,
    StatusCode::INSUFFICIENT_STORAGE,
    StatusCode::TOO_MANY_REQUESTS,
];
/// Response header: which of the caller's wishes was followed.
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// What jobs need of the platform.
pub struct JobParts {
    /// Sends commands.
    pub client: CommandClient,
    /// Reads the catalogue.
    pub queries: Queries,
    /// How far the catalogue is.
    pub freshness: Freshness,
    /// The installation's secret.
    pub key: SigningKey,
    /// The name of this process, the same after a restart.
    pub node: String,
    /// The processes that share the log, when there are several.
    pub registry: Option<Arc<Registry>>,
    /// The whole surface, once it is assembled.
    pub surface: Arc<OnceLock<Weak<Router>>>,
}

/// The jobs of this process.
pub struct Jobs {
    parts: JobParts,
    waiting: Mutex<Waiting>,
    places: Semaphore,
    /// Lanes that have jobs again; no more of them at once than jobs may wait.
    lanes: (mpsc::UnboundedSender<String>, Mutex<Option<mpsc::UnboundedReceiver<String>>>),
}

impl Later for Jobs {
    fn begin(&self, request: Deferred) -> BoxFuture<'_, Result<Response, Problem>> {
        Box::pin(self.take_in(request))
    }
}

impl Jobs {
    /// Jobs of a process that serves the surface; nothing runs before [`Self::run`].
    pub fn new(parts: JobParts) -> Self {
        let (begun, lanes) = mpsc::unbounded_channel();
        let lanes = (begun, Mutex::new(Some(lanes)));
        Self { parts, waiting: Mutex::default(), places: Semaphore::new(RUNNING_MAX), lanes }
    }

    /// Notes a request on the log and answers where it can be asked for. It is begun by [`Self::run`].
    async fn take_in(&self, request: Deferred) -> Result<Response, Problem> {
        if self.lock().count() >= WAITING_MAX {
            let detail = format!("{WAITING_MAX} jobs wait here already; send it again when some of them are done.");
            return Err(Problem::new("storage.too_many_jobs", 429, detail));
        }
        let Deferred { operation, principal, params, method, target, body, run_id, wait } = request;
        let body = String::from_utf8(body.into())
            .map_err(|_| Problem::new("http.malformed_body", 400, "The body is not UTF-8 text."))?;
        let (bucket, table) = (names::bucket_name(params.get("bucket_name")), params.get("table_name"));
        let branch = Some(params.owned("branch_id")).filter(|branch| !branch.is_empty());
        let (project, job) = (params.owned("project_id"), format!("job_{}", principal.seed.uuid("job").simple()));
        let begin = BeginJob {
            project: project.clone(),
            branch: branch.unwrap_or_else(|| MAIN_BRANCH.to_owned()),
            job: job.clone(),
            operation: operation.to_owned(),
            table_id: (!table.is_empty()).then(|| format!("{bucket}.{table}")),
            method: method.to_string(),
            target,
            body,
            run_id,
            node: self.parts.node.clone(),
            created_by: principal.actor.to_string(),
            project_uid: String::new(),
        };
        let position = self.send(&principal.tenant, principal.seed.command_id("BeginJob"), begin.into()).await?;
        let budget = Duration::from_secs(OUTCOME_WAIT_SECONDS);
        self.parts.freshness.wait(&position, &[projection::NAME], budget).await?;
        let tenant = tenant_text(&principal.tenant);
        let job = self.parts.queries.job(&tenant, &project, &job, &JobReach::default()).await?;
        self.add(job.clone());
        let job = ended(&self.parts.queries, job, wait).await?;
        Ok(accepted(Job::of(job)))
    }

    /// Lets a job wait here, unless it does already or is done.
    fn add(&self, job: JobView) {
        if job.ended_at.is_some() {
            return;
        }
        if let Some(lane) = self.lock().add(job) {
            // Nobody takes it any more when the process stops; then the job is found after the next start.
            drop(self.lanes.0.send(lane));
        }
    }

    /// Carries jobs out until told to stop: those that are taken in here, those of an earlier life of this process, and those of
    /// processes that are gone. What is not done then is done after the next start.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let taken = self.lanes.1.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut lanes) = taken else { return };
        let mut look = tokio::time::interval(Duration::from_secs(LOOK_SECONDS));
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut working = JoinSet::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                Some(lane) = lanes.recv() => {
                    working.spawn(self.clone().work(lane));
                }
                Some(ended) = working.join_next(), if !working.is_empty() => {
                    if let Err(error) = ended {
                        tracing::error!(%error, "the jobs of a table stand still until the next start: one of them panicked");
                    }
                }
                _ = look.tick() => {
                    if let Err(problem) = self.look().await {
                        tracing::debug!(%problem, "jobs that were left cannot be looked for now");
                    }
                }
            }
        }
    }

    /// Takes over what an earlier life of this process left, and processes that are gone.
    async fn look(&self) -> Result<(), Problem> {
        for job in self.parts.queries.open_jobs(LEFT_MAX).await? {
            if self.is_ours(&job.node) {
                self.add(job);
            }
        }
        Ok(())
    }

    fn is_ours(&self, node: &str) -> bool {
        match &self.parts.registry {
            _ if node == self.parts.node => true,
            Some(registry) => registry.is_sure() && registry.members().iter().all(|member| member.node != node),
            // Nobody else is there: the process had another name once.
            None => true,
        }
    }

    /// Carries out the jobs of a lane, one after another.
    async fn work(self: Arc<Self>, lane: String) {
        loop {
            let Some(job) = self.lock().first(&lane) else { return };
            if let Ok(_place) = self.places.acquire().await {
                self.carry_out(&job).await;
            }
            if !self.lock().done(&lane) {
                return;
            }
        }
    }

    /// Carries a job out, and notes what came of it.
    async fn carry_out(&self, job: &JobView) {
        let (Ok(tenant), began) = (Token::encode(&job.tenant), Instant::now()) else { return };
        match self.parts.queries.job(&job.tenant, &job.project, &job.id, &JobReach::default()).await {
            Ok(now) if now.ended_at.is_none() => {}
            Ok(_) => return,
            Err(problem) if problem.status == 404 => return,
            // Its seed sees to it that doing it again does no harm.
            Err(problem) => tracing::debug!(%problem, "whether a job was done already cannot be told now"),
        }
        let start = StartJob { project: job.project.clone(), job: job.id.clone() };
        if let Err(problem) = self.send(&tenant, format!("{}-start", job.id), start.into()).await {
            tracing::debug!(%problem, job.id, "that a job runs cannot be noted now");
        }
        let (status, body) = self.answer_of(job).await;
        let is_success = status.is_success();
        let answer = kept_answer(is_success, &body, JOB_ANSWER_BYTES_MAX);
        let end = EndJob { project: job.project.clone(), job: job.id.clone(), is_success, answer };
        let mut pause_ms = PAUSE_MS.0;
        while let Err(problem) = self.send(&tenant, format!("{}-end", job.id), end.clone().into()).await {
            tracing::warn!(%problem, job.id, "what came of a job cannot be noted now; it is tried again");
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            pause_ms = (pause_ms * 2).min(PAUSE_MS.1);
        }
        let duration_ms = began.elapsed().as_millis() as u64;
        tracing::info!(job.id, job.operation, http.status = status.as_u16(), duration_ms, "a job was answered");
    }

    /// The answer to a job's request; asked again while it is that it could not be done now.
    async fn answer_of(&self, job: &JobView) -> (StatusCode, Vec<u8>) {
        let mut pause_ms = PAUSE_MS.0;
        for left in (0..TRIES_MAX).rev() {
            match self.ask(job).await {
                Ok((status, body)) if left == 0 || !PASSING.contains(&status) => return (status, body),
                Err(problem) if left == 0 || problem.status != 503 => {
                    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                    let code = problem.code.rsplit('.').next().unwrap_or_default();
                    let body = serde_json::json!({ "detail": { "error": code, "message": problem.detail } });
                    return (status, body.to_string().into_bytes());
                }
                Ok(_) | Err(_) => {}
            }
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            pause_ms = (pause_ms * 2).min(PAUSE_MS.1);
        }
        (StatusCode::SERVICE_UNAVAILABLE, Vec::new())
    }

    /// Asks the surface what the job asks, as whoever began it.
    async fn ask(&self, job: &JobView) -> Result<(StatusCode, Vec<u8>), Problem> {
        let surface = self.parts.surface.get().and_then(Weak::upgrade).ok_or_else(|| {
            Problem::unavailable("storage.catalogue_unavailable", "The surface is not there yet. Try again.")
        })?;
        let unusable = |what: &str| {
            tracing::error!(job.id, what, "a job on the log cannot be carried out");
            Problem::internal()
        };
        let actor = Actor::try_from(job.created_by.clone()).map_err(|_| unusable("created_by"))?;
        let tenant = Token::encode(&job.tenant).map_err(|_| unusable("tenant"))?;
        let secret = self.parts.key.derive("job seed", &[job.tenant.as_bytes(), job.id.as_bytes()]);
        let seed = Seed::kept(secret, Timestamp::from_micros(job.created_at));
        let principal = Principal { seed, ..Principal::new(actor, tenant, job.created_by.clone()) };
        let request = Request::builder()
            .method(job.method.parse::<Method>().map_err(|_| unusable("method"))?)
            .uri(&job.target)
            .header(CONTENT_TYPE, "application/json")
            .extension(Resumed(principal))
            .body(Body::from(job.body.clone()))
            .map_err(|_| unusable("target"))?;
        let response = Router::clone(&surface).oneshot(request).await.unwrap_or_else(|never| match never {});
        let status = response.status();
        let body = to_bytes(response.into_body(), ANSWER_READ_BYTES_MAX).await.map_err(|error| {
            tracing::warn!(%error, job.id, "the answer to a job's request cannot be read");
            Problem::unavailable("storage.table_unavailable", "The answer could not be read. Try again.")
        })?;
        Ok((status, body.into()))
    }

    /// Sends a command as the part of the platform that jobs are; where it is on the log.
    async fn send(&self, tenant: &Token, id: String, command: JobCommand) -> Result<Position, Problem> {
        let command = Command::Job(command);
        let request = CommandRequest {
            tenant: tenant.clone(),
            context: "storage".to_owned(),
            command: command.name().to_owned(),
            command_id: id,
            actor: Actor::System("jobs".to_owned()),
            payload: command.to_avro().into(),
            trace_parent: None,
        };
        let wait = Duration::from_secs(OUTCOME_WAIT_SECONDS);
        match self.parts.client.send_again(&request, wait).await?.verdict {
            Verdict::Accepted { position, .. } => Ok(position),
            Verdict::Rejected { problem } => Err(problem),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// 202, with the place where the answer will be.
fn accepted(job: Job) -> Response {
    let place = HeaderValue::from_str(&job.url).unwrap_or(HeaderValue::from_static("/"));
    let headers = [(LOCATION, place), (PREFERENCE_APPLIED, HeaderValue::from_static("respond-async"))];
    (StatusCode::ACCEPTED, headers, Json(job)).into_response()
}

/// A job as it is when it is answered, or when `wait` is over.
pub(crate) async fn ended(queries: &Queries, mut job: JobView, wait: Duration) -> Result<JobView, Problem> {
    let (until, mut pause_ms) = (Instant::now() + wait, POLL_MS.0);
    while job.ended_at.is_none() && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(pause_ms).min(until - Instant::now())).await;
        pause_ms = (pause_ms * 2).min(POLL_MS.1);
        job = queries.job(&job.tenant, &job.project, &job.id, &JobReach::default()).await?;
    }
    Ok(job)
}

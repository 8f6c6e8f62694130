//! Carries remedies out and says on the log what became of them: exactly once, whoever dies in between.
//!
//! The fold does what is asked under the request's position, which it keeps in the transaction of the remedy: asked again, it
//! gives the same answer and does nothing. Only then the verdict goes on the log, and only then the outcome is told.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alluvium_eventlog::{DecisionContext, Log, LogOptions, OutcomePublisher};
use alluvium_kernel::{Actor, BoxFuture, Outcome, Position, Problem, Timestamp, Token, Verdict};
use alluvium_messaging::{PullSettings, Tail, TailConfig, Tailed, stream_created};
use async_nats::jetstream;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::STREAM;
use crate::contract::{RemedySettled, SettleRemedy};
use crate::journal::{GivenUp, Identity, Journal, Request, SUBJECTS, Settled, Wanted};
use crate::model::Projection;

/// Pause before what could not be done is tried again, in milliseconds.
const AGAIN_MS: u64 = 1_000;
/// A verdict younger than this may have been given by a process that died before it told the outcome, in seconds.
const UNTOLD_SECONDS_MAX: i64 = 24 * 3_600;

/// A fold whose parked events can be remedied, where it runs.
pub trait Remediable: Send + Sync + 'static {
    /// Name of the projection.
    fn name(&self) -> &'static str;

    /// The stream that it folds.
    fn stream(&self) -> &'static str;

    /// Whether this process is the one to carry a remedy out; where several share a projection, one of them.
    fn answers(&self, request: &Request) -> bool;

    /// Carries a remedy out, once for its position; a transient problem is tried again, any other is the verdict. `seen` tells
    /// whether the request was there when this process began: an earlier one may have been at it.
    fn remedy<'a>(&'a self, request: &'a Request, seen: bool) -> BoxFuture<'a, Result<Value, Problem>>;

    /// The log says that this event is given up, now or long ago: from here on every replay leaves it out.
    fn given_up<'a>(&'a self, given_up: &'a GivenUp) -> BoxFuture<'a, Result<(), Problem>>;

    /// What stands at the sequence now is another event, of another stream: it is not left out.
    fn forget<'a>(&'a self, given_up: &'a GivenUp) -> BoxFuture<'a, Result<(), Problem>>;
}

/// Follows the requests for the folds of this process.
pub struct Remedies {
    js: jetstream::Context,
    log: Log,
    outcomes: OutcomePublisher,
    folds: Vec<Arc<dyn Remediable>>,
    journal: Journal,
    /// Up to here requests may have been begun by a process before.
    began: u64,
}

impl Remedies {
    /// For some folds, from where the journal was read to. Call inside a tokio runtime.
    pub fn new(js: jetstream::Context, journal: Journal, folds: Vec<Arc<dyn Remediable>>) -> Self {
        let log = Log::new(js.clone(), STREAM, "platform", LogOptions::default());
        let (outcomes, began) = (OutcomePublisher::new(js.clone()), journal.last);
        Self { js, log, outcomes, folds, journal, began }
    }

    /// Works until told to stop.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            let Some(result) = stop.run_until_cancelled(self.follow()).await else { return };
            if let Err(problem) = result {
                tracing::warn!(stream.name = STREAM, %problem, "following remedies begins again");
            }
            if stop.run_until_cancelled(tokio::time::sleep(Duration::from_millis(AGAIN_MS))).await.is_none() {
                return;
            }
        }
    }

    async fn follow(&mut self) -> Result<(), Problem> {
        self.obey_all().await?;
        let config = TailConfig {
            stream: STREAM.to_owned(),
            filters: vec![SUBJECTS.to_owned()],
            from: self.journal.last + 1,
            pull: PullSettings::default(),
        };
        let mut tail = Tail::new(self.js.clone(), config)?;
        loop {
            let waits = !self.carry_out().await;
            let next = if waits {
                // Something could not be done now; the stream goes on meanwhile.
                match tokio::time::timeout(Duration::from_millis(AGAIN_MS), tail.next()).await {
                    Ok(next) => next?,
                    Err(_) => continue,
                }
            } else {
                tail.next().await?
            };
            match next {
                Tailed::Message(message) => {
                    for settled in self.journal.take(&message) {
                        self.obey(&settled).await?;
                    }
                }
                Tailed::Reconnected => {
                    let (created, _) = stream_created(&self.js, STREAM).await?;
                    if created != self.journal.stream_created {
                        tracing::error!(
                            stream.name = STREAM,
                            "the stream was made anew; its remedies are read from the start"
                        );
                        self.journal = Journal::read(&self.js).await?;
                        return Ok(());
                    }
                }
                Tailed::Idle => {}
            }
        }
    }

    fn fold(&self, projection: &str) -> Option<Arc<dyn Remediable>> {
        self.folds.iter().find(|fold| fold.name() == projection).cloned()
    }

    /// Does what waits for the folds of this process, in order; false when something is left for later.
    async fn carry_out(&mut self) -> bool {
        let waiting: Vec<((u64, usize), Request)> =
            self.journal.pending.iter().map(|(place, request)| (*place, request.clone())).collect();
        let mut all = true;
        for (place, request) in waiting {
            let Some(fold) = self.fold(&request.projection) else { continue };
            if !fold.answers(&request) {
                // Another process does it, unless it goes and this one is the one before it did.
                all = false;
                continue;
            }
            match self.one(&*fold, &request).await {
                Ok(settled) => {
                    self.journal.pending.remove(&place);
                    self.journal.settled.push(settled);
                }
                Err(problem) => {
                    all = false;
                    tracing::warn!(command.id = %request.id, projection = %request.projection, %problem, "a remedy waits");
                }
            }
        }
        all
    }

    /// One remedy, from the doing to the outcome. Fails with a transient problem only.
    async fn one(&self, fold: &dyn Remediable, request: &Request) -> Result<Settled, Problem> {
        let verdict = match fold.remedy(request, request.seq <= self.began).await {
            Ok(result) => Ok(self.identified(fold, request, result).await?),
            Err(problem) if problem.is_transient() => return Err(problem),
            Err(problem) => Err(problem),
        };
        let problem = verdict.as_ref().err();
        let command = SettleRemedy {
            projection: request.projection.clone(),
            request: request.id.clone(),
            accepted: problem.is_none(),
            problem: problem.map(|problem| serde_json::to_string(problem).unwrap_or_default()),
            result: verdict.as_ref().map_or_else(|_| json!({}), Clone::clone).to_string(),
        };
        let settled = RemedySettled {
            request: command.request.clone(),
            accepted: command.accepted,
            problem: command.problem.clone(),
            result: command.result.clone(),
        };
        let id = Token::encode(&request.projection).map_err(|_| Problem::internal())?;
        let at = DecisionContext {
            tenant: request.tenant.clone(),
            command_id: format!("settle:{}", request.id),
            actor: Actor::System("projections".into()),
            time: now(),
        };
        let seq = self.log.decide::<Projection>(&id, command.into(), &at).await?;
        tracing::info!(
            command.id = %request.id,
            projection = %request.projection,
            key = %request.key,
            accepted = settled.accepted,
            "a remedy has its verdict"
        );
        let settled = Settled { request: request.clone(), verdict: settled, seq, at: at.time };
        self.obey(&settled).await?;
        Ok(settled)
    }

    /// A verdict says which message is given up: its sequence alone would mean another one once the stream is another one.
    async fn identified(&self, fold: &dyn Remediable, request: &Request, mut result: Value) -> Result<Value, Problem> {
        let Wanted::Skip(seq) = request.wanted else { return Ok(result) };
        if let Some(identity) = Identity::of(&self.js, fold.stream(), seq).await?
            && let (Some(result), Ok(Value::Object(identity))) =
                (result.as_object_mut(), serde_json::to_value(identity))
        {
            result.extend(identity);
        }
        Ok(result)
    }

    /// What follows from a verdict: the fold hears what is given up, the caller hears the outcome. Again and again is as once.
    async fn obey(&self, settled: &Settled) -> Result<(), Problem> {
        let Some(fold) = self.fold(&settled.request.projection) else { return Ok(()) };
        if let Some(given_up) = settled.given_up() {
            fold.given_up(&given_up).await?;
        }
        let request = &settled.request;
        self.outcomes.settle(&request.tenant, &outcome(settled), request.reply.as_deref()).await.map(drop)
    }

    /// Obeys every verdict there is: one may have been given by a process that died before it did.
    async fn obey_all(&self) -> Result<(), Problem> {
        let oldest = now().micros() - UNTOLD_SECONDS_MAX * 1_000_000;
        for settled in &self.journal.settled {
            let Some(fold) = self.fold(&settled.request.projection) else { continue };
            if let Some(given_up) = settled.given_up() {
                fold.given_up(&given_up).await?;
            }
            if settled.at.micros() > oldest {
                self.outcomes.publish(&settled.request.tenant, &outcome(settled)).await?;
            }
        }
        Ok(())
    }
}

fn outcome(settled: &Settled) -> Outcome {
    let Settled { request, verdict, seq, .. } = settled;
    let refused =
        verdict.problem.as_deref().map(|text| serde_json::from_str(text).unwrap_or_else(|_| Problem::internal()));
    Outcome {
        command_id: request.id.clone(),
        command: format!("platform.{}", request.command),
        body_hash: request.body_hash.clone(),
        verdict: match refused {
            Some(problem) => Verdict::Rejected { problem },
            None => Verdict::Accepted {
                position: Position::of(STREAM, *seq),
                events: vec!["RemedySettled".to_owned()],
                result: serde_json::from_str(&verdict.result).unwrap_or_default(),
            },
        },
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(since.as_micros() as i64)
}

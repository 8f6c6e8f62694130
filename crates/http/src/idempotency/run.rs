//! Running a request that this process has in hand, and noting what came of it.

use std::sync::Arc;
use std::time::Duration;

use alluvium_kernel::{Problem, trace};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use metrics::counter;
use tokio::time::{MissedTickBehavior, interval};

use super::answer::{Answer, Fate};
use super::entry::{Entry, State};
use super::key::{Key, Space};
use super::spool::Spooled;
use super::{ANSWER_KEPT_SECONDS, BEAT_MS, BEGUN_KEPT_SECONDS, Found, Held, Idempotency, SEAL, refusal, replay};
use crate::guard::Guard;
use crate::{Afterwards, Principal, ProblemResponse};

/// The answer to a request with a key.
pub(crate) async fn answer(
    layer: Arc<Idempotency>,
    guard: Arc<Guard>,
    key: Key,
    request: Request,
    next: Next,
) -> Response {
    match joined(layer, guard, key, request, next).await {
        Ok(response) => response,
        Err(problem) => refusal(problem),
    }
}

async fn joined(
    layer: Arc<Idempotency>,
    guard: Arc<Guard>,
    key: Key,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let reading = Spooled::read(body, guard.info.body_bytes_max, &layer.spool);
    let body = tokio::time::timeout(guard.info.timeout, reading).await.map_err(|_| guard.timed_out())??;
    let print = key.print(&layer.pepper, &body.hash);
    let held = match layer.find(&key, &print).await? {
        Found::Answer(answer) => {
            counter!("duckdb_idempotency_cache_hits_total").increment(1);
            return Ok(replay(answer, &key));
        }
        Found::Ours(held) => held,
    };
    counter!("duckdb_idempotency_cache_misses_total").increment(1);
    if let Some(principal) = parts.extensions.get_mut::<Principal>() {
        principal.seed = held.seed.clone();
    }
    let request = Request::from_parts(parts, body.into_body());
    // By itself: a client that goes away and comes back finds the request done, or joins it.
    let running = trace::within(trace::current(), async move {
        let answering = tokio::spawn(trace::within(trace::current(), guard.timed(request, next)));
        layer.see_through(&key, held, answering).await
    });
    tokio::spawn(running).await.map_err(|_| Problem::internal())
}

impl Idempotency {
    /// Waits for the answer, says meanwhile that somebody is at it, and notes what came of it.
    async fn see_through(
        &self,
        key: &Key,
        mut held: Held,
        mut answering: tokio::task::JoinHandle<Response>,
    ) -> Response {
        let mut beats = interval(Duration::from_millis(BEAT_MS));
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        beats.tick().await;
        let mut beat = 0;
        let answered = loop {
            tokio::select! {
                answered = &mut answering => break answered,
                _ = beats.tick() => {
                    beat += 1;
                    let running = self.running(&held.claim, beat);
                    self.note(&mut held, running, BEGUN_KEPT_SECONDS).await;
                }
            }
        };
        let response = answered.unwrap_or_else(|error| {
            tracing::error!(%error, "a handler panicked");
            ProblemResponse(Problem::internal()).into_response()
        });
        let (response, fate) = Answer::of(response).await;
        match fate {
            Fate::Keep(answer) => self.keep(key, &mut held, &answer).await,
            Fate::Again => {
                self.note(&mut held, State::Open, BEGUN_KEPT_SECONDS).await;
            }
            Fate::Forget => self.forget(&held.place, held.revision + 1).await,
        }
        response
    }

    async fn keep(&self, key: &Key, held: &mut Held, answer: &Answer) {
        let is_success = answer.status < 400;
        match key.afterwards {
            Afterwards::EndsProject if is_success => {
                // Written anew, so that all older ones of the space can go.
                let running = self.running(&held.claim, u64::MAX);
                self.note(held, running, BEGUN_KEPT_SECONDS).await;
                self.end_space(key.space(), held.revision).await;
            }
            Afterwards::BeginsProject if is_success => self.begin_project(key, held, answer).await,
            _ => {}
        }
        let secret = key.secret(&self.pepper, SEAL, &held.entry.nonce);
        match answer.seal(&secret, &held.place) {
            Ok(answer) => self.note(held, State::Done { answer }, ANSWER_KEPT_SECONDS).await,
            Err(_) => self.note(held, State::Open, BEGUN_KEPT_SECONDS).await,
        }
    }

    /// Writes how far a request is. What cannot be written now leaves the request to whoever asks next, with the same seed.
    async fn note(&self, held: &mut Held, state: State, keep_seconds: u64) {
        let entry = Entry { state, ..held.entry.clone() };
        let keep = Duration::from_secs(keep_seconds);
        match self.store.write(&held.place, held.revision, entry.to_bytes(), keep).await {
            Ok(Some(revision)) => held.revision = revision,
            Ok(None) => tracing::info!("a request with an idempotency key was taken over by another process"),
            Err(problem) => tracing::warn!(%problem, "what became of an idempotency key cannot be noted now"),
        }
    }

    async fn forget(&self, places: &str, before: u64) {
        if let Err(problem) = self.store.clear(places, before).await {
            tracing::warn!(%problem, "idempotency keys cannot be freed now; they end by themselves");
        }
    }

    /// A project's keys end with it, and that of the request that began it: those written before a revision.
    pub(crate) async fn end_space(&self, space: &Space, before: u64) {
        if let Ok(Some(beginning)) = self.store.read(&space.beginning()).await
            && let Ok(place) = String::from_utf8(beginning.value)
        {
            self.forget(&place, before).await;
        }
        self.forget(&space.every_place(), before).await;
    }

    /// The key of the request that began a project is taken in the project's own space, too.
    async fn begin_project(&self, key: &Key, held: &Held, answer: &Answer) {
        let answered: Option<serde_json::Value> = serde_json::from_str(&answer.body).ok();
        let Some(project) = answered.as_ref().and_then(|project| project["id"].as_str()) else { return };
        let entry = Entry { state: State::Open, ..held.entry.clone() };
        let space = key.space().of_project(project);
        let twin = (space.place(&key.text), entry.to_bytes());
        let beginning = (space.beginning(), held.place.clone().into_bytes());
        for (place, value) in [twin, beginning] {
            let keep = Duration::from_secs(ANSWER_KEPT_SECONDS);
            if let Err(problem) = self.store.write(&place, 0, value, keep).await {
                tracing::warn!(%problem, "the key of a new project's request cannot be noted in it");
            }
        }
    }
}

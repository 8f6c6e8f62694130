//! A running input: what it brings is put on the pipeline's stream, with the position behind it.

use std::sync::Arc;
use std::time::Duration;

use alluvium_connectors::{Chunk, Chunks, Handle, Input, Limits};
use alluvium_messaging::batch::Draft;
use async_nats::HeaderMap;
use bytes::Bytes;
use serde_json::Value;
use uuid::Uuid;

use super::feed::{Feed, Lot};
use super::ledger::{About, InputMark, Ledger, Written};
use super::pack::{self, pack};
use super::plan::InputPlan;
use super::state::InputState;
use crate::dead::Dead;
use crate::deployment::Deployment;

/// What is put on the stream together, in bytes as they came: small chunks are gathered up to here.
const LOT_BYTES: u64 = 1 << 20;
/// Pauses between tries to write, in milliseconds.
const RETRY_MS: std::ops::RangeInclusive<u64> = 100..=10_000;

/// An input that is ready to run.
pub(super) struct Feeding {
    endpoint: String,
    limits: Limits,
    feed: Feed,
    state: Arc<InputState>,
    ledger: Ledger,
    /// The sequence of the last mark, and the mark.
    at: (u64, InputMark),
}

/// Why it does not go on.
enum End {
    /// The pipeline ends.
    Stopped,
    /// It cannot.
    Fatal(String),
}

impl Feeding {
    pub fn new(
        plan: InputPlan,
        state: Arc<InputState>,
        ledger: Ledger,
        at: (u64, InputMark),
    ) -> (Box<dyn Input>, Self) {
        let InputPlan { endpoint, input, limits, feed, .. } = plan;
        (input, Self { endpoint, limits, feed, state, ledger, at })
    }

    /// Runs until it is at its end, cannot go on, or the pipeline ends.
    pub async fn run(mut self, input: Box<dyn Input>, deployment: Arc<Deployment>) {
        // What was at its end stays there.
        if self.at.1.ended {
            return;
        }
        let position = Some(self.at.1.position.clone()).filter(|position| !position.is_null());
        let (handle, chunks) = alluvium_connectors::start(input, position, self.limits, true);
        let handle = Arc::new(handle);
        self.state.runs(Arc::clone(&handle));
        match self.follow(&deployment, &handle, chunks).await {
            Ok(()) | Err(End::Stopped) => {}
            Err(End::Fatal(reason)) => {
                handle.halt();
                self.state.fails(&reason);
                deployment.logs.line("ERROR", &format!("connector {}: {reason}", self.endpoint));
            }
        }
        handle.halt();
    }

    async fn follow(&mut self, deployment: &Deployment, handle: &Handle, mut chunks: Chunks) -> Result<(), End> {
        let Some(place) = deployment.place.get() else { return Err(End::Stopped) };
        let (mut changes, mut statuses) = (place.connectors.changes(), deployment.statuses());
        loop {
            changes.borrow_and_update();
            statuses.borrow_and_update();
            if place.connectors.may_run(&self.endpoint, deployment) {
                handle.resume();
            } else {
                handle.pause();
            }
            self.room(deployment).await?;
            let chunk = tokio::select! {
                biased;
                () = deployment.stop.cancelled() => return Err(End::Stopped),
                _ = changes.changed() => continue,
                _ = statuses.changed() => continue,
                chunk = chunks.next() => chunk,
            };
            let Some(chunk) = chunk else { break };
            let (position, lot) = self.gather(chunk, &mut chunks)?;
            self.put(deployment, position, lot, false).await?;
        }
        let status = handle.status();
        if let Some(reason) = status.fatal_error {
            return Err(End::Fatal(reason));
        }
        if status.end_of_input {
            self.put(deployment, self.at.1.position.clone(), Lot::default(), true).await?;
            deployment.logs.line("INFO", &format!("connector {} reached the end of its input", self.endpoint));
            place.connectors.ended(&self.endpoint);
        }
        Ok(())
    }

    /// Waits until the engine has looked at so much of what is on the stream that there may be more.
    async fn room(&self, deployment: &Deployment) -> Result<(), End> {
        let mut seen = deployment.seen.subscribe();
        loop {
            let (records, bytes) = self.state.waiting(*seen.borrow_and_update());
            if records < self.limits.records.max(1) && bytes < self.limits.bytes.max(1) {
                return Ok(());
            }
            tokio::select! {
                () = deployment.stop.cancelled() => return Err(End::Stopped),
                changed = seen.changed() => changed.map_err(|_| End::Stopped)?,
            }
        }
    }

    /// Reads a chunk, and those behind it that are there already.
    fn gather(&mut self, first: Chunk, chunks: &mut Chunks) -> Result<(Value, Lot), End> {
        let (mut lot, mut next) = (Lot::default(), Some(first));
        let mut position = Value::Null;
        while let Some(chunk) = next {
            position.clone_from(&chunk.position);
            let payload = chunk.payload.clone();
            // Threads that serve others are not held up by what may be long.
            let read = tokio::task::block_in_place(|| self.feed.read(payload, &mut lot));
            read.map_err(End::Fatal)?;
            drop(chunk);
            next = if lot.bytes < LOT_BYTES { chunks.try_next() } else { None };
        }
        Ok((position, lot))
    }

    /// Puts a lot on the stream, once, however often it has to be tried.
    async fn put(&mut self, deployment: &Deployment, position: Value, mut lot: Lot, ended: bool) -> Result<(), End> {
        let changes = std::mem::take(&mut lot.changes);
        let packed = tokio::task::block_in_place(|| pack(changes));
        let (payloads, too_large) = packed.map_err(|error| End::Fatal(error.to_string()))?;
        if too_large > 0 {
            lot.parse_errors += too_large;
            lot.records = lot.records.saturating_sub(too_large);
            let metadata = serde_json::json!({ "endpoint": self.endpoint, "rows": too_large });
            lot.dead.push(Dead::new(&self.state.relation, "rows are larger than a message may be", &metadata));
        }
        if payloads.len() > pack::MESSAGES_MAX {
            let reason = "what comes at once takes more messages than one batch holds; lower `max_batch_size`";
            return Err(End::Fatal(reason.to_owned()));
        }
        let (payloads, rows): (Vec<Bytes>, Vec<u64>) = payloads.into_iter().unzip();
        let drafts = self.drafts(payloads, &lot.dead)?;
        let before = &self.at.1;
        let mark = InputMark {
            position,
            ended,
            records: before.records + lot.records,
            bytes: before.bytes + lot.bytes,
            parse_errors: before.parse_errors + lot.parse_errors,
            messages: drafts.len() as u64,
        };
        let seq = self.write(deployment, &mark, &drafts).await?;
        self.at = (seq, mark.clone());
        deployment.stats.came(lot.bytes);
        (seq + 1..).zip(rows).for_each(|(seq, rows)| deployment.stats.backlog.coming(seq, rows));
        self.state.brought(mark, seq + drafts.len() as u64, (lot.records, lot.bytes), &lot.dead);
        Ok(())
    }

    fn drafts(&self, payloads: Vec<Bytes>, dead: &[Dead]) -> Result<Vec<Draft>, End> {
        let subject = self.ledger.rows_subject(&self.state.relation).map_err(|problem| End::Fatal(problem.detail))?;
        let draft = |subject: &str, payload| Draft { subject: subject.to_owned(), headers: HeaderMap::new(), payload };
        let mut drafts: Vec<Draft> = payloads.into_iter().map(|payload| draft(&subject, payload)).collect();
        if !dead.is_empty() {
            let payload = serde_json::to_vec(dead).map_err(|error| End::Fatal(error.to_string()))?;
            drafts.push(draft(&self.ledger.errors_subject(), payload.into()));
        }
        Ok(drafts)
    }

    async fn write(&self, deployment: &Deployment, mark: &InputMark, drafts: &[Draft]) -> Result<u64, End> {
        let attempt = Uuid::new_v4();
        let mut pause = *RETRY_MS.start();
        loop {
            let writing = self.ledger.write((About::Input, &self.endpoint), mark, drafts, (self.at.0, attempt));
            match writing.await.map_err(|problem| End::Fatal(problem.detail))? {
                Written::Stored(seq) => return Ok(seq),
                Written::Overtaken => {
                    return Err(End::Fatal("another process writes what this connector brings".to_owned()));
                }
                Written::Failed(reason) => {
                    tracing::warn!(endpoint = self.endpoint, reason, "what a connector brought is not on the log yet");
                }
            }
            tokio::select! {
                () = deployment.stop.cancelled() => return Err(End::Stopped),
                () = tokio::time::sleep(Duration::from_millis(pause)) => {}
            }
            pause = (pause * 2).min(*RETRY_MS.end());
        }
    }
}

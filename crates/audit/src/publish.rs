//! Publishing what was noted, behind the answers.

use std::sync::Arc;
use std::time::Duration;

use alluvium_kernel::{Actor, SigningKey, Timestamp, Token, header};
use alluvium_messaging::Contract as _;
use async_nats::HeaderMap;
use async_nats::jetstream::{self, context::PublishError};
use futures::future::join_all;
use metrics::counter;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::contract::CallAudited;
use crate::queue::{Ledger, Noted, REASONS, dropped};
use crate::record::subject_of;

/// Calls published together.
const BATCH_CALLS_MAX: usize = 256;
/// How long calls are gathered before they are published, in milliseconds.
const GATHER_MS: u64 = 50;
/// First and longest pause before calls are published again, in milliseconds.
const PAUSE_MS: (u64, u64) = (100, 5_000);
/// How long a process that stops may take to publish what waits, in seconds.
const DRAIN_SECONDS: u64 = 5;

/// Publishes what was noted.
pub struct Publisher {
    js: jetstream::Context,
    key: SigningKey,
    ledger: Arc<Ledger>,
}

impl Publisher {
    pub(crate) fn new(js: jetstream::Context, key: SigningKey, ledger: Arc<Ledger>) -> Self {
        Self { js, key, ledger }
    }

    /// Publishes until `stop`, then what still waits, within a bound.
    pub async fn run(self, stop: CancellationToken) {
        while stop.run_until_cancelled(self.ledger.more.notified()).await.is_some() {
            // Those that are answered in the same moment go together.
            stop.run_until_cancelled(tokio::time::sleep(Duration::from_millis(GATHER_MS))).await;
            self.publish_all(&stop).await;
        }
        let until = Instant::now() + Duration::from_secs(DRAIN_SECONDS);
        while self.ledger.len() > 0 && Instant::now() < until {
            let rest = tokio::time::timeout_at(until, self.publish(self.ledger.take(BATCH_CALLS_MAX))).await;
            dropped("stopped", rest.map_or(BATCH_CALLS_MAX, |rest| rest.len()) as u64);
        }
        dropped("stopped", self.ledger.len() as u64);
    }

    /// Everything that waits, again and again until the log has it. Meanwhile more may come, up to the queue's bound.
    async fn publish_all(&self, stop: &CancellationToken) {
        let mut pause = PAUSE_MS.0;
        let mut batch = self.ledger.take(BATCH_CALLS_MAX);
        while !batch.is_empty() {
            batch = self.publish(batch).await;
            if batch.is_empty() {
                (batch, pause) = (self.ledger.take(BATCH_CALLS_MAX), PAUSE_MS.0);
                continue;
            }
            tracing::warn!(calls = batch.len(), "the account of calls waits for the log");
            if stop.run_until_cancelled(tokio::time::sleep(Duration::from_millis(pause))).await.is_none() {
                let rest = self.publish(batch).await;
                return dropped("stopped", rest.len() as u64);
            }
            pause = (pause * 2).min(PAUSE_MS.1);
        }
    }

    /// Those that could not be published now.
    async fn publish(&self, batch: Vec<Noted>) -> Vec<Noted> {
        let sent = batch.into_iter().map(|noted| async move {
            let published = keep(&self.js, &self.key, &noted.tenant, &noted.call).await;
            (published.is_err()).then_some(noted)
        });
        let sent = join_all(sent).await;
        let all = sent.len();
        let rest: Vec<Noted> = sent.into_iter().flatten().collect();
        counter!("alluvium_audit_published_total").increment((all - rest.len()) as u64);
        // So that there is a figure also where nothing was left out.
        REASONS.into_iter().for_each(|reason| dropped(reason, 0));
        rest
    }
}

/// Publishes one call, signed, under its own id: what is published again is kept once. Gives its place in the stream.
pub(crate) async fn keep(
    js: &jetstream::Context,
    key: &SigningKey,
    tenant: &Token,
    call: &CallAudited,
) -> Result<u64, PublishError> {
    let (subject, payload) = (subject_of(tenant, call), call.to_avro());
    let time = Timestamp::from_micros(call.created);
    let mut headers = HeaderMap::new();
    headers.insert(header::MESSAGE_ID, call.uuid.as_str());
    headers.insert(header::TIME, call.created.to_string());
    headers.insert(header::SIGNATURE, key.sign(&call.uuid, &signer(), time, &subject, &payload));
    Ok(js.publish_with_headers(subject, headers, payload.into()).await?.await?.sequence)
}

/// Whose signature the account bears: whoever else publishes on its subjects is not believed.
pub(crate) fn signer() -> Actor {
    Actor::System("audit".to_owned())
}

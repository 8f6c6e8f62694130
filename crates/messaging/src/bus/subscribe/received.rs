//! A message in the hands of its reader.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use super::{ConsumeError, held::Holding};
use crate::{
    bus::Bus,
    consume::{Pause, Retry, Tiers, Verdict},
    dead_letter::DeadLetter,
    headers::Headers,
    transport::{DeadReason, Incoming, Position, Settle, SettleError, Settler},
    wire::Payload,
};

/// A message that its reader must settle. Dropping it unsettled brings it again, with a line in the log and a number.
pub struct Unsettled {
    pub(super) incoming: Incoming,
    pub(super) bus: Bus,
    pub(super) settler: Arc<dyn Settler>,
    pub(super) group: Arc<str>,
    pub(super) settled: bool,
    /// Says that somebody works on it, for as long as it is here.
    pub(super) holding: Option<Holding>,
    /// Where it waits when it is given back, when the broker does not deliver again by itself.
    pub(super) tiers: Option<Arc<Tiers>>,
}

impl std::fmt::Debug for Unsettled {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Unsettled").field("position", &self.incoming.position).finish_non_exhaustive()
    }
}

impl Unsettled {
    /// The message as it came.
    pub fn raw(&self) -> &Incoming {
        &self.incoming
    }

    /// Where it stands.
    pub fn position(&self) -> &Position {
        &self.incoming.position
    }

    pub(super) async fn settle(&mut self, how: Settle) -> Result<(), SettleError> {
        self.settled = true;
        self.holding = None;
        self.settler.settle(&self.incoming.token, how).await
    }

    /// It is handled.
    pub async fn ack(mut self) -> Result<(), SettleError> {
        self.settle(Settle::Done).await
    }

    /// It shall come again after this.
    pub async fn retry(self, after: Duration) -> Result<(), SettleError> {
        self.give_back(after, Pause::AtLeast(after)).await
    }

    /// It shall come again after `after`, or what comes to `pause` where retry topics are.
    async fn give_back(mut self, after: Duration, pause: Pause) -> Result<(), SettleError> {
        let Some(tiers) = self.tiers.clone() else { return self.settle(Settle::Retry(after)).await };
        let attempt = self.incoming.attempt.saturating_add(1);
        tiers.send(&self.incoming, attempt, pause).await.map_err(|error| SettleError(error.to_string()))?;
        self.settle(Settle::Done).await
    }

    /// It never will be handled: it is put aside with this reason.
    pub async fn dead(self, reason: impl Into<String>) -> Result<(), ConsumeError> {
        self.put_aside(DeadReason::Handler, vec![reason.into()]).await
    }

    pub(super) async fn put_aside(mut self, reason: DeadReason, chain: Vec<String>) -> Result<(), ConsumeError> {
        let last = crate::bus::now();
        let verdict =
            Verdict { reason, chain, attempts: self.incoming.attempt, first: self.incoming.first_time(), last };
        if let Some(letter) = DeadLetter::default().letter(&self.bus, &self.incoming, &self.group, &verdict) {
            self.bus.deliver(letter).await.map_err(ConsumeError::DeadLetter)?;
        }
        Ok(self.settle(Settle::Dead(reason)).await?)
    }
}

impl Drop for Unsettled {
    fn drop(&mut self) {
        if !self.settled {
            tracing::warn!(message.position = %self.incoming.position, "a message was dropped unsettled; it comes again");
            metrics::counter!(
                "messaging_unsettled_total", "topic" => self.incoming.topic.to_string(),
                "group" => self.group.to_string(), "transport" => self.bus.system()
            )
            .increment(1);
        }
    }
}

/// A message with its content.
#[derive(Debug)]
pub struct Received<T> {
    pub(super) payload: Payload<T>,
    pub(super) message: Unsettled,
}

impl<T> Received<T> {
    /// Its content.
    pub fn payload(&self) -> &Payload<T> {
        &self.payload
    }

    /// Its value, unless it is a tombstone.
    pub fn value(&self) -> Option<&T> {
        match &self.payload {
            Payload::Value(value) => Some(value),
            Payload::Tombstone => None,
        }
    }

    /// Its key.
    pub fn key(&self) -> Option<&Bytes> {
        self.message.incoming.key.as_ref()
    }

    /// Its headers.
    pub fn headers(&self) -> &Headers {
        &self.message.incoming.headers
    }

    /// Where it stands.
    pub fn position(&self) -> &Position {
        &self.message.incoming.position
    }

    /// How often it was delivered, this time included.
    pub fn attempt(&self) -> u32 {
        self.message.incoming.attempt
    }

    /// The message as it came.
    pub fn raw(&self) -> &Incoming {
        &self.message.incoming
    }

    /// It is handled.
    pub async fn ack(self) -> Result<(), SettleError> {
        self.message.ack().await
    }

    /// It shall come again after this.
    pub async fn retry(self, after: Duration) -> Result<(), SettleError> {
        self.message.retry(after).await
    }

    /// It failed and shall come again when its retry says.
    pub(crate) async fn failed(self, retry: &Retry) -> Result<(), SettleError> {
        let attempt = self.attempt();
        self.message.give_back(retry.pause(attempt), Pause::About(retry.most(attempt))).await
    }

    /// It never will be handled: it is put aside with this reason.
    pub async fn dead(self, reason: impl Into<String>) -> Result<(), ConsumeError> {
        self.message.dead(reason).await
    }

    /// Content and message apart.
    pub fn into_parts(self) -> (Payload<T>, Unsettled) {
        (self.payload, self.message)
    }
}

//! Strict order: one message after the other as the stream has them, also after a crash, from a place that the reader keeps itself.

use std::sync::Arc;

use alluvium_kernel::BoxFuture;

use super::{BoxError, LoopError};
use crate::{
    bus::Bus,
    transport::{Settle, SettleError, SettleToken, Settler, StartFrom},
};

/// Keeps how far readers have come. The inbox in Postgres does.
pub trait Positions: Send + Sync {
    /// The last message that `consumer` is done with.
    fn load<'a>(&'a self, consumer: &'a str, partition: &'a str) -> BoxFuture<'a, Result<Option<u64>, BoxError>>;

    /// `consumer` is done with everything up to `position`. Does nothing when it was further already.
    fn advance<'a>(
        &'a self,
        consumer: &'a str,
        partition: &'a str,
        position: u64,
    ) -> BoxFuture<'a, Result<(), BoxError>>;
}

/// The place of one reader on one topic; settles by moving it.
pub(super) struct Place {
    positions: Arc<dyn Positions>,
    consumer: Arc<str>,
    topic: Arc<str>,
    last: Option<u64>,
}

impl Place {
    /// Looks up where the reader stands.
    pub(super) async fn open(
        bus: &Bus,
        topic: &Arc<str>,
        consumer: &Arc<str>,
        positions: Option<Arc<dyn Positions>>,
    ) -> Result<Self, LoopError> {
        let wrong = |why: &str| Err(LoopError::Settings(why.to_owned()));
        if bus.capabilities().watermark {
            return wrong(
                "Ordering::Strict is for brokers that deliver out of order after a crash; this one does not: use Partition",
            );
        }
        if consumer.is_empty() {
            return wrong("Ordering::Strict needs a group, under which the place is kept");
        }
        let Some(positions) = positions else {
            return wrong("Ordering::Strict needs a store for the place of the reader (Loop::positions)");
        };
        let loaded = positions.load(consumer, topic).await;
        let last = loaded.map_err(|error| LoopError::Place(error.to_string()))?;
        Ok(Self { positions, consumer: consumer.clone(), topic: topic.clone(), last })
    }

    /// Where to read on; where to begin when nothing was done yet.
    pub(super) fn from(&self, begin: StartFrom) -> StartFrom {
        self.last.map_or(begin, |last| StartFrom::Seq(last + 1))
    }
}

impl Settler for Place {
    fn settle<'a>(&'a self, token: &'a SettleToken, how: Settle) -> BoxFuture<'a, Result<(), SettleError>> {
        Box::pin(async move {
            // What comes again does so because the place was not moved.
            if !matches!(how, Settle::Done | Settle::Dead(_)) {
                return Ok(());
            }
            let moved = self.positions.advance(&self.consumer, &self.topic, token.number);
            moved.await.map_err(|error| SettleError(error.to_string()))
        })
    }

    fn commit(&self) -> BoxFuture<'_, Result<(), SettleError>> {
        Box::pin(async { Ok(()) })
    }
}

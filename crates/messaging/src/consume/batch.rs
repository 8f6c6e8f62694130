//! Handling many messages at once.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{BoxError, DrainReport, LoopError, read::Readable};
use crate::{
    Bus, Message,
    bus::{OnPoison, Received, SubscribeOpts, Subscription},
    consume::Retry,
    profile::Profile,
};

/// How long an empty subscription is waited on before the token is looked at again, in milliseconds.
const LOOK_EVERY_MS: u64 = 250;

/// A loop that hands over chunks of messages of one partition and takes a result for each.
pub struct BatchLoop<T: Readable> {
    bus: Bus,
    opts: SubscribeOpts,
    max: usize,
    max_wait: Duration,
    retry: Retry,
    _reads: std::marker::PhantomData<fn() -> T>,
}

impl<M: Message> BatchLoop<M> {
    /// Chunks of at most `max` messages, handed over when full or `max_wait` after the first came.
    pub fn new(bus: &Bus, max: usize, max_wait: Duration) -> Self {
        let opts = SubscribeOpts::new().profile(Profile::Batch).on_poison(OnPoison::DeadLetter);
        let (bus, max) = (bus.clone(), max.max(1));
        Self { bus, opts, max, max_wait, retry: Retry::default(), _reads: std::marker::PhantomData }
    }

    /// The group that shares the messages.
    #[must_use]
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.opts = self.opts.group(group);
        self
    }

    /// The settings of reading.
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> Self {
        self.opts = self.opts.profile(profile);
        self
    }

    /// How often and when a failed message comes again: from the broker, on Kafka from the group's retry topics
    /// ([`RetryMode::Redeliver`](super::RetryMode::Redeliver)).
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Hands chunks to `handler` until `shutdown` is cancelled. It gives a result for each message, in their order; a message
    /// without one counts as failed. Failed messages are delivered again, and put aside after the last try.
    pub async fn run<H, F>(self, handler: H, shutdown: CancellationToken) -> Result<DrainReport, LoopError>
    where
        H: Fn(Arc<Vec<Received<M>>>) -> F,
        F: Future<Output = Vec<Result<(), BoxError>>>,
    {
        let group = self.opts.group.as_deref().or(M::meta().group);
        if group.is_none() && !self.bus.capabilities().redelivery {
            let why = "BatchLoop needs a group: failed messages wait on its retry topics";
            return Err(LoopError::Settings(why.into()));
        }
        let mut subscription = self.bus.subscribe::<M>(self.opts.clone().retry_topics(true)).await?;
        let mut finished = 0;
        while !shutdown.is_cancelled() {
            for chunk in by_partition(self.chunk(&mut subscription, &shutdown).await?) {
                finished += self.handle(chunk, &handler).await?;
            }
        }
        subscription.close().await.map_err(|error| LoopError::Broken(error.to_string()))?;
        Ok(DrainReport { finished, abandoned: 0 })
    }

    /// Hands over one chunk and settles its messages; gives how many were handled.
    async fn handle<H, F>(&self, chunk: Vec<Received<M>>, handler: &H) -> Result<usize, LoopError>
    where
        H: Fn(Arc<Vec<Received<M>>>) -> F,
        F: Future<Output = Vec<Result<(), BoxError>>>,
    {
        let mut finished = 0;
        let chunk = Arc::new(chunk);
        let mut results = handler(chunk.clone()).await.into_iter();
        let chunk =
            Arc::try_unwrap(chunk).map_err(|_| LoopError::Broken("a handler of chunks kept its chunk".to_owned()))?;
        for message in chunk {
            let result = results.next().unwrap_or_else(|| Err("the handler gave no result for it".into()));
            finished += usize::from(result.is_ok());
            self.settle(message, result).await?;
        }
        Ok(finished)
    }

    async fn chunk(
        &self,
        subscription: &mut Subscription<M>,
        shutdown: &CancellationToken,
    ) -> Result<Vec<Received<M>>, LoopError> {
        let failed = |error: crate::bus::ConsumeError| LoopError::Broken(error.to_string());
        let look = Duration::from_millis(LOOK_EVERY_MS);
        let mut chunk = subscription.batch(self.max, look).await.map_err(failed)?;
        let until = Instant::now() + self.max_wait;
        while !chunk.is_empty() && chunk.len() < self.max && Instant::now() < until && !shutdown.is_cancelled() {
            let wait = until.saturating_duration_since(Instant::now()).min(look);
            chunk.extend(subscription.batch(self.max - chunk.len(), wait).await.map_err(failed)?);
        }
        Ok(chunk)
    }

    async fn settle(&self, message: Received<M>, result: Result<(), BoxError>) -> Result<(), LoopError> {
        let attempt = message.attempt();
        let position = message.position().clone();
        let settled = match result {
            Ok(()) => message.ack().await.map_err(Into::into),
            Err(error) if attempt >= self.retry.attempts_max() => message.dead(error.to_string()).await,
            Err(_) => message.failed(&self.retry).await.map_err(Into::into),
        };
        match settled {
            Ok(()) => Ok(()),
            Err(error) if self.bus.capabilities().redelivery => {
                tracing::warn!(message.position = %position, error = %error, "a message was not settled; it comes again");
                Ok(())
            }
            // Elsewhere it comes again to whoever begins anew, and until then nothing behind it would be committed.
            Err(error) => Err(LoopError::Broken(format!("{position} was not settled: {error}"))),
        }
    }
}

/// Messages of each partition, in their order.
fn by_partition<T>(chunk: Vec<Received<T>>) -> Vec<Vec<Received<T>>> {
    let mut chunks: BTreeMap<u32, Vec<Received<T>>> = BTreeMap::new();
    for message in chunk {
        chunks.entry(message.raw().partition).or_default().push(message);
    }
    chunks.into_values().collect()
}

//! The kit for programs without async: the same calls on a private runtime. Called inside an async context they fail with
//! [`BlockingError::InAsync`] instead of stopping it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::runtime::{Builder, Handle as RuntimeHandle, Runtime};
use tokio_util::sync::CancellationToken;

use crate::{
    Message,
    bus::{
        BatchReceipt, BuildError, BusBuilder, ConsumeError, ProduceOpts, Received, SubscribeOpts,
        Subscription as AsyncSubscription,
    },
    consume::{BoxError, Context, DrainReport, Handle, HandlerError, Loop as AsyncLoop, LoopError},
    transport::{FlushError, Pending, PublishError, Receipt, SettleError, SubscribeError},
};

/// A call of the blocking kit failed.
#[derive(Debug, thiserror::Error)]
pub enum BlockingError<E: std::error::Error + 'static> {
    /// It was called where blocking would stop others: use the async kit there.
    #[error("the blocking kit was called inside an async context")]
    InAsync,
    /// The private runtime could not be made.
    #[error("no runtime")]
    Runtime(#[source] std::io::Error),
    /// The call itself failed.
    #[error(transparent)]
    Failed(E),
}

type Result<T, E> = std::result::Result<T, BlockingError<E>>;

fn outside<E: std::error::Error + 'static>() -> Result<(), E> {
    if RuntimeHandle::try_current().is_ok() { Err(BlockingError::InAsync) } else { Ok(()) }
}

fn on<T, E: std::error::Error + 'static>(
    runtime: &Private,
    future: impl Future<Output = std::result::Result<T, E>>,
) -> Result<T, E> {
    outside::<E>()?;
    let runtime = runtime.0.as_ref().expect("it is taken out only when it is dropped");
    runtime.block_on(future).map_err(BlockingError::Failed)
}

/// The runtime, which may be dropped anywhere.
#[derive(Debug)]
struct Private(Option<Runtime>);

impl Drop for Private {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // Waiting for its threads would not be allowed inside an async context.
            runtime.shutdown_background();
        }
    }
}

/// One connection to a broker. A cheap clone.
#[derive(Clone, Debug)]
pub struct Bus {
    bus: crate::Bus,
    runtime: Arc<Private>,
}

impl Bus {
    /// Connects as the builder says.
    pub fn build(builder: BusBuilder) -> Result<Self, BuildError> {
        outside::<BuildError>()?;
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("messaging").enable_all().build();
        let runtime = Arc::new(Private(Some(runtime.map_err(BlockingError::Runtime)?)));
        let bus = on(&runtime, builder.build())?;
        Ok(Self { bus, runtime })
    }

    /// Connects as the environment says.
    pub fn from_env() -> Result<Self, BuildError> {
        Self::build(crate::Bus::builder().env())
    }

    /// The same bus for async code.
    pub fn inner(&self) -> &crate::Bus {
        &self.bus
    }

    /// Sends a message and waits until the broker has it.
    pub fn produce<M: Message>(&self, message: &M) -> Result<Receipt, PublishError> {
        on(&self.runtime, self.bus.produce(message))
    }

    /// The same with more said about the message.
    pub fn produce_with<M: Message>(&self, message: &M, opts: ProduceOpts) -> Result<Receipt, PublishError> {
        on(&self.runtime, self.bus.produce_with(message, opts))
    }

    /// Sends a message: waits for a place in the window only.
    pub fn enqueue<M: Message>(&self, message: &M) -> Result<Pending, PublishError> {
        on(&self.runtime, self.bus.enqueue(message))
    }

    /// Waits for the acknowledgement of an enqueued message.
    pub fn wait(&self, pending: Pending) -> Result<Receipt, PublishError> {
        on(&self.runtime, pending)
    }

    /// Sends many messages, all at once under way.
    pub fn produce_batch<M: Message>(
        &self,
        messages: impl IntoIterator<Item = M>,
    ) -> Result<BatchReceipt, PublishError> {
        on(&self.runtime, self.bus.produce_batch(messages).into_future())
    }

    /// Says that what a key names is gone.
    pub fn tombstone<M: Message>(&self, key: impl Into<Bytes>) -> Result<Receipt, PublishError> {
        on(&self.runtime, self.bus.tombstone::<M>(key))
    }

    /// Waits until everything sent before the call is settled.
    pub fn flush(&self, within: Duration) -> Result<(), FlushError> {
        on(&self.runtime, self.bus.flush(within))
    }

    /// Flushes and closes.
    pub fn close(&self, within: Duration) -> Result<(), FlushError> {
        on(&self.runtime, self.bus.close(within))
    }

    /// Makes what a type needs and is missing.
    pub fn ensure<M: Message>(&self) -> Result<(), crate::transport::AdminError> {
        on(&self.runtime, self.bus.ensure::<M>())
    }

    /// Reads messages of a type.
    pub fn subscribe<M: Message>(&self, opts: SubscribeOpts) -> Result<Subscription<M>, SubscribeError> {
        let subscription = on(&self.runtime, self.bus.subscribe::<M>(opts))?;
        Ok(Subscription { subscription, runtime: self.runtime.clone() })
    }

    /// Reads one message of a type and closes.
    pub fn consume_one<M: Message>(
        &self,
        opts: SubscribeOpts,
        timeout: Duration,
    ) -> Result<Option<Received<M>>, ConsumeError> {
        on(&self.runtime, self.bus.consume_one(opts, timeout))
    }

    /// Acknowledges a message.
    pub fn ack<M>(&self, received: Received<M>) -> Result<(), SettleError> {
        on(&self.runtime, received.ack())
    }

    /// Has a message delivered again after this.
    pub fn retry<M>(&self, received: Received<M>, after: Duration) -> Result<(), SettleError> {
        on(&self.runtime, received.retry(after))
    }

    /// Puts a message aside.
    pub fn dead<M>(&self, received: Received<M>, reason: impl Into<String>) -> Result<(), ConsumeError> {
        on(&self.runtime, received.dead(reason))
    }
}

/// Messages of a channel, as they are asked for.
pub struct Subscription<M> {
    subscription: AsyncSubscription<M>,
    runtime: Arc<Private>,
}

impl<M: Message> Subscription<M> {
    /// The next message; `None` when none comes in time.
    pub fn next(&mut self, timeout: Duration) -> Result<Option<Received<M>>, ConsumeError> {
        on(&self.runtime, self.subscription.next(timeout))
    }

    /// Messages until there are `max`, none is there any more, or time is up.
    pub fn batch(&mut self, max: usize, timeout: Duration) -> Result<Vec<Received<M>>, ConsumeError> {
        on(&self.runtime, self.subscription.batch(max, timeout))
    }

    /// Leaves the group.
    pub fn close(self) -> Result<(), ConsumeError> {
        on(&self.runtime, self.subscription.close())
    }
}

/// A loop whose handler may block: each runs on a thread of its own.
pub struct Loop<M: Message> {
    inner: AsyncLoop<M>,
    runtime: Arc<Private>,
}

impl<M: Message> Loop<M> {
    /// A loop as the async one is told to be.
    pub fn new(bus: &Bus, told: impl FnOnce(AsyncLoop<M>) -> AsyncLoop<M>) -> Self {
        Self { inner: told(AsyncLoop::new(&bus.bus)), runtime: bus.runtime.clone() }
    }

    /// Stops the loop and tells how it is doing.
    pub fn handle(&self) -> Handle {
        self.inner.handle()
    }

    /// Handles messages until the loop's handle is told to stop, or a signal comes where those are listened to.
    pub fn run<H>(self, handler: H) -> Result<DrainReport, LoopError>
    where
        H: Fn(Context, M) -> std::result::Result<(), HandlerError> + Send + Sync + 'static,
    {
        let handler = Arc::new(handler);
        let run = self.inner.run(
            move |context, message| {
                let handler = handler.clone();
                async move {
                    let blocking = tokio::task::spawn_blocking(move || handler(context, message));
                    blocking
                        .await
                        .unwrap_or_else(|panic| Err(HandlerError::Transient(BoxError::from(panic.to_string()))))
                }
            },
            CancellationToken::new(),
        );
        on(&self.runtime, run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::memory::MemoryBroker;

    #[test]
    fn it_works_outside_and_refuses_inside() {
        let bus = Bus::build(crate::Bus::builder().transport(Arc::new(MemoryBroker::jetstream()))).unwrap();
        bus.flush(Duration::from_secs(1)).unwrap();
        let inside = bus.clone();
        let runtime = Builder::new_current_thread().build().unwrap();
        let refused = runtime.block_on(async move { inside.flush(Duration::from_secs(1)) });
        assert!(matches!(refused, Err(BlockingError::InAsync)));
    }
}

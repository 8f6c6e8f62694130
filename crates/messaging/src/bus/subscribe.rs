//! Typed messages in, one at a time, settled by whoever takes them.

use std::{collections::VecDeque, marker::PhantomData, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::Stream;
use tokio::time::Instant;

use super::Bus;
use crate::{
    consume::{Channel, Readable, Unreadable, Verdict},
    dead_letter::DeadLetter,
    headers::Headers,
    model::Message,
    profile::Profile,
    transport::{
        DeadReason, Incoming, Lag, Position, PublishError, Room, Settle, SettleError, Settler, Source, SourceError,
        StartFrom, SubscribeError, SubscribeSpec,
    },
    wire::{Payload, ReadWire},
};

/// How long closing a subscription may take, in seconds.
const CLOSE_SECONDS: u64 = 5;

/// What becomes of a message that cannot be decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnPoison {
    /// It is put aside, and the next one is given.
    #[default]
    DeadLetter,
    /// It is settled and dropped with a line in the log, and the next one is given.
    Skip,
    /// It is given as [`ConsumeError::Decode`], and the caller settles it.
    Stop,
}

/// How to subscribe.
#[derive(Clone, Debug, Default)]
pub struct SubscribeOpts {
    group: Option<String>,
    profile: Option<Profile>,
    from: StartFrom,
    on_poison: OnPoison,
    automatic: bool,
    wire: Option<ReadWire>,
}

impl SubscribeOpts {
    /// As the type says.
    pub fn new() -> Self {
        Self::default()
    }

    /// The group that shares the messages.
    #[must_use]
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// The settings of reading.
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = Some(profile);
        self
    }

    /// Where a group that is new begins.
    #[must_use]
    pub fn from(mut self, from: StartFrom) -> Self {
        self.from = from;
        self
    }

    /// What becomes of a message that cannot be decoded.
    #[must_use]
    pub fn on_poison(mut self, what: OnPoison) -> Self {
        self.on_poison = what;
        self
    }

    /// `false`: each message is acknowledged when the next one is asked for.
    #[must_use]
    pub fn manual(mut self, manual: bool) -> Self {
        self.automatic = !manual;
        self
    }

    /// The formats that are read, instead of the type's own.
    #[must_use]
    pub fn wire(mut self, wire: impl Into<ReadWire>) -> Self {
        self.wire = Some(wire.into());
        self
    }
}

/// A message could not be given or settled.
#[derive(Debug, thiserror::Error)]
pub enum ConsumeError {
    /// The subscription cannot begin.
    #[error(transparent)]
    Subscribe(#[from] SubscribeError),
    /// Messages stopped coming.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A message cannot be decoded.
    #[error("the message at {} cannot be decoded: {}", .raw.position(), .chain.first().map_or("", String::as_str))]
    Decode {
        /// The message, to be settled.
        raw: Box<Unsettled>,
        /// The reason that its dead letter would have.
        reason: DeadReason,
        /// What is wrong and why, outermost first.
        chain: Vec<String>,
    },
    /// The broker was not told what became of a message.
    #[error(transparent)]
    Settle(#[from] SettleError),
    /// A dead letter could not be stored; its message is not settled.
    #[error("the dead letter could not be stored")]
    DeadLetter(#[source] PublishError),
}

impl ConsumeError {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Subscribe(error) => error.code(),
            Self::Source(error) => error.code(),
            Self::Decode { .. } => "messaging.decode",
            Self::Settle(error) => error.code(),
            Self::DeadLetter(error) => error.code(),
        }
    }

    /// Whether trying again may help.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Subscribe(error) => error.retryable(),
            Self::Source(error) => error.retryable(),
            Self::Decode { .. } => false,
            Self::Settle(_) => true,
            Self::DeadLetter(error) => error.retryable(),
        }
    }
}

/// A message that its reader must settle. Dropping it unsettled brings it again, with a line in the log and a number.
pub struct Unsettled {
    incoming: Incoming,
    bus: Bus,
    settler: Arc<dyn Settler>,
    group: Arc<str>,
    settled: bool,
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

    async fn settle(&mut self, how: Settle) -> Result<(), SettleError> {
        self.settled = true;
        self.settler.settle(&self.incoming.token, how).await
    }

    /// It is handled.
    pub async fn ack(mut self) -> Result<(), SettleError> {
        self.settle(Settle::Done).await
    }

    /// It shall come again after this.
    pub async fn retry(mut self, after: Duration) -> Result<(), SettleError> {
        self.settle(Settle::Retry(after)).await
    }

    /// It never will be handled: it is put aside with this reason.
    pub async fn dead(self, reason: impl Into<String>) -> Result<(), ConsumeError> {
        self.put_aside(DeadReason::Handler, vec![reason.into()]).await
    }

    async fn put_aside(mut self, reason: DeadReason, chain: Vec<String>) -> Result<(), ConsumeError> {
        let last = super::now();
        let verdict = Verdict { reason, chain, attempts: self.incoming.attempt, first: self.incoming.time, last };
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
    payload: Payload<T>,
    message: Unsettled,
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

    /// It never will be handled: it is put aside with this reason.
    pub async fn dead(self, reason: impl Into<String>) -> Result<(), ConsumeError> {
        self.message.dead(reason).await
    }

    /// It is still being worked on: the broker shall wait.
    pub async fn working(&self) -> Result<(), SettleError> {
        self.message.settler.settle(&self.message.incoming.token, Settle::Working).await
    }

    /// Content and message apart.
    pub fn into_parts(self) -> (Payload<T>, Unsettled) {
        (self.payload, self.message)
    }
}

/// Messages of a channel, as they are asked for.
pub struct Subscription<T> {
    bus: Bus,
    source: Box<dyn Source>,
    settler: Arc<dyn Settler>,
    group: Arc<str>,
    opts: SubscribeOpts,
    room: Room,
    /// Given out and to be acknowledged with the next call.
    owed: VecDeque<crate::transport::SettleToken>,
    _reads: PhantomData<fn() -> T>,
}

impl Bus {
    /// Reads messages of a type.
    pub async fn subscribe<M: Message>(&self, mut opts: SubscribeOpts) -> Result<Subscription<M>, SubscribeError> {
        if opts.group.is_none() {
            opts.group = M::meta().group.map(ToOwned::to_owned);
        }
        Subscription::open(self, Channel::of::<M>(), opts).await
    }

    /// Reads the bytes of a channel, without any codec.
    pub async fn subscribe_raw(
        &self,
        channel: Channel,
        opts: SubscribeOpts,
    ) -> Result<Subscription<crate::consume::Opaque>, SubscribeError> {
        Subscription::open(self, channel, opts).await
    }

    /// Reads one message of a type and closes; `None` when none comes in time. Settling it is the caller's.
    pub async fn consume_one<M: Message>(
        &self,
        opts: SubscribeOpts,
        timeout: Duration,
    ) -> Result<Option<Received<M>>, ConsumeError> {
        let profile = opts.profile.clone().unwrap_or_else(|| Profile::Custom(Box::new(self.settings().clone())));
        // One and no more: what is asked for ahead would wait for `ack_wait`.
        let opts = opts.profile(profile.jetstream(|it| it.pull_messages = 1)).manual(true);
        let mut subscription = self.subscribe::<M>(opts).await?;
        subscription.room.messages = 1;
        let one = subscription.next(timeout).await?;
        subscription.close().await?;
        Ok(one)
    }
}

impl<T: Readable> Subscription<T> {
    async fn open(bus: &Bus, channel: Channel, opts: SubscribeOpts) -> Result<Self, SubscribeError> {
        let settings = opts.profile.as_ref().map_or_else(|| bus.settings().clone(), Profile::settings).consume;
        let room = Room { messages: settings.max_in_flight, bytes: settings.max_in_flight_bytes, idle: true };
        let spec = SubscribeSpec {
            topic: channel.topic,
            filters: channel.filters,
            stream: channel.stream,
            group: opts.group.clone(),
            from: opts.from.clone(),
            partition_token: channel.partition_token,
            settings,
        };
        let source = bus.transport().subscribe(spec).await?;
        let group: Arc<str> = opts.group.as_deref().unwrap_or("").into();
        let settler = source.settler();
        let (bus, owed) = (bus.clone(), VecDeque::new());
        Ok(Self { bus, source, settler, group, opts, room, owed, _reads: PhantomData })
    }

    /// The next message; `None` when none comes in time.
    pub async fn next(&mut self, timeout: Duration) -> Result<Option<Received<T>>, ConsumeError> {
        self.pay().await?;
        let until = Instant::now() + timeout;
        loop {
            self.source.room(self.room);
            let Ok(next) = tokio::time::timeout_at(until, self.source.next()).await else { return Ok(None) };
            let Some(next) = next else { return Ok(None) };
            if let Some(received) = self.receive(next?).await? {
                return Ok(Some(received));
            }
        }
    }

    /// Messages until there are `max`, none is there any more, or time is up.
    pub async fn batch(&mut self, max: usize, timeout: Duration) -> Result<Vec<Received<T>>, ConsumeError> {
        let mut all: Vec<Received<T>> = self.next(timeout).await?.into_iter().collect();
        while !all.is_empty() && all.len() < max {
            let Some(next) = self.source.ready() else { break };
            all.extend(self.receive(next?).await?);
        }
        Ok(all)
    }

    /// All messages, for ever.
    pub fn stream(self) -> impl Stream<Item = Result<Received<T>, ConsumeError>> {
        futures::stream::unfold(self, |mut subscription| async {
            loop {
                match subscription.next(Duration::from_hours(1)).await {
                    Ok(Some(received)) => return Some((Ok(received), subscription)),
                    Ok(None) => {}
                    Err(ConsumeError::Source(error)) if !error.retryable() => return None,
                    Err(error) => return Some((Err(error), subscription)),
                }
            }
        })
    }

    /// How far behind the end: of the group, or of this reader when there is none.
    pub async fn lag(&self) -> Result<Lag, ConsumeError> {
        Ok(self.source.lag().await?)
    }

    /// Leaves the group. What was given out can be settled still.
    pub async fn close(mut self) -> Result<(), ConsumeError> {
        self.pay().await?;
        Ok(self.source.close(Instant::now() + Duration::from_secs(CLOSE_SECONDS)).await?)
    }

    /// Acknowledges what was given out, when that goes by itself.
    async fn pay(&mut self) -> Result<(), ConsumeError> {
        while let Some(token) = self.owed.front() {
            self.settler.settle(token, Settle::Done).await?;
            self.owed.pop_front();
        }
        Ok(())
    }

    async fn receive(&mut self, incoming: Incoming) -> Result<Option<Received<T>>, ConsumeError> {
        let read = T::read(&self.bus, &incoming, self.opts.wire).await;
        let (bus, settler, group) = (self.bus.clone(), self.settler.clone(), self.group.clone());
        let mut message = Unsettled { incoming, bus, settler, group, settled: false };
        match read {
            Ok(payload) => {
                if self.opts.automatic {
                    self.owed.push_back(message.incoming.token.clone());
                    message.settled = true;
                }
                Ok(Some(Received { payload, message }))
            }
            Err(Unreadable { passes: true, .. }) => {
                message.retry(Duration::from_secs(1)).await?;
                Ok(None)
            }
            Err(Unreadable { reason, chain, .. }) => match self.opts.on_poison {
                OnPoison::Stop => Err(ConsumeError::Decode { raw: Box::new(message), reason, chain }),
                OnPoison::DeadLetter => message.put_aside(reason, chain).await.map(|()| None),
                OnPoison::Skip => {
                    tracing::warn!(message.position = %message.position(), error = ?chain.first(), "a message was skipped");
                    message.settle(Settle::Dead(reason)).await?;
                    Ok(None)
                }
            },
        }
    }
}

//! Typed messages in, one at a time, settled by whoever takes them.

mod error;
mod held;
mod opts;
mod received;
mod view;

use std::{collections::VecDeque, marker::PhantomData, sync::Arc, time::Duration};

use futures::Stream;
use tokio::time::Instant;

pub use error::ConsumeError;
use held::{Held, Holding};
pub use opts::{OnPoison, SubscribeOpts};
pub use received::{Received, Unsettled};
pub use view::View;

use super::Bus;
use crate::{
    consume::{Channel, Readable, Tiers, Unreadable},
    model::Message,
    profile::Profile,
    transport::{Incoming, Lag, Room, Settle, SettleToken, Settler, Source, SubscribeError, SubscribeSpec},
};

/// How long closing a subscription may take, in seconds.
const CLOSE_SECONDS: u64 = 5;
/// How long a message waits at the broker whose schema is not known yet, in milliseconds.
const UNKNOWN_SCHEMA_PAUSE_MS: u64 = 1_000;

/// Messages of a channel, as they are asked for.
pub struct Subscription<T> {
    bus: Bus,
    source: Box<dyn Source>,
    settler: Arc<dyn Settler>,
    group: Arc<str>,
    opts: SubscribeOpts,
    room: Room,
    /// Given out and to be acknowledged with the next call.
    owed: VecDeque<(SettleToken, Option<Holding>)>,
    /// Where the broker may be told that a message is worked on.
    held: Option<Arc<Held>>,
    /// Where messages wait that are given back, when the broker does not deliver again by itself.
    tiers: Option<Arc<Tiers>>,
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
        let ack_wait = settings.ack_wait;
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
        let tiers = match &opts.group {
            Some(group) if opts.retry_topics && !bus.capabilities().redelivery => {
                Some(Tiers::new(bus, &spec.topic, group))
            }
            _ => None,
        };
        let source = match &tiers {
            Some(tiers) => tiers.subscribe(spec).await?,
            None => bus.transport().subscribe(spec).await?,
        };
        let group: Arc<str> = opts.group.as_deref().unwrap_or("").into();
        let settler = source.settler();
        let held = bus.capabilities().working.then(|| Held::start(settler.clone(), ack_wait));
        let (bus, owed) = (bus.clone(), VecDeque::new());
        Ok(Self { bus, source, settler, group, opts, room, owed, held, tiers, _reads: PhantomData })
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
        while let Some((token, holding)) = self.owed.front_mut() {
            *holding = None;
            self.settler.settle(token, Settle::Done).await?;
            self.owed.pop_front();
        }
        Ok(())
    }

    /// Takes a message into the reader's hands.
    fn hold(&self, incoming: Incoming) -> Unsettled {
        let (bus, settler, group) = (self.bus.clone(), self.settler.clone(), self.group.clone());
        let holding = self.held.as_ref().map(|held| held.hold(&incoming.token));
        let tiers = self.tiers.clone();
        Unsettled { incoming, bus, settler, group, settled: false, holding, tiers }
    }

    async fn receive(&mut self, incoming: Incoming) -> Result<Option<Received<T>>, ConsumeError> {
        let mut message = self.hold(incoming);
        let (read, _) = T::read(&self.bus, &message.incoming, self.opts.wire).await;
        match read {
            Ok(payload) => {
                if self.opts.automatic {
                    self.owed.push_back((message.incoming.token.clone(), message.holding.take()));
                    message.settled = true;
                }
                Ok(Some(Received { payload, message }))
            }
            Err(Unreadable { passes: true, .. }) => {
                message.retry(Duration::from_millis(UNKNOWN_SCHEMA_PAUSE_MS)).await?;
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

impl<M: Message> Subscription<M> {
    /// The next message, not decoded: what is read of it borrows from its bytes. `None` when none comes in time. Settling it is the
    /// caller's, also when its schema is not known ([`ConsumeError::Decode`]).
    pub async fn view(&mut self, timeout: Duration) -> Result<Option<View>, ConsumeError> {
        self.pay().await?;
        self.source.room(self.room);
        let Ok(Some(next)) = tokio::time::timeout(timeout, self.source.next()).await else { return Ok(None) };
        let message = self.hold(next?);
        let codecs = self.bus.codecs();
        let wire = self.opts.wire.unwrap_or_else(|| codecs.wire_of::<M>().into());
        let Some(payload) = message.incoming.payload.as_ref() else { return Ok(Some(View { datum: None, message })) };
        match codecs.datum(payload, &message.incoming.headers, wire, M::schema()).await {
            Ok(datum) => Ok(Some(View { datum: Some(datum), message })),
            Err(error) => {
                let Unreadable { reason, chain, .. } = error.into();
                Err(ConsumeError::Decode { raw: Box::new(message), reason, chain })
            }
        }
    }
}

//! What a handler knows beside its message.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU32, Ordering},
};

use alluvium_kernel::Timestamp;
use bytes::Bytes;

use super::lanes::Ordering as Order;
use crate::{
    bus::Bus,
    headers::{self, Headers},
    transport::{Incoming, Outgoing, Pending, Position, PublishError},
};

/// A message under way through a loop.
#[derive(Debug)]
pub struct Delivery {
    pub(crate) incoming: Incoming,
    bus: Bus,
    group: Arc<str>,
    ordering: Order,
    attempt: AtomicU32,
    /// Messages sent by the handler, acknowledged before its own message is.
    sent: Mutex<Vec<Pending>>,
}

impl Delivery {
    pub(crate) fn new(incoming: Incoming, bus: Bus, group: Arc<str>, ordering: Order) -> Arc<Self> {
        let attempt = AtomicU32::new(incoming.attempt);
        Arc::new(Self { incoming, bus, group, ordering, attempt, sent: Mutex::default() })
    }

    pub(crate) fn set_attempt(&self, attempt: u32) {
        self.attempt.store(attempt, Ordering::Relaxed);
    }

    pub(crate) fn take_sent(&self) -> Vec<Pending> {
        std::mem::take(&mut *self.sent.lock().unwrap_or_else(PoisonError::into_inner))
    }

    #[cfg(test)]
    pub(crate) fn for_test(key: &str, seq: u64) -> Arc<Self> {
        use crate::transport::SettleToken;
        let incoming = Incoming {
            topic: "orders".into(),
            subject: "orders".into(),
            partition: 0,
            position: Position::Stream { stream: "ORDERS".into(), seq },
            key: (!key.is_empty()).then(|| Bytes::copy_from_slice(key.as_bytes())),
            payload: Some(Bytes::from_static(b"x")),
            headers: Headers::new(),
            time: Timestamp::from_micros(0),
            attempt: 1,
            token: SettleToken::default(),
        };
        Self::new(incoming, Bus::detached(), "test".into(), Order::Key)
    }
}

/// What a handler knows beside its message. A cheap clone.
#[derive(Clone, Debug)]
pub struct Context(pub(crate) Arc<Delivery>);

impl Context {
    /// The bus that the message came over.
    pub fn bus(&self) -> &Bus {
        &self.0.bus
    }

    /// The group that handles it.
    pub fn group(&self) -> &str {
        &self.0.group
    }

    /// The logical name it came under.
    pub fn topic(&self) -> &str {
        &self.0.incoming.topic
    }

    /// Its subject; on Kafka the topic.
    pub fn subject(&self) -> &str {
        &self.0.incoming.subject
    }

    /// Its key.
    pub fn key(&self) -> Option<&Bytes> {
        self.0.incoming.key.as_ref()
    }

    /// Its headers.
    pub fn headers(&self) -> &Headers {
        &self.0.incoming.headers
    }

    /// Its id, if its producer gave it one.
    pub fn id(&self) -> Option<&str> {
        self.0.incoming.id()
    }

    /// Where it stands.
    pub fn position(&self) -> &Position {
        &self.0.incoming.position
    }

    /// When the broker took it in.
    pub fn time(&self) -> Timestamp {
        self.0.incoming.time
    }

    /// Which try this is, from 1, those of processes that died included.
    pub fn attempt(&self) -> u32 {
        self.0.attempt.load(Ordering::Relaxed)
    }

    /// The message as it came.
    pub fn raw(&self) -> &Incoming {
        &self.0.incoming
    }

    /// Whether messages of a partition come here in their order, each behind the end of the one before, also after a crash.
    pub fn in_order(&self) -> bool {
        match self.0.ordering {
            Order::Strict => true,
            // Brokers with one watermark begin again in order after a crash; the others deliver out of order then.
            Order::Partition => self.0.bus.capabilities().watermark,
            Order::Key | Order::None => false,
        }
    }

    /// Sends a typed message that belongs to this one, as [`Self::send`] does.
    pub async fn produce<M: crate::Message>(&self, message: &M) -> Result<(), PublishError> {
        let outgoing = self.0.bus.plain(message).await?;
        self.send(outgoing).await
    }

    /// Sends a message that belongs to this one: this one is settled only after that one is acknowledged, and tried again when
    /// it is not. It carries on the trace state and the baggage of this one.
    pub async fn send(&self, mut message: Outgoing) -> Result<(), PublishError> {
        self.carry_on(&mut message.headers);
        let pending = self.0.bus.send(message).await?;
        self.0.sent.lock().unwrap_or_else(PoisonError::into_inner).push(pending);
        Ok(())
    }

    /// What W3C trace context has to be handed on, as long as the message says nothing else.
    fn carry_on(&self, headers: &mut Headers) {
        let own = &self.0.incoming.headers;
        for name in [headers::TRACE_PARENT, headers::TRACE_STATE, headers::BAGGAGE] {
            if headers.get(name).is_none()
                && let Some(value) = own.get_bytes(name)
            {
                headers.insert(name, value.clone());
            }
        }
    }
}

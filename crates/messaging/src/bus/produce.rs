//! Typed messages out.

use std::{future::IntoFuture, time::Duration};

use alluvium_kernel::{BoxFuture, Timestamp, trace};
use bytes::Bytes;
use futures::FutureExt;

use super::{Bus, now, stamp};
use crate::{
    headers::{self, HeaderError, Headers},
    ids,
    model::{Message, Vars},
    transport::{Outgoing, Pending, PublishError, Receipt},
    wire::{Encoder, Wire},
};

/// What may be said about one message beside its content.
#[derive(Clone, Debug, Default)]
pub struct ProduceOpts {
    headers: Headers,
    bad_header: Option<HeaderError>,
    key: Option<Bytes>,
    partition: Option<i32>,
    time: Option<Timestamp>,
    id: Option<String>,
    expect_last_subject_seq: Option<u64>,
    ttl: Option<Duration>,
    delay: Option<Duration>,
    timeout: Option<Duration>,
    wire: Option<Wire>,
    vars: Option<Vars>,
}

impl ProduceOpts {
    /// Nothing special.
    pub fn new() -> Self {
        Self::default()
    }

    /// A header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Bytes>) -> Self {
        let name = name.into();
        match headers::check_user_name(&name) {
            Ok(()) => self.headers.insert(name, value),
            Err(error) => self.bad_header = Some(error),
        }
        self
    }

    /// Another key than the message's own.
    #[must_use]
    pub fn key(mut self, key: impl Into<Bytes>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The partition, whatever the key says.
    #[must_use]
    pub fn partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// When it happened.
    #[must_use]
    pub fn time(mut self, time: Timestamp) -> Self {
        self.time = Some(time);
        self
    }

    /// Its id.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Only if the subject's last sequence is this (0: none yet).
    #[must_use]
    pub fn expect_last_subject_seq(mut self, seq: u64) -> Self {
        self.expect_last_subject_seq = Some(seq);
        self
    }

    /// How long the broker keeps it.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Not to be delivered before this has passed.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = Some(delay);
        self
    }

    /// How long it may take, acknowledgement included; 10 s when nothing is said.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Another format than the type's own.
    #[must_use]
    pub fn wire(mut self, wire: Wire) -> Self {
        self.wire = Some(wire);
        self
    }

    /// Values for placeholders of the subject that no field gives.
    #[must_use]
    pub fn vars(mut self, vars: Vars) -> Self {
        self.vars = Some(vars);
        self
    }
}

fn encode(error: impl std::error::Error + Send + Sync + 'static) -> PublishError {
    PublishError::Encode(Box::new(error))
}

impl Bus {
    /// Does all that encoding a type needs a registry for; from then on encoding waits for nobody.
    pub async fn prepare<M: Message>(&self) -> Result<(), PublishError> {
        self.encoder::<M>(None).await.map(drop)
    }

    async fn encoder<M: Message>(&self, wire: Option<Wire>) -> Result<Encoder<M>, PublishError> {
        let wire = wire.unwrap_or_else(|| self.codecs().wire_of::<M>());
        self.codecs().encoder::<M>(wire).await.map_err(encode)
    }

    /// Sends a message and waits until the broker has it.
    pub async fn produce<M: Message>(&self, message: &M) -> Result<Receipt, PublishError> {
        self.enqueue(message).await?.await
    }

    /// The same with more said about the message.
    pub async fn produce_with<M: Message>(&self, message: &M, opts: ProduceOpts) -> Result<Receipt, PublishError> {
        let outgoing = self.outgoing(message, opts).await?;
        self.deliver(outgoing).await
    }

    /// Sends a message: waits for a place in the window, then gives what resolves with the acknowledgement.
    pub async fn enqueue<M: Message>(&self, message: &M) -> Result<Pending, PublishError> {
        let outgoing = self.plain(message).await?;
        self.send(outgoing).await
    }

    /// A message of which nothing more is said, as it goes to the broker.
    pub(crate) async fn plain<M: Message>(&self, message: &M) -> Result<Outgoing, PublishError> {
        let encoder = self.encoder::<M>(None).await?;
        self.dress(&encoder, message)
    }

    /// The same, but [`PublishError::Full`] instead of waiting. The type must be [prepared](Self::prepare).
    pub fn try_enqueue<M: Message>(&self, message: &M) -> Result<Pending, PublishError> {
        let Some(encoder) = self.encoder::<M>(None).now_or_never() else {
            return Err(PublishError::Encode(format!("{} is not prepared yet (Bus::prepare)", M::NAME).into()));
        };
        let outgoing = self.dress(&encoder?, message)?;
        self.transport().try_publish(outgoing)
    }

    /// Sends many messages, all at once under way; see [`Batch`].
    pub fn produce_batch<M: Message>(&self, messages: impl IntoIterator<Item = M>) -> Batch<'_, M> {
        Batch { bus: self, messages: messages.into_iter().collect(), atomic: false }
    }

    /// Says that what a key names is gone.
    pub async fn tombstone<M: Message>(&self, key: impl Into<Bytes>) -> Result<Receipt, PublishError> {
        let (meta, key) = (M::meta(), key.into());
        let text = std::str::from_utf8(&key).ok().map(ToOwned::to_owned);
        let subject = tombstone_subject(meta.subject, text.as_deref(), self.vars())?;
        let mut outgoing = Outgoing::on(meta.topic, subject, None).with_key(key);
        outgoing.stream = meta.stream.map(Into::into);
        outgoing.headers.insert(headers::TYPE, M::NAME);
        self.complete(&mut outgoing, None, None);
        self.deliver(outgoing).await
    }

    /// A message as it goes to the broker.
    pub async fn outgoing<M: Message>(&self, message: &M, opts: ProduceOpts) -> Result<Outgoing, PublishError> {
        if let Some(error) = opts.bad_header {
            return Err(error.into());
        }
        let encoder = self.encoder::<M>(opts.wire).await?;
        let mut outgoing = self.dress_with(&encoder, message, opts.vars.as_ref(), opts.id, opts.time)?;
        outgoing.headers.extend(opts.headers);
        if opts.key.is_some() {
            outgoing.key = opts.key;
        }
        outgoing.partition = opts.partition;
        outgoing.expect_last_subject_seq = opts.expect_last_subject_seq;
        outgoing.ttl = opts.ttl;
        outgoing.delay = opts.delay;
        outgoing.within = opts.timeout;
        Ok(outgoing)
    }

    fn dress<M: Message>(&self, encoder: &Encoder<M>, message: &M) -> Result<Outgoing, PublishError> {
        self.dress_with(encoder, message, None, None, None)
    }

    fn dress_with<M: Message>(
        &self,
        encoder: &Encoder<M>,
        message: &M,
        vars: Option<&Vars>,
        id: Option<String>,
        time: Option<Timestamp>,
    ) -> Result<Outgoing, PublishError> {
        let encoded = encoder.encode(message).map_err(encode)?;
        let subject = message.subject(vars.unwrap_or_else(|| self.vars())).map_err(encode)?;
        let mut outgoing = Outgoing::on(encoder.topic(), subject, Some(encoded.payload));
        outgoing.stream = encoder.stream();
        outgoing.key = encoded.key;
        outgoing.headers = encoded.headers;
        let id = if id.is_some() { id } else { message.id().map_err(encode)? };
        let time = if time.is_some() { time } else { message.time().map_err(encode)? };
        self.complete(&mut outgoing, id, time);
        Ok(outgoing)
    }

    /// Id, time and trace.
    fn complete(&self, outgoing: &mut Outgoing, id: Option<String>, time: Option<Timestamp>) {
        outgoing.id = id.or_else(|| self.settings().publish.message_ids.then(|| ids::next().to_string()));
        let time = time.unwrap_or_else(now);
        outgoing.time = Some(time);
        outgoing.headers.insert(headers::TIME, stamp(time));
        if trace::is_on() {
            let mut span = trace::begin(trace::Kind::Producer, None, || format!("send {}", outgoing.topic));
            span.note("messaging.system", self.system());
            span.note("messaging.operation.type", "send");
            span.note("messaging.destination.name", &outgoing.topic);
            span.note("messaging.message.body.size", outgoing.payload.as_ref().map_or(0, Bytes::len));
            if let Some(id) = &outgoing.id {
                span.note("messaging.message.id", id);
            }
            if let Some(parent) = span.traceparent().or_else(trace::current) {
                outgoing.headers.insert(headers::TRACE_PARENT, parent.as_bytes().to_vec());
            }
        }
    }
}

fn tombstone_subject(template: &str, key: Option<&str>, vars: &Vars) -> Result<String, PublishError> {
    let tokens = template.split('.').map(|token| {
        let Some(name) = token.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
            return Ok(token.to_owned());
        };
        let value = if name == "key" { key } else { vars.get(name) };
        let bad = || PublishError::Subject {
            subject: template.to_owned(),
            detail: format!("placeholder {{{name}}} has no value for a tombstone"),
        };
        let value = value.filter(|value| !value.is_empty()).ok_or_else(bad)?;
        alluvium_kernel::Token::encode(value).map(|token| token.to_string()).map_err(|_| bad())
    });
    Ok(tokens.collect::<Result<Vec<String>, _>>()?.join("."))
}

/// Many messages. Awaiting it sends them all, each after the other of its key, and waits for every acknowledgement.
#[must_use = "nothing is sent before it is awaited"]
pub struct Batch<'a, M> {
    bus: &'a Bus,
    messages: Vec<M>,
    atomic: bool,
}

/// What became of many messages, in their order.
#[derive(Debug)]
pub struct BatchReceipt(pub Vec<Result<Receipt, PublishError>>);

impl BatchReceipt {
    /// Whether the broker has all of them.
    pub fn is_complete(&self) -> bool {
        self.0.iter().all(Result::is_ok)
    }

    /// What failed, by place.
    pub fn failures(&self) -> impl Iterator<Item = (usize, &PublishError)> {
        self.0.iter().enumerate().filter_map(|(at, each)| Some((at, each.as_ref().err()?)))
    }
}

impl<M> Batch<'_, M> {
    /// All or nothing; `Unsupported` before anything is sent where the broker cannot.
    pub fn atomic(mut self) -> Self {
        self.atomic = true;
        self
    }
}

impl<'a, M: Message> IntoFuture for Batch<'a, M> {
    type Output = Result<BatchReceipt, PublishError>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { bus, messages, atomic } = self;
            if atomic && !bus.capabilities().atomic_batch {
                return Err(PublishError::Unsupported { what: "an atomic batch", transport: bus.system() });
            }
            if atomic {
                let mut all = Vec::with_capacity(messages.len());
                for message in &messages {
                    all.push(bus.outgoing(message, ProduceOpts::new()).await?);
                }
                let receipts = bus.transport().publish_atomic(all).await?;
                return Ok(BatchReceipt(receipts.into_iter().map(Ok).collect()));
            }
            let mut under_way = Vec::with_capacity(messages.len());
            for message in &messages {
                under_way.push(bus.enqueue(message).await);
            }
            let mut receipts = Vec::with_capacity(under_way.len());
            for each in under_way {
                receipts.push(match each {
                    Ok(pending) => pending.await,
                    Err(error) => Err(error),
                });
            }
            Ok(BatchReceipt(receipts))
        })
    }
}

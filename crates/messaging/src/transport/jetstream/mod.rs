//! NATS JetStream as a [`Transport`].

mod acks;
mod admin;
pub(crate) mod consumer;
mod flights;
mod later;
mod publish;
mod resolve;
mod source;
pub(crate) mod wire;

use std::{sync::Arc, time::Duration};

use alluvium_kernel::BoxFuture;
use async_nats::{
    Client,
    jetstream::{self, response::Response},
};

use super::{
    Admin, Capabilities, DeliveryErrorHook, FlushError, Outgoing, Pending, Position, PublishError, Receipt, Source,
    SubscribeError, SubscribeSpec, Transport,
};
use crate::{
    batch::{BATCH_MESSAGES_MAX, Draft, publish_batch},
    direct,
    error::ErrorKind,
    profile::PublishSettings,
};
use publish::Publisher;

#[cfg(any(test, feature = "testing"))]
pub(crate) use admin::stream_name;

/// What JetStream can, on servers from 2.12 on.
const CAPABILITIES: Capabilities = Capabilities {
    system: "nats",
    atomic_batch: true,
    expect_sequence: true,
    ttl: true,
    // By streams that were made for it.
    delay: true,
    redelivery: true,
    working: true,
    watermark: false,
    null_payload: false,
    binary_headers: false,
};

/// JetStream on one connection.
pub struct JetStream {
    js: jetstream::Context,
    client: Client,
    publisher: Publisher,
    admin: admin::JetStreamAdmin,
    schedules: later::Schedules,
}

impl JetStream {
    /// On a connection that is there already; see [`crate::connect`].
    pub async fn new(client: Client, settings: PublishSettings) -> Result<Self, SubscribeError> {
        let js = crate::connect::jetstream(client.clone());
        let publisher = Publisher::open(js.clone(), settings).await.map_err(|error| SubscribeError::Unreachable {
            trying: "listening to acknowledgements".into(),
            detail: error.to_string(),
        })?;
        let admin = admin::JetStreamAdmin { js: js.clone() };
        Ok(Self { js, client, publisher, admin, schedules: later::Schedules::default() })
    }

    /// The context, for what the kit does not cover.
    pub fn context(&self) -> &jetstream::Context {
        &self.js
    }

    /// Messages that wait for their acknowledgement.
    pub fn in_flight(&self) -> usize {
        self.publisher.in_flight()
    }

    async fn publish_all(&self, messages: Vec<Outgoing>) -> Result<Vec<Receipt>, PublishError> {
        let Some(last) = messages.last().cloned() else { return Ok(Vec::new()) };
        if messages.len() > BATCH_MESSAGES_MAX {
            return Err(PublishError::Unsupported {
                what: "an atomic batch of more than 1,000 messages",
                transport: "jetstream",
            });
        }
        if messages.iter().any(|message| message.delay.is_some()) {
            return Err(later::unsupported("delayed delivery in an atomic batch"));
        }
        for message in &messages {
            wire::check(message, self.client.max_payload())?;
        }
        let count = messages.len() as u64;
        let batch_id = self.client.new_inbox().rsplit('.').next().unwrap_or_default().to_owned();
        let drafts = messages.into_iter().map(|message| Draft {
            headers: wire::headers(&message),
            payload: message.payload.unwrap_or_default(),
            subject: message.subject,
        });
        let first = match publish_batch(&self.js, &batch_id, drafts.collect()).await {
            Ok(first) => Ok(first),
            Err(error) => self.batch_after(&batch_id, &last, count, &error).await,
        }?;
        let stream: Arc<str> = match last.stream {
            Some(stream) => stream,
            None => self.stream_of(&last.subject).await.map_err(|error| PublishError::Timeout {
                unknown: true,
                subject: last.subject.clone(),
                detail: error.to_string(),
            })?,
        };
        Ok((first..first + count)
            .map(|seq| Receipt {
                position: Position::Stream { stream: stream.clone(), seq },
                duplicate: false,
                time: None,
            })
            .collect())
    }

    /// The first sequence of a batch whose fate an error left open, when the leader has it.
    async fn batch_after(
        &self,
        batch_id: &str,
        last: &Outgoing,
        count: u64,
        error: &crate::Error,
    ) -> Result<u64, PublishError> {
        let subject = last.subject.clone();
        let detail = error.to_string();
        if error.is_full() {
            return Err(PublishError::StorageFull { subject, detail });
        }
        if let Ok(stream) = self.stream_of(&subject).await
            && let Ok(Some(stored)) = direct::leader_last(&self.js, &stream, &subject).await
            && stored.header("Nats-Batch-Id") == Some(batch_id)
        {
            return Ok(stored.seq + 1 - count);
        }
        Err(match error.kind {
            _ if error.is_wrong_last_sequence() => PublishError::WrongSequence { subject, detail },
            ErrorKind::Refused(code) => PublishError::Refused { subject, code: code as i64, detail },
            ErrorKind::Absent => PublishError::NoDestination { subject },
            _ => PublishError::Timeout { unknown: true, subject, detail },
        })
    }

    async fn stream_of(&self, subject: &str) -> Result<Arc<str>, SubscribeError> {
        stream_of(&self.js, subject).await
    }
}

/// The stream that takes a subject, which may have wildcards.
async fn stream_of(js: &jetstream::Context, subject: &str) -> Result<Arc<str>, SubscribeError> {
    #[derive(serde::Deserialize)]
    struct Names {
        streams: Option<Vec<String>>,
    }
    let trying = || format!("looking for the stream of {subject}");
    let question = serde_json::json!({ "subject": subject });
    let answer: Response<Names> = js
        .request("STREAM.NAMES", &question)
        .await
        .map_err(|error| SubscribeError::Unreachable { trying: trying(), detail: error.to_string() })?;
    let names = match answer {
        Response::Ok(names) => names.streams.unwrap_or_default(),
        Response::Err { error } => {
            return Err(SubscribeError::Refused { trying: trying(), detail: error.to_string() });
        }
    };
    match &names[..] {
        [] => Err(SubscribeError::NoSource(subject.to_owned())),
        [name] => Ok(name.as_str().into()),
        _ => Err(SubscribeError::SeveralSources { subject: subject.to_owned(), streams: names.join(", ") }),
    }
}

impl Transport for JetStream {
    fn publish(&self, message: Outgoing) -> BoxFuture<'_, Result<Pending, PublishError>> {
        Box::pin(async move {
            let message = match message.delay {
                Some(delay) => self.schedules.wrap(&self.js, message, delay).await?,
                None => message,
            };
            self.publisher.publish(message).await
        })
    }

    fn try_publish(&self, message: Outgoing) -> Result<Pending, PublishError> {
        if message.delay.is_some() {
            return Err(later::unsupported("delayed delivery without waiting"));
        }
        self.publisher.try_publish(message)
    }

    fn publish_atomic(&self, messages: Vec<Outgoing>) -> BoxFuture<'_, Result<Vec<Receipt>, PublishError>> {
        Box::pin(self.publish_all(messages))
    }

    fn subscribe(&self, spec: SubscribeSpec) -> BoxFuture<'_, Result<Box<dyn Source>, SubscribeError>> {
        Box::pin(async move {
            let stream = if let Some(stream) = spec.stream.clone() {
                stream
            } else {
                let filters = consumer::filters(&spec);
                self.stream_of(filters.first().map_or("", String::as_str)).await?
            };
            let source = source::JetStreamSource::open(self.js.clone(), spec, stream).await?;
            Ok(Box::new(source) as Box<dyn Source>)
        })
    }

    fn flush(&self, within: Duration) -> BoxFuture<'_, Result<(), FlushError>> {
        Box::pin(self.publisher.flush(within))
    }

    fn ping(&self, within: Duration) -> BoxFuture<'_, Result<(), SubscribeError>> {
        Box::pin(async move {
            let failed = |detail: String| SubscribeError::Unreachable { trying: "asking JetStream".into(), detail };
            match tokio::time::timeout(within, self.js.query_account()).await {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(error)) => Err(failed(error.to_string())),
                Err(_) => Err(failed("no answer in time".into())),
            }
        })
    }

    fn admin(&self) -> &dyn Admin {
        &self.admin
    }

    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.publisher.close();
            self.client.flush().await.ok();
        })
    }

    fn on_delivery_error(&self, hook: DeliveryErrorHook) {
        self.publisher.hook(hook);
    }
}

//! Publishing many messages, pipelined; each again under its id until the stream has it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alluvium_kernel::{Actor, SigningKey, Timestamp, header};
use alluvium_messaging::{Error, ErrorKind};
use async_nats::{HeaderMap, jetstream};
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::sync::mpsc;

use crate::failure::Failure;
use crate::rows::Encoded;
use crate::ui::Progress;

/// Acknowledgements that may be waited for at once.
const WAITING_MESSAGES_MAX: usize = 2_048;
/// Bytes of messages whose acknowledgement is waited for.
const WAITING_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Attempts of one message, the first included; with their pauses well within the stream's window of message ids.
const ATTEMPTS_MAX: u32 = 12;
/// Pause after a failed attempt, in milliseconds, growing.
const PAUSE_MS: u64 = 250;

/// Publishes the rows of one file.
pub struct Publisher {
    js: jetstream::Context,
    subject: String,
    key: Option<SigningKey>,
    run: String,
}

/// What was published.
#[derive(Default)]
pub struct Published {
    /// How many messages.
    pub messages: u64,
    /// First and last sequence.
    pub span: Option<(u64, u64)>,
}

impl Published {
    fn add(&mut self, seq: u64) {
        self.messages += 1;
        self.span = Some(self.span.map_or((seq, seq), |(first, last)| (first.min(seq), last.max(seq))));
    }
}

impl Publisher {
    /// With a signing key, messages act for the installation's admin; without, for the tenant's publishers.
    pub fn new(js: jetstream::Context, subject: String, key: Option<SigningKey>) -> Self {
        Self { js, subject, key, run: uuid::Uuid::now_v7().to_string() }
    }

    /// Publishes all messages; ends with the first that the stream refuses.
    pub async fn publish(
        &self,
        mut messages: mpsc::Receiver<Encoded>,
        progress: &Progress,
    ) -> Result<Published, Failure> {
        let mut published = Published::default();
        let mut waiting = FuturesUnordered::new();
        let (mut number, mut waiting_bytes, mut open) = (0_u64, 0_usize, true);
        while open || !waiting.is_empty() {
            let room = waiting.len() < WAITING_MESSAGES_MAX && waiting_bytes < WAITING_BYTES_MAX;
            tokio::select! {
                message = messages.recv(), if open && room => match message {
                    None => open = false,
                    Some(message) => {
                        waiting_bytes += message.payload.len();
                        // The first attempt is begun here, in order; only its acknowledgement is waited for later.
                        let id = format!("{}-{number}", self.run);
                        number += 1;
                        let first = self.begin(&id, &message.payload).await;
                        waiting.push(self.acknowledged(id, message, first));
                    }
                },
                Some(result) = waiting.next() => {
                    let (seq, message): (u64, Encoded) = result?;
                    waiting_bytes -= message.payload.len();
                    published.add(seq);
                    progress.inc(message.rows);
                }
            }
        }
        Ok(published)
    }

    async fn begin(&self, id: &str, payload: &Bytes) -> Result<jetstream::context::PublishAckFuture, Error> {
        let headers = self.headers(id, payload);
        self.js
            .publish_with_headers(self.subject.clone(), headers, payload.clone())
            .await
            .map_err(|error| Error::of_publish(&self.subject, &error))
    }

    async fn acknowledged(
        &self,
        id: String,
        message: Encoded,
        first: Result<jetstream::context::PublishAckFuture, Error>,
    ) -> Result<(u64, Encoded), Failure> {
        let mut begun = first;
        let mut attempt = 1;
        loop {
            let error = match begun {
                Ok(ack) => match ack.await {
                    Ok(ack) => return Ok((ack.sequence, message)),
                    Err(error) => Error::of_publish(&self.subject, &error),
                },
                Err(error) => error,
            };
            if attempt == ATTEMPTS_MAX || matches!(error.kind, ErrorKind::Malformed) || error.is_full() {
                return Err(Failure::from(alluvium_kernel::Problem::from(error)));
            }
            // The same id: within the stream's window it is stored once, however often it is sent.
            tokio::time::sleep(Duration::from_millis(PAUSE_MS * u64::from(attempt))).await;
            attempt += 1;
            begun = self.begin(&id, &message.payload).await;
        }
    }

    fn headers(&self, id: &str, payload: &[u8]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::MESSAGE_ID, id);
        if let Some(key) = &self.key {
            let time = now();
            headers.insert(header::ACTOR, Actor::Admin.to_string());
            headers.insert(header::TIME, time.micros().to_string());
            headers.insert(header::SIGNATURE, key.sign(id, &Actor::Admin, time, &self.subject, payload));
        }
        headers
    }
}

/// The clock of this machine.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(since.as_micros() as i64)
}

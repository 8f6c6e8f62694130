//! Pulling messages of a consumer: two bounded requests outstanding, heartbeats watched, a reconnect noticed.

use std::{sync::atomic::Ordering, time::Duration};

use async_nats::{Client, Message, Subscriber, jetstream};
use futures::{FutureExt, StreamExt};
use serde_json::json;
use tokio::time::Instant;

use crate::error::{Error, ErrorKind};

/// Missed heartbeats after which a pull counts as dead.
const HEARTBEATS_MISSED_MAX: u32 = 3;
/// How often a waiting puller looks whether the connection was replaced, in milliseconds.
const LOOK_EVERY_MS: u64 = 200;

/// Bounds of one pull request; two are outstanding at most.
#[derive(Clone, Copy, Debug)]
pub struct PullSettings {
    /// Messages in one request.
    pub batch_messages: usize,
    /// Bytes in one request.
    pub batch_bytes: usize,
    /// How long the server keeps a request, in milliseconds.
    pub expires_ms: u64,
    /// How often the server must say that it is alive, in milliseconds.
    pub heartbeat_ms: u64,
}

impl Default for PullSettings {
    fn default() -> Self {
        Self { batch_messages: 2_000, batch_bytes: 8 * 1024 * 1024, expires_ms: 30_000, heartbeat_ms: 1_000 }
    }
}

/// How much may come, for a reader that bounds what it holds: of all that is asked for and has not come, no more than this.
#[derive(Clone, Copy, Debug)]
pub struct PullRoom {
    /// Messages.
    pub messages: usize,
    /// Bytes; half of it is asked for at once, because two requests may be outstanding.
    pub bytes: usize,
    /// The reader holds nothing: a message may come that is bigger than any bound, or it would wait for ever.
    pub idle: bool,
}

/// Requests ended by a message too big for them, one after the other, after which room for it is waited for.
const TOO_BIG_MAX: u32 = 2;

/// Pulls one consumer's messages. After any error it is done: make a new one.
pub struct Puller {
    client: Client,
    answers: Subscriber,
    next_subject: String,
    inbox: String,
    settings: PullSettings,
    pending: usize,
    heard: Instant,
    connects: u64,
    consumer: String,
    room: Option<PullRoom>,
    /// Requests that ended because the next message is too big for them, since the last message.
    too_big: u32,
}

impl Puller {
    /// Begins pulling; the first request is sent with the first [`Self::next`].
    pub async fn open(
        js: &jetstream::Context,
        stream: &str,
        consumer: &str,
        settings: PullSettings,
    ) -> Result<Self, Error> {
        let client = js.client();
        let inbox = client.new_inbox();
        let connects = client.statistics().connects.load(Ordering::Relaxed);
        let answers = client
            .subscribe(inbox.clone())
            .await
            .map_err(|error| Error::unknown(format!("listening to consumer {consumer}"), error))?;
        Ok(Self {
            next_subject: format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"),
            inbox,
            answers,
            settings,
            pending: 0,
            heard: Instant::now(),
            connects,
            client,
            consumer: format!("{stream}.{consumer}"),
            room: None,
            too_big: 0,
        })
    }

    /// Bounds what may come from now on.
    pub fn set_room(&mut self, room: PullRoom) {
        self.room = Some(room);
    }

    /// When the server was last heard, be it by a heartbeat.
    pub fn heard(&self) -> Instant {
        self.heard
    }

    /// The next message. Safe to drop while waiting. `Ok(None)`: the server is alive and has nothing now.
    pub async fn next(&mut self) -> Result<Option<Message>, Error> {
        loop {
            self.request_more().await?;
            let look = Duration::from_millis(LOOK_EVERY_MS.min(self.settings.heartbeat_ms));
            match tokio::time::timeout(look, self.answers.next()).await {
                Ok(Some(answer)) => {
                    self.heard = Instant::now();
                    match self.take(answer)? {
                        Taken::Message(message) => return Ok(Some(message)),
                        Taken::Heartbeat => return Ok(None),
                        Taken::Status => {}
                    }
                }
                Ok(None) => return Err(self.failed(ErrorKind::Unknown, "the connection was closed")),
                Err(_) => self.look()?,
            }
        }
    }

    /// A message that has arrived already, without waiting.
    pub fn ready(&mut self) -> Result<Option<Message>, Error> {
        // Outside tokio's budget, which would end a batch after 128 messages that are there.
        while let Some(Some(answer)) = tokio::task::unconstrained(self.answers.next()).now_or_never() {
            self.heard = Instant::now();
            if let Taken::Message(message) = self.take(answer)? {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    /// Asks for nothing more, and gives what the server had sent already, so that it can be handed back. From then on the server does
    /// not count this reader in, so that what is handed back goes to somebody else.
    pub async fn finish(mut self, by: Instant) -> Vec<Message> {
        let mut left = Vec::new();
        if self.answers.drain().await.is_err() {
            return left;
        }
        // Ends when the server has confirmed that nothing more will come.
        while let Ok(Some(answer)) = tokio::time::timeout_at(by, self.answers.next()).await {
            if answer.status.is_none() {
                left.push(answer);
            }
        }
        left
    }

    async fn request_more(&mut self) -> Result<(), Error> {
        let Some((messages, bytes)) = self.wanted() else { return Ok(()) };
        let mut request = json!({
            "batch": messages,
            "expires": self.settings.expires_ms * 1_000_000,
            "idle_heartbeat": self.settings.heartbeat_ms * 1_000_000,
        });
        if let Some(bytes) = bytes {
            request["max_bytes"] = bytes.into();
        }
        if self.pending == 0 {
            // With nothing asked for the server was silent by right.
            self.heard = Instant::now();
        }
        self.pending += messages;
        self.client
            .publish_with_reply(self.next_subject.clone(), self.inbox.clone(), request.to_string().into())
            .await
            .map_err(|error| self.failed(ErrorKind::Unknown, error))
    }

    /// How many messages and bytes to ask for now.
    fn wanted(&self) -> Option<(usize, Option<usize>)> {
        let PullSettings { batch_messages, batch_bytes, .. } = self.settings;
        let Some(room) = self.room else {
            return (self.pending <= batch_messages / 2).then_some((batch_messages, Some(batch_bytes)));
        };
        let most = batch_messages.min(room.messages);
        if most == 0 || self.pending > most / 2 {
            return None;
        }
        if self.too_big >= TOO_BIG_MAX {
            return (room.idle && self.pending == 0).then_some((1, None));
        }
        let bytes = batch_bytes.min(room.bytes / 2);
        (bytes > 0).then_some((most - self.pending, Some(bytes)))
    }

    fn take(&mut self, answer: Message) -> Result<Taken, Error> {
        let Some(status) = answer.status else {
            self.pending = self.pending.saturating_sub(1);
            self.too_big = 0;
            return Ok(Taken::Message(answer));
        };
        let description = answer.description.as_deref().unwrap_or_default();
        let ended = || {
            let left = answer.headers.as_ref()?.get("Nats-Pending-Messages")?;
            left.as_str().parse::<usize>().ok()
        };
        match status.as_u16() {
            100 => Ok(Taken::Heartbeat),
            // One request has ended (expired, or full by bytes); what it left open is asked for again.
            404 | 408 => {
                self.pending = self.pending.saturating_sub(ended().unwrap_or(self.settings.batch_messages));
                Ok(Taken::Status)
            }
            409 if description.contains("MaxBytes") || description.contains("Batch Completed") => {
                self.pending = self.pending.saturating_sub(ended().unwrap_or(self.settings.batch_messages));
                self.too_big += u32::from(description.contains("MaxBytes"));
                Ok(Taken::Status)
            }
            503 => Err(self.failed(ErrorKind::Absent, "the consumer is gone")),
            status => Err(self.failed(ErrorKind::Absent, format!("status {status} {description}"))),
        }
    }

    fn look(&self) -> Result<(), Error> {
        if self.client.statistics().connects.load(Ordering::Relaxed) != self.connects {
            return Err(self.failed(ErrorKind::Absent, "the connection was replaced"));
        }
        if self.pending == 0 {
            return Ok(());
        }
        let silent = Duration::from_millis(self.settings.heartbeat_ms) * HEARTBEATS_MISSED_MAX;
        if self.heard.elapsed() > silent {
            return Err(self.failed(ErrorKind::Unknown, format!("no heartbeat for {} ms", silent.as_millis())));
        }
        Ok(())
    }

    fn failed(&self, kind: ErrorKind, detail: impl std::fmt::Display) -> Error {
        Error::new(kind, format!("pulling from consumer {}", self.consumer), detail)
    }
}

enum Taken {
    Message(Message),
    Heartbeat,
    Status,
}

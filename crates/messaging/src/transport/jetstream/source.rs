//! Messages of a JetStream consumer. A group is a durable pull consumer, read by [`Puller`]; without a group a [`Tail`] reads
//! everything in order and keeps no place.

use std::{sync::Arc, time::Duration};

use alluvium_kernel::BoxFuture;
use async_nats::{Client, jetstream};
use futures::{FutureExt, StreamExt, stream::BoxStream};
use tokio::{sync::mpsc, time::Instant};

use super::{consumer, wire};
use crate::{
    error::{Error, ErrorKind},
    message::LogMessage,
    pull::{PullRoom, PullSettings, Puller},
    tail::{Tail, TailConfig, Tailed},
    transport::{
        Incoming, Lag, Position, Room, Settle, SettleError, SettleToken, Settler, Source, SourceError, SourceEvent,
        SubscribeSpec,
    },
};

/// First and longest pause before a broken consumer is read again, in milliseconds.
const PAUSE_MS: (u64, u64) = (50, 2_000);
/// Events that nobody took yet; the oldest ones go first.
const EVENTS_MAX: usize = 64;
/// How long the server may take to confirm that it sends nothing more, in milliseconds.
const FINISH_MS: u64 = 1_000;
/// How long an acknowledgement of an acknowledgement is waited for, in milliseconds.
const DOUBLE_ACK_MS: u64 = 5_000;

enum Reading {
    Group { consumer: String, puller: Option<Box<Puller>>, failures: u32 },
    Alone(Box<Tail>),
}

pub(super) struct JetStreamSource {
    js: jetstream::Context,
    spec: SubscribeSpec,
    stream: Arc<str>,
    reading: Reading,
    room: Option<Room>,
    paused: bool,
    closed: bool,
    settler: Arc<JetStreamSettler>,
    events: mpsc::Sender<SourceEvent>,
    taken_events: Option<mpsc::Receiver<SourceEvent>>,
}

/// Bounds of a pull as a profile has them.
fn pull_settings(spec: &SubscribeSpec) -> PullSettings {
    let settings = &spec.settings;
    PullSettings {
        batch_messages: settings.pull_messages.max(1),
        batch_bytes: settings.pull_bytes,
        expires_ms: settings.pull_expires.as_millis() as u64,
        heartbeat_ms: settings.pull_heartbeat.as_millis() as u64,
    }
}

impl JetStreamSource {
    pub(super) async fn open(
        js: jetstream::Context,
        spec: SubscribeSpec,
        stream: Arc<str>,
    ) -> Result<Self, crate::transport::SubscribeError> {
        let reading = if let Some(group) = &spec.group {
            let consumer = consumer::durable_name(group);
            consumer::ensure(&js, &stream, &consumer, &spec).await?;
            Reading::Group { consumer, puller: None, failures: 0 }
        } else {
            let from = consumer::first_sequence(&js, &stream, &spec).await?;
            let filters = consumer::filters(&spec);
            let config = TailConfig { stream: stream.to_string(), filters, from, pull: pull_settings(&spec) };
            let tail = Tail::new(js.clone(), config)
                .map_err(|error| crate::transport::SubscribeError::Settings(error.to_string()))?;
            Reading::Alone(Box::new(tail))
        };
        let settler = Arc::new(JetStreamSettler { client: js.client(), double: spec.settings.double_ack });
        let (events, taken) = mpsc::channel(EVENTS_MAX);
        let (room, paused, closed) = (None, false, false);
        Ok(Self { js, spec, stream, reading, room, paused, closed, settler, events, taken_events: Some(taken) })
    }

    /// One step of reading a group: `None` when nothing came of it.
    async fn step(&mut self) -> Option<Result<async_nats::Message, SourceError>> {
        let Reading::Group { consumer, puller, failures } = &mut self.reading else { return None };
        let Some(open) = puller.as_mut() else {
            if *failures > 0 {
                let pause = Duration::from_millis((PAUSE_MS.0 << (*failures).min(8)).min(PAUSE_MS.1));
                tokio::time::sleep(pause).await;
            }
            *failures = failures.saturating_add(1);
            // The place of the group is kept by its consumer: one that is gone is not made again behind the group's back.
            match consumer::exists(&self.js, &self.stream, consumer).await {
                Ok(true) => {}
                Ok(false) => {
                    *failures = u32::MAX;
                    return Some(Err(SourceError::Gone(format!("consumer {consumer} of {}", self.stream))));
                }
                Err(error) => return broken(&self.events, &error),
            }
            match Puller::open(&self.js, &self.stream, consumer, pull_settings(&self.spec)).await {
                Ok(mut opened) => {
                    if let Some(room) = self.room {
                        opened.set_room(pull_room(room));
                    }
                    *puller = Some(Box::new(opened));
                    self.events.try_send(SourceEvent::Reconnected).ok();
                }
                Err(error) => return broken(&self.events, &error),
            }
            return None;
        };
        match open.next().await {
            Ok(message) => {
                *failures = 0;
                message.map(Ok)
            }
            Err(error) => {
                *puller = None;
                *failures = (*failures).max(1);
                broken(&self.events, &error)
            }
        }
    }

    fn incoming(&self, message: async_nats::Message) -> Result<Incoming, SourceError> {
        wire::incoming(message, &self.spec.topic, &self.stream, self.spec.partition_token).ok_or_else(|| {
            SourceError::Refused {
                trying: format!("reading {}", self.stream),
                detail: "a message without place".into(),
            }
        })
    }

    fn of_log(&self, message: LogMessage) -> Incoming {
        let (key, payload, headers) = wire::content(&message.headers, message.payload);
        Incoming {
            topic: self.spec.topic.clone(),
            partition: 0,
            position: Position::Stream { stream: self.stream.clone(), seq: message.seq },
            subject: message.subject,
            key,
            payload,
            headers,
            time: message.time,
            attempt: 1,
            token: SettleToken { number: message.seq, ..SettleToken::default() },
        }
    }
}

fn broken<T>(events: &mpsc::Sender<SourceEvent>, error: &Error) -> Option<Result<T, SourceError>> {
    tracing::warn!(error = %error, "messages are not read now; trying again");
    events.try_send(SourceEvent::Broken(error.to_string())).ok();
    None
}

fn pull_room(room: Room) -> PullRoom {
    PullRoom { messages: room.messages, bytes: room.bytes, idle: room.idle }
}

impl Source for JetStreamSource {
    fn room(&mut self, room: Room) {
        self.room = Some(room);
        match &mut self.reading {
            Reading::Group { puller: Some(puller), .. } => puller.set_room(pull_room(room)),
            Reading::Group { puller: None, .. } => {}
            Reading::Alone(tail) => tail.set_room(pull_room(room)),
        }
    }

    fn next(&mut self) -> BoxFuture<'_, Option<Result<Incoming, SourceError>>> {
        Box::pin(async move {
            loop {
                if self.closed {
                    return None;
                }
                if self.paused {
                    std::future::pending::<()>().await;
                }
                if let Reading::Alone(tail) = &mut self.reading {
                    match tail.next().await {
                        Ok(Tailed::Message(message)) => return Some(Ok(self.of_log(message))),
                        Ok(Tailed::Idle) => {}
                        Ok(Tailed::Reconnected) => drop(self.events.try_send(SourceEvent::Reconnected)),
                        Err(error) if error.is_no_stream() => {
                            return Some(Err(SourceError::Gone(format!("stream {}", self.stream))));
                        }
                        Err(error) => {
                            let trying = format!("reading {}", self.stream);
                            return Some(Err(SourceError::Refused { trying, detail: error.to_string() }));
                        }
                    }
                    continue;
                }
                match self.step().await {
                    Some(Ok(message)) => return Some(self.incoming(message)),
                    Some(Err(error)) => return Some(Err(error)),
                    None => {}
                }
            }
        })
    }

    fn ready(&mut self) -> Option<Result<Incoming, SourceError>> {
        if self.paused {
            return None;
        }
        match &mut self.reading {
            Reading::Group { puller, failures, .. } => match puller.as_mut()?.ready() {
                Ok(message) => {
                    let message = message?;
                    Some(self.incoming(message))
                }
                Err(error) => {
                    *puller = None;
                    *failures = (*failures).max(1);
                    broken(&self.events, &error)
                }
            },
            Reading::Alone(tail) => {
                let message = tail.ready()?;
                Some(Ok(self.of_log(message)))
            }
        }
    }

    fn settler(&self) -> Arc<dyn Settler> {
        self.settler.clone()
    }

    fn pause(&mut self, _partitions: &[u32]) {
        // A consumer has one stream of messages, whatever partitions their subjects name.
        self.paused = true;
    }

    fn resume(&mut self, _partitions: &[u32]) {
        self.paused = false;
    }

    fn events(&mut self) -> BoxStream<'static, SourceEvent> {
        match self.taken_events.take() {
            Some(events) => {
                futures::stream::unfold(events, |mut events| async { Some((events.recv().await?, events)) }).boxed()
            }
            None => futures::stream::empty().boxed(),
        }
    }

    fn lag(&self) -> BoxFuture<'_, Result<Lag, SourceError>> {
        Box::pin(async move {
            let behind = match &self.reading {
                Reading::Group { consumer, .. } => consumer::behind(&self.js, &self.stream, consumer).await,
                Reading::Alone(tail) => match tail.pending() {
                    Some(pending) => Ok(pending),
                    None => crate::direct::extent(&self.js, &self.stream)
                        .await
                        .map(|extent| extent.last.saturating_sub(tail.last())),
                },
            };
            let behind = behind.map_err(|error| SourceError::Transient {
                trying: format!("asking how far behind on {}", self.stream),
                detail: error.to_string(),
            })?;
            Ok(Lag { partitions: [(0, behind)].into() })
        })
    }

    fn close(&mut self, by: Instant) -> BoxFuture<'_, Result<(), SettleError>> {
        Box::pin(async move {
            self.closed = true;
            let settler = self.settler.clone();
            // What has arrived and nobody took is given to others at once instead of after `ack_wait`.
            if let Reading::Group { puller, .. } = &mut self.reading
                && let Some(puller) = puller.take()
            {
                for message in puller.finish(by.min(Instant::now() + Duration::from_millis(FINISH_MS))).await {
                    if let Some(reply) = message.reply {
                        settler.client.publish(reply, "-NAK".into()).await.ok();
                    }
                }
            }
            tokio::time::timeout_at(by, settler.commit()).await.unwrap_or_else(|_| {
                Err(SettleError("the connection did not take the last acknowledgements in time".into()))
            })
        })
    }
}

/// Answers to the reply subject of each message.
pub(super) struct JetStreamSettler {
    client: Client,
    double: bool,
}

impl Settler for JetStreamSettler {
    fn settle<'a>(&'a self, token: &'a SettleToken, how: Settle) -> BoxFuture<'a, Result<(), SettleError>> {
        // A reader without a group keeps no place, so there is nobody to tell.
        let Some(reply) = token.reply.clone() else { return std::future::ready(Ok(())).boxed() };
        let answer: bytes::Bytes = match &how {
            Settle::Done => "+ACK".into(),
            Settle::Retry(after) => format!("-NAK {{\"delay\":{}}}", after.as_nanos().max(1)).into(),
            Settle::Dead(reason) => format!("+TERM {}", reason.as_str()).into(),
            Settle::Working => "+WPI".into(),
        };
        Box::pin(async move {
            if self.double && matches!(how, Settle::Done | Settle::Dead(_)) {
                let confirmed = self.client.request(reply, answer);
                let confirmed = tokio::time::timeout(Duration::from_millis(DOUBLE_ACK_MS), confirmed).await;
                return match confirmed {
                    Ok(Ok(_)) => Ok(()),
                    Ok(Err(error)) => Err(SettleError(error.to_string())),
                    Err(_) => Err(SettleError("the acknowledgement was not confirmed in time".into())),
                };
            }
            self.client.publish(reply, answer).await.map_err(|error| SettleError(error.to_string()))
        })
    }

    fn commit(&self) -> BoxFuture<'_, Result<(), SettleError>> {
        Box::pin(async move { self.client.flush().await.map_err(|error| SettleError(error.to_string())) })
    }
}

/// Whether an error means that nothing of this name is there.
pub(super) fn is_gone(error: &Error) -> bool {
    error.is_no_consumer() || error.is_no_stream() || error.kind == ErrorKind::Malformed
}

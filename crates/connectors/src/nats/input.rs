//! Reads a stream message by message, and knows where it is.

use std::time::Duration;

use async_nats::jetstream::{self, consumer::PullConsumer, stream::Stream as NatsStream};
use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::Server;
use super::settings::{DeliverPolicy, InputConfig};
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::input::{Draft, Input, Message, Payload, Port};

/// How many bytes of messages go on at once.
const CHUNK_BYTES_MAX: usize = 1 << 20;

/// What was read: all messages of the stream below a sequence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Position {
    /// The sequence that comes next.
    next: u64,
    /// When the stream was made, in nanoseconds since 1970: another stream of the name has other messages.
    created: String,
}

/// Reads a stream of a NATS server.
pub(crate) struct NatsInput {
    server: Server,
    config: InputConfig,
}

/// Why a session with the server ended.
enum Failure {
    /// It is worth another try.
    Passing(String),
    Exit(Exit),
}

impl From<Exit> for Failure {
    fn from(exit: Exit) -> Self {
        Self::Exit(exit)
    }
}

fn passing(doing: &str, error: impl std::fmt::Display) -> Failure {
    Failure::Passing(format!("{doing}: {error}"))
}

fn fatal(reason: impl Into<String>) -> Failure {
    Failure::Exit(Exit::fatal(reason))
}

impl NatsInput {
    /// Reads the credentials; connects to nothing yet.
    ///
    /// # Errors
    ///
    /// The credentials cannot be read.
    pub fn new(connector: &str, config: &InputConfig, context: &Context) -> Result<Self, Error> {
        Ok(Self { server: Server::new(connector, &config.connection_config, context)?, config: config.clone() })
    }

    async fn read(self, position: Option<Value>, mut port: Port) -> Result<(), Exit> {
        let mut at: Option<Position> = match position {
            None => None,
            Some(position) => Some(
                serde_json::from_value(position)
                    .map_err(|error| Exit::fatal(format!("this is no position in a NATS stream: {error}")))?,
            ),
        };
        loop {
            match Box::pin(self.session(&mut at, &mut port)).await {
                Failure::Exit(exit) => return Err(exit),
                Failure::Passing(reason) => port.trouble("nats", &reason),
            }
            port.sleep(Duration::from_secs(self.config.retry_interval_secs)).await?;
        }
    }

    /// Connects and reads until something fails.
    async fn session(&self, at: &mut Option<Position>, port: &mut Port) -> Failure {
        match Box::pin(self.try_session(at, port)).await {
            Ok(never) => match never {},
            Err(failure) => failure,
        }
    }

    async fn try_session(
        &self,
        at: &mut Option<Position>,
        port: &mut Port,
    ) -> Result<std::convert::Infallible, Failure> {
        let client = port.guard(Box::pin(self.server.connect())).await?.map_err(Failure::Passing)?;
        let mut context = jetstream::new(client);
        context.set_timeout(self.server.request_timeout());
        let name = &self.config.stream_name;
        let doing = format!("looking for the stream {name}");
        let mut stream = port.guard(context.get_stream(name)).await?.map_err(|error| passing(&doing, error))?;
        self.check(&mut stream, at, port).await?;
        loop {
            let consumer = self.consumer(&stream, at.as_ref(), port).await?;
            self.pull(&mut stream, &consumer, at, port).await?;
        }
    }

    /// Whether the stream still has what comes next. Without a position, one is made where one is known.
    async fn check(&self, stream: &mut NatsStream, at: &mut Option<Position>, port: &mut Port) -> Result<(), Failure> {
        let name = &self.config.stream_name;
        let info = port.guard(stream.info()).await?.map_err(|error| passing("asking about the stream", error))?;
        let (created, state) = (info.created.unix_timestamp_nanos().to_string(), &info.state);
        let (first, behind) = (state.first_sequence, state.last_sequence + 1);
        let Some(position) = at else {
            if self.config.consumer_config.deliver_policy == DeliverPolicy::New {
                // What comes from now on is read, also when nothing came before a restart.
                *at = Some(Position { next: behind, created });
                return self.give(Vec::new(), at.as_ref(), port).await;
            }
            return Ok(());
        };
        if position.created != created {
            return Err(fatal(format!("the stream {name} is not the one that was read: it was made anew")));
        }
        if position.next > behind {
            return Err(fatal(format!(
                "sequence {} comes next, but the stream {name} has no more than {}",
                position.next,
                behind - 1
            )));
        }
        if position.next < first {
            return Err(fatal(format!(
                "sequence {} comes next, but the stream {name} begins with {first}: what is between was purged or expired",
                position.next
            )));
        }
        Ok(())
    }

    async fn consumer(
        &self,
        stream: &NatsStream,
        at: Option<&Position>,
        port: &mut Port,
    ) -> Result<PullConsumer, Failure> {
        let settings = &self.config.consumer_config;
        if let Some(name) = &settings.name {
            // The one of an earlier session may still be there, and stands somewhere else. There may be none.
            port.guard(stream.delete_consumer(name)).await?.ok();
        }
        let config = settings.consumer(at.map(|position| position.next));
        port.guard(stream.create_consumer(config)).await?.map_err(|error| passing("making a consumer", error))
    }

    /// Reads until the consumer breaks a sequence, which is worth a new one.
    async fn pull(
        &self,
        stream: &mut NatsStream,
        consumer: &PullConsumer,
        at: &mut Option<Position>,
        port: &mut Port,
    ) -> Result<(), Failure> {
        let created = stream.cached_info().created.unix_timestamp_nanos().to_string();
        let (expires, count, bytes) = self.config.consumer_config.pull();
        let inactivity = Duration::from_secs(self.config.inactivity_timeout_secs);
        let mut delivered = 0;
        let mut last = Instant::now();
        port.well();
        loop {
            port.ready().await?;
            let mut batch = consumer.batch().max_messages(count).expires(expires.min(inactivity));
            if let Some(bytes) = bytes {
                batch = batch.max_bytes(bytes);
            }
            let mut batch = port.guard(batch.messages()).await?.map_err(|error| passing("pulling messages", error))?;
            while let Some(first) = port.guard(batch.next()).await? {
                let mut chunk = Vec::new();
                let mut chunk_bytes = 0;
                let mut next = Some(first);
                while let Some(message) = next.take() {
                    let message = message.map_err(|error| passing("pulling messages", error))?;
                    let info = message.info().map_err(|error| passing("reading a message's sequence", error))?;
                    if info.consumer_sequence != delivered + 1 {
                        // Something was lost on the way: begin again behind what was read.
                        self.give(chunk, at.as_ref(), port).await?;
                        return Ok(());
                    }
                    if let Some(position) = at.as_ref().filter(|position| info.stream_sequence < position.next) {
                        return Err(fatal(format!(
                            "sequence {} came again where {} or a later one was expected",
                            info.stream_sequence, position.next
                        )));
                    }
                    delivered += 1;
                    *at = Some(Position { next: info.stream_sequence + 1, created: created.clone() });
                    chunk_bytes += message.payload.len();
                    chunk.push(received(&message, info.stream_sequence, info.published.unix_timestamp_nanos()));
                    if chunk.len() < count && chunk_bytes < CHUNK_BYTES_MAX {
                        next = batch.next().now_or_never().flatten();
                    }
                }
                last = Instant::now();
                self.give(chunk, at.as_ref(), port).await?;
                port.ready().await?;
            }
            if last.elapsed() >= expires.min(inactivity) {
                self.look(stream, consumer, delivered, at, port).await?;
                last = Instant::now();
            }
        }
    }

    /// Nothing came for a while: whether stream and consumer are still there, and there is nothing.
    async fn look(
        &self,
        stream: &mut NatsStream,
        consumer: &PullConsumer,
        delivered: u64,
        at: &mut Option<Position>,
        port: &mut Port,
    ) -> Result<(), Failure> {
        self.check(stream, at, port).await?;
        let behind = stream.cached_info().state.last_sequence + 1;
        let info =
            port.guard(consumer.get_info()).await?.map_err(|error| passing("asking about the consumer", error))?;
        if info.num_pending == 0 && info.delivered.consumer_sequence == delivered {
            // What was there is of other subjects: it need not be looked through again.
            if let Some(position) = at.as_mut().filter(|position| position.next < behind) {
                position.next = behind;
                self.give(Vec::new(), at.as_ref(), port).await?;
            }
        }
        port.well();
        Ok(())
    }

    async fn give(&self, chunk: Vec<Message>, at: Option<&Position>, port: &mut Port) -> Result<(), Failure> {
        let Some(at) = at else { return Ok(()) };
        let position = serde_json::to_value(at).map_err(|error| fatal(error.to_string()))?;
        Ok(port.send(Draft { payload: Payload::Messages(chunk), position, transaction: None }).await?)
    }
}

fn received(message: &jetstream::Message, sequence: u64, published_ns: i128) -> Message {
    let mut metadata = Map::new();
    metadata.insert("nats_subject".to_owned(), message.subject.as_str().into());
    metadata.insert("nats_sequence".to_owned(), sequence.into());
    metadata.insert("nats_timestamp".to_owned(), Value::from((published_ns / 1000) as i64));
    if let Some(headers) = &message.headers {
        let one = |(name, values): (&async_nats::HeaderName, &Vec<async_nats::HeaderValue>)| {
            let values: Vec<Value> = values.iter().map(|value| value.as_str().into()).collect();
            (name.to_string(), Value::Array(values))
        };
        metadata.insert("nats_headers".to_owned(), Value::Object(headers.iter().map(one).collect()));
    }
    Message { payload: message.payload.clone(), key: None, metadata }
}

impl Input for NatsInput {
    fn run(self: Box<Self>, position: Option<Value>, port: Port) -> BoxFuture<'static, Result<(), Exit>> {
        Box::pin((*self).read(position, port))
    }
}

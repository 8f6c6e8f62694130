//! Whole streams out of a server and into one, by JetStream's own snapshots: sequences, times and headers stay what they were.
//!
//! A snapshot is the stream as it was when the server answered [`Snapshot::open`]; what is stored meanwhile is not in it (servers
//! before 2.15 may put some of it in). Its bytes are the server's business: we carry them.

use std::time::Duration;

use alluvium_kernel::Timestamp;
use async_nats::{Client, Subscriber, jetstream};
use bytes::Bytes;
use futures::StreamExt as _;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{Error, ErrorKind};

/// Bytes of one chunk of a snapshot, both ways; below the payload limit of a server with default settings.
pub const CHUNK_BYTES: usize = 512 * 1024;
/// Bytes that the server sends ahead of our acknowledgements.
const WINDOW_BYTES: usize = 8 * 1024 * 1024;
/// How long the server may take to answer a request or to send the next chunk, in seconds: it may have to read a lot first.
const ANSWER_SECONDS: u64 = 60;
/// How long it may take to put a stream together once it has all of it, in seconds.
const FINISH_SECONDS: u64 = 600;

/// A stream as its server describes it.
#[derive(Clone, Debug)]
pub struct Described {
    /// Its configuration, as the server writes it.
    pub config: Value,
    /// Its state, as the server writes it.
    pub state: StreamState,
    /// When it was made.
    pub created: Timestamp,
}

/// What a stream holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, Deserialize)]
pub struct StreamState {
    /// How many messages.
    pub messages: u64,
    /// How many bytes they take.
    pub bytes: u64,
    /// The first sequence it has.
    pub first_seq: u64,
    /// The last sequence it gave out.
    pub last_seq: u64,
    /// Messages that the server itself found unreadable on its disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<Value>,
}

/// What the server says of a stream; `None` when there is none of that name.
pub async fn describe(js: &jetstream::Context, stream: &str) -> Result<Option<Described>, Error> {
    #[derive(Deserialize)]
    struct Info {
        config: Value,
        state: StreamState,
        created: String,
    }
    let trying = format!("asking about stream {stream}");
    let answer = request(&js.client(), &format!("$JS.API.STREAM.INFO.{stream}"), Bytes::new(), &trying).await;
    match answer {
        Ok(value) => {
            let info: Info = parsed(value, &trying)?;
            let created = Timestamp::parse(&info.created)
                .ok_or_else(|| Error::malformed(trying, format!("`{}` is no time", info.created)))?;
            Ok(Some(Described { config: info.config, state: info.state, created }))
        }
        Err(error) if error.is_no_stream() => Ok(None),
        Err(error) => Err(error),
    }
}

/// A snapshot on its way out of the server.
#[derive(Debug)]
pub struct Snapshot {
    /// The stream's configuration, which a restore needs.
    pub config: Value,
    /// The state that the snapshot has, as the server writes it, which a restore needs.
    pub state: Value,
    client: Client,
    stream: String,
    chunks: Subscriber,
    unacknowledged: Option<async_nats::Subject>,
    received: u64,
}

impl Snapshot {
    /// Asks for a snapshot of `stream`, without its consumers.
    pub async fn open(js: &jetstream::Context, stream: &str) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Head {
            config: Value,
            state: Value,
        }
        let trying = format!("taking a snapshot of {stream}");
        let client = js.client();
        let inbox = client.new_inbox();
        let chunks = client.subscribe(inbox.clone()).await.map_err(|error| Error::unknown(&trying, error))?;
        let ask = json!({
            "deliver_subject": inbox, "no_consumers": true, "chunk_size": CHUNK_BYTES, "window_size": WINDOW_BYTES,
        });
        let subject = format!("$JS.API.STREAM.SNAPSHOT.{stream}");
        let head: Head = parsed(request(&client, &subject, ask.to_string().into(), &trying).await?, &trying)?;
        let stream = stream.to_owned();
        Ok(Self { config: head.config, state: head.state, client, stream, chunks, unacknowledged: None, received: 0 })
    }

    /// What the snapshot holds.
    pub fn holds(&self) -> Result<StreamState, Error> {
        parsed(self.state.clone(), &self.trying())
    }

    /// The next bytes; `None` at the end. The one before is acknowledged, so that the server never runs far ahead.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        if let Some(reply) = self.unacknowledged.take() {
            self.client.publish(reply, Bytes::new()).await.map_err(|error| Error::unknown(self.trying(), error))?;
        }
        let wait = Duration::from_secs(ANSWER_SECONDS);
        let chunk = tokio::time::timeout(wait, self.chunks.next())
            .await
            .map_err(|_| Error::unknown(self.trying(), "the next part did not come in time"))?
            .ok_or_else(|| Error::unknown(self.trying(), "the connection was closed"))?;
        if chunk.payload.is_empty() {
            return match chunk.status.map(|status| status.as_u16()) {
                None | Some(204) => Ok(None),
                Some(status) => {
                    let detail = format!("status {status} {}", chunk.description.unwrap_or_default());
                    Err(Error::unknown(self.trying(), detail))
                }
            };
        }
        self.received += 1;
        // The server counts the chunks in the subject that it wants its answers on.
        let number = chunk.reply.as_ref().and_then(|reply| reply.rsplit('.').next()?.parse::<u64>().ok());
        if number.is_some_and(|number| number != self.received) {
            return Err(Error::unknown(self.trying(), format!("part {} was lost on the way", self.received)));
        }
        self.unacknowledged = chunk.reply;
        Ok(Some(chunk.payload))
    }

    fn trying(&self) -> String {
        format!("taking a snapshot of {}", self.stream)
    }
}

/// A stream on its way into a server.
#[derive(Debug)]
pub struct Restore {
    client: Client,
    stream: String,
    deliver: String,
}

impl Restore {
    /// Begins. The stream must not exist; `config` and `state` are the snapshot's.
    pub async fn begin(js: &jetstream::Context, stream: &str, config: &Value, state: &Value) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Begun {
            deliver_subject: String,
        }
        let trying = format!("restoring stream {stream}");
        let client = js.client();
        let ask = json!({ "config": config, "state": state }).to_string();
        let subject = format!("$JS.API.STREAM.RESTORE.{stream}");
        let begun: Begun = parsed(request(&client, &subject, ask.into(), &trying).await?, &trying)?;
        Ok(Self { client, stream: stream.to_owned(), deliver: begun.deliver_subject })
    }

    /// Hands over the next bytes, at most [`CHUNK_BYTES`]; returns when the server has them.
    pub async fn send(&self, chunk: Bytes) -> Result<(), Error> {
        // Nothing at all means the end; that is said by `finish` only.
        if chunk.is_empty() {
            return Ok(());
        }
        self.exchange(chunk, ANSWER_SECONDS).await.map(drop)
    }

    /// Says that this was all; gives what the restored stream holds.
    pub async fn finish(self) -> Result<StreamState, Error> {
        #[derive(Deserialize)]
        struct Made {
            state: StreamState,
        }
        let answer = self.exchange(Bytes::new(), FINISH_SECONDS).await?;
        parsed::<Made>(answer, &self.trying()).map(|made| made.state)
    }

    async fn exchange(&self, payload: Bytes, seconds: u64) -> Result<Value, Error> {
        let ask = async_nats::Request::new().payload(payload).timeout(Some(Duration::from_secs(seconds)));
        let answer = self.client.send_request(self.deliver.clone(), ask).await;
        let answer = answer.map_err(|error| Error::unknown(self.trying(), error))?;
        if answer.payload.is_empty() { Ok(Value::Null) } else { answered(&answer.payload, &self.trying()) }
    }

    fn trying(&self) -> String {
        format!("restoring stream {}", self.stream)
    }
}

pub(crate) async fn request(client: &Client, subject: &str, payload: Bytes, trying: &str) -> Result<Value, Error> {
    let ask = async_nats::Request::new().payload(payload).timeout(Some(Duration::from_secs(ANSWER_SECONDS)));
    let answer = client.send_request(subject.to_owned(), ask).await.map_err(|error| match error.kind() {
        async_nats::RequestErrorKind::NoResponders => Error::new(ErrorKind::Absent, trying, "JetStream is not there"),
        _ => Error::unknown(trying, error),
    })?;
    answered(&answer.payload, trying)
}

fn answered(payload: &[u8], trying: &str) -> Result<Value, Error> {
    let answer: Value = serde_json::from_slice(payload).map_err(|error| Error::malformed(trying, error))?;
    match answer.get("error") {
        None => Ok(answer),
        Some(error) => {
            let code = error.get("err_code").and_then(Value::as_u64).unwrap_or_default();
            let detail = error.get("description").and_then(Value::as_str).unwrap_or("refused without a reason");
            Err(Error::new(ErrorKind::Refused(code), trying, detail))
        }
    }
}

fn parsed<T: for<'de> Deserialize<'de>>(answer: Value, trying: &str) -> Result<T, Error> {
    serde_json::from_value(answer).map_err(|error| Error::malformed(trying, error))
}

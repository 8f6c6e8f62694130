//! Reading stored messages by sequence and subject: batches from any replica, single ones from the leader.

use std::time::Duration;

use alluvium_kernel::Timestamp;
use async_nats::jetstream::{
    self,
    stream::{LastRawMessageErrorKind, RawMessageError},
};
use futures::StreamExt;
use serde_json::json;

use crate::{
    connect::ACK_TIMEOUT_MS,
    error::{Error, ErrorKind},
    message::LogMessage,
};

/// Subjects in one `multi_last` request; the server's own limit is 1,024 answers.
pub const MULTI_LAST_SUBJECTS_MAX: usize = 512;
/// Messages asked for in one batch read.
pub const HISTORY_MESSAGES_MAX: usize = 1_000;
/// Bytes asked for in one batch read.
pub const HISTORY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Messages of one subject from sequence `from` on, up to the limits above. May be answered by a replica that is behind.
/// `pending` of the last message tells whether more follow.
pub async fn history(
    js: &jetstream::Context,
    stream: &str,
    subject: &str,
    from: u64,
) -> Result<Vec<LogMessage>, Error> {
    let request = json!({
        "batch": HISTORY_MESSAGES_MAX, "max_bytes": HISTORY_BYTES_MAX, "seq": from.max(1), "next_by_subj": subject,
    });
    direct(js, stream, &request).await
}

/// How many messages a subject has from sequence `from` on. May be answered by a replica that is behind.
pub async fn count_from(js: &jetstream::Context, stream: &str, subject: &str, from: u64) -> Result<u64, Error> {
    let first = direct(js, stream, &json!({ "batch": 1, "seq": from.max(1), "next_by_subj": subject })).await?;
    Ok(first.first().map_or(0, |message| message.pending + 1))
}

/// The last message of each subject that has one, at most [`MULTI_LAST_SUBJECTS_MAX`] subjects. May be answered by a replica
/// that is behind.
pub async fn multi_last(js: &jetstream::Context, stream: &str, subjects: &[String]) -> Result<Vec<LogMessage>, Error> {
    if subjects.len() > MULTI_LAST_SUBJECTS_MAX {
        let detail = format!("{} subjects, the limit is {MULTI_LAST_SUBJECTS_MAX}", subjects.len());
        return Err(Error::malformed(format!("reading last messages of {stream}"), detail));
    }
    direct(js, stream, &json!({ "multi_last": subjects })).await
}

/// From the leader: the message at a sequence, `None` when the stream has none there.
pub async fn leader_at(js: &jetstream::Context, stream: &str, seq: u64) -> Result<Option<LogMessage>, Error> {
    let handle = handle(js, stream).await?;
    found(stream, handle.get_raw_message(seq).await)
}

/// From the leader: the last message of a subject.
pub async fn leader_last(js: &jetstream::Context, stream: &str, subject: &str) -> Result<Option<LogMessage>, Error> {
    let handle = handle(js, stream).await?;
    found(stream, handle.get_last_raw_message_by_subject(subject).await)
}

/// From the leader: the first message of a subject at `from` or after.
pub async fn leader_next(
    js: &jetstream::Context,
    stream: &str,
    subject: &str,
    from: u64,
) -> Result<Option<LogMessage>, Error> {
    let handle = handle(js, stream).await?;
    found(stream, handle.get_first_raw_message_by_subject(subject, from.max(1)).await)
}

/// What a stream holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Sequence of its first message; one more than the last when it is empty.
    pub first: u64,
    /// Sequence of its last message, 0 before the first was ever stored.
    pub last: u64,
    /// How many messages there are: fewer than the sequences between both when some were removed.
    pub messages: u64,
}

impl Extent {
    /// How many of all messages that it ever took in are gone.
    pub fn missing(&self) -> u64 {
        self.last.saturating_sub(self.messages)
    }
}

/// From the leader: which messages a stream holds.
pub async fn extent(js: &jetstream::Context, stream: &str) -> Result<Extent, Error> {
    let trying = || format!("asking about stream {stream}");
    let handle = js.get_stream(stream).await.map_err(|error| match error.kind() {
        jetstream::context::GetStreamErrorKind::JetStream(cause) => Error::refused(trying(), &cause),
        _ => Error::unknown(trying(), error),
    })?;
    let state = &handle.cached_info().state;
    Ok(Extent { first: state.first_sequence, last: state.last_sequence, messages: state.messages })
}

/// From the leader: the sequence of the first message stored at `time` or after; `None` when there is none.
pub async fn leader_since(js: &jetstream::Context, stream: &str, time: Timestamp) -> Result<Option<u64>, Error> {
    let trying = || format!("looking for the first message of {stream} since {time}");
    let request = json!({ "start_time": time.to_rfc3339(), "next_by_subj": ">" });
    let client = js.client();
    let answer = client.request(format!("$JS.API.STREAM.MSG.GET.{stream}"), request.to_string().into());
    let answer = tokio::time::timeout(Duration::from_millis(ACK_TIMEOUT_MS), answer)
        .await
        .map_err(|_| Error::unknown(trying(), "no answer in time"))?
        .map_err(|error| Error::unknown(trying(), error))?;
    match serde_json::from_slice(&answer.payload).map_err(|error| Error::malformed(trying(), error))? {
        Since { message: Some(found), .. } => Ok(Some(found.seq)),
        Since { error: Some(error), .. } => {
            let error = Error::refused(trying(), &error);
            if error.is_no_message() { Ok(None) } else { Err(error) }
        }
        Since { .. } => Err(Error::malformed(trying(), "neither a message nor an error")),
    }
}

/// An answer to a request for one message; what the message says is not looked at.
#[derive(serde::Deserialize)]
struct Since {
    message: Option<Stored>,
    error: Option<jetstream::Error>,
}

#[derive(serde::Deserialize)]
struct Stored {
    seq: u64,
}

async fn handle(js: &jetstream::Context, stream: &str) -> Result<jetstream::stream::Stream<()>, Error> {
    js.get_stream_no_info(stream).await.map_err(|error| Error::malformed(format!("naming the stream {stream}"), error))
}

fn found(
    stream: &str,
    result: Result<jetstream::message::StreamMessage, RawMessageError>,
) -> Result<Option<LogMessage>, Error> {
    let trying = || format!("reading from the leader of {stream}");
    match result {
        Ok(message) => Ok(Some(LogMessage::of_leader(stream, message))),
        Err(error) => match error.kind() {
            LastRawMessageErrorKind::NoMessageFound => Ok(None),
            LastRawMessageErrorKind::JetStream(cause) => {
                let error = Error::refused(trying(), &cause);
                if error.is_no_message() { Ok(None) } else { Err(error) }
            }
            LastRawMessageErrorKind::InvalidSubject => Err(Error::malformed(trying(), error)),
            LastRawMessageErrorKind::Other => Err(Error::unknown(trying(), error)),
        },
    }
}

async fn direct(js: &jetstream::Context, stream: &str, request: &serde_json::Value) -> Result<Vec<LogMessage>, Error> {
    let trying = || format!("reading a batch from {stream}");
    let client = js.client();
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.map_err(|error| Error::unknown(trying(), error))?;
    client
        .publish_with_reply(format!("$JS.API.DIRECT.GET.{stream}"), inbox, request.to_string().into())
        .await
        .map_err(|error| Error::unknown(trying(), error))?;
    let mut messages = Vec::new();
    loop {
        let answer = tokio::time::timeout(Duration::from_millis(ACK_TIMEOUT_MS), answers.next())
            .await
            .map_err(|_| Error::unknown(trying(), "no answer in time"))?
            .ok_or_else(|| Error::unknown(trying(), "the connection was closed"))?;
        match answer.status.map(|status| status.as_u16()) {
            None => messages.push(stored(answer).ok_or_else(|| Error::malformed(trying(), "not a stored message"))?),
            // 204: the end of the batch. 404: nothing there.
            Some(204 | 404) => return Ok(messages),
            Some(503) => return Err(Error::new(ErrorKind::Absent, trying(), "nobody serves direct reads")),
            Some(status) => {
                let detail = answer.description.unwrap_or_default();
                return Err(Error::unknown(trying(), format!("status {status} {detail}")));
            }
        }
    }
}

fn stored(answer: async_nats::Message) -> Option<LogMessage> {
    let headers = answer.headers?;
    // The server appends its own headers at the end: the last value is the true one, whatever the publisher wrote.
    let last = |name: &str| headers.get_last(name).map(async_nats::HeaderValue::as_str);
    Some(LogMessage {
        stream: last("Nats-Stream")?.to_owned(),
        seq: last("Nats-Sequence")?.parse().ok()?,
        subject: last("Nats-Subject")?.to_owned(),
        time: Timestamp::parse(last("Nats-Time-Stamp")?)?,
        pending: last("Nats-Num-Pending").and_then(|pending| pending.parse().ok()).unwrap_or(0),
        payload: answer.payload,
        headers,
    })
}

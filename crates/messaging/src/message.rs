//! One message as it stands on a stream.

use alluvium_kernel::{Chain, Timestamp, header};
use async_nats::{HeaderMap, jetstream::message::StreamMessage};
use bytes::Bytes;

/// A message read from a stream, however it was read.
#[derive(Clone, Debug)]
pub struct LogMessage {
    /// The stream.
    pub stream: String,
    /// Its sequence there.
    pub seq: u64,
    /// Its subject.
    pub subject: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its payload.
    pub payload: Bytes,
    /// When the stream took it in.
    pub time: Timestamp,
    /// How many more messages the stream held for this reader when it was read; 0 when the reader did not ask.
    pub pending: u64,
}

impl LogMessage {
    /// A header's value, if it has one.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(async_nats::HeaderValue::as_str)
    }

    /// The chain value that the message claims; the start when it carries none.
    pub fn chain(&self) -> Chain {
        self.header(header::CHAIN).map_or_else(Chain::start, Chain::from_header)
    }

    /// The chain value that a message of this content has after `previous`.
    #[must_use]
    pub fn chain_after(&self, previous: &Chain) -> Chain {
        chain_after(previous, &self.payload, &self.headers)
    }

    pub(crate) fn of_leader(stream: &str, message: StreamMessage) -> Self {
        Self {
            stream: stream.to_owned(),
            seq: message.sequence,
            subject: message.subject.to_string(),
            headers: message.headers,
            payload: message.payload,
            time: micros(message.time),
            pending: 0,
        }
    }
}

/// The chain value after a message with this payload and these headers.
pub fn chain_after(previous: &Chain, payload: &[u8], headers: &HeaderMap) -> Chain {
    let ours: Vec<(&str, &str)> = headers
        .iter()
        .filter_map(|(name, values)| {
            let name: &str = name.as_ref();
            let value = values.last()?;
            (name.starts_with("Alv-") && name != header::CHAIN).then_some((name, value.as_str()))
        })
        .collect();
    previous.next(payload, &ours)
}

pub(crate) fn micros(time: async_nats::datetime::DateTime) -> Timestamp {
    Timestamp::from_micros((time.unix_timestamp_nanos() / 1000) as i64)
}

//! Messages as Kafka carries them: keys, null payloads, and headers of any bytes.

use std::sync::Arc;

use alluvium_kernel::Timestamp;
use bytes::{Bytes, BytesMut};
use rdkafka::{
    Message as _,
    message::{BorrowedMessage, Header, Headers as _, OwnedHeaders},
};

use crate::{
    headers::{self, Headers},
    transport::{Incoming, Outgoing, Position, PublishError, SettleToken},
};

/// Names that most messages carry, so that reading one allocates nothing.
const KNOWN: [&str; 10] = [
    headers::MESSAGE_ID,
    headers::TYPE,
    headers::SCHEMA,
    headers::TIME,
    headers::CONTENT_TYPE,
    headers::TRACE_PARENT,
    headers::TRACE_STATE,
    headers::BAGGAGE,
    headers::ATTEMPT,
    "__value_schema_id",
];

/// The headers of a message to publish, its id among them.
pub fn outgoing_headers(message: &Outgoing) -> Option<OwnedHeaders> {
    let count = message.headers.len() + usize::from(message.id.is_some());
    if count == 0 {
        return None;
    }
    let mut all = OwnedHeaders::new_with_capacity(count);
    if let Some(id) = &message.id {
        all = all.insert(Header { key: headers::MESSAGE_ID, value: Some(id.as_str()) });
    }
    let others = message.headers.iter().filter(|(name, _)| message.id.is_none() || *name != headers::MESSAGE_ID);
    Some(others.fold(all, |all, (key, value)| all.insert(Header { key, value: Some(value.as_ref()) })))
}

/// Refuses what Kafka cannot do before anything is sent.
pub fn check(message: &Outgoing) -> Result<(), PublishError> {
    let unsupported = |what| Err(PublishError::Unsupported { what, transport: "kafka" });
    if message.expect_last_subject_seq.is_some() {
        return unsupported("an expected last sequence");
    }
    if message.ttl.is_some() {
        return unsupported("a time to live for one message");
    }
    if message.delay.is_some() {
        return unsupported("a delayed message");
    }
    if message.topic.is_empty() || message.topic.contains('\0') {
        let detail = "a topic has a name without zero bytes".to_owned();
        return Err(PublishError::Subject { subject: message.topic.to_string(), detail });
    }
    message.headers.check().map_err(PublishError::from)
}

/// Key, payload and headers, copied out of librdkafka's memory in one allocation.
pub fn content(message: &BorrowedMessage<'_>) -> (Option<Bytes>, Option<Bytes>, Headers) {
    // Once: librdkafka looks each header up anew, which is most of what a message costs here.
    let fields: Vec<Header<'_, &[u8]>> = message.headers().map(|fields| fields.iter().collect()).unwrap_or_default();
    let key = message.key().unwrap_or_default();
    let payload = message.payload().unwrap_or_default();
    let values: usize = fields.iter().map(|each| each.value.map_or(0, <[u8]>::len)).sum();
    let mut all = BytesMut::with_capacity(key.len() + payload.len() + values);
    all.extend_from_slice(key);
    all.extend_from_slice(payload);
    for each in &fields {
        all.extend_from_slice(each.value.unwrap_or_default());
    }
    let mut all = all.freeze();
    let key = message.key().map(|key| all.split_to(key.len()));
    let payload = message.payload().map(|payload| all.split_to(payload.len()));
    let mut headers = Headers::with_capacity(fields.len());
    for each in fields {
        let value = all.split_to(each.value.map_or(0, <[u8]>::len));
        match KNOWN.iter().find(|name| **name == each.key) {
            Some(name) => headers.append(*name, value),
            None => headers.append(each.key.to_owned(), value),
        }
    }
    (key, payload, headers)
}

/// When the broker or the producer says that it was written.
pub fn time(message: &BorrowedMessage<'_>) -> Timestamp {
    Timestamp::from_micros(message.timestamp().to_millis().unwrap_or(0).saturating_mul(1000))
}

/// A message as the kit hands it out.
pub fn incoming(message: &BorrowedMessage<'_>, topic: &Arc<str>, generation: u64) -> Incoming {
    let (key, payload, headers) = content(message);
    let partition = message.partition();
    let attempt = headers.get_str(headers::ATTEMPT).and_then(|text| text.parse().ok()).unwrap_or(1);
    Incoming {
        topic: topic.clone(),
        subject: topic.as_ref().to_owned(),
        partition: partition as u32,
        position: Position::Partition { topic: topic.clone(), partition, offset: message.offset() },
        key,
        payload,
        headers,
        time: time(message),
        attempt,
        token: SettleToken { partition: partition as u32, number: message.offset() as u64, generation, reply: None },
    }
}

//! A message of the kit as JetStream carries it, and back. JetStream's header values are text: other bytes travel as base64 under
//! the name with `-bin` at its end.

use std::{borrow::Cow, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::{Bytes, BytesMut};

use crate::{
    headers::{BINARY_SUFFIX, Headers, KEY, NATS_MESSAGE_ID, TOMBSTONE},
    tail::place,
    transport::{Incoming, Outgoing, Position, PublishError, SettleToken},
};
use alluvium_kernel::Timestamp;
use async_nats::{HeaderMap, HeaderName};

/// Headers that tell the server what to do with a message: of a message put somewhere else they must not be repeated.
const INSTRUCTIONS: [&str; 6] =
    ["Nats-Expected-", "Nats-Batch-", "Nats-Schedule", "Nats-TTL", "Nats-Rollup", NATS_MESSAGE_ID];

/// The headers with which a message is published.
pub(crate) fn headers(message: &Outgoing) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in message.headers.entries() {
        insert(&mut map, name, value);
    }
    let mut own = |name: &'static str, value: &[u8]| insert(&mut map, &Cow::Borrowed(name), value);
    if let Some(id) = &message.id {
        own(NATS_MESSAGE_ID, id.as_bytes());
    }
    if let Some(stream) = &message.stream {
        own("Nats-Expected-Stream", stream.as_bytes());
    }
    if let Some(key) = &message.key {
        own(KEY, key);
    }
    if message.payload.is_none() {
        own(TOMBSTONE, b"1");
    }
    if let Some(seq) = message.expect_last_subject_seq {
        map.insert("Nats-Expected-Last-Subject-Sequence", seq.to_string());
    }
    if let Some(ttl) = message.ttl {
        map.insert("Nats-TTL", format!("{}s", ttl.as_secs().max(1)));
    }
    map
}

/// Names are checked before ([`check`]); those that are known when the kit is built cost no allocation.
#[expect(clippy::ptr_arg, reason = "only a borrowed Cow gives the name's own lifetime")]
fn insert(map: &mut HeaderMap, name: &Cow<'static, str>, value: &[u8]) {
    match (std::str::from_utf8(value), name) {
        (Ok(text), Cow::Borrowed(name)) if is_plain(text) => map.insert(HeaderName::from_static(name), text),
        (Ok(text), Cow::Owned(name)) if is_plain(text) => map.insert(name.as_str(), text),
        _ => map.insert(format!("{name}{BINARY_SUFFIX}"), STANDARD.encode(value)),
    }
}

/// Whether a text comes out of a header as it went in.
fn is_plain(text: &str) -> bool {
    !text.contains(['\r', '\n', '\0']) && text.trim() == text
}

/// The name without an allocation when it is one of the usual ones.
fn known(name: &str) -> Cow<'static, str> {
    use crate::headers as names;
    const USUAL: [&str; 9] = [
        names::NATS_MESSAGE_ID,
        names::TYPE,
        names::SCHEMA,
        names::KEY,
        names::TIME,
        names::CONTENT_TYPE,
        names::TRACE_PARENT,
        names::TOMBSTONE,
        names::ATTEMPT,
    ];
    match USUAL.iter().find(|usual| **usual == name) {
        Some(usual) => (*usual).into(),
        None => name.to_owned().into(),
    }
}

/// Without what told the server what to do with the message.
pub(crate) fn without_instructions(headers: &mut Headers) {
    headers.retain(|name, _| !INSTRUCTIONS.iter().any(|instruction| name.starts_with(instruction)));
}

/// Key, payload and headers of stored bytes. All values share one allocation.
pub(super) fn content(map: &HeaderMap, payload: Bytes) -> (Option<Bytes>, Option<Bytes>, Headers) {
    let values = || map.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value.as_str())));
    let mut room = BytesMut::with_capacity(values().map(|(_, value)| value.len()).sum());
    let mut headers = Headers::with_capacity(map.len());
    let (mut key, mut tombstone) = (None, false);
    for (name, value) in values() {
        let name: &str = name.as_ref();
        let plain = name.strip_suffix(BINARY_SUFFIX);
        let binary = plain.and_then(|plain| Some((plain, Bytes::from(STANDARD.decode(value).ok()?))));
        let (name, value) = binary.unwrap_or_else(|| {
            room.extend_from_slice(value.as_bytes());
            (name, room.split().freeze())
        });
        match name {
            KEY => key = Some(value),
            TOMBSTONE if payload.is_empty() => tombstone = true,
            _ => headers.append(known(name), value),
        }
    }
    (key, (!tombstone).then_some(payload), headers)
}

/// A delivered message. `None` when its reply subject says nothing of its place.
pub(super) fn incoming(
    message: async_nats::Message,
    topic: &Arc<str>,
    stream: &Arc<str>,
    partition_token: Option<usize>,
) -> Option<Incoming> {
    let place = place(message.reply.as_deref())?;
    let (key, payload, headers) = match &message.headers {
        Some(map) => content(map, message.payload),
        None => (None, Some(message.payload), Headers::new()),
    };
    let partition = partition_token.and_then(|at| message.subject.split('.').nth(at)?.parse().ok()).unwrap_or(0);
    Some(Incoming {
        topic: topic.clone(),
        subject: message.subject.into_string(),
        partition,
        position: Position::Stream { stream: stream.clone(), seq: place.stream_seq },
        key,
        payload,
        headers,
        time: Timestamp::from_micros(place.time_nanos / 1_000),
        attempt: place.delivered.min(u64::from(u32::MAX)) as u32,
        token: SettleToken { partition, number: place.stream_seq, generation: place.delivered, reply: message.reply },
    })
}

/// What can be known to be wrong with a message before it is sent.
pub(super) fn check(message: &Outgoing, payload_max: usize) -> Result<(), PublishError> {
    message.headers.check()?;
    let subject = &message.subject;
    let bad = |detail: &str| PublishError::Subject { subject: subject.clone(), detail: detail.to_owned() };
    if subject.split('.').any(str::is_empty) {
        return Err(bad("a token between dots is empty"));
    }
    if subject.contains(['*', '>']) {
        return Err(bad("it has a wildcard"));
    }
    if subject.contains(|each: char| each.is_whitespace() || each.is_control()) {
        return Err(bad("it has a blank"));
    }
    if let Some(id) = message.id.as_deref().filter(|id| !is_plain(id) || id.is_empty()) {
        return Err(PublishError::Subject {
            subject: subject.clone(),
            detail: format!("the message id {id:?} is no id"),
        });
    }
    // What the headers take at most: names, values in base64, separators.
    let bytes = message.bytes() + message.headers.bytes() / 3 + 16 * (message.headers.len() + 6) + 256;
    if bytes > payload_max && message.bytes() + 256 > payload_max {
        return Err(PublishError::TooLarge { subject: subject.clone(), bytes: message.bytes(), max: payload_max });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_any_bytes_come_back() {
        let mut message = Outgoing::new("orders", "x").with_key(vec![0xff, 0]);
        message.headers.insert("plain", "web");
        message.headers.insert("lines", "a\r\nb");
        message.headers.insert("blank", " a ");
        message.headers.insert("bytes", vec![1, 0xfe]);
        let map = headers(&message);
        assert_eq!(map.get("Alv-Key-bin").unwrap().as_str(), "/wA=");
        let (key, payload, headers) = content(&map, "x".into());
        assert_eq!((key.as_deref(), payload.as_deref()), (Some(&[0xff, 0][..]), Some(&b"x"[..])));
        for name in ["plain", "lines", "blank", "bytes"] {
            assert_eq!(headers.get(name), message.headers.get(name), "{name}");
        }
    }

    #[test]
    fn a_tombstone_is_an_empty_payload_that_says_so() {
        let mut message = Outgoing::new("orders", "");
        message.payload = None;
        assert_eq!(content(&headers(&message), Bytes::new()).1, None);
        message.payload = Some(Bytes::new());
        assert_eq!(content(&headers(&message), Bytes::new()).1, Some(Bytes::new()));
    }

    #[test]
    fn what_would_break_the_protocol_is_refused_here() {
        let bad = |subject: &str| check(&Outgoing::new("orders", "").on_subject(subject), 100_000).is_err();
        for subject in ["", "a.", "a..b", "a.*", ">", "a b", "a\r\nPUB"] {
            assert!(bad(subject), "{subject:?}");
        }
        assert!(!bad("orders.eu"));
        let big = Outgoing::new("orders", vec![0; 2_000]);
        assert!(matches!(check(&big, 1_000), Err(PublishError::TooLarge { bytes: 2_000, .. })));
        assert!(check(&Outgoing::new("orders", "").with_id("a\nb"), 1_000).is_err());
    }
}

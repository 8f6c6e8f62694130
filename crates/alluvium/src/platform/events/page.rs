//! One page of the log.

use alluvium_kernel::{Problem, Timestamp};
use alluvium_messaging::LogMessage;
use async_nats::jetstream;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use futures::StreamExt as _;
use serde_json::Value;

use super::decode;
use super::filter::Filter;

/// How long the log may take for a page.
const PAGE_WAIT: std::time::Duration = std::time::Duration::from_secs(10);
/// Messages looked at for a page that asks for one type of event; then the answer says where to go on.
const LOOKED_AT_MAX: usize = 20_000;

/// Events, and where the next page begins.
pub struct Page {
    /// In order.
    pub events: Vec<Value>,
    /// The next sequence, when one stream was read and more follow.
    pub next: Option<u64>,
}

/// Reads up to `limit` messages that match.
pub async fn read(js: &jetstream::Context, filter: &Filter, limit: usize) -> Result<Page, Problem> {
    let mut all: Vec<(Timestamp, Value)> = Vec::new();
    let mut next = None;
    for stream in &filter.streams {
        let (events, last) = tokio::time::timeout(PAGE_WAIT, one(js, stream, filter, limit))
            .await
            .map_err(|_| unavailable("no answer in time"))??;
        all.extend(events);
        next = last;
    }
    if filter.streams.len() > 1 {
        next = None;
        all.sort_by_key(|(time, _)| *time);
        all.truncate(limit);
    }
    Ok(Page { events: all.into_iter().map(|(_, event)| event).collect(), next })
}

type Timed = Vec<(Timestamp, Value)>;

async fn one(
    js: &jetstream::Context,
    name: &str,
    filter: &Filter,
    limit: usize,
) -> Result<(Timed, Option<u64>), Problem> {
    let config = pull::Config {
        deliver_policy: start(filter)?,
        ack_policy: AckPolicy::None,
        filter_subjects: filter.on_stream(),
        inactive_threshold: PAGE_WAIT,
        memory_storage: true,
        num_replicas: 1,
        ..pull::Config::default()
    };
    let consumer = js.create_consumer_on_stream(config, name).await.map_err(|error| unavailable(&error))?;
    let (mut events, mut found, mut looked_at) = (Vec::new(), 0, 0);
    loop {
        let wanted = if filter.kind.is_some() { limit.max(500) } else { limit - found };
        let mut messages =
            consumer.fetch().max_messages(wanted).messages().await.map_err(|error| unavailable(&error))?;
        let mut got = 0;
        while let Some(message) = messages.next().await {
            let message = message.map_err(|error| unavailable(&error))?;
            let (message, pending) = logged(name, message)?;
            got += 1;
            looked_at += 1;
            let decoded = decode::events(&message, filter.kind.as_deref());
            found += usize::from(!decoded.is_empty());
            events.extend(decoded.into_iter().map(|event| (message.time, event)));
            if found == limit || looked_at == LOOKED_AT_MAX {
                return Ok((events, (pending > 0).then_some(message.seq + 1)));
            }
        }
        if got < wanted {
            return Ok((events, None));
        }
    }
}

fn start(filter: &Filter) -> Result<DeliverPolicy, Problem> {
    Ok(match (filter.from, filter.since) {
        (Some(seq), _) => DeliverPolicy::ByStartSequence { start_sequence: seq.max(1) },
        (None, Some(since)) => DeliverPolicy::ByStartTime {
            start_time: async_nats::datetime::from_nanos(i128::from(since.micros()) * 1_000)
                .map_err(|_| Problem::new("platform.invalid_filter", 422, "`since` lies too far away."))?,
        },
        (None, None) => DeliverPolicy::All,
    })
}

fn logged(stream: &str, message: jetstream::Message) -> Result<(LogMessage, u64), Problem> {
    let info = message.info().map_err(|error| unavailable(&error))?;
    let (seq, pending) = (info.stream_sequence, info.pending);
    let time = Timestamp::from_micros((info.published.unix_timestamp_nanos() / 1_000) as i64);
    let message = message.message;
    let logged = LogMessage {
        stream: stream.to_owned(),
        seq,
        subject: message.subject.to_string(),
        headers: message.headers.unwrap_or_default(),
        payload: message.payload,
        time,
        pending,
    };
    Ok((logged, pending))
}

fn unavailable(error: &(impl std::fmt::Display + ?Sized)) -> Problem {
    Problem::unavailable("platform.log_unavailable", format!("The event log does not answer ({error}). Try again."))
}

/// The last sequence of a stream.
pub async fn last_seq(js: &jetstream::Context, stream: &str) -> Result<u64, Problem> {
    let stream = js.get_stream(stream).await.map_err(|error| unavailable(&error))?;
    Ok(stream.cached_info().state.last_sequence)
}

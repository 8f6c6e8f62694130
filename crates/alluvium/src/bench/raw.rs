//! Raw parts: what the same machine does without any of us, in the same minute.

use std::time::Instant;

use alluvium_messaging::Error;
use async_nats::jetstream;
use bytes::Bytes;
use futures::StreamExt as _;

use crate::failure::Failure;

/// Publishes that wait for their acknowledgement at once.
const IN_FLIGHT_MAX: usize = 1_024;

/// Publishes messages, pipelined; gives the seconds until all are acknowledged, and the last sequence.
pub async fn publish(
    js: &jetstream::Context,
    messages: impl Iterator<Item = (String, Bytes)>,
) -> Result<(f64, u64), Failure> {
    let began = Instant::now();
    let mut last = 0;
    let mut acks = futures::stream::FuturesUnordered::new();
    let failed = |error: &jetstream::context::PublishError| {
        Failure::from(alluvium_kernel::Problem::from(Error::of_publish("bench", error)))
    };
    for (subject, payload) in messages {
        let ack = js.publish(subject, payload).await.map_err(|error| failed(&error))?;
        acks.push(ack.into_future());
        if acks.len() >= IN_FLIGHT_MAX
            && let Some(ack) = acks.next().await
        {
            last = last.max(ack.map_err(|error| failed(&error))?.sequence);
        }
    }
    while let Some(ack) = acks.next().await {
        last = last.max(ack.map_err(|error| failed(&error))?.sequence);
    }
    Ok((began.elapsed().as_secs_f64(), last))
}

/// Reads a stream in order with the client library's own ordered consumer; gives the seconds until `count` messages of
/// `subject` are read.
pub async fn ordered_read(js: &jetstream::Context, stream: &str, subject: &str, count: u64) -> Result<f64, Failure> {
    let config = jetstream::consumer::pull::OrderedConfig {
        filter_subject: subject.to_owned(),
        ..jetstream::consumer::pull::OrderedConfig::default()
    };
    let began = Instant::now();
    let consumer = js.create_consumer_on_stream(config, stream).await.map_err(Failure::bug)?;
    let mut messages = consumer.messages().await.map_err(Failure::bug)?;
    for _ in 0..count {
        match messages.next().await {
            Some(message) => drop(message.map_err(Failure::bug)?),
            None => return Err(Failure::bug("the stream ended")),
        }
    }
    Ok(began.elapsed().as_secs_f64())
}

/// A stream of the bench's own.
pub async fn scratch_stream(js: &jetstream::Context) -> Result<(), Failure> {
    let config = jetstream::stream::Config {
        name: "BENCH".to_owned(),
        subjects: vec!["bench.>".to_owned()],
        ..jetstream::stream::Config::default()
    };
    js.get_or_create_stream(config).await.map(drop).map_err(Failure::bug)
}

/// The median of some numbers; `part` 0.5 is the median, 0.99 the 99th percentile.
pub fn percentile(numbers: &mut [f64], part: f64) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let at = ((numbers.len() as f64 - 1.0) * part).round() as usize;
    numbers.get(at).copied().unwrap_or(f64::NAN)
}

//! What the kit costs: typed messages through the kit beside the same bytes through the bare client, in the same run on the same
//! server.

#[cfg(feature = "kafka")]
pub mod kafka;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use async_nats::{
    HeaderMap,
    jetstream::{self, consumer::pull},
};
use bytes::Bytes;
use futures::{StreamExt, stream::FuturesUnordered};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::{
    Bus, HandlerError, Loop, Message,
    bus::ProduceOpts,
    connect::{ConnectConfig, connect, jetstream},
    profile::Profile,
    transport::{TopicSpec, jetstream::wire},
};

/// Publishes of the bare client that wait for their acknowledgement: as many as the kit's window.
const WINDOW: usize = 1_024;
/// Messages of one fetch of the bare client.
const FETCH_MESSAGES: usize = 500;
/// Different keys.
const KEYS: u64 = 1_000;
/// Rounds of each side.
const ROUNDS: usize = 3;
/// The stream of a measurement.
const STREAM: &str = "KITBENCH";

/// What is sent: about 200 bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(
    topic = "kitbench",
    subject = "kitbench.{key}",
    group = "bench",
    key = "customer",
    namespace = "alluvium.bench"
)]
pub struct Sample {
    /// Who.
    pub customer: String,
    /// Which.
    pub order: String,
    /// How much.
    pub total: i64,
    /// How many.
    pub pieces: i32,
    /// When.
    pub at: i64,
    /// Where to.
    pub address: String,
    /// Whether it may be left at the door.
    pub door: bool,
}

impl Sample {
    /// The sample of a number; there are 1,000 keys.
    pub fn numbered(n: u64) -> Self {
        Self {
            customer: format!("customer-{}", n % KEYS),
            order: format!("order-{n:012}"),
            total: n as i64 * 17,
            pieces: (n % 9) as i32,
            at: 1_767_322_245_123_456 + n as i64,
            address: "12 Long Street with a Name, 10115 A Town of Some Size, and the country it is in".to_owned()
                + " - second floor, to the left, bell without a name, please ring twice",
            door: n.is_multiple_of(2),
        }
    }
}

/// Messages per second, medians of rounds that take turns.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// Through the kit.
    pub ours: f64,
    /// The same messages through the bare client.
    pub raw: f64,
}

/// A measurement failed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BenchError(String);

fn failed(error: impl std::fmt::Display) -> BenchError {
    BenchError(error.to_string())
}

struct World {
    bus: Bus,
    js: jetstream::Context,
}

async fn world(url: &str) -> Result<World, BenchError> {
    let profile = Profile::custom(&Profile::Batch).publishing(|it| it.window = WINDOW);
    let bus = Bus::builder().nats(url).profile(profile).name("bench").build().await.map_err(failed)?;
    let js = jetstream(connect(&ConnectConfig { url: url.to_owned(), ..Default::default() }).await.map_err(failed)?);
    js.delete_stream(STREAM).await.ok();
    let spec = TopicSpec {
        topic: "kitbench".to_owned(),
        stream: Some(STREAM.to_owned()),
        subjects: vec![Sample::meta().filter.to_owned()],
        ..TopicSpec::default()
    };
    bus.admin().create(spec).await.map_err(failed)?;
    bus.prepare::<Sample>().await.map_err(failed)?;
    Ok(World { bus, js })
}

/// A message as the bare client takes it.
struct Encoded {
    subject: String,
    headers: HeaderMap,
    payload: Bytes,
}

/// Which headers the bare client sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RawHeaders {
    /// Those of the kit: the messages are the same.
    Same,
    /// The message's id alone.
    Id,
}

/// Typed messages, pipelined, beside messages that are encoded before, on the same subjects under ids of their own.
pub async fn produce(url: &str, count: u64, headers: RawHeaders) -> Result<Rates, BenchError> {
    let world = world(url).await?;
    let samples: Vec<Sample> = (0..count).map(Sample::numbered).collect();
    let warm = &samples[..samples.len().min(2_000)];
    publish_raw(&world.js, encoded(&world.bus, warm, headers).await?).await?;
    publish(&world.bus, warm, WINDOW).await?;
    let (mut ours, mut raw) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let messages = encoded(&world.bus, &samples, headers).await?;
        raw.push(publish_raw(&world.js, messages).await?);
        ours.push(publish(&world.bus, &samples, WINDOW).await?);
    }
    world.js.delete_stream(STREAM).await.ok();
    Ok(rates(count, ours, raw))
}

fn rates(count: u64, mut ours: Vec<f64>, mut raw: Vec<f64>) -> Rates {
    let rate = |seconds: &mut Vec<f64>| {
        seconds.sort_by(f64::total_cmp);
        count as f64 / seconds[seconds.len() / 2]
    };
    Rates { ours: rate(&mut ours), raw: rate(&mut raw) }
}

async fn encoded(bus: &Bus, samples: &[Sample], which: RawHeaders) -> Result<Vec<Encoded>, BenchError> {
    let mut all = Vec::with_capacity(samples.len());
    for sample in samples {
        let message = bus.outgoing(sample, ProduceOpts::new()).await.map_err(failed)?;
        let mut headers = wire::headers(&message);
        if which == RawHeaders::Id {
            headers = HeaderMap::new();
            headers.insert("Nats-Msg-Id", message.id.unwrap_or_default());
        }
        all.push(Encoded { subject: message.subject, headers, payload: message.payload.unwrap_or_default() });
    }
    Ok(all)
}

async fn publish(bus: &Bus, samples: &[Sample], in_flight: usize) -> Result<f64, BenchError> {
    let began = Instant::now();
    let mut pending = FuturesUnordered::new();
    for sample in samples {
        pending.push(bus.enqueue(sample).await.map_err(failed)?);
        if pending.len() >= in_flight
            && let Some(receipt) = pending.next().await
        {
            receipt.map_err(failed)?;
        }
    }
    while let Some(receipt) = pending.next().await {
        receipt.map_err(failed)?;
    }
    Ok(began.elapsed().as_secs_f64())
}

async fn publish_raw(js: &jetstream::Context, messages: Vec<Encoded>) -> Result<f64, BenchError> {
    let began = Instant::now();
    let mut acks = FuturesUnordered::new();
    for Encoded { subject, headers, payload } in messages {
        let ack = js.publish_with_headers(subject, headers, payload).await.map_err(failed)?;
        acks.push(ack.into_future());
        if acks.len() >= WINDOW
            && let Some(ack) = acks.next().await
        {
            ack.map_err(failed)?;
        }
    }
    while let Some(ack) = acks.next().await {
        ack.map_err(failed)?;
    }
    Ok(began.elapsed().as_secs_f64())
}

/// A loop over typed messages with a lane for each key and a handler that does nothing, beside fetch and acknowledge.
pub async fn consume(url: &str, count: u64) -> Result<Rates, BenchError> {
    let world = world(url).await?;
    let samples: Vec<Sample> = (0..count).map(Sample::numbered).collect();
    publish(&world.bus, &samples, WINDOW).await?;
    let (mut ours, mut raw) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        raw.push(consume_raw(&world.js, count, &format!("raw-{round}")).await?);
        ours.push(run_loop(&world.bus, count, &format!("ours-{round}")).await?);
    }
    world.js.delete_stream(STREAM).await.ok();
    Ok(rates(count, ours, raw))
}

async fn consume_raw(js: &jetstream::Context, count: u64, name: &str) -> Result<f64, BenchError> {
    let config = pull::Config {
        durable_name: Some(name.to_owned()),
        max_ack_pending: 10_000,
        ack_wait: Duration::from_mins(1),
        // As the loop's: what a consumer is asked for decides what it costs the server.
        filter_subject: Sample::meta().filter.to_owned(),
        ..pull::Config::default()
    };
    let consumer = js.create_consumer_on_stream(config, STREAM).await.map_err(failed)?;
    let began = Instant::now();
    let mut left = count;
    while left > 0 {
        let mut messages = consumer.fetch().max_messages(FETCH_MESSAGES).messages().await.map_err(failed)?;
        while let Some(message) = messages.next().await {
            message.map_err(failed)?.ack().await.map_err(failed)?;
            left = left.saturating_sub(1);
        }
    }
    js.client().flush().await.map_err(failed)?;
    Ok(began.elapsed().as_secs_f64())
}

async fn run_loop(bus: &Bus, count: u64, group: &str) -> Result<f64, BenchError> {
    let (stop, handled) = (CancellationToken::new(), Arc::new(AtomicU64::new(0)));
    let (end, seen) = (stop.clone(), handled.clone());
    let began = Instant::now();
    let handler = move |_, sample: Sample| {
        std::hint::black_box(&sample);
        if seen.fetch_add(1, Ordering::Relaxed) + 1 == count {
            end.cancel();
        }
        std::future::ready(Ok::<_, HandlerError>(()))
    };
    // Timed to the end of its drain: every acknowledgement has left the process.
    Loop::<Sample>::new(bus).group(group).profile(Profile::Batch).run(handler, stop).await.map_err(failed)?;
    Ok(began.elapsed().as_secs_f64())
}

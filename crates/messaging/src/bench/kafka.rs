//! The same on Kafka: typed messages beside bare librdkafka, on a cluster that is named or on librdkafka's mock of one.

use std::{
    sync::{Mutex, PoisonError, mpsc},
    thread,
};

use rdkafka::{
    ClientConfig, Message as _,
    consumer::{Consumer as _, StreamConsumer},
    mocking::MockCluster,
    producer::{FutureProducer, FutureRecord},
};

use super::{
    Arc, AtomicU64, BenchError, Bus, Bytes, CancellationToken, Duration, FuturesUnordered, HandlerError, Instant, Loop,
    Ordering, ProduceOpts, Profile, Rates, RawHeaders, Sample, StreamExt, TopicSpec, failed, publish, rates,
};
use crate::{
    Wire,
    transport::{
        Outgoing,
        kafka::{Kafka, KafkaConfig, wire},
    },
};

/// Messages on their way at once, on both sides: far more than what lingers, so that batching limits neither.
const IN_FLIGHT: usize = 8_192;
/// How often each side is measured; the medians are compared.
const ROUNDS: usize = 5;
const TOPIC: &str = "kitbench";
/// Partitions of the topic: enough that the mock, which keeps 5 MiB of each, holds all messages.
const PARTITIONS: u32 = 12;
/// Messages sent before anything is measured.
const WARM_MESSAGES: usize = 2_000;

/// A cluster. The mock stays on the thread that made it, and ends with this.
struct Cluster {
    address: String,
    is_mock: bool,
    _mock: Option<mpsc::Sender<()>>,
}

impl Cluster {
    /// The cluster at `brokers`, else a mock.
    fn open(brokers: Option<String>) -> Result<Self, BenchError> {
        if let Some(address) = brokers {
            return Ok(Self { address, is_mock: false, _mock: None });
        }
        let ((told, address), (guard, end)) = (mpsc::channel(), mpsc::channel::<()>());
        thread::spawn(move || {
            let made = MockCluster::new(1).and_then(|mock| {
                mock.create_topic(TOPIC, PARTITIONS as i32, 1)?;
                Ok(mock)
            });
            let address = made.as_ref().map(MockCluster::bootstrap_servers).map_err(ToString::to_string);
            if told.send(address).is_ok() {
                end.recv().ok();
            }
        });
        let address = address.recv().map_err(failed)?.map_err(failed)?;
        Ok(Self { address, is_mock: true, _mock: Some(guard) })
    }

    async fn bus(&self) -> Result<Bus, BenchError> {
        let settings = Profile::Base.settings();
        let kafka = Kafka::new(KafkaConfig::new(self.address.as_str()), settings.publish).map_err(failed)?;
        let bus = Bus::builder().transport(Arc::new(kafka)).wire(Wire::SingleObject).name("bench");
        let bus = bus.build().await.map_err(failed)?;
        if !self.is_mock {
            let spec = TopicSpec { topic: TOPIC.to_owned(), partitions: Some(PARTITIONS), ..TopicSpec::default() };
            bus.admin().create(spec).await.map_err(failed)?;
        }
        bus.prepare::<Sample>().await.map_err(failed)?;
        Ok(bus)
    }

    /// A client of librdkafka with the lines of a profile.
    fn client(&self, lines: &std::collections::BTreeMap<String, String>) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.address);
        for (name, value) in lines {
            config.set(name, value);
        }
        config
    }

    async fn end(self, bus: &Bus) {
        if !self.is_mock {
            bus.admin().delete(TOPIC.to_owned()).await.ok();
        }
    }
}

/// A message as the bare client takes it: key, payload and the headers' values in bytes. The list of headers is made when it is
/// sent, as it has to be: librdkafka takes each list away.
struct Encoded {
    key: String,
    headers: Option<Outgoing>,
    payload: Bytes,
}

/// Typed messages, pipelined, beside messages that are encoded before, under the same keys.
pub async fn produce(brokers: Option<String>, count: u64, headers: RawHeaders) -> Result<Rates, BenchError> {
    let cluster = Cluster::open(brokers)?;
    let bus = cluster.bus().await?;
    let samples: Vec<Sample> = (0..count).map(Sample::numbered).collect();
    let mut config = cluster.client(&Profile::Base.settings().publish.kafka);
    let producer: FutureProducer = config.set("partitioner", "murmur2_random").create().map_err(failed)?;
    let warm = &samples[..samples.len().min(WARM_MESSAGES)];
    publish_raw(&producer, encoded(&bus, warm, headers).await?).await?;
    publish(&bus, warm, IN_FLIGHT).await?;
    let (mut ours, mut raw) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let messages = encoded(&bus, &samples, headers).await?;
        // Whoever is first in one round is last in the next.
        if round.is_multiple_of(2) {
            raw.push(publish_raw(&producer, messages).await?);
            ours.push(publish(&bus, &samples, IN_FLIGHT).await?);
        } else {
            ours.push(publish(&bus, &samples, IN_FLIGHT).await?);
            raw.push(publish_raw(&producer, messages).await?);
        }
    }
    cluster.end(&bus).await;
    Ok(rates(count, ours, raw))
}

async fn encoded(bus: &Bus, samples: &[Sample], which: RawHeaders) -> Result<Vec<Encoded>, BenchError> {
    let mut all = Vec::with_capacity(samples.len());
    for sample in samples {
        let message = bus.outgoing(sample, ProduceOpts::new()).await.map_err(failed)?;
        let payload = message.payload.clone().unwrap_or_default();
        let headers = (which == RawHeaders::Same).then_some(message);
        all.push(Encoded { key: sample.customer.clone(), headers, payload });
    }
    Ok(all)
}

async fn publish_raw(producer: &FutureProducer, messages: Vec<Encoded>) -> Result<f64, BenchError> {
    let began = Instant::now();
    let mut pending = FuturesUnordered::new();
    for Encoded { key, headers, payload } in messages {
        let mut record = FutureRecord::to(TOPIC).key(key.as_str()).payload(payload.as_ref());
        record.headers = headers.as_ref().and_then(wire::outgoing_headers);
        pending.push(producer.send_result(record).map_err(|(error, _)| failed(error))?);
        if pending.len() >= IN_FLIGHT
            && let Some(delivered) = pending.next().await
        {
            delivered.map_err(failed)?.map_err(|(error, _)| failed(error))?;
        }
    }
    while let Some(delivered) = pending.next().await {
        delivered.map_err(failed)?.map_err(|(error, _)| failed(error))?;
    }
    Ok(began.elapsed().as_secs_f64())
}

/// A loop over typed messages with a lane for each key and a handler that does nothing, beside a `StreamConsumer` that stores
/// each offset. Both from their first message to their last: joining a group takes what it takes.
pub async fn consume(brokers: Option<String>, count: u64) -> Result<Rates, BenchError> {
    let cluster = Cluster::open(brokers)?;
    let bus = cluster.bus().await?;
    let samples: Vec<Sample> = (0..count).map(Sample::numbered).collect();
    publish(&bus, &samples, IN_FLIGHT).await?;
    let (mut ours, mut raw) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        if round.is_multiple_of(2) {
            raw.push(consume_raw(&cluster, count).await?);
        }
        ours.push(run_loop(&bus, count).await?);
        if !round.is_multiple_of(2) {
            raw.push(consume_raw(&cluster, count).await?);
        }
    }
    cluster.end(&bus).await;
    Ok(rates(count, ours, raw))
}

/// A group that nobody has used.
fn new_group() -> String {
    format!("bench-{}", uuid::Uuid::new_v4())
}

async fn consume_raw(cluster: &Cluster, count: u64) -> Result<f64, BenchError> {
    let mut config = cluster.client(&Profile::Batch.settings().consume.kafka);
    let consumer: StreamConsumer = config.set("group.id", new_group()).create().map_err(failed)?;
    consumer.subscribe(&[TOPIC]).map_err(failed)?;
    let mut began = None;
    for _ in 0..count {
        let message = consumer.recv().await.map_err(failed)?;
        began.get_or_insert_with(Instant::now);
        consumer.store_offset(TOPIC, message.partition(), message.offset()).map_err(failed)?;
    }
    Ok(began.map_or(0.0, |began| began.elapsed().as_secs_f64()))
}

async fn run_loop(bus: &Bus, count: u64) -> Result<f64, BenchError> {
    let (stop, handled) = (CancellationToken::new(), Arc::new(AtomicU64::new(0)));
    let span: Arc<Mutex<(Option<Instant>, Duration)>> = Arc::default();
    let (end, seen, times) = (stop.clone(), handled.clone(), span.clone());
    let handler = move |_, sample: Sample| {
        std::hint::black_box(&sample);
        let at = seen.fetch_add(1, Ordering::Relaxed) + 1;
        if at == 1 {
            times.lock().unwrap_or_else(PoisonError::into_inner).0 = Some(Instant::now());
        }
        if at == count {
            let mut times = times.lock().unwrap_or_else(PoisonError::into_inner);
            times.1 = times.0.map(|began| began.elapsed()).unwrap_or_default();
            end.cancel();
        }
        std::future::ready(Ok::<_, HandlerError>(()))
    };
    Loop::<Sample>::new(bus).group(new_group()).profile(Profile::Batch).run(handler, stop).await.map_err(failed)?;
    Ok(span.lock().unwrap_or_else(PoisonError::into_inner).1.as_secs_f64())
}

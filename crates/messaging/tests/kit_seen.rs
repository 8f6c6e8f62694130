//! What operators see of a loop: spans that hang together, and numbers under their names.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use alluvium_kernel::trace::{self, Kind, Recorder, Recording};
use alluvium_messaging::{
    Bus, CancellationToken, Context, HandlerError, Loop, Message,
    bus::ProduceOpts,
    consume::{Ordering, Retry},
    testing::MemoryBroker,
    transport::{Browse, Stored},
};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, SharedString, Unit};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(topic = "calls", subject = "calls.{key}", group = "desk", key = "who", namespace = "com.example")]
struct Call {
    who: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(topic = "answers", namespace = "com.example")]
struct Answer {
    who: String,
}

/// A span that has ended.
#[derive(Clone, Debug)]
struct Ended {
    name: String,
    kind: Kind,
    trace: [u8; 16],
    id: [u8; 8],
    parent: Option<[u8; 8]>,
    notes: BTreeMap<&'static str, String>,
    events: Vec<&'static str>,
    failed: Option<String>,
}

static ENDED: OnceLock<Mutex<Vec<Ended>>> = OnceLock::new();
static NEXT: AtomicU64 = AtomicU64::new(1);

fn ended() -> Vec<Ended> {
    ENDED.get_or_init(Mutex::default).lock().unwrap().clone()
}

struct Keeping;
struct Under(Option<Ended>);

impl Recorder for Keeping {
    fn begin(&self, kind: Kind, parent: Option<&str>, name: String) -> Option<Box<dyn Recording>> {
        let number = NEXT.fetch_add(1, SeqCst);
        let id = number.to_be_bytes();
        let (trace, parent) = match parent.and_then(trace::parse) {
            Some((trace, parent, _)) => (trace, Some(parent)),
            None => (u128::from(number).to_be_bytes(), None),
        };
        let (notes, events, failed) = (BTreeMap::new(), Vec::new(), None);
        Some(Box::new(Under(Some(Ended { name, kind, trace, id, parent, notes, events, failed }))))
    }
}

impl Under {
    fn span(&mut self) -> &mut Ended {
        self.0.as_mut().unwrap()
    }
}

impl Recording for Under {
    fn traceparent(&self) -> Arc<str> {
        let span = self.0.as_ref().unwrap();
        trace::format(&span.trace, &span.id, true).into()
    }
    fn rename(&mut self, name: String) {
        self.span().name = name;
    }
    fn note(&mut self, key: &'static str, value: String) {
        self.span().notes.insert(key, value);
    }
    fn event(&mut self, name: &'static str, _: String) {
        self.span().events.push(name);
    }
    fn fail(&mut self, why: String) {
        self.span().failed = Some(why);
    }
    fn forget(self: Box<Self>) {}
}

impl Drop for Under {
    fn drop(&mut self) {
        if let Some(span) = self.0.take() {
            ENDED.get_or_init(Mutex::default).lock().unwrap().push(span);
        }
    }
}

/// Remembers the names of metrics, and of their labels.
#[derive(Clone, Default)]
struct Names(Arc<Mutex<BTreeMap<String, BTreeSet<String>>>>);

impl Names {
    fn note(&self, key: &Key) {
        let labels = key.labels().map(|label| label.key().to_owned());
        self.0.lock().unwrap().entry(key.name().to_owned()).or_default().extend(labels);
    }
}

impl metrics::Recorder for Names {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.note(key);
        Counter::noop()
    }
    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.note(key);
        Gauge::noop()
    }
    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.note(key);
        Histogram::noop()
    }
}

/// Busy at first.
async fn answer(context: Context, call: Call) -> Result<(), HandlerError> {
    if context.attempt() == 1 {
        return Err(HandlerError::Transient("busy".into()));
    }
    Ok(context.produce(&Answer { who: call.who }).await?)
}

async fn answers(bus: &Bus) -> Vec<Stored> {
    let what = Browse { name: "ANSWERS".into(), filter: ">".into(), from: 0, messages_max: 10, partition: None };
    bus.admin().browse(what).await.unwrap()
}

#[tokio::test]
async fn a_message_is_one_trace_from_its_producer_to_what_its_handler_sends() {
    trace::install(Box::new(Keeping));
    let names = Names::default();
    metrics::set_global_recorder(names.clone()).unwrap();
    let bus = Bus::builder().transport(Arc::new(MemoryBroker::jetstream())).name("test").build().await.unwrap();
    bus.ensure::<Call>().await.unwrap();
    bus.ensure::<Answer>().await.unwrap();
    let opts = ProduceOpts::new().header("tracestate", "vendor=1").header("baggage", "tenant=a").id("call-1");
    bus.produce_with(&Call { who: "a".into() }, opts).await.unwrap();
    let stop = CancellationToken::new();
    let quick = Retry::exponential(Duration::from_millis(1), 1.0, Duration::from_millis(1));
    let running = tokio::spawn(Loop::<Call>::new(&bus).ordering(Ordering::Key).retry(quick).run(answer, stop.clone()));
    while bus.admin().lag("CALLS".into(), "desk".into()).await.map_or(1, |lag| lag.total()) > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stop.cancel();
    running.await.unwrap().unwrap();
    let spans = ended();
    let named = |name: &str| spans.iter().filter(|span| span.name == name).cloned().collect::<Vec<_>>();
    let (sent, tried, settled) = (named("send calls"), named("process calls"), named("settle"));
    assert_eq!((sent.len(), tried.len(), settled.len()), (1, 2, 1), "{spans:?}");
    assert!(tried.iter().all(|span| span.parent == Some(sent[0].id) && span.trace == sent[0].trace));
    assert_eq!((tried[0].failed.as_deref(), tried[0].events.as_slice()), (Some("busy"), &["retry"][..]));
    assert_eq!((tried[1].failed.as_deref(), tried[1].kind), (None, Kind::Consumer));
    assert_eq!(settled[0].parent, Some(tried[1].id));
    for (key, value) in [
        ("messaging.system", "memory"),
        ("messaging.destination.name", "calls"),
        ("messaging.operation.type", "process"),
        ("messaging.message.id", "call-1"),
        ("messaging.consumer.group.name", "desk"),
        ("messaging.destination.partition.id", "0"),
        ("alluvium.stream.sequence", "1"),
    ] {
        assert_eq!(tried[1].notes.get(key).map(String::as_str), Some(value), "{key}");
    }
    let answers_sent = named("send answers");
    assert_eq!(answers_sent[0].parent, Some(tried[1].id), "what the handler sends hangs below it");
    let stored = answers(&bus).await;
    let header = |name| stored[0].headers.get_str(name);
    assert_eq!((header("tracestate"), header("baggage")), (Some("vendor=1"), Some("tenant=a")));
    assert_eq!(trace::parse(header("traceparent").unwrap()).unwrap().0, sent[0].trace);
    let names = names.0.lock().unwrap();
    for name in [
        "messaging_received_total",
        "messaging_handled_total",
        "messaging_handle_seconds",
        "messaging_decode_seconds",
        "messaging_commit_seconds",
        "messaging_retries_total",
        "messaging_in_flight",
        "messaging_in_flight_bytes",
        "messaging_lag",
        "messaging_watermark_gap_seconds",
        "messaging_rebalances_total",
        "messaging_unsettled_total",
        "messaging_paused",
    ] {
        let labels = names.get(name).unwrap_or_else(|| panic!("{name} is missing"));
        for label in ["topic", "group", "transport"] {
            assert!(labels.contains(label), "{name}: {labels:?}");
        }
        assert!(!labels.contains("key") && !labels.contains("id"), "{name}");
    }
    assert!(names["messaging_decode_seconds"].contains("path") && names["messaging_handled_total"].contains("outcome"));
}

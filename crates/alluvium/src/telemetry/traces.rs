//! Spans to a collector: OTLP over HTTP in its JSON encoding, in batches, off the way of whoever is traced.
//!
//! Losing spans is better than waiting for them: the queue is bounded, a collector that is away costs its spans and a count.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use alluvium_kernel::trace::{self, Kind, Recorder, Recording};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::Traces;

/// Ended spans that may wait to be sent; more are dropped.
const SPANS_WAITING_MAX: usize = 8_192;
/// Spans in one request.
const SPANS_PER_REQUEST_MAX: usize = 512;
/// How long spans wait for others, in milliseconds.
const GATHER_MS: u64 = 500;
/// How long the collector may take for a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Requests for the same spans.
const ATTEMPTS_MAX: u32 = 3;
/// How long a stopping process waits for its last spans.
const LAST_WAIT: Duration = Duration::from_secs(3);
/// Notes of one span; more are left out.
const NOTES_MAX: usize = 16;
/// Events of one span; more are left out.
const EVENTS_MAX: usize = 16;

/// The sender of this process's spans.
pub struct Sender {
    stop: CancellationToken,
    sending: JoinHandle<()>,
}

impl Sender {
    /// Begins to keep spans, when the configuration says where they go. Call inside a tokio runtime, once a process.
    pub fn start(config: &Traces, instance: &str) -> Option<Self> {
        let base = config.otlp_url.as_deref()?;
        let (ended, queue) = mpsc::channel(SPANS_WAITING_MAX);
        trace::install(Box::new(Keeper { ended, kept_percent: config.sample_percent.min(100) }));
        let stop = CancellationToken::new();
        let http = match crate::http::builder().timeout(REQUEST_TIMEOUT).build() {
            Ok(http) => http,
            Err(error) => {
                tracing::error!(%error, "no spans are sent: there is no HTTP client");
                return None;
            }
        };
        let collector = Collector {
            http,
            url: format!("{}/v1/traces", base.trim_end_matches('/')),
            resource: json!({ "attributes": [
                attribute("service.name", "alluvium"),
                attribute("service.version", env!("CARGO_PKG_VERSION")),
                attribute("service.instance.id", instance),
            ] }),
        };
        tracing::info!(traces.url = %collector.url, "spans are sent to a collector");
        Some(Self { sending: tokio::spawn(collector.run(queue, stop.clone())), stop })
    }

    /// Sends what is left.
    pub async fn finish(self) {
        self.stop.cancel();
        if tokio::time::timeout(LAST_WAIT, self.sending).await.is_err() {
            tracing::debug!("the last spans were not sent in time");
        }
    }
}

struct Collector {
    http: reqwest::Client,
    url: String,
    resource: Value,
}

impl Collector {
    async fn run(self, mut queue: mpsc::Receiver<Value>, stop: CancellationToken) {
        let mut away = false;
        loop {
            let mut spans = Vec::new();
            let more = tokio::select! {
                biased;
                received = queue.recv_many(&mut spans, SPANS_PER_REQUEST_MAX) => received > 0,
                () = stop.cancelled() => false,
            };
            if more && spans.len() < SPANS_PER_REQUEST_MAX && !stop.is_cancelled() {
                tokio::select! {
                    () = tokio::time::sleep(Duration::from_millis(GATHER_MS)) => {}
                    () = stop.cancelled() => {}
                }
                while spans.len() < SPANS_PER_REQUEST_MAX
                    && let Ok(span) = queue.try_recv()
                {
                    spans.push(span);
                }
            }
            if !more {
                return;
            }
            let count = spans.len() as u64;
            match self.send(spans, &stop).await {
                Ok(()) => {
                    away = false;
                    metrics::counter!("alluvium_trace_spans_total", "status" => "sent").increment(count);
                }
                Err(error) => {
                    metrics::counter!("alluvium_trace_spans_total", "status" => "dropped").increment(count);
                    // Once, not for every batch: a collector may be away for days.
                    if !std::mem::replace(&mut away, true) {
                        tracing::warn!(traces.url = %self.url, %error, spans = count, "spans were dropped");
                    }
                }
            }
        }
    }

    async fn send(&self, spans: Vec<Value>, stop: &CancellationToken) -> Result<(), String> {
        let scope = json!({ "name": "alluvium", "version": env!("CARGO_PKG_VERSION") });
        let body = json!({ "resourceSpans": [
            { "resource": self.resource, "scopeSpans": [{ "scope": scope, "spans": spans }] }
        ] });
        let mut attempt = 1;
        loop {
            let error = match self.http.post(&self.url).json(&body).send().await {
                Ok(answer) if answer.status().is_success() => return Ok(()),
                // What the collector does not want, it does not want the next time either.
                Ok(answer) if answer.status().is_client_error() && answer.status().as_u16() != 429 => {
                    return Err(format!("the collector answers {}", answer.status()));
                }
                Ok(answer) => format!("the collector answers {}", answer.status()),
                Err(error) => error.to_string(),
            };
            if attempt == ATTEMPTS_MAX || stop.is_cancelled() {
                return Err(error);
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(GATHER_MS << attempt)) => {}
                () = stop.cancelled() => {}
            }
            attempt += 1;
        }
    }
}

/// Decides which traces are kept, and takes their spans.
struct Keeper {
    ended: mpsc::Sender<Value>,
    kept_percent: u32,
}

impl Recorder for Keeper {
    fn begin(&self, kind: Kind, parent: Option<&str>, name: String) -> Option<Box<dyn Recording>> {
        let mut random = [0; 25];
        getrandom::fill(&mut random).ok()?;
        let (trace, rest) = random.split_first_chunk::<16>()?;
        let (span, dice) = rest.split_first_chunk::<8>()?;
        // Who began the trace has decided for all parts of it.
        let (trace, parent, kept) = match parent.and_then(trace::parse) {
            Some((trace, parent, kept)) => (trace, Some(parent), kept),
            None => (*trace, None, u32::from(dice[0]) * 100 < self.kept_percent * 256),
        };
        Some(Box::new(Under {
            ended: kept.then(|| self.ended.clone()),
            trace,
            span: *span,
            parent,
            header: trace::format(&trace, span, kept).into(),
            kind,
            name,
            began: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            clock: Instant::now(),
            notes: Vec::new(),
            events: Vec::new(),
            failure: None,
        }))
    }
}

/// A span under way. One that is not kept only carries the decision on.
struct Under {
    ended: Option<mpsc::Sender<Value>>,
    trace: [u8; 16],
    span: [u8; 8],
    parent: Option<[u8; 8]>,
    header: Arc<str>,
    kind: Kind,
    name: String,
    began: Duration,
    clock: Instant,
    notes: Vec<(&'static str, String)>,
    /// What happened in it, and how long after its beginning.
    events: Vec<(&'static str, String, Duration)>,
    failure: Option<String>,
}

impl Recording for Under {
    fn traceparent(&self) -> Arc<str> {
        self.header.clone()
    }

    fn rename(&mut self, name: String) {
        self.name = name;
    }

    fn note(&mut self, key: &'static str, value: String) {
        if self.ended.is_some() && self.notes.len() < NOTES_MAX {
            self.notes.push((key, value));
        }
    }

    fn event(&mut self, name: &'static str, what: String) {
        if self.ended.is_some() && self.events.len() < EVENTS_MAX {
            self.events.push((name, what, self.clock.elapsed()));
        }
    }

    fn fail(&mut self, why: String) {
        self.failure = Some(why);
    }

    fn forget(mut self: Box<Self>) {
        self.ended = None;
    }
}

impl Drop for Under {
    fn drop(&mut self) {
        let Some(ended) = self.ended.take() else { return };
        if ended.try_send(self.as_otlp()).is_err() {
            metrics::counter!("alluvium_trace_spans_total", "status" => "dropped").increment(1);
        }
    }
}

impl Under {
    fn as_otlp(&self) -> Value {
        let kind = match self.kind {
            Kind::Internal => 1,
            Kind::Server => 2,
            Kind::Producer => 4,
            Kind::Consumer => 5,
        };
        let mut span = json!({
            "traceId": hex::encode(self.trace),
            "spanId": hex::encode(self.span),
            "name": self.name,
            "kind": kind,
            "startTimeUnixNano": self.began.as_nanos().to_string(),
            "endTimeUnixNano": (self.began + self.clock.elapsed()).as_nanos().to_string(),
            "attributes": self.notes.iter().map(|(key, value)| attribute(key, value)).collect::<Vec<_>>(),
        });
        if let Some(parent) = self.parent {
            span["parentSpanId"] = json!(hex::encode(parent));
        }
        if !self.events.is_empty() {
            let event = |(name, what, after): &(&'static str, String, Duration)| {
                json!({
                    "timeUnixNano": (self.began + *after).as_nanos().to_string(),
                    "name": name,
                    "attributes": [attribute("event.detail", what)],
                })
            };
            span["events"] = self.events.iter().map(event).collect();
        }
        if let Some(failure) = &self.failure {
            span["status"] = json!({ "code": 2, "message": failure });
        }
        span
    }
}

fn attribute(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keeper(kept_percent: u32) -> (Keeper, mpsc::Receiver<Value>) {
        let (ended, queue) = mpsc::channel(4);
        (Keeper { ended, kept_percent }, queue)
    }

    #[test]
    fn a_span_is_a_child_of_what_it_follows() {
        let (keeper, mut queue) = keeper(100);
        let above = keeper.begin(Kind::Server, None, "above".into()).unwrap();
        let mut below = keeper.begin(Kind::Producer, Some(&above.traceparent()), "below".into()).unwrap();
        below.note("command.id", "c".into());
        below.event("retry", "later".into());
        below.fail("why".into());
        drop(below);
        drop(above);
        let (below, above) = (queue.try_recv().unwrap(), queue.try_recv().unwrap());
        assert_eq!((&below["traceId"], &below["parentSpanId"]), (&above["traceId"], &above["spanId"]));
        assert_eq!((&above["parentSpanId"], &above["kind"], &below["kind"]), (&Value::Null, &json!(2), &json!(4)));
        assert_eq!(below["attributes"][0], json!({ "key": "command.id", "value": { "stringValue": "c" } }));
        assert_eq!(below["events"][0]["name"], "retry");
        assert_eq!(below["events"][0]["attributes"][0]["value"], json!({ "stringValue": "later" }));
        assert_eq!(above.get("events"), None);
        assert_eq!(below["status"], json!({ "code": 2, "message": "why" }));
    }

    #[test]
    fn the_first_part_of_a_trace_decides_for_all() {
        let (keeper, mut queue) = keeper(0);
        let left_out = keeper.begin(Kind::Server, None, "left out".into()).unwrap();
        let header = left_out.traceparent();
        assert!(header.ends_with("-00"));
        drop(keeper.begin(Kind::Consumer, Some(&header), "left out too".into()));
        drop(left_out);
        assert!(queue.try_recv().is_err());
        let kept = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        drop(keeper.begin(Kind::Consumer, Some(kept), "kept".into()));
        assert_eq!(queue.try_recv().unwrap()["parentSpanId"], "b7ad6b7169203331");
    }

    #[test]
    fn what_nobody_takes_is_dropped_and_what_is_forgotten_is_not_sent() {
        let (keeper, mut queue) = keeper(100);
        for _ in 0..10 {
            drop(keeper.begin(Kind::Internal, None, "one of many".into()));
        }
        keeper.begin(Kind::Internal, None, "x".into()).unwrap().forget();
        assert_eq!(std::iter::from_fn(|| queue.try_recv().ok()).count(), 4);
    }
}

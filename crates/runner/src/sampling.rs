//! Looking every few milliseconds at what the thread of a pipeline does, as the Firefox Profiler and `samply load` show it.

use std::io::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::activity::Phase;
use crate::deployment::Deployment;

/// How long it is looked when nobody says, in seconds.
pub(crate) const SECONDS: u64 = 30;
/// How long it can be looked, in seconds.
pub(crate) const SECONDS_MAX: u64 = 600;
/// How often it is looked, in milliseconds.
const EVERY_MS: u64 = 10;
/// The form of the profile that is written here.
const FORMAT_VERSION: u32 = 47;

/// Looking at one pipeline.
#[derive(Default)]
pub(crate) struct Sampling(Mutex<State>);

#[derive(Default)]
struct State {
    /// Until when it is looked.
    until: Option<Instant>,
    last: Option<Bytes>,
}

impl Sampling {
    /// Begins, unless it has begun.
    pub fn begin(&self, time: Duration) -> bool {
        let mut state = self.lock();
        if state.until.is_some() {
            return false;
        }
        state.until = Some(Instant::now() + time);
        true
    }

    /// How long it will still take, if it has begun.
    pub fn rest(&self) -> Option<Duration> {
        self.lock().until.map(|until| until.saturating_duration_since(Instant::now()))
    }

    /// What was found last.
    pub fn last(&self) -> Option<Bytes> {
        self.lock().last.clone()
    }

    fn end(&self, found: Option<Bytes>) {
        let mut state = self.lock();
        state.until = None;
        state.last = found.or_else(|| state.last.take());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks for some time, or until the pipeline ends; what was seen until then counts.
pub(crate) async fn look(deployment: Arc<Deployment>, time: Duration) {
    let (began, began_ms) = (Instant::now(), crate::now().micros() / 1_000);
    let mut pace = tokio::time::interval(Duration::from_millis(EVERY_MS));
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut seen = Vec::new();
    loop {
        tokio::select! {
            () = deployment.stop.cancelled() => break,
            _ = pace.tick() => seen.push((began.elapsed(), deployment.activity.phase())),
        }
        if began.elapsed() >= time {
            break;
        }
    }
    let profile = profile(&deployment.deployed.name, began_ms, &seen);
    let packed = pack(&profile).map_err(|error| tracing::warn!(%error, "a profile could not be packed"));
    deployment.sampling.end(packed.ok());
}

fn pack(profile: &Value) -> std::io::Result<Bytes> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(profile.to_string().as_bytes())?;
    packed.finish().map(Bytes::from)
}

/// A profile with one thread, whose stacks are the phases.
fn profile(pipeline: &str, began_ms: i64, seen: &[(Duration, Phase)]) -> Value {
    let count = Phase::ALL.len();
    let all = |value: Value| vec![value; count];
    let words: Vec<&str> = Phase::ALL.iter().map(|phase| phase.word()).collect();
    let numbers: Vec<usize> = (0..count).collect();
    let stacks: Vec<usize> = seen.iter().map(|(_, phase)| *phase as usize).collect();
    let times: Vec<f64> = seen.iter().map(|(time, _)| time.as_secs_f64() * 1_000.0).collect();
    let nothing = json!({ "length": 0 });
    json!({
        "meta": {
            "version": 27, "preprocessedProfileVersion": FORMAT_VERSION, "interval": EVERY_MS, "startTime": began_ms,
            "processType": 0, "product": pipeline, "stackwalk": 0, "symbolicated": true, "markerSchema": [],
            "categories": [{ "name": "Pipeline", "color": "blue", "subcategories": ["Other"] }],
        },
        "libs": [],
        "pages": [],
        "threads": [{
            "name": format!("pipeline {pipeline}"), "processType": "default", "processName": pipeline,
            "processStartupTime": 0, "processShutdownTime": null, "registerTime": 0, "unregisterTime": null,
            "pausedRanges": [], "pid": "1", "tid": 1, "isMainThread": true,
            "samples": { "stack": stacks, "time": times, "weight": null, "weightType": "samples", "length": seen.len() },
            "markers": {
                "data": [], "name": [], "startTime": [], "endTime": [], "phase": [], "category": [], "length": 0,
            },
            "stackTable": {
                "frame": numbers, "prefix": all(Value::Null), "category": all(json!(0)), "subcategory": all(json!(0)),
                "length": count,
            },
            "frameTable": {
                "address": all(json!(-1)), "inlineDepth": all(json!(0)), "category": all(json!(0)),
                "subcategory": all(json!(0)), "func": numbers, "nativeSymbol": all(Value::Null),
                "innerWindowID": all(json!(0)), "implementation": all(Value::Null), "line": all(Value::Null),
                "column": all(Value::Null), "length": count,
            },
            "funcTable": {
                "name": numbers, "isJS": all(json!(false)), "relevantForJS": all(json!(false)),
                "resource": all(json!(-1)), "fileName": all(Value::Null), "lineNumber": all(Value::Null),
                "columnNumber": all(Value::Null), "length": count,
            },
            "resourceTable": nothing,
            "nativeSymbols": nothing,
            "stringArray": words,
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_look_is_a_sample_of_its_phase() {
        let seen = [(Duration::from_millis(1), Phase::Waiting), (Duration::from_millis(11), Phase::Computing)];
        let profile = profile("p", 5, &seen);
        let thread = &profile["threads"][0];
        assert_eq!(thread["samples"]["time"], json!([1.0, 11.0]));
        let named: Vec<&str> = thread["samples"]["stack"]
            .as_array()
            .unwrap()
            .iter()
            .map(|stack| thread["stringArray"][usize::try_from(stack.as_u64().unwrap()).unwrap()].as_str().unwrap())
            .collect();
        assert_eq!(named, ["waiting", "computing"]);
        for table in ["stackTable", "frameTable", "funcTable"] {
            let length = thread[table]["length"].as_u64().unwrap();
            for (column, values) in thread[table].as_object().unwrap() {
                assert!(column == "length" || values.as_array().unwrap().len() as u64 == length, "{table}.{column}");
            }
        }
    }

    #[test]
    fn one_looks_at_a_time_and_what_was_found_last_stays() {
        let sampling = Sampling::default();
        assert!(sampling.begin(Duration::from_mins(1)) && !sampling.begin(Duration::ZERO));
        assert!(sampling.rest().is_some());
        sampling.end(Some(Bytes::from_static(b"x")));
        assert_eq!((sampling.rest(), sampling.last()), (None, Some(Bytes::from_static(b"x"))));
        assert!(sampling.begin(Duration::ZERO));
        sampling.end(None);
        assert_eq!(sampling.last(), Some(Bytes::from_static(b"x")));
    }
}

//! What a pipeline measures, in the forms that tools read.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Map, Value, json};

use crate::activity::Phase;
use crate::deployment::Deployment;
use crate::histogram::Counted;
use crate::series::rss_bytes;
use crate::stats::InputCounts;

/// Names and values, in their order.
type Labels = Vec<(&'static str, String)>;

/// One thing that is measured, with what it is now.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Metric {
    key: &'static str,
    kind: Kind,
    description: &'static str,
    values: Vec<(Labels, Reading)>,
}

/// How a metric goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Counts by class.
    Histogram,
}

#[derive(Clone, Debug, PartialEq)]
enum Reading {
    Count(u64),
    Seconds(f64),
    Classes(Counted),
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// What a pipeline measures now. `storage_bytes` is how long its files are.
pub(crate) fn of(deployment: &Deployment, storage_bytes: u64) -> Vec<Metric> {
    let own: Labels = vec![
        ("pipeline", format!("pipeline-{}", deployment.deployed.place.pipeline)),
        ("pipeline_name", deployment.deployed.name.clone()),
    ];
    let mut metrics = whole(deployment, storage_bytes, &own);
    metrics.extend(inputs(deployment, &own));
    metrics
}

fn whole(deployment: &Deployment, storage_bytes: u64, own: &Labels) -> Vec<Metric> {
    let stats = &deployment.stats;
    let read = |counter: &AtomicU64| Reading::Count(counter.load(Ordering::Relaxed));
    let (input, processed) = stats.backlog.counts();
    let transaction = deployment.transaction();
    let limit = deployment.memory_bytes_max();
    let one = |key, kind, description, reading| Metric { key, kind, description, values: vec![(own.clone(), reading)] };
    let mut metrics = vec![
        one("records_input_total", Kind::Counter, "Records that came in.", Reading::Count(input)),
        one("records_processed_total", Kind::Counter, "Records in tables and views.", Reading::Count(processed)),
        one("records_late_total", Kind::Counter, "Records that came too late.", read(&stats.late_records)),
        one(
            "pipeline_complete",
            Kind::Gauge,
            "1 when all inputs have ended and all is given out.",
            Reading::Count(u64::from(deployment.is_complete())),
        ),
        one("dbsp_steps_total", Kind::Counter, "Steps of this deployment.", read(&stats.steps)),
        one(
            "dbsp_step_latency_seconds",
            Kind::Histogram,
            "How long steps took until all files had them.",
            Reading::Classes(stats.step_times.read()),
        ),
        one(
            "transaction_in_progress",
            Kind::Gauge,
            "1 while a transaction is open.",
            Reading::Count(u64::from(transaction.is_some())),
        ),
        one(
            "transaction_id",
            Kind::Gauge,
            "The number of the last transaction.",
            Reading::Count(deployment.last_transaction()),
        ),
        one("process_resident_memory_bytes", Kind::Gauge, "Memory of the process.", Reading::Count(rss_bytes())),
        one("process_uptime_seconds", Kind::Gauge, "How long it is deployed.", {
            Reading::Seconds(std::time::Duration::from_millis(stats.uptime_ms()).as_secs_f64())
        }),
        one("storage_bytes", Kind::Gauge, "Files of its tables and views.", Reading::Count(storage_bytes)),
    ];
    metrics.extend(
        limit.map(|limit| one("max_rss_bytes", Kind::Gauge, "Memory that it may take.", Reading::Count(limit))),
    );
    let phase = |(phase, time): (Phase, std::time::Duration)| {
        let labels = own.iter().cloned().chain([("phase", phase.word().to_owned())]).collect();
        (labels, Reading::Seconds(time.as_secs_f64()))
    };
    metrics.push(Metric {
        key: "worker_seconds_total",
        kind: Kind::Counter,
        description: "Where the time of its thread went.",
        values: deployment.activity.times().into_iter().map(phase).collect(),
    });
    metrics
}

fn inputs(deployment: &Deployment, own: &Labels) -> Vec<Metric> {
    let inputs = deployment.stats.inputs();
    if inputs.is_empty() {
        return Vec::new();
    }
    let each = |key, kind, description, reading: fn(&InputCounts) -> u64| {
        let value = |(endpoint, counts): (&String, &InputCounts)| {
            let labels = own.iter().cloned().chain([("endpoint", endpoint.clone())]).collect();
            (labels, Reading::Count(reading(counts)))
        };
        Metric { key, kind, description, values: inputs.iter().map(value).collect() }
    };
    vec![
        each("input_connector_records_total", Kind::Counter, "Records that came in.", |counts| counts.records),
        each("input_connector_bytes_total", Kind::Counter, "Bytes that came in.", |counts| counts.bytes),
        each("input_connector_errors_parse_total", Kind::Counter, "Records that cannot be read.", |counts| {
            counts.parse_errors
        }),
    ]
}

/// Puts the metrics of several pipelines together: each stands once, with the values of all.
pub(crate) fn together(all: impl IntoIterator<Item = Vec<Metric>>) -> Vec<Metric> {
    let mut merged: Vec<Metric> = Vec::new();
    for metric in all.into_iter().flatten() {
        match merged.iter_mut().find(|it| it.key == metric.key) {
            Some(same) => same.values.extend(metric.values),
            None => merged.push(metric),
        }
    }
    merged
}

/// In the text format of Prometheus.
pub(crate) fn prometheus(metrics: &[Metric]) -> String {
    let mut text = String::new();
    for Metric { key, kind, description, values } in metrics {
        // Writing into memory does not fail.
        let _ = writeln!(text, "# HELP {key} {description}\n# TYPE {key} {}", kind.word());
        for (labels, reading) in values {
            match reading {
                Reading::Count(count) => drop(writeln!(text, "{key}{} {count}", braced(labels, None))),
                Reading::Seconds(seconds) => drop(writeln!(text, "{key}{} {seconds}", braced(labels, None))),
                Reading::Classes(counted) => classes(&mut text, key, labels, counted),
            }
        }
    }
    text
}

/// Each class has all that the ones before it have.
fn classes(text: &mut String, key: &str, labels: &Labels, counted: &Counted) {
    let mut so_far = 0;
    for bucket in &counted.buckets {
        so_far += bucket.count;
        let end = bucket.up_to.map_or_else(|| "inf".to_owned(), |end| end.to_string());
        let _ = writeln!(text, "{key}_bucket{} {so_far}", braced(labels, Some(&end)));
    }
    let labels = braced(labels, None);
    let _ = writeln!(text, "{key}_sum{labels} {}\n{key}_count{labels} {}", counted.sum, counted.count);
}

fn braced(labels: &Labels, end: Option<&str>) -> String {
    let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let pairs = labels.iter().map(|(name, value)| (*name, value.as_str())).chain(end.map(|end| ("le", end)));
    let pairs: Vec<String> = pairs.map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    format!("{{{}}}", pairs.join(","))
}

/// As JSON.
pub(crate) fn to_json(metrics: &[Metric]) -> Value {
    let value = |(labels, reading): &(Labels, Reading)| {
        let labels: Map<String, Value> =
            labels.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let value = match reading {
            Reading::Count(count) => json!(count),
            Reading::Seconds(seconds) => json!(seconds),
            Reading::Classes(counted) => {
                let bucket =
                    |it: &crate::histogram::Bucket| json!({ "gt": it.over, "le": it.up_to, "count": it.count });
                let buckets: Vec<Value> = counted.buckets.iter().map(bucket).collect();
                json!({ "buckets": buckets, "sum": counted.sum, "count": counted.count })
            }
        };
        json!({ "labels": labels, "value": value })
    };
    let metric = |metric: &Metric| {
        json!({
            "key": metric.key,
            "type": metric.kind.word(),
            "description": metric.description,
            "values": metric.values.iter().map(value).collect::<Vec<_>>(),
        })
    };
    metrics.iter().map(metric).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::histogram::Histogram;

    fn metric(pipeline: &str) -> Vec<Metric> {
        let labels = || vec![("pipeline_name", pipeline.to_owned())];
        let histogram = Histogram::default();
        histogram.took(Duration::from_micros(150));
        histogram.took(Duration::from_mins(1));
        vec![
            Metric {
                key: "a_total",
                kind: Kind::Counter,
                description: "All.",
                values: vec![(labels(), Reading::Count(7))],
            },
            Metric {
                key: "t_seconds",
                kind: Kind::Histogram,
                description: "Time.",
                values: vec![(labels(), Reading::Classes(histogram.read()))],
            },
        ]
    }

    #[test]
    fn metrics_of_several_pipelines_stand_under_one_head() {
        let text = prometheus(&together([metric("p"), metric("a\"b\\c\nd")]));
        assert!(text.starts_with(
            "# HELP a_total All.\n# TYPE a_total counter\na_total{pipeline_name=\"p\"} 7\n\
             a_total{pipeline_name=\"a\\\"b\\\\c\\nd\"} 7\n# HELP t_seconds Time.\n# TYPE t_seconds histogram\n\
             t_seconds_bucket{pipeline_name=\"p\",le=\"0.0001\"} 0\n\
             t_seconds_bucket{pipeline_name=\"p\",le=\"0.00025\"} 1\n"
        ));
        assert!(text.contains(
            "t_seconds_bucket{pipeline_name=\"p\",le=\"inf\"} 2\n\
             t_seconds_sum{pipeline_name=\"p\"} 60.00015\nt_seconds_count{pipeline_name=\"p\"} 2\n"
        ));
        assert_eq!(text.matches("# TYPE").count(), 2);
    }

    #[test]
    fn json_has_the_classes_as_they_are() {
        let json = to_json(&metric("p"));
        assert_eq!(
            json[0],
            json!({
                "key": "a_total", "type": "counter", "description": "All.",
                "values": [{ "labels": { "pipeline_name": "p" }, "value": 7 }],
            })
        );
        let value = &json[1]["values"][0]["value"];
        assert_eq!(value["buckets"][1], json!({ "gt": 0.0001, "le": 0.00025, "count": 1 }));
        assert_eq!(value["buckets"][15], json!({ "gt": 10.0, "le": null, "count": 1 }));
        assert_eq!((&value["count"], &value["sum"]), (&json!(2), &json!(60.00015)));
    }
}

//! How a table or view changes, as a stream.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use alluvium_formats::{ChunkLimits, Encoder, EncoderOptions, FormatConfig};
use alluvium_http::{PathParams, Principal, ProblemResponse};
use alluvium_kernel::Problem;
use alluvium_tablestore::Error;
use arrow::array::RecordBatch;
use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use serde_json::Value;
use tokio::sync::mpsc;
use url::form_urlencoded;
use utoipa::IntoParams;

use super::state::{DataRoutes, Found};
use crate::files::Rows;
use crate::listeners::Hearing;
use crate::program::Shown;

/// After so long without anything to tell, a chunk without anything is sent, in seconds.
const KEEP_ALIVE_SECONDS: u64 = 3;
/// Rows of one chunk.
const CHUNK_ROWS_MAX: u64 = 10_000;
/// Bytes of one chunk, of more than one row.
const CHUNK_BYTES_MAX: usize = 1 << 20;
/// Chunks that wait for the connection.
const CHUNKS_WAITING_MAX: usize = 4;

/// How changes are sent.
#[derive(IntoParams)]
#[expect(dead_code, reason = "describes what is read by the format that is named")]
pub(super) struct EgressQuery {
    /// `csv`, which is what is sent when nothing is said, or `json`.
    format: Option<String>,
    /// Whether the rows that are there come first.
    send_snapshot: Option<bool>,
    /// Changes of a chunk are an array whatever is said.
    array: Option<bool>,
    /// Whether the pipeline waits for who reads slowly; else they miss chunks.
    backpressure: Option<bool>,
}

/// What is asked for.
struct Asked {
    format: FormatConfig,
    holds_up: bool,
    with_snapshot: bool,
}

impl Asked {
    fn read(query: &str) -> Result<Self, Problem> {
        let (mut holds_up, mut with_snapshot) = (false, false);
        let mut rest = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "backpressure" => holds_up = flag("backpressure", &value)?,
                "send_snapshot" => with_snapshot = flag("send_snapshot", &value)?,
                // Chunks are arrays whatever is said of it.
                "array" => drop(flag("array", &value)?),
                _ => rest.push((name, value)),
            }
        }
        if rest.iter().any(|(name, value)| name == "format" && value == "json") {
            rest.push(("array".into(), "true".into()));
        }
        let format = FormatConfig::from_query(rest.iter().map(|(name, value)| (name.as_ref(), value.as_ref())));
        Ok(Self { format: format.map_err(|error| invalid(error.to_string()))?, holds_up, with_snapshot })
    }
}

fn flag(name: &str, value: &str) -> Result<bool, Problem> {
    value.parse().map_err(|_| invalid(format!("`{name}` is true or false.")))
}

pub(super) async fn egress(
    State(state): State<DataRoutes>,
    principal: Principal,
    params: PathParams,
    RawQuery(query): RawQuery,
) -> Result<Response, ProblemResponse> {
    let asked = Asked::read(query.as_deref().unwrap_or_default())?;
    let found = state.find(&principal, &params).await?;
    let shown = found.relation(&params)?.clone();
    if asked.with_snapshot && !shown.is_queryable {
        let detail = format!("A snapshot of '{}' needs it to be materialized.", shown.name.name);
        return Err(invalid(detail).into());
    }
    let encoder = asked.format.encoder(&shown.columns, EncoderOptions::default());
    let encoder = encoder.map_err(|error| invalid(error.to_string()))?;
    let chunks = Chunks { encoder, is_json: matches!(asked.format, FormatConfig::Json(_)), next: 0 };
    let (to, from) = mpsc::channel(CHUNKS_WAITING_MAX);
    let (hearing, rows) = listen(&found, &shown, &asked).await?;
    let stop = found.deployment.stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = tell(chunks, rows, hearing, to) => {}
        }
    });
    let chunks = futures::stream::unfold(from, |mut from| async move {
        from.recv().await.map(|chunk| (Ok::<Bytes, std::convert::Infallible>(chunk), from))
    });
    let mut response = Response::new(Body::from_stream(chunks));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// Begins to listen, and to read the rows that are there if they are wanted: between the two nothing happens.
async fn listen(found: &Found, shown: &Shown, asked: &Asked) -> Result<(Hearing, Option<Rows>), Problem> {
    let (deployment, name) = (Arc::clone(&found.deployment), shown.name.name.clone());
    let (holds_up, with_snapshot) = (asked.holds_up, asked.with_snapshot);
    let begun = tokio::task::spawn_blocking(move || {
        let _same = deployment.steps.read().unwrap_or_else(PoisonError::into_inner);
        let hearing = deployment.listeners.add(&name, holds_up).ok_or_else(too_many)?;
        let place = deployment.place.get().ok_or_else(Problem::internal)?;
        let rows: Option<Rows> =
            if with_snapshot { Some(place.files.scan(&name).map_err(|error| unreadable(&error))?) } else { None };
        Ok::<_, Problem>((hearing, rows))
    });
    begun.await.map_err(|_| Problem::internal())?
}

/// Sends what is there and what is heard, until nobody listens.
async fn tell(mut chunks: Chunks, rows: Option<Rows>, mut hearing: Hearing, to: mpsc::Sender<Bytes>) {
    if let Some(rows) = rows {
        let to = to.clone();
        // Rows are read on a thread that may wait.
        let sent = tokio::task::spawn_blocking(move || chunks.send_all(rows, &to).then_some(chunks));
        let Ok(Some(after)) = sent.await else { return };
        chunks = after;
    }
    let mut expected = 0;
    loop {
        let wait = Duration::from_secs(KEEP_ALIVE_SECONDS);
        let written = match tokio::time::timeout(wait, hearing.from.recv()).await {
            Ok(Some(told)) => {
                // What was missed leaves a gap.
                chunks.next += told.number - expected;
                expected = told.number + 1;
                chunks.write(&told.delta.batch, &told.delta.weights, false)
            }
            Ok(None) => return,
            Err(_) => vec![chunks.line(false, None)],
        };
        for chunk in written {
            if to.send(chunk).await.is_err() {
                return;
            }
        }
    }
}

/// Writes changes as the lines that clients read.
struct Chunks {
    encoder: Encoder,
    /// Whether what it writes is JSON already.
    is_json: bool,
    /// The number of the next one.
    next: u64,
}

impl Chunks {
    /// Whether somebody still listens.
    fn send_all(&mut self, rows: Rows, to: &mpsc::Sender<Bytes>) -> bool {
        for batch in rows {
            let batch = match batch {
                Ok(batch) => batch,
                Err(error) => {
                    tracing::warn!(%error, "a snapshot could not be read to its end");
                    return false;
                }
            };
            let weights = vec![1; batch.num_rows()];
            if !self.write(&batch, &weights, true).into_iter().all(|chunk| to.blocking_send(chunk).is_ok()) {
                return false;
            }
        }
        true
    }

    fn write(&mut self, batch: &RecordBatch, weights: &[i64], is_snapshot: bool) -> Vec<Bytes> {
        let limits = ChunkLimits { records: CHUNK_ROWS_MAX, bytes: CHUNK_BYTES_MAX };
        let mut written = Vec::new();
        let mut encoded = Vec::new();
        let Ok(mut records) = self.encoder.records(batch, weights) else { return written };
        loop {
            let mut text = Vec::new();
            let Some(chunk) = records.limited_chunk(&mut text, limits) else { break };
            if let Some(error) = chunk.errors.first() {
                tracing::warn!(%error, count = chunk.errors.len(), "rows could not be written for a listener");
            }
            if chunk.records > 0 {
                encoded.push(text);
            }
        }
        drop(records);
        for text in encoded {
            written.push(self.line(is_snapshot, String::from_utf8(text).ok().as_deref()));
        }
        written
    }

    /// One line.
    fn line(&mut self, is_snapshot: bool, rows: Option<&str>) -> Bytes {
        let number = self.next;
        self.next += 1;
        let rows = match rows {
            None => String::new(),
            Some(rows) if self.is_json => format!(r#","json_data":{rows}"#),
            Some(rows) => format!(r#","text_data":{}"#, Value::from(rows)),
        };
        format!("{{\"sequence_number\":{number},\"snapshot\":{is_snapshot}{rows}}}\r\n").into()
    }
}

fn unreadable(error: &Error) -> Problem {
    tracing::warn!(%error, "rows of a pipeline cannot be read");
    Problem::unavailable("pipelines.pipeline_unavailable", "The rows cannot be read now. Try again.")
}

fn too_many() -> Problem {
    Problem::new("pipelines.api_connection_limit", 429, "Too many connections listen to the pipeline. Close some.")
}

fn invalid(detail: String) -> Problem {
    Problem::new("pipelines.invalid_param", 400, detail)
}

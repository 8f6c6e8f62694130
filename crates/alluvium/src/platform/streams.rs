//! `/streams`

use alluvium_http::{Json, Op, ProblemResponse, Route};
use alluvium_kernel::Problem;
use alluvium_messaging::streams;
use axum::extract::State;
use serde_json::{Value, json};

use super::{Platform, admin};

pub fn routes() -> Vec<Route<Platform>> {
    let op = Op::new("listStreams", "platform", "The streams of the log")
        .json::<Value>(200, "Name, subjects, first and last sequence, messages, bytes, drift from its file");
    vec![Route::get("/streams", admin, list, op)]
}

async fn list(State(platform): State<Platform>) -> Result<Json<Value>, ProblemResponse> {
    let differences = streams::diff(&platform.js, Some(platform.replicas)).await?;
    let mut all = Vec::new();
    for file in streams::load(Some(platform.replicas)) {
        let drift: Vec<_> = differences.iter().filter(|difference| difference.stream == file.name).collect();
        let stream = platform.js.get_stream(file.name).await.map_err(|error| {
            let detail = format!("The log says nothing about stream {} ({error}).", file.name);
            Problem::unavailable("platform.log_unavailable", detail)
        })?;
        let info = stream.cached_info();
        all.push(json!({
            "name": file.name,
            "about": info.config.description,
            "subjects": info.config.subjects,
            "messages": info.state.messages,
            "bytes": info.state.bytes,
            "first_seq": info.state.first_sequence,
            "last_seq": info.state.last_sequence,
            "consumers": info.state.consumer_count,
            "replicas": info.config.num_replicas,
            "drift": drift,
        }));
    }
    Ok(Json(json!({ "streams": all })))
}

//! The lines of a pipeline, as a stream.

use std::sync::Arc;
use std::time::Duration;

use alluvium_http::{PathParams, Principal, ProblemResponse};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;

use super::state::DataRoutes;

/// Pieces that wait for the connection.
const WAITING_MAX: usize = 16;
/// How often it is seen whether the pipeline is still there, in seconds.
const LOOK_SECONDS: u64 = 10;

pub(super) async fn logs(
    State(state): State<DataRoutes>,
    principal: Principal,
    params: PathParams,
) -> Result<Response, ProblemResponse> {
    let name = params.get("pipeline_name").to_owned();
    let place = state.queries.place(&principal.tenant, &name).await?;
    let (kept, mut coming) = state.runner.logs(&place).read();
    let (to, from) = mpsc::channel::<Bytes>(WAITING_MAX);
    let stopping = state.runner.parts.stop.clone();
    tokio::spawn(async move {
        if to.send(kept.iter().flat_map(|line| line.bytes()).collect()).await.is_err() {
            return;
        }
        let mut look = tokio::time::interval(Duration::from_secs(LOOK_SECONDS));
        loop {
            let line: Arc<str> = tokio::select! {
                () = stopping.cancelled() => return,
                () = to.closed() => return,
                line = coming.recv() => match line {
                    Ok(line) => line,
                    Err(RecvError::Lagged(missed)) => format!("{missed} lines were left out\n").into(),
                    Err(RecvError::Closed) => return,
                },
                _ = look.tick() => match state.queries.place(&principal.tenant, &name).await {
                    Err(problem) if problem.status == 404 => return,
                    _ => continue,
                },
            };
            if to.send(Bytes::copy_from_slice(line.as_bytes())).await.is_err() {
                return;
            }
        }
    });
    let pieces = futures::stream::unfold(from, |mut from| async move {
        from.recv().await.map(|piece| (Ok::<Bytes, std::convert::Infallible>(piece), from))
    });
    let mut response = Response::new(Body::from_stream(pieces));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    Ok(response)
}

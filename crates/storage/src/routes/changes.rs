//! What became of a table's rows between two of its versions.

use std::time::Duration;

use alluvium_http::{MinPosition, PathParams, Principal, ProblemResponse, WithPosition};
use alluvium_kernel::{Position, Problem};
use alluvium_tablestore::{Changes, ChangesFormat};
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;
use tokio_util::io::ReaderStream;

use super::past;
use super::state::StorageRoutes;
use crate::context::STREAM;
use crate::wire::{ARROW_STREAM, ChangesWanted, JSON_LINES};

/// How long the route may take until its answer begins: folding both states, and comparing them.
pub(super) const CHANGES_TIMEOUT: Duration = Duration::from_secs(330);
/// How long a client may take to fetch the answer: it has a file here for that time.
const FETCH_MAX: Duration = Duration::from_hours(1);
/// Bytes that are read from that file at once.
const CHUNK_BYTES: usize = 64 << 10;

pub(super) async fn changes(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, ProblemResponse> {
    let ChangesWanted { from, to, format } = ChangesWanted::of(query.as_deref(), &headers)?;
    state.fresh(&wanted).await?;
    let place = state.place(&principal, &params).await?;
    let (from, to) = (past::resolved(&state, &from).await?, past::resolved(&state, &to).await?);
    if from > to {
        let detail = format!("{STREAM}:{from} is later than {STREAM}:{to}.");
        return Err(Problem::new("storage.invalid_version_range", 400, detail).into());
    }
    let (earlier, later) = (past::table_then(&state, &place, from).await?, past::table_then(&state, &place, to).await?);
    let found = state.tables()?.changes(&earlier, &later, format).await?;
    Ok(WithPosition(Position::of(STREAM, to), answer(found, format)).into_response())
}

fn answer(found: Changes, format: ChangesFormat) -> Response {
    let content_type = match format {
        ChangesFormat::JsonLines => JSON_LINES,
        ChangesFormat::Arrow => ARROW_STREAM,
    };
    let chunks = ReaderStream::with_capacity(tokio::fs::File::from_std(found.file), CHUNK_BYTES);
    // The length is said, so that an answer which ends before is not taken for a whole one.
    let mut response = Response::new(Body::from_stream(chunks.take_until(tokio::time::sleep(FETCH_MAX))));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(CONTENT_LENGTH, found.bytes.into());
    response
}

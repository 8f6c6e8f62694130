//! `Expect: 100-continue`: a client that hears a final answer instead of `100 Continue` need not send the body it announced
//! (RFC 9110, 10.1.1). The next bytes of the connection may then be that body or the next request, and nobody can tell which,
//! so the connection ends there.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::{CONNECTION, EXPECT};
use axum::middleware::Next;
use axum::response::Response;
use hyper::body::{Frame, SizeHint};

/// Closes the connection behind an answer that did not ask for the body the client holds back.
pub(crate) async fn close_where_unasked(request: Request, next: Next) -> Response {
    let held_back =
        request.headers().get(EXPECT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
    if !held_back {
        return next.run(request).await;
    }
    let asked = Arc::new(AtomicBool::new(false));
    let request = request.map(|body| Body::new(HeldBack { body, asked: asked.clone() }));
    let mut response = next.run(request).await;
    if !asked.load(Ordering::Relaxed) {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// A body whose first poll makes the server say `100 Continue`.
struct HeldBack {
    body: Body,
    asked: Arc<AtomicBool>,
}

impl hyper::body::Body for HeldBack {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.asked.store(true, Ordering::Relaxed);
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

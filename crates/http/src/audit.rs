//! What becomes known of a request, for whoever keeps account of what was asked for.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::problem::Slot;
use crate::{Matched, Principal};

/// Request header: the run of the client that the request is part of.
pub(crate) const RUN_ID: HeaderName = HeaderName::from_static("x-kbc-runid");

/// One request that met a route and was answered. What stood in its body, its query and its other headers is not here.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The unique id of its operation.
    pub operation: &'a str,
    /// What the operation does, in a few words.
    pub summary: &'a str,
    /// The route, with the parts of the path.
    pub matched: &'a Matched,
    /// Further parts that the handler found out: what was made is named in no path.
    pub concerns: &'a [(&'static str, String)],
    /// Whether the operation changes something.
    pub changes: bool,
    /// Whether the answer is that of an earlier request with the same key.
    pub is_replay: bool,
    /// Whether the caller was told that it has no right to it, also where that was said as 404.
    pub is_denied: bool,
    /// Who asked; none for somebody whose credential is not known here.
    pub caller: Option<&'a Principal>,
    /// The status of the answer.
    pub status: u16,
    /// Code and title of the problem, when it is one.
    pub problem: Option<(&'a str, &'a str)>,
    /// How long it took until the answer began.
    pub took: Duration,
    /// The request's id.
    pub request_id: &'a str,
    /// Where the connection came from; none for requests that this process sends itself.
    pub remote: Option<SocketAddr>,
    /// `User-Agent`, as sent.
    pub user_agent: Option<&'a str>,
    /// `X-KBC-RunId`, as sent.
    pub run_id: Option<&'a str>,
}

/// Keeps account of requests. Called with every answer, on its way out: must neither wait nor fail.
pub trait Audit: Send + Sync + 'static {
    /// A request was answered.
    fn note(&self, call: &Call<'_>);
}

/// Where a connection comes from, among the extensions of its requests.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// What guard and handler leave for the account of a request.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    /// The caller, also of a request that was not let in.
    pub caller: OnceLock<Principal>,
    denied: AtomicBool,
    concerns: OnceLock<Vec<(&'static str, String)>>,
}

impl Noted {
    pub fn deny(&self) {
        self.denied.store(true, Ordering::Relaxed);
    }

    pub fn is_denied(&self) -> bool {
        self.denied.load(Ordering::Relaxed)
    }

    pub fn concerns(&self) -> &[(&'static str, String)] {
        self.concerns.get().map_or(&[], Vec::as_slice)
    }
}

/// What a request is about beyond its path, said by its handler: an extractor.
#[derive(Clone, Debug, Default)]
pub struct Concerns(Arc<Noted>);

impl Concerns {
    /// Names what the request is about, by names of path parts; the first word counts.
    pub fn are(&self, parts: impl IntoIterator<Item = (&'static str, String)>) {
        let _ = self.0.concerns.set(parts.into_iter().collect());
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Concerns {
    type Rejection = std::convert::Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get::<Slot>().map(|slot| Self(slot.2.clone())).unwrap_or_default())
    }
}

/// What the account wants of a request that is gone by the time it is answered.
#[derive(Debug, Default)]
pub(crate) struct Sender {
    pub remote: Option<SocketAddr>,
    user_agent: Option<HeaderValue>,
    run_id: Option<HeaderValue>,
}

impl Sender {
    pub fn of(headers: &HeaderMap, peer: Option<&Peer>) -> Self {
        Self {
            remote: peer.map(|peer| peer.0),
            user_agent: headers.get(USER_AGENT).cloned(),
            run_id: headers.get(&RUN_ID).cloned(),
        }
    }

    pub fn user_agent(&self) -> Option<&str> {
        self.user_agent.as_ref()?.to_str().ok()
    }

    pub fn run_id(&self) -> Option<&str> {
        self.run_id.as_ref()?.to_str().ok()
    }
}

//! Gets something over HTTP from wherever reading stopped, until all of it was read.

use std::error::Error as _;
use std::fmt::Write as _;
use std::time::Duration;

use reqwest::header::{CONTENT_RANGE, ETAG, HeaderMap, IF_RANGE, LAST_MODIFIED, RANGE};
use reqwest::{Client, RequestBuilder, Response, StatusCode};

use crate::error::Exit;
use crate::input::{Backoff, Cutter, Draft, Port};
use crate::tls;

/// How long connecting may take, in seconds.
const CONNECT_SECS: u64 = 30;
/// How long nothing may come, in seconds.
const READ_SECS: u64 = 60;
/// How many redirects are followed.
const REDIRECTS_MAX: usize = 10;
/// The longest wait between two tries, in seconds.
const RETRY_SECS_MAX: u64 = 30;
/// How much of an answer's text an error shows, in bytes.
const SHOWN_BYTES_MAX: usize = 300;

/// A client that speaks HTTP and HTTPS, and follows redirects to these two only.
pub(crate) fn client() -> Result<Client, String> {
    Client::builder()
        .connect_timeout(Duration::from_secs(CONNECT_SECS))
        .read_timeout(Duration::from_secs(READ_SECS))
        .redirect(reqwest::redirect::Policy::custom(|attempt| {
            if attempt.previous().len() > REDIRECTS_MAX {
                attempt.error("too many redirects")
            } else if !matches!(attempt.url().scheme(), "http" | "https") {
                attempt.error("a redirect to something else than HTTP")
            } else if attempt.url().scheme() == "http"
                && attempt.previous().last().is_some_and(|url| url.scheme() == "https")
            {
                attempt.error("a redirect from HTTPS to HTTP")
            } else {
                attempt.follow()
            }
        }))
        .user_agent(concat!("alluvium/", env!("CARGO_PKG_VERSION")))
        .tls_backend_preconfigured(tls::system())
        .build()
        .map_err(shown)
}

/// An error with all its causes, and without the URL, which may hold secrets.
pub(crate) fn shown(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        write!(text, ": {next}").ok();
        cause = next.source();
    }
    text
}

/// What something to read is called, and how it is told from others of its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Version(pub Option<String>);

impl Version {
    /// What an answer says: its strong entity tag, else when it was modified.
    fn of(headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let strong = text(ETAG).filter(|tag| !tag.starts_with("W/"));
        Self(strong.or_else(|| text(LAST_MODIFIED)).map(ToOwned::to_owned))
    }
}

/// Why something was not read to its end.
#[derive(Debug)]
pub(crate) enum Unread {
    /// It was stopped, or a record is too long.
    Exit(Exit),
    /// It is another than the one whose beginning was read.
    Changed,
    /// It is not there.
    Missing(String),
    /// It cannot be had: the answer says so, or it was tried often enough.
    Failed(String),
}

impl From<Exit> for Unread {
    fn from(exit: Exit) -> Self {
        Self::Exit(exit)
    }
}

/// How hard is tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Tries after the first, without anything new between them.
    pub retries_max: u32,
    /// How long a connection is kept while nothing is read from it.
    pub pause: Duration,
}

/// Reads something to its end.
pub(crate) struct Reading<'a> {
    pub port: &'a mut Port,
    pub cutter: &'a mut Cutter,
    pub version: &'a mut Version,
    pub effort: Effort,
}

enum Answer {
    /// The body, of which so many bytes are known already.
    Body(Response, u64),
    /// All was read already.
    End,
    Unread(Unread),
    Passing(String),
}

impl Reading<'_> {
    /// Reads from where the cutter is; `draft` makes a chunk of whole records.
    pub async fn read(
        mut self,
        request: impl Fn() -> Result<RequestBuilder, String>,
        draft: impl Fn(&Cutter, &Version, bytes::Bytes, u64) -> Draft,
    ) -> Result<(), Unread> {
        let mut backoff = Backoff::up_to(Duration::from_secs(RETRY_SECS_MAX));
        let mut failures = 0;
        loop {
            self.port.ready().await?;
            let before = self.cutter.reached();
            let failed = match self.open(&request).await? {
                Answer::End => return Ok(()),
                Answer::Unread(unread) => return Err(unread),
                Answer::Passing(reason) => Some(reason),
                Answer::Body(response, known) => match self.body(response, known, &draft).await? {
                    Ok(is_all) if is_all => return Ok(()),
                    // It was paused for long and let go of.
                    Ok(_) => None,
                    Err(reason) => Some(reason),
                },
            };
            if self.cutter.reached() > before {
                failures = 0;
                backoff.reset();
            }
            let Some(reason) = failed else { continue };
            failures += 1;
            if failures > self.effort.retries_max {
                return Err(Unread::Failed(reason));
            }
            self.port.trouble("http", &reason);
            self.port.sleep(backoff.next()).await?;
        }
    }

    async fn open(&mut self, request: &impl Fn() -> Result<RequestBuilder, String>) -> Result<Answer, Exit> {
        let from = self.cutter.reached();
        let mut request = match request() {
            Ok(request) => request,
            Err(reason) => return Ok(Answer::Unread(Unread::Failed(reason))),
        };
        if from > 0 {
            request = request.header(RANGE, format!("bytes={from}-"));
            if let Some(version) = &self.version.0 {
                request = request.header(IF_RANGE, version);
            }
        }
        let response = match self.port.guard(request.send()).await? {
            Ok(response) => response,
            Err(error) => return Ok(Answer::Passing(shown(error))),
        };
        let version = Version::of(response.headers());
        let is_other = from > 0 && self.version.0.is_some() && version != *self.version;
        Ok(match response.status() {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT if is_other => Answer::Unread(Unread::Changed),
            StatusCode::OK => {
                *self.version = version;
                Answer::Body(response, from)
            }
            StatusCode::PARTIAL_CONTENT if from > 0 && begins_at(response.headers(), from) => {
                *self.version = version;
                Answer::Body(response, 0)
            }
            StatusCode::RANGE_NOT_SATISFIABLE if from > 0 && ends_at(response.headers(), from) => Answer::End,
            StatusCode::RANGE_NOT_SATISFIABLE if from > 0 => Answer::Unread(Unread::Changed),
            StatusCode::NOT_FOUND | StatusCode::GONE => Answer::Unread(Unread::Missing(self.refusal(response).await?)),
            status if is_passing(status) => Answer::Passing(self.refusal(response).await?),
            _ => Answer::Unread(Unread::Failed(self.refusal(response).await?)),
        })
    }

    async fn refusal(&mut self, response: Response) -> Result<String, Exit> {
        self.port.guard(refusal(response)).await
    }

    /// Reads a body; whether to its end. The inner error is worth another try.
    async fn body(
        &mut self,
        mut response: Response,
        known: u64,
        draft: &impl Fn(&Cutter, &Version, bytes::Bytes, u64) -> Draft,
    ) -> Result<Result<bool, String>, Unread> {
        let mut to_skip = known;
        self.port.well();
        loop {
            if self.port.is_paused() && !self.port.ready_within(self.effort.pause).await? {
                return Ok(Ok(false));
            }
            let part = match self.port.guard(response.chunk()).await? {
                Ok(Some(part)) => part,
                Ok(None) if to_skip > 0 => return Err(Unread::Changed),
                Ok(None) => return Ok(Ok(true)),
                Err(error) => return Ok(Err(shown(error))),
            };
            let skipped = to_skip.min(part.len() as u64);
            to_skip -= skipped;
            self.cutter.push(&part[skipped as usize..]).map_err(Exit::fatal)?;
            if let Some((bytes, offset)) = self.cutter.complete() {
                self.port.send(draft(self.cutter, self.version, bytes, offset)).await?;
            }
        }
    }
}

/// Why a server refused: its status, and the beginning of what it says.
pub(crate) async fn refusal(mut response: Response) -> String {
    let status = response.status();
    let mut body = Vec::new();
    while let Ok(Some(part)) = response.chunk().await {
        body.extend_from_slice(&part);
        if body.len() >= SHOWN_BYTES_MAX {
            break;
        }
    }
    body.truncate(SHOWN_BYTES_MAX);
    let text = String::from_utf8_lossy(&body);
    let text: String = text.trim().chars().map(|each| if each.is_control() { ' ' } else { each }).collect();
    if text.is_empty() {
        format!("the server answers {status}")
    } else {
        format!("the server answers {status}: {text}")
    }
}

/// Whether the same request may be answered better later.
pub(crate) fn is_passing(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
}

/// `bytes 5-9/10` begins at 5.
fn begins_at(headers: &HeaderMap, from: u64) -> bool {
    let range = headers.get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
    let start = range.and_then(|range| range.strip_prefix("bytes ")?.split('-').next()?.parse::<u64>().ok());
    start == Some(from)
}

/// `bytes */10` ends at 10.
fn ends_at(headers: &HeaderMap, at: u64) -> bool {
    let range = headers.get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
    range.and_then(|range| range.strip_prefix("bytes */")?.parse::<u64>().ok()) == Some(at)
}

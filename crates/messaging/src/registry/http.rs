//! Requests: each address in turn, again where it may help, within one time for all.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::config::RegistryConfig;
use super::error::{RegistryError, retryable_status};

/// Media type of requests and answers.
const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";
/// The longest wait before the second try; each further one doubles it.
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
/// The longest wait before any try.
const BACKOFF_MAX: Duration = Duration::from_secs(2);
/// Bytes of one answer, at most.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Letters of a foreign error text that are kept.
const MESSAGE_CHARS_MAX: usize = 1000;
/// What may stand in a path segment as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A request.
pub(super) struct Call<'a> {
    pub method: Method,
    /// Each is one segment, whatever is in it.
    pub path: &'a [&'a str],
    pub query: &'a [(&'a str, &'a str)],
    pub body: Option<&'a Value>,
}

impl Call<'_> {
    fn shown(&self) -> String {
        format!("{} {}", self.method, self.joined())
    }

    fn joined(&self) -> String {
        let segments = self.path.iter().map(|segment| utf8_percent_encode(segment, PLAIN).to_string());
        format!("/{}", segments.collect::<Vec<_>>().join("/"))
    }
}

pub(super) struct Http {
    config: RegistryConfig,
    client: reqwest::Client,
    /// The address that answered last.
    current: AtomicUsize,
}

/// What one try gave.
enum Tried {
    Done(Vec<u8>),
    Failed(RegistryError, Again),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Again {
    No,
    Here,
    Elsewhere,
}

impl Http {
    pub(super) fn new(config: RegistryConfig) -> Result<Self, RegistryError> {
        let builder = reqwest::Client::builder()
            .connect_timeout(config.connect_timeout)
            .user_agent(concat!("alluvium-messaging/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none());
        #[cfg(feature = "registry-tls")]
        let builder = {
            let https = config.urls.iter().any(|url| url.scheme() == "https");
            let tls = super::tls::config(config.ca.as_deref(), https).map_err(RegistryError::Configuration)?;
            builder.tls_backend_preconfigured(tls)
        };
        #[cfg(not(feature = "registry-tls"))]
        if config.ca.is_some() || config.urls.iter().any(|url| url.scheme() == "https") {
            let reason = "this program was built without feature `registry-tls`, which https needs";
            return Err(RegistryError::Configuration(reason.to_owned()));
        }
        let client = builder.build().map_err(|error| RegistryError::Configuration(causes(&error)))?;
        Ok(Self { config, client, current: AtomicUsize::new(0) })
    }

    pub(super) fn config(&self) -> &RegistryConfig {
        &self.config
    }

    /// Sends a request and reads its answer.
    pub(super) async fn call<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, RegistryError> {
        let answer = self.bytes(&call).await?;
        serde_json::from_slice(&answer)
            .map_err(|error| RegistryError::Malformed { request: call.shown(), message: error.to_string() })
    }

    /// Sends a request and gives its answer as it came.
    pub(super) async fn bytes(&self, call: &Call<'_>) -> Result<Vec<u8>, RegistryError> {
        let mut last = None;
        let within = tokio::time::timeout(self.config.total_timeout, self.tries(call, &mut last)).await;
        match within {
            Ok(outcome) => outcome,
            Err(_) => Err(last.unwrap_or_else(|| RegistryError::Unreachable {
                request: call.shown(),
                message: format!("no answer within {:?}", self.config.total_timeout),
            })),
        }
    }

    async fn tries(&self, call: &Call<'_>, last: &mut Option<RegistryError>) -> Result<Vec<u8>, RegistryError> {
        let urls = self.config.urls.len();
        let mut delay = BACKOFF_FIRST;
        for round in 1..=self.config.tries.max(1) {
            // A round asks every address; only after all of them failed is there something to wait for.
            let first = self.current.load(Ordering::Relaxed);
            for at in (first..first + urls).map(|at| at % urls) {
                match self.once(&self.config.urls[at], call).await {
                    Tried::Done(answer) => {
                        self.current.store(at, Ordering::Relaxed);
                        return Ok(answer);
                    }
                    Tried::Failed(error, Again::No) => {
                        self.current.store(at, Ordering::Relaxed);
                        return Err(error);
                    }
                    Tried::Failed(error, again) => {
                        tracing::debug!(registry.url = %self.config.urls[at], registry.error = %error, "a registry did not serve");
                        *last = Some(error);
                        if again == Again::Here {
                            break;
                        }
                    }
                }
            }
            if round < self.config.tries {
                tokio::time::sleep(jitter(delay)).await;
                delay = (delay * 2).min(BACKOFF_MAX);
            }
        }
        Err(last.take().unwrap_or_else(|| RegistryError::Unreachable {
            request: call.shown(),
            message: "there is no address".to_owned(),
        }))
    }

    async fn once(&self, base: &Url, call: &Call<'_>) -> Tried {
        let mut url = base.clone();
        url.set_path(&format!("{}{}", base.path().trim_end_matches('/'), call.joined()));
        let request = self
            .client
            .request(call.method.clone(), url)
            .query(call.query)
            .header("Accept", format!("{MEDIA_TYPE}, application/json;q=0.5"))
            // Answers then have GUIDs, which older servers leave out.
            .header("Confluent-Accept-Unknown-Properties", "true");
        let request = self.config.authorize(request);
        let request = match call.body {
            Some(body) => request.header("Content-Type", MEDIA_TYPE).body(body.to_string()),
            None => request,
        };
        let unreachable = |error: &reqwest::Error| {
            Tried::Failed(
                RegistryError::Unreachable {
                    request: call.shown(),
                    message: format!("{}: {}", shown(base), causes(error)),
                },
                Again::Elsewhere,
            )
        };
        let mut answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return unreachable(&error),
        };
        let status = answer.status().as_u16();
        let mut body = Vec::new();
        loop {
            match answer.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > ANSWER_BYTES_MAX => {
                    let message = format!("more than {ANSWER_BYTES_MAX} bytes");
                    return Tried::Failed(RegistryError::Malformed { request: call.shown(), message }, Again::No);
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) => return unreachable(&error),
            }
        }
        if (200..300).contains(&status) {
            return Tried::Done(body);
        }
        let again = match status {
            429 => Again::Here,
            status if retryable_status(status) => Again::Elsewhere,
            _ => Again::No,
        };
        Tried::Failed(refused(call, status, &body), again)
    }
}

fn refused(call: &Call<'_>, status: u16, body: &[u8]) -> RegistryError {
    #[derive(serde::Deserialize)]
    struct Problem {
        error_code: u32,
        message: String,
    }
    let (code, message) = match serde_json::from_slice::<Problem>(body) {
        Ok(problem) => (problem.error_code, problem.message),
        Err(_) => (u32::from(status), String::from_utf8_lossy(body).chars().take(MESSAGE_CHARS_MAX).collect()),
    };
    RegistryError::Refused { request: call.shown(), status, code, message }
}

fn shown(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

/// An error with its causes; the address, which may be long and is told already, left out.
fn causes(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = next {
        let own = error.to_string();
        let own = own.split(" for url (").next().unwrap_or_default();
        if !text.contains(own) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(own);
        }
        next = error.source();
    }
    text
}

/// Anything from nothing to `most`.
fn jitter(most: Duration) -> Duration {
    // Without chance the longest wait does.
    getrandom::u64().map_or(most, |number| most.mul_f64(number as f64 / u64::MAX as f64))
}

//! `s3_input`: an object of a bucket, or all whose keys begin alike, in the order of their keys.

mod listing;
mod sign;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream;
use reqwest::RequestBuilder;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use crate::config::Wrong;
use crate::error::{Error, Exit};
use crate::http::{self, Effort, Reading, Unread, Version};
use crate::input::cut::Cut;
use crate::input::{Backoff, Cutter, Draft, Input, Payload, Port};
use crate::secret::Secret;
use sign::Keys;

/// How many bytes an object has at most that is fetched while another is still read.
const AHEAD_BYTES_MAX: u64 = 8 << 20;
/// How many objects may be fetched at once.
pub const FETCHES_MAX: u32 = 64;
/// How long a page of a listing may be, in bytes.
const PAGE_BYTES_MAX: usize = 16 << 20;
/// How long a connection is kept while the input is paused, in seconds.
const PAUSE_SECS: u64 = 60;
/// The longest wait between two tries, in seconds.
const RETRY_SECS_MAX: u64 = 30;

/// `s3_input`.
#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    /// The bucket.
    pub bucket_name: String,
    /// Its region.
    pub region: String,
    /// The one object to read.
    #[serde(default)]
    pub key: Option<String>,
    /// How the keys of the objects to read begin; empty for all.
    #[serde(default)]
    pub prefix: Option<String>,
    /// Who reads.
    #[serde(default)]
    pub aws_access_key_id: Option<String>,
    /// The secret of who reads.
    #[serde(default)]
    pub aws_secret_access_key: Option<Secret>,
    /// Whether everybody may read.
    #[serde(default)]
    pub no_sign_request: bool,
    /// The URL of another service that speaks like S3.
    #[serde(default)]
    pub endpoint_url: Option<String>,
    /// How many small objects are fetched at once.
    #[serde(default = "eight")]
    pub max_concurrent_fetches: u32,
    /// How often is tried again.
    #[serde(default = "five")]
    pub max_retries: u32,
}

fn eight() -> u32 {
    8
}

fn five() -> u32 {
    5
}

impl Config {
    pub(crate) fn check(&self) -> Result<(), Wrong> {
        let is_name = |text: &str, more: &[u8]| {
            !text.is_empty()
                && text.len() <= 255
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte))
        };
        if !is_name(&self.bucket_name, b"-._") {
            return Err(Wrong::new("bucket_name", format!("{:?} is no name of a bucket", self.bucket_name)));
        }
        if !is_name(&self.region, b"-") {
            return Err(Wrong::new("region", format!("{:?} is no name of a region", self.region)));
        }
        match (&self.key, &self.prefix) {
            (None, None) => return Err(Wrong::new("key", "`key` or `prefix` must be given")),
            (Some(_), Some(_)) => return Err(Wrong::new("key", "only one of `key` and `prefix` may be given")),
            (Some(key), None) if key.is_empty() => return Err(Wrong::new("key", "it is empty")),
            _ => {}
        }
        if !self.no_sign_request {
            for (member, is_missing) in [
                ("aws_access_key_id", self.aws_access_key_id.is_none()),
                ("aws_secret_access_key", self.aws_secret_access_key.is_none()),
            ] {
                if is_missing {
                    return Err(Wrong::new(member, "it is missing; set `no_sign_request` if everybody may read"));
                }
            }
        }
        if self.max_concurrent_fetches == 0 || self.max_concurrent_fetches > FETCHES_MAX {
            let reason = format!("it is {} and must be 1 to {FETCHES_MAX}", self.max_concurrent_fetches);
            return Err(Wrong::new("max_concurrent_fetches", reason));
        }
        self.base().map(drop)
    }

    /// Where the bucket is.
    fn base(&self) -> Result<Url, Wrong> {
        let wrong = |reason: &str| Wrong::new("endpoint_url", reason);
        let text = match &self.endpoint_url {
            Some(endpoint) => format!("{}/{}", endpoint.trim_end_matches('/'), self.bucket_name),
            // A certificate for all buckets does not cover names with points.
            None if self.bucket_name.contains('.') => {
                format!("https://s3.{}.amazonaws.com/{}", self.region, self.bucket_name)
            }
            None => format!("https://{}.s3.{}.amazonaws.com", self.bucket_name, self.region),
        };
        let url = Url::parse(&text).map_err(|_| wrong("it is no URL"))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() || url.query().is_some() {
            return Err(wrong("it is no URL that begins with http:// or https://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("it has a user or password; keys are given by `aws_access_key_id`"));
        }
        Ok(url)
    }
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Position {
    /// All objects up to this key, and it.
    after: Option<String>,
    /// And of this one, so many bytes of a version.
    key: Option<String>,
    offset: u64,
    version: Option<String>,
}

/// Reads objects of a bucket.
pub(crate) struct S3Input {
    client: reqwest::Client,
    base: Url,
    keys: Option<Keys>,
    config: Config,
    cut: Cut,
}

impl S3Input {
    /// Asks for nothing yet.
    ///
    /// # Errors
    ///
    /// There can be no client.
    pub fn new(connector: &str, config: &Config, cut: Cut) -> Result<Self, Error> {
        let wrong = |member: &str, reason| Error::member(connector, format!("transport.config.{member}"), reason);
        let client = http::client().map_err(|reason| wrong("endpoint_url", reason))?;
        let base = config.base().map_err(|it| wrong(&it.member, it.reason))?;
        let keys = match (&config.aws_access_key_id, &config.aws_secret_access_key) {
            (Some(id), Some(secret)) if !config.no_sign_request => {
                Some(Keys { id: id.clone(), secret: secret.clone() })
            }
            _ => None,
        };
        Ok(Self { client, base, keys, config: config.clone(), cut })
    }

    /// A request for a key of the bucket, or for the bucket itself.
    fn request(&self, key: &str, pairs: &[(&str, &str)]) -> Result<RequestBuilder, String> {
        let at = format!("{}/{key}", self.base.path().trim_end_matches('/'));
        let at = if key.is_empty() && at != "/" { at.trim_end_matches('/').to_owned() } else { at };
        let (path, query) = (sign::path(&at), sign::query(pairs));
        let host = self.base.host_str().unwrap_or_default();
        let host = self.base.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let mark = if query.is_empty() { "" } else { "?" };
        let text = format!("{}://{host}{path}{mark}{query}", self.base.scheme());
        let url = Url::parse(&text).map_err(|_| format!("the key {key:?} can be in no URL"))?;
        if url.path() != path {
            // `.` and `..` would lead to another object.
            return Err(format!("the key {key:?} can be in no URL"));
        }
        let mut request = self.client.get(url).header("x-amz-content-sha256", sign::EMPTY_SHA256);
        if let Some(keys) = &self.keys {
            let at = jiff::Timestamp::now();
            let get = sign::Get { host: &host, path: &path, query: &query, region: &self.config.region, at };
            let (moment, authorization) = sign::sign(keys, &get);
            request = request.header("x-amz-date", moment).header("authorization", authorization);
        }
        Ok(request)
    }

    async fn read(self, position: Option<Value>, mut port: Port) -> Result<(), Exit> {
        let mut at: Position = match position {
            None => Position::default(),
            Some(position) => serde_json::from_value(position)
                .map_err(|error| Exit::fatal(format!("this is no position in a bucket: {error}")))?,
        };
        if let Some(key) = at.key.clone() {
            self.stream(&key, &mut at, &mut port).await?;
        }
        if let Some(key) = &self.config.key {
            return if at.after.is_some() { Ok(()) } else { self.stream(key, &mut at, &mut port).await };
        }
        let mut next = None;
        // Pages after the first go on from their token and not from where reading is.
        let after = at.after.clone();
        loop {
            let page = self.page(after.as_deref(), next.as_deref(), &mut port).await?;
            self.objects(page.objects, &mut at, &mut port).await?;
            next = page.next;
            if next.is_none() {
                return Ok(());
            }
        }
    }

    /// Reads objects one after the other; the small ones are fetched beforehand.
    async fn objects(&self, objects: Vec<listing::Object>, at: &mut Position, port: &mut Port) -> Result<(), Exit> {
        // A key that ends so stands for a folder.
        let objects = objects.into_iter().filter(|object| !(object.key.ends_with('/') && object.size == 0));
        let mut fetched = stream::iter(objects)
            .map(|object| async move {
                let ahead = if object.size <= AHEAD_BYTES_MAX { self.fetch(&object.key).await } else { None };
                (object.key, ahead)
            })
            .buffered(self.config.max_concurrent_fetches as usize);
        while let Some((key, ahead)) = port.guard(fetched.next()).await? {
            match ahead {
                Some(bytes) => {
                    *at = Position { after: Some(key.clone()), ..Position::default() };
                    let payload = Payload::Stream { bytes, object: key.into(), offset: 0, ends_object: true };
                    port.send(Draft { payload, position: json!(at), transaction: None }).await?;
                }
                None => self.stream(&key, at, port).await?,
            }
        }
        Ok(())
    }

    /// A small object; nothing if it could not be had at once, and then it is tried with more effort.
    async fn fetch(&self, key: &str) -> Option<Bytes> {
        let mut response = self.request(key, &[]).ok()?.send().await.ok()?;
        if response.status() != reqwest::StatusCode::OK {
            return None;
        }
        let mut all = Vec::new();
        while let Some(part) = response.chunk().await.ok()? {
            // It grew since it was listed.
            if all.len() as u64 + part.len() as u64 > 2 * AHEAD_BYTES_MAX {
                return None;
            }
            all.extend_from_slice(&part);
        }
        Some(all.into())
    }

    /// Reads an object from where it stopped.
    async fn stream(&self, key: &str, at: &mut Position, port: &mut Port) -> Result<(), Exit> {
        let is_same = at.key.as_deref() == Some(key);
        let (offset, version) = if is_same { (at.offset, at.version.clone()) } else { (0, None) };
        let (mut cutter, mut version) = (Cutter::new(self.cut, offset), Version(version));
        let (object, after): (Arc<str>, _) = (key.into(), at.after.clone());
        let effort = Effort { retries_max: self.config.max_retries, pause: Duration::from_secs(PAUSE_SECS) };
        let reading = Reading { port, cutter: &mut cutter, version: &mut version, effort };
        let read = reading.read(
            || self.request(key, &[]),
            |cutter, version, bytes, offset| {
                let (after, key) = (after.clone(), Some(key.to_owned()));
                let position = Position { after, key, offset: cutter.given(), version: version.0.clone() };
                let payload = Payload::Stream { bytes, object: object.clone(), offset, ends_object: false };
                Draft { payload, position: json!(position), transaction: None }
            },
        );
        let is_listed = self.config.key.is_none();
        let mut has_changed = false;
        match read.await {
            Ok(()) => {}
            Err(Unread::Exit(exit)) => return Err(exit),
            Err(Unread::Changed) => {
                port.trouble("s3", &format!("the object {key} changed while it was read; the rest of it is left out"));
                has_changed = true;
            }
            Err(Unread::Missing(reason)) if is_listed => {
                port.trouble("s3", &format!("the object {key} went before it was read: {reason}"));
            }
            Err(Unread::Missing(reason) | Unread::Failed(reason)) => {
                return Err(Exit::fatal(format!("the object {key}: {reason}")));
            }
        }
        let (bytes, offset) = cutter.rest();
        // Half a record is none.
        let bytes = if has_changed { Bytes::new() } else { bytes };
        *at = Position { after: Some(key.to_owned()), ..Position::default() };
        let payload = Payload::Stream { bytes, object, offset, ends_object: true };
        port.send(Draft { payload, position: json!(at), transaction: None }).await
    }

    /// A page of the listing.
    async fn page(&self, after: Option<&str>, token: Option<&str>, port: &mut Port) -> Result<listing::Page, Exit> {
        let mut backoff = Backoff::up_to(Duration::from_secs(RETRY_SECS_MAX));
        let mut failures = 0;
        loop {
            let reason = match port.guard(self.try_page(after, token)).await? {
                Ok(page) => return Ok(page),
                Err((reason, false)) => return Err(Exit::fatal(reason)),
                Err((reason, true)) => reason,
            };
            failures += 1;
            if failures > self.config.max_retries {
                return Err(Exit::fatal(reason));
            }
            port.trouble("s3", &reason);
            port.sleep(backoff.next()).await?;
        }
    }

    /// The error says whether it may pass.
    async fn try_page(&self, after: Option<&str>, token: Option<&str>) -> Result<listing::Page, (String, bool)> {
        let doing = |reason: String| format!("listing the bucket {}: {reason}", self.config.bucket_name);
        let mut pairs = vec![("list-type", "2"), ("prefix", self.config.prefix.as_deref().unwrap_or_default())];
        match (token, after) {
            (Some(token), _) => pairs.push(("continuation-token", token)),
            (None, Some(after)) => pairs.push(("start-after", after)),
            (None, None) => {}
        }
        let request = self.request("", &pairs).map_err(|reason| (doing(reason), false))?;
        let mut response = request.send().await.map_err(|error| (doing(http::shown(error)), true))?;
        if !response.status().is_success() {
            let may_pass = http::is_passing(response.status());
            return Err((doing(http::refusal(response).await), may_pass));
        }
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|error| (doing(http::shown(error)), true))? {
            body.extend_from_slice(&part);
            if body.len() > PAGE_BYTES_MAX {
                return Err((doing("the answer is too long".to_owned()), false));
            }
        }
        let text = String::from_utf8(body).map_err(|_| (doing("the answer is no UTF-8".to_owned()), false))?;
        listing::read(&text).map_err(|reason| (doing(reason), false))
    }
}

impl Input for S3Input {
    fn run(self: Box<Self>, position: Option<Value>, port: Port) -> BoxFuture<'static, Result<(), Exit>> {
        Box::pin((*self).read(position, port))
    }
}

#[cfg(test)]
mod tests;

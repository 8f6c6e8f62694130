//! `url_input`: something to get over HTTP, once.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::config::Wrong;
use crate::error::{Error, Exit};
use crate::http::{self, Effort, Reading, Unread, Version};
use crate::input::cut::Cut;
use crate::input::{Cutter, Draft, Input, Payload, Port};
use crate::secret::{Secret, shown_url};

/// How often is tried without anything new.
const RETRIES_MAX: u32 = 10;

/// `url_input`.
#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    /// The URL: http or https.
    pub path: Secret,
    /// How long a connection is kept while the input is paused, in seconds.
    #[serde(default = "sixty")]
    pub pause_timeout: u32,
}

fn sixty() -> u32 {
    60
}

impl Config {
    pub(crate) fn check(&self) -> Result<(), Wrong> {
        match url::Url::parse(self.path.expose()) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(()),
            Ok(_) => Err(Wrong::new("path", "it is no URL that begins with http:// or https://")),
            Err(error) => Err(Wrong::new("path", format!("it is no URL: {error}"))),
        }
    }
}

/// What was read: so many bytes of a version.
#[derive(Default, Serialize, Deserialize)]
struct Position {
    offset: u64,
    version: Option<String>,
}

/// Gets something over HTTP.
pub(crate) struct UrlInput {
    client: reqwest::Client,
    config: Config,
    object: Arc<str>,
    cut: Cut,
}

impl UrlInput {
    /// Asks for nothing yet.
    ///
    /// # Errors
    ///
    /// There can be no client.
    pub fn new(connector: &str, config: &Config, cut: Cut) -> Result<Self, Error> {
        let client = http::client().map_err(|reason| Error::member(connector, "transport.config", reason))?;
        Ok(Self { client, object: shown_url(config.path.expose()).into(), config: config.clone(), cut })
    }

    async fn read(self, position: Option<Value>, mut port: Port) -> Result<(), Exit> {
        let at: Position = match position {
            None => Position::default(),
            Some(position) => serde_json::from_value(position)
                .map_err(|error| Exit::fatal(format!("this is no position in a URL: {error}")))?,
        };
        let mut cutter = Cutter::new(self.cut, at.offset);
        let mut version = Version(at.version);
        let draft = |cutter: &Cutter, version: &Version, bytes, offset, ends_object| Draft {
            payload: Payload::Stream { bytes, object: self.object.clone(), offset, ends_object },
            position: json!(Position { offset: cutter.given(), version: version.0.clone() }),
            transaction: None,
        };
        let effort = Effort { retries_max: RETRIES_MAX, pause: Duration::from_secs(self.config.pause_timeout.into()) };
        let reading = Reading { port: &mut port, cutter: &mut cutter, version: &mut version, effort };
        let read = reading.read(
            || Ok(self.client.get(self.config.path.expose())),
            |cutter, version, bytes, offset| draft(cutter, version, bytes, offset, false),
        );
        let shown = &self.object;
        read.await.map_err(|unread| match unread {
            Unread::Exit(exit) => exit,
            Unread::Changed => Exit::fatal(format!("{shown} is not what it was when its beginning was read")),
            Unread::Missing(reason) | Unread::Failed(reason) => Exit::fatal(format!("{shown}: {reason}")),
        })?;
        let (bytes, offset) = cutter.rest();
        port.send(draft(&cutter, &version, bytes, offset, true)).await
    }
}

impl Input for UrlInput {
    fn run(self: Box<Self>, position: Option<Value>, port: Port) -> BoxFuture<'static, Result<(), Exit>> {
        Box::pin((*self).read(position, port))
    }
}

#[cfg(test)]
mod tests;

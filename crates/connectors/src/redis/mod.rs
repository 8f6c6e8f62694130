//! `redis_output`: a key for each row.

mod wire;

use std::borrow::Cow;
use std::time::Duration;

use futures::future::BoxFuture;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::io::{AsyncWriteExt as _, BufStream};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

use crate::config::Wrong;
use crate::error::{Error, Fault};
use crate::output::{ChangeKind, Item, Output, Reached, Wants};
use crate::secret::Secret;
use wire::Reply;

/// How long connecting, and each answer, may take, in seconds.
const ANSWER_SECS: u64 = 30;
/// How many commands are sent before their answers are read.
const PIPELINE_MAX: usize = 1000;

/// `redis_output`.
#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    /// `redis://[user][:password]@host[:port][/database]`.
    pub connection_string: Secret,
    /// What stands between the parts of a key.
    #[serde(default = "colon")]
    pub key_separator: String,
}

fn colon() -> String {
    ":".to_owned()
}

/// Where a server is.
struct Place {
    host: String,
    port: u16,
    user: Option<String>,
    password: Option<String>,
    database: u32,
}

impl Config {
    pub(crate) fn check(&self) -> Result<(), Wrong> {
        self.place().map(drop)
    }

    fn place(&self) -> Result<Place, Wrong> {
        let wrong = |reason: &str| Wrong::new("connection_string", reason);
        let url = Url::parse(self.connection_string.expose()).map_err(|_| wrong("it is no URL"))?;
        match url.scheme() {
            "redis" => {}
            "rediss" => return Err(wrong("TLS to Redis is not supported")),
            _ => return Err(wrong("it does not begin with redis://")),
        }
        if url.query_pairs().any(|(name, value)| name != "protocol" || value != "resp2") {
            return Err(wrong("only `protocol=resp2` may stand behind its `?`"));
        }
        let decoded = |text: &str| percent_decode_str(text).decode_utf8().map(Cow::into_owned);
        let decoded = |text: &str| decoded(text).map_err(|_| wrong("its user or password is no UTF-8"));
        let path = url.path().trim_start_matches('/');
        let database = if path.is_empty() { Ok(0) } else { path.parse() };
        Ok(Place {
            host: url.host_str().ok_or_else(|| wrong("it has no host"))?.trim_matches(['[', ']']).to_owned(),
            port: url.port().unwrap_or(6379),
            user: Some(decoded(url.username())?).filter(|user| !user.is_empty()),
            password: url.password().map(decoded).transpose()?,
            database: database.map_err(|_| wrong("its database is no number"))?,
        })
    }
}

/// Writes keys.
pub(crate) struct RedisOutput {
    place: Place,
    separator: String,
    key_fields: Vec<String>,
    stream: Option<BufStream<TcpStream>>,
}

impl RedisOutput {
    /// Connects to nothing yet. The key is made of the `key_fields` of the format.
    ///
    /// # Errors
    ///
    /// The format is not JSON or has no `key_fields`.
    pub fn new(connector: &str, config: &Config, format: Option<&Value>) -> Result<Self, Error> {
        let wrong = |it: Wrong| Error::member(connector, format!("transport.config.{}", it.member), it.reason);
        let place = config.place().map_err(wrong)?;
        if format.and_then(|format| format.get("name")).and_then(Value::as_str) != Some("json") {
            return Err(Error::member(connector, "format.name", "it must be `json` for Redis"));
        }
        let fields = format.and_then(|format| format.get("config")?.get("key_fields")?.as_array());
        let text = |field: &Value| field.as_str().map(ToOwned::to_owned);
        let key_fields =
            fields.and_then(|fields| fields.iter().map(text).collect::<Option<Vec<_>>>()).unwrap_or_default();
        if key_fields.is_empty() {
            return Err(Error::member(connector, "format.config.key_fields", "it must name the columns of the keys"));
        }
        Ok(Self { place, separator: config.key_separator.clone(), key_fields, stream: None })
    }

    async fn connect(&mut self) -> Result<(), Fault> {
        self.stream = None;
        let Place { host, port, user, password, database } = &self.place;
        let limit = Duration::from_secs(ANSWER_SECS);
        let connecting = timeout(limit, TcpStream::connect((host.as_str(), *port))).await;
        let late = |_| Fault::Passing("connecting to Redis took too long".to_owned());
        let stream =
            connecting.map_err(late)?.map_err(|error| Fault::Passing(format!("connecting to Redis: {error}")))?;
        let mut commands: Vec<Vec<&[u8]>> = Vec::new();
        match (user, password) {
            (Some(user), Some(password)) => commands.push(vec![b"AUTH", user.as_bytes(), password.as_bytes()]),
            (None, Some(password)) => commands.push(vec![b"AUTH", password.as_bytes()]),
            _ => {}
        }
        let number = database.to_string();
        if *database > 0 {
            commands.push(vec![b"SELECT", number.as_bytes()]);
        }
        let mut stream = BufStream::new(stream);
        let bytes: Vec<u8> = commands.iter().flat_map(|command| wire::command(command)).collect();
        exchange(&mut stream, &bytes, commands.len()).await?;
        self.stream = Some(stream);
        Ok(())
    }

    async fn put(&mut self, items: &[Item]) -> Result<(), Fault> {
        for part in items.chunks(PIPELINE_MAX) {
            let mut bytes = Vec::new();
            for item in part {
                let Item::Change { kind, row, .. } = item else {
                    return Err(Fault::Fatal("it takes rows and was given encoded ones".to_owned()));
                };
                let key = key(&self.key_fields, &self.separator, row).map_err(Fault::Fatal)?;
                if *kind == ChangeKind::Delete {
                    bytes.extend(wire::command(&[b"DEL", key.as_bytes()]));
                } else {
                    let value = format!("{}\n", Value::Object(row.clone()));
                    bytes.extend(wire::command(&[b"SET", key.as_bytes(), value.as_bytes()]));
                }
            }
            let stream = self.stream.as_mut().ok_or_else(|| Fault::Passing("it is not connected".to_owned()))?;
            exchange(stream, &bytes, part.len()).await?;
        }
        Ok(())
    }
}

/// The key of a row.
fn key(fields: &[String], separator: &str, row: &Map<String, Value>) -> Result<String, String> {
    let part = |field: &String| match row.get(field) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(value) => Ok(value.to_string()),
        None => Err(format!("a row does not have the column '{field}' of `key_fields`")),
    };
    Ok(fields.iter().map(part).collect::<Result<Vec<_>, _>>()?.join(separator))
}

/// Sends commands and reads an answer to each.
async fn exchange(stream: &mut BufStream<TcpStream>, bytes: &[u8], answers: usize) -> Result<(), Fault> {
    let limit = Duration::from_secs(ANSWER_SECS);
    let all = async {
        stream.write_all(bytes).await?;
        stream.flush().await?;
        for _ in 0..answers {
            if let Reply::Error(reason) = wire::reply(stream).await? {
                return Ok(Some(reason));
            }
        }
        Ok(None)
    };
    let done: Result<Result<_, std::io::Error>, _> = timeout(limit, all).await;
    let late = |_| Fault::Passing("Redis does not answer".to_owned());
    match done.map_err(late)?.map_err(|error| Fault::Passing(format!("writing to Redis: {error}")))? {
        None => Ok(()),
        Some(reason) => {
            let may_pass = ["LOADING", "BUSY", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN", "READONLY", "OOM"];
            let text = format!("Redis refuses: {reason}");
            if may_pass.iter().any(|kind| reason.starts_with(kind)) {
                Err(Fault::Passing(text))
            } else {
                Err(Fault::Fatal(text))
            }
        }
    }
}

impl Output for RedisOutput {
    fn wants(&self) -> Wants {
        Wants::Changes
    }

    fn open(&mut self) -> BoxFuture<'_, Result<Option<Reached>, Fault>> {
        Box::pin(async { self.connect().await.map(|()| None) })
    }

    fn write<'a>(&'a mut self, _: u64, _: u64, items: &'a [Item]) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(self.put(items))
    }

    fn finish(&mut self, _: u64) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async { Ok(()) })
    }
}

#[cfg(test)]
mod tests;

//! The configuration of one connector.

mod substitute;
mod transport;

use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

pub use substitute::SECRET_BYTES_MAX;
pub(crate) use transport::Wrong;
pub use transport::{Direction, TRANSPORTS, Transport, TransportTag};

use crate::context::Context;
use crate::error::Error;
use crate::secret::hide;

/// How many bytes each queued record may have, where `max_queued_bytes` does not say how many in all.
pub const QUEUED_RECORD_BYTES: u64 = 1000;
/// How many labels a connector may have, and wait for.
pub const LABELS_MAX: usize = 1000;

/// The configuration of a connector: what all have, and its transport's.
#[derive(Clone)]
pub struct ConnectorConfig {
    /// Its name, unique in its table or view.
    pub name: String,
    /// What all connectors have.
    pub common: Common,
    /// How it reaches the world.
    pub transport: Transport,
    /// How bytes become rows and rows bytes; another's business.
    pub format: Option<Value>,
    /// Members that nobody knows, which are ignored: their paths.
    pub unknown: Vec<String>,
}

/// What all connectors have.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Common {
    /// Whether it is paused when it is made.
    #[serde(default)]
    pub paused: bool,
    /// What others wait for.
    #[serde(default, deserialize_with = "texts_or_null")]
    pub labels: Vec<String>,
    /// It starts when all connectors of these labels reached their end.
    #[serde(default, deserialize_with = "texts_or_text")]
    pub start_after: Option<Vec<String>>,
    /// Records that may wait to be taken.
    #[serde(default = "queued_records")]
    pub max_queued_records: u64,
    /// Bytes that may wait to be taken; [`QUEUED_RECORD_BYTES`] for each record without.
    pub max_queued_bytes: Option<u64>,
    /// Records to a batch.
    pub max_batch_size: Option<u64>,
    /// Records to a batch and worker.
    #[serde(default)]
    pub max_worker_batch_size: Option<u64>,
    /// Whether an output begins with all rows of its view.
    #[serde(default)]
    pub send_snapshot: bool,
    /// Whether rows that go come as rows that say so.
    #[serde(default)]
    pub soft_delete: bool,
    /// The index whose columns tell changes apart.
    pub index: Option<String>,
    /// Whether changes are collected before they go out.
    #[serde(default)]
    pub enable_output_buffer: bool,
    /// How long changes are collected, in milliseconds.
    pub max_output_buffer_time_millis: Option<u64>,
    /// How many changes are collected.
    #[serde(default = "buffer_records")]
    pub max_output_buffer_size_records: u64,
    #[serde(default)]
    preprocessor: Option<Vec<serde::de::IgnoredAny>>,
    #[serde(default)]
    postprocessor: Option<Vec<serde::de::IgnoredAny>>,
    #[serde(default, rename = "stream")]
    _stream: Option<String>,
}

/// Records to a batch and worker, where nothing else is said.
pub const WORKER_BATCH_RECORDS: u64 = 10_000;

fn queued_records() -> u64 {
    1_000_000
}

fn buffer_records() -> u64 {
    10_000_000
}

impl Common {
    /// Bytes that may wait to be taken.
    #[must_use]
    pub fn queued_bytes_max(&self) -> u64 {
        self.max_queued_bytes.unwrap_or(self.max_queued_records.saturating_mul(QUEUED_RECORD_BYTES))
    }

    /// Records to a batch, for so many workers.
    #[must_use]
    pub fn batch_records_max(&self, workers: u64) -> u64 {
        let by_worker = self.max_worker_batch_size.unwrap_or(WORKER_BATCH_RECORDS).saturating_mul(workers);
        self.max_batch_size.unwrap_or(by_worker).max(1)
    }

    /// How long changes are collected; for ever without.
    #[must_use]
    pub fn output_buffer_time(&self) -> Option<std::time::Duration> {
        // The schema's default is the greatest number there is.
        self.max_output_buffer_time_millis.filter(|millis| *millis != u64::MAX).map(std::time::Duration::from_millis)
    }
}

impl ConnectorConfig {
    /// Reads the configuration of the connector `name`, and puts into it what its references stand for.
    ///
    /// # Errors
    ///
    /// A member is missing, of the wrong type or out of its range; a reference names nothing; the transport is unknown.
    pub fn parse(name: &str, config: &Value, context: &Context) -> Result<Self, Error> {
        let substituted = substitute::substitute(name, config, context)?;
        let secrets = &substituted.secrets;
        let read = Reader { connector: name, secrets };
        let Value::Object(mut members) = substituted.value else {
            return Err(Error::member(name, "", "it is no JSON object"));
        };
        members.remove("name");
        let transport = members.remove("transport").unwrap_or(Value::Null);
        let format = members.remove("format").filter(|format| !format.is_null());
        if format.as_ref().is_some_and(|format| !format.get("name").is_some_and(Value::is_string)) {
            return Err(Error::member(name, "format", "it is no object with a name"));
        }
        let mut unknown = Vec::new();
        let common: Common = read.read("", Value::Object(without_nulls(members)), &mut unknown)?;
        common.check(name)?;
        let transport = Transport::read(&read, transport, &mut unknown)?;
        Ok(Self { name: name.to_owned(), common, transport, format, unknown })
    }
}

/// Null is as good as nothing.
fn without_nulls(mut members: Map<String, Value>) -> Map<String, Value> {
    members.retain(|_, value| !value.is_null());
    members
}

impl Common {
    fn check(&self, connector: &str) -> Result<(), Error> {
        let wrong = |member: &str, reason: &str| Err(Error::member(connector, member, reason));
        let counts = [
            ("max_queued_records", Some(self.max_queued_records)),
            ("max_queued_bytes", self.max_queued_bytes),
            ("max_batch_size", self.max_batch_size),
            ("max_worker_batch_size", self.max_worker_batch_size),
        ];
        for (member, count) in counts {
            if count == Some(0) {
                return wrong(member, "it is 0; nothing would ever be taken");
            }
        }
        if self.labels.len() > LABELS_MAX {
            return wrong("labels", "there are more than 1000");
        }
        if self.start_after.as_ref().is_some_and(|labels| labels.len() > LABELS_MAX) {
            return wrong("start_after", "there are more than 1000");
        }
        for (member, list) in [("preprocessor", &self.preprocessor), ("postprocessor", &self.postprocessor)] {
            if list.as_ref().is_some_and(|list| !list.is_empty()) {
                return Err(Error::unsupported(connector, format!("`{member}`")));
            }
        }
        Ok(())
    }
}

/// Reads members into types; errors name the member and show no secret.
pub(crate) struct Reader<'a> {
    pub connector: &'a str,
    pub secrets: &'a [String],
}

impl Reader<'_> {
    /// The value as a type. Members that the type does not have are added to `unknown`.
    pub fn read<T: DeserializeOwned>(&self, at: &str, value: Value, unknown: &mut Vec<String>) -> Result<T, Error> {
        let joined = |path: &str| match (at, path) {
            ("", "." | "") => String::new(),
            ("", path) => path.to_owned(),
            (at, "." | "") => at.to_owned(),
            (at, path) => format!("{at}.{path}"),
        };
        let mut ignored = Vec::new();
        let mut track = serde_path_to_error::Track::new();
        let tracked = serde_path_to_error::Deserializer::new(value, &mut track);
        let read = serde_ignored::deserialize(tracked, |path| ignored.push(path.to_string()));
        match read {
            Ok(read) => {
                unknown.extend(ignored.iter().map(|path| joined(path)));
                Ok(read)
            }
            Err(error) => {
                let path = track.path().to_string();
                let reason = hide(&error.to_string(), self.secrets.iter().map(String::as_str));
                Err(Error::member(self.connector, joined(&path), reason))
            }
        }
    }
}

fn texts_or_null<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::<Vec<String>>::deserialize(deserializer)?.unwrap_or_default())
}

fn texts_or_text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a text or a list of texts")]
    enum Either {
        One(String),
        Many(Vec<String>),
    }
    Ok(Option::<Either>::deserialize(deserializer)?.map(|either| match either {
        Either::One(label) => vec![label],
        Either::Many(labels) => labels,
    }))
}

impl fmt::Debug for ConnectorConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Formats may have passwords of registries.
        let format = self.format.as_ref().and_then(|format| format.get("name"));
        f.debug_struct("ConnectorConfig")
            .field("name", &self.name)
            .field("common", &self.common)
            .field("transport", &self.transport)
            .field("format", &format)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

//! Publishes encoded rows to a stream, each with an id by which the stream knows what it has already.

use std::collections::{BTreeMap, VecDeque};

use async_nats::HeaderMap;
use async_nats::header::{HeaderName, HeaderValue, NATS_EXPECTED_STREAM, NATS_MESSAGE_ID};
use async_nats::jetstream;
use async_nats::jetstream::context::{PublishAckFuture, PublishErrorKind};
use futures::future::BoxFuture;
use serde_json::{Map, Value};

use super::Server;
use super::settings::OutputConfig;
use crate::context::Context;
use crate::error::{Error, Fault};
use crate::output::{Item, Output, Reached, Wants};

/// How many messages may wait for their acknowledgement.
const IN_FLIGHT_MAX: usize = 1024;

/// A subject with places for the values of columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subject(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Column(String),
}

impl Subject {
    /// Reads a subject; `{column}` is a place.
    ///
    /// # Errors
    ///
    /// It is no subject that can be published to.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, from)) = rest.split_once('{') {
            let (column, behind) =
                from.split_once('}').ok_or_else(|| format!("{text:?} has a `{{` without its `}}`"))?;
            if column.is_empty() || column.contains('{') {
                return Err(format!("{text:?} has a place that names no column"));
            }
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Column(column.to_owned()));
            rest = behind;
        }
        parts.push(Part::Text(rest.to_owned()));
        parts.retain(|part| *part != Part::Text(String::new()));
        let subject = Self(parts);
        let shown: String = subject.fill(|_| "x".to_owned());
        let is_bad = |each: char| each.is_whitespace() || each.is_control() || "*>{}".contains(each);
        if shown.is_empty() || shown.split('.').any(str::is_empty) || shown.chars().any(is_bad) {
            return Err(format!("{text:?} is no subject to publish to"));
        }
        Ok(subject)
    }

    fn fill(&self, value: impl Fn(&str) -> String) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Column(column) => value(column),
        };
        self.0.iter().map(part).collect()
    }

    fn has_places(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Column(_)))
    }

    /// The subjects of all rows: each part with a place is a wildcard.
    pub(super) fn wildcard(&self) -> String {
        let filled = self.fill(|_| "*".to_owned());
        let token = |token: &str| if token.contains('*') { "*".to_owned() } else { token.to_owned() };
        filled.split('.').map(token).collect::<Vec<_>>().join(".")
    }

    /// The subject of a row.
    ///
    /// # Errors
    ///
    /// It has places, and the row does not have their columns.
    pub(super) fn of(&self, row: Option<&Map<String, Value>>) -> Result<String, String> {
        if !self.has_places() {
            return Ok(self.fill(|_| String::new()));
        }
        let row = row.ok_or("the subject has places for columns, and a message is no single row")?;
        for part in &self.0 {
            if let Part::Column(column) = part
                && !row.contains_key(column)
            {
                return Err(format!("the subject has a place for the column '{column}', and rows do not have it"));
            }
        }
        Ok(self.fill(|column| row.get(column).map_or_else(String::new, token)))
    }
}

/// A value as a part of a subject: what must not be there is written `_`, and so are NULL and nothing.
fn token(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.is_empty() {
        return "_".to_owned();
    }
    let is_bad = |each: char| each.is_whitespace() || each.is_control() || ".*>".contains(each);
    text.chars().map(|each| if is_bad(each) { '_' } else { each }).collect()
}

/// The headers that all messages get.
///
/// # Errors
///
/// A name or value cannot be a header's, or is one of ours.
pub(super) fn headers(given: &BTreeMap<String, String>) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        if name.to_ascii_lowercase().starts_with("nats-") {
            return Err(format!("{name:?} is a header of the server itself"));
        }
        let header: HeaderName = name.parse().map_err(|_| format!("{name:?} is no name of a header"))?;
        let value: HeaderValue = value.parse().map_err(|_| format!("the value of {name:?} is no value of a header"))?;
        headers.insert(header, value);
    }
    Ok(headers)
}

/// Publishes to a stream of a NATS server.
pub(crate) struct NatsOutput {
    server: Server,
    stream: String,
    subject: Subject,
    headers: HeaderMap,
    /// Begins the ids: pipeline and endpoint.
    prefix: String,
    context: Option<jetstream::Context>,
    /// Step and number of what was sent and is not acknowledged.
    in_flight: VecDeque<(u64, u64, PublishAckFuture)>,
    /// Step and number of what the server did not take though it may have taken what was sent behind it.
    refused: Option<(u64, u64)>,
}

impl NatsOutput {
    /// Reads the credentials; connects to nothing yet. The endpoint is the view and the connector.
    ///
    /// # Errors
    ///
    /// The credentials cannot be read.
    pub fn new(connector: &str, endpoint: &str, config: &OutputConfig, context: &Context) -> Result<Self, Error> {
        let wrong = |member: &str, reason| Error::member(connector, format!("transport.config.{member}"), reason);
        Ok(Self {
            server: Server::new(connector, &config.connection_config, context)?,
            stream: config.stream_name.clone(),
            subject: Subject::parse(&config.subject).map_err(|reason| wrong("subject", reason))?,
            headers: headers(&config.headers).map_err(|reason| wrong("headers", reason))?,
            prefix: format!("{}/{endpoint}/", context.pipeline),
            context: None,
            in_flight: VecDeque::new(),
            refused: None,
        })
    }

    async fn connect(&mut self) -> Result<Option<Reached>, Fault> {
        self.in_flight.clear();
        let client = self.server.connect().await.map_err(Fault::Passing)?;
        let mut context = jetstream::new(client);
        context.set_timeout(self.server.request_timeout());
        let failed =
            |error: &dyn std::fmt::Display| Fault::Passing(format!("looking for the stream {}: {error}", self.stream));
        let stream = context.get_stream(&self.stream).await.map_err(|error| failed(&error))?;
        let last = stream.get_last_raw_message_by_subject(&self.subject.wildcard()).await;
        let id = last.ok().and_then(|last| last.headers.get(NATS_MESSAGE_ID).map(|id| id.as_str().to_owned()));
        self.context = Some(context);
        let refused = self.refused.take();
        let reached = id.as_deref().and_then(|id| reached(id, &self.prefix));
        Ok(reached.map(|reached| match (refused, reached.items) {
            // Behind it messages may have come: they come again, with their ids.
            (Some((step, number)), Some(items)) if step == reached.step => {
                Reached { items: Some(items.min(number)), ..reached }
            }
            _ => reached,
        }))
    }

    async fn publish(&mut self, step: u64, first: u64, items: &[Item]) -> Result<(), Fault> {
        for (number, item) in (first..).zip(items) {
            let Item::Message { payload, headers, row, .. } = item else {
                return Err(Fault::Fatal("it takes encoded rows and was given others".to_owned()));
            };
            let subject = self.subject.of(row.as_deref()).map_err(Fault::Fatal)?;
            let mut all = self.headers.clone();
            for (name, value) in headers {
                let value = std::str::from_utf8(value).ok().and_then(|value| value.parse::<HeaderValue>().ok());
                let header = name.parse::<HeaderName>().ok().zip(value);
                let (name, value) =
                    header.ok_or_else(|| Fault::Fatal(format!("{name:?} cannot be a header of NATS")))?;
                all.append(name, value);
            }
            all.insert(NATS_EXPECTED_STREAM, self.stream.as_str());
            all.insert(NATS_MESSAGE_ID, format!("{}{step}/{number}", self.prefix));
            if self.in_flight.len() >= IN_FLIGHT_MAX {
                self.settle_one().await?;
            }
            let context = self.context.as_ref().ok_or_else(|| Fault::Passing("it is not connected".to_owned()))?;
            let sent = context.publish_with_headers(subject, all, payload.clone().unwrap_or_default()).await;
            self.in_flight.push_back((step, number, sent.map_err(|error| fault(error.kind(), &error))?));
        }
        Ok(())
    }

    async fn settle_one(&mut self) -> Result<(), Fault> {
        let Some((step, number, oldest)) = self.in_flight.pop_front() else { return Ok(()) };
        oldest.await.map(drop).map_err(|error| {
            self.refused = Some((step, number));
            fault(error.kind(), &error)
        })
    }
}

fn fault(kind: PublishErrorKind, error: &dyn std::fmt::Display) -> Fault {
    let text = format!("publishing: {error}");
    match kind {
        PublishErrorKind::MaxPayloadExceeded => Fault::Fatal(text),
        _ if text.contains("expected stream does not match") => Fault::Fatal(text),
        _ => Fault::Passing(text),
    }
}

/// How far a stream is whose last message has this id.
fn reached(id: &str, prefix: &str) -> Option<Reached> {
    let (step, number) = id.strip_prefix(prefix)?.split_once('/')?;
    let (step, number): (u64, u64) = (step.parse().ok()?, number.parse().ok()?);
    Some(Reached { step, items: Some(number.checked_add(1)?) })
}

impl Output for NatsOutput {
    fn wants(&self) -> Wants {
        Wants::Messages
    }

    fn open(&mut self) -> BoxFuture<'_, Result<Option<Reached>, Fault>> {
        Box::pin(self.connect())
    }

    fn write<'a>(&'a mut self, step: u64, first: u64, items: &'a [Item]) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(self.publish(step, first, items))
    }

    fn finish(&mut self, _: u64) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async {
            while !self.in_flight.is_empty() {
                self.settle_one().await?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn subjects_have_places_for_columns() {
        let row = json!({"a": "x y.z", "b": 7, "c": null, "d": ""});
        let row = row.as_object();
        for (text, wildcard, filled) in [
            ("plain.subject", "plain.subject", "plain.subject"),
            ("orders.{b}", "orders.*", "orders.7"),
            ("{a}.p{b}q.{c}.{d}", "*.*.*.*", "x_y_z.p7q._._"),
        ] {
            let subject = Subject::parse(text).unwrap();
            assert_eq!((subject.wildcard().as_str(), subject.of(row).unwrap().as_str()), (wildcard, filled), "{text}");
        }
        for wrong in ["", "a..b", ".a", "a b", "a.*", "a.>", "a.{", "a.{}", "a.{{b}}", "a.}"] {
            assert!(Subject::parse(wrong).is_err(), "{wrong}");
        }
        let subject = Subject::parse("a.{none}").unwrap();
        assert!(subject.of(row).unwrap_err().contains("'none'") && subject.of(None).is_err());
    }

    #[test]
    fn ids_say_how_far_a_stream_is() {
        let prefix = "p/v.c/";
        assert_eq!(reached("p/v.c/7/2", prefix), Some(Reached { step: 7, items: Some(3) }));
        for other in ["p/w.c/7/2", "p/v.c/7", "p/v.c/x/2", "p/v.c/7/2/3", ""] {
            assert_eq!(reached(other, prefix), None, "{other}");
        }
    }

    #[test]
    fn headers_of_the_server_are_not_given() {
        let one = |name: &str, value: &str| headers(&BTreeMap::from([(name.to_owned(), value.to_owned())]));
        assert!(one("X-Kind", "a b").is_ok());
        for (name, value) in [("Nats-Msg-Id", "x"), ("a b", "x"), ("a:", "x"), ("a", "x\r\ny")] {
            assert!(one(name, value).is_err(), "{name}");
        }
    }
}

//! Streams, looked after.

use std::time::Duration;

use alluvium_kernel::BoxFuture;
use async_nats::jetstream::{self, stream::Config};
use futures::TryStreamExt;

use super::{consumer, later, wire};
use crate::{
    direct,
    error::{Error, ErrorKind},
    message::LogMessage,
    transport::{Admin, AdminError, Browse, Lag, Position, Stored, TopicInfo, TopicSpec},
};

/// How long message ids are remembered when a topic says nothing, in seconds.
const DEDUP_SECONDS: u64 = 120;

pub(super) struct JetStreamAdmin {
    pub(super) js: jetstream::Context,
}

/// The stream of a topic that names none.
pub(crate) fn stream_name(topic: &str) -> String {
    let plain = |each: char| if each.is_ascii_alphanumeric() || each == '-' { each.to_ascii_uppercase() } else { '_' };
    topic.chars().map(plain).collect()
}

fn failed(trying: impl Into<String>, detail: impl std::fmt::Display) -> AdminError {
    AdminError::Failed { trying: trying.into(), detail: detail.to_string() }
}

fn of_error(name: &str, error: Error) -> AdminError {
    if error.is_no_stream() {
        AdminError::NotFound(name.to_owned())
    } else {
        failed(format!("asking about {name}"), error)
    }
}

fn info(info: &jetstream::stream::Info) -> TopicInfo {
    TopicInfo {
        name: info.config.name.clone(),
        subjects: info.config.subjects.iter().map(ToString::to_string).collect(),
        partitions: 1,
        replicas: info.config.num_replicas as u32,
        messages: Some(info.state.messages),
        bytes: Some(info.state.bytes),
        sequences: Some((info.state.first_sequence, info.state.last_sequence)),
    }
}

fn stored(stream: &str, message: LogMessage) -> Stored {
    let (key, payload, headers) = wire::content(&message.headers, message.payload);
    let position = Position::Stream { stream: stream.into(), seq: message.seq };
    Stored { subject: message.subject, position, time: message.time, key, payload, headers }
}

impl JetStreamAdmin {
    async fn read(&self, what: &Browse) -> Result<Vec<LogMessage>, Error> {
        let mut messages: Vec<LogMessage> = Vec::new();
        let mut from = what.from.max(1);
        while messages.len() < what.messages_max {
            let batch = match direct::history(&self.js, &what.name, &what.filter, from).await {
                Ok(batch) => batch,
                // A stream that serves no direct reads: its leader does.
                Err(error) if error.kind == ErrorKind::Absent => {
                    direct::leader_next(&self.js, &what.name, &what.filter, from).await?.into_iter().collect()
                }
                Err(error) => return Err(error),
            };
            let Some(last) = batch.last() else { break };
            from = last.seq + 1;
            messages.extend(batch);
        }
        messages.truncate(what.messages_max);
        Ok(messages)
    }

    async fn find(&self, name: &str) -> Result<jetstream::stream::Stream, AdminError> {
        use jetstream::context::GetStreamErrorKind;
        self.js.get_stream(name).await.map_err(|error| match error.kind() {
            GetStreamErrorKind::JetStream(cause) => {
                of_error(name, Error::refused(format!("asking about {name}"), &cause))
            }
            _ => failed(format!("asking about {name}"), error),
        })
    }
}

impl Admin for JetStreamAdmin {
    fn create(&self, spec: TopicSpec) -> BoxFuture<'_, Result<(), AdminError>> {
        Box::pin(async move {
            let name = spec.stream.unwrap_or_else(|| stream_name(&spec.topic));
            let mut subjects = if spec.subjects.is_empty() { vec![spec.topic.clone()] } else { spec.subjects };
            if spec.delays {
                subjects.push(later::subjects(&name));
            }
            let config = Config {
                name: name.clone(),
                subjects,
                num_replicas: spec.replicas.unwrap_or(1) as usize,
                max_age: spec.retention.unwrap_or_default(),
                max_messages_per_subject: if spec.compact { 1 } else { -1 },
                duplicate_window: spec.dedup.unwrap_or(Duration::from_secs(DEDUP_SECONDS)),
                allow_direct: true,
                allow_atomic_publish: true,
                allow_message_ttl: true,
                allow_message_schedules: spec.delays,
                ..Config::default()
            };
            match self.find(&name).await {
                Ok(_) => return Ok(()),
                Err(AdminError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
            self.js
                .create_stream(config)
                .await
                .map(drop)
                .map_err(|error| failed(format!("making stream {name}"), error))
        })
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<TopicInfo>, AdminError>> {
        Box::pin(async move {
            let all: Vec<_> =
                self.js.streams().try_collect().await.map_err(|error| failed("listing streams", error))?;
            Ok(all.iter().map(info).collect())
        })
    }

    fn describe(&self, name: String) -> BoxFuture<'_, Result<TopicInfo, AdminError>> {
        Box::pin(async move { self.find(&name).await.map(|stream| info(stream.cached_info())) })
    }

    fn delete(&self, name: String) -> BoxFuture<'_, Result<(), AdminError>> {
        Box::pin(async move {
            self.find(&name).await?;
            self.js.delete_stream(&name).await.map(drop).map_err(|error| failed(format!("deleting {name}"), error))
        })
    }

    fn lag(&self, name: String, group: String) -> BoxFuture<'_, Result<Lag, AdminError>> {
        Box::pin(async move {
            let consumer = consumer::durable_name(&group);
            match consumer::info(&self.js, &name, &consumer).await.map_err(|error| of_error(&name, error))? {
                Some(info) => Ok(Lag { partitions: [(0, info.num_pending + info.num_ack_pending as u64)].into() }),
                None => Err(AdminError::NotFound(format!("{consumer} of {name}"))),
            }
        })
    }

    fn browse(&self, what: Browse) -> BoxFuture<'_, Result<Vec<Stored>, AdminError>> {
        Box::pin(async move {
            let messages = self.read(&what).await.map_err(|error| of_error(&what.name, error))?;
            Ok(messages.into_iter().map(|message| stored(&what.name, message)).collect())
        })
    }

    fn remove(&self, position: Position) -> BoxFuture<'_, Result<(), AdminError>> {
        Box::pin(async move {
            let Position::Stream { stream, seq } = position else {
                return Err(AdminError::Unsupported {
                    what: "removing by partition and offset",
                    transport: "jetstream",
                });
            };
            let handle = self.find(&stream).await?;
            handle
                .delete_message(seq)
                .await
                .map(drop)
                .map_err(|error| failed(format!("removing {stream}:{seq}"), error))
        })
    }
}

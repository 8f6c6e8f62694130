//! Messages that are published now and delivered later: the server keeps them as schedules, on subjects of their own, and publishes them
//! to their subject when the time has come.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use alluvium_kernel::Timestamp;
use async_nats::jetstream;

use super::stream_of;
use crate::{
    headers::MESSAGE_ID,
    transport::{Outgoing, PublishError},
};

/// When, as the server reads it.
const SCHEDULE: &str = "Nats-Schedule";
/// Where to.
const TARGET: &str = "Nats-Schedule-Target";

/// The subjects on which the messages of a stream wait.
pub(super) fn subjects(stream: &str) -> String {
    format!("later.{stream}.>")
}

/// Streams that are known to keep schedules.
#[derive(Default)]
pub(super) struct Schedules(Mutex<HashSet<Arc<str>>>);

impl Schedules {
    /// The message as it waits for its time.
    pub(super) async fn wrap(
        &self,
        js: &jetstream::Context,
        mut message: Outgoing,
        delay: Duration,
    ) -> Result<Outgoing, PublishError> {
        if message.expect_last_subject_seq.is_some() {
            return Err(unsupported("an expected sequence of a delayed message"));
        }
        let lost = |detail: String, subject: &str| PublishError::Timeout {
            unknown: false,
            subject: subject.to_owned(),
            detail,
        };
        let stream = match message.stream.clone() {
            Some(stream) => stream,
            None => stream_of(js, &message.subject).await.map_err(|error| match error {
                crate::transport::SubscribeError::NoSource(_) => {
                    PublishError::NoDestination { subject: message.subject.clone() }
                }
                error => lost(error.to_string(), &message.subject),
            })?,
        };
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&stream);
        if !known {
            let found =
                js.get_stream(stream.as_ref()).await.map_err(|error| lost(error.to_string(), &message.subject))?;
            let config = &found.cached_info().config;
            let has_place = config.subjects.iter().any(|each| each.as_str() == subjects(&stream));
            if !config.allow_message_schedules || !has_place {
                return Err(unsupported("delayed delivery by a stream that was made without `delays`"));
            }
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(stream.clone());
        }
        let due = crate::bus::now().micros().saturating_add(delay.as_micros().min(i64::MAX as u128) as i64);
        let due = crate::bus::stamp(Timestamp::from_micros(due));
        message.headers.insert(SCHEDULE, format!("@at {due}"));
        message.headers.insert(TARGET, message.subject.clone());
        if let Some(id) = &message.id {
            // Under its id it is known while it waits; what is published then has an id of nobody's.
            message.headers.insert(MESSAGE_ID, id.clone());
        }
        message.subject = format!("later.{stream}.{}", crate::ids::next().simple());
        message.stream = Some(stream);
        message.delay = None;
        Ok(message)
    }
}

/// What cannot be done with a delay here.
pub(super) fn unsupported(what: &'static str) -> PublishError {
    PublishError::Unsupported { what, transport: "jetstream" }
}

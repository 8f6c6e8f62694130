//! Messages of which nobody knows whether they are stored.
//!
//! The same message is sent again under the same id. Single and replicated streams answer a repetition differently, so what became
//! of it is never read out of an error: in the end the last message of the subject is read from the leader, and the id is
//! looked for there.

use std::{sync::Arc, time::Duration};

use async_nats::jetstream::{self, context::PublishErrorKind};
use tokio::time::Instant;

use super::{flights::Flight, publish::Shared, wire};
use crate::{
    direct,
    error::{Error, ErrorKind},
    transport::{Position, PublishError, Receipt},
};

/// First and longest pause before a message is sent again, in milliseconds.
const PAUSE_MS: (u64, u64) = (50, 1_000);
/// How long one attempt may take, in milliseconds.
const ATTEMPT_MS: u64 = 2_000;
/// Messages of the subject that are looked at for the id, from the leader, latest first.
const LOOK_BACK_MESSAGES: usize = 16;

/// Brings the messages of a subject to an end, one after the other, until none waits.
pub(super) async fn subject(shared: Arc<Shared>, subject: String) {
    while let Some(mut flight) = shared.next_stalled(&subject).await {
        let result = deliver(&shared, &mut flight).await;
        shared.resolved(flight, result);
    }
}

async fn deliver(shared: &Shared, flight: &mut Flight) -> Result<Receipt, PublishError> {
    let subject = flight.message.subject.clone();
    let timeout =
        |unknown, detail: &str| PublishError::Timeout { unknown, subject: subject.clone(), detail: detail.into() };
    if flight.sent && flight.message.id.is_none() {
        return Err(timeout(true, "it has no id, so it was not sent again"));
    }
    let mut failures = 0_u32;
    loop {
        if Instant::now() >= flight.until {
            // Time is up; but what is known to be stored is not reported as unknown.
            if let Some(receipt) = if flight.sent { found(shared, flight).await } else { None } {
                return Ok(receipt);
            }
            return Err(timeout(flight.sent, "it was sent again until its time was up"));
        }
        match attempt(shared, flight).await {
            Attempt::Stored(receipt) => return Ok(receipt),
            Attempt::Failed(error) => return Err(error),
            Attempt::Sequence(detail) => {
                let receipt = if flight.sent { found(shared, flight).await } else { None };
                return receipt.ok_or(PublishError::WrongSequence { subject, detail });
            }
            Attempt::Nobody => {
                // Not stored by this attempt. A stream without a leader comes back; one that does not exist does not.
                if shared.js.stream_by_subject(&subject).await.is_err_and(|error| is_none(&error)) {
                    return Err(PublishError::NoDestination { subject });
                }
            }
            Attempt::Unknown => flight.sent = true,
        }
        failures += 1;
        let pause = Duration::from_millis((PAUSE_MS.0 << failures.min(8)).min(PAUSE_MS.1));
        tokio::time::sleep_until(flight.until.min(Instant::now() + pause)).await;
        if flight.sent && flight.message.id.is_none() {
            return Err(timeout(true, "it has no id, so it was not sent again"));
        }
    }
}

fn is_none(error: &jetstream::context::GetStreamByNameError) -> bool {
    matches!(error.kind(), jetstream::context::GetStreamByNameErrorKind::NotFound)
}

enum Attempt {
    Stored(Receipt),
    Failed(PublishError),
    Sequence(String),
    /// No stream heard it.
    Nobody,
    Unknown,
}

async fn attempt(shared: &Shared, flight: &Flight) -> Attempt {
    let message = &flight.message;
    let publish = async {
        let payload = message.payload.clone().unwrap_or_default();
        shared.js.publish_with_headers(message.subject.clone(), wire::headers(message), payload).await?.await
    };
    let within = shared.settings.ack_timeout.min(Duration::from_millis(ATTEMPT_MS));
    let error = match tokio::time::timeout(within, publish).await {
        Ok(Ok(ack)) => {
            let position = Position::Stream { stream: ack.stream.into(), seq: ack.sequence };
            return Attempt::Stored(Receipt { position, duplicate: ack.duplicate, time: None });
        }
        Ok(Err(error)) => error,
        Err(_) => return Attempt::Unknown,
    };
    if error.kind() == PublishErrorKind::StreamNotFound {
        return Attempt::Nobody;
    }
    let known = Error::of_publish(&message.subject, &error);
    match known.kind {
        _ if known.is_wrong_last_sequence() => Attempt::Sequence(known.to_string()),
        _ if known.is_full() => {
            Attempt::Failed(PublishError::StorageFull { subject: message.subject.clone(), detail: known.to_string() })
        }
        ErrorKind::Refused(code) if !is_transient(code) => Attempt::Failed(PublishError::Refused {
            subject: message.subject.clone(),
            code: code as i64,
            detail: known.to_string(),
        }),
        ErrorKind::Malformed => {
            Attempt::Failed(PublishError::Subject { subject: message.subject.clone(), detail: known.to_string() })
        }
        _ => Attempt::Unknown,
    }
}

/// Codes that pass: no cluster leader, JetStream not ready, insufficient peers.
const fn is_transient(code: u64) -> bool {
    matches!(code, 10_005 | 10_008 | 10_009 | 10_039 | 10_074 | 10_076 | 10_118)
}

/// Whether a refusal of the first attempt says that the message is not stored and never will be.
pub(super) fn is_final(error: &jetstream::Error) -> bool {
    !is_transient(error.error_code().0)
}

/// A refusal of the first attempt as the caller sees it.
pub(super) fn refused(subject: &str, error: &jetstream::Error) -> PublishError {
    let known = Error::refused(format!("publishing to {subject}"), error);
    let (subject, detail) = (subject.to_owned(), known.to_string());
    if known.is_wrong_last_sequence() {
        PublishError::WrongSequence { subject, detail }
    } else if known.is_full() {
        PublishError::StorageFull { subject, detail }
    } else {
        PublishError::Refused { subject, code: error.error_code().0 as i64, detail }
    }
}

/// The message as the leader has it, if it does.
async fn found(shared: &Shared, flight: &Flight) -> Option<Receipt> {
    let message = &flight.message;
    let id = message.id.as_deref()?;
    let stream = match &message.stream {
        Some(stream) => stream.clone(),
        None => Arc::from(shared.js.stream_by_subject(&message.subject).await.ok()?),
    };
    let last = direct::leader_last(&shared.js, &stream, &message.subject).await.ok()??;
    let mut candidates = vec![last];
    // Others of this process may have come after it: those right before the last are looked at too.
    let from = candidates[0].seq.saturating_sub(LOOK_BACK_MESSAGES as u64).max(1);
    let mut at = from;
    while at < candidates[0].seq {
        let Ok(Some(next)) = direct::leader_next(&shared.js, &stream, &message.subject, at).await else { break };
        at = next.seq + 1;
        candidates.push(next);
    }
    let stored = candidates.into_iter().find(|each| each.header(crate::headers::NATS_MESSAGE_ID) == Some(id))?;
    let position = Position::Stream { stream, seq: stored.seq };
    Some(Receipt { position, duplicate: false, time: Some(stored.time) })
}

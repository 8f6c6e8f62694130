//! Atomic batches: several messages to one stream, all or none.

use async_nats::{HeaderMap, jetstream};
use bytes::Bytes;

use crate::error::{Error, ErrorKind};

/// Messages in one atomic batch; the server's own limit.
pub const BATCH_MESSAGES_MAX: usize = 1_000;
/// Length of a batch id, as the server limits it.
const BATCH_ID_BYTES_MAX: usize = 64;

/// One message to publish.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Its subject.
    pub subject: String,
    /// Its headers, expectations included.
    pub headers: HeaderMap,
    /// Its payload.
    pub payload: Bytes,
}

/// Publishes `drafts` to one stream, all or none. An expectation stands on the first message of its subject only. Gives the
/// sequence of the first message; the others follow it without a gap.
///
/// Any error leaves open whether the batch was stored: read from the leader to know.
pub async fn publish_batch(js: &jetstream::Context, batch_id: &str, drafts: Vec<Draft>) -> Result<u64, Error> {
    let trying = || format!("publishing an atomic batch of {} messages", drafts.len());
    let count = drafts.len();
    if count == 0 || count > BATCH_MESSAGES_MAX || batch_id.len() > BATCH_ID_BYTES_MAX {
        return Err(Error::malformed(trying(), format!("a batch takes 1 to {BATCH_MESSAGES_MAX} messages")));
    }
    let client = js.client();
    for (at, draft) in drafts.into_iter().enumerate() {
        let mut headers = draft.headers;
        headers.insert(async_nats::header::NATS_BATCH_ID, batch_id);
        headers.insert(async_nats::header::NATS_BATCH_SEQUENCE, (at + 1).to_string());
        if at + 1 < count {
            client
                .publish_with_headers(draft.subject, headers, draft.payload)
                .await
                .map_err(|error| Error::unknown("publishing into an atomic batch", error))?;
            continue;
        }
        headers.insert(async_nats::header::NATS_BATCH_COMMIT, async_nats::header::NATS_BATCH_COMMIT_FINAL);
        let subject = draft.subject;
        let ack = js
            .publish_with_headers(subject.clone(), headers, draft.payload)
            .await
            .map_err(|error| Error::of_publish(&subject, &error))?
            .await
            .map_err(|error| Error::of_publish(&subject, &error))?;
        if ack.batch_size != Some(count as u64) {
            let detail = format!("the server stored {:?} of {count} messages", ack.batch_size);
            return Err(Error::new(ErrorKind::Unknown, "committing an atomic batch", detail));
        }
        return Ok(ack.sequence + 1 - count as u64);
    }
    Err(Error::malformed("publishing an atomic batch", "it has no last message"))
}

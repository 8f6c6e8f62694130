//! Whether the stream is still the one that was folded so far. Asked of its leader, at start and on every reconnect.

use alluvium_messaging::direct::leader_at;
use alluvium_messaging::stream_created;
use async_nats::jetstream::Context;

use crate::Error;
use crate::watermark::{Watermark, hash_of};

/// The stream as its leader knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    pub created: i64,
    pub last_seq: u64,
}

pub(crate) async fn facts(js: &Context, stream: &str) -> Result<Facts, Error> {
    let (created, last_seq) = stream_created(js, stream).await?;
    Ok(Facts { created: created.micros(), last_seq })
}

/// Fails with [`Error::Quarantine`] when the stream is not the one that `watermark` was reached on.
pub(crate) async fn verify(js: &Context, stream: &str, watermark: &Watermark) -> Result<Facts, Error> {
    let facts = facts(js, stream).await?;
    if watermark.seq == 0 {
        return Ok(facts);
    }
    let quarantine = |what: String| Err(Error::Quarantine(format!("{what}; applied so far: {}", watermark.seq)));
    if facts.created != watermark.stream_created {
        return quarantine(format!("the stream {stream} was deleted and made anew"));
    }
    if facts.last_seq < watermark.seq {
        return quarantine(format!("the stream {stream} ends at {}, it was truncated", facts.last_seq));
    }
    match leader_at(js, stream, watermark.seq).await? {
        None => quarantine(format!("the message {} of {stream} is gone", watermark.seq)),
        Some(message) if hash_of(&message) != watermark.hash => {
            quarantine(format!("the message {} of {stream} is not the one that was applied", watermark.seq))
        }
        Some(_) => Ok(facts),
    }
}

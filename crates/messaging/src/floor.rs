//! How far a follower of a stream has come that keeps nothing else: saved lazily, so what came after is read again.

use async_nats::jetstream::{self, consumer::pull, stream::ConsumerErrorKind};
use serde::{Deserialize, Serialize};

use crate::{direct, error::Error, streams::FLOORS, tail::stream_created};

/// A place on a stream up to which everything is dealt with.
#[derive(Debug)]
pub struct Floor {
    stream: String,
    name: &'static str,
    kept: Kept,
}

/// A floor as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    seq: u64,
    /// When the stream was made, in microseconds since 1970: on another one the sequence means nothing.
    created: i64,
}

impl Floor {
    /// The floor called `name`: at the beginning when there is none, or when the stream is not the one it was saved for.
    /// Earlier releases had a durable consumer of that name instead; its place is taken over.
    pub async fn find(js: &jetstream::Context, stream: &str, name: &'static str) -> Result<Self, Error> {
        let (created, last) = stream_created(js, stream).await?;
        let created = created.micros();
        let mut floor = Self { stream: stream.to_owned(), name, kept: Kept { seq: 0, created } };
        let found = direct::leader_last(js, FLOORS, &floor.subject()).await?;
        match found.and_then(|message| serde_json::from_slice::<Kept>(&message.payload).ok()) {
            Some(kept) if kept.created == created && kept.seq <= last => floor.kept = kept,
            Some(kept) => tracing::warn!(
                stream.name = stream,
                floor.name = name,
                floor.seq = kept.seq,
                "this is not the stream that was followed; it is read from its beginning"
            ),
            None => {
                let seq = floor.of_consumer(js).await?;
                floor.put(js, seq).await?;
                // Only now: its place was the only one.
                let _ = js.delete_consumer_from_stream(name, stream).await;
            }
        }
        Ok(floor)
    }

    /// The last sequence that is dealt with.
    pub fn seq(&self) -> u64 {
        self.kept.seq
    }

    /// Whether the stream is still the one that the floor belongs to.
    pub async fn holds(&self, js: &jetstream::Context) -> Result<bool, Error> {
        let (created, last) = stream_created(js, &self.stream).await?;
        Ok(created.micros() == self.kept.created && self.kept.seq <= last)
    }

    /// Moves the floor to `seq` and keeps it, unless it stands there.
    pub async fn save(&mut self, js: &jetstream::Context, seq: u64) -> Result<(), Error> {
        if seq > self.kept.seq { self.put(js, seq).await } else { Ok(()) }
    }

    async fn put(&mut self, js: &jetstream::Context, seq: u64) -> Result<(), Error> {
        let (subject, kept) = (self.subject(), Kept { seq, ..self.kept });
        let payload = serde_json::to_vec(&kept).map_err(|error| Error::malformed("writing a floor", error))?;
        let failed = |error| Error::of_publish(&subject, &error);
        js.publish(subject.clone(), payload.into()).await.map_err(failed)?.await.map_err(failed)?;
        self.kept = kept;
        Ok(())
    }

    /// Up to where the durable consumer of an earlier release was acknowledged; 0 when there is none.
    async fn of_consumer(&self, js: &jetstream::Context) -> Result<u64, Error> {
        let trying = || format!("asking about consumer {} of {}", self.name, self.stream);
        match js.get_consumer_from_stream::<pull::Config, _, _>(self.name, &self.stream).await {
            Ok(consumer) => Ok(consumer.cached_info().ack_floor.stream_sequence),
            Err(error) => match error.kind() {
                ConsumerErrorKind::JetStream(cause) => {
                    let error = Error::refused(trying(), &cause);
                    if error.is_no_consumer() { Ok(0) } else { Err(error) }
                }
                _ => Err(Error::unknown(trying(), error)),
            },
        }
    }

    fn subject(&self) -> String {
        format!("$KV.FLOORS.{}", self.name)
    }
}

//! Reservations in a bucket of JetStream: shared by all processes, and still there after a restart.

use std::time::Duration;

use alluvium_kernel::{BoxFuture, Problem, Reservations, Reserved};
use alluvium_messaging::streams::IDEMPOTENCY;
use alluvium_messaging::{Error, ErrorKind, direct};
use async_nats::{HeaderMap, header, jetstream};

/// Reservations under `$KV.IDEMPOTENCY.>`.
#[derive(Clone, Debug)]
pub struct KvReservations {
    js: jetstream::Context,
}

impl KvReservations {
    /// In the bucket that the stream files make.
    pub fn new(js: jetstream::Context) -> Self {
        Self { js }
    }

    async fn last(&self, at: &str) -> Result<Option<Reserved>, Problem> {
        let found = direct::leader_last(&self.js, IDEMPOTENCY, &subject(at)).await?;
        Ok(found.map(|message| Reserved { revision: message.seq, value: message.payload.to_vec() }))
    }

    async fn store(&self, at: &str, expected: u64, value: Vec<u8>, keep: Duration) -> Result<Option<u64>, Problem> {
        let subject = subject(at);
        let mut headers = HeaderMap::new();
        headers.insert(header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, expected.to_string());
        headers.insert(header::NATS_MESSAGE_TTL, format!("{}s", keep.as_secs().max(1)));
        let published =
            async { self.js.publish_with_headers(subject.clone(), headers, value.clone().into()).await?.await };
        let error = match published.await {
            Ok(ack) => return Ok(Some(ack.sequence)),
            Err(error) => Error::of_publish(&subject, &error),
        };
        // Whatever the reason, the leader tells whether ours is there.
        match self.last(at).await? {
            Some(found) if found.value == value && found.revision > expected => Ok(Some(found.revision)),
            _ if error.is_wrong_last_sequence() => Ok(None),
            _ => Err(error.into()),
        }
    }

    async fn purge(&self, places: &str, before: u64) -> Result<(), Problem> {
        let places = subject(places);
        let failed =
            |detail: String| Problem::from(Error::new(ErrorKind::Unknown, format!("clearing {places}"), detail));
        let stream = self.js.get_stream_no_info(IDEMPOTENCY).await.map_err(|error| failed(error.to_string()))?;
        let purge = stream.purge().filter(places.clone()).sequence(before);
        purge.await.map(drop).map_err(|error| failed(error.to_string()))
    }
}

impl Reservations for KvReservations {
    fn read<'a>(&'a self, at: &'a str) -> BoxFuture<'a, Result<Option<Reserved>, Problem>> {
        Box::pin(self.last(at))
    }

    fn write<'a>(
        &'a self,
        at: &'a str,
        expected: u64,
        value: Vec<u8>,
        keep: Duration,
    ) -> BoxFuture<'a, Result<Option<u64>, Problem>> {
        Box::pin(self.store(at, expected, value, keep))
    }

    fn clear<'a>(&'a self, places: &'a str, before: u64) -> BoxFuture<'a, Result<(), Problem>> {
        Box::pin(self.purge(places, before))
    }
}

fn subject(at: &str) -> String {
    format!("$KV.IDEMPOTENCY.{at}")
}

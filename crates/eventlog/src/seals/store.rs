//! The bucket of keys: made once, read at the leader, destroyed for good.

use alluvium_kernel::{Problem, Timestamp};
use alluvium_messaging::streams::SEALS;
use alluvium_messaging::{Error, ErrorKind, LogMessage, direct};
use async_nats::{HeaderMap, header, jetstream};
use serde::{Deserialize, Serialize};

/// Attempts to say something of a place while others do the same.
const ATTEMPTS_MAX: usize = 16;

/// What lies at a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kept {
    /// A key, wrapped under the installation's secret.
    Key {
        /// Its id, new with each key.
        id: String,
        /// Nonce and wrapped key, in hex.
        wrapped: String,
    },
    /// There was one, perhaps, and will never be one again.
    Forgotten,
}

/// The same with where it is found.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub kept: Kept,
    pub seq: u64,
    pub subject: String,
    pub time: Timestamp,
}

/// Reads and writes the bucket.
#[derive(Clone, Debug)]
pub(super) struct Store {
    pub js: jetstream::Context,
}

impl Store {
    pub async fn find(&self, subject: &str) -> Result<Option<Found>, Problem> {
        direct::leader_last(&self.js, SEALS, subject).await?.map(found).transpose()
    }

    /// The first at sequence `from` or after, below a subject that may have wildcards.
    pub async fn next(&self, subjects: &str, from: u64) -> Result<Option<Found>, Problem> {
        direct::leader_next(&self.js, SEALS, subjects, from).await?.map(found).transpose()
    }

    /// Puts something where nothing is; `false` when something is there, whoever put it.
    pub async fn put(&self, subject: &str, kept: &Kept) -> Result<bool, Problem> {
        let payload = serde_json::to_vec(kept).map_err(|_| Problem::internal())?;
        let mut headers = HeaderMap::new();
        headers.insert(header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, "0");
        let published =
            async { self.js.publish_with_headers(subject.to_owned(), headers, payload.into()).await?.await };
        let error = match published.await {
            Ok(_) => return Ok(true),
            Err(error) => Error::of_publish(subject, &error),
        };
        // Whatever the reason, the leader tells whether ours is there.
        match self.find(subject).await? {
            Some(found) => Ok(found.kept == *kept),
            None if error.is_wrong_last_sequence() => Ok(false),
            None => Err(error.into()),
        }
    }

    /// Overwrites a message on the server's disk with other bytes and takes it away. Nothing happens where it is gone already.
    pub async fn erase(&self, found: &Found) -> Result<(), Problem> {
        let failed = |detail: String| {
            Problem::from(Error::new(ErrorKind::Unknown, format!("destroying the key at {}", found.subject), detail))
        };
        let stream = self.js.get_stream_no_info(SEALS).await.map_err(|error| failed(error.to_string()))?;
        let Err(error) = stream.delete_message(found.seq).await else { return Ok(()) };
        match direct::leader_at(&self.js, SEALS, found.seq).await? {
            None => Ok(()),
            Some(_) => Err(failed(error.to_string())),
        }
    }

    /// Destroys what is at a place and sees to it that nothing will ever be there again.
    pub async fn end(&self, subject: &str) -> Result<(), Problem> {
        for _ in 0..ATTEMPTS_MAX {
            match self.find(subject).await? {
                Some(Found { kept: Kept::Forgotten, .. }) => return Ok(()),
                Some(found) => self.erase(&found).await?,
                None => {}
            }
            if self.put(subject, &Kept::Forgotten).await? {
                return Ok(());
            }
        }
        Err(Problem::unavailable("platform.log_unavailable", "Others keep making the key that is to be destroyed."))
    }
}

fn found(message: LogMessage) -> Result<Found, Problem> {
    let kept = serde_json::from_slice(&message.payload).map_err(|error| {
        tracing::error!(stream.name = SEALS, stream.seq = message.seq, %error, "what lies among the keys is no key");
        Problem::internal()
    })?;
    Ok(Found { kept, seq: message.seq, subject: message.subject, time: message.time })
}

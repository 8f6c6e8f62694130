//! Rows on their way to the stream of pipelines: each of them once, however often they are sent.

use std::time::Duration;

use alluvium_formats::Change;
use alluvium_kernel::{Actor, Problem, SigningKey, Timestamp, header};
use alluvium_messaging::Error;
use alluvium_messaging::batch::{Draft, publish_batch};
use alluvium_pipelines::Place;
use async_nats::{HeaderMap, jetstream};
use bytes::Bytes;
use uuid::Uuid;

use crate::backlog::Backlog;
use crate::{input, payload};

/// How large a payload may be, in bytes; the servers take one megabyte.
const PAYLOAD_BYTES_MAX: usize = 900_000;
/// Messages of one atomic batch.
const BATCH_MAX: usize = 500;
/// How often a message is sent whose answer is lost.
const TRIES_MAX: u32 = 3;
/// Pause before it is sent again, in milliseconds.
const AGAIN_MS: u64 = 250;

/// Who writes rows of whom.
pub(crate) struct Writer<'a> {
    js: &'a jetstream::Context,
    key: &'a SigningKey,
    by: (&'a Actor, Timestamp),
    request_id: String,
    backlog: Option<&'a Backlog>,
    written: u64,
    last: Option<u64>,
    is_repeat: bool,
}

impl<'a> Writer<'a> {
    /// Writes for who asks, at the time they ask. When a request of the same name comes again while the stream knows its ids, nothing
    /// is written twice: the ids of its messages are made of the name and their place in it.
    pub fn new(
        js: &'a jetstream::Context,
        key: &'a SigningKey,
        by: (&'a Actor, Timestamp),
        request_id: String,
    ) -> Self {
        Self { js, key, by, request_id, backlog: None, written: 0, last: None, is_repeat: false }
    }

    /// Rows that it writes are counted as coming there, until the pipeline has them.
    pub fn counted(self, backlog: &'a Backlog) -> Self {
        Self { backlog: Some(backlog), ..self }
    }

    /// The sequence of the last message of what was written, now or when the same was written before.
    pub fn last(&self) -> Option<u64> {
        self.last
    }

    /// Whether some of it was there already.
    pub fn is_repeat(&self) -> bool {
        self.is_repeat
    }

    /// Writes changes of a table, in order.
    pub async fn write(&mut self, place: &Place, table: &str, changes: Vec<Change>) -> Result<(), Problem> {
        let subject = input::rows(place, table)?;
        let mut pieces = Vec::new();
        for change in changes {
            split(change, &mut pieces)?;
        }
        for pieces in pieces.chunks(BATCH_MAX) {
            let numbered = (self.written..).zip(pieces);
            let drafts: Vec<Draft> =
                numbered.map(|(number, piece)| self.draft(&subject, number, &piece.payload)).collect();
            let seqs = self.publish(drafts).await?;
            self.written += pieces.len() as u64;
            for (seq, piece) in seqs.into_iter().zip(pieces) {
                self.last = self.last.max(Some(seq));
                if let Some(backlog) = self.backlog {
                    backlog.coming(seq, piece.rows);
                }
            }
        }
        Ok(())
    }

    fn draft(&self, subject: &str, number: u64, payload: &Bytes) -> Draft {
        // Of another table it is another one, whatever names the requests have.
        let id = format!("{subject}-{}-{number}", self.request_id);
        let mut headers = HeaderMap::new();
        headers.insert(header::MESSAGE_ID, id.as_str());
        let (actor, now) = self.by;
        headers.insert(header::ACTOR, actor.to_string());
        headers.insert(header::TIME, now.micros().to_string());
        headers.insert(header::SIGNATURE, self.key.sign(&id, actor, now, subject, payload));
        Draft { subject: subject.to_owned(), headers, payload: payload.clone() }
    }

    /// Puts messages on the stream, at best all at once. Gives their sequences.
    async fn publish(&mut self, drafts: Vec<Draft>) -> Result<Vec<u64>, Problem> {
        if drafts.len() > 1 {
            let batch = Uuid::new_v4().simple().to_string();
            match publish_batch(self.js, &batch, drafts.clone()).await {
                Ok(first) => return Ok((first..).take(drafts.len()).collect()),
                Err(error) if error.is_full() => return Err(error.into()),
                // Some may be there: the servers take no batch then. One after the other they say of each where it is.
                Err(error) => tracing::debug!(%error, "rows are sent one message after the other"),
            }
        }
        let mut seqs = Vec::with_capacity(drafts.len());
        for draft in drafts {
            let (seq, is_there) = self.publish_once(draft).await?;
            self.is_repeat |= is_there;
            seqs.push(seq);
        }
        Ok(seqs)
    }

    /// Puts a message on the stream unless one with its id is there. Gives its sequence, and whether it was there.
    async fn publish_once(&self, draft: Draft) -> Result<(u64, bool), Problem> {
        let mut tries = 1;
        loop {
            let Draft { subject, headers, payload } = draft.clone();
            let sent = async {
                let of = |error| Error::of_publish(&subject, &error);
                self.js.publish_with_headers(subject.clone(), headers, payload).await.map_err(of)?.await.map_err(of)
            };
            match sent.await {
                Ok(stored) => return Ok((stored.sequence, stored.duplicate)),
                Err(error) if error.is_full() || tries == TRIES_MAX => return Err(error.into()),
                Err(error) => tracing::debug!(%error, tries, "rows are sent again"),
            }
            tokio::time::sleep(Duration::from_millis(AGAIN_MS)).await;
            tries += 1;
        }
    }
}

/// What one message carries.
struct Piece {
    payload: Bytes,
    rows: u64,
}

/// Puts a change into payloads that the servers take.
fn split(change: Change, pieces: &mut Vec<Piece>) -> Result<(), Problem> {
    let rows = change.batch.num_rows();
    let payload = payload::write(std::slice::from_ref(&change)).map_err(|_| Problem::internal())?;
    if payload.len() <= PAYLOAD_BYTES_MAX {
        pieces.push(Piece { payload: payload.into(), rows: rows as u64 });
        return Ok(());
    }
    if rows <= 1 {
        let detail = format!("A row takes {} bytes; one may take {PAYLOAD_BYTES_MAX}.", payload.len());
        return Err(Problem::new("pipelines.invalid_param", 400, detail));
    }
    let half = rows / 2;
    split(Change { batch: change.batch.slice(0, half), ..change.clone() }, pieces)?;
    split(Change { batch: change.batch.slice(half, rows - half), ..change }, pieces)
}

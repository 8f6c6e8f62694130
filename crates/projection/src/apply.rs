//! One batch, one transaction: the watermark's move, the rows, and what had to be parked.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use alluvium_messaging::LogMessage;
use futures::FutureExt as _;
use sqlx::{Acquire as _, PgConnection, PgPool};

use crate::parking::{self, Parked};
use crate::watermark::{Watermark, hash_of};
use crate::{ApplyError, Error, PgProjection, Schema};

/// The code of a message that is parked only because an earlier one of its key is.
const BEHIND: &str = "projection.parked_behind";
/// The code of a message whose rows the database refuses.
const REJECTED: &str = "projection.apply_rejected";

/// Applies messages to one generation. Holds what it believes about the stored state; after any error it must be opened anew.
pub(crate) struct Applier {
    pub projection: Arc<dyn PgProjection>,
    pub schema: Arc<Schema>,
    pub watermark: Watermark,
    pub parked: HashSet<String>,
    pool: PgPool,
    skipped: HashSet<u64>,
    /// Whether other processes are told of progress: only for the generation that is read.
    tell: bool,
}

impl Applier {
    pub async fn open(
        pool: &PgPool,
        projection: Arc<dyn PgProjection>,
        schema: Arc<Schema>,
        tell: bool,
    ) -> Result<Self, Error> {
        let mut db = pool.acquire().await?;
        let (name, generation) = (projection.name(), schema.generation());
        let watermark = Watermark::read(&mut db, name, generation).await?.ok_or(sqlx::Error::RowNotFound)?;
        let parked = parking::keys(&mut db, name, generation).await?;
        let skipped = parking::skipped(&mut db, name).await?;
        Ok(Self { projection, schema, watermark, parked, pool: pool.clone(), skipped, tell })
    }

    /// Takes on the stream's identity, while nothing was applied yet.
    pub async fn adopt(&mut self, created: i64) -> Result<(), Error> {
        if self.watermark.seq == 0 && self.watermark.stream_created != created {
            let mut db = self.pool.acquire().await?;
            Watermark::adopt(&mut db, self.projection.name(), self.schema.generation(), created).await?;
            self.watermark.stream_created = created;
        }
        Ok(())
    }

    /// Applies messages, all after the watermark; gives how many were parked.
    pub async fn apply(&mut self, batch: &[LogMessage]) -> Result<usize, Error> {
        let Some(last) = batch.last() else { return Ok(0) };
        let is_plain = self.parked.is_empty() && !batch.iter().any(|message| self.skipped.contains(&message.seq));
        if is_plain && self.at_once(batch, last).await? {
            return Ok(0);
        }
        self.carefully(batch, last).await
    }

    /// How almost every batch is applied: all of it, in as few round trips as it takes. False when some message cannot be
    /// applied; then nothing is changed.
    async fn at_once(&mut self, batch: &[LogMessage], last: &LogMessage) -> Result<bool, Error> {
        let mut tx = self.pool.begin().await?;
        let to = self.moved(&mut tx, last).await?;
        let applied = AssertUnwindSafe(self.projection.apply(&mut tx, batch)).catch_unwind().await;
        let result = match applied {
            // Here deferred constraints speak.
            Ok(Ok(())) => tx.commit().await.map_err(ApplyError::from),
            Ok(Err(error)) => tx.rollback().await.map_err(ApplyError::Unavailable).and(Err(error)),
            Err(_panic) => {
                tx.rollback().await?;
                return Ok(false);
            }
        };
        match result {
            Ok(()) => {
                self.watermark = to;
                Ok(true)
            }
            Err(ApplyError::Unavailable(error)) => Err(error.into()),
            Err(ApplyError::Poison { .. } | ApplyError::Rejected(_)) => Ok(false),
        }
    }

    /// Leaves out what is parked, and finds and parks what cannot be applied.
    async fn carefully(&mut self, batch: &[LogMessage], last: &LogMessage) -> Result<usize, Error> {
        let mut tx = self.pool.begin().await?;
        let to = self.moved(&mut tx, last).await?;
        if !self.parked.is_empty() {
            // A remedy may have freed a key. It holds the watermark's row while it works, so what is read now is true.
            self.parked = parking::keys(&mut tx, self.projection.name(), self.schema.generation()).await?;
            self.skipped = parking::skipped(&mut tx, self.projection.name()).await?;
        }
        let mut fold = Fold {
            projection: &*self.projection,
            known: &self.parked,
            fresh: HashMap::new(),
            rows: BTreeMap::new(),
            skipped: &self.skipped,
        };
        fold.run(&mut tx, batch).await?;
        let fresh = fold.fresh;
        let rows: Vec<Parked> = fold.rows.into_values().collect();
        parking::park(&mut tx, self.projection.name(), self.schema.generation(), &rows).await?;
        tx.commit().await?;
        for parked in &rows {
            tracing::error!(
                projection = self.projection.name(),
                stream.seq = parked.seq,
                key = parked.key,
                error.code = parked.code,
                reason = parked.reason,
                "an event cannot be applied; its key is parked, all others go on"
            );
        }
        self.watermark = to;
        self.parked.extend(fresh.into_keys());
        Ok(rows.len())
    }

    /// Moves the watermark over messages that do not concern this projection, up to `message`.
    pub async fn pass(&mut self, message: &LogMessage) -> Result<(), Error> {
        let mut tx = self.pool.begin().await?;
        let to = self.moved(&mut tx, message).await?;
        tx.commit().await?;
        self.watermark = to;
        Ok(())
    }

    /// Moves the watermark over messages that the stream has let go of, up to `seq`.
    pub async fn pass_forgotten(&mut self, seq: u64) -> Result<(), Error> {
        let mut tx = self.pool.begin().await?;
        let to = Watermark { seq, hash: String::new(), ..self.watermark.clone() };
        let to = self.moved_to(&mut tx, to).await?;
        tx.commit().await?;
        self.watermark = to;
        Ok(())
    }

    async fn moved(&self, tx: &mut PgConnection, to: &LogMessage) -> Result<Watermark, Error> {
        let to = Watermark {
            seq: to.seq,
            hash: hash_of(to),
            stream_created: self.watermark.stream_created,
            message_micros: to.time.micros(),
            quarantined: None,
        };
        self.moved_to(tx, to).await
    }

    async fn moved_to(&self, tx: &mut PgConnection, to: Watermark) -> Result<Watermark, Error> {
        let from = &self.watermark;
        if !Watermark::advance(tx, self.projection.name(), &self.schema, from, &to, self.tell).await? {
            return Err(Error::Overtaken { generation: self.schema.generation(), from: from.seq });
        }
        Ok(to)
    }
}

/// The rows of one batch; finds out which messages cannot be applied and leaves them, and their keys, out.
struct Fold<'a> {
    projection: &'a dyn PgProjection,
    known: &'a HashSet<String>,
    /// Keys parked by this batch, with the first sequence that is out: what came before it is still applied.
    fresh: HashMap<String, u64>,
    rows: BTreeMap<u64, Parked>,
    skipped: &'a HashSet<u64>,
}

impl Fold<'_> {
    /// Halves what fails until single messages are left: one bad message in two thousand costs some twenty attempts.
    async fn run(&mut self, tx: &mut PgConnection, batch: &[LogMessage]) -> Result<(), Error> {
        let mut todo: Vec<Range<usize>> = Vec::new();
        todo.push(0..batch.len());
        while let Some(range) = todo.pop() {
            let part = &batch[range.clone()];
            let result = if self.leaves_out(part) {
                let kept: Vec<LogMessage> = part.iter().filter(|message| self.keeps(message)).cloned().collect();
                attempt(tx, self.projection, &kept).await?
            } else {
                attempt(tx, self.projection, part).await?
            };
            let Err(failure) = result else {
                self.park_behind(part);
                continue;
            };
            let named = part.iter().position(|message| failure.seq == Some(message.seq));
            let split = if let Some(at) = named.or((part.len() == 1).then_some(0)) {
                self.park(&part[at], &failure.code, &failure.reason);
                // What stood before it was rolled back with it and comes again, then what stands after it.
                todo.push(range.start + at + 1..range.end);
                range.start + at
            } else {
                let middle = range.start + part.len() / 2;
                todo.push(middle..range.end);
                middle
            };
            todo.push(range.start..split);
        }
        Ok(())
    }

    fn keeps(&self, message: &LogMessage) -> bool {
        let key = self.projection.key_of(message);
        let parked = self.known.contains(&key) || self.fresh.get(&key).is_some_and(|from| message.seq >= *from);
        !parked && !self.skipped.contains(&message.seq)
    }

    /// Whether any message of the part must be left out; almost always no, and then nothing is copied.
    fn leaves_out(&self, part: &[LogMessage]) -> bool {
        let nothing = self.known.is_empty() && self.fresh.is_empty() && self.skipped.is_empty();
        !nothing && part.iter().any(|message| !self.keeps(message))
    }

    fn park(&mut self, message: &LogMessage, code: &str, reason: &str) {
        let key = self.projection.key_of(message);
        let from = self.fresh.entry(key.clone()).or_insert(message.seq);
        *from = (*from).min(message.seq);
        let (code, reason) = (code.to_owned(), reason.to_owned());
        self.rows.entry(message.seq).or_insert(Parked { key, seq: message.seq, code, reason });
    }

    fn park_behind(&mut self, part: &[LogMessage]) {
        if !self.leaves_out(part) {
            return;
        }
        for message in part {
            if !self.keeps(message) && !self.skipped.contains(&message.seq) {
                self.park(message, BEHIND, "an earlier event of the same key is parked");
            }
        }
    }
}

struct Failure {
    seq: Option<u64>,
    code: String,
    reason: String,
}

/// One attempt under a savepoint. The outer error is about Postgres, the inner one about the messages.
async fn attempt(
    tx: &mut PgConnection,
    projection: &dyn PgProjection,
    part: &[LogMessage],
) -> Result<Result<(), Failure>, Error> {
    if part.is_empty() {
        return Ok(Ok(()));
    }
    let mut savepoint = tx.begin().await?;
    let applied = AssertUnwindSafe(projection.apply(&mut savepoint, part)).catch_unwind().await;
    let failure = match applied {
        Ok(Ok(())) => {
            // Deferred constraints must speak now, while it can still be told which message breaks them.
            match sqlx::query("SET CONSTRAINTS ALL IMMEDIATE").execute(&mut *savepoint).await.map_err(ApplyError::from)
            {
                Ok(_) => {
                    savepoint.commit().await?;
                    return Ok(Ok(()));
                }
                Err(ApplyError::Unavailable(error)) => return Err(error.into()),
                Err(error) => Failure { seq: None, code: REJECTED.to_owned(), reason: error.to_string() },
            }
        }
        Ok(Err(ApplyError::Unavailable(error))) => return Err(error.into()),
        Ok(Err(ApplyError::Poison { seq, code, reason })) => Failure { seq: Some(seq), code, reason },
        Ok(Err(ApplyError::Rejected(error))) => {
            Failure { seq: None, code: REJECTED.to_owned(), reason: error.to_string() }
        }
        Err(_) => Failure { seq: None, code: REJECTED.to_owned(), reason: "the fold panicked on it".to_owned() },
    };
    savepoint.rollback().await?;
    Ok(Err(failure))
}

/// Applies messages one after another for a remedy; the first that still fails is told.
pub(crate) async fn apply_each(
    tx: &mut PgConnection,
    projection: &dyn PgProjection,
    messages: &[LogMessage],
) -> Result<Option<Parked>, Error> {
    for message in messages {
        if let Err(failure) = attempt(tx, projection, std::slice::from_ref(message)).await? {
            let key = projection.key_of(message);
            return Ok(Some(Parked { key, seq: message.seq, code: failure.code, reason: failure.reason }));
        }
    }
    Ok(None)
}

//! When keys were last used: noted beside the log, at most once a minute for each key, and never waited for.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use alluvium_kernel::{Timestamp, Token};
use sqlx::PgPool;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::live::LiveKey;

/// How often one key's use is noted, in microseconds.
const NOTE_EVERY_MICROS: i64 = 60 * 1_000_000;
/// Notes that may wait to be written; more are dropped, and the key's next use is noted instead.
const NOTES_WAITING_MAX: usize = 4_096;
/// Notes written in one statement.
const NOTES_PER_WRITE_MAX: usize = 512;
/// Pause before a write that failed is tried again, in milliseconds.
const RETRY_MS: u64 = 1_000;
/// Attempts at one write; then its notes are given up.
const ATTEMPTS_MAX: u32 = 5;
/// Makes two processes that start together take turns; any number of ours that nothing else locks.
const CREATE_LOCK: i64 = 0x616c_765f_7573_6564;

const CREATE: &str = include_str!("sql/create_usage.sql");
const UPSERT: &str = include_str!("sql/note_usage.sql");

/// Where uses are noted. Cheap to clone.
#[derive(Clone)]
pub struct UsageNotes(mpsc::Sender<Note>);

struct Note {
    key: Arc<LiveKey>,
    at: Timestamp,
}

/// Writes what [`UsageNotes`] gathers.
pub struct UsageWriter {
    pool: PgPool,
    notes: mpsc::Receiver<Note>,
}

/// Makes the side table, if it is not there, and the two ends of the road to it.
pub async fn usage(pool: PgPool) -> Result<(UsageNotes, UsageWriter), sqlx::Error> {
    prepare(&pool).await?;
    let (sender, notes) = mpsc::channel(NOTES_WAITING_MAX);
    Ok((UsageNotes(sender), UsageWriter { pool, notes }))
}

async fn prepare(pool: &PgPool) -> Result<(), sqlx::Error> {
    let mut tx = pool.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(CREATE_LOCK).execute(&mut *tx).await?;
    sqlx::raw_sql(CREATE).execute(&mut *tx).await?;
    tx.commit().await
}

impl UsageNotes {
    pub(crate) fn note(&self, key: &Arc<LiveKey>, now: Timestamp) {
        let before = key.noted_at.load(Ordering::Relaxed);
        if now.micros() - before < NOTE_EVERY_MICROS {
            return;
        }
        // Of several requests at once, one notes.
        if key.noted_at.compare_exchange(before, now.micros(), Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return;
        }
        if self.0.try_send(Note { key: key.clone(), at: now }).is_err() {
            key.noted_at.store(before, Ordering::Relaxed);
        }
    }
}

impl UsageWriter {
    /// Writes until told to stop, then what is left.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut notes = Vec::new();
        loop {
            let got = stop.run_until_cancelled(self.notes.recv_many(&mut notes, NOTES_PER_WRITE_MAX)).await;
            if got == Some(0) {
                return;
            }
            if got.is_none() {
                while let Ok(note) = self.notes.try_recv() {
                    notes.push(note);
                }
            }
            if !notes.is_empty() {
                self.write(&notes).await;
                notes.clear();
            }
            if got.is_none() {
                return;
            }
        }
    }

    async fn write(&self, notes: &[Note]) {
        let tenants: Vec<&str> = notes.iter().map(|note| Token::as_str(&note.key.tenant)).collect();
        let ids: Vec<&str> = notes.iter().map(|note| note.key.id.as_str()).collect();
        let times: Vec<i64> = notes.iter().map(|note| note.at.micros()).collect();
        for attempt in 1..=ATTEMPTS_MAX {
            let written = sqlx::query(UPSERT).bind(&tenants).bind(&ids).bind(&times).execute(&self.pool).await;
            match written {
                Ok(_) => return,
                Err(error) if attempt == ATTEMPTS_MAX => {
                    tracing::warn!(error = %error, notes = notes.len(), "the last use of some keys could not be noted");
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(RETRY_MS)).await,
            }
        }
    }
}

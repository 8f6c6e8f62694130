//! Leases: one active worker at a time. They save work; what keeps the log right is the expectation on every commit.

use std::{sync::Arc, time::Duration};

use alluvium_messaging::streams::LEASES;
use async_nats::jetstream::{
    self,
    kv::{Store, UpdateErrorKind},
};
use tokio::{sync::Mutex, task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::commit::pause;

/// How long a lease holds without being renewed, in milliseconds.
pub const LEASE_TTL_MS: u64 = 4_000;
/// How often it is renewed, and asked for by those who wait, in milliseconds.
const RENEW_EVERY_MS: u64 = 1_000;
/// Without a renewal for this long, in milliseconds, the holder counts it as lost: before the server gives it away.
const SURE_MS: u64 = 3_000;

/// A held lease; renewed until dropped, released or lost.
#[derive(Debug)]
pub struct Lease {
    store: Store,
    key: String,
    revision: Arc<Mutex<u64>>,
    lost: CancellationToken,
    renewing: JoinHandle<()>,
}

impl Lease {
    /// Waits until the lease `key` is free, takes it and keeps it; `None` when cancelled before. No other living process may
    /// be called `owner`. A process that follows a killed one under its name has the lease at once.
    pub async fn acquire(
        js: &jetstream::Context,
        key: &str,
        owner: &str,
        replicas: usize,
        cancel: &CancellationToken,
    ) -> Option<Self> {
        let mut attempt = 0;
        loop {
            let taken = tokio::select! {
                () = cancel.cancelled() => return None,
                taken = take(js, key, owner, replicas) => taken,
            };
            match taken {
                Ok(Some((store, revision))) => return Some(Self::keep(store, key, owner, revision)),
                Ok(None) => {
                    attempt = 0;
                    tokio::select! {
                        () = cancel.cancelled() => return None,
                        () = tokio::time::sleep(Duration::from_millis(RENEW_EVERY_MS)) => {}
                    }
                }
                Err(error) => {
                    attempt += 1;
                    tracing::warn!(lease.key = key, %error, "the lease cannot be asked for now");
                    tokio::select! { () = cancel.cancelled() => return None, () = pause(attempt) => {} }
                }
            }
        }
    }

    /// Cancelled as soon as the lease may be somebody else's.
    pub fn lost(&self) -> &CancellationToken {
        &self.lost
    }

    /// Gives the lease back, so that the next one need not wait.
    pub async fn release(self) {
        self.renewing.abort();
        if self.lost.is_cancelled() {
            return;
        }
        let revision = *self.revision.lock().await;
        if let Err(error) = self.store.delete_expect_revision(&self.key, Some(revision)).await {
            tracing::debug!(lease.key = %self.key, %error, "the lease will run out by itself");
        }
    }

    fn keep(store: Store, key: &str, owner: &str, revision: u64) -> Self {
        let (revision, lost) = (Arc::new(Mutex::new(revision)), CancellationToken::new());
        let renewing =
            tokio::spawn(renew(store.clone(), key.to_owned(), owner.to_owned(), revision.clone(), lost.clone()));
        Self { store, key: key.to_owned(), revision, lost, renewing }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewing.abort();
        self.lost.cancel();
    }
}

async fn bucket(js: &jetstream::Context, replicas: usize) -> Result<Store, String> {
    if let Ok(store) = js.get_key_value(LEASES).await {
        return Ok(store);
    }
    let config = jetstream::kv::Config {
        bucket: LEASES.to_owned(),
        description: "Who decides what; an entry that is not renewed disappears.".to_owned(),
        history: 1,
        max_age: Duration::from_millis(LEASE_TTL_MS),
        num_replicas: replicas,
        ..jetstream::kv::Config::default()
    };
    js.create_key_value(config).await.map_err(|error| error.to_string())
}

async fn take(
    js: &jetstream::Context,
    key: &str,
    owner: &str,
    replicas: usize,
) -> Result<Option<(Store, u64)>, String> {
    let store = bucket(js, replicas).await?;
    match store.create(key, owner.to_owned().into()).await {
        Ok(revision) => Ok(Some((store, revision))),
        // Whatever the reason, the entry itself tells whether it is ours.
        Err(_) => match store.entry(key).await {
            // Renewed at once, as it may be about to run out.
            Ok(Some(entry)) if entry.value == owner.as_bytes() => {
                let renewed = store.update(key, owner.to_owned().into(), entry.revision).await;
                renewed.map(|revision| Some((store, revision))).map_err(|error| error.to_string())
            }
            Ok(_) => Ok(None),
            Err(error) => Err(error.to_string()),
        },
    }
}

async fn renew(store: Store, key: String, owner: String, revision: Arc<Mutex<u64>>, lost: CancellationToken) {
    let mut sure = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_millis(RENEW_EVERY_MS)).await;
        let asked = Instant::now();
        let mut held = revision.lock().await;
        let renewal = store.update(&key, owner.clone().into(), *held);
        match tokio::time::timeout(Duration::from_millis(RENEW_EVERY_MS), renewal).await {
            Ok(Ok(renewed)) => {
                *held = renewed;
                sure = asked;
            }
            Ok(Err(error)) if error.kind() == UpdateErrorKind::WrongLastRevision => {
                // Perhaps an earlier renewal of ours went through unheard.
                match store.entry(&key).await {
                    Ok(Some(entry)) if entry.value == owner.as_bytes() => *held = entry.revision,
                    _ => break,
                }
            }
            Ok(Err(_)) | Err(_) => {}
        }
        if sure.elapsed() > Duration::from_millis(SURE_MS) {
            break;
        }
    }
    tracing::warn!(lease.key = %key, "the lease is lost");
    lost.cancel();
}

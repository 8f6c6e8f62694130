//! The tables as the rest of the process sees them: the live generation, and how it is rebuilt or verified.

use std::collections::HashMap;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use alluvium_eventlog::blob::BlobStore;
use alluvium_kernel::{Position, Problem};
use alluvium_tablestore::Hub;
use arc_swap::ArcSwap;
use async_nats::jetstream;
use serde::Serialize;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::active::{Active, drop_left_behind};
use super::effects::{Effects, Live};
use super::fold::{Fold, STREAM};
use super::generations::KeptSince;
use super::lane::{Lane, LaneError, Parked};
use super::owned::Owned;
use super::past::Versions;
use super::remedy::Resumed;

/// How often a table that is not here yet is looked for.
const CLAIM_POLL_MS: u64 = 20;

/// The live generation of table files.
pub struct Tables {
    pub(super) active: ArcSwap<Fold>,
    pub(super) hub: Hub,
    pub(crate) js: jetstream::Context,
    pub(crate) live: Arc<Live>,
    pub(super) stop: CancellationToken,
    /// Tables at earlier points.
    pub(crate) versions: Arc<Versions>,
    /// One rebuild, verification or rollback at a time.
    pub(crate) rebuilding: Mutex<()>,
    /// The generation that is being built, 0 without one, and what is known of the kept one.
    pub(super) building: AtomicU32,
    pub(super) kept: std::sync::Mutex<Option<KeptSince>>,
}

/// How the table fold is.
#[derive(Clone, Debug, Serialize)]
pub struct TablesHealth {
    /// The live generation.
    pub generation: u32,
    /// All up to here is in the files.
    pub watermark: u64,
    /// All up to here was read.
    pub read: u64,
    /// Milliseconds since the reader last heard the log; `None` before it first did.
    pub heartbeat_age_ms: Option<u64>,
    /// Tables there are.
    pub tables: usize,
    /// Age of the oldest message that is not in its file yet, in seconds.
    pub lag_seconds: f64,
    /// Tables that stand still, parked or not, with the reason.
    pub standing: Vec<(String, Problem)>,
    /// Tables that only a remedy helps.
    pub parked: Vec<ParkedTable>,
    /// Why all stand still, when they do.
    pub quarantine: Option<Problem>,
}

/// A table that is parked at a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ParkedTable {
    /// The subject of its rows: the key that remedies name.
    pub key: String,
    /// Sequence of the message.
    pub seq: u64,
    /// Why, as a stable code.
    pub code: String,
    /// Why, for people.
    pub reason: String,
}

impl Tables {
    /// Starts the live generation.
    pub async fn start(
        hub: Hub,
        js: jetstream::Context,
        blobs: BlobStore,
        live: Live,
        stop: CancellationToken,
    ) -> Result<Arc<Self>, Problem> {
        Self::start_with(hub, js, blobs, live, Owned::everything(), stop).await
    }

    /// Starts the live generation of those tables that are, or will be, kept here.
    pub async fn start_with(
        hub: Hub,
        js: jetstream::Context,
        blobs: BlobStore,
        live: Live,
        owned: Owned,
        stop: CancellationToken,
    ) -> Result<Arc<Self>, Problem> {
        let (live, owned) = (Arc::new(live), Arc::new(owned));
        let active = Active::load(&hub.config().data_dir)?;
        let generation = active.generation;
        drop_left_behind(&hub, active).await;
        let effects = Arc::new(Effects::live(js.clone(), blobs, Arc::clone(&live), owned.is_shared()).await?);
        // Before the fold, which may need earlier content at once.
        let data_dir = hub.config().data_dir.clone();
        let versions = tokio::task::spawn_blocking(move || Versions::new(&data_dir)).await;
        let versions = Arc::new(versions.map_err(|_| Problem::internal())?);
        let fold = Fold::start(hub.clone(), js.clone(), generation, effects, owned, stop.child_token()).await?;
        let (sweeping, stopped) = (Arc::clone(&versions), stop.clone());
        tokio::spawn(async move { sweeping.sweep(stopped).await });
        let active = ArcSwap::new(fold);
        Ok(Arc::new(Self {
            active,
            hub,
            js,
            live,
            stop,
            versions,
            rebuilding: Mutex::default(),
            building: AtomicU32::new(0),
            kept: std::sync::Mutex::default(),
        }))
    }

    /// Stops reading, ends what is under way, and saves how far it came.
    pub async fn finish(&self) {
        self.stop.cancel();
        self.fold().finish().await;
    }

    /// The live generation.
    pub fn fold(&self) -> Arc<Fold> {
        self.active.load_full()
    }

    /// Whose tables are kept here.
    pub fn owned(&self) -> Arc<Owned> {
        Arc::clone(&self.fold().owned)
    }

    /// The hub the files are in.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Rows and bytes of a table, without opening its file.
    pub fn size(&self, uid: &str) -> Option<(u64, u64)> {
        self.fold().lane(uid).map(|lane| lane.view()).map(|view| (view.rows, view.bytes))
    }

    /// Bytes of all tables that are kept here.
    pub fn bytes(&self) -> u64 {
        self.fold().lanes().iter().map(|lane| lane.view().bytes).sum()
    }

    /// Rows and bytes of every table that is kept here.
    pub fn sizes(&self) -> HashMap<String, (u64, u64)> {
        self.fold().sizes()
    }

    /// Waits until a table holds what the position names.
    pub async fn wait_table(&self, uid: &str, position: &Position, budget: Duration) -> Result<(), Problem> {
        self.wait(Some(uid), position.seq(STREAM), budget).await
    }

    /// Waits until all tables hold what the position names.
    pub async fn wait_all(&self, position: &Position, budget: Duration) -> Result<(), Problem> {
        self.wait(None, position.seq(STREAM), budget).await
    }

    /// Waits for the generation that is live, whichever that is by the time it has arrived.
    async fn wait(&self, uid: Option<&str>, seq: u64, budget: Duration) -> Result<(), Problem> {
        let reached = async {
            loop {
                let fold = self.fold();
                let arrived = async {
                    match uid {
                        Some(uid) => arrived(&fold, uid, seq).await,
                        None => fold.progress.wait_all(seq).await,
                    }
                };
                tokio::select! {
                    () = arrived => return,
                    () = fold.stop.cancelled() => {}
                }
                if Arc::ptr_eq(&fold, &self.fold()) {
                    // The process ends: nothing arrives any more.
                    return std::future::pending().await;
                }
            }
        };
        tokio::time::timeout(budget, reached).await.map_err(|_| lagging(&self.fold(), seq))
    }

    /// Whether all tables but those that stand still have taken in what is up to a sequence.
    pub fn has_reached(&self, seq: u64) -> bool {
        let fold = self.fold();
        let behind = |lane: &Arc<Lane>| {
            lane.view().trouble.is_none() && fold.progress.oldest(&lane.id.uid).is_some_and(|oldest| oldest <= seq)
        };
        fold.progress.read_to() >= seq && !fold.lanes().iter().any(behind)
    }

    /// How it is.
    pub fn health(&self) -> TablesHealth {
        let fold = self.fold();
        let lanes = fold.lanes();
        let trouble = |lane: &Arc<Lane>| Some((lane.id.rows_subject(), lane.view().trouble?));
        TablesHealth {
            generation: fold.generation,
            watermark: fold.progress.floor(),
            read: fold.progress.read_to(),
            heartbeat_age_ms: fold.silent_for().map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
            tables: lanes.len(),
            lag_seconds: fold.lag_seconds(),
            standing: lanes.iter().filter_map(trouble).collect(),
            parked: self.parked(),
            quarantine: fold.quarantine(),
        }
    }

    /// What is parked, oldest first.
    pub fn parked(&self) -> Vec<ParkedTable> {
        let listed = |lane: Arc<Lane>| {
            let Parked { seq, code, reason } = lane.parked()?;
            Some(ParkedTable { key: lane.id.rows_subject(), seq, code, reason })
        };
        let mut parked: Vec<ParkedTable> = self.fold().lanes().into_iter().filter_map(listed).collect();
        parked.sort_by_key(|table| table.seq);
        parked
    }

    /// Tries a parked table again; `None` when nothing is parked under the key.
    pub async fn retry(&self, key: &str) -> Result<Option<Resumed>, Problem> {
        let fold = self.fold();
        let Some(lane) = fold.lanes().into_iter().find(|lane| lane.parked().is_some() && lane.id.rows_subject() == key)
        else {
            return Ok(None);
        };
        let poison = |error: LaneError| match lane.parked() {
            Some(parked) if error.is_final() => {
                let detail = format!("Message {} still cannot be applied: {}.", parked.seq, parked.reason);
                Problem::new("projection.still_poison", 409, detail)
            }
            _ => Problem::unavailable("storage.table_unavailable", error.to_string()),
        };
        lane.resume(&fold).await.map_err(poison)
    }

    /// A message is not left out any more: at its sequence stands another one, of another stream.
    pub fn take_in_again(&self, seq: u64) {
        self.fold().effects.take_in_again(seq);
        self.live.given_up.write().unwrap_or_else(PoisonError::into_inner).remove(&seq);
    }

    /// A message is left out from here on, in this generation and every other; a table that is parked at it goes on.
    pub async fn give_up(&self, key: &str, seq: u64) -> Result<Option<Resumed>, Problem> {
        let fold = self.fold();
        fold.effects.give_up(seq);
        self.live.given_up.write().unwrap_or_else(PoisonError::into_inner).insert(seq);
        let here = self.parked().into_iter().any(|table| table.key == key && table.seq == seq);
        if !here {
            return Ok(None);
        }
        match self.retry(key).await {
            // Parked again, at another message: this one is dealt with.
            Err(problem) if problem.code == "projection.still_poison" => Ok(Some(Resumed::default())),
            result => result,
        }
    }
}

async fn arrived(fold: &Fold, uid: &str, seq: u64) {
    fold.progress.wait_table(uid, seq).await;
    // A table that is new here counts once its project does.
    while fold.owned.is_shared() && fold.routing().by_uid(uid).is_some() && fold.lane(uid).is_none() {
        tokio::time::sleep(Duration::from_millis(CLAIM_POLL_MS)).await;
    }
    fold.progress.wait_table(uid, seq).await;
}

fn lagging(fold: &Fold, seq: u64) -> Problem {
    fold.quarantine().unwrap_or_else(|| {
        let reached = Position::of(STREAM, fold.progress.floor());
        Problem::unavailable(
            "projection.lagging",
            format!("the tables have not taken in position {seq} yet: try again"),
        )
        .with_details(serde_json::json!({ "position": reached }))
    })
}

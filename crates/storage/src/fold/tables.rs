//! The tables as the rest of the process sees them: the live generation, and how it is rebuilt or verified.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use alluvium_eventlog::blob::BlobStore;
use alluvium_kernel::{Position, Problem};
use alluvium_messaging::stream_created;
use alluvium_tablestore::Hub;
use arc_swap::ArcSwap;
use async_nats::jetstream;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::effects::{Effects, Live};
use super::fold::{Fold, STREAM};
use super::lane::{Lane, LaneError, Parked};
use super::owned::Owned;
use super::past::Versions;
use super::remedy::Resumed;

/// How often a rebuild tells how far it is.
const TELL_MS: u64 = 250;
/// How often a table that is not here yet is looked for.
const CLAIM_POLL_MS: u64 = 20;

/// The live generation of table files.
pub struct Tables {
    active: ArcSwap<Fold>,
    hub: Hub,
    pub(crate) js: jetstream::Context,
    pub(crate) live: Arc<Live>,
    stop: CancellationToken,
    /// Tables at earlier points.
    pub(crate) versions: Arc<Versions>,
    /// One rebuild or verification at a time.
    pub(crate) rebuilding: Mutex<()>,
}

/// Which generation is live; the file `active.json` beside the generations.
#[derive(Serialize, Deserialize)]
struct Active {
    generation: u32,
}

/// What a rebuild or a verification found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// The generation that was folded again.
    pub generation: u32,
    /// Sequence at which both were compared.
    pub seq: u64,
    /// Tables compared.
    pub tables: usize,
    /// The first difference, if any: which table, which row.
    pub difference: Option<String>,
    /// Whether the new generation is live now.
    pub flipped: bool,
}

/// How far a rebuild is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RebuildProgress {
    /// Sequence reached.
    pub done: u64,
    /// Sequence of the live generation.
    pub total: u64,
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
        let generation = active(&hub.config().data_dir)?;
        let effects = Arc::new(Effects::live(js.clone(), blobs, Arc::clone(&live), owned.is_shared()).await?);
        let fold = Fold::start(hub.clone(), js.clone(), generation, effects, owned, stop.child_token()).await?;
        let data_dir = hub.config().data_dir.clone();
        let versions = tokio::task::spawn_blocking(move || Versions::new(&data_dir)).await;
        let versions = Arc::new(versions.map_err(|_| Problem::internal())?);
        let (sweeping, stopped) = (Arc::clone(&versions), stop.clone());
        tokio::spawn(async move { sweeping.sweep(stopped).await });
        let active = ArcSwap::new(fold);
        Ok(Arc::new(Self { active, hub, js, live, stop, versions, rebuilding: Mutex::default() }))
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
        self.fold()
            .lanes()
            .iter()
            .map(|lane| (lane.id.uid.clone(), lane.view()))
            .map(|(uid, view)| (uid, (view.rows, view.bytes)))
            .collect()
    }

    /// Waits until a table holds what the position names.
    pub async fn wait_table(&self, uid: &str, position: &Position, budget: Duration) -> Result<(), Problem> {
        let fold = self.fold();
        let seq = position.seq(STREAM);
        let reached = async {
            fold.progress.wait_table(uid, seq).await;
            // A table that is new here counts once its project does.
            while fold.owned.is_shared() && fold.routing().by_uid(uid).is_some() && fold.lane(uid).is_none() {
                tokio::time::sleep(Duration::from_millis(CLAIM_POLL_MS)).await;
            }
            fold.progress.wait_table(uid, seq).await;
        };
        match tokio::time::timeout(budget, reached).await {
            Ok(()) => Ok(()),
            Err(_) => Err(lagging(&fold, seq)),
        }
    }

    /// Waits until all tables hold what the position names.
    pub async fn wait_all(&self, position: &Position, budget: Duration) -> Result<(), Problem> {
        let fold = self.fold();
        let seq = position.seq(STREAM);
        match tokio::time::timeout(budget, fold.progress.wait_all(seq)).await {
            Ok(()) => Ok(()),
            Err(_) => Err(lagging(&fold, seq)),
        }
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

    /// A message is left out from here on, in this generation and every other; a table that is parked at it goes on.
    pub async fn give_up(&self, key: &str, seq: u64) -> Result<Option<Resumed>, Problem> {
        let fold = self.fold();
        fold.effects.give_up(seq);
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

    /// Folds everything again beside the live generation, compares, and makes the new one live. A difference keeps the old
    /// one live, unless `force`d or the old one is quarantined.
    pub async fn rebuild(&self, force: bool, tell: impl Fn(RebuildProgress) + Send) -> Result<Comparison, Problem> {
        let _one = self.rebuilding.lock().await;
        let (live, new) = self.replay(tell).await?;
        let (held, seq) = self.level(&live, &new).await;
        let (tables, difference) = self.compare(&live, &new).await?;
        let flipped = difference.is_none() || force || live.quarantine().is_some();
        if flipped {
            set_active(&self.hub.config().data_dir, new.generation)?;
            new.go_live(Arc::clone(&self.live));
            self.active.store(Arc::clone(&new));
        }
        drop(held);
        let (dead, keep) = if flipped { (live, 1) } else { (Arc::clone(&new), 0) };
        dead.finish().await;
        self.discard(dead.generation.saturating_sub(keep)).await;
        Ok(Comparison { generation: new.generation, seq, tables, difference, flipped })
    }

    /// Folds everything again into a scratch generation and says where it first differs from the live one.
    pub async fn verify(&self, tell: impl Fn(RebuildProgress) + Send) -> Result<Comparison, Problem> {
        let _one = self.rebuilding.lock().await;
        let (live, new) = self.replay(tell).await?;
        let (held, seq) = self.level(&live, &new).await;
        let compared = self.compare(&live, &new).await;
        drop(held);
        new.finish().await;
        self.discard(new.generation).await;
        let (tables, difference) = compared?;
        Ok(Comparison { generation: new.generation, seq, tables, difference, flipped: false })
    }

    async fn replay(&self, tell: impl Fn(RebuildProgress) + Send) -> Result<(Arc<Fold>, Arc<Fold>), Problem> {
        let live = self.fold();
        let generation = live.generation + 1;
        self.discard(generation).await;
        // A quarantined generation decides nothing any more: the new one has to.
        let alone = live.quarantine().is_some();
        let effects = if alone { live.effects_alone(&self.live).await? } else { live.effects_behind() };
        if alone {
            // Whoever rebuilds what is quarantined takes the log as it is.
            effects.accept_loss(effects.kept().lost(&self.js).await?);
        }
        let new = Fold::start(
            self.hub.clone(),
            self.js.clone(),
            generation,
            Arc::new(effects),
            Arc::clone(&live.owned),
            self.stop.child_token(),
        )
        .await?;
        // What a quarantined generation has read is another history, which may have been longer.
        let total = if alone { stream_created(&self.js, STREAM).await?.1 } else { live.progress.read_to() };
        loop {
            let done = new.progress.floor();
            tell(RebuildProgress { done: done.min(total), total });
            if done >= total || new.quarantine().is_some() || self.stop.is_cancelled() {
                break;
            }
            let wait = new.progress.wait_all(total);
            let _ = tokio::time::timeout(Duration::from_millis(TELL_MS), wait).await;
        }
        Ok((live, new))
    }

    /// Brings both to the same sequence and holds the live one there.
    async fn level<'a>(&self, live: &'a Fold, new: &Fold) -> (tokio::sync::RwLockWriteGuard<'a, ()>, u64) {
        let (held, seq) = live.hold().await;
        if live.quarantine().is_none() {
            live.progress.wait_all(seq).await;
            new.progress.wait_all(seq).await;
        }
        (held, seq)
    }

    async fn compare(&self, live: &Fold, new: &Fold) -> Result<(usize, Option<String>), Problem> {
        let (mut tables, mut difference) = (0, None);
        let mut lanes = live.lanes();
        lanes.sort_by_key(|lane| lane.id.rows_subject());
        if let Some(stranger) = new.lanes().iter().find(|lane| live.lane(&lane.id.uid).is_none()) {
            difference = Some(format!("{} is missing in the live generation", stranger.id.rows_subject()));
        }
        for lane in lanes {
            let name = lane.id.rows_subject();
            let Some(other) = new.lane(&lane.id.uid) else {
                difference.get_or_insert_with(|| format!("{name} is in the live generation only"));
                continue;
            };
            tables += 1;
            let (hub, a, b) = (self.hub.clone(), lane.file.clone(), other.file.clone());
            let found = tokio::task::spawn_blocking(move || hub.first_difference(&a, &b))
                .await
                .map_err(|_| Problem::internal())?
                .unwrap_or_else(|error| Some(format!("it cannot be compared: {error}")));
            if let Some(found) = found {
                difference.get_or_insert_with(|| format!("{name}: {found}"));
            }
        }
        Ok((tables, difference))
    }

    /// Removes a generation's files. Failing only leaves garbage, which the next rebuild removes.
    async fn discard(&self, generation: u32) {
        let live = self.fold().generation;
        if generation == 0 || generation == live {
            return;
        }
        let hub = self.hub.clone();
        let removed = tokio::task::spawn_blocking(move || hub.drop_generation(generation)).await;
        if !matches!(removed, Ok(Ok(()))) {
            tracing::warn!(projection.generation = generation, "an old generation of tables could not be removed");
        }
    }
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

fn active(data_dir: &Path) -> Result<u32, Problem> {
    match std::fs::read(path(data_dir)) {
        Ok(text) => serde_json::from_slice::<Active>(&text)
            .map(|active| active.generation)
            .map_err(|error| unusable(&format!("active.json is damaged: {error}"))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(1),
        Err(error) => Err(unusable(&error.to_string())),
    }
}

fn set_active(data_dir: &Path, generation: u32) -> Result<(), Problem> {
    let write = || -> std::io::Result<()> {
        let temporary = data_dir.join("active.json.new");
        std::fs::write(&temporary, serde_json::to_vec(&Active { generation })?)?;
        std::fs::File::open(&temporary)?.sync_all()?;
        std::fs::rename(&temporary, path(data_dir))?;
        std::fs::File::open(data_dir)?.sync_all()
    };
    write().map_err(|error| unusable(&error.to_string()))
}

fn unusable(reason: &str) -> Problem {
    tracing::error!(reason, "the directory of tables cannot be used");
    Problem::unavailable("storage.fold_unavailable", "the directory of tables cannot be used; the log names why")
}

fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("active.json")
}

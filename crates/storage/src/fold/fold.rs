//! The fold of the stream `STORAGE` into table files: one reader, one lane a table.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alluvium_kernel::{Problem, Timestamp, header, trace};
use alluvium_messaging::{CodecError, Commit, Contract, ContractSet, LogMessage, TailHealth, direct, stream_created};
use alluvium_projection::Throttle;
use alluvium_tablestore::Hub;
use async_nats::jetstream;
use tokio::sync::{Notify, RwLock as Gate, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::alone;
use super::effects::{Effects, Live};
use super::floor::{Floor, Lineage};
use super::kept::Kept;
use super::lane::{Lane, Stopped, TableView};
use super::owned::Owned;
use super::progress::Progress;
use super::queue::{Body, CommitEvent, Item, Queue};
use super::reader::Reader;
use super::routing::{Routing, TableId};
use super::tries::Tries;
use crate::contract::TableEvent;

/// The stream that is folded.
pub const STREAM: &str = "STORAGE";
/// What messages waiting in lanes may take together, in KiB.
pub(super) const WAITING_KIB_MAX: usize = 256 << 10;
/// How often the floor is saved while it moves.
const FLOOR_SAVE_MS: u64 = 1_000;

/// One generation of table files, kept up to date.
pub struct Fold {
    /// Which generation.
    pub generation: u32,
    /// How far it is.
    pub progress: Arc<Progress>,
    /// The floor it began behind.
    pub started_at: u64,
    pub(super) hub: Hub,
    pub(super) js: jetstream::Context,
    pub(super) effects: Arc<Effects>,
    /// Whose tables it keeps.
    pub(crate) owned: Arc<Owned>,
    /// Woken when a table appears that is not kept here.
    pub(super) unclaimed: Notify,
    routing: RwLock<Routing>,
    lanes: RwLock<HashMap<String, Arc<Lane>>>,
    stream_created_micros: i64,
    /// The last message read, for the lineage check after a reconnect.
    last: Mutex<(u64, Lineage)>,
    quarantine: Mutex<Option<Problem>>,
    /// How the reader's tail is doing, once there is one.
    heard: Mutex<Option<TailHealth>>,
    /// What messages may still take while they wait, in KiB.
    pub(super) memory: Arc<Semaphore>,
    /// Held by the lane that tries again what the engine failed on.
    one_by_one: Arc<tokio::sync::Mutex<()>>,
    /// Held by the reader while it hands over, by others to keep it between two messages.
    pub(super) gate: Gate<()>,
    /// The pace it keeps, while it is rebuilt beside the live one.
    pub(super) throttle: OnceLock<Arc<Throttle>>,
    pub(super) stop: CancellationToken,
    tasks: TaskTracker,
}

impl Fold {
    /// Starts folding behind the generation's floor.
    pub async fn start(
        hub: Hub,
        js: jetstream::Context,
        generation: u32,
        effects: Arc<Effects>,
        owned: Arc<Owned>,
        stop: CancellationToken,
    ) -> Result<Arc<Self>, Problem> {
        let unavailable = |error: &dyn std::fmt::Display| {
            tracing::error!(error = %error, "the table fold cannot start");
            Problem::unavailable("storage.fold_unavailable", format!("the table fold cannot start: {error}"))
        };
        let (created, _) = stream_created(&js, STREAM).await.map_err(|error| unavailable(&error))?;
        let directory = hub.config().data_dir.join(format!("g{generation}"));
        let floor = Floor::load(&directory)
            .map_err(|error| unavailable(&error))?
            .unwrap_or_else(|| Floor::start(created.micros()));
        if !owned.is_shared() {
            owned.alone_after(Box::pin(alone::decided_before(&js, created.micros())).await?);
        }
        // Not all files are here after tables were shared: from the beginning, skipping what those that are here hold.
        let incomplete = floor.shared && !owned.is_shared();
        let floor = if incomplete { Floor::start(floor.stream_created_micros) } else { floor };
        let fold = Arc::new(Self {
            generation,
            progress: Arc::new(Progress::starting_at(floor.seq)),
            started_at: floor.seq,
            hub,
            js,
            effects,
            owned,
            unclaimed: Notify::new(),
            routing: RwLock::new(floor.routing.clone()),
            lanes: RwLock::default(),
            stream_created_micros: created.micros(),
            last: Mutex::new((floor.seq, Lineage::Known(floor.hash.clone()))),
            quarantine: Mutex::default(),
            heard: Mutex::default(),
            memory: Arc::new(Semaphore::new(WAITING_KIB_MAX)),
            one_by_one: Arc::default(),
            gate: Gate::new(()),
            throttle: OnceLock::new(),
            stop,
            tasks: TaskTracker::new(),
        });
        if floor.stream_created_micros != created.micros() {
            fold.quarantined("the stream was created anew since the tables were folded from it");
        }
        fold.effects.accept_loss(floor.lost);
        for id in floor.routing.tables().filter(|id| fold.owned.holds(&id.project_key())) {
            let (rows, bytes) = floor.sizes.get(&id.uid).copied().unwrap_or_default();
            // Files of an earlier time than a purge cannot go on by what is still to be read.
            let old = fold.effects.kept().floor(&id.uid) > floor.seq;
            fold.open_lane(id, TableView { rows, bytes, ..TableView::default() }, old.then_some(floor.seq));
        }
        fold.tasks.spawn(Arc::clone(&fold).watch_for_loss());
        fold.tasks.spawn(Reader::new(Arc::clone(&fold)).run());
        fold.tasks.spawn(Arc::clone(&fold).save_floors(directory));
        Ok(fold)
    }

    /// Stops reading, lets lanes end their transactions, and saves the floor.
    pub async fn finish(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// When the log was made that this is folded from, microseconds since 1970.
    pub(super) fn log_created(&self) -> i64 {
        self.stream_created_micros
    }

    /// The lane of a table, while its name stands for it.
    pub fn lane(&self, uid: &str) -> Option<Arc<Lane>> {
        self.lanes.read().unwrap_or_else(PoisonError::into_inner).get(uid).cloned()
    }

    /// Every lane.
    pub fn lanes(&self) -> Vec<Arc<Lane>> {
        self.lanes.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// What is kept of tables instead of all their rows.
    pub fn kept(&self) -> &Kept {
        self.effects.kept()
    }

    /// Missing messages that an operator has accepted.
    pub fn accepted_loss(&self) -> u64 {
        self.effects.accepted_loss()
    }

    /// The names as they are now.
    pub fn routing(&self) -> RwLockReadGuard<'_, Routing> {
        self.routing.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The reader listens through this tail.
    pub(super) fn listening(&self, tail: TailHealth) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(tail);
    }

    /// How long the reader has heard nothing from the log, not even that nothing is new.
    pub fn silent_for(&self) -> Option<Duration> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(TailHealth::silent_for)
    }

    /// Age of the oldest message that was read and is not in its file yet, in seconds. What was not read yet is not known here.
    pub fn lag_seconds(&self) -> f64 {
        let oldest = self.lanes().iter().filter_map(|lane| lane.queue.oldest()).min();
        oldest.map_or(0.0, |oldest| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as i64;
            (now - oldest.micros()).max(0) as f64 / 1e6
        })
    }

    /// Why the fold stands still, when it does.
    pub fn quarantine(&self) -> Option<Problem> {
        self.quarantine.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Holds the reader between two messages for as long as the guard lives; gives its place.
    pub async fn hold(&self) -> (tokio::sync::RwLockWriteGuard<'_, ()>, u64) {
        let guard = self.gate.write().await;
        let seq = self.progress.read_to();
        (guard, seq)
    }

    /// Effects of a generation that is rebuilt behind this one.
    pub fn effects_behind(&self) -> Effects {
        self.effects.behind(Arc::clone(&self.progress))
    }

    /// Effects of a generation that is rebuilt because this one cannot go on.
    pub async fn effects_alone(&self, live: &Arc<Live>) -> Result<Effects, Problem> {
        self.effects.anew(Arc::clone(live)).await
    }

    /// This generation decides from now on.
    pub fn go_live(&self, live: Arc<Live>) {
        self.effects.go_live(live);
    }

    /// The reader handed over everything up to `seq`, whose message is this.
    pub(super) fn read_up_to(&self, seq: u64, lineage: Lineage) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = (seq, lineage);
        self.progress.read(seq);
    }

    /// The names, for the reader to change.
    pub(super) fn routing_mut(&self) -> RwLockWriteGuard<'_, Routing> {
        self.routing.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn open_lane(self: &Arc<Self>, id: &TableId, view: TableView, catch_up: Option<u64>) {
        let mut lanes = self.lanes.write().unwrap_or_else(PoisonError::into_inner);
        if lanes.contains_key(&id.uid) {
            return;
        }
        let decided = self.owned.decided(&id.project_key());
        if catch_up.is_some() {
            self.progress.joined(&id.uid, id.created_seq, decided);
        }
        let lane = self.lane_for(id, view, catch_up, decided);
        lanes.insert(id.uid.clone(), Arc::clone(&lane));
        let fold = Arc::clone(self);
        self.tasks.spawn(async move {
            let uid = lane.id.uid.clone();
            if let Stopped::Closed = lane.run().await {
                fold.forget_lane(&uid);
            }
        });
    }

    /// Nothing more goes to this lane.
    pub(super) fn forget_lane(&self, uid: &str) {
        self.lanes.write().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }

    pub(super) fn lane_for(&self, id: &TableId, view: TableView, catch_up: Option<u64>, decided: u64) -> Arc<Lane> {
        Arc::new(Lane {
            id: id.clone(),
            file: id.file(self.generation),
            queue: Queue::new(&id.uid),
            view: RwLock::new(view),
            stream_created_micros: self.stream_created_micros,
            schemas: Mutex::default(),
            decoder: Mutex::default(),
            at: AtomicU64::new(id.created_seq),
            tries: Tries::default(),
            one_by_one: Arc::clone(&self.one_by_one),
            remedy: tokio::sync::Mutex::default(),
            js: self.js.clone(),
            hub: self.hub.clone(),
            effects: Arc::clone(&self.effects),
            progress: Arc::clone(&self.progress),
            suspected: Notify::new(),
            owned: Arc::clone(&self.owned),
            decided: AtomicU64::new(decided),
            catch_up,
            stop: self.stop.child_token(),
            ended: CancellationToken::new(),
        })
    }

    /// Compares the last message read with what the leader has there now.
    pub(super) async fn verify_lineage(&self) {
        let (seq, lineage) = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let created = match stream_created(&self.js, STREAM).await {
            Ok((created, _)) => created.micros(),
            // Not reachable now: the tail will reconnect, and the check runs again.
            Err(_) => return,
        };
        if created != self.stream_created_micros {
            return self.quarantined("the stream was created anew");
        }
        if seq == 0 {
            return;
        }
        match direct::leader_at(&self.js, STREAM, seq).await {
            Ok(Some(message)) if Lineage::of(&message).hash() == lineage.hash() => {}
            Ok(None) if self.was_purged(seq).await => {}
            Ok(_) => {
                self.quarantined(&format!("message {seq} is not the one that was folded: the stream was truncated"));
            }
            Err(error) => {
                tracing::warn!(error = %error, "the lineage could not be checked; it is checked again on the next reconnect");
            }
        }
    }

    pub(super) fn quarantined(&self, reason: &str) {
        tracing::error!(
            projection.name = "tables",
            projection.generation = self.generation,
            reason,
            "the table fold is quarantined: it takes nothing in until it is rebuilt (alluvium projections rebuild tables)"
        );
        *self.quarantine.lock().unwrap_or_else(PoisonError::into_inner) = Some(Problem::unavailable(
            "storage.tables_quarantined",
            format!("the tables do not follow the log any more ({reason}); an operator must rebuild them"),
        ));
    }

    async fn save_floors(self: Arc<Self>, directory: std::path::PathBuf) {
        let mut candidate: Option<Floor> = None;
        let mut saved = self.progress.floor();
        loop {
            let stopping = tokio::select! {
                () = self.stop.cancelled() => true,
                () = tokio::time::sleep(Duration::from_millis(FLOOR_SAVE_MS)) => false,
            };
            let reached = |floor: &Floor| self.progress.floor() >= floor.seq;
            if candidate.is_none() || (stopping && !candidate.as_ref().is_some_and(reached)) {
                candidate = self.candidate(saved).await;
            }
            if let Some(mut floor) = candidate.take_if(|floor| reached(floor)) {
                // Only now: when it became a candidate, tables had still to take what is below it.
                floor.sizes = self.sizes();
                let (seq, directory) = (floor.seq, directory.clone());
                match tokio::task::spawn_blocking(move || floor.save(&directory)).await {
                    Ok(Ok(())) => saved = seq,
                    failed => {
                        tracing::warn!(error = ?failed, "the floor could not be saved; a restart will read further back");
                    }
                }
            }
            if stopping {
                return;
            }
        }
    }

    /// Rows and bytes of every table, by its uid.
    pub fn sizes(&self) -> HashMap<String, (u64, u64)> {
        let size = |lane: Arc<Lane>| {
            let view = lane.view();
            (lane.id.uid.clone(), (view.rows, view.bytes))
        };
        self.lanes().into_iter().map(size).collect()
    }

    /// A point to save, once all before it is applied; none while nothing moved.
    async fn candidate(&self, saved: u64) -> Option<Floor> {
        let (_held, seq) = self.hold().await;
        if seq <= saved || self.quarantine().is_some() {
            return None;
        }
        let hash = self.last.lock().unwrap_or_else(PoisonError::into_inner).1.hash();
        let mut floor = Floor::new(seq, hash, self.stream_created_micros, self.routing().clone());
        floor.shared = self.owned.is_shared();
        floor.lost = self.effects.accepted_loss();
        Some(floor)
    }
}

/// A message of a table as its lane takes it. What cannot be read parks the table.
pub(super) fn item(message: LogMessage) -> Item {
    let (seq, time) = (message.seq, message.time);
    let trace = if trace::is_on() { message.header(header::TRACE_PARENT).map(Into::into) } else { None };
    if message.subject.starts_with("rows.") {
        let headers = (!message.headers.is_empty()).then_some(message.headers);
        return Item {
            seq,
            time,
            trace,
            body: Body::Rows { subject: message.subject, headers, payload: message.payload },
        };
    }
    let reply = message.header(header::REPLY).map(str::to_owned);
    let chain = Lineage::of(&message).hash();
    let body = match commit_events(&message) {
        Ok(events) => Body::Commit { chain, reply, events },
        Err(error) => Body::Unreadable { reason: error.to_string() },
    };
    Item { seq, time, trace, body }
}

fn commit_events(message: &LogMessage) -> Result<Vec<CommitEvent>, CodecError> {
    Commit::from_avro(&message.payload)?
        .entries
        .into_iter()
        .map(|entry| {
            let event = TableEvent::decode(&entry.r#type, &entry.event)?;
            let time = Timestamp::from_micros(entry.time);
            Ok(CommitEvent { command_id: entry.command_id, body_hash: entry.body_hash, time, event })
        })
        .collect()
}

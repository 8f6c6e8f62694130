//! The fold's reader: takes the stream's messages in order and hands each to the lane of its table.
//!
//! It is the one part that every message of the platform's tables passes, so whatever need not be done for each message is
//! done once for those that arrived together.

use std::sync::Arc;

use alluvium_kernel::{Token, subject};
use alluvium_messaging::{Commit, Contract, ContractSet, LogMessage, PullSettings, Tail, TailConfig, Tailed};
use tokio::sync::OwnedSemaphorePermit;

use super::floor::Lineage;
use super::fold::{Fold, STREAM, WAITING_KIB_MAX, item};
use super::lane::{Lane, TableView};
use crate::contract::ProjectEvent;

/// How many messages the reader hands over before somebody may hold it.
const CHUNK_MESSAGES_MAX: usize = 2_000;
/// Memory the reader takes at once for messages to come, in KiB.
const ROOM_KIB: usize = 1 << 10;
/// Messages between two pauses of a paced rebuild.
const PACED_MESSAGES: u64 = 64;

pub(super) struct Reader {
    fold: Arc<Fold>,
    /// What is left of the memory taken for messages to come.
    room: Option<OwnedSemaphorePermit>,
    /// Up to here the live generation is known to have decided.
    decided: u64,
    /// Where the last rows went; what their subject stands for changes only by a commit.
    route: Option<(String, Arc<Lane>)>,
    /// What was held when `route` was found.
    held: u64,
    /// The last message handed over, until it is told.
    last: Option<(u64, Lineage)>,
    /// Messages since the last pause, where a pace is kept.
    unpaced: u64,
}

/// The process is ending.
struct Stopping;

impl Reader {
    pub fn new(fold: Arc<Fold>) -> Self {
        Self { fold, room: None, decided: 0, route: None, held: 0, last: None, unpaced: 0 }
    }

    /// Reads until the process ends or the fold is quarantined.
    pub async fn run(mut self) {
        let fold = Arc::clone(&self.fold);
        let config = TailConfig {
            stream: STREAM.into(),
            filters: vec![],
            from: fold.progress.read_to() + 1,
            pull: PullSettings::default(),
        };
        let mut tail = match Tail::new(fold.js.clone(), config) {
            Ok(tail) => tail,
            Err(error) => return fold.quarantined(&error.to_string()),
        };
        fold.listening(tail.health());
        while fold.quarantine().is_none() {
            let next = tokio::select! {
                () = fold.stop.cancelled() => return,
                next = tail.next() => next,
            };
            let _between = fold.gate.read().await;
            // While it was held, another generation may have taken over.
            if fold.stop.is_cancelled() {
                return;
            }
            match next {
                Ok(Tailed::Message(message)) => {
                    let taken = self.take_ready(message, &mut tail).await;
                    self.tell();
                    if let Err(Stopping) = taken {
                        return;
                    }
                }
                Ok(Tailed::Reconnected) => fold.verify_lineage().await,
                Ok(Tailed::Idle) => {}
                Err(error) => return fold.quarantined(&error.to_string()),
            }
        }
    }

    /// Hands over a message and those that have arrived behind it.
    async fn take_ready(&mut self, first: LogMessage, tail: &mut Tail) -> Result<(), Stopping> {
        self.take(first).await?;
        for _ in 1..CHUNK_MESSAGES_MAX {
            let Some(message) = tail.ready() else { break };
            self.take(message).await?;
        }
        Ok(())
    }

    /// Lets others see how far it is. Due before waiting for anybody, who may be waiting for just that.
    fn tell(&mut self) {
        if let Some((seq, lineage)) = self.last.take() {
            self.fold.read_up_to(seq, lineage);
        }
    }

    /// Hands one message to whom it concerns.
    async fn take(&mut self, message: LogMessage) -> Result<(), Stopping> {
        let last = (message.seq, Lineage::of(&message));
        if message.seq > self.decided {
            self.tell();
            self.decided = tokio::select! {
                () = self.fold.stop.cancelled() => return Err(Stopping),
                decided = self.fold.effects.decided(message.seq) => decided,
            };
        }
        if message.subject.starts_with("rows.") {
            if let Some(lane) = self.lane_of_rows(&message.subject) {
                self.push(&lane, message).await?;
            } else if self.fold.routing().by_subject(&message.subject).is_none() {
                self.tell();
                self.fold.effects.stray_rows(message).await;
            }
        } else {
            self.route = None;
            self.commit(message).await?;
        }
        self.last = Some(last);
        self.pace().await
    }

    /// Pauses where a pace is to be kept.
    async fn pace(&mut self) -> Result<(), Stopping> {
        let fold = Arc::clone(&self.fold);
        let Some(throttle) = fold.throttle.get() else { return Ok(()) };
        self.unpaced += 1;
        if self.unpaced < throttle.stride(PACED_MESSAGES) {
            return Ok(());
        }
        self.tell();
        tokio::select! {
            () = fold.stop.cancelled() => Err(Stopping),
            () = throttle.after(std::mem::take(&mut self.unpaced)) => Ok(()),
        }
    }

    /// The lane of the rows' table; none when it is kept elsewhere, or there is none.
    fn lane_of_rows(&mut self, subject: &str) -> Option<Arc<Lane>> {
        let held = self.fold.owned.version();
        if std::mem::replace(&mut self.held, held) != held {
            self.route = None;
        }
        if let Some((known, lane)) = &self.route
            && known == subject
        {
            return Some(Arc::clone(lane));
        }
        let lane = self.fold.routing().by_subject(subject).and_then(|id| self.fold.lane(&id.uid))?;
        self.route = Some((subject.to_owned(), Arc::clone(&lane)));
        Some(lane)
    }

    async fn commit(&mut self, message: LogMessage) -> Result<(), Stopping> {
        match subject::parse(&message.subject) {
            Some(subject::Parsed::Event { tenant, aggregate, .. }) if aggregate == "project" => {
                self.project(&tenant, &message);
            }
            Some(subject::Parsed::Event { aggregate, id, .. }) if aggregate == "table" => {
                if let Some(lane) = self.fold.lane(&id.decode()) {
                    self.push(&lane, message).await?;
                }
            }
            Some(subject::Parsed::Event { aggregate, .. }) if aggregate == "refusal" => {
                self.fold.effects.note_refusal(&message);
            }
            Some(subject::Parsed::Event { aggregate, .. }) if aggregate == "retention" => {
                if let Err(problem) = self.fold.effects.kept().note(&message) {
                    // Without it nobody knows which rows may be missing.
                    self.fold.quarantined(&problem.detail);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The memory is taken before any lock: a full house makes the reader wait, not everybody.
    async fn push(&mut self, lane: &Lane, message: LogMessage) -> Result<(), Stopping> {
        let kib = ((message.payload.len() >> 10) + 1).min(WAITING_KIB_MAX);
        loop {
            if let Some(memory) = self.room.as_mut().and_then(|room| room.split(kib)) {
                lane.queue.push(item(message), memory, &self.fold.progress);
                return Ok(());
            }
            self.tell();
            // What is left is given back first, so that two readers of one house cannot wait for each other.
            self.room = None;
            let wanted = Arc::clone(&self.fold.memory).acquire_many_owned(kib.max(ROOM_KIB) as u32);
            let room = tokio::select! {
                () = self.fold.stop.cancelled() => return Err(Stopping),
                room = wanted => room,
            };
            self.room = Some(room.map_err(|_| Stopping)?);
        }
    }

    fn project(&self, tenant: &Token, message: &LogMessage) {
        let seq = message.seq;
        let commit = match Commit::from_avro(&message.payload) {
            Ok(commit) => commit,
            // Without the catalogue nobody knows which rows are for which table: going on would mix them.
            Err(error) => return self.fold.quarantined(&format!("commit {seq} of a project cannot be read: {error}")),
        };
        let mut routing = self.fold.routing_mut();
        for entry in &commit.entries {
            let applied = ProjectEvent::decode(&entry.r#type, &entry.event)
                .map_err(|error| error.to_string())
                .and_then(|event| {
                    routing.apply(tenant, &event, seq).map_err(|error| error.to_string())?;
                    Ok(event)
                });
            match applied {
                Ok(ProjectEvent::TableCreated(created)) => {
                    let Some(id) = routing.by_uid(&created.uid) else { continue };
                    if self.fold.owned.holds(&id.project_key()) {
                        self.fold.open_lane(id, TableView::default(), None);
                    } else {
                        self.fold.unclaimed.notify_one();
                    }
                }
                Ok(_) => {}
                Err(error) => self.fold.quarantined(&format!("an event of commit {seq} cannot be applied: {error}")),
            }
        }
    }
}

//! A unit of work: several commands decided in order on working copies, committed all or none.

use std::{collections::BTreeMap, sync::Arc};

use alluvium_kernel::{Actor, Problem, Timestamp, Token, header};
use alluvium_messaging::{ContractSet, Entry, batch::BATCH_MESSAGES_MAX};
use cqrs_es::event_sink::EventSink;

use crate::{
    commit::{Committed, SubjectDraft, commit},
    log::Log,
    outcome::DryEvent,
    past::Past,
    ring::RingEntry,
    stored::{LogAggregate, Stored},
    working::{Working, WorkingCopy},
};

/// Bytes of one commit message; well under the server's `max_payload` of 1 MiB, headers included.
pub(crate) const COMMIT_BYTES_MAX: usize = 768 * 1024;
/// Bytes of a commit's results header.
const RESULTS_BYTES_MAX: usize = 128 * 1024;
/// What an entry takes besides its event and names, in bytes, roughly.
pub(crate) const ENTRY_OVERHEAD_BYTES: usize = 64;

/// Why an aggregate did not handle a command.
#[derive(Debug)]
pub enum HandleError<E> {
    /// It refused.
    Refused(E),
    /// It could not be loaded.
    Unavailable(Problem),
}

impl<E: Into<Problem>> From<HandleError<E>> for Problem {
    fn from(error: HandleError<E>) -> Self {
        match error {
            HandleError::Refused(error) => error.into(),
            HandleError::Unavailable(problem) => problem,
        }
    }
}

/// What the entries of a command carry besides its events.
#[derive(Clone, Debug)]
pub(crate) struct Stamp {
    pub command_id: String,
    pub body_hash: String,
    pub actor: Actor,
    pub time: Timestamp,
}

/// What a commit notes about a command, so that its outcome can be said again.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Note {
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub result: serde_json::Value,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub awaits: bool,
    /// How many sequences after this message the command's last one stands.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub ahead: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// What became of one command of a committed unit.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Kept {
    /// Indexes of the slots that it touched.
    slots: Vec<usize>,
    /// Types of its events, in order.
    pub events: Vec<String>,
    /// The last sequence that it looked at.
    seen: u64,
    note: Note,
    command_id: String,
}

/// Aggregates of one tenant under change. Commands are decided one after the other; each sees what those before it staged.
pub struct Unit {
    log: Log,
    tenant: Token,
    fresh: bool,
    dry: bool,
    slots: Vec<Slot>,
    by_subject: BTreeMap<String, usize>,
    current: Option<Current>,
    kept: Vec<Kept>,
    /// What the results of the kept commands take, in bytes.
    results_bytes: usize,
    /// Some command was decided without an event, so no expectation of a commit stands for what it saw.
    unproven: bool,
}

struct Slot {
    subject: String,
    entries: Vec<Entry>,
    bytes: usize,
    working: Box<dyn Working>,
}

struct Current {
    stamp: Stamp,
    savepoint: Vec<usize>,
    kept: Kept,
    dry_events: Vec<DryEvent>,
    replayed: Option<RingEntry>,
    /// What its result takes, once [`Unit::is_too_large`] has looked.
    result_bytes: usize,
    /// It is committed by itself.
    alone: bool,
}

impl Unit {
    pub(crate) fn new(log: Log, tenant: Token, fresh: bool, dry: bool) -> Self {
        let (slots, by_subject, kept) = (Vec::new(), BTreeMap::new(), Vec::new());
        Self { log, tenant, fresh, dry, slots, by_subject, current: None, kept, results_bytes: 0, unproven: false }
    }

    /// The tenant whose aggregates these are.
    pub fn tenant(&self) -> &Token {
        &self.tenant
    }

    /// The past of a stream of the same server: what stands there stays as it is, so decisions may rest on it.
    pub fn past(&self, stream: &'static str) -> Past {
        Past::new(self.log.js.as_ref().clone(), stream)
    }

    /// An aggregate's state, with what this unit has staged on it.
    pub async fn load<A: LogAggregate>(&mut self, id: &Token) -> Result<&A, Problem> {
        let at = self.open::<A>(id).await?;
        Ok(self.copy::<A>(at)?.state())
    }

    /// Lets an aggregate handle a command and stages its events. A refusal stages nothing.
    pub async fn handle<A: LogAggregate>(
        &mut self,
        id: &Token,
        command: A::Command,
        services: &A::Services,
    ) -> Result<Vec<A::Event>, HandleError<A::Error>> {
        let at = self.open::<A>(id).await.map_err(HandleError::Unavailable)?;
        let copy = self.copy::<A>(at).map_err(HandleError::Unavailable)?;
        let sink = EventSink::default();
        let result = copy.state_mut().handle(command, services, &sink).await;
        let events: Vec<A::Event> = sink.collect().await;
        if let Err(error) = result {
            if !events.is_empty() {
                copy.rebuild();
            }
            return Err(HandleError::Refused(error));
        }
        copy.staged.extend(events.iter().cloned());
        self.stage_entries(at, &events);
        Ok(events)
    }

    /// Applies and stages an event that another aggregate's decision implies here.
    pub async fn stage<A: LogAggregate>(&mut self, id: &Token, event: A::Event) -> Result<(), Problem> {
        let at = self.open::<A>(id).await?;
        let copy = self.copy::<A>(at)?;
        copy.state_mut().apply(event.clone());
        copy.staged.push(event.clone());
        self.stage_entries(at, &[event]);
        Ok(())
    }

    /// Takes an aggregate that this command makes for one that is not there yet, instead of asking the log first. A guess
    /// is safe: a commit expects that its subject is empty, a refusal is checked like any other, and either one failing
    /// means deciding anew on what the log has.
    pub fn presume_new<A: LogAggregate>(&mut self, id: &Token) {
        let subject = self.log.subject::<A>(&self.tenant, id);
        if !self.fresh && !self.by_subject.contains_key(&subject) && self.log.at_hand::<A>(&subject).is_none() {
            self.add_slot::<A>(subject, Arc::default());
        }
    }

    fn add_slot<A: LogAggregate>(&mut self, subject: String, base: Arc<Stored<A>>) -> usize {
        let at = self.slots.len();
        let working = Box::new(WorkingCopy::new(base));
        self.slots.push(Slot { subject: subject.clone(), entries: Vec::new(), bytes: 0, working });
        self.by_subject.insert(subject, at);
        at
    }

    /// Whether an aggregate is still as it was seen. For one that is only read: no expectation of the commit stands for it.
    pub async fn is_current<A: LogAggregate>(&mut self, id: &Token) -> Result<bool, Problem> {
        let at = self.open::<A>(id).await?;
        let (subject, seen) = (self.slots[at].subject.clone(), self.slots[at].working.seq());
        let is_current = self.log.last_seq(&subject).await? == seen;
        if !is_current {
            self.log.forget(&subject);
        }
        Ok(is_current)
    }

    /// Lets the current command be committed by itself: its place on the log says what it is about, and other commands of the
    /// same commit would stand at the same place.
    pub fn alone(&mut self) {
        if let Some(current) = &mut self.current {
            current.alone = true;
        }
    }

    async fn open<A: LogAggregate>(&mut self, id: &Token) -> Result<usize, Problem> {
        let subject = self.log.subject::<A>(&self.tenant, id);
        let at = if let Some(at) = self.by_subject.get(&subject) {
            *at
        } else {
            let at_hand = if self.fresh { None } else { self.log.at_hand(&subject) };
            let base: Arc<Stored<A>> = match at_hand {
                Some(base) => base,
                // In boxes, as all that is seldom needed: hundreds of decisions wait at once, and room for what they do not do
                // would be moved, and kept out of the cache, with each.
                None if self.fresh => Box::pin(self.log.load_fresh(&self.tenant, id)).await?,
                None => Box::pin(self.log.load(&self.tenant, id)).await?,
            };
            self.add_slot::<A>(subject, base)
        };
        let copy = slot_copy::<A>(&mut self.slots[at])?;
        if let Some(current) = &mut self.current {
            current.kept.seen = current.kept.seen.max(copy.base.seq);
            if let Some(entry) = copy.base.command(&current.stamp.command_id) {
                current.replayed.get_or_insert_with(|| entry.clone());
            }
        }
        Ok(at)
    }

    fn copy<A: LogAggregate>(&mut self, at: usize) -> Result<&mut WorkingCopy<A>, Problem> {
        slot_copy(&mut self.slots[at])
    }

    fn stage_entries<E: ContractSet>(&mut self, at: usize, events: &[E]) {
        let Some(current) = &mut self.current else { return };
        let slot = &mut self.slots[at];
        for event in events {
            let entry = Entry {
                command_id: current.stamp.command_id.clone(),
                body_hash: current.stamp.body_hash.clone(),
                actor: current.stamp.actor.to_string(),
                time: current.stamp.time.micros(),
                r#type: event.name().to_owned(),
                event: event.to_avro(),
            };
            slot.bytes += entry_bytes(&entry);
            current.kept.events.push(entry.r#type.clone());
            if self.dry {
                current.dry_events.push(DryEvent {
                    subject: slot.subject.clone(),
                    r#type: entry.r#type.clone(),
                    event: event.to_json(),
                });
            }
            slot.entries.push(entry);
        }
        if !events.is_empty() && !current.kept.slots.contains(&at) {
            current.kept.slots.push(at);
        }
    }

    // What follows is for the executor: it brackets each command and commits.

    pub(crate) fn begin(&mut self, stamp: Stamp) {
        let savepoint = self.slots.iter().map(|slot| slot.entries.len()).collect();
        let kept = Kept { command_id: stamp.command_id.clone(), ..Kept::default() };
        self.current = Some(Current {
            stamp,
            savepoint,
            kept,
            dry_events: Vec::new(),
            replayed: None,
            result_bytes: 0,
            alone: false,
        });
    }

    /// The place where the current command stands on the log already, if one of the aggregates it touched knows it.
    pub(crate) fn replayed(&self) -> Option<&RingEntry> {
        self.current.as_ref()?.replayed.as_ref()
    }

    pub(crate) fn wants_alone(&self) -> bool {
        self.current.as_ref().is_some_and(|current| current.alone)
    }

    pub(crate) fn rollback(&mut self) -> Vec<DryEvent> {
        let Some(current) = self.current.take() else { return Vec::new() };
        self.unproven = true;
        for (at, slot) in self.slots.iter_mut().enumerate() {
            let staged = current.savepoint.get(at).copied().unwrap_or(0);
            slot.bytes -= slot.entries.drain(staged..).map(|entry| entry_bytes(&entry)).sum::<usize>();
            slot.working.truncate(staged);
        }
        current.dry_events
    }

    pub(crate) fn keep(&mut self, result: serde_json::Value, awaits: bool) {
        if let Some(current) = self.current.take() {
            self.unproven |= current.kept.slots.is_empty();
            self.results_bytes += current.result_bytes;
            self.kept.push(Kept { note: Note { result, awaits, ahead: 0 }, ..current.kept });
        }
    }

    /// Says that what was only read matters too, though something is written.
    pub(crate) fn doubt(&mut self) {
        self.unproven = true;
    }

    /// Whether everything decided so far stands: a rejection or a "nothing to do" was decided on aggregates that are still as
    /// they were seen. What is written is proven by its commit; this asks the stream about the rest, in one request.
    pub(crate) fn is_proven(&self) -> impl Future<Output = Result<bool, Problem>> + Send + use<> {
        let read = self.slots.iter().filter(|slot| slot.entries.is_empty() && !self.fresh && self.unproven);
        let seen: Vec<(String, u64)> = read.map(|slot| (slot.subject.clone(), slot.working.seq())).collect();
        let log = (!seen.is_empty()).then(|| self.log.clone());
        async move {
            let Some(log) = &log else { return Ok(true) };
            let checks = seen.iter().map(|(subject, seq)| async move {
                let last = log.last_seq(subject).await?;
                if last != *seq {
                    log.forget(subject);
                }
                Ok::<bool, Problem>(last == *seq)
            });
            Ok(futures::future::try_join_all(checks).await?.into_iter().all(|current| current))
        }
    }

    /// Whether a commit of what is staged, `result` included, would be larger than a message or a batch may be.
    pub(crate) fn is_too_large(&mut self, result: &serde_json::Value) -> bool {
        let result_bytes = json_bytes(result);
        if let Some(current) = &mut self.current {
            current.result_bytes = result_bytes;
        }
        let touched = self.slots.iter().filter(|slot| !slot.entries.is_empty()).count();
        touched > BATCH_MESSAGES_MAX
            || self.results_bytes + result_bytes > RESULTS_BYTES_MAX
            || self.slots.iter().any(|slot| slot.bytes > COMMIT_BYTES_MAX)
    }

    /// Commits what is staged: `Some` with each kept command and the sequence that shows it, or `None` when another
    /// writer was first and everything must be decided again.
    pub(crate) async fn commit(
        &mut self,
        single: &[(&'static str, &str)],
    ) -> Result<Option<Vec<(Kept, u64)>>, Problem> {
        let touched: Vec<usize> = (0..self.slots.len()).filter(|at| !self.slots[*at].entries.is_empty()).collect();
        let mut seqs = vec![0; self.slots.len()];
        if !touched.is_empty() {
            let drafts: Vec<SubjectDraft> =
                touched.iter().map(|at| self.draft(*at, &touched, single)).collect::<Result<_, _>>()?;
            let chains: Vec<_> = drafts.iter().map(|draft| draft.chain.clone()).collect();
            let committed = commit(&self.log, drafts).await;
            if !matches!(committed, Ok(Committed::At(_))) {
                self.slots.iter().for_each(|slot| self.log.forget(&slot.subject));
            }
            let Committed::At(first) = committed? else { return Ok(None) };
            for (n, (at, chain)) in touched.into_iter().zip(chains).enumerate() {
                let (slot, seq) = (&mut self.slots[at], first + n as u64);
                seqs[at] = seq;
                slot.working.committed(&self.log, &slot.subject, seq, chain, &slot.entries);
            }
        }
        let shown = |kept: &Kept| kept.slots.iter().map(|at| seqs[*at]).fold(kept.seen, u64::max);
        Ok(Some(
            self.kept
                .drain(..)
                .map(|kept| {
                    let seq = shown(&kept);
                    (kept, seq)
                })
                .collect(),
        ))
    }

    fn draft(&self, at: usize, touched: &[usize], single: &[(&'static str, &str)]) -> Result<SubjectDraft, Problem> {
        let slot = &self.slots[at];
        let notes = self.notes(at, touched);
        let text = serde_json::to_string(&notes).map_err(|_| Problem::internal())?;
        let mut extra: Vec<(&'static str, &str)> = Vec::new();
        if !notes.is_empty() {
            extra.push((header::RESULTS, &text));
        }
        // Of several commands in one message, the first one's trace goes on; who wants an outcome sent is one command's matter.
        let one = self.kept.len() == 1;
        extra.extend(single.iter().filter(|(name, _)| one || *name == header::TRACE_PARENT));
        Ok(SubjectDraft::new(slot.subject.clone(), slot.working.seq(), slot.working.chain(), &slot.entries, &extra))
    }

    /// By command: what a reader of this slot's commit cannot see in its entries.
    fn notes(&self, at: usize, touched: &[usize]) -> BTreeMap<&str, Note> {
        let place = |slot: usize| touched.iter().position(|other| *other == slot).unwrap_or(0) as u64;
        self.kept
            .iter()
            .filter(|kept| kept.slots.contains(&at))
            .filter_map(|kept| {
                let last = kept.slots.iter().map(|slot| place(*slot)).max().unwrap_or(0);
                let note = Note { ahead: last.saturating_sub(place(at)), ..kept.note.clone() };
                (note != Note::default()).then_some((kept.command_id.as_str(), note))
            })
            .collect()
    }
}

impl Kept {
    pub fn awaits(&self) -> bool {
        self.note.awaits
    }

    pub fn result(self) -> serde_json::Value {
        self.note.result
    }
}

fn slot_copy<A: LogAggregate>(slot: &mut Slot) -> Result<&mut WorkingCopy<A>, Problem> {
    // Only when two aggregate types share a TYPE: a mistake in the context.
    slot.working.as_any().downcast_mut().ok_or_else(|| {
        tracing::error!(subject = %slot.subject, "two aggregates share one subject");
        Problem::internal()
    })
}

fn entry_bytes(entry: &Entry) -> usize {
    let names = entry.command_id.len() + entry.body_hash.len() + entry.actor.len() + entry.r#type.len();
    entry.event.len() + names + ENTRY_OVERHEAD_BYTES
}

fn json_bytes(value: &serde_json::Value) -> usize {
    let bytes = || serde_json::to_vec(value).map_or(0, |text| text.len());
    if value.is_null() { 0 } else { bytes() + ENTRY_OVERHEAD_BYTES }
}

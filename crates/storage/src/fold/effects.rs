//! What the fold does to the log: verdicts, outcomes, refusals, dead letters. Off while a generation is being rebuilt.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use alluvium_eventlog::{
    DecisionContext, Log, OutcomePublisher,
    blob::{BlobId, BlobStore},
    sender,
};
use alluvium_kernel::{
    Actor, Authorizer, Outcome, Position, Problem, Requirement, SigningKey, Timestamp, Token, header, subject,
};
use alluvium_messaging::{Commit, Contract, ContractSet, LogMessage, direct};
use alluvium_tablestore::TableSchema;
use async_nats::{HeaderMap, jetstream};
use tokio_util::sync::CancellationToken;

use super::abandon::abandon;
use super::fold::STREAM;
use super::kept::Kept;
use super::progress::Progress;
use super::queue::{Body, CommitEvent, Item};
use super::request::{self, Verdict};
use super::routing::TableId;
use crate::contract::{RefusalEvent, RefuseRows, SettleRequest, TableEvent};
use crate::model::{Refusal, Table};

/// Pause before a dead letter is tried again.
const LETTER_RETRY_MS: u64 = 100;

/// What the fold may do besides files.
pub struct Effects {
    js: jetstream::Context,
    blobs: BlobStore,
    /// Rows messages that were refused for their publisher's rights, by sequence. Shared by all generations.
    refused: Arc<RwLock<HashSet<u64>>>,
    /// Messages given up by an operator, by sequence. Shared by all generations.
    given_up: Arc<RwLock<HashSet<u64>>>,
    /// What is kept of tables instead of all their rows. Shared by all generations.
    kept: Arc<Kept>,
    /// Missing messages that a rebuild of a quarantined generation has accepted.
    accepted_loss: AtomicU64,
    /// Other processes keep tables too, and for a moment perhaps the same: what the log has is asked of its leader.
    shared: bool,
    role: RwLock<Role>,
    /// Cancelled when this generation becomes the live one: nobody is waited for any more.
    lives: CancellationToken,
}

enum Role {
    /// Decides, and tells.
    Live(Arc<Live>),
    /// Is being rebuilt beside the live generation: stays behind it and obeys what it decided.
    Behind(Arc<Progress>),
}

/// What only the live generation needs.
pub struct Live {
    /// Appends verdicts and refusals.
    pub log: Log,
    /// Publishes outcomes of requests.
    pub outcomes: OutcomePublisher,
    /// Says who may write.
    pub authorizer: Arc<dyn Authorizer>,
    /// Checks signatures of rows.
    pub signing: SigningKey,
    /// Messages that operators have given up so far, as the log says.
    pub given_up: RwLock<HashSet<u64>>,
}

impl Effects {
    /// Effects of the live generation; reads first which rows were ever refused.
    pub async fn live(
        js: jetstream::Context,
        blobs: BlobStore,
        live: Arc<Live>,
        shared: bool,
    ) -> Result<Self, Problem> {
        let refused = Arc::new(RwLock::new(refusals(&js).await?));
        let known = live.given_up.read().unwrap_or_else(PoisonError::into_inner).clone();
        let given_up = Arc::new(RwLock::new(known));
        let (kept, accepted_loss) = (Arc::new(Kept::read(&js).await?), AtomicU64::new(0));
        let (role, lives) = (RwLock::new(Role::Live(live)), CancellationToken::new());
        Ok(Self { js, blobs, refused, given_up, kept, accepted_loss, shared, role, lives })
    }

    /// The same on the log as it is now: what was refused on another history says nothing about this one.
    pub async fn anew(&self, live: Arc<Live>) -> Result<Self, Problem> {
        Self::live(self.js.clone(), self.blobs.clone(), live, self.shared).await
    }

    /// Effects of a generation that is rebuilt behind this one, whose progress is given.
    #[must_use]
    pub fn behind(&self, leader: Arc<Progress>) -> Self {
        let (js, blobs, refused) = (self.js.clone(), self.blobs.clone(), Arc::clone(&self.refused));
        let (given_up, role) = (Arc::clone(&self.given_up), RwLock::new(Role::Behind(leader)));
        let (kept, accepted_loss) = (Arc::clone(&self.kept), AtomicU64::new(self.accepted_loss()));
        Self {
            js,
            blobs,
            refused,
            given_up,
            kept,
            accepted_loss,
            shared: self.shared,
            role,
            lives: CancellationToken::new(),
        }
    }

    /// What is kept of tables instead of all their rows.
    pub fn kept(&self) -> &Kept {
        &self.kept
    }

    /// Missing messages that an operator has accepted: they were missing when the tables were rebuilt nevertheless.
    pub fn accepted_loss(&self) -> u64 {
        self.accepted_loss.load(Ordering::Relaxed)
    }

    /// So many missing messages are nothing new.
    pub fn accept_loss(&self, messages: u64) {
        self.accepted_loss.fetch_max(messages, Ordering::Relaxed);
    }

    /// Whether a message is left out of every fold.
    pub fn is_given_up(&self, seq: u64) -> bool {
        self.given_up.read().unwrap_or_else(PoisonError::into_inner).contains(&seq)
    }

    /// From here on a message is left out of every fold.
    pub fn give_up(&self, seq: u64) {
        self.given_up.write().unwrap_or_else(PoisonError::into_inner).insert(seq);
    }

    /// A message is not left out any more.
    pub fn take_in_again(&self, seq: u64) {
        self.given_up.write().unwrap_or_else(PoisonError::into_inner).remove(&seq);
    }

    /// From now on this is the live generation.
    pub fn go_live(&self, live: Arc<Live>) {
        *self.role.write().unwrap_or_else(PoisonError::into_inner) = Role::Live(live);
        self.lives.cancel();
    }

    /// Waits until the live generation has decided on everything up to `seq`; tells how far it has, at least.
    pub async fn decided(&self, seq: u64) -> u64 {
        let leader = match &*self.role.read().unwrap_or_else(PoisonError::into_inner) {
            Role::Live(_) => return u64::MAX,
            Role::Behind(leader) => Arc::clone(leader),
        };
        tokio::select! {
            () = leader.wait_all(seq) => leader.floor().max(seq),
            // The one before stands still for ever at where this one took over.
            () = self.lives.cancelled() => u64::MAX,
        }
    }

    /// Where the content of a blob is.
    pub fn blob_path(&self, sha256: &str) -> Result<PathBuf, Problem> {
        let id = BlobId::try_from(sha256.to_owned()).map_err(|reason| request::poison(&reason))?;
        Ok(self.blobs.path(&id))
    }

    /// The verdict on a request, if the log has it.
    pub async fn verdict(&self, id: &TableId, command_id: &str, after: u64) -> Result<Option<Verdict>, Problem> {
        let mut from = after + 1;
        loop {
            let (events, next) = self.events(id, from).await?;
            if let Some(verdict) = events.into_iter().find_map(|event| verdict_of(event, command_id)) {
                return Ok(Some(verdict));
            }
            match next {
                Some(next) => from = next,
                None => return Ok(None),
            }
        }
    }

    /// The verdict on a request, as the leader has it.
    async fn standing_verdict(&self, id: &TableId, request: &str, after: u64) -> Result<Option<Verdict>, Problem> {
        let subject = id.event_subject().map_err(|_| Problem::internal())?;
        let mut from = after + 1;
        while let Some(message) = direct::leader_next(&self.js, STREAM, &subject, from).await.map_err(unavailable)? {
            from = message.seq + 1;
            let verdict = table_events(&message)?.into_iter().find_map(|event| verdict_of(event, request));
            if verdict.is_some() {
                return Ok(verdict);
            }
        }
        Ok(None)
    }

    /// Whether a table was changed by a message above `since` and below `before`, as the leader has it. Rows count whatever became of
    /// them, requests unless they were refused.
    pub async fn was_changed(&self, id: &TableId, since: u64, before: u64) -> Result<bool, Problem> {
        let rows = direct::leader_next(&self.js, STREAM, &id.rows_subject(), since + 1).await.map_err(unavailable)?;
        if rows.is_some_and(|message| message.seq < before) {
            return Ok(true);
        }
        let subject = id.event_subject().map_err(|_| Problem::internal())?;
        let (mut from, mut asked) = (since + 1, HashSet::new());
        while let Some(message) = direct::leader_next(&self.js, STREAM, &subject, from).await.map_err(unavailable)? {
            from = message.seq + 1;
            let commit = Commit::from_avro(&message.payload).map_err(|_| Problem::internal())?;
            for entry in &commit.entries {
                match TableEvent::decode(&entry.r#type, &entry.event).map_err(|_| Problem::internal())? {
                    TableEvent::Settled(settled) if !settled.accepted => {
                        asked.remove(&settled.request);
                    }
                    TableEvent::Settled(_) | TableEvent::SnapshotRequested(_) => {}
                    _ if message.seq < before => {
                        asked.insert(entry.command_id.clone());
                    }
                    _ => {}
                }
            }
        }
        Ok(!asked.is_empty())
    }

    /// A message of rows was refused, by whichever process had its table then.
    pub fn note_refusal(&self, message: &LogMessage) {
        if let Ok(refused) = refused_by(message) {
            self.refused.write().unwrap_or_else(PoisonError::into_inner).extend(refused);
        }
    }

    /// Every schema a table has had, oldest first.
    pub async fn schema_history(&self, id: &TableId) -> Result<Vec<Arc<TableSchema>>, Problem> {
        let mut history: Vec<Arc<TableSchema>> = Vec::new();
        let mut from = id.created_seq;
        loop {
            let (events, next) = self.events(id, from).await?;
            for event in events {
                if let Some(schema) = request::schema_after(history.last().map(Arc::as_ref), &event)? {
                    history.push(Arc::new(schema));
                }
            }
            match next {
                Some(next) => from = next,
                None => return Ok(history),
            }
        }
    }

    /// A page of a table's own events, and where the next page begins.
    async fn events(&self, id: &TableId, from: u64) -> Result<(Vec<TableEvent>, Option<u64>), Problem> {
        let subject = id.event_subject().map_err(|_| Problem::internal())?;
        let page = direct::history(&self.js, STREAM, &subject, from).await.map_err(unavailable)?;
        let next = page.last().filter(|last| last.pending > 0).map(|last| last.seq + 1);
        let mut events = Vec::new();
        for message in page {
            events.extend(table_events(&message)?);
        }
        Ok((events, next))
    }

    /// Puts a verdict on the log, unless one is there, and tells the caller what stands there. Gives what stands there when
    /// that may be another's: the subject's expectation lets only the first one in.
    pub async fn settle(
        &self,
        id: &TableId,
        asked_at: u64,
        event: &CommitEvent,
        reply: Option<&str>,
        verdict: &Verdict,
    ) -> Result<Option<Verdict>, Problem> {
        let Some(live) = self.live_parts() else { return Ok(None) };
        let command = SettleRequest {
            uid: id.uid.clone(),
            request: verdict.request.clone(),
            accepted: verdict.problem.is_none(),
            problem: verdict.problem.as_ref().map(|problem| serde_json::to_string(problem).unwrap_or_default()),
            result: verdict.result.to_string(),
            columns: verdict.columns.clone(),
        };
        let uid = Token::encode(&id.uid).map_err(|_| Problem::internal())?;
        let at = context(&id.tenant, format!("settle:{}", verdict.request), event.time);
        let refuses = verdict.problem.is_some();
        let seq = match &event.event {
            TableEvent::LoadRequested(load) if load.fills && refuses => {
                abandon(&live.log, id, &uid, command, &at).await?
            }
            _ => live.log.decide::<Table>(&uid, command.into(), &at).await?,
        };
        let stands = if self.shared { self.standing_verdict(id, &verdict.request, asked_at).await? } else { None };
        let verdict = stands.as_ref().unwrap_or(verdict);
        let verdict = match &verdict.problem {
            None => alluvium_kernel::Verdict::Accepted {
                position: Position::of(STREAM, seq),
                events: vec![event.event.name().to_owned()],
                result: verdict.result.clone(),
            },
            Some(problem) => alluvium_kernel::Verdict::Rejected { problem: problem.clone() },
        };
        let outcome = Outcome {
            command_id: event.request().to_owned(),
            command: format!("storage.{}", event.event.request_of().unwrap_or_default()),
            body_hash: event.body_hash.clone(),
            verdict,
        };
        let reply = reply.filter(|_| !event.is_implied());
        live.outcomes.settle(&id.tenant, &outcome, reply).await?;
        Ok(stands)
    }

    /// Whether a message of rows counts: decided once (`undecided`), by the rights of its publisher; after that, by the log.
    pub async fn may_write(
        &self,
        id: &TableId,
        item: &Item,
        undecided: bool,
        known: &mut HashMap<Actor, Result<(), Problem>>,
    ) -> Result<Result<(), Problem>, Problem> {
        if self.refused.read().unwrap_or_else(PoisonError::into_inner).contains(&item.seq) {
            return Ok(Err(Problem::new("access.denied", 403, "this message was refused before")));
        }
        let live = self.live_parts().filter(|_| undecided);
        let (Some(live), Body::Rows { subject, headers, payload }) = (live, &item.body) else {
            return Ok(Ok(()));
        };
        let actor = match sender(&live.signing, &id.tenant, subject, headers.as_ref(), payload, item.time) {
            Ok(actor) => actor,
            Err(problem) => return Ok(Err(problem)),
        };
        if let Some(answer) = known.get(&actor) {
            return Ok(answer.clone());
        }
        let asked = Requirement::BucketWrite(id.project.decode(), id.branch.clone(), id.bucket.decode());
        let answer = live.authorizer.check(&id.tenant, &actor, &asked).await;
        match answer {
            // Nobody can say now: not a refusal, try again.
            Err(problem) if problem.is_transient() => Err(problem),
            answer => {
                known.insert(actor, answer.clone());
                Ok(answer)
            }
        }
    }

    /// Notes on the log that a message of rows does not count.
    pub async fn refuse_rows(&self, id: &TableId, item: &Item, problem: &Problem) -> Result<(), Problem> {
        let Some(live) = self.live_parts() else { return Ok(()) };
        let Body::Rows { subject, .. } = &item.body else { return Ok(()) };
        if !self.refused.read().unwrap_or_else(PoisonError::into_inner).contains(&item.seq) {
            let command = RefuseRows {
                seq: item.seq as i64,
                subject: subject.clone(),
                problem: serde_json::to_string(problem).unwrap_or_default(),
            };
            let refusal = Token::encode(&item.seq.to_string()).map_err(|_| Problem::internal())?;
            let at = context(&id.tenant, format!("refuse:{}", item.seq), item.time);
            live.log.decide::<Refusal>(&refusal, command.into(), &at).await?;
            self.refused.write().unwrap_or_else(PoisonError::into_inner).insert(item.seq);
        }
        self.dead_letter(id, item, problem).await
    }

    /// Keeps a message of rows that cannot be applied, with the reason, once.
    pub async fn dead_letter(&self, id: &TableId, item: &Item, problem: &Problem) -> Result<(), Problem> {
        let Body::Rows { headers, payload, .. } = &item.body else { return Ok(()) };
        if self.live_parts().is_none() {
            return Ok(());
        }
        tracing::warn!(stream.seq = item.seq, table.id = %id.uid, code = %problem.code, "rows became a dead letter");
        self.letter(&id.tenant, item.seq, headers.clone().unwrap_or_default(), payload.clone(), problem).await
    }

    /// Rows for a table that is not there.
    pub async fn stray_rows(&self, message: LogMessage) {
        if self.live_parts().is_none() {
            return;
        }
        let Some(subject::Parsed::Rows { tenant, project, bucket, table }) = subject::parse(&message.subject) else {
            return;
        };
        let problem = Problem::new(
            "storage.rows_unknown_table",
            404,
            format!(
                "there is no table {} in bucket {} of project {}: create it first",
                table.decode(),
                bucket.decode(),
                project.decode()
            ),
        );
        while let Err(error) =
            self.letter(&tenant, message.seq, message.headers.clone(), message.payload.clone(), &problem).await
        {
            tracing::warn!(stream.seq = message.seq, error = %error, "a dead letter could not be kept; trying again");
            tokio::time::sleep(Duration::from_millis(LETTER_RETRY_MS)).await;
        }
    }

    async fn letter(
        &self,
        tenant: &Token,
        seq: u64,
        mut headers: HeaderMap,
        payload: bytes::Bytes,
        problem: &Problem,
    ) -> Result<(), Problem> {
        headers.insert(header::ORIGIN, format!("{STREAM}:{seq}"));
        headers.insert(header::REASON_CODE, problem.code.as_str());
        headers.insert(header::REASON, one_line(&problem.detail));
        // The subject holds the sequence and must be new: a letter written twice stays one letter.
        headers.insert(async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, "0");
        headers.insert(header::MESSAGE_ID, format!("dlq:{STREAM}:{seq}"));
        let subject = subject::dead_letter(tenant, "storage", "rows", seq);
        let published = async { self.js.publish_with_headers(subject.clone(), headers, payload).await?.await };
        match published.await {
            Ok(_) => Ok(()),
            Err(error) => {
                let error = alluvium_messaging::Error::of_publish(&subject, &error);
                if error.is_wrong_last_sequence() { Ok(()) } else { Err(unavailable(error)) }
            }
        }
    }

    /// Whether this generation decides, and tells.
    pub fn is_live(&self) -> bool {
        self.live_parts().is_some()
    }

    fn live_parts(&self) -> Option<Arc<Live>> {
        match &*self.role.read().unwrap_or_else(PoisonError::into_inner) {
            Role::Live(live) => Some(Arc::clone(live)),
            Role::Behind(_) => None,
        }
    }
}

/// Sequences of all rows messages that were ever refused for their publisher's rights.
async fn refusals(js: &jetstream::Context) -> Result<HashSet<u64>, Problem> {
    let mut refused = HashSet::new();
    let mut from = 1;
    loop {
        let page = direct::history(js, STREAM, "ev.*.storage.*.refusal.*", from).await.map_err(unavailable)?;
        for message in &page {
            refused.extend(refused_by(message)?);
        }
        match page.last() {
            Some(last) if last.pending > 0 => from = last.seq + 1,
            _ => return Ok(refused),
        }
    }
}

/// The sequences that a commit of refusals names.
fn refused_by(message: &LogMessage) -> Result<Vec<u64>, Problem> {
    let commit = Commit::from_avro(&message.payload).map_err(|_| Problem::internal())?;
    let seq = |RefusalEvent::RowsRefused(event)| event.seq as u64;
    Ok(commit
        .entries
        .iter()
        .filter_map(|entry| RefusalEvent::decode(&entry.r#type, &entry.event).ok().map(seq))
        .collect())
}

/// The events of a commit of a table.
fn table_events(message: &LogMessage) -> Result<Vec<TableEvent>, Problem> {
    let commit = Commit::from_avro(&message.payload).map_err(|_| Problem::internal())?;
    Ok(commit.entries.iter().filter_map(|entry| TableEvent::decode(&entry.r#type, &entry.event).ok()).collect())
}

/// The verdict on `request`, if that is what the event is.
fn verdict_of(event: TableEvent, request: &str) -> Option<Verdict> {
    let TableEvent::Settled(settled) = event else { return None };
    if settled.request != request {
        return None;
    }
    let problem = settled.problem.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let result = serde_json::from_str(&settled.result).unwrap_or_default();
    Some(Verdict { request: settled.request, problem, result, columns: settled.columns })
}

fn context(tenant: &Token, command_id: String, time: Timestamp) -> DecisionContext {
    DecisionContext { tenant: tenant.clone(), command_id, actor: Actor::System("tables".into()), time }
}

/// Header values hold one line.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn unavailable(error: alluvium_messaging::Error) -> Problem {
    Problem::unavailable("storage.log_unavailable", error.to_string())
}

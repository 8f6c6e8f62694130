//! The one primitive of the past: a table as it was with a message, folded into a file of its own.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, RwLock};

use alluvium_kernel::{BoxFuture, Position, Problem, Token, subject};
use alluvium_messaging::{Commit, Contract as _, ContractSet as _, direct, stream_created};
use alluvium_tablestore::{Hub, Mark, TableSchema, TableStats};
use async_nats::jetstream;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::effects::Effects;
use super::fold::STREAM;
use super::history::History;
use super::kept::Kept;
use super::lane::{Lane, LaneError, TableView};
use super::owned::Owned;
use super::past::{Scratch, Version, next_generation, over_budget};
use super::progress::Progress;
use super::queue::Queue;
use super::read::store_problem;
use super::routing::TableId;
use super::tries::Tries;
use crate::contract::TableEvent;

/// The table with this uid, as its own first event names it.
pub(super) async fn table(js: &jetstream::Context, tenant: &Token, uid: &str) -> Result<TableId, Problem> {
    let token = Token::encode(uid).map_err(|_| Problem::internal())?;
    let subject = subject::event(tenant, "storage", "table", &token);
    let first = direct::leader_next(js, STREAM, &subject, 1).await?;
    let opened = first.and_then(|message| {
        let commit = Commit::from_avro(&message.payload).ok()?;
        let entry = commit.entries.first()?;
        match TableEvent::decode(&entry.r#type, &entry.event).ok()? {
            TableEvent::TableOpened(opened) => Some((message.seq, opened)),
            _ => None,
        }
    });
    let Some((created_seq, opened)) = opened else {
        return Err(Problem::new("storage.version_expired", 410, "The log knows nothing of the table of then."));
    };
    let name = |text: &str| Token::encode(text).map_err(|_| Problem::internal());
    Ok(TableId {
        tenant: tenant.clone(),
        project: name(&opened.project)?,
        branch: opened.branch,
        bucket: name(&opened.bucket)?,
        table: name(&opened.table)?,
        uid: uid.to_owned(),
        created_seq,
    })
}

/// Whether the log still has what a table held: all its rows, or a checkpoint and all rows since.
pub(super) async fn is_readable(js: &jetstream::Context, kept: &Kept, id: &TableId, seq: u64) -> Result<(), Problem> {
    let expired = |detail: String| Err(Problem::new("storage.version_expired", 410, detail));
    if kept.lost(js).await? > 0 {
        return expired(format!(
            "Messages of {STREAM} are gone that no recorded purge took: the rows of then cannot be told."
        ));
    }
    kept.refresh(js, id).await?;
    let table = id.table.decode();
    if kept.is_gone(id) {
        return expired(format!("Table {table} was dropped, and the rows it had are purged."));
    }
    let Some(oldest) = kept.table(&id.uid).filter(|table| table.floor > seq) else { return Ok(()) };
    let position = Position::of(STREAM, oldest.floor);
    let oldest = oldest.floor;
    let detail = format!("Rows of table {table} up to {oldest} are purged: it can be read from {STREAM}:{oldest} on.");
    let details = serde_json::json!({ "oldest": format!("{STREAM}:{oldest}"), "position": position });
    Err(Problem::new("storage.version_expired", 410, detail).with_details(details))
}

/// Folds a table up to and with message `seq`. What stands before it must have its verdict on the log, and be readable.
///
/// In a task of its own: the fold may come by a request for the content of another table, which came by one as well, and so on. A
/// table that was merged from branches many times has many such behind it, more than a stack holds.
pub(super) fn content_at<'a>(
    js: &'a jetstream::Context,
    hub: &'a Hub,
    effects: Arc<Effects>,
    id: &'a TableId,
    seq: u64,
    bytes_max: u64,
) -> BoxFuture<'a, Result<Version, Problem>> {
    let (js, hub, id) = (js.clone(), hub.clone(), id.clone());
    Box::pin(async move {
        let folding = tokio::spawn(async move { folded_to(&js, &hub, effects, &id, seq, bytes_max).await });
        AbortOnDropHandle::new(folding).await.map_err(|_| Problem::internal())?
    })
}

async fn folded_to(
    js: &jetstream::Context,
    hub: &Hub,
    effects: Arc<Effects>,
    id: &TableId,
    seq: u64,
    bytes_max: u64,
) -> Result<Version, Problem> {
    let scratch = Scratch { hub: hub.clone(), file: id.file(next_generation()) };
    let (created, _) = stream_created(js, STREAM).await?;
    let lane = lane(id, &scratch, js, Arc::clone(&effects), created.micros());
    let mut mark = None;
    lane.rebase(seq + 1, &mut mark).await.map_err(|error| failed(id, error))?;
    let began = mark.as_ref().map_or(id.created_seq, |mark: &Mark| mark.seq);
    let mut next = began;
    if let Some(replaced) = last_replaced(js, &effects, id, began, seq).await? {
        if mark.is_none() {
            // There has to be a file whose content is replaced.
            let mut opening = History::open(js, id, began, began + 1).await?;
            while let Some(batch) = opening.next().await? {
                lane.take_recovered(&batch, &mut mark).await.map_err(|error| failed(id, error))?;
            }
        }
        next = replaced;
    }
    loop {
        let mut history = History::open(js, id, next, seq + 1).await?;
        while let Some(batch) = history.next().await? {
            next = batch.last().map_or(next, |item| item.seq + 1);
            lane.take_recovered(&batch, &mut mark).await.map_err(|error| failed(id, error))?;
            if lane.view().bytes > bytes_max {
                let detail = format!("Table {} takes more than {bytes_max} bytes.", id.table.decode());
                return Err(over_budget(detail));
            }
        }
        // A replica that is behind ends too early; the leader knows.
        if !has_more(js, id, next, seq).await? {
            break;
        }
    }
    if lane.was_purged_above(began).await.map_err(|error| failed(id, error))? {
        let detail = "Rows of the table were purged while it was folded; ask again.";
        return Err(Problem::unavailable("storage.table_unavailable", detail));
    }
    let (schema, stats) = read(&scratch).await?;
    // Not there: the point lies inside the commit that creates it.
    let schema =
        schema.ok_or_else(|| crate::model::problem::table_not_found(&id.bucket.decode(), &id.table.decode()))?;
    Ok(Version::new(id.clone(), schema, stats, scratch))
}

/// The last message behind `from` and up to `seq` with which the table got columns, key and rows of another table or time: what
/// stood between does not matter for what it held then. Folding that as well would fold, for each merge, all merges before it, and
/// for each of those all before that.
async fn last_replaced(
    js: &jetstream::Context,
    effects: &Effects,
    id: &TableId,
    from: u64,
    seq: u64,
) -> Result<Option<u64>, Problem> {
    let subject = id.event_subject().map_err(|_| Problem::internal())?;
    let (mut asked, mut next) = (Vec::new(), Some(from + 1));
    while let Some(at) = next {
        let page = direct::history(js, STREAM, &subject, at).await?;
        next = page.last().filter(|last| last.pending > 0 && last.seq < seq).map(|last| last.seq + 1);
        for message in page.iter().filter(|message| message.seq <= seq) {
            // What cannot be read is the fold's own matter.
            let Ok(commit) = Commit::from_avro(&message.payload) else { continue };
            let [entry] = &commit.entries[..] else { continue };
            if let Ok(TableEvent::RestoreRequested(restore)) = TableEvent::decode(&entry.r#type, &entry.event) {
                asked.push((message.seq, restore.request));
            }
        }
    }
    while let Some((at, request)) = asked.pop() {
        let verdict = effects.verdict(id, &request, at).await?;
        if verdict.is_some_and(|verdict| verdict.problem.is_none()) && !effects.is_given_up(at) {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

async fn has_more(js: &jetstream::Context, id: &TableId, from: u64, up_to: u64) -> Result<bool, Problem> {
    let events = id.event_subject().map_err(|_| Problem::internal())?;
    for subject in [events, id.rows_subject()] {
        let next = direct::leader_next(js, STREAM, &subject, from).await?;
        if next.is_some_and(|next| next.seq <= up_to) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A lane that nobody feeds but the fold above; it tells nobody anything.
fn lane(id: &TableId, scratch: &Scratch, js: &jetstream::Context, effects: Arc<Effects>, created_micros: i64) -> Lane {
    Lane {
        id: id.clone(),
        file: scratch.file.clone(),
        queue: Queue::new(&id.uid),
        view: RwLock::new(TableView::default()),
        stream_created_micros: created_micros,
        schemas: Mutex::default(),
        decoder: Mutex::default(),
        at: AtomicU64::new(id.created_seq),
        tries: Tries::default(),
        one_by_one: Arc::default(),
        remedy: tokio::sync::Mutex::default(),
        js: js.clone(),
        hub: scratch.hub.clone(),
        effects,
        // Nobody is waited for: what stands before the point was settled before anybody asked for it.
        progress: Arc::new(Progress::starting_at(u64::MAX)),
        suspected: Notify::new(),
        owned: Arc::new(Owned::everything()),
        decided: AtomicU64::new(0),
        catch_up: None,
        stop: CancellationToken::new(),
        ended: CancellationToken::new(),
    }
}

async fn read(scratch: &Scratch) -> Result<(Option<TableSchema>, TableStats), Problem> {
    let (hub, file) = (scratch.hub.clone(), scratch.file.clone());
    let read = tokio::task::spawn_blocking(move || {
        let schema = hub.schema(&file)?;
        let stats = if schema.is_some() { hub.stats(&file)? } else { TableStats { rows: 0, bytes: 0 } };
        Ok::<_, alluvium_tablestore::Error>((schema, stats))
    });
    read.await.map_err(|_| Problem::internal())?.map_err(store_problem)
}

fn failed(id: &TableId, error: LaneError) -> Problem {
    match error {
        LaneError::Effect(problem) => problem,
        error => {
            tracing::error!(table.id = %id.uid, error = %error, "a table could not be folded to an earlier point");
            Problem::unavailable(
                "storage.table_unavailable",
                "the table as it was then cannot be folded now; try again",
            )
        }
    }
}

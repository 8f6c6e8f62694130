//! Where a snapshot's content stands on the log: the table's own event that asked for it says so by its place. A snapshot that is
//! taken by itself stands in the batch of what it is taken before, under a request of its own: nobody waits for its counts.

use alluvium_eventlog::{Past, Unit};
use alluvium_kernel::{DecisionContext, Problem, Token, subject};
use alluvium_messaging::{Commit, Contract as _, ContractSet as _};
use serde_json::{Value, json};

use crate::context::STREAM;
use crate::contract::{
    BackUpTable, ProjectEvent, RequestSnapshot, RestoreTable, SnapshotRequested, SnapshotTaken, TableCommand,
    TableEvent,
};
use crate::model::{BEFORE_DROP, Project, Table, names, problem};

/// Where results of commands name the requests that came with them.
pub(crate) const IMPLIED: &str = "requests";
/// From here on new ids of a decision are those of such requests.
const REQUESTS_FROM: u32 = 1_000_000;

/// Takes the snapshot that settings want before a change of a table. Gives the id of its request.
pub(crate) async fn before(
    command: &TableCommand,
    uid: &str,
    at: &DecisionContext,
    unit: &mut Unit,
) -> Result<Vec<String>, Problem> {
    let table = |bucket: &str, table: &str, project: &str, branch: &str, column| BackUpTable {
        project: project.to_owned(),
        branch: branch.to_owned(),
        bucket: names::bucket_name(bucket),
        table: table.to_owned(),
        uid: uid.to_owned(),
        column,
    };
    let back_up = match command {
        TableCommand::DropColumn(c) => {
            let known = unit.load::<Table>(&token(uid)?).await?.column(&c.column).map(|column| column.name.clone());
            known.map(|column| table(&c.bucket, &c.table, &c.project, &c.branch, Some(column)))
        }
        TableCommand::DeleteRows(c) => {
            let any_time = c.changed_since.is_none() && c.changed_until.is_none();
            let all = any_time && unit.load::<Table>(&token(uid)?).await?.picks_all(&c.where_clause);
            all.then(|| table(&c.bucket, &c.table, &c.project, &c.branch, None))
        }
        _ => None,
    };
    let Some(back_up) = back_up else { return Ok(Vec::new()) };
    let project = names::project_aggregate_id(&back_up.project)?;
    let mut implied = Vec::new();
    for event in unit.handle::<Project>(&project, back_up.into(), at).await? {
        if let ProjectEvent::SnapshotTaken(taken) = event {
            let id = request_id(implied.len(), at);
            request(taken, Some(id.clone()), at, unit).await?;
            implied.push(id);
        }
    }
    Ok(implied)
}

/// Has the fold count the snapshot that the drop of a table leaves. Gives the id of its request.
pub(crate) async fn left(
    uid: &str,
    snapshot: &str,
    nth: usize,
    at: &DecisionContext,
    unit: &mut Unit,
) -> Result<String, Problem> {
    let id = request_id(nth, at);
    let (kind, snapshot) = (BEFORE_DROP.to_owned(), snapshot.to_owned());
    let ask = RequestSnapshot { uid: uid.to_owned(), snapshot, kind, request: Some(id.clone()) };
    unit.handle::<Table>(&token(uid)?, ask.into(), at).await?;
    Ok(id)
}

/// Has the fold count a snapshot, under the id of the command or of a request of its own.
pub(crate) async fn request(
    taken: SnapshotTaken,
    request: Option<String>,
    at: &DecisionContext,
    unit: &mut Unit,
) -> Result<(), Problem> {
    let SnapshotTaken { uid, snapshot, kind, .. } = taken;
    let id = token(&uid)?;
    unit.handle::<Table>(&id, RequestSnapshot { uid, snapshot, kind, request }.into(), at).await?;
    Ok(())
}

/// The result of a command with the requests that came with it.
pub(crate) fn with_implied(mut result: Value, implied: Vec<String>) -> Value {
    if let Some(fields) = result.as_object_mut().filter(|_| !implied.is_empty()) {
        fields.insert(IMPLIED.to_owned(), json!(implied));
    }
    result
}

/// The id of a request that comes with a command.
pub(crate) fn request_id(nth: usize, at: &DecisionContext) -> String {
    at.new_uid(REQUESTS_FROM + nth as u32)
}

fn token(text: &str) -> Result<Token, Problem> {
    Token::encode(text).map_err(|error| problem::invalid_request(format!("This id cannot be one: {error}.")))
}

/// The command with what the log says of its snapshot.
pub(crate) async fn sourced(
    command: &RestoreTable,
    project: &Token,
    at: &DecisionContext,
    unit: &mut Unit,
) -> Result<RestoreTable, Problem> {
    let live = unit.load::<Project>(project).await?.live(&command.project)?;
    live.has_branch(&command.branch)?;
    let uid = live.snapshot(&command.branch, &command.snapshot, at.time)?.uid.clone();
    let (seq, asked) = requested(&unit.past(STREAM), unit.tenant(), &uid, &command.snapshot).await?;
    let SnapshotRequested { columns, primary_key, .. } = asked;
    // What counts is what was there before it: the drop of a table may stand in the same commit.
    Ok(RestoreTable { position: seq.saturating_sub(1) as i64, columns, primary_key, ..command.clone() })
}

/// The event of a table that asked for a snapshot, and its sequence.
async fn requested(
    past: &Past,
    tenant: &Token,
    uid: &str,
    snapshot: &str,
) -> Result<(u64, SnapshotRequested), Problem> {
    let id = Token::encode(uid).map_err(|_| Problem::internal())?;
    let subject = subject::event(tenant, "storage", "table", &id);
    let mut found = None;
    past.walk(&subject, 1, u64::MAX, |message| {
        let unreadable = |error: &dyn std::fmt::Display| {
            let detail = format!("Message {} of stream {STREAM} cannot be used: {error}.", message.seq);
            Problem::new("platform.log_damaged", 500, detail)
        };
        for entry in &Commit::from_avro(&message.payload).map_err(|error| unreadable(&error))?.entries {
            let event = TableEvent::decode(&entry.r#type, &entry.event).map_err(|error| unreadable(&error))?;
            if let TableEvent::SnapshotRequested(asked) = event
                && asked.snapshot == snapshot
            {
                found = Some((message.seq, asked));
            }
        }
        Ok(found.is_none())
    })
    .await?;
    found.ok_or_else(|| problem::snapshot_not_found(snapshot))
}

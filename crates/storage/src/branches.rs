//! Writes through dev branches: the first one to a table gives the branch a table of its own, which begins as the main line's is at
//! that moment. It stands in the same commit, so there is never a copy without a reason, nor a write without one.

use alluvium_eventlog::{Past, Unit};
use alluvium_kernel::{DecisionContext, Problem, Token, subject};
use alluvium_messaging::{Commit, Contract as _, ContractSet as _};

use crate::context::{Place, STREAM, open, token};
use crate::contract::{
    ColumnSpec, CreateBranch, ForkTable, MergeTable, PinnedTable, ProjectEvent, PullTable, ReplaceContent, TableEvent,
    TableMerged, TableOpened,
};
use crate::links::{self, Named};
use crate::model::{Project, Shown, Table, names, problem};

/// The table that a write through a branch goes to: the branch's own, which it gets here if it has none yet. And the table that
/// the name stood for before.
pub(crate) async fn own_table(
    place: &Place<'_>,
    at: &DecisionContext,
    unit: &mut Unit,
) -> Result<(String, String), Problem> {
    let not_found = || problem::project_not_found(place.project);
    let Place { project, branch, bucket, table } = *place;
    links::writable(Named { project, branch, bucket, table }, unit).await?;
    let id = names::project_aggregate_id(place.project).map_err(|_| not_found())?;
    let project = unit.load::<Project>(&id).await?.live(place.project)?;
    project.has_branch(place.branch)?;
    let bucket = project.bucket_on(place.branch, &names::bucket_name(place.bucket))?;
    let source = match project.table(place.branch, bucket, place.table)? {
        Shown::Own(table) => return Ok((table.uid.clone(), table.uid.clone())),
        Shown::Main(table) => token(&table.uid)?,
    };
    let (columns, primary_key) = shape(&source, place.table, unit).await?;
    let fork = ForkTable {
        project: place.project.to_owned(),
        branch: place.branch.to_owned(),
        bucket: place.bucket.to_owned(),
        table: place.table.to_owned(),
        columns,
        primary_key,
    };
    let events = unit.handle::<Project>(&id, fork.into(), at).await?;
    let Some(ProjectEvent::TableCreated(created)) = events.into_iter().next() else {
        return Err(Problem::internal());
    };
    let uid = created.uid.clone();
    open(created, at, unit).await?;
    Ok((uid, source.decode()))
}

/// Columns and key of a table whose content the running commit is about: its place on the log says what counts.
async fn shape(source: &Token, name: &str, unit: &mut Unit) -> Result<(Vec<ColumnSpec>, Vec<String>), Problem> {
    unit.alone();
    let shape = unit.load::<Table>(source).await?.shape()?;
    if unit.is_current::<Table>(source).await? { Ok(shape) } else { Err(problem::table_busy(name)) }
}

/// The command with what the branch's table looks like, and above which message the main line's must not have changed.
pub(crate) async fn merge(
    command: &MergeTable,
    project: &Token,
    unit: &mut Unit,
) -> Result<(MergeTable, Option<i64>), Problem> {
    let live = unit.load::<Project>(project).await?.live(&command.project)?;
    let (own, main) = live.to_merge(&command.branch, &command.bucket, &command.table)?;
    let (source, has_main) = (token(&own.uid)?, main.is_some());
    let (columns, primary_key) = shape(&source, &command.table, unit).await?;
    let since = if command.force || !has_main {
        None
    } else if let Some(rebased_on) = unit.load::<Table>(&source).await?.rebased_on {
        Some(rebased_on)
    } else {
        Some(opened(&unit.past(STREAM), unit.tenant(), &source).await?.0)
    };
    Ok((MergeTable { columns, primary_key, ..command.clone() }, since))
}

/// The message that opened a table, and what it says.
async fn opened(past: &Past, tenant: &Token, uid: &Token) -> Result<(i64, TableOpened), Problem> {
    let mut found = None;
    past.walk(&subject::event(tenant, "storage", "table", uid), 1, u64::MAX, |message| {
        let unreadable = |error: &dyn std::fmt::Display| {
            let detail = format!("Message {} of stream {STREAM} cannot be used: {error}.", message.seq);
            Problem::new("platform.log_damaged", 500, detail)
        };
        let commit = Commit::from_avro(&message.payload).map_err(|error| unreadable(&error))?;
        if let Some(entry) = commit.entries.first() {
            let event = TableEvent::decode(&entry.r#type, &entry.event).map_err(|error| unreadable(&error))?;
            if let TableEvent::TableOpened(opened) = event {
                found = Some((message.seq as i64, opened));
            }
        }
        Ok(false)
    })
    .await?;
    found.ok_or_else(Problem::internal)
}

/// The command with what the tables look like that a pinned branch begins with.
pub(crate) async fn begun(command: &CreateBranch, project: &Token, unit: &mut Unit) -> Result<CreateBranch, Problem> {
    let mut tables = Vec::new();
    if command.mode == names::PINNED {
        let live = unit.load::<Project>(project).await?.live(&command.project)?;
        let sources: Vec<(String, String)> =
            live.to_pin().map(|(_, table)| (table.uid.clone(), table.name.clone())).collect();
        // Too many are refused by the decision.
        if live.check_room(sources.len()).is_ok() {
            for (uid, name) in sources {
                let (columns, primary_key) = shape(&token(&uid)?, &name, unit).await?;
                tables.push(PinnedTable { uid, columns, primary_key });
            }
        }
    }
    Ok(CreateBranch { tables, ..command.clone() })
}

/// The command with where the content stands on the log that a table of a pinned branch began with.
pub(crate) async fn pulled(command: &PullTable, project: &Token, unit: &mut Unit) -> Result<PullTable, Problem> {
    let pull = PullTable { position: 0, columns: Vec::new(), primary_key: Vec::new(), ..command.clone() };
    let live = unit.load::<Project>(project).await?.live(&command.project)?;
    if !live.is_pinned(&command.branch) {
        return Ok(pull);
    }
    let uid = token(&live.pinned_table(&command.branch, &command.bucket, &command.table)?.uid)?;
    let (position, opened) = opened(&unit.past(STREAM), unit.tenant(), &uid).await?;
    let TableOpened { columns, primary_key, .. } = opened;
    Ok(PullTable { position, columns, primary_key, ..pull })
}

/// The main line's table is to get what the branch's holds with all messages before this commit.
pub(crate) async fn replace_main(
    merged: TableMerged,
    command: MergeTable,
    unchanged_since: Option<i64>,
    at: &DecisionContext,
    unit: &mut Unit,
) -> Result<(), Problem> {
    let replace = ReplaceContent {
        source: merged.source,
        snapshot: String::new(),
        position: 0,
        columns: command.columns,
        primary_key: command.primary_key,
        unchanged_since,
        uid: merged.uid,
        request: None,
    };
    let id = token(&replace.uid)?;
    unit.handle::<Table>(&id, replace.into(), at).await?;
    Ok(())
}

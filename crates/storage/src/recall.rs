//! What the log says of tables as they were: of those that were dropped, and of any at an earlier message.

use alluvium_eventlog::{Past, Point, Stored, Unit};
use alluvium_kernel::{DecisionContext, Evolve as _, Problem, Timestamp, Token, subject};
use alluvium_messaging::{Commit, Contract as _, ContractSet as _, LogMessage};
use cqrs_es::Aggregate as _;

use crate::context::STREAM;
use crate::contract::{
    BucketOfProject, ColumnSpec, CopyTable, ProjectEvent, TableDropped, TableEvent, TableOfBucket, UndeleteProject,
    UndropBucket, UndropTable,
};
use crate::model::{Catalogue, Project, Retention, Table, names, problem};
use crate::past::CatalogueThen;
use crate::undrop::UndropWindow;

/// A table with a message, and what it looked like.
struct Shape {
    position: i64,
    columns: Vec<ColumnSpec>,
    primary_key: Vec<String>,
}

/// A bucket that went, with the drops of its tables in the same commit.
struct Gone {
    tables: Vec<TableDropped>,
    description: Option<String>,
    at: i64,
}

/// The command with what the log says of the table that these names stood for last.
pub(crate) async fn of_table(
    command: &UndropTable,
    project: &Token,
    window: UndropWindow,
    at: &DecisionContext,
    unit: &mut Unit,
) -> Result<UndropTable, Problem> {
    let live = unit.load::<Project>(project).await?.live(&command.project)?;
    live.main_only(&command.branch)?;
    let bucket = live.bucket(&names::bucket_name(&command.bucket))?.name.clone();
    if live.bucket(&bucket)?.tables.contains_key(&names::fold(&command.table)) {
        return Err(problem::table_exists(&bucket, &command.table));
    }
    let is_it =
        |drop: &TableDropped| (&drop.bucket, &drop.table, &drop.branch) == (&bucket, &command.table, &command.branch);
    let (past, subject) = (unit.past(STREAM), subject_of(unit, project));
    let gone = last_drop(&past, &subject, is_it).await?;
    let Some((drop, dropped_at)) = gone else { return Err(problem::table_not_found(&bucket, &command.table)) };
    within_window(window, dropped_at, at, &format!("Table {}", command.table))?;
    let Shape { position, columns, primary_key } = shape(unit, &drop.uid, None).await?;
    Ok(UndropTable { source: drop.uid, position, columns, primary_key, ..command.clone() })
}

/// The command with what the log says of the bucket that this name stood for last, and of its tables then.
pub(crate) async fn of_bucket(
    command: &UndropBucket,
    project: &Token,
    window: UndropWindow,
    at: &DecisionContext,
    unit: &mut Unit,
) -> Result<UndropBucket, Problem> {
    let live = unit.load::<Project>(project).await?.live(&command.project)?;
    let bucket = names::bucket_name(&command.bucket);
    if let Some(there) = live.buckets.get(&names::fold(&bucket)) {
        return Err(problem::bucket_exists(&there.name));
    }
    let (past, subject) = (unit.past(STREAM), subject_of(unit, project));
    let gone = bucket_gone(&past, &subject, &bucket).await?;
    let gone = gone.ok_or_else(|| problem::bucket_not_found(&bucket))?;
    within_window(window, gone.at, at, &format!("Bucket {bucket}"))?;
    let mut tables = Vec::with_capacity(gone.tables.len());
    for drop in gone.tables {
        let Shape { position, columns, primary_key } = shape(unit, &drop.uid, None).await?;
        tables.push(TableOfBucket { table: drop.table, source: drop.uid, position, columns, primary_key });
    }
    Ok(UndropBucket { description: gone.description, tables, ..command.clone() })
}

/// The command with what the log says of the project that this id stood for last.
pub(crate) async fn of_project(
    command: &UndeleteProject,
    project: &Token,
    window: UndropWindow,
    at: &DecisionContext,
    unit: &mut Unit,
) -> Result<UndeleteProject, Problem> {
    if let Some(live) = &unit.load::<Project>(project).await?.live {
        return Err(problem::project_exists(&live.id));
    }
    let (past, subject) = (unit.past(STREAM), subject_of(unit, project));
    let gone = lives(&past, &subject).await?.gone.filter(|(gone, _)| gone.id == command.project);
    let (mut gone, deleted_at) = gone.ok_or_else(|| problem::project_not_found(&command.project))?;
    within_window(window, deleted_at, at, &format!("Project {}", gone.id))?;
    let mut buckets = Vec::with_capacity(gone.buckets.len());
    for bucket in std::mem::take(&mut gone.buckets).into_values() {
        let mut tables = Vec::with_capacity(bucket.tables.len());
        for table in bucket.tables.into_values() {
            let Shape { position, columns, primary_key } = shape(unit, &table.uid, None).await?;
            tables.push(TableOfBucket { table: table.name, source: table.uid, position, columns, primary_key });
        }
        buckets.push(BucketOfProject { bucket: bucket.name, description: bucket.description, tables });
    }
    let Catalogue { name, settings, organization, .. } = gone;
    Ok(UndeleteProject { name, settings, organization, buckets, ..command.clone() })
}

/// The projects that an id stands for and stood for last.
pub(crate) struct Lives {
    pub living: Option<Catalogue>,
    /// What it held when it was deleted, and when that was.
    pub gone: Option<(Catalogue, i64)>,
}

/// The projects of an id, as the log tells them.
pub(crate) async fn lives(past: &Past, subject: &str) -> Result<Lives, Problem> {
    let (mut state, mut gone) = (Project::default(), None);
    each_event(past, subject, |event, _, time| {
        if matches!(event, ProjectEvent::ProjectDeleted(_)) {
            gone = state.live.take().map(|live| (live, time));
        }
        state.apply(event);
    })
    .await?;
    Ok(Lives { living: state.live, gone })
}

/// The command with what the log says of the table that the source's names stood for with a message.
pub(crate) async fn of_copy(command: &CopyTable, project: &Token, unit: &mut Unit) -> Result<CopyTable, Problem> {
    unit.load::<Project>(project).await?.live(&command.project)?.main_only(&command.branch)?;
    let past = unit.past(STREAM);
    // Whatever was said of it, it has to be there already.
    let up_to = past.resolve(&Point::Seq(u64::try_from(command.position).unwrap_or(0))).await?;
    let tenant = unit.tenant().clone();
    let then = CatalogueThen::of_living(&past, &tenant, &command.project, up_to).await?;
    let source = then.table(&command.branch, &command.source_bucket, &command.source_table)?.uid.clone();
    let Shape { position, columns, primary_key } = shape(unit, &source, Some(up_to)).await?;
    Ok(CopyTable { source, position, columns, primary_key, ..command.clone() })
}

fn within_window(window: UndropWindow, dropped_at: i64, at: &DecisionContext, what: &str) -> Result<(), Problem> {
    if window.is_open(dropped_at, at.time.micros()) {
        return Ok(());
    }
    Err(problem::version_expired(format!("{what} was dropped more than {window} ago.")))
}

/// The last drop of the living project that is the one that is looked for, and when it was.
async fn last_drop(
    past: &Past,
    subject: &str,
    is_it: impl Fn(&TableDropped) -> bool,
) -> Result<Option<(TableDropped, i64)>, Problem> {
    let mut found = None;
    each_event(past, subject, |event, _, time| match event {
        ProjectEvent::ProjectCreated(_) => found = None,
        ProjectEvent::TableDropped(drop) if is_it(&drop) && !drop.abandoned => found = Some((drop, time)),
        _ => {}
    })
    .await?;
    Ok(found)
}

/// The bucket that a name stood for last, with the tables that went with it.
async fn bucket_gone(past: &Past, subject: &str, bucket: &str) -> Result<Option<Gone>, Problem> {
    let (mut found, mut description) = (None, None);
    let (mut dropping, mut tables) = (String::new(), Vec::new());
    each_event(past, subject, |event, command_id, time| match event {
        ProjectEvent::ProjectCreated(_) => found = None,
        ProjectEvent::BucketCreated(e) if e.bucket == bucket => description = e.description,
        ProjectEvent::TableDropped(drop)
            if drop.bucket == bucket && drop.branch == names::MAIN_BRANCH && !drop.abandoned =>
        {
            // Those that went with the bucket stand before it under its command.
            if dropping != command_id {
                command_id.clone_into(&mut dropping);
                tables.clear();
            }
            tables.push(drop);
        }
        ProjectEvent::BucketDeleted(e) if e.bucket == bucket => {
            let went = if dropping == command_id { std::mem::take(&mut tables) } else { Vec::new() };
            found = Some(Gone { tables: went, description: description.take(), at: time });
        }
        _ => {}
    })
    .await?;
    Ok(found)
}

fn subject_of(unit: &Unit, project: &Token) -> String {
    subject::event(unit.tenant(), "storage", "project", project)
}

/// Every event of a project with its command and time.
async fn each_event(past: &Past, subject: &str, mut each: impl FnMut(ProjectEvent, &str, i64)) -> Result<(), Problem> {
    past.walk(subject, 1, u64::MAX, |message| {
        for entry in &commit(&message)?.entries {
            let event =
                ProjectEvent::decode(&entry.r#type, &entry.event).map_err(|error| unreadable(&message, &error))?;
            each(event, &entry.command_id, entry.time);
        }
        Ok(true)
    })
    .await
}

/// A table with message `up_to`, or as it was when it was closed; with the verdict on a change that was under way then. What it
/// held must be on the log still.
async fn shape(unit: &mut Unit, uid: &str, up_to: Option<u64>) -> Result<Shape, Problem> {
    let id = Token::encode(uid).map_err(|_| Problem::internal())?;
    let subject = subject::event(unit.tenant(), "storage", "table", &id);
    let (mut table, mut position) = (Stored::<Table>::default(), up_to);
    unit.past(STREAM)
        .walk(&subject, 1, u64::MAX, |message| {
            let events = table_events(&message)?;
            if position.is_none() && events.iter().any(|event| matches!(event, TableEvent::TableClosed(_))) {
                position = Some(message.seq.saturating_sub(1));
            }
            if position.is_none_or(|position| message.seq <= position) {
                return table.fold(&message).map(|()| true);
            }
            let Some(pending) = &table.state.pending else { return Ok(false) };
            let verdict = events.into_iter().find_map(|event| match event {
                TableEvent::Settled(settled) if settled.request == pending.request => Some(settled),
                _ => None,
            });
            match verdict {
                Some(settled) => {
                    settled.evolve(&mut table.state);
                    Ok(false)
                }
                None => Ok(true),
            }
        })
        .await?;
    let Some(identity) = &table.state.identity else { return Err(problem::table_not_found("", "")) };
    if table.state.pending.is_some() {
        return Err(problem::table_busy(&identity.table));
    }
    let position = position.unwrap_or(table.seq) as i64;
    let kept = unit.load::<Retention>(&id).await?;
    if kept.dropped || kept.purged_up_to > position {
        return Err(problem::version_expired(format!("Rows that table {} had then are purged.", identity.table)));
    }
    let Table { columns, primary_key, .. } = table.state;
    Ok(Shape { position, columns, primary_key })
}

/// One version of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    /// Sequence from which on reads show it.
    pub seq: u64,
    /// When it was asked for.
    pub time: Timestamp,
    /// What made it.
    pub operation: &'static str,
    /// Who, in an actor's printed form.
    pub actor: String,
    /// Rows from then on, as far as the log says.
    pub rows: Option<u64>,
}

/// Every version of a table that an accepted change made, oldest first.
pub(crate) async fn versions(past: &Past, tenant: &Token, uid: &str) -> Result<Vec<Version>, Problem> {
    let id = Token::encode(uid).map_err(|_| Problem::internal())?;
    let subject = subject::event(tenant, "storage", "table", &id);
    let (mut versions, mut asked) = (Vec::new(), std::collections::HashMap::new());
    past.walk(&subject, 1, u64::MAX, |message| {
        for entry in &commit(&message)?.entries {
            let event =
                TableEvent::decode(&entry.r#type, &entry.event).map_err(|error| unreadable(&message, &error))?;
            let (time, actor) = (Timestamp::from_micros(entry.time), entry.actor.clone());
            let made = |operation, rows| Version { seq: message.seq, time, operation, actor: actor.clone(), rows };
            match event {
                TableEvent::TableOpened(_) => versions.push(made("create", Some(0))),
                TableEvent::ColumnDropped(_) => versions.push(made("drop_column", None)),
                TableEvent::PrimaryKeyDropped(_) => versions.push(made("drop_primary_key", None)),
                TableEvent::ColumnAddRequested(e) => drop(asked.insert(e.request, made("add_column", None))),
                TableEvent::ColumnAlterRequested(e) => drop(asked.insert(e.request, made("alter_column", None))),
                TableEvent::PrimaryKeyRequested(e) => drop(asked.insert(e.request, made("set_primary_key", None))),
                TableEvent::LoadRequested(e) => drop(asked.insert(e.request, made("import", None))),
                TableEvent::RowsDeleteRequested(e) => drop(asked.insert(e.request, made("delete_rows", None))),
                TableEvent::RestoreRequested(e) => drop(asked.insert(e.request, made("restore", None))),
                TableEvent::Settled(settled) => {
                    if let Some(version) = asked.remove(&settled.request).filter(|_| settled.accepted) {
                        let rows = rows_after(&settled.result);
                        versions.push(Version { seq: message.seq, rows, ..version });
                    }
                }
                // Leaves the content as it is.
                _ => {}
            }
        }
        Ok(true)
    })
    .await?;
    Ok(versions)
}

/// What a verdict says of the rows after it.
fn rows_after(result: &str) -> Option<u64> {
    let result: serde_json::Value = serde_json::from_str(result).ok()?;
    ["table_rows_after", "row_count"].into_iter().find_map(|name| result.get(name)?.as_u64())
}

fn commit(message: &LogMessage) -> Result<Commit, Problem> {
    Commit::from_avro(&message.payload).map_err(|error| unreadable(message, &error))
}

fn table_events(message: &LogMessage) -> Result<Vec<TableEvent>, Problem> {
    let decode = |entry: &alluvium_messaging::Entry| TableEvent::decode(&entry.r#type, &entry.event);
    let events: Result<Vec<_>, _> = commit(message)?.entries.iter().map(decode).collect();
    events.map_err(|error| unreadable(message, &error))
}

fn unreadable(message: &LogMessage, error: &dyn std::fmt::Display) -> Problem {
    let detail = format!("Message {} of stream {STREAM} cannot be used: {error}.", message.seq);
    Problem::new("platform.log_damaged", 500, detail)
}

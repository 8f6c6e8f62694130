//! How storage's commands are decided: which aggregates a command touches, and what of it goes together in one commit.

use alluvium_eventlog::{AggregateType, BoundedContext, Decision, Past, Unit};
use alluvium_kernel::{DecisionContext, Problem, Requirement, Token};
use serde_json::json;

use crate::contract::{
    CloseTable, ColumnSpec, Command, CountFiles, CreateTableFromFile, FileCommand, FillTable, JobCommand, OpenTable,
    ProjectCommand, ProjectEvent, PutObject, RefusalCommand, ReplaceContent, RestorePlanned, RetentionCommand,
    ShelfCommand, TableCommand, TableCreated,
};
use crate::links::{self, ShareEnforcement};
use crate::model::{
    File, Job, Metadata, Multipart, Project, Refusal, Retention, Shelf, Stage, Table, Workspace, named_file, names,
    object_file, problem,
};
use crate::undrop::UndropWindow;
use crate::{aliases, branches, metadata, multiparts, recall, rights, snapshots, workspaces};

/// The stream of storage's events and rows.
pub const STREAM: &str = "STORAGE";

/// Storage, as the executor sees it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Storage {
    /// Whether links need a share.
    pub links: ShareEnforcement,
    /// How long what was dropped can be had back.
    pub undrop: UndropWindow,
}

impl BoundedContext for Storage {
    const NAME: &'static str = "storage";
    const STREAM: &'static str = STREAM;
    const AGGREGATES: &'static [AggregateType] = &[
        AggregateType::of::<Project>(),
        AggregateType::of::<Table>(),
        AggregateType::of::<File>(),
        AggregateType::of::<Multipart>(),
        AggregateType::of::<Shelf>(),
        AggregateType::of::<Refusal>(),
        AggregateType::of::<Retention>(),
        AggregateType::of::<Workspace>(),
        AggregateType::of::<Job>(),
        AggregateType::of::<Metadata>(),
    ];
    type Command = Command;

    fn requirement(&self, command: &Command) -> Requirement {
        rights::requirement(command)
    }

    /// People name a table by its names, and a project in the case they like.
    async fn locate(past: &Past, tenant: &Token, aggregate: &str, name: &str, up_to: u64) -> Result<Token, Problem> {
        crate::past::locate(past, tenant, aggregate, name, up_to).await
    }

    /// All commands of a project are one group: each table command depends on the catalogue, and a client that creates a
    /// table and loads it without waiting in between means this order.
    async fn group(&self, _: &Token, command: &Command) -> String {
        match command {
            Command::Project(command) => format!("project {}", names::fold(command.project())),
            Command::Table(command) => match place(command) {
                Ok(place) => format!("project {}", names::fold(place.project)),
                Err(uid) => format!("table {uid}"),
            },
            Command::File(command) => format!("project {}", names::fold(command.project())),
            Command::Multipart(command) => format!("project {}", names::fold(command.project())),
            Command::Workspace(command) => format!("project {}", names::fold(command.project())),
            Command::Metadata(command) => format!("project {}", names::fold(command.project())),
            Command::Job(command) => format!("job {}", command.job()),
            Command::Shelf(ShelfCommand::CountFiles(command)) => format!("shelf {}", command.project_uid),
            Command::Refusal(RefusalCommand::RefuseRows(command)) => format!("rows {}", command.seq),
            Command::Retention(command) => format!("table {}", command.uid()),
        }
    }

    async fn plan(&self, command: &Command, at: &DecisionContext, unit: &mut Unit) -> Result<Decision, Problem> {
        match command {
            Command::Project(command) => plan_project(command, *self, at, unit).await,
            Command::Table(command) => plan_table(command, at, unit).await,
            Command::File(command) => plan_file(command, at, unit).await,
            Command::Multipart(command) => multiparts::plan(command, at, unit).await,
            Command::Workspace(command) => workspaces::plan(command, at, unit).await,
            Command::Metadata(command) => metadata::plan(command, at, unit).await,
            Command::Job(command) => plan_job(command, at, unit).await,
            Command::Shelf(command) => {
                let ShelfCommand::CountFiles(count) = command;
                unit.handle::<Shelf>(&token(&count.project_uid)?, command.clone(), at).await?;
                Ok(Decision::default())
            }
            Command::Refusal(command) => {
                let RefusalCommand::RefuseRows(refuse) = command;
                unit.handle::<Refusal>(&token(&refuse.seq.to_string())?, command.clone(), at).await?;
                Ok(Decision::default())
            }
            Command::Retention(command) => {
                unit.handle::<Retention>(&token(command.uid())?, RetentionCommand::clone(command), at).await?;
                Ok(Decision::default())
            }
        }
    }
}

/// The names that a table command gives for its table.
pub(crate) struct Place<'a> {
    pub project: &'a str,
    pub branch: &'a str,
    pub bucket: &'a str,
    pub table: &'a str,
}

/// Where a table command goes: to a table by name, or, from parts of the platform, to an incarnation by uid.
fn place(command: &TableCommand) -> Result<Place<'_>, &str> {
    match (command.bucket(), command.table(), command.project()) {
        (Some(bucket), Some(table), Some(project)) if command.uid().is_none() => {
            Ok(Place { project, branch: command.branch().unwrap_or(names::MAIN_BRANCH), bucket, table })
        }
        _ => Err(command.uid().unwrap_or_default()),
    }
}

pub(crate) fn token(text: &str) -> Result<Token, Problem> {
    Token::encode(text).map_err(|error| problem::invalid_request(format!("This id cannot be one: {error}.")))
}

/// The catalogue's decision and, in the same commit, its echo on each table that comes or goes.
async fn plan_project(
    command: &ProjectCommand,
    settings: Storage,
    at: &DecisionContext,
    unit: &mut Unit,
) -> Result<Decision, Problem> {
    let project = command.project();
    let id = match (names::project_aggregate_id(project), command) {
        (Ok(id), _) => id,
        (Err(invalid), ProjectCommand::CreateProject(_)) => return Err(invalid),
        (Err(_), _) => return Err(problem::project_not_found(project)),
    };
    let held: Vec<String> = match command {
        ProjectCommand::DeleteProject(c) => {
            unit.load::<Project>(&id).await?.live(&c.project)?.tables().map(|table| table.uid.clone()).collect()
        }
        _ => Vec::new(),
    };
    if matches!(command, ProjectCommand::CreateProject(_)) {
        unit.presume_new::<Project>(&id);
    }
    let mut merge = None;
    let command = match links::prepared(command.clone(), &id, settings.links, at, unit).await? {
        ProjectCommand::MergeTable(command) => {
            merge.insert(branches::merge(&command, &id, unit).await?).0.clone().into()
        }
        other => filled(&other, &id, settings.undrop, at, unit).await?,
    };
    let left_behind = metadata::left_behind(&command, &id, unit).await?;
    let is_many = matches!(
        command,
        ProjectCommand::UndropBucket(_) | ProjectCommand::UndeleteProject(_) | ProjectCommand::CreateBranch(_)
    );
    let mut content = match &command {
        ProjectCommand::RestoreTable(restore) => Some((restore.columns.clone(), restore.primary_key.clone())),
        // Of a pinned branch; of any other, nothing is restored.
        ProjectCommand::PullTable(pull) => Some((pull.columns.clone(), pull.primary_key.clone())),
        _ => None,
    };
    let mut fill = fill_of(&command);
    let events = unit.handle::<Project>(&id, command, at).await?;
    if let Some(clear) = left_behind {
        metadata::clear(clear, at, unit).await?;
    }
    let (mut result, mut awaits_settlement) = (json!(null), false);
    let (mut implied, mut expired, mut made) = (Vec::new(), 0, None);
    for event in events {
        match event {
            ProjectEvent::ProjectCreated(e) => result = json!({ "project": e.project, "uid": e.uid }),
            ProjectEvent::ProjectUpdated(e) => result = json!({ "project": e.project }),
            ProjectEvent::ProjectDeleted(e) => {
                for table in &held {
                    close(table, at, unit).await?;
                }
                result = json!({ "project": e.project, "uid": e.uid, "tables": held.len() });
            }
            ProjectEvent::BranchCreated(e) => result = json!({ "branch": e.branch, "name": e.name }),
            ProjectEvent::BranchDeleted(e) => result = json!({ "branch": e.branch }),
            ProjectEvent::BucketCreated(e) => {
                if !(is_many && result.is_object()) {
                    result = json!({ "bucket": e.bucket, "uid": e.uid });
                }
            }
            ProjectEvent::BucketDeleted(e) => result = json!({ "bucket": e.bucket, "uid": e.uid }),
            ProjectEvent::TableCreated(e) => {
                if !is_many {
                    result = json!({ "bucket": e.bucket, "table": e.table, "uid": e.uid });
                }
                made = Some((e.columns.clone(), e.primary_key.clone()));
                // A restored table gets the content of the snapshot, whatever stood in its place.
                let copy_of = if content.is_some() { None } else { e.copy_of.clone() };
                let uid = e.uid.clone();
                open(TableCreated { copy_of, ..e }, at, unit).await?;
                if let Some(fill) = fill.take() {
                    unit.handle::<Table>(&token(&uid)?, FillTable { uid, ..fill }.into(), at).await?;
                    awaits_settlement = true;
                }
            }
            ProjectEvent::TableDropped(e) => {
                if let Some(left) = &e.snapshot {
                    // A snapshot is of what stands before its commit, which commands that nobody waited for may stand in otherwise.
                    unit.alone();
                    implied.push(snapshots::left(&e.uid, &left.snapshot, implied.len(), at, unit).await?);
                }
                close(&e.uid, at, unit).await?;
                result = json!({ "bucket": e.bucket, "table": e.table, "uid": e.uid });
            }
            ProjectEvent::AliasCreated(e) => {
                if !is_many {
                    result = json!({ "bucket": e.bucket, "table": e.table, "uid": e.uid });
                }
            }
            ProjectEvent::AliasDropped(e) => {
                result = json!({ "bucket": e.bucket, "table": e.table, "uid": e.uid });
            }
            ProjectEvent::TableHidden(e) if result.is_null() => {
                result = json!({ "bucket": e.bucket, "table": e.table });
            }
            ProjectEvent::TableMerged(e) => {
                let (command, since) = merge.take().ok_or_else(Problem::internal)?;
                branches::replace_main(e, command, since, at, unit).await?;
                awaits_settlement = true;
            }
            ProjectEvent::TablePulled(_) => result = json!({ "was_local": true }),
            ProjectEvent::SnapshotTaken(e) => {
                snapshots::request(e, None, at, unit).await?;
                unit.alone();
                awaits_settlement = true;
            }
            ProjectEvent::SnapshotDeleted(e) => result = json!({ "snapshot": e.snapshot }),
            ProjectEvent::BucketLinked(e) => result = json!({ "bucket": e.bucket, "uid": e.uid }),
            ProjectEvent::BucketUnlinked(e) => result = json!({ "bucket": e.bucket, "uid": e.uid }),
            ProjectEvent::SnapshotExpired(_) => expired += 1,
            ProjectEvent::SnapshotSettingsSet(_)
            | ProjectEvent::SnapshotSettingsCleared(_)
            | ProjectEvent::TableHidden(_)
            | ProjectEvent::BucketShared(_)
            | ProjectEvent::BucketUnshared(_)
            | ProjectEvent::LinkAdmitted(_)
            | ProjectEvent::LinkReleased(_)
            | ProjectEvent::LinkClosed(_)
            | ProjectEvent::BucketSharingSet(_)
            | ProjectEvent::BucketMarkedReadOnly(_)
            | ProjectEvent::BucketUnmarkedReadOnly(_) => {}
            ProjectEvent::RestorePlanned(e) => {
                let content = content.take().or(made.take()).unwrap_or_default();
                // Of many, each has a verdict of its own.
                let request = is_many.then(|| snapshots::request_id(implied.len(), at));
                implied.extend(request.clone());
                awaits_settlement = request.is_none();
                replace(e, content, request, at, unit).await?;
            }
        }
    }
    if expired > 0 {
        result = json!({ "expired": expired });
    }
    Ok(Decision { awaits_settlement, ..Decision::accepted(snapshots::with_implied(result, implied)) })
}

/// The command with what only the log can say.
async fn filled(
    command: &ProjectCommand,
    project: &Token,
    window: UndropWindow,
    at: &DecisionContext,
    unit: &mut Unit,
) -> Result<ProjectCommand, Problem> {
    Ok(match command {
        ProjectCommand::RestoreTable(restore) => snapshots::sourced(restore, project, at, unit).await?.into(),
        ProjectCommand::UndropTable(undrop) => recall::of_table(undrop, project, window, at, unit).await?.into(),
        ProjectCommand::UndropBucket(undrop) => recall::of_bucket(undrop, project, window, at, unit).await?.into(),
        ProjectCommand::UndeleteProject(undelete) => {
            recall::of_project(undelete, project, window, at, unit).await?.into()
        }
        ProjectCommand::CopyTable(copy) => recall::of_copy(copy, project, unit).await?.into(),
        ProjectCommand::CreateBranch(create) => branches::begun(create, project, unit).await?.into(),
        ProjectCommand::PullTable(pull) => branches::pulled(pull, project, unit).await?.into(),
        ProjectCommand::CreateAlias(create) => aliases::prepared(create.clone(), project, unit).await?,
        other => other.clone(),
    })
}

/// The rows that a table is made with, if it is; which table, its first event says.
fn fill_of(command: &ProjectCommand) -> Option<FillTable> {
    let ProjectCommand::CreateTableFromFile(made) = command else { return None };
    let CreateTableFromFile { blob, size_bytes, format, csv, dedup_mode, extra_columns, more, .. } = made.clone();
    Some(FillTable { uid: String::new(), blob, size_bytes, format, csv, dedup_mode, extra_columns, more })
}

/// Has the fold give a table the content that is planned for it.
async fn replace(
    planned: RestorePlanned,
    (columns, primary_key): (Vec<ColumnSpec>, Vec<String>),
    request: Option<String>,
    at: &DecisionContext,
    unit: &mut Unit,
) -> Result<(), Problem> {
    let RestorePlanned { uid, snapshot, source, position, .. } = planned;
    let id = token(&uid)?;
    let unchanged_since = None;
    let replace = ReplaceContent { uid, snapshot, source, position, columns, primary_key, unchanged_since, request };
    unit.handle::<Table>(&id, replace.into(), at).await?;
    Ok(())
}

/// The table's own first event.
pub(crate) async fn open(created: TableCreated, at: &DecisionContext, unit: &mut Unit) -> Result<(), Problem> {
    let TableCreated { project, branch, bucket, table, uid, columns, primary_key, copy_of, .. } = created;
    let id = token(&uid)?;
    unit.presume_new::<Table>(&id);
    let open = OpenTable { project, branch, bucket, table, uid, columns, primary_key, copy_of };
    unit.handle::<Table>(&id, open.into(), at).await?;
    Ok(())
}

async fn close(uid: &str, at: &DecisionContext, unit: &mut Unit) -> Result<(), Problem> {
    unit.handle::<Table>(&token(uid)?, CloseTable { uid: uid.to_owned() }.into(), at).await?;
    Ok(())
}

async fn plan_table(command: &TableCommand, at: &DecisionContext, unit: &mut Unit) -> Result<Decision, Problem> {
    let (uid, was) = match place(command) {
        Ok(place) => {
            aliases::keep_columns(command, &place, unit).await?;
            branches::own_table(&place, at, unit).await?
        }
        Err(uid) => (uid.to_owned(), uid.to_owned()),
    };
    let implied = snapshots::before(command, &was, at, unit).await?;
    let events = unit.handle::<Table>(&token(&uid)?, command.clone(), at).await?;
    let awaits_settlement = events.iter().any(|event| event.request_of().is_some());
    if !implied.is_empty() {
        unit.alone();
    }
    let result = snapshots::with_implied(json!({ "uid": uid }), implied);
    Ok(Decision { awaits_settlement, ..Decision::accepted(result) })
}

async fn plan_file(command: &FileCommand, at: &DecisionContext, unit: &mut Unit) -> Result<Decision, Problem> {
    let project = command.project();
    if let FileCommand::ExpireFile(_) = command {
        // Also what a project left behind: its time is over whether or not the project lives.
        return change_file(command.file(), command.clone(), at, unit).await;
    }
    let not_found = || problem::project_not_found(project);
    let id = names::project_aggregate_id(project).map_err(|_| not_found())?;
    let live = unit.load::<Project>(&id).await?.live(project)?;
    let of = command.branch().unwrap_or(names::MAIN_BRANCH);
    // A file may be of a key; whether there is one, the right to it says.
    if !names::is_key(of) {
        live.has_branch(of)?;
    }
    let project_uid = live.uid.clone();
    let file = match command.key() {
        Some(key) => file_of_key(project, &project_uid, key, at, unit).await?,
        None => command.file().to_owned(),
    };
    let known = unit.load::<File>(&token(&file)?).await?;
    // A file of an earlier project of the same id is not there for this one.
    let is_foreign = known.stage != Stage::Absent && known.project == project && known.project_uid != project_uid;
    let mut command = command.clone();
    match &mut command {
        FileCommand::DeleteFile(_) | FileCommand::TagFile(_) | FileCommand::UntagFile(_) if is_foreign => {
            return Err(problem::file_not_found(&file));
        }
        FileCommand::RegisterFile(_) | FileCommand::StageUpload(_) if is_foreign => {
            return Err(problem::upload_session_not_found(&file));
        }
        FileCommand::PrepareUpload(c) => {
            // Refused before anything is sent; decided again when it becomes a file.
            unit.load::<Shelf>(&token(&project_uid)?).await?.check_room(1, c.size_bytes.unwrap_or(0))?;
            c.project_uid = project_uid;
        }
        FileCommand::RegisterExport(c) => c.project_uid = project_uid,
        FileCommand::PutObject(c) => {
            c.file.clone_from(&file);
            c.project_uid = project_uid;
        }
        FileCommand::DeleteObject(c) => c.file.clone_from(&file),
        FileCommand::DeleteFile(_)
        | FileCommand::ExpireFile(_)
        | FileCommand::RegisterFile(_)
        | FileCommand::StageUpload(_)
        | FileCommand::TagFile(_)
        | FileCommand::UntagFile(_) => {}
    }
    change_file(&file, command, at, unit).await
}

/// Makes stored content the object of a key, for a project that is there.
pub(crate) async fn put_object(put: PutObject, at: &DecisionContext, unit: &mut Unit) -> Result<Decision, Problem> {
    let file = file_of_key(&put.project, &put.project_uid, &put.key, at, unit).await?;
    let put = PutObject { file: file.clone(), ..put };
    change_file(&file, put.into(), at, unit).await
}

/// A job begins in a living project and a branch of it; it ends whatever became of these.
async fn plan_job(command: &JobCommand, at: &DecisionContext, unit: &mut Unit) -> Result<Decision, Problem> {
    let mut command = command.clone();
    if let JobCommand::BeginJob(begin) = &mut command {
        let not_found = || problem::project_not_found(&begin.project);
        let id = names::project_aggregate_id(&begin.project).map_err(|_| not_found())?;
        let live = unit.load::<Project>(&id).await?.live(&begin.project)?;
        live.has_branch(&begin.branch)?;
        begin.project_uid.clone_from(&live.uid);
    }
    let result = json!({ "job": command.job() });
    unit.handle::<Job>(&token(command.job())?, command, at).await?;
    Ok(Decision::accepted(result))
}

/// The file that a key stands for: one that was registered under it, else the one that is made for it.
async fn file_of_key(
    project: &str,
    project_uid: &str,
    key: &str,
    at: &DecisionContext,
    unit: &mut Unit,
) -> Result<String, Problem> {
    if let Some(named) = named_file(key) {
        let known = unit.load::<File>(&token(named)?).await?;
        if known.is_file(project, at.time) && known.project_uid == project_uid && known.has_key(key, named) {
            return Ok(named.to_owned());
        }
    }
    Ok(object_file(project_uid, key))
}

/// Changes a file and, in the same batch, what its project holds.
async fn change_file(
    file: &str,
    command: FileCommand,
    at: &DecisionContext,
    unit: &mut Unit,
) -> Result<Decision, Problem> {
    let id = token(file)?;
    let before = unit.load::<File>(&id).await?.counted_bytes;
    unit.handle::<File>(&id, command, at).await?;
    let known = unit.load::<File>(&id).await?;
    let (after, project_uid) = (known.counted_bytes, known.project_uid.clone());
    let count = |bytes: Option<i64>| i64::from(bytes.is_some());
    let files = count(after) - count(before);
    let bytes = after.unwrap_or(0) - before.unwrap_or(0);
    if files != 0 || bytes != 0 {
        let change = CountFiles { project_uid: project_uid.clone(), files, bytes };
        unit.handle::<Shelf>(&token(&project_uid)?, change.into(), at).await?;
    }
    Ok(Decision::accepted(json!({ "file": file })))
}

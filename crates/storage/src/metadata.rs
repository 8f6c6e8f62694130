//! How commands on metadata are decided: of which object they are about, the catalogue says; which entries there are, an aggregate
//! for each object and branch.

use alluvium_eventlog::{Decision, Unit};
use alluvium_kernel::{DecisionContext, Problem, Token};
use serde_json::json;

use crate::context::token;
use crate::contract::{ClearMetadata, DeleteMetadata, MergeMetadata, MetadataCommand, ProjectCommand, SetMetadata};
use crate::links::{self, Named};
use crate::model::names::{MAIN_BRANCH, bucket_name, fold};
use crate::model::{Catalogue, Metadata, MetadataOf, Project, Shown, Table, TableRef, names, problem};

/// The names by which a command says what it is about.
struct Names<'a> {
    project: &'a str,
    branch: &'a str,
    of_project: bool,
    bucket: Option<&'a str>,
    table: Option<&'a str>,
}

/// What these names stand for.
struct Found {
    of: MetadataOf,
    branch: String,
    project_uid: String,
    object: String,
    /// The table that the branch shows; empty for what is none.
    uid: String,
    /// Whether what the main line says of the object is said of it here as well.
    inherits: bool,
    /// Whether it is what the main line said when the branch was made, which the catalogue alone knows.
    is_pinned: bool,
}

impl Found {
    fn aggregate(&self) -> Result<Token, Problem> {
        self.of.aggregate(&self.object, &self.branch)
    }
}

pub(crate) async fn plan(
    command: &MetadataCommand,
    at: &DecisionContext,
    unit: &mut Unit,
) -> Result<Decision, Problem> {
    match command {
        MetadataCommand::SetMetadata(command) => set(command, at, unit).await,
        MetadataCommand::DeleteMetadata(command) => delete(command, at, unit).await,
        MetadataCommand::MergeMetadata(command) => merge(command, at, unit).await,
        MetadataCommand::ClearMetadata(command) => {
            let id = MetadataOf::Table.aggregate(&command.object, &command.branch)?;
            unit.handle::<Metadata>(&id, command.clone().into(), at).await?;
            Ok(Decision::default())
        }
    }
}

async fn set(command: &SetMetadata, at: &DecisionContext, unit: &mut Unit) -> Result<Decision, Problem> {
    let SetMetadata { project, branch, of_project, bucket, table, .. } = command;
    let (of_project, bucket, table) = (*of_project, bucket.as_deref(), table.as_deref());
    let found = find(Names { project, branch, of_project, bucket, table }, unit).await?;
    let mut command = command.clone();
    let is_of_columns = command.entries.iter().any(|entry| entry.column.is_some());
    command.columns = match found.of {
        MetadataOf::Table => columns(&found.uid, unit).await?,
        _ if is_of_columns => return Err(problem::invalid_request("A column is named with its table.")),
        _ => Vec::new(),
    };
    let id = found.aggregate()?;
    command.branch = found.branch;
    (command.object, command.uid, command.project_uid) = (found.object, found.uid, found.project_uid);
    unit.handle::<Metadata>(&id, command.into(), at).await?;
    Ok(Decision::default())
}

async fn delete(command: &DeleteMetadata, at: &DecisionContext, unit: &mut Unit) -> Result<Decision, Problem> {
    let DeleteMetadata { project, branch, of_project, bucket, table, .. } = command;
    let (of_project, bucket, table) = (*of_project, bucket.as_deref(), table.as_deref());
    let found = find(Names { project, branch, of_project, bucket, table }, unit).await?;
    let mut command = command.clone();
    if let Some(column) = &command.column {
        let column = fold(column);
        if found.of != MetadataOf::Table || !columns(&found.uid, unit).await?.contains(&column) {
            return Err(problem::column_not_found(404, &column));
        }
    }
    let id = found.aggregate()?;
    command.inherited = if found.inherits && found.is_pinned {
        true
    } else if found.inherits {
        let column = command.column.as_deref().map(fold).unwrap_or_default();
        let main = found.of.aggregate(&found.object, MAIN_BRANCH)?;
        unit.load::<Metadata>(&main).await?.entry(&column, &command.id).unwrap_or(false)
    } else {
        false
    };
    command.branch = found.branch;
    (command.object, command.uid, command.project_uid) = (found.object, found.uid, found.project_uid);
    unit.handle::<Metadata>(&id, command.into(), at).await?;
    Ok(Decision::default())
}

/// The main line has a table to say it of: the one that the branch's was merged into.
async fn merge(command: &MergeMetadata, at: &DecisionContext, unit: &mut Unit) -> Result<Decision, Problem> {
    let live = catalogue(&command.project, unit).await?;
    let (own, main) = live.to_merge(&command.branch, &command.bucket, &command.table)?;
    let main = main.ok_or_else(|| problem::table_not_found(&command.bucket, &command.table))?.uid.clone();
    let (source, source_uid) = (root(&command.branch, Shown::Own(own)).to_owned(), own.uid.clone());
    let project_uid = live.uid.clone();
    let said = unit.load::<Metadata>(&MetadataOf::Table.aggregate(&source, &command.branch)?).await?;
    let (shown, hidden) = (said.refs(true), said.refs(false));
    let id = MetadataOf::Table.aggregate(&main, MAIN_BRANCH)?;
    let result = json!({ "shown": shown.len(), "hidden": hidden.len() });
    let merge = MergeMetadata { object: main, project_uid, source, source_uid, shown, hidden, ..command.clone() };
    unit.handle::<Metadata>(&id, merge.into(), at).await?;
    Ok(Decision::accepted(result))
}

async fn catalogue<'u>(project: &str, unit: &'u mut Unit) -> Result<&'u Catalogue, Problem> {
    let id = names::project_aggregate_id(project).map_err(|_| problem::project_not_found(project))?;
    unit.load::<Project>(&id).await?.live(project)
}

/// The columns of a table, in small letters.
async fn columns(uid: &str, unit: &mut Unit) -> Result<Vec<String>, Problem> {
    Ok(unit.load::<Table>(&token(uid)?).await?.columns.iter().map(|column| fold(&column.name)).collect())
}

async fn find(
    Names { project, branch, of_project, bucket, table }: Names<'_>,
    unit: &mut Unit,
) -> Result<Found, Problem> {
    let of = MetadataOf::named(of_project, bucket, table)?;
    // A project is no branch's.
    let branch = if of_project { MAIN_BRANCH } else { branch };
    if let (Some(bucket), Some(table)) = (bucket, table) {
        links::writable(Named { project, branch, bucket, table }, unit).await?;
    }
    let live = catalogue(project, unit).await?;
    live.has_branch(branch)?;
    let (is_dev, is_pinned) = (branch != MAIN_BRANCH, live.is_pinned(branch));
    let (object, uid, inherits) = match bucket.map(|bucket| live.bucket_on(branch, &bucket_name(bucket))).transpose()? {
        None => (live.uid.clone(), String::new(), is_dev),
        Some(bucket) => match table {
            None => (bucket.uid.clone(), String::new(), is_dev),
            Some(table) => {
                let shown = live.table(branch, bucket, table)?;
                let object = root(branch, shown).to_owned();
                // What the main line has dropped, it says nothing of.
                let is_there = bucket.tables.values().any(|main| main.uid == object);
                let is_there = if is_pinned { shown.table().copy_of.is_some() } else { is_there };
                (object, shown.table().uid.clone(), is_dev && is_there)
            }
        },
    };
    Ok(Found { of, branch: branch.to_owned(), project_uid: live.uid.clone(), object, uid, inherits, is_pinned })
}

/// The table under which is kept what a branch says of one: that of the main line which it has taken, or shows.
fn root<'a>(branch: &str, shown: Shown<'a>) -> &'a str {
    match shown {
        Shown::Own(TableRef { uid, copy_of, .. }) if branch != MAIN_BRANCH => copy_of.as_ref().unwrap_or(uid),
        Shown::Own(table) | Shown::Main(table) => &table.uid,
    }
}

/// What a dev branch has said of a table that a command lets it show no more; it may show the same one again.
pub(crate) async fn left_behind(
    command: &ProjectCommand,
    project: &Token,
    unit: &mut Unit,
) -> Result<Option<ClearMetadata>, Problem> {
    let (id, branch, bucket, table) = match command {
        ProjectCommand::DropTable(c) => (&c.project, &c.branch, &c.bucket, &c.table),
        ProjectCommand::PullTable(c) => (&c.project, &c.branch, &c.bucket, &c.table),
        _ => return Ok(None),
    };
    if branch == MAIN_BRANCH {
        return Ok(None);
    }
    let live = unit.load::<Project>(project).await?.live(id)?;
    // There a pull is about the rows alone: the table stays, and so does what is said of it.
    if matches!(command, ProjectCommand::PullTable(_)) && live.is_pinned(branch) {
        return Ok(None);
    }
    // Whether names are right is for the command to say.
    let bucket = live.bucket(&bucket_name(bucket)).ok();
    let shown = bucket.and_then(|bucket| live.shown(branch, bucket, table));
    let Some(object) = shown.map(|shown| root(branch, shown).to_owned()) else { return Ok(None) };
    let said = unit.load::<Metadata>(&MetadataOf::Table.aggregate(&object, branch)?).await?;
    Ok((!said.is_empty()).then(|| ClearMetadata { project: id.clone(), object, branch: branch.clone() }))
}

/// Takes it back, in the commit of that command.
pub(crate) async fn clear(command: ClearMetadata, at: &DecisionContext, unit: &mut Unit) -> Result<(), Problem> {
    let id = MetadataOf::Table.aggregate(&command.object, &command.branch)?;
    unit.handle::<Metadata>(&id, command.into(), at).await?;
    Ok(())
}

//! Commands that concern two projects: a share and a link are decided on both in one commit, and what a link shows is looked up
//! where it is.

mod levels;

use alluvium_eventlog::Unit;
use alluvium_kernel::{Actor, DecisionContext, Problem, Token};

use crate::contract::{
    AdmitLink, DeleteProject, LinkBucket, ProjectCommand, ProjectEvent, ReleaseLink, RestoreTable, ShareBucket,
    TakeSnapshot, UnlinkBucket,
};
use crate::model::{Catalogue, Link, Project, TableRef, names, problem};

/// Whether a bucket must be shared with a project before that can link it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ShareEnforcement {
    /// It must; only the admin links without, which shares it.
    #[default]
    Strict,
    /// It need not: any link shares what it shows. For moving installations that never asked.
    Open,
}

/// A table's names as a command gives them.
#[derive(Clone, Copy)]
pub(crate) struct Named<'a> {
    pub project: &'a str,
    pub branch: &'a str,
    pub bucket: &'a str,
    pub table: &'a str,
}

/// The command with what other projects say to it, after their part of it is staged.
pub(crate) async fn prepared(
    command: ProjectCommand,
    id: &Token,
    rule: ShareEnforcement,
    at: &DecisionContext,
    unit: &mut Unit,
) -> Result<ProjectCommand, Problem> {
    match command {
        ProjectCommand::ShareBucket(c) => share(c, id, unit).await,
        ProjectCommand::SetBucketSharing(c) => levels::set_sharing(c, id, unit).await,
        ProjectCommand::CutLinks(c) => levels::cut(c, id, at, unit).await,
        ProjectCommand::UpdateProject(c) => levels::update(c, id, at, unit).await,
        ProjectCommand::LinkBucket(c) => link(c, id, rule, at, unit).await,
        ProjectCommand::UnlinkBucket(c) => unlink(c, id, at, unit).await,
        ProjectCommand::DeleteProject(c) => release_all(c, id, at, unit).await,
        ProjectCommand::TakeSnapshot(c) => snapshot(c, unit).await,
        ProjectCommand::CreateTable(c) => {
            free(Named { project: &c.project, branch: &c.branch, bucket: &c.bucket, table: &c.table }, unit).await?;
            Ok(c.into())
        }
        ProjectCommand::CreateTableFromFile(c) => {
            free(Named { project: &c.project, branch: &c.branch, bucket: &c.bucket, table: &c.table }, unit).await?;
            Ok(c.into())
        }
        ProjectCommand::CopyTable(c) => {
            free(Named { project: &c.project, branch: &c.branch, bucket: &c.bucket, table: &c.table }, unit).await?;
            Ok(c.into())
        }
        ProjectCommand::UndropTable(c) => {
            free(Named { project: &c.project, branch: &c.branch, bucket: &c.bucket, table: &c.table }, unit).await?;
            Ok(c.into())
        }
        ProjectCommand::RestoreTable(c) => restore(c, id, at, unit).await,
        ProjectCommand::DropTable(c) => {
            writable(Named { project: &c.project, branch: &c.branch, bucket: &c.bucket, table: &c.table }, unit)
                .await?;
            Ok(c.into())
        }
        other => Ok(other),
    }
}

async fn share(mut command: ShareBucket, id: &Token, unit: &mut Unit) -> Result<ProjectCommand, Problem> {
    unit.load::<Project>(id).await?.live(&command.project)?;
    command.target_uid = None;
    if let Some(target) = &command.target_project {
        let other = other_project(target, id, "A bucket is shared with another project than its own.")?;
        command.target_uid = Some(unit.load::<Project>(&other).await?.live(target)?.uid.clone());
    }
    Ok(command.into())
}

/// The aggregate of a project that must not be `own`.
fn other_project(project: &str, own: &Token, why: &'static str) -> Result<Token, Problem> {
    let id = names::project_aggregate_id(project).map_err(|_| problem::project_not_found(project))?;
    if id == *own { Err(problem::invalid_request(why)) } else { Ok(id) }
}

async fn link(
    mut command: LinkBucket,
    id: &Token,
    rule: ShareEnforcement,
    at: &DecisionContext,
    unit: &mut Unit,
) -> Result<ProjectCommand, Problem> {
    let live = unit.load::<Project>(id).await?.live(&command.project)?;
    let (target_uid, target_organization) = (live.uid.clone(), live.organization.clone());
    let target_bucket = names::bucket_name(&command.bucket);
    names::valid_bucket(&target_bucket)?;
    let grant = at.actor == Actor::Admin || rule == ShareEnforcement::Open;
    let source = match other_project(&command.source_project, id, "A bucket is linked from another project.") {
        // An id that no project can have is as unknown as any other.
        Err(missing) if missing.status == 404 && !grant => {
            return Err(problem::bucket_not_shared(&command.source_project, &command.source_bucket));
        }
        other => other?,
    };
    let admit = AdmitLink {
        project: command.source_project.clone(),
        bucket: command.source_bucket.clone(),
        target_project: command.project.clone(),
        target_uid,
        target_bucket,
        grant,
        target_organization,
    };
    let events = unit.handle::<Project>(&source, admit.into(), at).await?;
    command.source_uid = events.into_iter().find_map(|event| match event {
        ProjectEvent::LinkAdmitted(admitted) => Some(admitted.uid),
        _ => None,
    });
    Ok(command.into())
}

async fn unlink(
    command: UnlinkBucket,
    id: &Token,
    at: &DecisionContext,
    unit: &mut Unit,
) -> Result<ProjectCommand, Problem> {
    let live = unit.load::<Project>(id).await?.live(&command.project)?;
    let uid = live.uid.clone();
    let found = live.bucket(&names::bucket_name(&command.bucket)).ok();
    let link = found.and_then(|bucket| Some((bucket.name.clone(), bucket.link.clone()?)));
    if let Some((bucket, link)) = link {
        release(&uid, &bucket, link, at, unit).await?;
    }
    Ok(command.into())
}

/// Lets go of every bucket that a project shows.
async fn release_all(
    command: DeleteProject,
    id: &Token,
    at: &DecisionContext,
    unit: &mut Unit,
) -> Result<ProjectCommand, Problem> {
    let live = unit.load::<Project>(id).await?.live(&command.project)?;
    let uid = live.uid.clone();
    let links: Vec<(String, Link)> =
        live.buckets.values().filter_map(|bucket| Some((bucket.name.clone(), bucket.link.clone()?))).collect();
    for (bucket, link) in links {
        release(&uid, &bucket, link, at, unit).await?;
    }
    Ok(command.into())
}

/// Tells a source that a bucket shows it no more.
async fn release(uid: &str, bucket: &str, link: Link, at: &DecisionContext, unit: &mut Unit) -> Result<(), Problem> {
    if link.is_of_pipeline() {
        return Ok(());
    }
    let source = names::project_aggregate_id(&link.project)?;
    let release = ReleaseLink {
        project: link.project,
        bucket: link.bucket,
        uid: link.uid,
        target_uid: uid.to_owned(),
        target_bucket: bucket.to_owned(),
    };
    unit.handle::<Project>(&source, release.into(), at).await?;
    Ok(())
}

async fn snapshot(mut command: TakeSnapshot, unit: &mut Unit) -> Result<ProjectCommand, Problem> {
    command.uid = None;
    let TakeSnapshot { project, branch, bucket, table, .. } = &command;
    let named = Named { project, branch, bucket, table };
    if let Some(found) = shown(named, unit).await? {
        let found = found?;
        if found.name != command.table {
            return Err(problem::table_not_found(&names::bucket_name(&command.bucket), &command.table));
        }
        command.uid = Some(found.uid);
    }
    Ok(command.into())
}

/// A restore makes a table of the project's own: not under a name that shows another's.
async fn restore(
    command: RestoreTable,
    id: &Token,
    at: &DecisionContext,
    unit: &mut Unit,
) -> Result<ProjectCommand, Problem> {
    let live = unit.load::<Project>(id).await?.live(&command.project)?;
    let Ok(taken) = live.snapshot(&command.branch, &command.snapshot, at.time) else { return Ok(command.into()) };
    let bucket = command.target_bucket.as_deref().map_or_else(|| taken.bucket.clone(), names::bucket_name);
    let table = command.target_table.clone().unwrap_or_else(|| taken.table.clone());
    let is_home = bucket == taken.bucket && table == taken.table;
    let (project, branch) = (&command.project, &command.branch);
    match shown(Named { project, branch, bucket: &bucket, table: &table }, unit).await? {
        Some(Ok(_)) if is_home => Err(problem::bucket_readonly(&bucket, &table)),
        Some(Ok(there)) => Err(problem::table_exists(&bucket, &there.name)),
        Some(Err(_)) | None => Ok(command.into()),
    }
}

/// Refuses a new table under a name that shows another project's.
async fn free(named: Named<'_>, unit: &mut Unit) -> Result<(), Problem> {
    match shown(named, unit).await? {
        Some(Ok(there)) => Err(problem::table_exists(&names::bucket_name(named.bucket), &there.name)),
        Some(Err(_)) | None => Ok(()),
    }
}

/// Refuses to change what a link shows; `Ok` for what is the project's own, or nowhere.
pub(crate) async fn writable(named: Named<'_>, unit: &mut Unit) -> Result<(), Problem> {
    match shown(named, unit).await? {
        None => Ok(()),
        Some(Ok(there)) if there.name == named.table => {
            Err(problem::bucket_readonly(&names::bucket_name(named.bucket), named.table))
        }
        Some(Ok(_)) => Err(problem::table_not_found(&names::bucket_name(named.bucket), named.table)),
        Some(Err(why)) => Err(why),
    }
}

/// The table that a linked bucket shows under a name, in any case, or why it shows none; `None` where a name means the project's
/// own.
async fn shown(named: Named<'_>, unit: &mut Unit) -> Result<Option<Result<TableRef, Problem>>, Problem> {
    let Ok(id) = names::project_aggregate_id(named.project) else { return Ok(None) };
    let Ok(live) = unit.load::<Project>(&id).await?.live(named.project) else { return Ok(None) };
    let Some((link, uid)) = linked(live, named) else { return Ok(None) };
    if link.is_of_pipeline() {
        // Whatever its program names or will name: the names are the pipeline's.
        return Err(problem::bucket_of_pipeline(&names::bucket_name(named.bucket)));
    }
    let source = names::project_aggregate_id(&link.project)?;
    let source = unit.load::<Project>(&source).await?;
    Ok(Some(table_of(source, &link, named, &uid)))
}

/// What a bucket shows, unless the table is its own; with the uid of the project that asks.
fn linked(live: &Catalogue, named: Named<'_>) -> Option<(Link, String)> {
    let bucket = live.bucket_on(named.branch, &names::bucket_name(named.bucket)).ok()?;
    let is_own = live.shown(named.branch, bucket, named.table).is_some();
    let link = bucket.link.clone().filter(|_| !is_own)?;
    Some((link, live.uid.clone()))
}

fn table_of(source: &Project, link: &Link, named: Named<'_>, uid: &str) -> Result<TableRef, Problem> {
    let live = source.live(&link.project).ok();
    let bucket = live.and_then(|live| live.bucket(&link.bucket).ok()).filter(|bucket| bucket.uid == link.uid);
    let bucket = bucket.ok_or_else(|| problem::source_not_found(&link.project, &link.bucket))?;
    if link.is_closed || !bucket.sharing.admits(named.project, uid) {
        return Err(problem::share_revoked(&link.project, &link.bucket));
    }
    let not_found = || problem::table_not_found(&names::bucket_name(named.bucket), named.table);
    bucket.tables.get(&names::fold(named.table)).cloned().ok_or_else(not_found)
}

//! Sharing with an organisation: who is in it, who leaves it, and links that their source cuts.

use std::collections::BTreeSet;

use alluvium_eventlog::Unit;
use alluvium_kernel::{DecisionContext, Problem, Token};

use super::other_project;
use crate::contract::{CloseLink, CutLinks, ProjectCommand, SetBucketSharing, UpdateProject};
use crate::model::{Project, Sharing, names, problem};

/// The command with which projects it names, and which of those that link the bucket are of its organisation.
pub(super) async fn set_sharing(
    mut command: SetBucketSharing,
    id: &Token,
    unit: &mut Unit,
) -> Result<ProjectCommand, Problem> {
    let live = unit.load::<Project>(id).await?.live(&command.project)?;
    let organization = live.organization.clone();
    let bucket = live.bucket(&names::bucket_name(&command.bucket)).ok();
    let linking: Vec<(String, String)> = bucket.map_or_else(Vec::new, |bucket| {
        let with = bucket.sharing.with.iter().filter(|(_, uid)| bucket.sharing.is_shown_in(uid));
        with.map(|(project, uid)| (project.clone(), uid.clone())).collect()
    });
    command.target_uids = Vec::with_capacity(command.targets.len());
    for target in &command.targets {
        let other = other_project(target, id, "A bucket is shared with other projects than its own.")?;
        command.target_uids.push(unit.load::<Project>(&other).await?.live(target)?.uid.clone());
    }
    command.members = Vec::new();
    for (project, uid) in linking {
        let other = names::project_aggregate_id(&project)?;
        let live = unit.load::<Project>(&other).await?.live(&project).ok();
        let is_member = live.is_some_and(|live| live.uid == uid && live.organization == organization);
        if is_member && organization.is_some() {
            command.members.push(uid);
        }
    }
    Ok(command.into())
}

/// Nobody leaves an organisation who links what is shared with it.
pub(super) async fn update(
    command: UpdateProject,
    id: &Token,
    at: &DecisionContext,
    unit: &mut Unit,
) -> Result<ProjectCommand, Problem> {
    let live = unit.load::<Project>(id).await?.live(&command.project)?;
    if !live.leaves_for(command.organization.as_deref(), at)? {
        return Ok(command.into());
    }
    let (own, uid) = (live.id.clone(), live.uid.clone());
    let links: BTreeSet<(String, String)> = live
        .buckets
        .values()
        .filter_map(|bucket| bucket.link.as_ref().filter(|link| !link.is_of_pipeline()))
        .map(|link| (link.project.clone(), link.bucket.clone()))
        .collect();
    let mut linked = Vec::new();
    for (project, name) in links {
        let source = unit.load::<Project>(&names::project_aggregate_id(&project)?).await?;
        let bucket = source.live(&project).and_then(|live| live.bucket(&name)).ok();
        let by_level = |sharing: &Sharing| sharing.admits(&own, &uid) && sharing.by_level.contains(&own);
        if bucket.is_some_and(|bucket| by_level(&bucket.sharing)) {
            linked.push(format!("{project}.{name}"));
        }
    }
    if linked.is_empty() { Ok(command.into()) } else { Err(problem::organization_in_use(&own, &linked)) }
}

/// The command with which project that is, after its links were closed.
pub(super) async fn cut(
    mut command: CutLinks,
    id: &Token,
    at: &DecisionContext,
    unit: &mut Unit,
) -> Result<ProjectCommand, Problem> {
    command.target_uid = None;
    let bucket =
        unit.load::<Project>(id).await?.live(&command.project)?.bucket(&names::bucket_name(&command.bucket))?;
    let (source_uid, shown_in) = (bucket.uid.clone(), bucket.sharing.shown_in.clone());
    // A project that nobody has is one that links nothing.
    let Ok(other) = names::project_aggregate_id(&command.target_project) else { return Ok(command.into()) };
    let Ok(target) = unit.load::<Project>(&other).await?.live(&command.target_project) else {
        return Ok(command.into());
    };
    let uid = target.uid.clone();
    for (_, bucket) in shown_in.into_iter().filter(|(of, _)| *of == uid) {
        let close = CloseLink { project: command.target_project.clone(), bucket, source_uid: source_uid.clone() };
        unit.handle::<Project>(&other, close.into(), at).await?;
    }
    command.target_uid = Some(uid);
    Ok(command.into())
}

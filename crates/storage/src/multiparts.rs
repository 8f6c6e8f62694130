//! How commands on uploads in parts are decided: each belongs to a living project, and what completes one puts its object in the
//! same commit.

use alluvium_eventlog::{Decision, Unit};
use alluvium_kernel::{DecisionContext, Problem};
use serde_json::json;

use crate::context::{put_object, token};
use crate::contract::{CompleteMultipart, MultipartCommand, PutObject};
use crate::model::{Multipart, MultipartStage, Project, Shelf, names, problem};

pub(crate) async fn plan(
    command: &MultipartCommand,
    at: &DecisionContext,
    unit: &mut Unit,
) -> Result<Decision, Problem> {
    let id = token(command.upload())?;
    let mut command = command.clone();
    let result = json!({ "upload": command.upload() });
    if matches!(command, MultipartCommand::ExpireMultipart(_)) {
        // Also what a project left behind: its time is over whether or not the project lives.
        unit.handle::<Multipart>(&id, command, at).await?;
        return Ok(Decision::accepted(result));
    }
    let project = command.project().to_owned();
    let not_found = || problem::project_not_found(&project);
    let catalogue = names::project_aggregate_id(&project).map_err(|_| not_found())?;
    let live = unit.load::<Project>(&catalogue).await?.live(&project)?;
    let of = command.branch().unwrap_or(names::MAIN_BRANCH);
    if !names::is_key(of) {
        live.has_branch(of)?;
    }
    let project_uid = live.uid.clone();
    if matches!(command, MultipartCommand::StartMultipart(_)) {
        unit.presume_new::<Multipart>(&id);
    }
    let known = unit.load::<Multipart>(&id).await?;
    // An upload to an earlier project of the same id is not there for this one.
    if known.stage != MultipartStage::Absent && known.project_uid != project_uid {
        return Err(problem::no_such_upload(command.upload()));
    }
    match &mut command {
        MultipartCommand::StartMultipart(start) => {
            unit.load::<Shelf>(&token(&project_uid)?).await?.check_room(1, 0)?;
            start.project_uid = project_uid;
        }
        MultipartCommand::StagePart(part) => {
            // Refused before it is an object: what lies about in parts takes room as well.
            let whole = known.bytes_besides(part.number).saturating_add(part.size_bytes);
            unit.load::<Shelf>(&token(&project_uid)?).await?.check_room(1, whole)?;
        }
        MultipartCommand::CompleteMultipart(complete) => {
            let put = object(complete, known, project_uid);
            let events = unit.handle::<Multipart>(&id, command, at).await?;
            return if events.is_empty() { Ok(Decision::accepted(result)) } else { put_object(put, at, unit).await };
        }
        MultipartCommand::AbortMultipart(_) | MultipartCommand::ExpireMultipart(_) => {}
    }
    unit.handle::<Multipart>(&id, command, at).await?;
    Ok(Decision::accepted(result))
}

/// What an upload becomes: the file of the branch that it was begun for.
fn object(complete: &CompleteMultipart, upload: &Multipart, project_uid: String) -> PutObject {
    PutObject {
        project: complete.project.clone(),
        key: upload.key.clone(),
        content_type: upload.content_type.clone(),
        blob: complete.blob.clone(),
        size_bytes: complete.size_bytes,
        md5: Some(complete.md5.clone()),
        file: String::new(),
        project_uid,
        branch: upload.branch.clone(),
    }
}

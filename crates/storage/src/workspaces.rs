//! How commands on workspaces are decided: each belongs to a living project, and to a branch that is there.

use alluvium_eventlog::{Decision, Unit};
use alluvium_kernel::{DecisionContext, Problem, Token};
use serde_json::json;

use crate::contract::WorkspaceCommand;
use crate::model::{Project, Workspace, names, problem, workspace_uid};

pub(crate) async fn plan(
    command: &WorkspaceCommand,
    at: &DecisionContext,
    unit: &mut Unit,
) -> Result<Decision, Problem> {
    let project = command.project();
    let not_found = || problem::project_not_found(project);
    let id = names::project_aggregate_id(project).map_err(|_| not_found())?;
    let live = unit.load::<Project>(&id).await?.live(project)?;
    if let Some(branch) = command.branch() {
        live.has_branch(branch)?;
    }
    let project_uid = live.uid.clone();
    let uid = workspace_uid(&project_uid, command.workspace());
    let mut command = command.clone();
    if let WorkspaceCommand::CreateWorkspace(create) = &mut command {
        create.project_uid = project_uid;
    }
    let result = json!({ "workspace": command.workspace(), "uid": uid });
    let id = Token::encode(&uid).map_err(|_| Problem::internal())?;
    unit.handle::<Workspace>(&id, command, at).await?;
    Ok(Decision::accepted(result))
}

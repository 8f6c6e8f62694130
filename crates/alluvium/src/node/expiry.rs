//! Lets go of files, uploads and workspaces whose time is over. Nobody sees them from that moment on; this is what frees their content and
//! their places. Any number of processes may do it at once: the second to ask changes nothing.

use std::time::Duration;

use alluvium_eventlog::{CommandClient, CommandRequest};
use alluvium_kernel::{Actor, Problem, Token, Verdict};
use alluvium_messaging::ContractSet as _;
use alluvium_storage::Queries;
use alluvium_storage::contract::{Command, ExpireFile, ExpireWorkspace, FileCommand, WorkspaceCommand};
use alluvium_storage::queries::{Ended, EndedWorkspace};
use tokio_util::sync::CancellationToken;

/// Files looked for at once.
const BATCH_FILES: i64 = 1_000;
/// How long an outcome is waited for, in seconds.
const OUTCOME_WAIT_SECONDS: u64 = 60;

/// Looks again and again until told to stop.
pub async fn run(catalogue: Queries, client: CommandClient, every: Duration, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
        match stop.run_until_cancelled(once(&catalogue, &client)).await {
            None => return,
            Some(Ok(0)) => {}
            Some(Ok(files)) => tracing::info!(files, "files whose time was over were let go"),
            Some(Err(problem)) => {
                tracing::warn!(%problem, "files whose time is over could not be let go; it is tried again");
            }
        }
    }
}

/// Lets go of what is over now; more than a batch waits for the next look, so that the projection has shown this one.
async fn once(catalogue: &Queries, client: &CommandClient) -> Result<usize, Problem> {
    let ended = catalogue.ended_files(BATCH_FILES).await?;
    for file in &ended {
        expire(client, file).await?;
        metrics::counter!("alluvium_files_expired_total").increment(1);
    }
    let workspaces = catalogue.ended_workspaces(BATCH_FILES).await?;
    for workspace in &workspaces {
        expire_workspace(client, workspace).await?;
    }
    Ok(ended.len())
}

async fn expire(client: &CommandClient, ended: &Ended) -> Result<(), Problem> {
    let command = ExpireFile { project: ended.project.clone(), file: ended.file.clone() };
    send(client, &ended.tenant, Command::File(FileCommand::ExpireFile(command))).await
}

async fn expire_workspace(client: &CommandClient, ended: &EndedWorkspace) -> Result<(), Problem> {
    let command = ExpireWorkspace { project: ended.project.clone(), workspace: ended.workspace.clone() };
    send(client, &ended.tenant, Command::Workspace(WorkspaceCommand::ExpireWorkspace(command))).await
}

async fn send(client: &CommandClient, tenant: &str, command: Command) -> Result<(), Problem> {
    let request = CommandRequest {
        tenant: Token::encode(tenant).map_err(|_| Problem::internal())?,
        context: "storage".to_owned(),
        command: command.name().to_owned(),
        command_id: format!("expiry-{}", uuid::Uuid::now_v7()),
        actor: Actor::System("expiry".to_owned()),
        payload: command.to_avro().into(),
        trace_parent: None,
    };
    match client.send(&request, Duration::from_secs(OUTCOME_WAIT_SECONDS)).await?.verdict {
        Verdict::Accepted { .. } => Ok(()),
        Verdict::Rejected { problem } => Err(problem),
    }
}

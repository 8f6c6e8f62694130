//! Lets go of files, uploads, snapshots and workspaces whose time is over. Nobody sees them from that moment on; this is what
//! frees their content and their places. Any number of processes may do it at once: the second to ask changes nothing.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alluvium_eventlog::{CommandClient, CommandRequest};
use alluvium_kernel::{Actor, Problem, Timestamp, Token, Verdict};
use alluvium_messaging::ContractSet as _;
use alluvium_storage::Queries;
use alluvium_storage::contract::{
    Command, ExpireFile, ExpireMultipart, ExpireSnapshots, ExpireWorkspace, FileCommand, MultipartCommand,
    ProjectCommand, WorkspaceCommand,
};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// Files looked for at once.
const BATCH_FILES: i64 = 1_000;
/// Projects looked for at once whose snapshots are over.
const BATCH_PROJECTS: i64 = 1_000;
/// How long an outcome is waited for, in seconds.
const OUTCOME_WAIT_SECONDS: u64 = 60;

/// Looks again and again until told to stop.
pub async fn run(catalogue: Queries, client: CommandClient, every: Duration, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
        let look = async {
            tell("files", files(&catalogue, &client).await);
            tell("uploads in parts", multiparts(&catalogue, &client).await);
            tell("snapshots", snapshots(&catalogue, &client).await);
            tell("workspaces", workspaces(&catalogue, &client).await);
        };
        if stop.run_until_cancelled(look).await.is_none() {
            return;
        }
    }
}

fn tell(what: &str, let_go: Result<u64, Problem>) {
    match let_go {
        Ok(0) => {}
        Ok(count) => tracing::info!(what, count, "what had its time was let go"),
        Err(problem) => tracing::warn!(what, %problem, "what had its time could not be let go; it is tried again"),
    }
}

/// Lets go of files that are over now; more than a batch waits for the next look, so that the projection has shown this one.
async fn files(catalogue: &Queries, client: &CommandClient) -> Result<u64, Problem> {
    let ended = catalogue.ended_files(BATCH_FILES).await?;
    for file in &ended {
        let command = ExpireFile { project: file.project.clone(), file: file.file.clone() };
        send(client, &file.tenant, Command::File(FileCommand::ExpireFile(command))).await?;
        metrics::counter!("alluvium_files_expired_total").increment(1);
    }
    Ok(ended.len() as u64)
}

/// The same for objects that are uploaded in parts.
async fn multiparts(catalogue: &Queries, client: &CommandClient) -> Result<u64, Problem> {
    let ended = catalogue.ended_multiparts(BATCH_FILES).await?;
    for multipart in &ended {
        let command = ExpireMultipart { project: multipart.project.clone(), upload: multipart.upload.clone() };
        let command = MultipartCommand::ExpireMultipart(command);
        send(client, &multipart.tenant, Command::Multipart(command)).await?;
    }
    Ok(ended.len() as u64)
}

/// The same for snapshots, project by project; the commit says how many there were.
async fn snapshots(catalogue: &Queries, client: &CommandClient) -> Result<u64, Problem> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as i64;
    let mut count = 0;
    for (tenant, project) in
        catalogue.projects_with_ended_snapshots(Timestamp::from_micros(now), BATCH_PROJECTS).await?
    {
        let command = ProjectCommand::ExpireSnapshots(ExpireSnapshots { project });
        let result = send(client, &tenant, Command::Project(command)).await?;
        let expired = result.get("expired").and_then(Value::as_u64).unwrap_or(0);
        metrics::counter!("duckdb_snapshots_expired_total").increment(expired);
        count += expired;
    }
    Ok(count)
}

/// The same for workspaces.
async fn workspaces(catalogue: &Queries, client: &CommandClient) -> Result<u64, Problem> {
    let ended = catalogue.ended_workspaces(BATCH_FILES).await?;
    for workspace in &ended {
        let command = ExpireWorkspace { project: workspace.project.clone(), workspace: workspace.workspace.clone() };
        let command = WorkspaceCommand::ExpireWorkspace(command);
        send(client, &workspace.tenant, Command::Workspace(command)).await?;
    }
    Ok(ended.len() as u64)
}

async fn send(client: &CommandClient, tenant: &str, command: Command) -> Result<Value, Problem> {
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
        Verdict::Accepted { result, .. } => Ok(result),
        Verdict::Rejected { problem } => Err(problem),
    }
}

//! Has the keys destroyed that sealed texts of projects which nobody can bring back any more. Any number of processes may do it at
//! once: what is said twice of a project means the same.

use std::time::Duration;

use alluvium_access::contract::{Command, ForgetDeletedProject, TenantCommand};
use alluvium_eventlog::seals::{Forgotten, Seals};
use alluvium_eventlog::{CommandClient, CommandRequest, Past};
use alluvium_kernel::{Actor, Problem, Token, Verdict};
use alluvium_messaging::ContractSet as _;
use alluvium_storage::queries::EndedProject;
use alluvium_storage::{Queries, UndropWindow, context, is_still_deleted};
use tokio_util::sync::CancellationToken;

use super::Parts;

/// Projects looked for at once.
const BATCH_PROJECTS: i64 = 1_000;
/// How far before the last one it is looked again, in microseconds: clocks differ, and so does the order in which deletions show.
const OVERLAP_MICROS: i64 = 60 * 60 * 1_000_000;
/// How long an outcome is waited for, in seconds.
const OUTCOME_WAIT_SECONDS: u64 = 60;

/// Looks for the final ends of projects.
pub struct Endings {
    catalogue: Queries,
    client: CommandClient,
    seals: Seals,
    past: Past,
    window: UndropWindow,
    /// All that were deleted before are done, as far as they were to be seen; in microseconds since 1970.
    done: i64,
}

impl Endings {
    /// Has looked at nothing yet.
    pub fn new(parts: &Parts, catalogue: Queries) -> Self {
        let (client, past) = (parts.client.clone(), Past::new(parts.js.clone(), context::STREAM));
        let (seals, window) = (client.seals().clone(), parts.config.retention.undrop());
        Self { catalogue, client, seals, past, window, done: 0 }
    }

    /// Looks again and again until told to stop.
    pub async fn run(mut self, every: Duration, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(every) => {}
            }
            let Some(looked) = stop.run_until_cancelled(self.look()).await else { return };
            if let Err(problem) = looked {
                tracing::warn!(%problem, "keys of deleted projects could not be destroyed; it is tried again");
            }
        }
    }

    async fn look(&mut self) -> Result<(), Problem> {
        let from = self.done.saturating_sub(OVERLAP_MICROS);
        let mut last = EndedProject { deleted_at: from, ..EndedProject::default() };
        loop {
            let ended = self.catalogue.ended_projects(&last, BATCH_PROJECTS).await?;
            for project in &ended {
                self.forget(project).await?;
            }
            let Some(newest) = ended.into_iter().next_back() else { break };
            last = newest;
        }
        self.done = self.done.max(last.deleted_at);
        Ok(())
    }

    /// The catalogue only says where to look; whether there is a key still, and no project again, its bucket and the log say.
    async fn forget(&self, ended: &EndedProject) -> Result<(), Problem> {
        let EndedProject { tenant, project, uid, deleted_at } = ended.clone();
        let tenant = Token::encode(&tenant).map_err(|_| Problem::internal())?;
        let until = self.window.ends(deleted_at);
        let is_done = self.seals.is_forgotten(&tenant, &Forgotten::Project(project.clone(), until)).await?;
        if is_done || !is_still_deleted(&self.past, &tenant, &project, &uid).await? {
            return Ok(());
        }
        let command = ForgetDeletedProject { project: project.clone(), until };
        let command = Command::Tenant(TenantCommand::ForgetDeletedProject(command));
        let request = CommandRequest {
            tenant,
            context: "access".to_owned(),
            command: command.name().to_owned(),
            // One for each project that was, whoever asks and how often.
            command_id: format!("ended-{uid}-{until}"),
            actor: Actor::System("retention".to_owned()),
            payload: command.to_avro().into(),
            trace_parent: None,
        };
        match self.client.send(&request, Duration::from_secs(OUTCOME_WAIT_SECONDS)).await?.verdict {
            Verdict::Accepted { .. } => {
                tracing::info!(project, "a project is deleted for good: the key of its sealed texts is destroyed");
                Ok(())
            }
            Verdict::Rejected { problem } => Err(problem),
        }
    }
}

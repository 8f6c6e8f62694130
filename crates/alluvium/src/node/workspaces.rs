//! Workspaces of this process: how their engines are started, and what becomes of what nobody has any more.

use std::path::Path;
use std::time::Duration;

use alluvium_kernel::{Position, Problem};
use alluvium_messaging::direct;
use alluvium_projection::Freshness;
use alluvium_storage::fold::STREAM;
use alluvium_storage::{Queries, projection};
use alluvium_workspaces::{Settings, Workspaces};
use async_nats::jetstream;
use tokio_util::sync::CancellationToken;

use super::Parts;
use super::tables::memory_limit;
use crate::config::Config;
use crate::failure::Failure;

/// How long the catalogue may take to read the log, in seconds; else the next sweep asks.
const FRESH_WAIT_SECONDS: u64 = 10;

/// Opens the directory of workspaces.
pub fn open(config: &Config) -> Result<Workspaces, Failure> {
    let cannot = |error: &(dyn std::error::Error + 'static)| {
        Failure::unavailable("cli.io", "The directory of workspaces cannot be used.").because(error)
    };
    let program = std::env::current_exe().map_err(|error| cannot(&error))?;
    clear_copies(&config.data_dir.join("exports"));
    let settings = Settings {
        directory: config.data_dir.join("workspaces"),
        command: vec![program.into(), "workspace-engine".into()],
        memory_bytes: memory_limit("workspaces.memory_limit", &config.workspaces.memory_limit)?,
        threads: config.workspaces.threads as usize,
    };
    Workspaces::open(settings).map_err(|error| cannot(&error))
}

/// Takes away the copies of tables that sessions of an earlier life of the process have left.
fn clear_copies(directory: &Path) {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        if let Err(error) = std::fs::remove_dir_all(entry.path()) {
            tracing::warn!(error = %error, "copies of tables that nobody needs any more stay");
        }
    }
}

/// Takes away what lies in workspaces that are deleted or over, or whose project or branch is gone.
pub struct Sweep {
    engines: Workspaces,
    catalogue: Queries,
    js: jetstream::Context,
    freshness: Freshness,
}

impl Sweep {
    /// A sweep over the workspaces of this process.
    pub fn new(parts: &Parts, engines: Workspaces, catalogue: Queries) -> Self {
        Self { engines, catalogue, js: parts.js.clone(), freshness: parts.freshness.clone() }
    }

    /// Sweeps again and again until told to stop.
    pub async fn run(self, every: Duration, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(every) => {}
            }
            match stop.run_until_cancelled(self.once()).await {
                None => return,
                Some(Ok(0)) => {}
                Some(Ok(workspaces)) => {
                    tracing::info!(workspaces, "what lay in workspaces that are gone was taken away");
                }
                Some(Err(problem)) => {
                    tracing::warn!(%problem, "what lies in workspaces that are gone stays; it is tried again");
                }
            }
        }
    }

    /// One is on the log before anything lies in it. So what a catalogue does not know that has read the log as it is now, is gone; one
    /// that is still folded says nothing.
    async fn once(&self) -> Result<usize, Problem> {
        let failed = |error: &alluvium_workspaces::Error| {
            tracing::warn!(%error, error.detail = ?error, "the directory of workspaces cannot be used");
            Problem::unavailable("storage.workspace_unavailable", error.to_string())
        };
        let held = self.engines.held().map_err(|error| failed(&error))?;
        if held.is_empty() {
            return Ok(0);
        }
        let now = Position::of(STREAM, direct::extent(&self.js, STREAM).await?.last);
        self.freshness.wait(&now, &[projection::NAME], Duration::from_secs(FRESH_WAIT_SECONDS)).await?;
        let kept = self.catalogue.kept_workspaces(&held).await?;
        let gone: Vec<&String> = held.iter().filter(|uid| !kept.contains(*uid)).collect();
        for uid in &gone {
            self.engines.clear(uid).await.map_err(|error| failed(&error))?;
        }
        Ok(gone.len())
    }
}

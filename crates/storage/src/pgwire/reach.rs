//! The tables of the project that statements come to, as copies of one moment.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::PathBuf;

use alluvium_kernel::{Problem, Token};
use alluvium_pgwire::Failure;
use alluvium_workspaces::{Source, Talk};

use super::problems;
use crate::queries::{TableView, WorkspaceView};
use crate::routes::{Meant, StorageRoutes, copied, meant};

/// How often a set of copies is tried to be had of one moment.
const TRIES_MAX: usize = 5;

/// Copies of tables, in a directory of their own that goes with them.
pub(super) struct Copies {
    pub directory: PathBuf,
    taken: HashMap<String, Copy>,
    /// The last event that any table of the first set had taken in: whatever has not changed since then is as it was at that moment.
    newest: u64,
    /// As of which step pipelines are seen, by their ids.
    steps: HashMap<String, u64>,
}

struct Copy {
    file: PathBuf,
    table: TableView,
    /// The last event that it had taken in.
    seq: u64,
}

impl Drop for Copies {
    fn drop(&mut self) {
        // There is none where nothing was copied.
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

impl Copies {
    pub async fn new(state: &StorageRoutes) -> Result<Self, Problem> {
        let directory = state.tables()?.hub().config().export_dir.join(uuid::Uuid::new_v4().to_string());
        tokio::fs::create_dir(&directory).await.map_err(|error| {
            tracing::error!(error = %error, "a directory for copies of tables cannot be made");
            Problem::unavailable("storage.workspace_unavailable", "The tables cannot be copied now. Try again.")
        })?;
        Ok(Self { directory, taken: HashMap::new(), newest: 0, steps: HashMap::new() })
    }

    /// What a statement comes to, at the moment of what was copied before. `whole` brings the rows; else only the columns come.
    pub async fn reach(
        &mut self,
        state: &StorageRoutes,
        (tenant, view): (&Token, &WorkspaceView),
        sql: &str,
        talk: &mut Talk,
        whole: bool,
    ) -> Result<Vec<Source>, Failure> {
        let views = talk.views().await.map_err(|error| problems::of_engine(&error))?;
        let found = async {
            let reach = state.readable_in(tenant, view).await?;
            meant(state, (tenant, view, &reach), sql, views).await
        };
        let mut found = found.await.map_err(|problem| problems::of(&problem))?;
        self.keep_steps(&mut found)?;
        let is_first = self.taken.is_empty();
        let mut new: Vec<&TableView> =
            found.iter().map(|(_, table)| table).filter(|table| !self.taken.contains_key(table.key())).collect();
        for attempt in 0..TRIES_MAX {
            for table in std::mem::take(&mut new) {
                let copy = self.take((state, tenant, view), table, attempt, whole).await?;
                if !is_first && copy.seq > self.newest && self.is_behind((state, tenant, view)).await? {
                    return Err(Failure::error(
                        "40001",
                        "a table was changed since the transaction began; begin it again",
                    ));
                }
                self.taken.insert(table.key().to_owned(), copy);
            }
            if !is_first || found.len() < 2 {
                break;
            }
            for (_, table) in &found {
                let seq = self.taken.get(table.key()).map_or(0, |copy| copy.seq);
                if seq != seq_now((state, tenant, view), &self.directory, table).await? {
                    new.push(table);
                }
            }
            if new.is_empty() {
                break;
            }
        }
        if !new.is_empty() {
            return Err(Failure::error("40001", "the tables change too quickly to be seen at one moment; try again"));
        }
        if is_first {
            self.newest = self.taken.values().map(|copy| copy.seq).max().unwrap_or(0);
        }
        Ok(found.into_iter().filter_map(|meant| self.source(meant)).collect())
    }

    /// Reads tables of a pipeline as of the step of which the first of them was read.
    fn keep_steps(&mut self, found: &mut [Meant]) -> Result<(), Failure> {
        for of in found.iter_mut().filter_map(|(_, table)| table.pipeline.as_mut()) {
            match self.steps.entry(of.pipeline.clone()) {
                Entry::Vacant(first) => drop(first.insert(of.step())),
                Entry::Occupied(seen) => of.at_step(*seen.get()).map_err(|problem| problems::of(&problem))?,
            }
        }
        Ok(())
    }

    async fn take(
        &self,
        at: (&StorageRoutes, &Token, &WorkspaceView),
        table: &TableView,
        attempt: usize,
        whole: bool,
    ) -> Result<Copy, Failure> {
        // A file that a process has attached is not written to again.
        let file = self.directory.join(format!("{}-{}-{attempt}", table.key(), self.taken.len()));
        let seq = copied(at, table, file.clone(), whole).await.map_err(|problem| problems::of(&problem))?;
        Ok(Copy { file, table: table.clone(), seq })
    }

    /// Whether a table that was copied has changed since.
    async fn is_behind(&self, at: (&StorageRoutes, &Token, &WorkspaceView)) -> Result<bool, Failure> {
        for copy in self.taken.values() {
            if seq_now(at, &self.directory, &copy.table).await? != copy.seq {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn source(&self, (schemas, table): Meant) -> Option<Source> {
        let file = self.taken.get(table.key())?.file.clone();
        Some(Source { file, schemas, bucket: table.bucket, table: table.name })
    }
}

/// The last event that a table has taken in.
async fn seq_now(
    at: (&StorageRoutes, &Token, &WorkspaceView),
    directory: &std::path::Path,
    table: &TableView,
) -> Result<u64, Failure> {
    let file = directory.join("look");
    let seq = copied(at, table, file.clone(), false).await.map_err(|problem| problems::of(&problem));
    // There is none where it failed.
    let _ = tokio::fs::remove_file(&file).await;
    seq
}

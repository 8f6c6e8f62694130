//! A pipeline begins: its files are brought to one step, its engine is filled from them, and views become what they should be.
//!
//! A step changes one file after the other, so a process that died in one leaves files of that step and of the one before. Those tables
//! that are behind take in the messages of the step again; views are compared with what the engine says that they are.
//!
//! Where the program is another one than made the files, tables with other columns or another key are made anew from the rows of the
//! old ones, and views that are another become so: in one step of their own, which says just how each of them changes.

use std::collections::{BTreeMap, BTreeSet};

use alluvium_dataflow::{CLOCK, Engine as _, Zset};
use alluvium_formats::{ChangeKind, InputTable};
use alluvium_messaging::LogMessage;
use alluvium_pipelines::DeploymentError;

use crate::adapt::adapt;
use crate::columns::engine_schema;
use crate::dead::ERROR_VIEW;
use crate::deployment::Progress;
use crate::files::{self, Files, Reached};
use crate::marks::{self, Mark};
use crate::program::{Built, Relations, Shown, clock_row};
use crate::work::{Taken, push, stopped_by};

/// What a recovery starts from.
pub(crate) struct Recovery<'a> {
    pub files: &'a Files,
    /// The messages after [`Reached::after`] of the furthest file, up to it.
    pub again: &'a [LogMessage],
    /// The tables and views that the program makes otherwise than the one that made the files.
    pub others: &'a BTreeSet<String>,
    /// How late it is.
    pub now_micros: i64,
}

/// The rows of relations, in parts.
type Parts = BTreeMap<String, Vec<Zset>>;

impl Recovery<'_> {
    /// Brings files and engine to where the furthest file is, or one step further if the program is another one.
    pub fn run(&self, built: &mut Built) -> Result<Progress, DeploymentError> {
        let furthest = self.files.furthest();
        let relations = built.relations.clone();
        let mut wanted = self.hydrate(built, &relations)?;
        self.redo(built, &relations, furthest, &mut wanted)?;
        // The engine looks at all tables before any file is touched by what is new: a program that fails leaves them as they were.
        let next = Reached { step: furthest.step + 1, seq: furthest.seq, after: furthest.seq, now: furthest.now };
        let mut reached = furthest;
        for relation in relations.iter().filter(|shown| shown.is_computed() || self.is_other(shown)) {
            let name = &relation.name.name;
            let stored = self.files.rows(name).map_err(|error| files::failed(&error))?;
            let parts = wanted.remove(name).unwrap_or_default();
            let difference = stored.difference(&parts).map_err(|error| DeploymentError::new("StorageError", error))?;
            if difference.is_empty() {
                continue;
            }
            tracing::info!(relation = name, rows = difference.len(), "a relation becomes what the program says");
            let to = if self.is_other(relation) { next } else { furthest };
            self.change(name, to, &difference)?;
            reached = reached.max(to);
        }
        Ok(Progress { step: reached.step, seq: reached.seq })
    }

    fn is_other(&self, shown: &Shown) -> bool {
        self.others.contains(&shown.name.name) && shown.name.name != ERROR_VIEW
    }

    fn change(&self, name: &str, to: Reached, delta: &Zset) -> Result<(), DeploymentError> {
        self.files.apply(name, to, delta, self.now_micros).map_err(|error| files::failed(&error))
    }

    /// Fills the engine with the tables as they are kept; gives what it says of views, and the rows of tables that are made anew.
    fn hydrate(&self, built: &mut Built, relations: &Relations) -> Result<Parts, DeploymentError> {
        let (mut tables, mut found) = (BTreeMap::new(), Parts::new());
        for table in relations.iter() {
            let Some(input) = &table.input else { continue };
            let name = &table.name.name;
            let rows = match self.rows_before(input)? {
                Some(rows) => {
                    found.insert(name.clone(), vec![rows.clone()]);
                    rows
                }
                None => self.files.rows(name).map_err(|error| files::failed(&error))?,
            };
            tables.insert(name.clone(), rows);
        }
        let now = self.files.furthest().now;
        if built.uses_clock && now != 0 {
            let batch = clock_row(now).map_err(|error| DeploymentError::new("StorageError", error.to_string()))?;
            tables.insert(CLOCK.to_owned(), Zset { batch, weights: vec![1] });
        }
        let step = built.engine.hydrate(tables);
        let step = step.map_err(|error| match error.operation.strip_prefix("table ") {
            Some(name) => cannot(found.contains_key(name), name, &error.message),
            None => stopped_by(&error),
        })?;
        found.extend(step.views.into_iter().map(|(name, rows)| (name, vec![rows])));
        Ok(found)
    }

    /// The rows that a table had with other columns or another key, as they are with those of now.
    fn rows_before(&self, input: &InputTable) -> Result<Option<Zset>, DeploymentError> {
        let name = &input.table().name;
        let Some(rows) = self.files.rows_before(name).map_err(|error| files::failed(&error))? else { return Ok(None) };
        let mut batches = Vec::new();
        for batch in rows {
            let batch = batch.map_err(|error| files::failed(&error))?;
            let change = adapt(ChangeKind::Insert, &batch, input).map_err(|error| cannot(true, name, &error))?;
            batches.push(change.batch);
        }
        let batch = arrow::compute::concat_batches(&engine_schema(&input.table().columns), &batches);
        let batch = batch.map_err(|error| cannot(true, name, &error))?;
        Ok(Some(Zset { weights: vec![1; batch.num_rows()], batch }))
    }

    /// Takes in what tables that are behind miss.
    fn redo(
        &self,
        built: &mut Built,
        relations: &Relations,
        furthest: Reached,
        wanted: &mut Parts,
    ) -> Result<(), DeploymentError> {
        let mut taken = Taken::default();
        for message in self.again {
            match marks::read(message) {
                Some(Mark::Rows(name)) if self.files.reached(&name) < furthest => {
                    push(&mut built.engine, relations, &mut taken, &Mark::Rows(name), message);
                }
                _ => {}
            }
        }
        let step = built.engine.step().map_err(|error| stopped_by(&error))?;
        for (table, delta) in step.tables {
            match wanted.get_mut(&table) {
                Some(parts) => parts.push(delta),
                None if relations.get(&table).is_some_and(|shown| self.is_other(shown)) => {
                    wanted.insert(table, vec![delta]);
                }
                None => self.change(&table, furthest, &delta)?,
            }
        }
        for (view, delta) in step.views {
            wanted.entry(view).or_default().push(delta);
        }
        Ok(())
    }
}

/// Why a table cannot be filled.
fn cannot(is_moved: bool, table: &str, reason: &dyn std::fmt::Display) -> DeploymentError {
    if is_moved {
        let message = format!("the rows of the table {table} cannot be taken over as the program has it now: {reason}");
        DeploymentError::new("BootstrapFailed", message)
    } else {
        DeploymentError::new(
            "StorageError",
            format!("the file of the table {table} does not fit the program: {reason}"),
        )
    }
}

//! The first step of an engine over tables that are there already.

use std::collections::BTreeMap;

use super::changes::{Change, checked};
use super::recompute::{PartEngine, table_failed};
use super::zset::Zset;
use super::{Step, StepError};

impl PartEngine {
    /// Takes the rows of tables as they were stored, as the first step of an engine.
    ///
    /// `tables` holds the rows of each table, all columns in order, with how often each is there; a table that is not named is empty.
    /// The step has every view in full. Its tables are empty, as none of them changed. Rows are taken as they are: whether they
    /// came late was decided when they came.
    ///
    /// # Errors
    /// If the engine made a step already or something was pushed, if the rows do not fit their table, if a row is there less than once
    /// or a key more than once, or if a view cannot be computed. Then the engine is as it was.
    pub fn hydrate(&mut self, tables: BTreeMap<String, Zset>) -> Result<Step, StepError> {
        self.on_own_stack(|engine| engine.hydrate_here(tables))
    }

    fn hydrate_here(&mut self, tables: BTreeMap<String, Zset>) -> Result<Step, StepError> {
        if self.is_started || self.tables.values().any(|table| !table.pending.is_empty()) {
            let message =
                "rows of tables are only taken before the first step and before anything is pushed".to_owned();
            return Err(StepError { view: String::new(), operation: "step".to_owned(), message });
        }
        let mut resolved = BTreeMap::new();
        for (name, Zset { batch, weights }) in tables {
            let Some(table) = self.tables.get(&name) else {
                return Err(table_failed(&name, "there is no such table".to_owned()));
            };
            if batch.num_rows() != weights.len() {
                let message = format!("{} rows have {} weights", batch.num_rows(), weights.len());
                return Err(table_failed(&name, message));
            }
            let change = checked(Change::insert(batch), &table.table);
            let batch = change.map_err(|error| table_failed(&name, error.to_string()))?.batch;
            let loaded = table.loaded(Zset { batch, weights }).map_err(|error| table_failed(&name, error.0))?;
            resolved.insert(name, loaded);
        }
        let mut step = self.step_with(resolved)?;
        step.tables.clear();
        Ok(step)
    }
}

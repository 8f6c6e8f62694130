//! How much an engine may keep in memory.
//!
//! A step that would keep more than the limit fails, and says which operation keeps most. Nothing is moved to disk instead: an engine that
//! is at its limit needs a larger one, a program that keeps less, or rows that go. Steps that keep less than before always go through.

use std::collections::BTreeMap;

use super::finals::FinalState;
use super::recompute::PartEngine;
use super::tables::{Resolved, TableState};
use super::{Memory, StepError};

impl PartEngine {
    /// Sets how many bytes tables and operations may keep together, roughly; None for no limit. It counts from the next step on, also
    /// for [`hydrate`](Self::hydrate). What a step needs while it runs comes on top of it.
    pub fn set_memory_limit(&mut self, bytes: Option<usize>) {
        self.memory_limit = bytes;
    }

    /// What is kept in memory.
    pub(super) fn kept(&self) -> Memory {
        let operations: BTreeMap<usize, _> = self
            .states
            .iter()
            .enumerate()
            .filter_map(|(at, state)| state.as_ref().map(|state| (at, state.memory())))
            .collect();
        Memory {
            table_bytes: self.tables.values().map(TableState::bytes).sum(),
            state_bytes: operations.values().map(|memory| memory.bytes).sum::<usize>()
                + self.finals.iter().flatten().map(FinalState::bytes).sum::<usize>(),
            operations,
        }
    }

    /// The bytes that are kept; none are counted if there is no limit.
    pub(super) fn bytes(&self) -> usize {
        if self.memory_limit.is_none() {
            return 0;
        }
        let Memory { table_bytes, state_bytes, .. } = self.kept();
        table_bytes + state_bytes
    }

    /// The error of a step after which more than the limit would be kept. Operations keep already what they will; tables do not.
    pub(super) fn above_limit(&self, before: usize, resolved: &BTreeMap<String, Resolved>) -> Option<StepError> {
        let limit = self.memory_limit?;
        let Memory { table_bytes, state_bytes, operations } = self.kept();
        let mut tables: BTreeMap<&String, usize> =
            self.tables.iter().map(|(name, table)| (name, table.bytes())).collect();
        for (name, resolved) in resolved {
            if let (Some(table), Some(bytes)) = (self.tables.get(name), tables.get_mut(name)) {
                *bytes = bytes.saturating_add_signed(table.growth(resolved));
            }
        }
        let of_tables: usize = tables.values().sum();
        let all = of_tables + state_bytes;
        if all <= limit || all <= before {
            return None;
        }
        let operation = operations.iter().max_by_key(|(_, memory)| memory.bytes);
        let table = tables.into_iter().max_by_key(|(_, bytes)| *bytes);
        let message = format!(
            "{all} bytes would be kept where {limit} are allowed: {of_tables} of tables ({table_bytes} before the step), {state_bytes} of operations"
        );
        match (operation, table) {
            (Some((at, memory)), table) if table.as_ref().is_none_or(|(_, bytes)| memory.bytes >= *bytes) => {
                let name = self.nodes[*at].operation.name();
                Some(StepError {
                    view: self.view_of(*at),
                    operation: name.to_owned(),
                    message: format!("{message}; most by this {name}: {} bytes, {} rows", memory.bytes, memory.rows),
                })
            }
            (_, Some((name, bytes))) => Some(StepError {
                view: String::new(),
                operation: format!("table {name}"),
                message: format!("{message}; most by the table {name}: {bytes} bytes"),
            }),
            _ => Some(StepError { view: String::new(), operation: "step".to_owned(), message }),
        }
    }
}

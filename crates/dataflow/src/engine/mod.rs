//! Running programs: rows go in, changes of views come out.

mod accumulate;
mod changes;
mod content;
mod errors;
mod finals;
mod fixpoint;
mod gate;
mod hydrate;
mod kernels;
mod limit;
mod recompute;
mod resolve;
mod state;
mod tables;
mod temporal;
mod zset;

use std::collections::BTreeMap;

pub use changes::{Change, ChangeKind, PushError, RejectedRows};
pub use recompute::PartEngine;
pub use zset::Zset;

/// Something that keeps the views of a program up to date.
///
/// Rows that are pushed count from the next step on. A step is all or nothing: when it fails, tables, views and memory are as they were
/// before, and what was pushed is still there to be tried again or to be dropped.
pub trait Engine: Send {
    /// Takes changes of a table, to be counted by the next step.
    fn push(&mut self, table: &str, change: Change) -> Result<(), PushError>;

    /// Drops what was pushed since the last step.
    fn discard(&mut self);

    /// Counts what was pushed, and says how the views changed.
    fn step(&mut self) -> Result<Step, StepError>;

    /// The rows of a table as of the last step. None if there is no such table, or if its rows are not kept.
    fn snapshot(&self, table: &str) -> Option<Zset>;

    /// The rows of a view as of the last step, consolidated. None if there is no such view, or if what it gives is not known any more:
    /// that is so behind a view with LATENESS and behind `error_view`. Of a view that gives out final rows only it has the others too.
    ///
    /// They are not kept: they are computed from what operations keep of their inputs, and cost as much as the view's last operations
    /// cost on all of them.
    fn view(&self, name: &str) -> Option<Zset>;

    /// What is kept in memory.
    fn memory(&self) -> Memory;
}

/// What a step did.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// How tables changed, consolidated, in the order of their rows. Tables that did not change are not there.
    pub tables: BTreeMap<String, Zset>,
    /// How views changed, likewise.
    pub views: BTreeMap<String, Zset>,
    /// Rows that tables did not take.
    pub rejected: Vec<RejectedRows>,
    /// Rows that came too late, of tables and of views: they count nowhere. Those of tables are rows of `error_view` in this step, those
    /// of views in the next one.
    pub late: Vec<RejectedRows>,
    /// How many rows operations looked at: what the step cost, whatever the machine.
    pub rows_seen: u64,
}

/// Why a step failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("view {view}: {message}")]
pub struct StepError {
    /// The first view that needs what failed.
    pub view: String,
    /// What kind of an operation failed.
    pub operation: String,
    /// What failed, with its values.
    pub message: String,
}

/// What is kept in memory, roughly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Rows of tables.
    pub table_bytes: usize,
    /// Rows that operations keep.
    pub state_bytes: usize,
    /// Rows that each operation keeps, by its number.
    pub operations: BTreeMap<usize, OperationMemory>,
}

/// What one operation keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OperationMemory {
    /// Different rows.
    pub rows: usize,
    /// Bytes, roughly.
    pub bytes: usize,
}

//! `table`: one incarnation of a table. Its columns, its key, and the requests that wait for what the rows say.

mod alter_column;
mod column;
mod delete_rows;
mod fill;
mod life;
mod load;
mod primary_key;
mod rebase;
mod settle;
mod snapshot;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use alluvium_kernel::Problem;
use alluvium_tablestore::column::{Column, TableSchema};
use serde::{Deserialize, Serialize};

pub(crate) use load::{FORMATS, is_sha256};

use super::limits::OPEN_REQUESTS_PER_TABLE_MAX;
use super::problem;
use crate::contract::{ColumnAlterRequested, ColumnSpec};

/// A table's own aggregate; its id is the table's uid.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Which table this is; none before it is opened.
    pub identity: Option<Identity>,
    /// Its columns in order, canonical.
    pub columns: Vec<ColumnSpec>,
    /// Its key, spelled as the columns are; empty when there is none.
    pub primary_key: Vec<String>,
    /// Whether it was dropped.
    pub closed: bool,
    /// A change of the columns that waits for the rows: until then only a drop goes through.
    pub pending: Option<Pending>,
    /// Loads and deletes that wait for the rows, by command id.
    pub open: BTreeSet<String>,
    /// Those of them that may add columns: until their verdict nobody knows which.
    #[serde(default)]
    pub adding: BTreeSet<String>,
    /// The load that it is made with, until its verdict.
    #[serde(default)]
    pub filling: Option<String>,
    /// Those of them that bring in what the main line has become, with the last message of its table that they take in.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rebasing: BTreeMap<String, i64>,
    /// The last message of the main line's table that a dev branch's own one takes in, where that is not what it began with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebased_on: Option<i64>,
    /// Requests with a verdict, the latest last; the oldest are forgotten.
    pub settled: VecDeque<String>,
}

/// Where a table was created.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Id of the project.
    pub project: String,
    /// Id of the branch.
    #[serde(default = "main_branch")]
    pub branch: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Name of the table.
    pub table: String,
    /// This incarnation.
    pub uid: String,
}

/// Where tables of releases without branches are.
fn main_branch() -> String {
    super::names::MAIN_BRANCH.to_owned()
}

/// A change that waits for the rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pending {
    /// Command id of the request.
    pub request: String,
    /// What it asks for.
    pub change: Change,
}

/// A change of columns or key that the rows may refuse.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Change {
    /// A column more.
    AddColumn(ColumnSpec),
    /// A column renamed, retyped, constrained or with another default, in this order.
    AlterColumn(ColumnAlterRequested),
    /// These columns as primary key.
    PrimaryKey(Vec<String>),
    /// Columns and key of an earlier content, which comes with them.
    Restore(Vec<ColumnSpec>, Vec<String>),
}

/// A checked column as events carry it.
pub(crate) fn spec_of(column: &Column) -> ColumnSpec {
    ColumnSpec {
        name: column.name.clone(),
        r#type: column.column_type.to_string(),
        nullable: column.nullable,
        default: column.default.as_ref().map(ToString::to_string),
    }
}

/// A column of a command, checked and in canonical form.
pub(crate) fn canonical(column: &ColumnSpec) -> Result<ColumnSpec, Problem> {
    Column::new(&column.name, &column.r#type, column.nullable, column.default.as_deref())
        .map(|column| spec_of(&column))
        .map_err(|error| problem::column(&error))
}

/// Columns and key as the table store takes them.
pub(crate) fn schema_of(columns: &[ColumnSpec], primary_key: &[String]) -> Result<TableSchema, Problem> {
    columns
        .iter()
        .map(|column| Column::new(&column.name, &column.r#type, column.nullable, column.default.as_deref()))
        .collect::<Result<Vec<_>, _>>()
        .and_then(|columns| TableSchema::new(columns, primary_key))
        .map_err(|error| problem::column(&error))
}

impl Table {
    /// The table, when it is there and nothing is under way that may change its columns.
    fn ready(&self) -> Result<&Identity, Problem> {
        let identity = self.steady()?;
        if self.adding.is_empty() { Ok(identity) } else { Err(problem::table_busy(&identity.table)) }
    }

    /// The table, when it is there and no change of the columns that it has is under way.
    fn steady(&self) -> Result<&Identity, Problem> {
        let identity = self.identity.as_ref().ok_or_else(|| problem::table_not_found("", ""))?;
        if self.closed {
            return Err(problem::table_not_found(&identity.bucket, &identity.table));
        }
        if self.pending.is_some() {
            return Err(problem::table_busy(&identity.table));
        }
        Ok(identity)
    }

    /// The same, with room for one more request that may queue.
    fn ready_to_queue(&self) -> Result<(), Problem> {
        let identity = self.steady()?;
        if self.open.len() >= OPEN_REQUESTS_PER_TABLE_MAX {
            return Err(problem::table_busy(&identity.table));
        }
        Ok(())
    }

    /// Its columns and key, when nothing is under way that changes them.
    pub(crate) fn shape(&self) -> Result<(Vec<ColumnSpec>, Vec<String>), Problem> {
        self.ready()?;
        Ok((self.columns.clone(), self.primary_key.clone()))
    }

    /// The column of this name in any case.
    pub fn column(&self, name: &str) -> Option<&ColumnSpec> {
        self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }

    fn in_primary_key(&self, name: &str) -> bool {
        self.primary_key.iter().any(|key| key.eq_ignore_ascii_case(name))
    }

    /// Columns and key as they are once `change` is applied.
    pub fn after(&self, change: &Change) -> (Vec<ColumnSpec>, Vec<String>) {
        let (mut columns, mut primary_key) = (self.columns.clone(), self.primary_key.clone());
        match change {
            Change::AddColumn(column) => columns.push(column.clone()),
            Change::AlterColumn(alter) => alter_column::apply(alter, &mut columns, &mut primary_key),
            Change::PrimaryKey(key) => {
                for column in columns.iter_mut().filter(|column| key.contains(&column.name)) {
                    column.nullable = false;
                }
                primary_key.clone_from(key);
            }
            Change::Restore(then, key) => (columns, primary_key) = (then.clone(), key.clone()),
        }
        (columns, primary_key)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::contract::{TableEvent, TableOpened};

    pub(crate) fn column(name: &str, r#type: &str) -> ColumnSpec {
        ColumnSpec { name: name.into(), r#type: r#type.into(), nullable: true, default: None }
    }

    /// `orders` with `id` (the key) and `note`.
    pub(crate) fn opened() -> TableEvent {
        TableOpened {
            project: "Shop".into(),
            branch: "default".into(),
            bucket: "sales".into(),
            table: "orders".into(),
            uid: "t1".into(),
            columns: vec![ColumnSpec { nullable: false, ..column("id", "BIGINT") }, column("note", "VARCHAR")],
            primary_key: vec!["id".into()],
            copy_of: None,
        }
        .into()
    }
}

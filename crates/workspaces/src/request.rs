//! What a host asks of a child, and is told.

use std::path::PathBuf;

use alluvium_tablestore::sql::WhereFilter;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::Error;
use crate::catalogue::Catalogue;

/// One piece of work, as one line of JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    /// The directory of the workspace.
    pub directory: PathBuf,
    /// What the engine may use, in bytes.
    pub memory_bytes: u64,
    /// Threads of the engine.
    pub threads: usize,
    /// How large the workspace's file may become, in bytes; nothing is written where it is `None`.
    pub limit_bytes: Option<u64>,
    /// What to do.
    pub work: Work,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Work {
    /// Say what objects there are.
    List,
    /// Say how views are made.
    Views,
    /// Make the rows of `main.data` of another file an object, in the place of one of that name.
    Load { from: PathBuf, destination: String, limit_bytes: u64 },
    /// Drop an object.
    Drop { name: String },
    /// Run one statement.
    Run(Statement),
    /// Write rows of an object to a file; tables of the project come as copies, for a view over them.
    Unload { object: String, sources: Vec<Source>, pick: Pick },
    /// Do what further lines say; copies of tables lie in this directory.
    Talk { copies: PathBuf },
}

/// What is said to a process that stays, a line each.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Say {
    /// Say how views are made.
    Views,
    /// Say which columns a statement answers with.
    Describe(Question),
    /// Run a statement.
    Run(Question),
    /// Write what is settled to where it stays.
    Checkpoint,
}

/// What it answers, a line each. Rows come between the columns and the end, as JSON arrays.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    Views(Vec<Column>),
    Described(Option<Vec<Column>>),
    Columns(Vec<Column>),
    Done { changed: Option<u64> },
    Failed(Error),
}

/// Name and type of a column; or name and definition of a view.
pub(crate) type Column = (String, String);

/// One statement of a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// One statement.
    pub sql: String,
    /// Values of its parameters, in their order.
    pub params: Vec<Param>,
    /// Tables of the project that it can read, besides those of earlier ones.
    pub sources: Vec<Source>,
    /// What it is shown where it asks the catalogue.
    pub catalogue: Option<Catalogue>,
}

/// The value of a parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Param {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// Also for what is no text: the engine takes it for what stands beside it.
    Text(String),
    Bytes(Vec<u8>),
}

/// A statement that nobody has checked, with what it may be about.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Statement {
    /// One statement.
    pub sql: String,
    /// Tables of the project that it can read.
    pub sources: Vec<Source>,
    /// Rows that its answer may have.
    pub rows_max: u64,
    /// Bytes that they may take as JSON.
    pub bytes_max: u64,
}

/// A table of the project, as a copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// A DuckDB file; the rows are its `main.data`.
    pub file: PathBuf,
    /// The schemas in which the statement finds it: its bucket, as it is written there.
    pub schemas: Vec<String>,
    /// Its bucket.
    pub bucket: String,
    /// Its name.
    pub table: String,
}

/// What is taken of an object: all of it, unless told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pick {
    /// Only these columns, in any case.
    pub columns: Option<Vec<String>>,
    /// Only the rows that meet all of these.
    pub filters: Vec<WhereFilter>,
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    Listed(Vec<Object>),
    /// Name and definition of each.
    Views(Vec<(String, String)>),
    Loaded(Loaded),
    /// Whether there was such an object.
    Dropped(bool),
    Ran(Rows),
    /// What was written; `None` where there is no such object.
    Unloaded(Option<Written>),
    Failed(Error),
}

/// What was written to a file.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Written {
    /// Name and type of each column.
    pub columns: Vec<Column>,
    pub rows: u64,
}

/// A table or a view of a workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// Its name; with its schema before it where that is not the first one.
    pub name: String,
    /// `table` or `view`.
    pub kind: String,
    /// How many rows a table has; 0 for a view, whose rows nobody knows before asking it.
    pub rows: u64,
}

/// What came with a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loaded {
    /// What it takes, in bytes.
    pub size_bytes: u64,
}

/// The answer to a statement. One that changes rows answers with their `Count`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Rows {
    /// Name and type of each column.
    pub columns: Vec<(String, String)>,
    /// One JSON array a row.
    pub rows: Vec<Box<RawValue>>,
}

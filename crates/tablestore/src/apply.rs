//! Changing a table: one transaction that moves the mark and makes the changes, or leaves the file as it was.

use std::path::Path;

use arrow::record_batch::RecordBatch;
use serde_json::json;

use crate::column::{Column, ColumnType, DefaultExpr, TableSchema};
use crate::error::{ApplyError, Error, Kind, code, kind, store_error, text};
use crate::file::{Mark, TableFile};
use crate::hub::Hub;
use crate::instance::{Attached, Session};
use crate::load::{LoadReport, LoadSpec};
use crate::stamp::{self, Changed};
use crate::steps::{self, Step, Stepping};
use crate::transact::{Place, Target, transact};
use crate::weighted::{self, Search};
use crate::writing::Writing;
use crate::{alter, append, key, load, replace, settle};

/// What `now()` and `uuid()` in a default are made of, so that a replay makes the same rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// Time of the event, microseconds since 1970.
    pub event_time_micros: i64,
    /// Anything that differs between events and is the same in a replay (the event's id).
    pub seed: String,
}

/// One step of a fold.
#[derive(Debug, Clone)]
pub enum Change {
    /// Adds rows; with a primary key, a row replaces the one of equal key, the last in order winning. Columns are matched by
    /// name; one that is missing takes its default or NULL.
    Append {
        /// The rows.
        batch: RecordBatch,
        /// For defaults.
        moment: Moment,
    },
    /// Adds a column at the end; existing rows take the default or NULL.
    AddColumn {
        /// The column.
        column: Column,
        /// For defaults.
        moment: Moment,
    },
    /// Removes a column.
    DropColumn {
        /// Its name.
        name: String,
    },
    /// Renames, retypes, forbids or allows NULL, sets the default: in this order, as one.
    AlterColumn {
        /// The column as it is called now.
        name: String,
        /// New name.
        new_name: Option<String>,
        /// New type; stored values are cast, and one that cannot be is refused.
        new_type: Option<ColumnType>,
        /// `true` forbids NULL, `false` allows it.
        set_not_null: Option<bool>,
        /// `Some(None)` drops the default.
        set_default: Option<Option<DefaultExpr>>,
    },
    /// Declares the primary key; its columns become not-null.
    SetPrimaryKey {
        /// Column names, in key order.
        columns: Vec<String>,
    },
    /// Forgets the primary key; the columns stay not-null.
    DropPrimaryKey,
    /// Loads a file.
    Load(LoadSpec),
    /// Deletes the rows for which the predicate is true.
    DeleteRows {
        /// Made by `Predicate::to_sql`, never user text.
        predicate_sql: String,
    },
    /// Deletes the rows for which the predicate is true and that changed when `changed` says. Refused where that is not known of
    /// every row: a fold that knows it would delete others.
    DeleteChanged {
        /// Made by `Predicate::to_sql`, never user text.
        predicate_sql: String,
        /// When they changed.
        changed: Changed,
    },
    /// Gives the table the columns, key and rows that another file has.
    Replace {
        /// The file.
        from: TableFile,
        /// The furthest it may be folded, where somebody may write it meanwhile; `None` where nobody does.
        up_to: Option<u64>,
        /// When that changes the table's own rows, microseconds since 1970: those that it has already keep the time of their last
        /// change. `None` where it is the table's beginning, and all come with the time they have.
        changed_at_micros: Option<i64>,
    },
    /// Rows that come and go by weight, as a step of a pipeline says: a consolidated Z-set. Exactly as many rows equal to one that goes
    /// are gone afterwards; NULL equals NULL and NaN equals NaN. With a primary key they are found by it, and none that comes may be
    /// there. Where that cannot be, nothing is applied and the file is [`Error::Corrupt`]: it is not what the step goes on from.
    Weighted {
        /// All columns of the table, by name. Equal rows come once.
        batch: RecordBatch,
        /// One a row: how often it comes; negative, how often it goes.
        weights: Vec<i64>,
        /// For stamps.
        moment: Moment,
    },
    /// Records the verdict on an earlier request.
    Settle {
        /// Sequence of the request.
        request_seq: u64,
        /// The verdict, JSON.
        verdict_json: String,
    },
}

impl Change {
    /// Whether it may take long: whatever works on more rows than it brings along.
    pub fn is_long(&self) -> bool {
        !matches!(self, Self::Append { .. } | Self::Weighted { .. } | Self::Settle { .. })
    }

    /// Whether a journal of steps cannot tell what it did.
    pub(crate) fn is_untold(&self) -> bool {
        !matches!(self, Self::Weighted { .. } | Self::Settle { .. })
    }
}

/// What one change did to the rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ChangeReport {
    /// Rows that were not there before.
    pub inserted: u64,
    /// Rows replaced or altered.
    pub updated: u64,
    /// Rows gone.
    pub deleted: u64,
    /// Particulars of a load.
    pub load: Option<LoadReport>,
}

/// What [`Hub::apply`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Rows in the table now.
    pub rows: u64,
    /// Bytes on disk now; the engine rewrites in the background, so it is an estimate.
    pub bytes_estimate: u64,
    /// One report a change.
    pub changes: Vec<ChangeReport>,
}

/// What a change works on.
pub(crate) struct Work<'a> {
    pub session: &'a Session,
    pub file: &'a Attached,
    pub schema: TableSchema,
    pub rows: i64,
    /// For rewritten load files.
    pub temp_dir: &'a Path,
    /// Files that changes take content of, by which.
    pub sources: &'a [(TableFile, Attached)],
    /// Whether the file is one of a pipeline.
    pub is_stepped: bool,
    /// What the file keeps of its steps.
    pub steps: Stepping,
    /// The step that is applied.
    pub step: Option<Step>,
    pub search: &'a Search,
}

impl Work<'_> {
    pub fn data(&self) -> String {
        self.file.relation("data")
    }
}

/// Turns an engine error on the caller's data into a refusal, and any other into a failure of the store.
pub(crate) fn refuse(error: &duckdb::Error, code: &'static str) -> ApplyError {
    match kind(error) {
        Kind::DiskFull | Kind::OutOfMemory | Kind::Interrupted | Kind::Fatal | Kind::Io | Kind::Damaged => {
            store_error(error).into()
        }
        Kind::Constraint | Kind::Conversion | Kind::Other => {
            let text = text(error);
            let column = text.split_once("NOT NULL constraint failed: ").map(|(_, rest)| {
                let name = rest.lines().next().unwrap_or_default();
                name.split_once('.').map_or(name, |(_, column)| column).to_owned()
            });
            match column {
                Some(column) => ApplyError::refused_with(
                    code,
                    format!("column {column:?} must not be NULL"),
                    json!({ "column": column }),
                ),
                None => ApplyError::refused(code, plain(&text)),
            }
        }
    }
}

/// The first line of an engine message without its prefix: it says what is wrong with the value and nothing of our SQL.
pub(crate) fn plain(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let line = line.split_once(" Error: ").map_or(line, |(_, rest)| rest);
    line.split(" when casting from source column").next().unwrap_or(line).to_owned()
}

impl Hub {
    /// Applies `changes` in order and moves the mark from `from` to `to`, all in one transaction.
    pub fn apply(&self, file: &TableFile, from: &Mark, to: &Mark, changes: Vec<Change>) -> Result<Applied, ApplyError> {
        self.apply_all(file, from, &Target { mark: to, step: None }, changes)
    }

    /// The same, and moves the file to a step of its pipeline. Refused as `invalid_step` when the file is past it.
    pub fn apply_step(
        &self,
        file: &TableFile,
        from: &Mark,
        to: &Mark,
        step: Step,
        changes: Vec<Change>,
    ) -> Result<Applied, ApplyError> {
        self.apply_all(file, from, &Target { mark: to, step: Some(step) }, changes)
    }

    fn apply_all(
        &self,
        file: &TableFile,
        from: &Mark,
        to: &Target<'_>,
        changes: Vec<Change>,
    ) -> Result<Applied, ApplyError> {
        let path = self.path(file)?;
        let writer = self.writer(&path);
        let _writing = Writing::begin(&writer);
        let (attached, session) = self.open_file(file)?;
        stamp::ensure(&session, &attached)?;
        let has_weights = changes.iter().any(|change| matches!(change, Change::Weighted { .. }));
        if has_weights || to.step.is_some() {
            steps::ensure(&session, &attached)?;
        }
        let sources = self.sources(&attached, &changes)?;
        let place =
            Place { session: &session, file: &attached, sources: &sources, temp_dir: &self.config().temp_dir() };
        let outcome = transact(&place, from, to, changes);
        match outcome {
            Ok((after, changes)) => {
                let rows = after.rows;
                attached.remember(Some(after));
                Ok(Applied { rows, bytes_estimate: self.bytes(file)?, changes })
            }
            Err(error) => {
                attached.remember(None);
                // A failed statement may leave staged rows or a half-read file behind in the connection.
                session.discard();
                Err(error)
            }
        }
    }

    /// The files that changes take content of. Attached before the transaction begins, or it would not see them.
    fn sources(&self, file: &Attached, changes: &[Change]) -> Result<Vec<(TableFile, Attached)>, Error> {
        let mut sources = Vec::new();
        for change in changes {
            let Change::Replace { from, .. } = change else { continue };
            let path = self.path(from)?;
            if !path.exists() {
                return Err(Error::NotFound(from.to_string()));
            }
            sources.push((from.clone(), file.instance.attach(&path, &from.to_string())?));
        }
        Ok(sources)
    }
}

pub(crate) fn apply_one(
    work: &mut Work<'_>,
    change: Change,
    done: &[ChangeReport],
) -> Result<ChangeReport, ApplyError> {
    match change {
        Change::Append { batch, moment } => append::append(work, &batch, &moment),
        Change::AddColumn { column, moment } => alter::add_column(work, column, &moment),
        Change::DropColumn { name } => alter::drop_column(work, &name),
        Change::AlterColumn { name, new_name, new_type, set_not_null, set_default } => {
            alter::alter_column(work, &name, alter::Alteration { new_name, new_type, set_not_null, set_default })
        }
        Change::SetPrimaryKey { columns } => key::set_primary_key(work, &columns),
        Change::DropPrimaryKey => key::drop_primary_key(work),
        Change::Load(spec) => load::load(work, &spec),
        Change::DeleteRows { predicate_sql } => delete(work, &predicate_sql),
        Change::DeleteChanged { predicate_sql, changed } => {
            stamp::check_known(work)?;
            let changed = changed.to_sql("d", true).unwrap_or_else(|| "TRUE".to_owned());
            delete(work, &format!("({predicate_sql}) AND {changed}"))
        }
        Change::Replace { from, up_to, changed_at_micros } => {
            match work.sources.iter().find(|(file, _)| *file == from) {
                Some((_, source)) => replace::replace(work, source, up_to, changed_at_micros),
                None => Err(Error::NotFound(from.to_string()).into()),
            }
        }
        Change::Weighted { batch, weights, moment } => weighted::weighted(work, &batch, weights, &moment),
        Change::Settle { request_seq, verdict_json } => settle::settle(work, request_seq, &verdict_json, done),
    }
}

fn delete(work: &Work<'_>, predicate_sql: &str) -> Result<ChangeReport, ApplyError> {
    let deleted = work
        .session
        .run(&format!("DELETE FROM {} AS d WHERE {predicate_sql}", work.data()))
        .map_err(|error| refuse(&error, code::INVALID_WHERE_CLAUSE))?;
    Ok(ChangeReport { deleted: deleted as u64, ..ChangeReport::default() })
}

//! Requests whose answer depends on the rows: what they change, and the verdict.

use std::path::{Path, PathBuf};

use alluvium_kernel::{Problem, Timestamp};
use alluvium_tablestore::{
    Change, ChangeReport, Changed, CsvOptions, DedupMode, ExtraColumns, LoadFormat, LoadSpec, Moment, TableSchema,
    column::{Column, ColumnError, DefaultExpr},
    sql::Predicate,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::contract::{ColumnAlterRequested, ColumnSpec, LoadRequested, TableEvent};

/// What the fold decided on a request. Kept in the table file in the transaction that applied it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Command id of the request.
    pub request: String,
    /// Why not; `None` when it was applied.
    pub problem: Option<Problem>,
    /// Counts and the like.
    pub result: serde_json::Value,
    /// The columns from now on, when a load added some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<ColumnSpec>>,
}

/// How an event of a table changes its file.
pub enum Effect {
    /// The file comes to be.
    Open {
        /// Its columns and key.
        schema: TableSchema,
        /// The table whose content it begins with.
        copy_of: Option<String>,
    },
    /// The file goes.
    Close,
    /// A change that was decided without the rows.
    Decided(Change),
    /// A change the rows may refuse; the verdict is asked for.
    Asked(Change),
    /// No change; the verdict says what the table holds.
    Counted,
    /// The content that a table had with an earlier message becomes this one's; the verdict is asked for.
    Restored {
        /// Which table.
        source: String,
        /// The message; 0 for all before the request.
        seq: u64,
        /// Refused when this table was changed by a message above this one.
        unchanged_since: Option<u64>,
    },
    /// Nothing: the file was changed when the request was.
    Nothing,
}

/// Reads an event. Fails when the event holds what the model should have refused, which is a poison event.
pub fn effect(
    event: &TableEvent,
    at: Moment,
    blob: impl Fn(&str) -> Result<PathBuf, Problem>,
    schema: Option<&TableSchema>,
) -> Result<Effect, Problem> {
    Ok(match event {
        TableEvent::TableOpened(opened) => {
            let (columns, primary_key) = (columns(&opened.columns)?, opened.primary_key.clone());
            Effect::Open { schema: TableSchema { columns, primary_key }, copy_of: opened.copy_of.clone() }
        }
        TableEvent::TableClosed(_) => Effect::Close,
        TableEvent::ColumnDropped(dropped) => Effect::Decided(Change::DropColumn { name: dropped.column.clone() }),
        TableEvent::PrimaryKeyDropped(_) => Effect::Decided(Change::DropPrimaryKey),
        TableEvent::ColumnAddRequested(add) => {
            Effect::Asked(Change::AddColumn { column: column(&add.column)?, moment: at })
        }
        TableEvent::ColumnAlterRequested(alter) => Effect::Asked(alteration(alter)?),
        TableEvent::PrimaryKeyRequested(key) => Effect::Asked(Change::SetPrimaryKey { columns: key.columns.clone() }),
        TableEvent::LoadRequested(load) => {
            let more = load.more.iter().map(|part| blob(&part.blob)).collect::<Result<_, _>>()?;
            Effect::Asked(Change::Load(load_spec(load, at, blob(&load.blob)?, more)?))
        }
        TableEvent::RowsDeleteRequested(delete) => {
            let schema = schema.ok_or_else(|| poison("rows are to be deleted before the table was opened"))?;
            let predicate =
                Predicate::parse(&delete.where_clause, schema).map_err(|error| poison(&error.to_string()))?;
            let predicate_sql = predicate.to_sql(at.event_time_micros);
            let changed = Changed { since_micros: delete.changed_since, until_micros: delete.changed_until };
            Effect::Asked(if changed.is_any() {
                Change::DeleteRows { predicate_sql }
            } else {
                Change::DeleteChanged { predicate_sql, changed }
            })
        }
        TableEvent::SnapshotRequested(_) => Effect::Counted,
        TableEvent::RestoreRequested(restore) => {
            let unchanged_since = restore.unchanged_since.map(|seq| seq as u64);
            Effect::Restored { source: restore.source.clone(), seq: restore.position as u64, unchanged_since }
        }
        TableEvent::Settled(_) => Effect::Nothing,
    })
}

/// What the command's caller is told, from what the change did.
pub fn result(change: &TableEvent, report: &ChangeReport, rows: u64, bytes: u64) -> serde_json::Value {
    match (change, &report.load) {
        (TableEvent::LoadRequested(_), Some(load)) => {
            let mut result = serde_json::to_value(load).unwrap_or_default();
            if let Some(fields) = result.as_object_mut() {
                fields.insert("table_rows_after".into(), rows.into());
                fields.insert("table_size_bytes".into(), bytes.into());
            }
            result
        }
        (TableEvent::SnapshotRequested(asked), _) => {
            json!({ "snapshot": asked.snapshot, "row_count": rows, "size_bytes": bytes })
        }
        (TableEvent::RestoreRequested(_), _) => json!({ "row_count": rows }),
        (TableEvent::RowsDeleteRequested(_), _) => json!({ "deleted_rows": report.deleted, "table_rows_after": rows }),
        _ => json!({}),
    }
}

/// A refusal by the data, as the caller sees it.
pub fn refusal(code: &str, message: &str, details: &serde_json::Value) -> Problem {
    let status = match code {
        "duplicate_key" | "column_exists" | "primary_key_exists" | "change_times_unknown" => 409,
        "column_not_found" => 404,
        _ => 400,
    };
    let problem = Problem::new(format!("storage.{code}"), status, message);
    if details.is_null() { problem } else { problem.with_details(details.clone()) }
}

/// Why a load cannot be tried: nobody stored what it names. Anybody may publish a command with any hash.
pub fn missing_content(change: &Change) -> Option<Problem> {
    let Change::Load(spec) = change else { return None };
    let detail = "the content that this load names was never stored: upload the file first";
    (!spec.files().all(Path::exists)).then(|| Problem::new("storage.file_content_not_found", 404, detail))
}

/// The schema after an event, when the event changes it.
pub fn schema_after(before: Option<&TableSchema>, event: &TableEvent) -> Result<Option<TableSchema>, Problem> {
    let changed = |change: &dyn Fn(&mut TableSchema)| {
        before.map(|before| {
            let mut after = before.clone();
            change(&mut after);
            after
        })
    };
    Ok(match event {
        TableEvent::TableOpened(opened) => {
            Some(TableSchema { columns: columns(&opened.columns)?, primary_key: opened.primary_key.clone() })
        }
        TableEvent::ColumnDropped(dropped) => {
            changed(&|schema| schema.columns.retain(|column| !column.name.eq_ignore_ascii_case(&dropped.column)))
        }
        TableEvent::PrimaryKeyDropped(_) => changed(&|schema| schema.primary_key.clear()),
        TableEvent::Settled(settled) if settled.columns.is_some() || settled.primary_key.is_some() => {
            let new_columns = settled.columns.as_deref().map(columns).transpose()?;
            changed(&|schema| {
                if let Some(columns) = &new_columns {
                    schema.columns.clone_from(columns);
                }
                if let Some(key) = &settled.primary_key {
                    schema.primary_key.clone_from(key);
                }
            })
        }
        TableEvent::Settled(_)
        | TableEvent::TableClosed(_)
        | TableEvent::ColumnAddRequested(_)
        | TableEvent::ColumnAlterRequested(_)
        | TableEvent::PrimaryKeyRequested(_)
        | TableEvent::LoadRequested(_)
        | TableEvent::RowsDeleteRequested(_)
        | TableEvent::SnapshotRequested(_)
        | TableEvent::RestoreRequested(_) => None,
    })
}

/// The columns as the table store knows them.
pub fn columns(specs: &[ColumnSpec]) -> Result<Vec<Column>, Problem> {
    specs.iter().map(column).collect()
}

fn column(spec: &ColumnSpec) -> Result<Column, Problem> {
    let parsed = || -> Result<Column, ColumnError> {
        Ok(Column {
            name: spec.name.clone(),
            column_type: spec.r#type.parse()?,
            nullable: spec.nullable,
            default: spec.default.as_deref().map(DefaultExpr::parse).transpose()?,
        })
    };
    parsed().map_err(|error| poison(&error.to_string()))
}

fn alteration(event: &ColumnAlterRequested) -> Result<Change, Problem> {
    let wrong = |error: ColumnError| poison(&error.to_string());
    let set_default: Option<Option<DefaultExpr>> = match event.set_default.as_deref() {
        None => None,
        Some("") => Some(None),
        Some(text) => Some(Some(DefaultExpr::parse(text).map_err(wrong)?)),
    };
    Ok(Change::AlterColumn {
        name: event.column.clone(),
        new_name: event.new_name.clone(),
        new_type: event.new_type.as_deref().map(str::parse).transpose().map_err(wrong)?,
        set_not_null: event.set_not_null,
        set_default,
    })
}

/// What a load reads, by the words of events; none for a format that there is not.
pub(crate) fn load_format(format: &str, csv: Option<&crate::contract::CsvOptions>) -> Option<LoadFormat> {
    match format {
        "csv" => Some(LoadFormat::Csv(csv.map_or_else(CsvOptions::default, csv_options))),
        "parquet" => Some(LoadFormat::Parquet),
        _ => None,
    }
}

fn csv_options(csv: &crate::contract::CsvOptions) -> CsvOptions {
    CsvOptions {
        delimiter: csv.delimiter.clone(),
        quote: csv.quote.clone(),
        escape: csv.escape.clone(),
        header: csv.header,
        null_string: csv.null_string.clone(),
        allow_quoted_nulls: csv.allow_quoted_nulls,
        ignored_lines: u64::try_from(csv.ignored_lines_count).unwrap_or(0),
        null_strings: csv.null_strings.clone(),
    }
}

fn load_spec(event: &LoadRequested, at: Moment, path: PathBuf, more: Vec<PathBuf>) -> Result<LoadSpec, Problem> {
    let dedup_mode = match event.dedup_mode.as_str() {
        "update_duplicates" => DedupMode::UpdateDuplicates,
        "insert_duplicates" => DedupMode::InsertDuplicates,
        "fail_on_duplicates" => DedupMode::FailOnDuplicates,
        other => return Err(poison(&format!("unknown dedup_mode {other}"))),
    };
    let format = load_format(&event.format, event.csv.as_ref())
        .ok_or_else(|| poison(&format!("unknown format {}", event.format)))?;
    let extra_columns = match event.extra_columns.as_str() {
        "error" => ExtraColumns::Fail,
        "ignore" => ExtraColumns::Ignore,
        "add" => ExtraColumns::Add,
        other => return Err(poison(&format!("unknown extra_columns {other}"))),
    };
    Ok(LoadSpec {
        path,
        more,
        format,
        incremental: event.incremental,
        dedup_mode,
        extra_columns,
        delete_missing: event.delete_missing,
        columns: event.columns.clone(),
        moment: at,
    })
}

/// Code of an event that the model should never have let through.
pub const POISON: &str = "storage.poison_event";

pub(super) fn poison(reason: &str) -> Problem {
    Problem::new(POISON, 500, format!("an event cannot be applied: {reason}"))
}

/// What defaults of this event are made of.
pub fn moment(time: Timestamp, seq: u64, index: usize) -> Moment {
    Moment { event_time_micros: time.micros(), seed: format!("{seq}.{index}") }
}

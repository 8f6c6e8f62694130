//! The tables inside a table file: the rows, the mark, the verdicts.

use duckdb::params;

use crate::column::{Column, TableSchema};
use crate::error::{Error, Result, store_error};
use crate::file::Mark;
use crate::instance::{Attached, Session};
use crate::steps::{self, Step, StepMark, Stepping};
use crate::{stamp, weighted};

/// Shape of a file whose rows carry no time of their last change, as releases before wrote it.
const PLAIN_VERSION: i32 = 1;
/// Shape of a file whose rows carry it.
pub(crate) const STAMPED_VERSION: i32 = 2;
/// Shape of a file of a pipeline: it also says which step it is at, and keeps a number beside each row that came by weight.
const STEPPED_VERSION: i32 = 3;
/// What its `_meta` has more than that of others.
const STEPPING: &str = "step BIGINT, program_version BIGINT, steps_from BIGINT, has_repeats BOOLEAN NOT NULL";

/// The one row of `_meta`.
#[derive(Debug, Clone)]
pub(crate) struct Meta {
    pub mark: Mark,
    pub rows: u64,
    pub schema: TableSchema,
    /// Whether its rows carry the time of their last change.
    pub is_stamped: bool,
    /// What files of pipelines have more.
    pub steps: Option<Stepping>,
}

impl Meta {
    pub(crate) fn step_mark(&self) -> Option<StepMark> {
        let at = self.steps?.at?;
        Some(StepMark { step: at.number, program_version: at.program_version, mark: self.mark.clone() })
    }
}

/// `CREATE TABLE` of the rows under a physical name, the time of their last change behind the columns. There is never an index: the engine's ART indexes are slow to fill and the
/// part of it most reported for corruption.
pub(crate) fn create_data_sql(relation: &str, schema: &TableSchema, is_stepped: bool) -> String {
    let columns = schema.columns.iter().map(Column::definition_sql).chain([stamp::definition()]);
    let columns = columns.chain(is_stepped.then(|| weighted::DEFINITION.to_owned()));
    format!("CREATE TABLE {relation} ({})", columns.collect::<Vec<_>>().join(", "))
}

pub(crate) fn create(
    session: &Session,
    file: &Attached,
    schema: &TableSchema,
    mark: &Mark,
    generation: u32,
    steps: Option<Stepping>,
) -> Result<(), duckdb::Error> {
    session.run(&create_data_sql(&file.relation("data"), schema, steps.is_some()))?;
    let meta = file.relation("_meta");
    session.run(&format!(
        "CREATE TABLE {meta} (seq BIGINT NOT NULL, hash VARCHAR NOT NULL, stream_created_micros BIGINT NOT NULL, \
         generation INTEGER NOT NULL, row_count BIGINT NOT NULL, schema VARCHAR NOT NULL, schema_version INTEGER NOT NULL)"
    ))?;
    session.run(&format!(
        "CREATE TABLE {} (request_seq BIGINT NOT NULL, verdict VARCHAR NOT NULL, changes VARCHAR NOT NULL, row_count BIGINT NOT NULL)",
        file.relation("_settlements")
    ))?;
    session.run_with(
        &format!("INSERT INTO {meta} VALUES (?, ?, ?, ?, 0, ?, ?)"),
        params![
            mark.seq as i64,
            mark.hash,
            mark.stream_created_micros,
            generation,
            schema_text(schema),
            STAMPED_VERSION
        ],
    )?;
    let Some(steps) = steps else { return Ok(()) };
    if steps.kept_from.is_some() {
        session.run(&steps::create_journal_sql(&file.relation(steps::JOURNAL), schema))?;
    }
    widen(session, file)?;
    let (number, version, kept_from, has_repeats) = steps_values(&steps);
    let sql = format!("UPDATE {meta} SET {STEPS_SET}");
    session.run_with(&sql, params![number, version, kept_from, has_repeats]).map(drop)
}

/// Gives `_meta` what files of pipelines have more. Made anew, since the engine alters no table more than once in a transaction.
pub(crate) fn widen(session: &Session, file: &Attached) -> Result<(), duckdb::Error> {
    let (meta, fresh) = (file.relation("_meta"), file.relation("_meta_next"));
    session.run(&format!(
        "CREATE TABLE {fresh} (seq BIGINT NOT NULL, hash VARCHAR NOT NULL, stream_created_micros BIGINT NOT NULL, \
         generation INTEGER NOT NULL, row_count BIGINT NOT NULL, schema VARCHAR NOT NULL, schema_version INTEGER NOT NULL, {STEPPING})"
    ))?;
    session.run(&format!(
        "INSERT INTO {fresh} SELECT seq, hash, stream_created_micros, generation, row_count, schema, {STEPPED_VERSION}, \
         NULL, NULL, NULL, FALSE FROM {meta}"
    ))?;
    session.run(&format!("DROP TABLE {meta}"))?;
    session.run(&format!("ALTER TABLE {fresh} RENAME TO _meta")).map(drop)
}

/// What an `UPDATE` sets of that, and with which values.
pub(crate) const STEPS_SET: &str = "step = ?, program_version = ?, steps_from = ?, has_repeats = ?";

pub(crate) fn steps_values(steps: &Stepping) -> (Option<i64>, Option<i64>, Option<i64>, bool) {
    let (number, version) = steps.at.map(|at| (at.number as i64, at.program_version as i64)).unzip();
    (number, version, steps.kept_from.map(|step| step as i64), steps.has_repeats)
}

#[expect(clippy::expect_used, reason = "names and types always have a JSON form")]
pub(crate) fn schema_text(schema: &TableSchema) -> String {
    serde_json::to_string(schema).expect("a table schema has a JSON form")
}

/// Reads `_meta`; a file without it is corrupt.
pub(crate) fn read(session: &Session, file: &Attached) -> Result<Meta> {
    let corrupt = |reason: String| Error::Corrupt { table: file.alias.clone(), reason };
    let row = session.row(&format!("SELECT * FROM {}", file.relation("_meta")), |row| {
        let mark = Mark {
            seq: row.get::<_, i64>("seq")? as u64,
            hash: row.get("hash")?,
            stream_created_micros: row.get("stream_created_micros")?,
        };
        let version = row.get::<_, i32>("schema_version")?;
        let steps = if version == STEPPED_VERSION { Some(stepping(row)?) } else { None };
        Ok((mark, row.get::<_, i64>("row_count")? as u64, row.get::<_, String>("schema")?, version, steps))
    });
    let (mark, rows, schema, version, steps) = match row {
        Ok(row) => row,
        Err(duckdb::Error::QueryReturnedNoRows) => return Err(corrupt("_meta is empty".into())),
        Err(duckdb::Error::InvalidColumnName(name)) => return Err(corrupt(format!("_meta has no {name}"))),
        Err(error) if crate::error::text(&error).starts_with("Catalog Error") => {
            return Err(corrupt(crate::error::text(&error)));
        }
        Err(error) => return Err(store_error(&error)),
    };
    // A file of any other shape is rebuilt from the log.
    if !matches!(version, PLAIN_VERSION | STAMPED_VERSION | STEPPED_VERSION) {
        return Err(corrupt(format!("_meta has version {version}")));
    }
    let schema = serde_json::from_str(&schema).map_err(|error| corrupt(error.to_string()))?;
    Ok(Meta { mark, rows, schema, is_stamped: version != PLAIN_VERSION, steps })
}

fn stepping(row: &duckdb::Row<'_>) -> duckdb::Result<Stepping> {
    let number = |name: &str| row.get::<_, Option<i64>>(name).map(|number| number.map(|number| number as u64));
    let at = number("step")?.zip(number("program_version")?);
    Ok(Stepping {
        at: at.map(|(number, program_version)| Step { number, program_version }),
        kept_from: number("steps_from")?,
        has_repeats: row.get("has_repeats")?,
    })
}

/// Reads `_meta`, or says that the file was never finished (created, but its first transaction not committed).
pub(crate) fn read_if_there(session: &Session, file: &Attached) -> Result<Option<Meta>> {
    let tables = session
        .count(&format!("SELECT count(*) FROM duckdb_tables() WHERE database_name = '{}'", file.alias))
        .map_err(|error| store_error(&error))?;
    if tables == 0 { Ok(None) } else { read(session, file).map(Some) }
}

//! Rows of an object, out of a workspace: as a Parquet file, which is all that others ever open of what its engine writes.

use alluvium_tablestore::quote::{ident, literal};
use alluvium_tablestore::sql::{Predicate, filters_text};
use alluvium_tablestore::{Column, ColumnType, TableSchema, exact};

use crate::child::{FILE as WORKSPACE_FILE, TEMP};
use crate::host::{Spilled, Workspaces, unexpected};
use crate::request::{Answer, Pick, Source, Work, Written};
use crate::run::opened;
use crate::sql::Engine;
use crate::{Error, Rule};

/// The file, where the engine spills to: the one directory beside the workspace's own files that a locked engine writes in.
pub(crate) const FILE: &str = "unload.parquet";
/// How long writing one may take, in milliseconds; a little less than half of what the request may that loads it then.
const UNLOAD_MS_MAX: u64 = 240_000;
/// The longest name of an object that can be asked for, in bytes.
const NAME_BYTES_MAX: usize = 64 << 10;
/// What columns and filters may take as JSON, in bytes: more than any condition that can be read, less than a request.
const PICK_BYTES_MAX: usize = 3 << 20;
/// The time for conditions that know of none, in microseconds.
const NO_CLOCK: i64 = 0;
/// How the engine begins what it says of a condition that cannot be computed.
const CONDITION_FAULTS: [&str; 3] = ["Conversion Error", "Invalid Input Error", "Binder Error"];
/// The name under which [`exact`] finds the columns.
const ROWS: &str = "d";

/// What came out of a workspace.
#[derive(Debug)]
pub struct Unloaded {
    /// Name and type of each column; `VARCHAR` for one of a type that tables do not have.
    pub columns: Vec<(String, String)>,
    /// How many rows.
    pub rows: u64,
    /// The rows, as Parquet. It has no name any more and goes when this is closed.
    pub file: tokio::fs::File,
}

impl Workspaces {
    /// Takes rows of a table or a view out of a workspace, as they are now and in their order; `None` if it has no such object. The
    /// file may have `bytes_max` bytes.
    pub async fn unload(
        &self,
        uid: &str,
        (object, pick): (&str, Pick),
        sources: Vec<Source>,
        bytes_max: u64,
    ) -> Result<Option<Unloaded>, Error> {
        let directory = self.directory(uid)?;
        if object.len() > NAME_BYTES_MAX {
            return Ok(None);
        }
        if serde_json::to_vec(&pick).map_err(Error::unavailable)?.len() > PICK_BYTES_MAX {
            let message = format!("columns and filters take more than {PICK_BYTES_MAX} bytes");
            return Err(Error::Unfit { rule: Rule::InvalidWhereFilter, message });
        }
        let _mine = self.turn(uid).await;
        if !directory.join(WORKSPACE_FILE).exists() {
            return Ok(None);
        }
        let _one = self.slot().await?;
        let spilled = Spilled(directory.join(TEMP));
        tokio::fs::create_dir_all(&spilled.0).await.map_err(|error| Error::io(&error))?;
        // The engine may have to write down what it finds in its own log, whatever the file may take.
        let limit_bytes = bytes_max.max(self.size(uid));
        let work = Work::Unload { object: object.to_owned(), sources, pick };
        let written = match self.done(directory, work, Some(limit_bytes), UNLOAD_MS_MAX).await {
            Ok(Answer::Unloaded(written)) => written,
            Ok(other) => return Err(unexpected(&other)),
            Err(Error::SizeExceeded { limit_bytes }) => {
                return Err(Error::TooLarge { limit: format!("{limit_bytes} bytes") });
            }
            Err(error) => return Err(error),
        };
        let Some(Written { columns, rows }) = written else { return Ok(None) };
        let file = tokio::fs::File::open(spilled.0.join(FILE)).await.map_err(|error| Error::io(&error))?;
        Ok(Some(Unloaded { columns, rows, file }))
    }
}

/// A column of an object; without a type where tables do not have it.
type Known = (String, Option<ColumnType>);

impl Pick {
    /// The columns that are taken of these, each once, and what stands behind the object in a statement that takes its rows.
    fn of(&self, columns: &[Known]) -> Result<(Vec<Known>, String), Error> {
        let mut taken: Vec<Known> = Vec::new();
        for name in self.columns.iter().flatten() {
            let found = columns.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).ok_or_else(|| {
                let message = format!("the object has no column {name:?}");
                Error::Unfit { rule: Rule::ColumnNotFound, message }
            })?;
            if !taken.contains(found) {
                taken.push(found.clone());
            }
        }
        if self.columns.is_none() {
            taken = columns.to_vec();
        }
        if self.filters.is_empty() {
            return Ok((taken, String::new()));
        }
        // Not what a table would have to be: only where names are looked up, and how their values compare.
        let column = |(name, kind): &Known| Column {
            name: name.clone(),
            column_type: kind.clone().unwrap_or(ColumnType::Varchar),
            nullable: true,
            default: None,
        };
        let schema = TableSchema { columns: columns.iter().map(column).collect(), primary_key: Vec::new() };
        let condition = Predicate::parse(&filters_text(&self.filters, &schema)?, &schema)?;
        Ok((taken, format!("WHERE {}", condition.to_sql(NO_CLOCK))))
    }
}

/// Writes rows of an object to a file, in an engine where it can do no harm. `open` opens the workspace with further files.
pub(crate) fn write(
    (object, pick): (&str, &Pick),
    sources: &[Source],
    to: &str,
    open: impl FnOnce(&[(String, String)]) -> Result<Engine, Error>,
) -> Result<Option<Written>, Error> {
    let engine = opened(sources, open)?;
    let Some(found) = engine.named(object)? else { return Ok(None) };
    let from = found.quoted();
    let described = || -> duckdb::Result<Vec<(String, String)>> {
        let mut statement = engine.0.prepare(&format!("DESCRIBE SELECT * FROM {from}"))?;
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    };
    let known = |(name, kind): (String, String)| (name, kind.parse::<ColumnType>().ok());
    let columns: Vec<Known> = described().map_err(|error| refused(&error))?.into_iter().map(known).collect();
    let (columns, condition) = pick.of(&columns)?;
    let values: Vec<String> = columns.iter().map(|(name, kind)| exact(name, kind.as_ref())).collect();
    let sql = format!(
        "COPY (SELECT {} FROM {from} AS {} {condition}) TO {} (FORMAT parquet, COMPRESSION 'zstd', USE_TMP_FILE false)",
        values.join(", "),
        ident(ROWS),
        literal(to),
    );
    let failed = |error: duckdb::Error| match refused(&error) {
        // Whatever a view may do with its values, a table has them.
        Error::Refused { message } if is_of_condition(&message) && !condition.is_empty() && found.is_table() => {
            Error::Unfit { rule: Rule::InvalidWhereClause, message }
        }
        other => other,
    };
    let rows = engine.0.execute(&sql, []).map_err(failed)? as u64;
    let told = |(name, kind): Known| (name, kind.map_or_else(|| "VARCHAR".to_owned(), |kind| kind.to_string()));
    Ok(Some(Written { columns: columns.into_iter().map(told).collect(), rows }))
}

/// What the engine says, without the place in the statement: that is ours, and names paths.
fn refused(error: &duckdb::Error) -> Error {
    match Error::statement(error) {
        Error::Refused { message } => Error::Refused { message: message.lines().next().unwrap_or_default().to_owned() },
        other => other,
    }
}

/// Whether the engine speaks of a condition that cannot be computed: wrong values, or wrong types.
fn is_of_condition(message: &str) -> bool {
    CONDITION_FAULTS.iter().any(|fault| message.starts_with(fault))
}

#[cfg(test)]
mod tests {
    use alluvium_tablestore::sql::WhereFilter;

    use super::*;

    fn all() -> Pick {
        Pick::default()
    }

    fn filter(text: &str) -> WhereFilter {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn an_object_is_written_whole_and_exactly_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        std::fs::create_dir(directory.path().join("tmp")).unwrap();
        let open = |others: &[(String, String)]| Engine::open(&path("w.duckdb"), &path("tmp"), 256 << 20, 1, others);
        let engine = open(&[]).unwrap();
        engine
            .run(
                "CREATE TABLE t AS SELECT range AS id, range::HUGEINT * 18446744073709551616 AS big, 'a' AS \"odd \"\" name\" FROM range(3);
                 CREATE VIEW v AS SELECT id, big FROM t WHERE id > 0; CREATE VIEW wrong AS SELECT error('no') AS x FROM t;
                 CREATE TABLE _hidden (a INTEGER)",
            )
            .unwrap();
        drop(engine);
        let to = path("tmp/unload.parquet");
        let written = write(("T", &all()), &[], &to, open).unwrap().unwrap();
        assert_eq!(written.rows, 3);
        let column = |name: &str, kind: &str| (name.to_owned(), kind.to_owned());
        assert_eq!(
            written.columns,
            [column("id", "BIGINT"), column("big", "HUGEINT"), column("odd \" name", "VARCHAR")]
        );
        let read = duckdb::Connection::open_in_memory().unwrap();
        let sum = format!("SELECT sum(big::HUGEINT)::VARCHAR FROM read_parquet({})", literal(&to));
        let found: String = read.query_row(&sum, [], |row| row.get(0)).unwrap();
        assert_eq!(found, "55340232221128654848", "no digit is lost");
        assert_eq!(write(("v", &all()), &[], &to, open).unwrap().unwrap().rows, 2);
        for absent in ["nope", "_hidden", "t; DROP TABLE t"] {
            assert!(write((absent, &all()), &[], &to, open).unwrap().is_none(), "{absent}");
        }
        assert!(matches!(write(("wrong", &all()), &[], &to, open), Err(Error::Refused { .. })));
        let outside = path("elsewhere.parquet");
        assert!(write(("t", &all()), &[], &outside, open).is_err() && !std::path::Path::new(&outside).exists());
    }

    #[test]
    fn columns_and_rows_are_picked_by_the_rules_of_tables() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        std::fs::create_dir(directory.path().join("tmp")).unwrap();
        let open = |others: &[(String, String)]| Engine::open(&path("w.duckdb"), &path("tmp"), 256 << 20, 1, others);
        let engine = open(&[]).unwrap();
        engine
            .run(
                "CREATE TABLE t AS SELECT range AS id, range::HUGEINT * 18446744073709551616 AS big, 'it''s' AS \"a \"\"b\"\"\"
                   FROM range(4);
                 CREATE VIEW v AS SELECT * FROM t",
            )
            .unwrap();
        drop(engine);
        let to = path("tmp/unload.parquet");
        let pick = |columns: &[&str], filters: &[&str]| Pick {
            columns: (!columns.is_empty()).then(|| columns.iter().map(|name| (*name).to_owned()).collect()),
            filters: filters.iter().map(|text| filter(text)).collect(),
        };
        let written = |object: &str, pick: &Pick| write((object, pick), &[], &to, open).map(Option::unwrap);
        for object in ["t", "v"] {
            let rows = |filters: &[&str]| written(object, &pick(&[], filters)).unwrap().rows;
            assert_eq!(rows(&[r#"{"column": "ID", "operator": "ge", "values": ["1"]}"#]), 3, "{object}");
            // It compares as what it is, though it is written as text.
            assert_eq!(rows(&[r#"{"column": "big", "operator": "lt", "values": ["100000000000000000000"]}"#]), 4);
            assert_eq!(rows(&[r#"{"column": "big", "operator": "gt", "values": ["18446744073709551616"]}"#]), 2);
            assert_eq!(rows(&[r#"{"column": "a \"b\"", "values": ["it's"]}"#]), 4);
            assert_eq!(rows(&[r#"{"column": "a \"b\"", "values": ["' OR 1=1 --"]}"#]), 0);
            let both = [r#"{"column": "id", "values": ["1", "2"]}"#, r#"{"column": "id", "values": ["2", "3"]}"#];
            assert_eq!(rows(&both), 1);
        }
        let some = written("v", &pick(&["Big", "id", "BIG"], &[])).unwrap();
        let names: Vec<&str> = some.columns.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!((names, some.rows), (vec!["big", "id"], 4));

        let broken = |object: &str, pick: &Pick| match written(object, pick) {
            Err(Error::Unfit { rule, .. }) => Some(rule),
            _ => None,
        };
        for (pick, rule) in [
            (pick(&["nope"], &[]), Rule::ColumnNotFound),
            (pick(&["id"], &[r#"{"column": "nope", "values": ["1"]}"#]), Rule::ColumnNotFound),
            (pick(&[], &[r#"{"column": "id", "values": []}"#]), Rule::InvalidWhereFilter),
            (pick(&[], &[r#"{"column": "id", "operator": "lt", "values": ["1", "2"]}"#]), Rule::InvalidWhereFilter),
            (pick(&[], &[r#"{"column": "id", "values": ["one"]}"#]), Rule::InvalidWhereClause),
        ] {
            assert_eq!(broken("t", &pick), Some(rule), "{pick:?}");
        }
        let wrong = pick(&[], &[r#"{"column": "id", "values": ["one"]}"#]);
        assert!(matches!(written("v", &wrong), Err(Error::Refused { .. })));
        for object in ["t", "v"] {
            let said = written(object, &wrong).unwrap_err().to_string();
            assert!(said.contains("one") && !said.contains("COPY") && !said.contains("parquet"), "{said}");
        }
    }
}

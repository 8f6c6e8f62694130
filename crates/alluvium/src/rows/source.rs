//! A file's rows, in the types of the table they are for.
//!
//! The whole file is read into a scratch database first: a row that does not fit is found before anything is published, and
//! streaming out of it cannot fail half way.

use std::path::Path;

use alluvium_tablestore::{ColumnType, TableSchema, quote};
use arrow::record_batch::RecordBatch;
use duckdb::Connection;
use tempfile::TempDir;

use crate::failure::{Exit, Failure};

/// Memory of the scratch database; more goes to its temporary directory.
const MEMORY_LIMIT: &str = "1GB";

/// Kinds of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text separated by a character.
    Csv(char),
    /// Apache Parquet.
    Parquet,
    /// One JSON object a line.
    Ndjson,
}

impl Kind {
    /// Told by the file's name.
    pub fn of(file: &Path) -> Result<Self, Failure> {
        let name = file.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        let name = name.trim_end_matches(".gz").trim_end_matches(".zst");
        match name.rsplit_once('.').map(|(_, end)| end) {
            Some("csv") => Ok(Self::Csv(',')),
            Some("tsv") => Ok(Self::Csv('\t')),
            Some("parquet") => Ok(Self::Parquet),
            Some("ndjson" | "jsonl") => Ok(Self::Ndjson),
            _ => Err(Failure::usage(format!("The name `{}` does not tell the kind of file.", file.display()))
                .help("rows are read from .csv, .tsv, .parquet, .ndjson and .jsonl files, gzipped or not")),
        }
    }
}

/// The staged rows of a file.
pub struct Source {
    // Fields are dropped in this order: the database is closed before its directory goes.
    db: Connection,
    _scratch: TempDir,
    rows: u64,
    columns: Vec<String>,
}

impl Source {
    /// Reads the whole file. `null` is the text of a CSV file that means NULL.
    pub fn stage(file: &Path, kind: Kind, null: &str, schema: &TableSchema) -> Result<Self, Failure> {
        let text = file.to_str().ok_or_else(|| Failure::usage("The file's path is not UTF-8."))?;
        if let Err(error) = std::fs::File::open(file) {
            return Err(Failure::from(error).note(format!("reading `{}`", file.display())));
        }
        let scratch = tempfile::tempdir()?;
        let db = Connection::open(scratch.path().join("rows.duckdb")).map_err(|error| unreadable(&error))?;
        let set = format!("SET memory_limit = '{MEMORY_LIMIT}'; SET TimeZone = 'UTC'");
        db.execute_batch(&set).map_err(|error| unreadable(&error))?;
        let found = names(&db, text, kind, null)?;
        let columns = chosen(&found, schema)?;
        let sql = format!("CREATE TABLE staged AS {}", select(kind, null, &columns));
        db.execute(&sql, [text]).map_err(|error| unreadable(&error))?;
        let rows: i64 =
            db.query_row("SELECT count(*) FROM staged", [], |row| row.get(0)).map_err(|e| unreadable(&e))?;
        let columns = columns.iter().map(|column| column.name.to_owned()).collect();
        Ok(Self { db, _scratch: scratch, rows: rows as u64, columns })
    }

    /// The table's columns that the file has, in the table's order.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// How many rows there are.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Gives all rows in the file's order, batch by batch.
    pub fn each(&self, mut take: impl FnMut(RecordBatch) -> Result<(), Failure>) -> Result<(), Failure> {
        let mut statement = self.db.prepare("SELECT * FROM staged").map_err(|error| unreadable(&error))?;
        let batches = statement.stream_arrow([]).map_err(|error| unreadable(&error))?;
        for batch in batches {
            take(batch)?;
        }
        Ok(())
    }
}

/// A column of the file with the column of the table it is for.
struct Chosen<'a> {
    in_file: String,
    name: &'a str,
    column_type: &'a ColumnType,
}

fn names(db: &Connection, file: &str, kind: Kind, null: &str) -> Result<Vec<String>, Failure> {
    let from = match kind {
        Kind::Csv(delimiter) => format!("read_csv(?, {}, all_varchar = true)", csv_options(delimiter, null)),
        Kind::Parquet => "read_parquet(?)".to_owned(),
        Kind::Ndjson => "read_json(?, format = 'newline_delimited')".to_owned(),
    };
    let mut statement = db.prepare(&format!("SELECT * FROM {from} LIMIT 0")).map_err(|error| unreadable(&error))?;
    let result = statement.query_arrow([file]).map_err(|error| unreadable(&error))?;
    Ok(result.get_schema().fields().iter().map(|field| field.name().clone()).collect())
}

/// Columns match by name, without regard to case; one that the table does not have is a mistake somebody should see.
fn chosen<'a>(found: &[String], schema: &'a TableSchema) -> Result<Vec<Chosen<'a>>, Failure> {
    let mut chosen = Vec::with_capacity(found.len());
    for name in found {
        let Some(column) = schema.column(name) else {
            let known: Vec<&str> = schema.columns.iter().map(|column| column.name.as_str()).collect();
            let message = format!("The file has a column `{name}`, the table has none of that name.");
            return Err(Failure::new(Exit::Rejected, "cli.unreadable_rows", message)
                .help(format!("the table has {}", known.join(", "))));
        };
        chosen.push(Chosen { in_file: name.clone(), name: &column.name, column_type: &column.column_type });
    }
    chosen.sort_by_key(|column| schema.position(column.name));
    let missing = |column: &&alluvium_tablestore::Column| {
        !column.nullable && column.default.is_none() && !chosen.iter().any(|given| given.name == column.name)
    };
    match schema.columns.iter().find(missing) {
        None => Ok(chosen),
        Some(column) => {
            let message = format!("The file has no column `{}`, which the table needs.", column.name);
            Err(Failure::new(Exit::Rejected, "cli.unreadable_rows", message))
        }
    }
}

fn csv_options(delimiter: char, null: &str) -> String {
    format!("header = true, delim = {}, nullstr = {}", quote::literal(&delimiter.to_string()), quote::literal(null))
}

/// Identifiers and literals are quoted; the path is bound.
fn select(kind: Kind, null: &str, columns: &[Chosen<'_>]) -> String {
    let types = || {
        let pairs: Vec<String> = columns
            .iter()
            .map(|column| {
                format!("{}: {}", quote::literal(&column.in_file), quote::literal(&column.column_type.to_string()))
            })
            .collect();
        format!("{{{}}}", pairs.join(", "))
    };
    let from = match kind {
        Kind::Csv(delimiter) => format!("read_csv(?, {}, types = {})", csv_options(delimiter, null), types()),
        Kind::Parquet => "read_parquet(?)".to_owned(),
        Kind::Ndjson => format!("read_json(?, format = 'newline_delimited', columns = {})", types()),
    };
    let fields: Vec<String> = columns
        .iter()
        .map(|column| {
            let (from, to) = (quote::ident(&column.in_file), quote::ident(column.name));
            let value = format!("CAST({from} AS {})", column.column_type);
            if travels_as_text(column.column_type) {
                format!("CAST({value} AS VARCHAR) AS {to}")
            } else {
                format!("{value} AS {to}")
            }
        })
        .collect();
    format!("SELECT {} FROM {from}", fields.join(", "))
}

/// Types that Avro has no better form for; see `alluvium_tablestore::avro_schema`.
fn travels_as_text(column_type: &ColumnType) -> bool {
    matches!(
        column_type,
        ColumnType::UBigInt
            | ColumnType::HugeInt
            | ColumnType::UHugeInt
            | ColumnType::Json
            | ColumnType::Bit
            | ColumnType::Enum(_)
            | ColumnType::Interval
            | ColumnType::TimeTz
            | ColumnType::Uuid
    )
}

fn unreadable(error: &duckdb::Error) -> Failure {
    let text = match error {
        duckdb::Error::DuckDBFailure(_, Some(text)) => text.clone(),
        other => other.to_string(),
    };
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let message = lines.next().unwrap_or("The file cannot be read.").to_owned();
    let mut failure = Failure::new(Exit::Rejected, "cli.unreadable_rows", message);
    failure.notes = lines.take(6).map(str::to_owned).collect();
    failure
}

#[cfg(test)]
mod tests {
    use alluvium_tablestore::Column;

    use super::*;

    fn schema() -> TableSchema {
        let column = |name: &str, kind: &str, nullable| Column::new(name, kind, nullable, None).unwrap();
        TableSchema::new(vec![column("n", "INTEGER", false), column("Ünï \"x\"", "VARCHAR", true)], &[]).unwrap()
    }

    fn staged(name: &str, text: &str) -> Result<Source, Failure> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        Source::stage(&path, Kind::of(&path).unwrap(), "NA", &schema())
    }

    #[test]
    fn csv_and_ndjson_are_read_by_name() {
        assert_eq!(staged("a.csv", "\"Ünï \"\"X\"\"\",N\nNA,1\nb,2\n").unwrap().rows(), 2);
        assert_eq!(staged("a.ndjson", "{\"n\": 1}\n{\"n\": 2}\n{\"n\": 3}\n").unwrap().rows(), 3);
    }

    #[test]
    fn what_does_not_fit_is_found_before_anything_is_published() {
        let failure = staged("a.csv", "n\n1\nmany\n").err().unwrap();
        assert_eq!((failure.exit, failure.code.as_str()), (Exit::Rejected, "cli.unreadable_rows"));
        assert!(staged("a.csv", "n,other\n1,2\n").err().unwrap().message.contains("other"));
        assert!(staged("a.csv", "\"Ünï \"\"x\"\"\"\nb\n").err().unwrap().message.contains("`n`"));
        assert_eq!(Kind::of(Path::new("a.xlsx")).unwrap_err().exit, Exit::Usage);
    }
}

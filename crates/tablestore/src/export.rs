//! Tables into files, by the engine's own `COPY`. Their order is stable: by primary key, else as inserted.

use std::path::{Path, PathBuf};

use crate::column::TableSchema;
use crate::error::{Error, Result, store_error};
use crate::file::TableFile;
use crate::hub::Hub;
use crate::instance::Session;
use crate::lens::{Lens, through};
use crate::order::lie_in_order;
use crate::quote::ident;
use crate::quote_path::literal_path;
use crate::read::{chosen, read_error};
use crate::stamp::{self, Changed};

/// How an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// Header, comma, LF, quotes only where needed, NULL empty, the empty string `""`.
    Csv {
        /// gzip instead of plain text.
        gzip: bool,
    },
    /// Apache Parquet.
    Parquet(ParquetCompression),
}

/// Compression inside a Parquet file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the variants are the names of codecs")]
pub enum ParquetCompression {
    #[default]
    Snappy,
    Gzip,
    Zstd,
}

impl ExportFormat {
    /// As `COPY` takes it.
    fn options(self) -> &'static str {
        match self {
            Self::Csv { gzip: true } => "FORMAT csv, HEADER true, COMPRESSION 'gzip'",
            Self::Csv { gzip: false } => "FORMAT csv, HEADER true, COMPRESSION 'none'",
            Self::Parquet(ParquetCompression::Snappy) => "FORMAT parquet, COMPRESSION 'snappy'",
            Self::Parquet(ParquetCompression::Gzip) => "FORMAT parquet, COMPRESSION 'gzip'",
            Self::Parquet(ParquetCompression::Zstd) => "FORMAT parquet, COMPRESSION 'zstd'",
        }
    }
}

/// What to export.
#[derive(Debug, Clone)]
pub struct ExportSpec {
    /// How.
    pub format: ExportFormat,
    /// Only these columns; all if `None`.
    pub columns: Option<Vec<String>>,
    /// A predicate made by `Predicate::to_sql`.
    pub predicate_sql: Option<String>,
    /// When they last changed.
    pub changed: Changed,
    /// Writes that too, as the last column.
    pub with_stamp: bool,
    /// At most so many rows.
    pub limit: Option<u64>,
    /// What of the table is there at all; everything when `None`.
    pub lens: Option<Lens>,
}

/// What an export wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exported {
    /// Rows.
    pub rows: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

impl Hub {
    /// Writes rows, as of one moment, to a file inside the hub's export (or blob) directory and syncs it; nothing is left there
    /// after a failure. The file is written from its beginning to its end and no byte twice, so that it can be read meanwhile.
    pub fn export(&self, file: &TableFile, spec: &ExportSpec, destination: &Path) -> Result<Exported> {
        let outcome = self.copy_out(file, spec, destination).and_then(|rows| {
            let io = |source| Error::io(destination, source);
            let written = std::fs::File::open(destination).map_err(io)?;
            written.sync_all().map_err(io)?;
            let bytes = written.metadata().map_err(io)?.len();
            Ok(Exported { rows, bytes })
        });
        if outcome.is_err() {
            // Half a file may or may not be there.
            let _ = std::fs::remove_file(destination);
        }
        outcome
    }

    fn copy_out(&self, file: &TableFile, spec: &ExportSpec, destination: &Path) -> Result<u64> {
        let (attached, session) = self.open_file(file)?;
        let transaction = session.begin()?;
        // The first look at the table decides of which moment the rest is.
        let held = crate::meta::read(&session, &attached)?;
        let (data, held) = through(spec.lens.as_ref(), &attached, held)?;
        let schema = held.schema;
        let columns = chosen(&schema, spec.columns.as_deref())?;
        let mut names: Vec<String> = columns.iter().map(|column| format!("d.{}", ident(&column.name))).collect();
        if spec.with_stamp {
            let shown = stamp::shown(&schema)?;
            names.push(format!("{} AS {}", stamp::of("d", held.is_stamped), ident(&shown.name)));
        }
        let condition = stamp::condition(spec.predicate_sql.as_ref(), spec.changed, held.is_stamped);
        let limit = spec.limit.map_or_else(String::new, |limit| format!("LIMIT {limit}"));
        let sql = format!(
            "COPY (SELECT {} FROM {data} AS d {condition} {} {limit}) TO {} ({}, USE_TMP_FILE false)",
            names.join(", "),
            order(&session, &data, &schema, spec)?,
            literal_path(&real(destination)?)?,
            spec.format.options(),
        );
        let rows = session.run(&sql).map_err(|error| read_error(&error))?;
        transaction.commit().map_err(|error| store_error(&error))?;
        Ok(rows as u64)
    }
}

/// The path without links on its way: the engine compares its directories' names with it, and those have none.
fn real(path: &Path) -> Result<PathBuf> {
    let io = |source| Error::io(path, source);
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Error::invalid("invalid_path", "an export needs the path of a file"));
    };
    Ok(parent.canonicalize().map_err(io)?.join(name))
}

/// What puts the rows in order, as far as a scan does not: it gives them as they lie, which is as they were inserted.
fn order(session: &Session, data: &str, schema: &TableSchema, spec: &ExportSpec) -> Result<String> {
    let keys = &schema.primary_key;
    // The first few of many are found by one pass over the keys, too.
    if keys.is_empty() || (spec.limit.is_none() && lie_in_order(session, data, schema)?) {
        return Ok(String::new());
    }
    let keys: Vec<String> = keys.iter().map(|key| format!("d.{}", ident(key))).collect();
    Ok(format!("ORDER BY {}", keys.join(", ")))
}

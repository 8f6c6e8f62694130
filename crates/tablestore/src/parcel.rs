//! Rows of a table as a Parquet file that another table is loaded from: every value comes out of it as it went in.

use std::path::Path;

use crate::column::ColumnType;
use crate::error::{Error, Result, store_error};
use crate::extract::{ExtractSpec, Extracted};
use crate::file::TableFile;
use crate::hub::Hub;
use crate::lens::through;
use crate::quote::ident;
use crate::quote_path::literal_path;
use crate::read::{chosen, read_error};
use crate::stamp;

impl Hub {
    /// Writes rows of a table, as of one moment and in their order, to a file inside the hub's export directory; nothing is left
    /// there after a failure. What Parquet cannot hold exactly is in it as text.
    pub fn parcel(&self, file: &TableFile, spec: &ExtractSpec, destination: &Path) -> Result<Extracted> {
        let outcome = self.write_parcel(file, spec, destination);
        if outcome.is_err() {
            // Half a file may or may not be there.
            let _ = std::fs::remove_file(destination);
        }
        outcome
    }

    fn write_parcel(&self, file: &TableFile, spec: &ExtractSpec, destination: &Path) -> Result<Extracted> {
        let (attached, session) = self.open_file(file)?;
        let transaction = session.begin()?;
        // The first look at the table decides of which moment the rest is.
        let held = crate::meta::read(&session, &attached)?;
        let (data, held) = through(spec.lens.as_ref(), &attached, held)?;
        let columns = chosen(&held.schema, spec.columns.as_deref())?;
        let values: Vec<String> = columns.iter().map(|column| exact(&column.name, Some(&column.column_type))).collect();
        let condition = stamp::condition(spec.predicate_sql.as_ref(), spec.changed, held.is_stamped);
        let sql = format!(
            "COPY (SELECT {} FROM {data} AS d {condition}) TO {} (FORMAT parquet, COMPRESSION 'zstd')",
            values.join(", "),
            literal_path(destination)?,
        );
        let rows = session.run(&sql).map_err(|error| read_error(&error))? as u64;
        transaction.commit().map_err(|error| store_error(&error))?;
        let bytes = std::fs::metadata(destination).map_err(|source| Error::io(destination, source))?.len();
        Ok(Extracted { rows, bytes, mark: held.mark })
    }
}

/// A column of `d` as it stands in a Parquet file that tables are loaded from: as it is, or as text where Parquet would not hold
/// each value exactly. So too where nobody knows its type.
pub fn exact(name: &str, column_type: Option<&ColumnType>) -> String {
    let name = ident(name);
    if column_type.is_some_and(is_exact) { format!("d.{name}") } else { format!("CAST(d.{name} AS VARCHAR) AS {name}") }
}

/// Whether Parquet holds every value of the type: not what is wider than 64 bits, and no span of time finer than a millisecond.
fn is_exact(column_type: &ColumnType) -> bool {
    match column_type {
        ColumnType::HugeInt | ColumnType::UHugeInt | ColumnType::Bit | ColumnType::TimeTz | ColumnType::Interval => {
            false
        }
        ColumnType::List(inner) | ColumnType::Array(inner, _) => is_exact(inner),
        ColumnType::Struct(fields) => fields.iter().all(|(_, inner)| is_exact(inner)),
        ColumnType::Map(key, value) => is_exact(key) && is_exact(value),
        _ => true,
    }
}

//! What is seen of a table: of an alias some columns, and the rows that meet its filters; of a table of a pipeline the rows as they
//! were after a step. Whoever reads through a lens is given a relation that holds nothing else, so that no name, condition or failure
//! tells of what it leaves out.

use crate::column::TableSchema;
use crate::error::{Error, Result, code};
use crate::instance::Attached;
use crate::meta::Meta;
use crate::quote::ident;
use crate::sql::{Predicate, SqlError, WhereFilter, filters_text};
use crate::{stamp, steps};

/// A limit that no table reaches. The engine moves no condition below a limit; without one it is free to try the reader's on rows that
/// the lens leaves out, and would tell of the value that it fails on.
const FENCE_ROWS: u64 = 1 << 60;
/// What the engine calls the place of a row.
const PLACE: &str = "rowid";

/// What is seen of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lens {
    /// Only these columns in this order, as far as the table has them; all when `None`.
    pub columns: Option<Vec<String>>,
    /// Only rows that meet all of these.
    pub filters: Vec<WhereFilter>,
    /// As it was after this step of its pipeline; as it is when `None`. A file that the step and later ones did not change is read as
    /// it is.
    pub step: Option<u64>,
}

impl Lens {
    /// The columns that are seen of a table, and its key if all of that is among them. Refused as `alias_outdated` when a filter is on
    /// a column that the table does not have, or none of the columns is left.
    pub fn schema(&self, whole: &TableSchema) -> Result<TableSchema> {
        if let Some(filter) = self.filters.iter().find(|filter| whole.column(&filter.column).is_none()) {
            return Err(outdated(format!(
                "its filter is on column {:?}, which its source does not have",
                filter.column
            )));
        }
        let Some(names) = &self.columns else { return Ok(whole.clone()) };
        let columns: Vec<_> = names.iter().filter_map(|name| whole.column(name)).cloned().collect();
        if columns.is_empty() {
            return Err(outdated("its source has none of its columns".to_owned()));
        }
        let is_seen = |key: &String| columns.iter().any(|column| column.name == *key);
        let primary_key = if whole.primary_key.iter().all(is_seen) { whole.primary_key.clone() } else { Vec::new() };
        Ok(TableSchema { columns, primary_key })
    }

    /// The relation that a reader's own SQL gets in the place of the table in `file`. The SQL may run later than `held` is of: rows that
    /// a step brings in between do not show. Whether the step was kept until then, is asked once more when it has run.
    pub(crate) fn relation(&self, file: &Attached, held: &Meta) -> Result<String> {
        let whole = &held.schema;
        let data = match self.step {
            Some(step) => {
                steps::reaches(held, step)?;
                if held.steps.is_some_and(|steps| steps.kept_from.is_some()) {
                    format!("({})", steps::rewound(file, whole, step))
                } else {
                    file.relation("data")
                }
            }
            None => file.relation("data"),
        };
        let names: Vec<String> = self.schema(whole)?.columns.iter().map(|column| ident(&column.name)).collect();
        self.select(&names, &data, whole)
    }

    fn select(&self, names: &[String], data: &str, whole: &TableSchema) -> Result<String> {
        if self.filters.is_empty() && self.columns.is_none() {
            // Nothing is left out that a condition could tell of.
            return Ok(format!("(SELECT {} FROM {data})", names.join(", ")));
        }
        let condition = if self.filters.is_empty() {
            String::new()
        } else {
            let text = filters_text(&self.filters, whole).map_err(refused)?;
            // The filters are of literals: the clock has no part in them.
            format!(" WHERE {}", Predicate::parse(&text, whole).map_err(refused)?.to_sql(0))
        };
        Ok(format!("(SELECT {} FROM {data}{condition} LIMIT {FENCE_ROWS})", names.join(", ")))
    }
}

/// What reads go on with: the relation of the rows that are seen, and what is known of them. Without a lens that is all. `held` was
/// read in the transaction in which the relation will be.
pub(crate) fn through(lens: Option<&Lens>, file: &Attached, held: Meta) -> Result<(String, Meta)> {
    let data = file.relation("data");
    let Some(lens) = lens else { return Ok((data, held)) };
    let (data, held) = match lens.step {
        Some(step) if !steps::reaches(&held, step)? => {
            // When these rows changed last is not kept.
            (format!("({})", steps::numbered(file, &held.schema, step, PLACE)), Meta { is_stamped: false, ..held })
        }
        _ => (data, held),
    };
    if lens.columns.is_none() && lens.filters.is_empty() {
        return Ok((data, held));
    }
    let schema = lens.schema(&held.schema)?;
    let mut names: Vec<String> = schema.columns.iter().map(|column| ident(&column.name)).collect();
    // Reads put rows in the order in which they were inserted, and may ask when they changed.
    if schema.column(PLACE).is_none() {
        // A column of that name stands before it, and this one is not seen.
        let is_taken = held.schema.column(PLACE).is_some();
        names.push(if is_taken { format!("CAST(0 AS BIGINT) AS {PLACE}") } else { PLACE.to_owned() });
    }
    if held.is_stamped {
        names.push(stamp::name());
    }
    let relation = lens.select(&names, &data, &held.schema)?;
    Ok((relation, Meta { schema, ..held }))
}

fn outdated(why: String) -> Error {
    Error::invalid(code::ALIAS_OUTDATED, format!("the alias cannot be read: {why}"))
}

fn refused(error: SqlError) -> Error {
    outdated(error.message)
}

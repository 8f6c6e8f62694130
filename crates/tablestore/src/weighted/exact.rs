//! Taking rows away by their values, as the engine compares them: for types of which equal values may be spelled in several ways, for
//! rows that came without a number, and to be sure before a step is refused.

use super::stage::{COPIES, PLACE, among, clear, run, whole};
use super::{Rows, digest, inconsistent};
use crate::append::{STAGE, columns_of, ident_list};
use crate::apply::Work;
use crate::error::{ApplyError, store_error};
use crate::quote::ident;
use crate::stamp;

/// Rows that go, each once.
const WANTED: &str = "temp.main.alv_wanted";
/// How often each of them is there.
const FOUND: &str = "temp.main.alv_found";

/// What makes rows of two relations equal: as a condition that the engine can hash.
pub(crate) fn rows_equal<'a>(names: impl Iterator<Item = &'a String>, left: &str, right: &str) -> String {
    let same = |name: &String| format!("{left}.{0} IS NOT DISTINCT FROM {right}.{0}", ident(name));
    names.map(same).collect::<Vec<_>>().join(" AND ")
}

/// Deletes all copies of the rows that go, and puts back those that stay.
pub(super) fn take(work: &Work<'_>, rows: &Rows) -> Result<(), ApplyError> {
    let places = rows.places(false);
    let mut numbers: Vec<u64> = places.iter().map(|place| digest::kept(rows.digests[*place as usize])).collect();
    numbers.sort_unstable();
    numbers.dedup();
    whole(work, rows, places)?;
    let columns = ident_list(names(work));
    let number = ident(super::COLUMN);
    // The same row may be in a step more than once.
    run(
        work,
        &format!(
            "CREATE OR REPLACE TEMP TABLE {WANTED} AS SELECT min({PLACE}) AS {PLACE}, CAST(sum({COPIES}) AS BIGINT) AS {COPIES}, \
             any_value({number}) AS {number}, {columns} FROM {STAGE} GROUP BY {columns}"
        ),
    )?;
    // First among the rows of their numbers: all columns are read of those only.
    let narrow = format!("d.{number} IN {}", among(work, &numbers)?);
    let missing = |condition: &str| -> Result<u64, ApplyError> {
        find(work, condition)?;
        let sql = format!(
            "SELECT count(*) FROM {WANTED} AS w LEFT JOIN {FOUND} AS f ON f.{PLACE} = w.{PLACE} \
             WHERE coalesce(f.{COPIES}, 0) < w.{COPIES}"
        );
        work.session.count(&sql).map_err(|error| store_error(&error).into())
    };
    let condition = if missing(&narrow)? == 0 {
        narrow.as_str()
    } else {
        match missing("TRUE")? {
            0 => "TRUE",
            rows => return Err(inconsistent(work, format!("{rows} rows that go are not there as often as they go"))),
        }
    };
    delete(work, condition)?;
    for table in [WANTED, FOUND] {
        run(work, &format!("DROP TABLE {table}"))?;
    }
    clear(work)
}

fn names<'a>(work: &'a Work<'_>) -> impl Iterator<Item = &'a String> {
    work.schema.columns.iter().map(|column| &column.name)
}

fn find(work: &Work<'_>, condition: &str) -> Result<(), ApplyError> {
    let (data, equal, stamp) = (work.data(), rows_equal(names(work), "d", "w"), stamp::name());
    let sql = format!(
        "CREATE OR REPLACE TEMP TABLE {FOUND} AS SELECT w.{PLACE} AS {PLACE}, count(*) AS {COPIES}, \
         max(d.{stamp}) AS {stamp} FROM (SELECT * FROM {data} AS d WHERE {condition}) AS d JOIN {WANTED} AS w ON {equal} \
         GROUP BY w.{PLACE}"
    );
    run(work, &sql).map(drop)
}

fn delete(work: &Work<'_>, condition: &str) -> Result<(), ApplyError> {
    let (data, equal) = (work.data(), rows_equal(names(work), "d", "w"));
    let sql =
        format!("DELETE FROM {data} AS d WHERE {condition} AND EXISTS (SELECT 1 FROM {WANTED} AS w WHERE {equal})");
    let deleted = run(work, &sql)?;
    let sum = |table: &str| work.session.count(&format!("SELECT CAST(sum({COPIES}) AS BIGINT) FROM {table}"));
    let found = sum(FOUND).map_err(|error| store_error(&error))?;
    if deleted != found {
        return Err(inconsistent(work, format!("{deleted} rows went where {found} were found")));
    }
    let (stamp, number) = (stamp::name(), ident(super::COLUMN));
    let (columns, columns_of_data) = (ident_list(names(work)), columns_of(&work.schema));
    let values: Vec<String> = names(work).map(|name| format!("w.{}", ident(name))).collect();
    let back = format!(
        "INSERT INTO {data} ({columns_of_data}, {number}) SELECT {columns}, {stamp}, {number} FROM (SELECT {}, f.{stamp}, w.{number}, \
         w.{PLACE}, unnest(range(f.{COPIES} - w.{COPIES})) FROM {WANTED} AS w JOIN {FOUND} AS f ON f.{PLACE} = w.{PLACE}) AS back \
         ORDER BY {PLACE}",
        values.join(", "),
    );
    run(work, &back).map(drop)
}

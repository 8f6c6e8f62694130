//! Giving a table the content of another file: columns, key and rows at once.

use crate::append::{columns_of, ident_list, keys_equal};
use crate::apply::{ChangeReport, Work};
use crate::column::{Column, TableSchema};
use crate::diff::{common_key, has};
use crate::error::{ApplyError, Error, store_error};
use crate::instance::Attached;
use crate::meta::{self, create_data_sql};
use crate::quote::ident;
use crate::stamp;

/// The rows keep their order. Only the table's own file is written; the other one is read, as it is at one moment. Rows that the
/// table has already keep their stamp, the others changed at `changed_at_micros`; without that, all keep the stamp they come with.
pub(crate) fn replace(
    work: &mut Work<'_>,
    from: &Attached,
    up_to: Option<u64>,
    changed_at_micros: Option<i64>,
) -> Result<ChangeReport, ApplyError> {
    // The first look at it decides of which moment the rest is.
    let held = meta::read(work.session, from)?;
    if up_to.is_some_and(|up_to| held.mark.seq > up_to) {
        return Err(Error::Unavailable("the table whose content is wanted has gone on meanwhile".into()).into());
    }
    let (data, fresh) = (work.data(), work.file.relation("data_next"));
    let run = |sql: &str| work.session.run(sql).map_err(|error| store_error(&error));
    run(&create_data_sql(&fresh, &held.schema, work.is_stepped))?;
    let source = from.relation("data");
    let rows = match changed_at_micros {
        None => format!("{} FROM {source} AS d", stamp::of("d", held.is_stamped)),
        Some(micros) if work.rows == 0 => format!("{} FROM {source} AS d", stamp::at(micros)),
        Some(micros) => kept_or(&work.schema, &held.schema, &data, &source, &stamp::at(micros)),
    };
    let columns: Vec<String> = held.schema.columns.iter().map(|column| format!("d.{}", ident(&column.name))).collect();
    let inserted = run(&format!(
        "INSERT INTO {fresh} ({}) SELECT {}, {rows} ORDER BY d.rowid",
        columns_of(&held.schema),
        columns.join(", ")
    ))?;
    if inserted as u64 != held.rows {
        let reason = format!("it says {} rows and has {inserted}", held.rows);
        return Err(Error::Corrupt { table: from.alias.clone(), reason }.into());
    }
    run(&format!("DROP TABLE {data}"))?;
    run(&format!("ALTER TABLE {fresh} RENAME TO data"))?;
    let deleted = work.rows.max(0) as u64;
    work.schema = held.schema;
    Ok(ChangeReport { inserted: held.rows, deleted, ..ChangeReport::default() })
}

/// The stamp of a row that the table has already, else `changed`; with what it is read from. What only one of the two has of
/// columns says nothing of a row, unless it holds something in the new one.
fn kept_or(before: &TableSchema, after: &TableSchema, data: &str, source: &str, changed: &str) -> String {
    let (common, added): (Vec<&Column>, Vec<&Column>) = after.columns.iter().partition(|column| has(before, column));
    let same = |column: &&Column| format!("d.{0} IS NOT DISTINCT FROM b.{0}", ident(&column.name));
    let is_empty = |column: &&Column| format!("d.{} IS NULL", ident(&column.name));
    let same_rest: Vec<String> = common.iter().map(same).chain(added.iter().map(is_empty)).collect();
    let (stamp, names) = (stamp::name(), ident_list(common.iter().map(|column| &column.name)));
    if common.is_empty() {
        return format!("{changed} FROM {source} AS d");
    }
    if let Some(key) = common_key(before, after, &common) {
        let (same_key, same) = (keys_equal(key, "d", "b"), same_rest.join(" AND "));
        let kept = format!("b.{} IS NOT NULL AND {same}", ident(&key[0]));
        return format!(
            "CASE WHEN {kept} THEN b.{stamp} ELSE {changed} END FROM {source} AS d LEFT JOIN {data} AS b ON {same_key}"
        );
    }
    let earlier =
        format!("SELECT {names}, max({stamp}) AS {stamp}, TRUE AS \"\u{2}known\" FROM {data} GROUP BY {names}");
    format!(
        "CASE WHEN b.\"\u{2}known\" THEN b.{stamp} ELSE {changed} END FROM {source} AS d LEFT JOIN ({earlier}) AS b ON {}",
        same_rest.join(" AND ")
    )
}

//! Loads into a table with a primary key: stage, compare, then insert and update.

use super::{DedupMode, LoadReport, LoadSpec, Source, import_failed, in_file, say, unreadable};
use crate::append::{STAGE, drop_stage, ident_list, insert_from_stage, keys_equal};
use crate::apply::{ChangeReport, Work, refuse};
use crate::column::Column;
use crate::error::{ApplyError, code, store_error};
use crate::key::{duplicate_key, duplicates, examples};
use crate::quote::ident;
use crate::stamp;

pub(super) fn load(
    work: &Work<'_>,
    spec: &LoadSpec,
    sources: Vec<Source>,
    given: &[Column],
) -> Result<ChangeReport, ApplyError> {
    let keys = work.schema.primary_key.clone();
    let (read, warnings) = stage(work, spec, sources, given)?;
    check_keys(work, &keys, given)?;
    let distinct = distinct(work, &keys, read)?;
    let duplicates_in_file = read - distinct;
    if duplicates_in_file > 0 {
        if spec.dedup_mode != DedupMode::UpdateDuplicates {
            return Err(duplicate_key(duplicates(work, STAGE, &keys)?));
        }
        run(
            work,
            &format!(
                "DELETE FROM {STAGE} WHERE rowid NOT IN (SELECT max(rowid) FROM {STAGE} GROUP BY {})",
                ident_list(&keys)
            ),
        )?;
    }
    let deleted = if spec.delete_missing { delete_missing(work, &keys)? } else { 0 };
    let mut report = if spec.incremental || spec.delete_missing {
        incremental(work, spec, given, &keys, distinct)?
    } else {
        full(work, spec, given)?
    };
    report.deleted += deleted;
    if let Some(load) = &mut report.load {
        load.deleted_rows = deleted;
        load.imported_rows = load.imported_rows.saturating_sub(deleted);
        load.duplicates_in_file = duplicates_in_file;
        load.warnings = warnings;
        if !spec.incremental {
            load.imported_rows = read;
        }
    }
    drop_stage(work)?;
    Ok(report)
}

/// Reads the files into the stage; gives its rows, and what is to be said of them.
fn stage(
    work: &Work<'_>,
    spec: &LoadSpec,
    sources: Vec<Source>,
    given: &[Column],
) -> Result<(u64, Vec<String>), ApplyError> {
    let columns: Vec<String> =
        given.iter().map(|column| format!("{} {}", ident(&column.name), column.column_type.to_sql())).collect();
    let name = STAGE.rsplit('.').next().unwrap_or(STAGE);
    run(work, &format!("CREATE OR REPLACE TEMP TABLE {name} ({})", columns.join(", ")))?;
    let (mut read, mut warnings) = (0, Vec::new());
    for (index, source) in sources.into_iter().enumerate() {
        let values: Vec<&str> = source.given.iter().map(|(_, sql)| sql.as_str()).collect();
        let sql = format!("INSERT INTO {STAGE} SELECT {} FROM {}", values.join(", "), source.from_sql);
        let staged = work.session.run(&sql);
        read += staged.map_err(|error| in_file(unreadable(&error, &source), spec, index))? as u64;
        say(&mut warnings, source.warnings);
    }
    Ok((read, warnings))
}

fn check_keys(work: &Work<'_>, keys: &[String], given: &[Column]) -> Result<(), ApplyError> {
    for key in keys {
        if !given.iter().any(|column| column.name == *key) {
            return Err(import_failed(format!("the load lacks column {key:?} of the primary key"), None, Some(key)));
        }
        if count(work, &format!("SELECT count(*) FROM {STAGE} WHERE {} IS NULL", ident(key)))? > 0 {
            return Err(import_failed(format!("column {key:?} of the primary key must not be NULL"), None, Some(key)));
        }
    }
    Ok(())
}

/// How many keys the stage has. Many files are in the order of their key; then one pass shows that each is there once, without
/// remembering any.
fn distinct(work: &Work<'_>, keys: &[String], read: u64) -> Result<u64, ApplyError> {
    if let [key] = keys {
        let pairs = format!("SELECT {0} AS key, lag({0}) OVER () AS before FROM {STAGE}", ident(key));
        if count(work, &format!("SELECT count(*) FROM ({pairs}) WHERE key <= before"))? == 0 {
            return Ok(read);
        }
    }
    count(work, &format!("SELECT count(*) FROM (SELECT DISTINCT {} FROM {STAGE})", ident_list(keys)))
}

/// Takes away the rows whose key the stage has not.
fn delete_missing(work: &Work<'_>, keys: &[String]) -> Result<u64, ApplyError> {
    let there = keys_equal(keys, "d", "s");
    let sql = format!("DELETE FROM {} AS d WHERE NOT EXISTS (SELECT 1 FROM {STAGE} AS s WHERE {there})", work.data());
    run(work, &sql)
}

fn full(work: &Work<'_>, spec: &LoadSpec, given: &[Column]) -> Result<ChangeReport, ApplyError> {
    let deleted = if work.rows > 0 { run(work, &format!("TRUNCATE {}", work.data()))? } else { 0 };
    let inserted = insert(work, spec, given)?;
    Ok(ChangeReport {
        inserted,
        deleted,
        load: Some(LoadReport { inserted_rows: inserted, ..LoadReport::default() }),
        ..ChangeReport::default()
    })
}

fn incremental(
    work: &Work<'_>,
    spec: &LoadSpec,
    given: &[Column],
    keys: &[String],
    distinct: u64,
) -> Result<ChangeReport, ApplyError> {
    let data = work.data();
    let matching = format!("EXISTS (SELECT 1 FROM {data} AS d WHERE {})", keys_equal(keys, "d", "s"));
    if spec.dedup_mode != DedupMode::UpdateDuplicates {
        let existing = format!("{STAGE} AS s WHERE {matching}");
        if count(work, &format!("SELECT count(*) FROM {existing}"))? > 0 {
            return Err(duplicate_key(examples(work, keys, &existing)?));
        }
    }
    let updated = update(work, spec, given, keys)?;
    if work.rows > 0 && spec.dedup_mode == DedupMode::UpdateDuplicates {
        // What is dealt with leaves the stage, so that the rest goes into the table in its order without being sorted.
        run(work, &format!("DELETE FROM {STAGE} AS s WHERE {matching}"))?;
    }
    let inserted = insert(work, spec, given)?;
    let existing = distinct - inserted;
    Ok(ChangeReport {
        inserted,
        updated,
        deleted: 0,
        load: Some(LoadReport {
            imported_rows: inserted,
            inserted_rows: inserted,
            updated_rows: updated,
            unchanged_rows: existing - updated,
            ..LoadReport::default()
        }),
    })
}

/// Gives the rows of equal key the values of the stage; those that have them already are left alone.
fn update(work: &Work<'_>, spec: &LoadSpec, given: &[Column], keys: &[String]) -> Result<u64, ApplyError> {
    let values: Vec<String> =
        given.iter().filter(|column| !keys.contains(&column.name)).map(|column| ident(&column.name)).collect();
    if work.rows == 0 || values.is_empty() {
        return Ok(0);
    }
    let stamp = format!("{} = {}", stamp::name(), stamp::at(spec.moment.event_time_micros));
    let set: Vec<String> = values.iter().map(|name| format!("{name} = s.{name}")).chain([stamp]).collect();
    let differs: Vec<String> = values.iter().map(|name| format!("d.{name} IS DISTINCT FROM s.{name}")).collect();
    let sql = format!(
        "UPDATE {} AS d SET {} FROM {STAGE} AS s WHERE {} AND ({})",
        work.data(),
        set.join(", "),
        keys_equal(keys, "d", "s"),
        differs.join(" OR ")
    );
    let updated = work.session.run(&sql).map_err(|error| refuse(&error, code::IMPORT_FAILED))?;
    Ok(updated as u64)
}

fn insert(work: &Work<'_>, spec: &LoadSpec, given: &[Column]) -> Result<u64, ApplyError> {
    let sql = insert_from_stage(
        &work.schema,
        &work.data(),
        given,
        &spec.moment,
        &stamp::at(spec.moment.event_time_micros),
        "",
    );
    let inserted = work.session.run(&sql).map_err(|error| refuse(&error, code::IMPORT_FAILED))?;
    Ok(inserted as u64)
}

fn count(work: &Work<'_>, sql: &str) -> Result<u64, ApplyError> {
    work.session.count(sql).map_err(|error| store_error(&error).into())
}

fn run(work: &Work<'_>, sql: &str) -> Result<u64, ApplyError> {
    work.session.run(sql).map(|count| count as u64).map_err(|error| store_error(&error).into())
}

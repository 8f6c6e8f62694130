//! Changing the columns of a table that holds rows.
//!
//! The engine refuses several alterations of one table in one transaction, and not-null on one with pending updates. So
//! whatever is not a plain rename, drop or nullable addition copies the table into its next shape, in row order.

use serde_json::json;

use crate::append::columns_of;
use crate::apply::{ChangeReport, Moment, Work, plain, refuse};
use crate::column::{Column, ColumnType, DefaultExpr, TableSchema};
use crate::error::{ApplyError, Kind, code, kind, store_error, text};
use crate::key;
use crate::load::default_of;
use crate::meta::create_data_sql;
use crate::quote::ident;
use crate::stamp;

/// The parts of `AlterColumn`.
pub(crate) struct Alteration {
    pub new_name: Option<String>,
    pub new_type: Option<ColumnType>,
    pub set_not_null: Option<bool>,
    #[expect(clippy::option_option, reason = "three cases: keep, drop, set")]
    pub set_default: Option<Option<DefaultExpr>>,
}

pub(crate) fn position(schema: &TableSchema, name: &str) -> Result<usize, ApplyError> {
    schema.position(name).ok_or_else(|| {
        ApplyError::refused_with(
            code::COLUMN_NOT_FOUND,
            format!("there is no column {name:?}"),
            json!({ "column": name }),
        )
    })
}

fn check_free(schema: &TableSchema, name: &str, except: Option<usize>) -> Result<(), ApplyError> {
    let taken = schema
        .columns
        .iter()
        .enumerate()
        .any(|(index, column)| Some(index) != except && column.name.eq_ignore_ascii_case(name));
    if taken {
        return Err(ApplyError::refused(code::COLUMN_EXISTS, format!("there is a column {name:?} already")));
    }
    Ok(())
}

pub(crate) fn add_column(work: &mut Work<'_>, column: Column, moment: &Moment) -> Result<ChangeReport, ApplyError> {
    check_free(&work.schema, &column.name, None)?;
    let mut next = work.schema.clone();
    next.columns.push(column.clone());
    if column.default.is_none() {
        if !column.nullable && work.rows > 0 {
            return Err(ApplyError::refused(
                code::DEFAULT_REQUIRED,
                format!("column {:?} must not be NULL and has no default for the existing rows", column.name),
            ));
        }
        if column.nullable {
            add_nullable(work, &[column])?;
            return Ok(ChangeReport::default());
        }
    }
    let mut values = kept(&work.schema);
    values.push(default_of(&column, moment, "d.rowid"));
    copy_into(work, next, &values, code::NULL_VALUES_PRESENT)?;
    Ok(ChangeReport { updated: work.rows.max(0) as u64, ..ChangeReport::default() })
}

/// Adds columns at the end that existing rows hold NULL in. Before any row is touched: the engine lets no table be altered whose
/// rows the transaction has deleted.
pub(crate) fn add_nullable(work: &mut Work<'_>, columns: &[Column]) -> Result<(), ApplyError> {
    for column in columns {
        check_free(&work.schema, &column.name, None)?;
        let (name, kind) = (ident(&column.name), column.column_type.to_sql());
        let sql = format!("ALTER TABLE {} ADD COLUMN {name} {kind}", work.data());
        work.session.run(&sql).map_err(|error| store_error(&error))?;
        work.schema.columns.push(column.clone());
    }
    Ok(())
}

pub(crate) fn drop_column(work: &mut Work<'_>, name: &str) -> Result<ChangeReport, ApplyError> {
    let index = position(&work.schema, name)?;
    if work.schema.columns.len() == 1 {
        return Err(ApplyError::refused(code::CANNOT_DROP_LAST_COLUMN, "the last column of a table cannot be dropped"));
    }
    let name = work.schema.columns[index].name.clone();
    if work.schema.primary_key.contains(&name) {
        return Err(ApplyError::refused(
            code::COLUMN_IN_PRIMARY_KEY,
            format!("column {name:?} is part of the primary key"),
        ));
    }
    work.session
        .run(&format!("ALTER TABLE {} DROP COLUMN {}", work.data(), ident(&name)))
        .map_err(|error| store_error(&error))?;
    work.schema.columns.remove(index);
    Ok(ChangeReport::default())
}

pub(crate) fn alter_column(
    work: &mut Work<'_>,
    name: &str,
    alteration: Alteration,
) -> Result<ChangeReport, ApplyError> {
    let index = position(&work.schema, name)?;
    let old = work.schema.columns[index].clone();
    let mut next = work.schema.clone();
    if let Some(new_name) = &alteration.new_name {
        check_free(&work.schema, new_name, Some(index))?;
        next.columns[index].name.clone_from(new_name);
        for key in &mut next.primary_key {
            if *key == old.name {
                key.clone_from(new_name);
            }
        }
    }
    if let Some(new_type) = &alteration.new_type {
        next.columns[index].column_type = new_type.clone();
    }
    if let Some(not_null) = alteration.set_not_null {
        let in_key = next.primary_key.contains(&next.columns[index].name);
        if !not_null && in_key {
            return Err(ApplyError::refused(
                code::COLUMN_IN_PRIMARY_KEY,
                format!("column {name:?} is part of the primary key and cannot hold NULL"),
            ));
        }
        next.columns[index].nullable = !not_null;
    }
    if let Some(default) = alteration.set_default {
        next.columns[index].default = default;
    }
    let column = next.columns[index].clone();
    let retyped = column.column_type != old.column_type;
    if retyped || column.nullable != old.nullable {
        let mut values = kept(&work.schema);
        values[index] = format!("CAST(d.{} AS {})", ident(&old.name), column.column_type.to_sql());
        if old.nullable && !column.nullable {
            check_no_nulls(work, &old.name)?;
        }
        let in_key = next.primary_key.contains(&column.name);
        copy_into(work, next, &values, code::INVALID_CAST)?;
        if retyped && in_key {
            let keys = work.schema.primary_key.clone();
            key::check_unique(work, &keys)?;
        }
    } else {
        if column.name != old.name {
            let sql =
                format!("ALTER TABLE {} RENAME COLUMN {} TO {}", work.data(), ident(&old.name), ident(&column.name));
            work.session.run(&sql).map_err(|error| store_error(&error))?;
        }
        work.schema = next;
    }
    Ok(ChangeReport::default())
}

/// The table's columns as they are, for a copy.
fn kept(schema: &TableSchema) -> Vec<String> {
    schema.columns.iter().map(|column| format!("d.{}", ident(&column.name))).collect()
}

pub(crate) fn check_no_nulls(work: &Work<'_>, name: &str) -> Result<(), ApplyError> {
    let nulls = work
        .session
        .count(&format!("SELECT count(*) FROM {} WHERE {} IS NULL", work.data(), ident(name)))
        .map_err(|error| store_error(&error))?;
    if nulls == 0 {
        return Ok(());
    }
    Err(ApplyError::refused_with(
        code::NULL_VALUES_PRESENT,
        format!("column {name:?} holds {nulls} NULL values"),
        json!({ "column": name, "null_count": nulls }),
    ))
}

/// Copies the rows into a table of the next shape and puts it in the place of the old one. Another shape is no change of a row: they
/// keep the time of their last one.
pub(crate) fn copy_into(
    work: &mut Work<'_>,
    next: TableSchema,
    values: &[String],
    refusal: &'static str,
) -> Result<(), ApplyError> {
    let data = work.data();
    let fresh = work.file.relation("data_next");
    work.session.run(&create_data_sql(&fresh, &next, work.is_stepped)).map_err(|error| store_error(&error))?;
    work.session
        .run(&format!(
            "INSERT INTO {fresh} ({}) SELECT {}, {} FROM {data} AS d ORDER BY d.rowid",
            columns_of(&next),
            values.join(", "),
            stamp::of("d", true)
        ))
        .map_err(|error| match kind(&error) {
            Kind::Conversion => ApplyError::refused(code::INVALID_CAST, plain(&text(&error))),
            _ => refuse(&error, refusal),
        })?;
    work.session.run(&format!("DROP TABLE {data}")).map_err(|error| store_error(&error))?;
    work.session.run(&format!("ALTER TABLE {fresh} RENAME TO data")).map_err(|error| store_error(&error))?;
    work.schema = next;
    Ok(())
}

//! Primary keys: declared in the schema, kept by staging and matching, never by an index.

use serde_json::{Value, json};

use crate::alter::{check_no_nulls, copy_into, position};
use crate::append::ident_list;
use crate::apply::{ChangeReport, Work};
use crate::error::{ApplyError, code, store_error};
use crate::quote::ident;

/// How many duplicate keys a refusal shows.
const EXAMPLE_KEYS_MAX: u32 = 5;

pub(crate) fn set_primary_key(work: &mut Work<'_>, columns: &[String]) -> Result<ChangeReport, ApplyError> {
    if !work.schema.primary_key.is_empty() {
        return Err(ApplyError::refused(code::PRIMARY_KEY_EXISTS, "the table has a primary key already"));
    }
    let mut keys = Vec::with_capacity(columns.len());
    for name in columns {
        let found = work.schema.columns[position(&work.schema, name)?].name.clone();
        if keys.contains(&found) {
            return Err(ApplyError::refused("invalid_primary_key", format!("column {name:?} is named twice")));
        }
        keys.push(found);
    }
    if keys.is_empty() {
        return Err(ApplyError::refused("invalid_primary_key", "a primary key needs a column"));
    }
    for key in &keys {
        check_no_nulls(work, key)?;
    }
    check_unique(work, &keys)?;
    let mut next = work.schema.clone();
    next.primary_key.clone_from(&keys);
    let mut tightened = false;
    for column in &mut next.columns {
        if keys.contains(&column.name) && column.nullable {
            column.nullable = false;
            tightened = true;
        }
    }
    if tightened {
        let values: Vec<String> =
            work.schema.columns.iter().map(|column| format!("d.{}", ident(&column.name))).collect();
        copy_into(work, next, &values, code::NULL_VALUES_PRESENT)?;
    } else {
        work.schema = next;
    }
    Ok(ChangeReport::default())
}

pub(crate) fn drop_primary_key(work: &mut Work<'_>) -> Result<ChangeReport, ApplyError> {
    if work.schema.primary_key.is_empty() {
        return Err(ApplyError::refused(code::NO_PRIMARY_KEY, "the table has no primary key"));
    }
    work.schema.primary_key.clear();
    Ok(ChangeReport::default())
}

pub(crate) fn check_unique(work: &Work<'_>, keys: &[String]) -> Result<(), ApplyError> {
    let examples = duplicates(work, &work.data(), keys)?;
    if examples.is_empty() { Ok(()) } else { Err(duplicate_key(examples)) }
}

pub(crate) fn duplicate_key(examples: Vec<Value>) -> ApplyError {
    ApplyError::refused_with(
        code::DUPLICATE_KEY,
        "several rows share a primary key",
        json!({ "example_keys": examples }),
    )
}

/// Some keys that occur more than once in a relation, each as an object of its columns as text.
pub(crate) fn duplicates(work: &Work<'_>, relation: &str, keys: &[String]) -> Result<Vec<Value>, ApplyError> {
    let list = ident_list(keys);
    examples(work, keys, &format!("{relation} GROUP BY {list} HAVING count(*) > 1"))
}

/// Reads key columns as text from what follows `FROM`.
pub(crate) fn examples(work: &Work<'_>, keys: &[String], from: &str) -> Result<Vec<Value>, ApplyError> {
    let texts: Vec<String> = keys.iter().map(|key| format!("CAST({} AS VARCHAR)", ident(key))).collect();
    let sql = format!("SELECT {} FROM {from} ORDER BY ALL LIMIT {EXAMPLE_KEYS_MAX}", texts.join(", "));
    let read = || -> duckdb::Result<Vec<Value>> {
        let mut statement = work.session.connection().prepare(&sql)?;
        let rows = statement.query_map([], |row| {
            let mut object = serde_json::Map::new();
            for (index, key) in keys.iter().enumerate() {
                object.insert(key.clone(), row.get::<_, Option<String>>(index)?.map_or(Value::Null, Value::String));
            }
            Ok(Value::Object(object))
        })?;
        rows.collect()
    };
    work.session.noted(read()).map_err(|error| store_error(&error).into())
}

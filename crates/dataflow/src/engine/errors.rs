//! The relation of rows that were not taken.

use std::sync::Arc;

use alluvium_sql::catalog::ERROR_VIEW;
use arrow::array::{ArrayRef, StringArray};
use serde_json::{Map, Value};

use super::changes::RejectedRows;
use super::tables::{Keeping, Resolved, TableState};
use super::zset::Zset;
use crate::functions::Outcome;

/// The name of the relation.
pub(super) const ERRORS: &str = ERROR_VIEW;

/// Adds rows that were not taken to what is told of errors: the name of the relation, why, and the row as JSON.
pub(super) fn told(
    table: &TableState,
    before: Option<Resolved>,
    refused: &[RejectedRows],
) -> Outcome<Option<Resolved>> {
    if table.keeping != Keeping::None || table.table.columns.len() != 3 || refused.is_empty() {
        return Ok(before);
    }
    let mut resolved = before.unwrap_or_else(|| Resolved::new(Zset::empty(&table.schema)));
    let mut parts = vec![resolved.delta];
    for each in refused {
        let rows = each.rows.to_texts();
        let repeated = |text: &str| Arc::new(StringArray::from(vec![text; rows.len()])) as ArrayRef;
        let schema = each.rows.batch.schema();
        let metadata: StringArray = rows
            .iter()
            .map(|(row, _)| {
                let value = |text: &Option<String>| text.clone().map_or(Value::Null, Value::String);
                let columns = schema.fields().iter().zip(row).map(|(field, text)| (field.name().clone(), value(text)));
                Some(Value::Object(columns.collect::<Map<_, _>>()).to_string())
            })
            .collect();
        let columns = vec![repeated(&each.table), repeated(&each.reason), Arc::new(metadata) as ArrayRef];
        parts.push(Zset::new(&table.schema, columns, rows.iter().map(|(_, weight)| *weight).collect())?);
    }
    resolved.delta = table.codec.consolidate(&Zset::concat(&table.schema, &parts)?)?;
    Ok(Some(resolved))
}

//! Rows: previews, deletes, SQL.

use alluvium_kernel::Problem;
use serde_json::{Map, Value, json};

use super::fields::Fields;
use super::rest::path;
use super::table::named;
use super::{Ask, Done, Executed, long, wrong};
use crate::fold::relations;
use crate::model::names::bucket_name;

/// Operators by their numbers.
const OPERATORS: [&str; 6] = ["eq", "ne", "gt", "ge", "lt", "le"];
/// Types that comparisons may be made in, by their numbers; the first is none.
const DATA_TYPES: [&str; 6] = ["string", "integer", "double", "bigint", "real", "decimal"];
/// When rows changed, as the command says it and as the surface takes it.
const CHANGES: [(&str, &str); 2] = [("changeSince", "changed_since"), ("changeUntil", "changed_until")];
/// Rows of a preview when the command does not say.
const PREVIEW_ROWS: i64 = 1_000;

/// Conditions as the surface takes them.
pub(super) fn filters(fields: &Fields<'_>) -> Result<Vec<Value>, Problem> {
    let filter = |filter: &Fields<'_>| {
        let data_type = filter.choice("dataType", &DATA_TYPES)?;
        let data_type = Some(data_type.to_ascii_uppercase()).filter(|_| data_type != "string");
        Ok(json!({
            "column": filter.required("columnsName")?, "operator": filter.choice("operator", &OPERATORS)?,
            "values": filter.texts("values")?, "data_type": data_type,
        }))
    };
    fields.objects("whereFilters")?.iter().map(filter).collect()
}

/// The body with when rows changed, as far as the command says it.
pub(super) fn changed(fields: &Fields<'_>, mut body: Value) -> Result<Value, Problem> {
    for (given, name) in CHANGES {
        if let Some(text) = fields.text(given)? {
            body[name] = text.into();
        }
    }
    Ok(body)
}

/// Keys of an order as the surface takes them.
pub(super) fn order(fields: &Fields<'_>) -> Result<Vec<Value>, Problem> {
    let key = |key: &Fields<'_>| {
        let data_type = key.choice("dataType", &DATA_TYPES)?;
        let data_type = Some(data_type.to_ascii_uppercase()).filter(|_| data_type != "string");
        let order = key.choice("order", &["asc", "desc"])?.to_ascii_uppercase();
        Ok(json!({ "column": key.required("columnName")?, "order": order, "data_type": data_type }))
    };
    fields.objects("orderBy")?.iter().map(key).collect()
}

pub(super) async fn preview(ask: &Ask<'_>) -> Done {
    let (at, table) = named(ask).await?;
    let given = ask.fields.object("filters")?;
    given.unsupported(&["fulltextSearch"])?;
    let limit = Some(given.number("limit")?).filter(|limit| *limit > 0).unwrap_or(PREVIEW_ROWS);
    let columns = Some(ask.fields.texts("columns")?).filter(|columns| !columns.is_empty());
    let body = json!({
        "limit": limit, "columns": columns, "where_filters": filters(&given)?, "order_by": order(&ask.fields)?,
    });
    let shown = ask.rest.post(&at.table(&table, &["preview"]), changed(&given, body)?).await?;
    let names: Vec<&Value> = shown["columns"].as_array().into_iter().flatten().map(|column| &column["name"]).collect();
    let cell = |row: &Value, name: &Value| {
        let value = name.as_str().and_then(|name| row.get(name)).unwrap_or(&Value::Null);
        json!({ "columnName": name, "value": value })
    };
    let row = |row: &Value| json!({ "columns": names.iter().map(|name| cell(row, name)).collect::<Vec<_>>() });
    let rows: Vec<Value> = shown["rows"].as_array().into_iter().flatten().map(row).collect();
    Ok(Executed::with("table", "PreviewTable", json!({ "columns": names, "rows": rows })))
}

pub(super) async fn delete(ask: &Ask<'_>) -> Done {
    let (at, table) = named(ask).await?;
    let filters = filters(&ask.fields)?;
    let body = if filters.is_empty() { json!({ "allow_truncate": true }) } else { json!({ "where_filters": filters }) };
    let body = changed(&ask.fields, body)?;
    let gone = ask.rest.delete(&at.table(&table, &["rows"]), Some(body)).await?;
    let left = ask.rest.get(&at.table(&table, &[])).await?;
    let response = json!({
        "deletedRowsCount": long(&gone["deleted_rows"]), "tableRowsCount": long(&gone["table_rows_after"]),
        "tableSizeBytes": long(&left["size_bytes"]),
    });
    Ok(Executed::with("table", "DeleteTableRows", response))
}

/// A query that fails is an answer like any other, with a status.
pub(super) async fn query(ask: &Ask<'_>) -> Done {
    let restriction = ask.fields.texts("pathRestriction")?;
    let (project, bucket) = match &restriction[..] {
        [] => (ask.project(None)?, None),
        [project] => (ask.project(Some(project.clone()))?, None),
        [project, bucket] => (ask.project(Some(project.clone()))?, Some(bucket_name(bucket))),
        _ => return Err(wrong("A `pathRestriction` is [project] or [project, bucket].")),
    };
    let sql = ask.fields.required("query")?;
    if let Some(bucket) = bucket
        && let Err(refused) = within(&sql, &bucket)
    {
        return Ok(failed(&refused.detail));
    }
    let timeout = Some(ask.fields.number("timeout")?).filter(|seconds| *seconds > 0);
    let body = json!({ "query": sql, "timeout_seconds": timeout });
    let answer = ask.rest.post(&path(&["projects", &project, "query"]), body).await?;
    if answer["status"] != "ok" {
        return Ok(failed(answer["message"].as_str().unwrap_or_default()));
    }
    let data = &answer["data"];
    let names: Vec<&str> =
        data["columns"].as_array().into_iter().flatten().filter_map(|column| column["name"].as_str()).collect();
    let row = |row: &Value| {
        let values = row.as_array().into_iter().flatten().cloned();
        let fields: Map<String, Value> = names.iter().map(|name| (*name).to_owned()).zip(values).collect();
        json!({ "fields": fields })
    };
    let rows: Vec<Value> = data["rows"].as_array().into_iter().flatten().map(row).collect();
    Ok(Executed::with("executeQuery", "ExecuteQuery", json!({ "data": { "columns": names, "rows": rows } })))
}

fn failed(message: &str) -> Executed {
    let response = json!({ "status": "Error", "message": message });
    Executed::with("executeQuery", "ExecuteQuery", response).saying("Error", message)
}

/// `Ok` when a query names tables of one bucket only.
fn within(sql: &str, bucket: &str) -> Result<(), Problem> {
    let outside = |parts: &&Vec<String>| parts.len() != 2 || bucket_name(&parts[0]) != bucket;
    match relations(sql, |_| true)?.iter().find(outside) {
        Some(parts) => Err(wrong(format!("The query names {}, outside of bucket {bucket}.", parts.join(".")))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restricted_query_stays_in_its_bucket() {
        assert!(within("SELECT * FROM sales.orders JOIN \"sales\".items USING (id)", "sales").is_ok());
        for sql in ["SELECT * FROM other.t", "SELECT * FROM orders", "SELECT 1; SELECT 2", "SELECT * FROM sales.o, x.t"]
        {
            assert!(within(sql, "sales").is_err(), "{sql}");
        }
    }
}

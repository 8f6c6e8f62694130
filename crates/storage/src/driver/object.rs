//! What there is, by path.

use alluvium_kernel::Problem;
use serde_json::{Value, json};

use super::bucket::At;
use super::rest::path;
use super::{Ask, Done, Executed, long, wrong};
use crate::model::names::bucket_name;

/// How many entries one page of a list has.
const PAGE: usize = 1_000;

pub(super) async fn info(ask: &Ask<'_>) -> Done {
    let parts = ask.fields.texts("path")?;
    match ask.fields.choice("expectedObjectType", &["database", "schema", "table"])? {
        "database" => database(ask, &parts).await,
        "schema" => schema(ask, &parts).await,
        _ => table(ask, &parts).await,
    }
}

async fn database(ask: &Ask<'_>, parts: &[String]) -> Done {
    let (project, branch) = match parts {
        [project] => (project, None),
        [project, branch] => (project, Some(branch.as_str())),
        _ => return Err(wrong("The `path` of a database is [project] or [project, branch].")),
    };
    let project = ask.project(Some(project.clone()))?;
    let branch = ask.branch(&project, branch).await;
    let buckets = path(&["projects", &project, "branches", &branch, "buckets"]);
    let objects = listed(ask, &buckets, "buckets", "SCHEMA").await?;
    Ok(Executed::with("info", "ObjectInfo", json!({ "path": parts, "databaseInfo": { "objects": objects } })))
}

async fn schema(ask: &Ask<'_>, parts: &[String]) -> Done {
    let at = ask.at(parts).await?;
    let objects = listed(ask, &at.below(&["tables"]), "tables", "TABLE").await?;
    let response = json!({ "path": parts, "objectType": "SCHEMA", "schemaInfo": { "objects": objects } });
    Ok(Executed::with("info", "ObjectInfo", response))
}

/// Every name of a list, page by page.
async fn listed(ask: &Ask<'_>, list: &str, field: &str, kind: &str) -> Result<Vec<Value>, Problem> {
    let mut objects = Vec::new();
    loop {
        let page = ask.rest.get(&format!("{list}?limit={PAGE}&offset={}", objects.len())).await?;
        let names = page[field].as_array().map(Vec::as_slice).unwrap_or_default();
        objects.extend(names.iter().map(|item| json!({ "objectName": item["name"], "objectType": kind })));
        if names.len() < PAGE {
            return Ok(objects);
        }
    }
}

async fn table(ask: &Ask<'_>, parts: &[String]) -> Done {
    let (project, branch, bucket, table) = match parts {
        [project, bucket, table] => (project, None, bucket, table),
        [project, branch, bucket, table] => (project, Some(branch.as_str()), bucket, table),
        _ => return Err(wrong("The `path` of a table is [project, bucket, table], with a branch behind the project.")),
    };
    let project = ask.project(Some(project.clone()))?;
    let branch = ask.branch(&project, branch).await;
    let at = At { project, branch, bucket: bucket_name(bucket) };
    let found = ask.rest.get(&at.table(table, &[])).await?;
    let response = json!({ "path": parts, "objectType": "TABLE", "tableInfo": table_info(&at, &found) });
    Ok(Executed::with("info", "ObjectInfo", response))
}

/// A table as a response shows it.
pub(super) fn table_info(at: &At, table: &Value) -> Value {
    let column =
        |column: &Value| json!({ "name": column["name"], "type": column["type"], "nullable": column["nullable"] });
    let columns: Vec<Value> = table["columns"].as_array().into_iter().flatten().map(column).collect();
    let mut info = json!({
        "path": at.named(), "tableName": table["name"], "columns": columns, "primaryKeysNames": table["primary_key"],
        "rowsCount": long(&table["row_count"]), "sizeBytes": long(&table["size_bytes"]),
    });
    if let Some(fields) = info.as_object_mut() {
        fields.retain(|_, value| !super::is_default(value));
    }
    info
}

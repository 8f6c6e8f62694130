//! `alluvium tables`

mod transfer;

use reqwest::Method;
use serde_json::{Value, json};

use super::Context;
use crate::cli::TablesCommand;
use crate::client::{Client, TableName, path};
use crate::failure::{Done, Failure};
use crate::ui::Format;

/// How many names one page of a list has.
const PAGE_NAMES: u64 = 1000;

pub async fn run(cx: &Context, command: TablesCommand) -> Done {
    match command {
        TablesCommand::List { bucket, at } => list(cx, bucket.as_deref(), at.as_deref()).await,
        TablesCommand::Preview { table, limit, at } => preview(cx, &table, limit, at).await,
        TablesCommand::Query { sql, at } => query(cx, &sql, at).await,
        TablesCommand::Load(args) => transfer::load(cx, args).await,
        TablesCommand::Export(args) => transfer::export(cx, args).await,
    }
}

async fn list(cx: &Context, bucket: Option<&str>, at: Option<&str>) -> Done {
    let (client, session) = cx.client()?;
    let base = ["projects", session.project()?, "branches", "default", "buckets"];
    let buckets = match bucket {
        Some(bucket) => vec![bucket.to_owned()],
        None => pages(&client, &path(&base), "buckets", at)
            .await?
            .iter()
            .filter_map(|bucket| bucket.get("name")?.as_str().map(str::to_owned))
            .collect(),
    };
    let mut tables = Vec::new();
    for bucket in &buckets {
        let path = path(&[&base[..], &[bucket, "tables"]].concat());
        tables.extend(pages(&client, &path, "tables", at).await?);
    }
    if matches!(cx.ui.format, Format::Json | Format::Ndjson) {
        cx.ui.rows(&[], &tables);
        return Ok(());
    }
    let brief = |table: &Value| {
        json!({
            "table": format!("{}/{}", text(table, "bucket"), text(table, "name")),
            "rows": table["row_count"],
            "bytes": table["size_bytes"],
            "columns": table["columns"].as_array().map_or(0, Vec::len),
            "primary_key": names(&table["primary_key"]),
        })
    };
    cx.ui.rows(&["table", "rows", "bytes", "columns", "primary_key"], &tables.iter().map(brief).collect::<Vec<_>>());
    Ok(())
}

/// All pages of a list.
async fn pages(client: &Client, path: &str, list: &str, at: Option<&str>) -> Result<Vec<Value>, Failure> {
    let mut all: Vec<Value> = Vec::new();
    loop {
        let mut query = vec![("limit", PAGE_NAMES.to_string()), ("offset", all.len().to_string())];
        query.extend(at.map(|at| ("as_of", at.to_owned())));
        let body = client.json(client.request(Method::GET, path).query(&query)).await?;
        let page = body.get(list).and_then(Value::as_array).cloned().unwrap_or_default();
        let total = body.get("total").and_then(Value::as_u64).unwrap_or(0);
        let last = page.is_empty();
        all.extend(page);
        if last || all.len() as u64 >= total {
            return Ok(all);
        }
    }
}

async fn preview(cx: &Context, table: &str, limit: u32, at: Option<String>) -> Done {
    let (client, session) = cx.client()?;
    let table = TableName::parse(table, &session)?;
    let mut query = vec![("limit", limit.to_string())];
    query.extend(at.map(|at| ("as_of", at)));
    let body = client.json(client.request(Method::GET, &table.path(&["preview"])).query(&query)).await?;
    print_rows(cx, &body);
    let (total, shown) = (&body["total_row_count"], &body["preview_row_count"]);
    cx.ui.say(format!("{shown} of {total} rows"));
    Ok(())
}

async fn query(cx: &Context, sql: &str, as_of: Option<String>) -> Done {
    let (client, session) = cx.client()?;
    let sql = match sql.strip_prefix('@') {
        Some(file) => std::fs::read_to_string(file)?,
        None => sql.to_owned(),
    };
    let at = path(&["projects", session.project()?, "query"]);
    let body = client.json(client.request(Method::POST, &at).json(&json!({ "query": sql, "as_of": as_of }))).await?;
    if body.get("status").and_then(Value::as_str) == Some("error") {
        let code = crate::client::coded(text(&body, "error"));
        return Err(Failure::new(crate::failure::Exit::Rejected, code, text(&body, "message")));
    }
    print_rows(cx, body.get("data").unwrap_or(&body));
    Ok(())
}

/// Prints `{columns, rows}`, where a row is an object or, beside the column names, a list.
fn print_rows(cx: &Context, body: &Value) {
    let columns: Vec<String> = body
        .get("columns")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|column| column.as_str().or_else(|| column.get("name")?.as_str()).map(str::to_owned))
        .collect();
    let rows: Vec<Value> = body
        .get("rows")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|row| match row {
            Value::Array(cells) => {
                columns.iter().cloned().zip(cells.iter().cloned()).collect::<serde_json::Map<_, _>>().into()
            }
            other => other.clone(),
        })
        .collect();
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    cx.ui.rows(&columns, &rows);
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn names(list: &Value) -> String {
    let names: Vec<&str> = list.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    names.join(", ")
}

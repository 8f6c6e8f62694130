//! Tables, columns and keys.

use alluvium_kernel::Problem;
use serde_json::{Map, Value, json};

use super::bucket::At;
use super::fields::Fields;
use super::rest::path;
use super::{Ask, Done, Executed, wrong};

/// Types whose length means something to the engine.
const SIZED: [&str; 2] = ["DECIMAL", "NUMERIC"];

/// The table that a command names, by `path` and `tableName`.
pub(super) async fn named(ask: &Ask<'_>) -> Result<(At, String), Problem> {
    Ok((ask.at(&ask.fields.texts("path")?).await?, ask.fields.required("tableName")?))
}

/// The same where they stand in an object of the command.
pub(super) async fn named_in(ask: &Ask<'_>, fields: &Fields<'_>) -> Result<(At, String), Problem> {
    Ok((ask.at(&fields.texts("path")?).await?, fields.required("tableName")?))
}

/// A type with the length that stands beside it.
fn sized(fields: &Fields<'_>) -> Result<String, Problem> {
    let name = fields.required("type")?;
    let length = fields.text("length")?;
    let takes_length = SIZED.contains(&name.to_ascii_uppercase().as_str());
    Ok(length.filter(|_| takes_length).map_or_else(|| name.clone(), |length| format!("{name}({length})")))
}

/// A column as the surface takes it. What is not said takes no NULL: so protobuf writes false.
fn column(fields: &Fields<'_>) -> Result<Value, Problem> {
    Ok(json!({
        "name": fields.required("name")?, "type": sized(fields)?, "nullable": fields.flag("nullable")?,
        "default": fields.text("default")?,
    }))
}

pub(super) async fn create(ask: &Ask<'_>) -> Done {
    let (at, table) = named(ask).await?;
    let columns = ask.fields.objects("columns")?.iter().map(column).collect::<Result<Vec<_>, _>>()?;
    let body = json!({ "name": table, "columns": columns, "primary_key": ask.fields.texts("primaryKeysNames")? });
    let tables = path(&["projects", &at.project, "branches", &at.branch, "buckets", &at.bucket, "tables"]);
    ask.rest.post(&tables, body).await.map(|_| Executed::nothing())
}

pub(super) async fn drop(ask: &Ask<'_>) -> Done {
    let (at, table) = named(ask).await?;
    ask.rest.delete(&at.table(&table, &[]), None).await.map(|_| Executed::nothing())
}

pub(super) async fn add_column(ask: &Ask<'_>) -> Done {
    let (at, table) = named(ask).await?;
    let body = column(&ask.fields.object("columnDefinition")?)?;
    ask.rest.post(&at.table(&table, &["columns"]), body).await.map(|_| Executed::nothing())
}

pub(super) async fn drop_column(ask: &Ask<'_>) -> Done {
    let (at, table) = named(ask).await?;
    let column = ask.fields.required("columnName")?;
    ask.rest.delete(&at.table(&table, &["columns", &column]), None).await.map(|_| Executed::nothing())
}

/// Changes what `attributesToUpdate` names; the protocol spells the field for the rest as it does.
pub(super) async fn alter_column(ask: &Ask<'_>) -> Done {
    let (at, table) = named(ask).await?;
    let desired = ask.fields.object("desiredDefiniton")?;
    let name = desired.required("name")?;
    let mut body = Map::new();
    for attribute in ask.fields.texts("attributesToUpdate")? {
        match attribute.to_ascii_lowercase().as_str() {
            "type" | "length" => drop_old(body.insert("new_type".to_owned(), json!(sized(&desired)?))),
            "nullable" => drop_old(body.insert("set_not_null".to_owned(), json!(!desired.flag("nullable")?))),
            "default" => {
                let default = desired.text("default")?.unwrap_or_default();
                drop_old(body.insert("set_default".to_owned(), json!(default)));
            }
            other => {
                return Err(wrong(format!(
                    "`attributesToUpdate` names {other:?}: it takes type, length, nullable, default."
                )));
            }
        }
    }
    ask.rest.put(&at.table(&table, &["columns", &name]), Value::Object(body)).await.map(|_| Executed::nothing())
}

/// An attribute that is named twice says the same twice.
fn drop_old(_: Option<Value>) {}

pub(super) async fn add_primary_key(ask: &Ask<'_>) -> Done {
    let (at, table) = named(ask).await?;
    let body = json!({ "columns": ask.fields.texts("primaryKeysNames")? });
    ask.rest.post(&at.table(&table, &["primary-key"]), body).await.map(|_| Executed::nothing())
}

pub(super) async fn drop_primary_key(ask: &Ask<'_>) -> Done {
    let (at, table) = named(ask).await?;
    ask.rest.delete(&at.table(&table, &["primary-key"]), None).await.map(|_| Executed::nothing())
}

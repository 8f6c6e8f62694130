//! Files into tables, tables into files: those of the project's own store. Paths of this machine and of others' stores are none.

use std::collections::BTreeSet;

use alluvium_kernel::Problem;
use serde_json::{Value, json};

use super::fields::Fields;
use super::object::table_info;
use super::rows::{changed, filters, order};
use super::table::named_in;
use super::{Ask, Done, Executed, long, wrong};
use crate::routes::tenant_text;

/// The file that `filePath` names in the project's own store: by its key, or by its id.
async fn file_of(ask: &Ask<'_>, project: &str) -> Result<String, Problem> {
    let given = ask.fields.object("filePath")?;
    own_store(&given, project)?;
    let (folder, name) = (given.text("path")?.unwrap_or_default(), given.required("fileName")?);
    let tenant = tenant_text(&ask.principal.tenant);
    let (queries, reach) = (&ask.state.storage.queries, ask.state.storage.files_of(ask.principal)?);
    let folder = folder.trim_matches('/');
    let key = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
    if let Some(file) = queries.object(&tenant, project, &key, &reach).await? {
        return Ok(file.id);
    }
    Ok(name)
}

/// `Ok` for the file store that every project has.
fn own_store(given: &Fields<'_>, project: &str) -> Result<(), Problem> {
    let root = given.text("root")?.unwrap_or_default();
    if root == format!("project_{project}") || root == project {
        return Ok(());
    }
    Err(wrong(format!(
        "The `root` {root:?} is not the project's own file store, project_{project}: files of this machine and of other stores \
         are not read or written."
    )))
}

pub(super) async fn import(ask: &Ask<'_>) -> Done {
    let destination = ask.fields.object("destination")?;
    let (at, table) = named_in(ask, &destination).await?;
    let how = ask.fields.object("formatTypeOptions")?;
    let options = ask.fields.object("importOptions")?;
    let columns = how.texts("columnsNames")?;
    let nulls = options.texts("importAsNull")?;
    let (null_string, more_nulls) = nulls.split_first().map_or(("", &nulls[..]), |(one, more)| (one.as_str(), more));
    // The last line that is not data has the names.
    let ignored = options.number("numberOfIgnoredLines")?;
    if ignored < 0 {
        return Err(wrong("`numberOfIgnoredLines` is 0 or more."));
    }
    how.choice("sourceType", &["single_file"])?;
    options.unsupported(&["convertEmptyValuesToNullOnColumns"])?;
    options.choice("createMode", &["create"])?;
    let text = |name: &str, default: &str| Ok::<_, Problem>(how.text(name)?.unwrap_or_else(|| default.to_owned()));
    let dedup = options.choice("dedupType", &["update_duplicates", "insert_duplicates", "fail_on_duplicates"])?;
    let body = json!({
        "file_id": file_of(ask, &at.project).await?,
        "csv_options": {
            "delimiter": text("delimiter", ",")?, "quote": text("enclosure", "\"")?, "escape": text("escapedBy", "")?,
            "header": ignored > 0, "null_string": null_string,
        },
        "import_options": {
            "incremental": options.choice("importType", &["full", "incremental"])? == "incremental", "dedup_mode": dedup,
            "columns": Some(&columns).filter(|columns| !columns.is_empty()),
            "ignored_lines_count": (ignored - 1).max(0), "treat_values_as_null": more_nulls,
        },
    });
    keyed_by(ask, &at.table(&table, &[]), &options.texts("dedupColumnsNames")?).await?;
    let loaded = ask.rest.post(&at.table(&table, &["import", "file"]), body).await?;
    let shown = ask.rest.get(&at.table(&table, &[])).await?;
    let all: Vec<Value> =
        shown["columns"].as_array().into_iter().flatten().map(|column| column["name"].clone()).collect();
    let imported = if columns.is_empty() { Value::Array(all) } else { json!(columns) };
    let response = json!({
        "importedRowsCount": long(&loaded["imported_rows"]), "tableRowsCount": long(&loaded["table_rows_after"]),
        "tableSizeBytes": long(&loaded["table_size_bytes"]), "importedColumns": imported,
    });
    let done = Executed::with("table", "TableImport", response);
    // Clients name it whether or not they need it, so it is no reason to refuse the load.
    Ok(match options.text("timestampColumn")? {
        Some(name) => done.saying(
            "Warning",
            format!("The time of a row's last change stands beside its columns: {name} was not filled."),
        ),
        None => done,
    })
}

/// Rows are told apart by the table's primary key and nothing else.
async fn keyed_by(ask: &Ask<'_>, table: &str, columns: &[String]) -> Result<(), Problem> {
    if columns.is_empty() {
        return Ok(());
    }
    let shown = ask.rest.get(table).await?;
    let folded = |name: &str| name.to_ascii_lowercase();
    let key: BTreeSet<String> =
        shown["primary_key"].as_array().into_iter().flatten().filter_map(Value::as_str).map(folded).collect();
    if columns.iter().map(|name| folded(name)).collect::<BTreeSet<_>>() == key {
        return Ok(());
    }
    Err(wrong(format!(
        "`dedupColumnsNames` is not the primary key of the table, which rows are told apart by: {}.",
        if key.is_empty() { "it has none".to_owned() } else { key.into_iter().collect::<Vec<_>>().join(", ") }
    )))
}

/// The file is one of the project's, under a name of its own: the answer says which.
pub(super) async fn export(ask: &Ask<'_>) -> Done {
    let source = ask.fields.object("source")?;
    let (at, table) = named_in(ask, &source).await?;
    own_store(&ask.fields.object("filePath")?, &at.project)?;
    let options = ask.fields.object("exportOptions")?;
    let conditions = options.object("filters")?;
    conditions.unsupported(&["fulltextSearch"])?;
    if !order(&options)?.is_empty() {
        return Err(wrong("`orderBy` is not supported here."));
    }
    let columns = Some(options.texts("columnsToExport")?).filter(|columns| !columns.is_empty());
    let limit = Some(conditions.number("limit")?).filter(|limit| *limit > 0);
    let compression = options.flag("isCompressed")?.then_some("gzip");
    let body = json!({
        "format": "csv", "compression": compression, "columns": columns, "limit": limit, "where_filters": filters(&conditions)?,
    });
    let written = ask.rest.post(&at.table(&table, &["export"]), changed(&conditions, body)?).await?;
    let shown = ask.rest.get(&at.table(&table, &[])).await?;
    let response = json!({ "tableInfo": table_info(&at, &shown) });
    let said = format!(
        "Written to file {} of the project, {}.",
        written["file_id"].as_str().unwrap_or_default(),
        written["file_path"].as_str().unwrap_or_default()
    );
    Ok(Executed::with("table", "TableExportToFile", response).saying("Info", said))
}

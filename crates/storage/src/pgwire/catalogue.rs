//! What a statement that asks the catalogue is shown: what the workspace can read of the project, without its rows.

use alluvium_kernel::{Problem, Token};
use alluvium_pgwire::Failure;
use alluvium_tablestore::sql::mentions;
use alluvium_workspaces::catalogue::{Asks, COLUMNS_MAX, Catalogue, Listed, TABLES_MAX, asks, is_reserved};

use super::problems;
use crate::model::schema_of;
use crate::queries::{TableView, WorkspaceView};
use crate::routes::{StorageRoutes, tenant_text};

/// The catalogue for a statement that asks it.
pub(super) async fn asked(
    state: &StorageRoutes,
    (tenant, view): (&Token, &WorkspaceView),
    sql: &str,
) -> Result<Option<Catalogue>, Failure> {
    // What lies there is nobody's to read or to change; the names of tables are others.
    if mentions(sql).unwrap_or_default().iter().any(|name| is_reserved(name)) {
        return Err(Failure::error("42501", "tables of the project are named bucket.table"));
    }
    let asks = asks(sql);
    if asks == Asks::Nothing {
        return Ok(None);
    }
    let tables = readable(state, tenant, view).await.map_err(|problem| problems::of(&problem))?;
    let columns: usize = tables.iter().map(|table| table.columns.len()).sum();
    if tables.len() > TABLES_MAX || columns > COLUMNS_MAX {
        let told = format!(
            "the workspace can read {} tables with {columns} columns; a catalogue shows {TABLES_MAX} with {COLUMNS_MAX}",
            tables.len()
        );
        return Err(Failure::error("54000", told));
    }
    let tables = tables.into_iter().map(listed).collect::<Result<_, _>>().map_err(|problem| problems::of(&problem))?;
    let is_emulated = asks == Asks::Catalogue;
    Ok(Some(Catalogue { database: view.database(), user: view.username.clone(), tables, is_emulated }))
}

async fn readable(state: &StorageRoutes, tenant: &Token, view: &WorkspaceView) -> Result<Vec<TableView>, Problem> {
    let reach = state.readable_in(tenant, view).await?;
    let mut tables = state.queries.project_tables(&tenant_text(tenant), &view.project, &view.branch).await?;
    tables.retain(|table| reach.has(&table.bucket));
    Ok(tables)
}

fn listed(table: TableView) -> Result<Listed, Problem> {
    let schema = schema_of(&table.columns, &table.primary_key)?;
    Ok(Listed { bucket: table.bucket, table: table.name, schema })
}

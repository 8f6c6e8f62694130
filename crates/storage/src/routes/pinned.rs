//! What a pinned branch has done: compared with what it began with, whatever the main line has become since.

use std::time::Duration;

use alluvium_http::{Principal, ProblemResponse};

use super::merge::{Sides, named, sides};
use super::state::{StorageRoutes, tenant_text};
use crate::model::spec_of;
use crate::queries::{OwnTable, TableView};
use crate::wire::TableDiff;

type Answer<T> = Result<T, ProblemResponse>;

/// In what a table of the branch's own is another than it was when the branch was made; `None` where nothing was changed.
pub(super) async fn diff(
    state: &StorageRoutes,
    tenant: &str,
    project: &str,
    branch: &str,
    table: &OwnTable,
) -> Answer<Option<TableDiff>> {
    let Sides { own, main_changed, .. } = sides(state, tenant, project, branch, table).await?;
    let tables = state.tables()?;
    let Some(source) = &table.copy_of else {
        let rows = tables.rows_differ(None, &own.uid).await?;
        return Ok(Some(TableDiff::of(&own, None, main_changed, rows)));
    };
    if !tables.was_touched(&own.uid).await? {
        return Ok(None);
    }
    let base = tables.began_with(source, &own.uid).await?;
    let columns = base.schema.columns.iter().map(spec_of).collect();
    let before = TableView { columns, primary_key: base.schema.primary_key.clone(), ..own.clone() };
    let rows = tables.rows_differ_from(base, &own.uid).await?;
    Ok(Some(TableDiff::of(&own, Some(&before), main_changed, rows)))
}

/// Of the branch's own tables those that have something for the main line: what nobody changed here is no news there.
pub(super) async fn to_merge(
    state: &StorageRoutes,
    principal: &Principal,
    project: &str,
    branch: &str,
    own: Vec<OwnTable>,
) -> Answer<Vec<OwnTable>> {
    let tenant = tenant_text(&principal.tenant);
    let mut chosen = Vec::new();
    for table in own {
        // What was merged by this very request, when it came before, is told again.
        let name = named("MergeTable", &table.bucket, &table.name);
        let is_done = state.was_accepted(principal, &name, Duration::ZERO).await?;
        if is_done || has_news(state, &tenant, project, branch, &table).await? {
            chosen.push(table);
        }
    }
    Ok(chosen)
}

async fn has_news(state: &StorageRoutes, tenant: &str, project: &str, branch: &str, table: &OwnTable) -> Answer<bool> {
    let Sides { own, main, .. } = sides(state, tenant, project, branch, table).await?;
    let tables = state.tables()?;
    if table.copy_of.is_some() && !tables.was_touched(&own.uid).await? {
        return Ok(false);
    }
    // A table that was merged stays the branch's own, and is what the main line has, until one of them goes on.
    let Some(main) = main else { return Ok(true) };
    let rows = tables.rows_differ(Some(&main.uid), &own.uid).await?;
    let is_same_shape = main.columns == own.columns && main.primary_key == own.primary_key;
    Ok(!is_same_shape || rows.added > 0 || rows.removed > 0 || rows.changed.is_some_and(|changed| changed > 0))
}

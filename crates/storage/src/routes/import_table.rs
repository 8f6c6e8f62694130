//! Rows of a table, or of an object of a workspace, into a table.

use std::time::Instant;

use alluvium_http::{BodyBytes, Json, MinPosition, PathParams, Principal, ProblemResponse, WithPosition};
use alluvium_kernel::Problem;
use alluvium_tablestore::Changed;
use alluvium_tablestore::sql::{WhereFilter, filters_text};
use alluvium_workspaces::Pick;
use axum::extract::State;

use super::counts;
use super::parcels::{How, Taking, filled, load_to, taken};
use super::rows::lane;
use super::state::{Place, Scratch, StorageRoutes, now};
use super::transfer::loaded;
use super::workspaces::open_beside;
use crate::contract::{Command, LoadTable, TableCommand};
use crate::fold::{TableExtract, sql_problem};
use crate::model::{names, problem, schema_of};
use crate::queries::TableView;
use crate::wire::{Imported, RowsSource, TableImportBody};

type Answer<T> = Result<T, ProblemResponse>;

pub(super) async fn import(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    BodyBytes(body): BodyBytes,
) -> Answer<WithPosition<Json<Imported>>> {
    let body = TableImportBody::parse(&body)?;
    let (began, incremental) = (Instant::now(), body.incremental);
    let format = match body.source {
        RowsSource::Table { .. } => "table",
        RowsSource::Object { .. } => "workspace",
    };
    let result = load(&state, &principal, &params, &wanted, body).await;
    counts::import(format, incremental, began, &result, |(answer, bytes)| (answer.1.0.imported_rows, *bytes));
    result.map(|(answer, _)| answer)
}

/// The load itself, with the size of what was loaded.
async fn load(
    state: &StorageRoutes,
    principal: &Principal,
    params: &PathParams,
    wanted: &MinPosition,
    body: TableImportBody,
) -> Answer<(WithPosition<Json<Imported>>, u64)> {
    state.fresh(wanted).await?;
    let place = state.place(principal, params).await?;
    let target = state.table(&place).await?;
    let TableImportBody { source, where_filters, columns, incremental, dedup_mode, extra_columns, delete_missing } =
        body;
    let load = load_to(&place, How { incremental, dedup_mode, columns, extra_columns, delete_missing });
    let asked = Asked { state, principal, wanted, place: &place, target: &target };
    let load = match source {
        RowsSource::Table { bucket, table } => asked.of_table(&bucket, table, &where_filters, load).await?,
        RowsSource::Object { workspace, object } => asked.of_object(&workspace, &object, where_filters, load).await?,
    };
    let bytes = load.size_bytes.unsigned_abs();
    let load = Command::Table(TableCommand::LoadTable(load));
    Ok((loaded(state, principal, &place, load).await?, bytes))
}

/// Who asks, and which table gets the rows.
struct Asked<'a> {
    state: &'a StorageRoutes,
    principal: &'a Principal,
    wanted: &'a MinPosition,
    place: &'a Place,
    target: &'a TableView,
}

impl Asked<'_> {
    /// The load with rows of another table of the project.
    async fn of_table(
        &self,
        bucket: &str,
        table: String,
        filters: &[WhereFilter],
        load: LoadTable,
    ) -> Result<LoadTable, Problem> {
        let Self { state, principal, wanted, place, target } = *self;
        let source = Place {
            tenant: place.tenant.clone(),
            project: place.project.clone(),
            branch: place.branch.clone(),
            bucket: names::bucket_name(bucket),
            table,
        };
        // A name from a body has come through nobody's hands yet, and Postgres takes no text with a NUL.
        if source.bucket.contains('\0') || source.table.contains('\0') {
            return Err(problem::table_not_found(&source.bucket, &source.table));
        }
        if !state.readable(principal, &source.project).await?.has(&source.bucket) {
            return Err(problem::bucket_not_found(&source.bucket));
        }
        let table = state.fresh_table(&source, wanted).await?;
        let schema = schema_of(&table.columns, &table.primary_key)?;
        let columns = load.columns.clone();
        if let Some(names) = &columns {
            has_columns(target, names)?;
            if let Some(unknown) = names.iter().find(|name| schema.column(name).is_none()) {
                return Err(problem::column_not_found(400, unknown));
            }
        }
        let where_filter =
            (!filters.is_empty()).then(|| filters_text(filters, &schema)).transpose().map_err(sql_problem)?;
        state.client.room(table.size_bytes)?;
        let tables = state.tables()?;
        let file = Scratch(tables.hub().config().export_dir.join(uuid::Uuid::new_v4().to_string()));
        let (changed, lens) = (Changed::default(), table.lens().cloned());
        let extract = TableExtract { columns, where_filter, changed, lens };
        tables.parcel(&*lane(state, &table, &source)?, extract, file.0.clone(), now().micros()).await?;
        let content = tokio::fs::File::open(&file.0).await.map_err(|error| {
            tracing::error!(path = %file.0.display(), error = %error, "what was taken out of a table cannot be read back");
            Problem::internal()
        })?;
        filled(state, load, content).await
    }

    /// The load with rows of an object of a workspace of the same branch: what an unload into this table does.
    async fn of_object(
        &self,
        workspace: &str,
        object: &str,
        filters: Vec<WhereFilter>,
        load: LoadTable,
    ) -> Result<LoadTable, Problem> {
        let Self { state, principal, wanted, place, target } = *self;
        // A view may be over any table.
        state.fresh_tables(wanted).await?;
        let view = open_beside(state, principal, place, workspace).await?;
        let columns = load.columns.clone();
        if let Some(names) = &columns {
            has_columns(target, names)?;
        }
        let taking = Taking { view: &view, object, pick: Pick { columns, filters } };
        let (load, _) = taken(state, principal, taking, load).await?;
        Ok(load)
    }
}

/// Refuses columns that a table has not, or that are named twice, before anything is done.
fn has_columns(target: &TableView, names: &[String]) -> Result<(), Problem> {
    if names.is_empty() {
        return Err(problem::invalid_request("`columns`, when given, names at least one column."));
    }
    for (at, name) in names.iter().enumerate() {
        if !target.columns.iter().any(|column| column.name.eq_ignore_ascii_case(name)) {
            return Err(problem::column_not_found(400, name));
        }
        if names[..at].iter().any(|before| before.eq_ignore_ascii_case(name)) {
            return Err(problem::invalid("duplicate_column", format!("`columns` names {name} twice.")));
        }
    }
    Ok(())
}

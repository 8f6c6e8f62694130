//! Aliases, where the table that they show has a say: in what they are made of, and in what becomes of its columns.

use alluvium_eventlog::Unit;
use alluvium_kernel::{Problem, Token};
use alluvium_tablestore::sql::{Predicate, WhereFilter, filters_text};

use crate::context::{Place, token};
use crate::contract::{AliasFilter, CreateAlias, ProjectCommand, TableCommand};
use crate::fold::sql_problem;
use crate::model::{Project, Table, names, problem, schema_of};

/// The command with its columns as the source spells them; what it has no column for is refused.
pub(crate) async fn prepared(
    mut command: CreateAlias,
    project: &Token,
    unit: &mut Unit,
) -> Result<ProjectCommand, Problem> {
    let live = unit.load::<Project>(project).await?.live(&command.project)?;
    let Ok(source) = live.source_uid(&command.branch, &command.source_bucket, &command.source_table) else {
        // Why not, the decision says in its turn.
        return Ok(command.into());
    };
    let source = token(source)?;
    let (columns, primary_key) = unit.load::<Table>(&source).await?.shape()?;
    let schema = schema_of(&columns, &primary_key)?;
    let spelled = |name: &str| {
        let found = schema.column(name).map(|column| column.name.clone());
        found.ok_or_else(|| problem::column_not_found(400, name))
    };
    for name in command.columns.iter_mut().flatten() {
        *name = spelled(name)?;
    }
    for filter in &mut command.filter {
        filter.column = spelled(&filter.column)?;
    }
    let text = filters_text(&filters_of(&command.filter)?, &schema).map_err(sql_problem)?;
    Predicate::parse(&text, &schema).map_err(sql_problem)?;
    Ok(command.into())
}

/// Refuses to take from a table a column by which aliases show it.
pub(crate) async fn keep_columns(command: &TableCommand, place: &Place<'_>, unit: &mut Unit) -> Result<(), Problem> {
    let column = match command {
        TableCommand::DropColumn(c) => &c.column,
        TableCommand::AlterColumn(c) if c.new_name.is_some() => &c.column,
        _ => return Ok(()),
    };
    // Whether names are right is for the command to say.
    let Ok(id) = names::project_aggregate_id(place.project) else { return Ok(()) };
    let Ok(live) = unit.load::<Project>(&id).await?.live(place.project) else { return Ok(()) };
    live.check_column_unaliased(place.branch, &names::bucket_name(place.bucket), place.table, column)
}

/// The filter of an alias as the table store takes it.
pub(crate) fn filters_of(filter: &[AliasFilter]) -> Result<Vec<WhereFilter>, Problem> {
    let read = |one: &AliasFilter| serde_json::to_value(one).and_then(serde_json::from_value);
    let read: Result<Vec<WhereFilter>, _> = filter.iter().map(read).collect();
    read.map_err(|error| problem::invalid("invalid_where_filter", format!("The filter cannot be read: {error}.")))
}

/// The same as the log has it.
pub(crate) fn filter_specs(filters: &[WhereFilter]) -> Result<Vec<AliasFilter>, Problem> {
    let write = |one: &WhereFilter| serde_json::to_value(one).and_then(serde_json::from_value);
    let written: Result<Vec<AliasFilter>, _> = filters.iter().map(write).collect();
    written.map_err(|error| {
        tracing::error!(error = %error, "a filter has no form on the log");
        Problem::internal()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_filter_is_the_same_on_the_log() {
        let given = json!([
            { "column": "a", "operator": "ne", "values": ["1", "2"], "data_type": "INTEGER" },
            { "column": "b", "operator": "ge", "values": ["2026-01-01"], "type": "TIME_STRING" },
            { "column": "c", "values": ["x"] },
        ]);
        let filters: Vec<WhereFilter> = serde_json::from_value(given).unwrap();
        assert_eq!(filters_of(&filter_specs(&filters).unwrap()).unwrap(), filters);
        let odd = AliasFilter { operator: "like".into(), ..filter_specs(&filters).unwrap().remove(0) };
        assert_eq!(filters_of(&[odd]).unwrap_err().code, "storage.invalid_where_filter");
    }
}

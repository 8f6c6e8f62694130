//! From a query to a plan.

mod aliases;
mod analyze;
mod asof;
mod build;
mod context;
mod error;
mod locate;
mod multiset;
mod operators;
mod optimize;
mod pivot;
mod rewrite;
mod rewrite_expr;
mod unnest;
mod using;
mod windows;

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion_expr::LogicalPlan;
use datafusion_sql::planner::{NullOrdering, ParserOptions, SqlToRel};
use sqlparser::ast::{Query, Statement};

pub(crate) use build::{select, table};
pub(crate) use context::Source;
pub use error::{Place, PlanError, PlanErrorKind};
pub(crate) use rewrite::Used;

/// Memory for the calls of the thread that plans, which go as deep as a query's parts lie in one another.
const PLANNING_STACK_BYTES: usize = 512 * 1024 * 1024;

/// How many names of items of a SELECT a query may use in place of columns.
const ALIASES_MAX: usize = 64;

/// A query, planned.
pub(crate) struct Planned {
    /// The optimized plan.
    pub(crate) plan: LogicalPlan,
    /// What the query uses.
    pub(crate) used: Used,
}

/// Plans a query over relations.
///
/// A name that is no column may be that of an earlier item of its SELECT. Columns win, so this is only tried when a name is not found.
pub(crate) fn plan(relations: &BTreeMap<String, Arc<Source>>, mut query: Query) -> Result<Planned, PlanError> {
    let mut copies = 0;
    for _ in 0..ALIASES_MAX {
        let error = match plan_once(relations, query.clone()) {
            Ok(planned) => return Ok(planned),
            Err(error) => error,
        };
        let is_replaced = match &error.missing {
            Some(name) => aliases::replace(&mut query, name, &mut copies)?,
            None => false,
        };
        if !is_replaced {
            return Err(placed(relations, &query, error));
        }
    }
    Err(PlanError::new(
        PlanErrorKind::TooLarge,
        format!("a query names more than {ALIASES_MAX} items of its SELECT again"),
    ))
}

/// The error with its place, if it can be found.
fn placed(relations: &BTreeMap<String, Arc<Source>>, query: &Query, mut error: PlanError) -> PlanError {
    if error.kind == PlanErrorKind::Wrong && !error.place.is_known() {
        error.place = locate::locate(query, &error, |query| plan_once(relations, query).err());
    }
    error
}

fn plan_once(relations: &BTreeMap<String, Arc<Source>>, mut query: Query) -> Result<Planned, PlanError> {
    let columns_of = |name: &str| {
        relations.get(name).map(|source| source.schema.fields().iter().map(|field| field.name().clone()).collect())
    };
    let used = rewrite::rewrite(&mut query, &columns_of)?;
    let context = context::Context::new(relations);
    let options = ParserOptions::new()
        .with_parse_float_as_decimal(true)
        .with_collect_spans(true)
        .with_default_null_ordering(NullOrdering::NullsMin);
    let planner = SqlToRel::new_with_options(&context, options);
    let plan = planner.sql_statement_to_plan(Statement::Query(Box::new(query)))?;
    let plan = analyze::analyze(plan)?;
    let plan = optimize::optimize(plan, used.clock)?;
    Ok(Planned { plan, used })
}

/// Runs something deep on a thread with much room for calls. A mistake that would end the process becomes an error.
pub(crate) fn with_room<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, PlanError> {
    let failed = |what: String| PlanError::new(PlanErrorKind::Internal, what);
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("plan".to_owned())
            .stack_size(PLANNING_STACK_BYTES)
            .spawn_scoped(scope, work)
            .map_err(|error| failed(format!("no thread could be started to plan: {error}")))?;
        thread.join().map_err(|_| failed("planning this query failed by a mistake of ours".to_owned()))
    })
}

//! From statements to what is run.

mod check;
mod insert;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::FieldRef;
use datafusion::common::metadata::ScalarAndMetadata;
use datafusion::common::{DFSchema, ParamValues};
use datafusion::execution::TaskContext;
use datafusion::execution::context::QueryPlanner;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Execute, Expr, LogicalPlan, Prepare, Statement};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_plan::ExecutionPlan;
use tokio::runtime::Handle;

use crate::error::QueryError;
use crate::guard;
use crate::text::{Checked, InsertInto, Kind};

pub(crate) use insert::InsertPlan;

/// A request that is planned.
pub(crate) struct Planned {
    /// In the order they are done.
    pub inserts: Vec<InsertPlan>,
    /// What is answered.
    pub last: Last,
    /// What all of them run in.
    pub context: Arc<TaskContext>,
}

/// What the last statement answers.
pub(crate) enum Last {
    /// Its rows.
    Rows(Arc<dyn ExecutionPlan>),
    /// How many rows were inserted.
    Count,
    /// No column.
    Nothing,
}

/// What a statement does.
enum Action {
    Rows(LogicalPlan),
    Insert(LogicalPlan, InsertInto),
    Nothing,
}

/// A statement that was kept under a name.
struct Kept {
    plan: LogicalPlan,
    /// The types of its parameters, if they are known.
    parameters: Vec<FieldRef>,
    kind: Kind,
}

/// Plans the statements of a request, one after the other.
pub(crate) struct Planner {
    state: SessionState,
    kept: HashMap<String, Kept>,
}

impl Planner {
    pub fn new(state: SessionState) -> Self {
        Self { state, kept: HashMap::new() }
    }

    /// Plans all. Called where blocking is allowed.
    pub fn plan(mut self, statements: Vec<Checked>) -> Result<Planned, QueryError> {
        let mut inserts = Vec::new();
        let mut last = Last::Nothing;
        for statement in statements {
            if matches!(last, Last::Rows(_)) {
                return Err(QueryError::rejected("only the last statement may give rows"));
            }
            last = match self.action(statement)? {
                Action::Rows(plan) => Last::Rows(self.physical(&plan)?),
                Action::Insert(plan, into) => {
                    inserts.push(self.insert(plan, &into)?);
                    Last::Count
                }
                Action::Nothing => Last::Nothing,
            };
        }
        Ok(Planned { inserts, last, context: self.state.task_ctx() })
    }

    fn action(&mut self, statement: Checked) -> Result<Action, QueryError> {
        let plan = Handle::current().block_on(self.state.statement_to_plan(statement.tree))?;
        match (statement.kind, plan) {
            (Kind::Prepare(kind), LogicalPlan::Statement(Statement::Prepare(prepare))) => {
                self.keep(prepare, *kind)?;
                Ok(Action::Nothing)
            }
            (Kind::Execute, LogicalPlan::Statement(Statement::Execute(execute))) => self.execute(execute),
            (Kind::Query, plan) => Ok(Action::Rows(plan)),
            (Kind::Insert(into), plan) => Ok(Action::Insert(plan, into)),
            (_, plan) => Err(QueryError::rejected(format!("{} is not supported", plan.display()))),
        }
    }

    fn keep(&mut self, prepare: Prepare, kind: Kind) -> Result<(), QueryError> {
        let Prepare { name, fields, input } = prepare;
        check::relations(&input)?;
        let named = input.get_parameter_names()?;
        if !fields.is_empty() && fields.len() != named.len() {
            let message = format!("{name} has {} parameters, and types for {}", named.len(), fields.len());
            return Err(QueryError::rejected(message));
        }
        if self.kept.contains_key(&name) {
            return Err(QueryError::rejected(format!("a statement is prepared under the name {name} already")));
        }
        self.kept.insert(name, Kept { plan: Arc::unwrap_or_clone(input), parameters: fields, kind });
        Ok(())
    }

    fn execute(&self, execute: Execute) -> Result<Action, QueryError> {
        let Execute { name, parameters } = execute;
        let kept = self
            .kept
            .get(&name)
            .ok_or_else(|| QueryError::rejected(format!("no statement is prepared under the name {name}")))?;
        let asked = kept.plan.get_parameter_names()?.len();
        if parameters.len() != asked {
            let message = format!("{name} has {asked} parameters, and {} are given", parameters.len());
            return Err(QueryError::rejected(message));
        }
        let mut values = parameters.into_iter().map(|each| self.value(each)).collect::<Result<Vec<_>, _>>()?;
        if kept.parameters.len() == values.len() {
            let typed = values.into_iter().zip(&kept.parameters);
            values = typed.map(|(value, field)| value.cast_storage_to(field.data_type())).collect::<Result<_, _>>()?;
        }
        let plan = kept.plan.clone().replace_params_with_values(&ParamValues::List(values))?;
        match &kept.kind {
            Kind::Insert(into) => Ok(Action::Insert(plan, into.clone())),
            _ => Ok(Action::Rows(plan)),
        }
    }

    /// The value of a parameter, which may not read anything.
    fn value(&self, parameter: Expr) -> Result<ScalarAndMetadata, QueryError> {
        let schema = Arc::new(DFSchema::empty());
        let context = SimplifyContext::builder()
            .with_schema(schema.clone())
            .with_config_options(self.state.config_options().clone())
            .with_query_execution_start_time(self.state.execution_props().query_execution_start_time)
            .build();
        let simplifier = ExprSimplifier::new(context);
        let guarded = guard::guard_expr(parameter)?;
        match simplifier.simplify(simplifier.coerce(guarded, &schema)?)? {
            Expr::Literal(value, metadata) => Ok(ScalarAndMetadata::new(value, metadata)),
            other => Err(QueryError::rejected(format!("the parameter {other} is not a constant"))),
        }
    }

    fn physical(&self, plan: &LogicalPlan) -> Result<Arc<dyn ExecutionPlan>, QueryError> {
        check::is_read(plan)?;
        check::relations(plan)?;
        let plan = self.state.optimize(plan)?;
        check::constants(&plan)?;
        let planner: &Arc<dyn QueryPlanner + Send + Sync> = self.state.query_planner();
        Ok(Handle::current().block_on(planner.create_physical_plan(&plan, &self.state))?)
    }
}

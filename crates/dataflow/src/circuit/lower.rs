//! Plans as circuits. What is computed in two places is computed once.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use alluvium_formats::Table;
use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};
use datafusion_common::{DFSchema, DFSchemaRef, NullEquality};
use datafusion_expr::logical_plan::{FetchType, SkipType};
use datafusion_expr::utils::{enumerate_grouping_sets, grouping_set_to_exprlist, split_conjunction_owned};
use datafusion_expr::{Aggregate, Distinct, Expr, GroupingSet, JoinType, LogicalPlan};

use super::lower_expr::{lower, lower_order};
use super::lower_window;
use super::timed::asks_for_time;
use super::{
    AggregateCall, Expression, Form, Grouping, Join, Latest, Node, NodeId, Operation, Top, Unnest, hashed, types_text,
};
use crate::aggregates::AggregateOfOurs;
use crate::functions::{FunctionError, FunctionUdf, LATEST};
use crate::plan::PlanError;
use crate::program::table_identity;
use crate::types::{column_type, comparable_type, field};

/// How many nodes a circuit may have.
const NODES_MAX: usize = 100_000;
/// How many sets of keys one grouping may have.
const GROUPING_SETS_MAX: usize = 4_096;

/// A circuit that grows by a query at a time.
#[derive(Clone, Default)]
pub(crate) struct Lowering {
    /// The nodes; the inputs of one are before it.
    pub(crate) nodes: Vec<Node>,
    known: HashMap<String, NodeId>,
    /// The node whose output each relation is.
    pub(crate) relations: BTreeMap<String, NodeId>,
    /// The tables among the relations.
    pub(crate) tables: BTreeMap<String, Table>,
    /// For each table, its columns that may be late.
    pub(crate) late: BTreeMap<String, Vec<usize>>,
}

/// The columns of a node: what plans call them, all of them nullable because joins fill with NULL.
pub(super) fn memory_schema(schema: &DFSchema) -> Result<SchemaRef, PlanError> {
    let mut fields = Vec::with_capacity(schema.fields().len());
    for each in schema.fields() {
        let mut column = column_type(each).map_err(|error| PlanError::wrong(error.to_string()))?;
        column.is_nullable = true;
        fields.push(field(each.name(), &column));
    }
    Ok(Arc::new(Schema::new(fields)))
}

fn wrong(error: FunctionError) -> PlanError {
    PlanError::wrong(error.0)
}

impl Lowering {
    /// Adds a node, or finds the one that computes the same.
    pub(crate) fn add(
        &mut self,
        operation: Operation,
        inputs: Vec<NodeId>,
        schema: SchemaRef,
    ) -> Result<NodeId, PlanError> {
        let below: Vec<&str> = inputs.iter().map(|input| self.nodes[*input].identity.as_str()).collect();
        let text = format!("{}\n{}\n", operation.text(), types_text(&schema));
        let identity = hashed(&format!("{text}{}", below.join("\n")));
        self.add_as(operation, inputs, schema, &text, identity)
    }

    /// Adds a node that has a name of its own in all versions of a program.
    pub(crate) fn add_as(
        &mut self,
        operation: Operation,
        inputs: Vec<NodeId>,
        schema: SchemaRef,
        text: &str,
        identity: String,
    ) -> Result<NodeId, PlanError> {
        // Not by the identity: who writes a program must not be able to make two operations one by making their hashes equal.
        let text = format!("{text}{inputs:?}");
        if let Some(known) = self.known.get(&text) {
            return Ok(*known);
        }
        if self.nodes.len() >= NODES_MAX {
            return Err(PlanError::new(
                crate::plan::PlanErrorKind::TooLarge,
                format!("a program has more than {NODES_MAX} operations"),
            ));
        }
        self.nodes.push(Node { operation, inputs, schema, identity });
        self.known.insert(text, self.nodes.len() - 1);
        Ok(self.nodes.len() - 1)
    }

    /// Adds what a plan computes.
    pub(crate) fn lower(&mut self, plan: &LogicalPlan) -> Result<NodeId, PlanError> {
        match plan {
            LogicalPlan::TableScan(scan) => self.scan(scan),
            LogicalPlan::SubqueryAlias(alias) => self.lower(&alias.input),
            // Rows have no order by themselves; where one matters, a limit looks for it.
            LogicalPlan::Sort(sort) if sort.fetch.is_none() => self.lower(&sort.input),
            LogicalPlan::Sort(sort) => self.top(&sort.input, Some(sort), 0, sort.fetch),
            LogicalPlan::Limit(limit) => self.limit(limit),
            LogicalPlan::Projection(projection) => {
                let input = self.lower(&projection.input)?;
                self.project(&projection.expr, projection.input.schema(), &projection.schema, input)
            }
            LogicalPlan::Filter(filter) => {
                let input = self.lower(&filter.input)?;
                self.filtered(&filter.predicate, input, filter.input.schema())
            }
            LogicalPlan::Union(union) => {
                let mut inputs = Vec::with_capacity(union.inputs.len());
                for input in &union.inputs {
                    inputs.push(self.lower(input)?);
                }
                self.add(Operation::Union, inputs, memory_schema(&union.schema)?)
            }
            LogicalPlan::Distinct(Distinct::All(input)) => {
                let node = self.lower(input)?;
                self.add(Operation::Distinct, vec![node], memory_schema(input.schema())?)
            }
            LogicalPlan::Distinct(Distinct::On(on)) => {
                let node = self.lower(&on.input)?;
                let schema = on.input.schema();
                let partition = on.on_expr.iter().map(|expr| lower(expr, schema)).collect::<Result<Vec<_>, _>>()?;
                let order = lower_order(on.sort_expr.as_deref().unwrap_or_default(), schema)?;
                let top = Top { partition, order, skip: 0, fetch: Some(1) };
                let node = self.add(Operation::Top(top), vec![node], memory_schema(schema)?)?;
                self.project(&on.select_expr, schema, &on.schema, node)
            }
            LogicalPlan::Join(join) => self.join(join),
            LogicalPlan::Aggregate(aggregate) => self.aggregate(aggregate),
            LogicalPlan::Window(window) => self.window(window),
            LogicalPlan::EmptyRelation(empty) => {
                let rows = usize::from(empty.produce_one_row);
                let schema = memory_schema(&empty.schema)?;
                let columns =
                    schema.fields().iter().map(|field| arrow::array::new_null_array(field.data_type(), rows)).collect();
                self.constant(columns, rows, schema)
            }
            LogicalPlan::Values(values) => self.values(values),
            LogicalPlan::Unnest(unnest) => self.unnest(unnest),
            LogicalPlan::Subquery(subquery) => self.lower(&subquery.subquery),
            LogicalPlan::RecursiveQuery(_) => Err(PlanError::not_yet("WITH RECURSIVE is not there yet")),
            other => Err(PlanError::not_yet(format!("this part of a query is not there yet: {}", other.display()))),
        }
    }

    fn scan(&mut self, scan: &datafusion_expr::TableScan) -> Result<NodeId, PlanError> {
        let name = scan.table_name.table();
        let Some(node) = self.relations.get(name).copied() else {
            return Err(PlanError::wrong(format!("Object '{name}' not found")));
        };
        let Some(projection) = &scan.projection else { return Ok(node) };
        let schema = Arc::clone(&self.nodes[node].schema);
        if projection.iter().copied().eq(0..schema.fields().len()) {
            return Ok(node);
        }
        let mut columns = Vec::with_capacity(projection.len());
        for at in projection {
            let kind = column_type(schema.field(*at)).map_err(|error| PlanError::wrong(error.to_string()))?;
            columns.push(Expression::column(*at, kind));
        }
        let schema = memory_schema(&scan.projected_schema)?;
        match self.tables.get(name) {
            // Columns that are not read are no part of what it is: a table may get more of them.
            Some(table) => {
                let identity = table_identity(table, projection);
                let operation = Operation::Project(columns);
                let text = format!("{}\n{}\n", operation.text(), types_text(&schema));
                self.add_as(operation, vec![node], schema, &text, identity)
            }
            None => self.add(Operation::Project(columns), vec![node], schema),
        }
    }

    fn project(&mut self, exprs: &[Expr], from: &DFSchema, to: &DFSchema, input: NodeId) -> Result<NodeId, PlanError> {
        let (input, from, exprs) = self.timed(exprs, input, from)?;
        let columns = exprs.iter().map(|expr| lower(expr, &from)).collect::<Result<Vec<_>, _>>()?;
        let schema = memory_schema(to)?;
        // What only gives other names computes nothing.
        let below = &self.nodes[input].schema;
        let is_in_place = |(at, column): (usize, &Expression)| matches!(column.form, Form::Column(own) if own == at);
        if columns.iter().enumerate().all(is_in_place) && types_text(&schema) == types_text(below) {
            return Ok(input);
        }
        self.add(Operation::Project(columns), vec![input], schema)
    }

    fn window(&mut self, window: &datafusion_expr::Window) -> Result<NodeId, PlanError> {
        let input = self.lower(&window.input)?;
        let own = window.input.schema();
        let (input, from, exprs) = self.timed(&window.window_expr, input, own)?;
        let over = exprs.iter().map(|expr| lower_window::lower_over(expr, &from)).collect::<Result<Vec<_>, _>>()?;
        if from.fields().len() == own.fields().len() {
            return self.add(Operation::Window(over), vec![input], memory_schema(&window.schema)?);
        }
        // What the time added stands between the input's columns and those of the windows.
        let mut fields = memory_schema(&from)?.fields().to_vec();
        let schema = memory_schema(&window.schema)?;
        fields.extend(schema.fields().iter().skip(own.fields().len()).cloned());
        let wide = Arc::new(Schema::new(fields));
        let node = self.add(Operation::Window(over), vec![input], Arc::clone(&wide))?;
        let kept = (0..own.fields().len()).chain(from.fields().len()..wide.fields().len());
        let columns = kept
            .map(|at| column_type(wide.field(at)).map(|kind| Expression::column(at, kind)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| PlanError::wrong(error.to_string()))?;
        self.add(Operation::Project(columns), vec![node], schema)
    }

    fn constant(&mut self, columns: Vec<ArrayRef>, rows: usize, schema: SchemaRef) -> Result<NodeId, PlanError> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)
            .map_err(|error| PlanError::wrong(error.to_string()))?;
        self.add(Operation::Constant(batch), Vec::new(), schema)
    }

    fn values(&mut self, values: &datafusion_expr::Values) -> Result<NodeId, PlanError> {
        let schema = memory_schema(&values.schema)?;
        let nothing = RecordBatch::try_new_with_options(
            Arc::new(Schema::empty()),
            Vec::new(),
            &RecordBatchOptions::new().with_row_count(Some(1)),
        )
        .map_err(|error| PlanError::wrong(error.to_string()))?;
        let mut columns = Vec::with_capacity(schema.fields().len());
        for at in 0..schema.fields().len() {
            let target = column_type(schema.field(at)).map_err(|error| PlanError::wrong(error.to_string()))?.kind;
            let mut cells = Vec::with_capacity(values.values.len());
            for row in &values.values {
                let cell = lower(&row[at], &DFSchema::empty())?;
                let value = cell.evaluate(&nothing).map_err(wrong)?;
                cells.push(
                    crate::functions::cast(&value, &cell.column.kind, &target, crate::functions::Failing::Error)
                        .map_err(wrong)?,
                );
            }
            let cells: Vec<&dyn arrow::array::Array> = cells.iter().map(AsRef::as_ref).collect();
            columns.push(arrow::compute::concat(&cells).map_err(|error| PlanError::wrong(error.to_string()))?);
        }
        self.constant(columns, values.values.len(), schema)
    }

    fn limit(&mut self, limit: &datafusion_expr::Limit) -> Result<NodeId, PlanError> {
        let SkipType::Literal(skip) = limit.get_skip_type()? else {
            return Err(PlanError::not_yet("OFFSET takes a constant"));
        };
        let FetchType::Literal(fetch) = limit.get_fetch_type()? else {
            return Err(PlanError::not_yet("LIMIT takes a constant"));
        };
        self.limited(&limit.input, skip, fetch)
    }

    /// The first rows of a plan. The order lies below what only drops or renames columns.
    fn limited(&mut self, plan: &LogicalPlan, skip: usize, fetch: Option<usize>) -> Result<NodeId, PlanError> {
        match plan {
            LogicalPlan::Sort(sort) if sort.fetch.is_none() => self.top(&sort.input, Some(sort), skip, fetch),
            LogicalPlan::SubqueryAlias(alias) => self.limited(&alias.input, skip, fetch),
            LogicalPlan::Projection(projection) => {
                let input = self.limited(&projection.input, skip, fetch)?;
                self.project(&projection.expr, projection.input.schema(), &projection.schema, input)
            }
            other => self.top(other, None, skip, fetch),
        }
    }

    fn top(
        &mut self,
        input: &LogicalPlan,
        sort: Option<&datafusion_expr::Sort>,
        skip: usize,
        fetch: Option<usize>,
    ) -> Result<NodeId, PlanError> {
        let node = self.lower(input)?;
        let order = lower_order(sort.map(|sort| sort.expr.as_slice()).unwrap_or_default(), input.schema())?;
        let top = Top { partition: Vec::new(), order, skip, fetch };
        self.add(Operation::Top(top), vec![node], memory_schema(input.schema())?)
    }

    fn join(&mut self, join: &datafusion_expr::Join) -> Result<NodeId, PlanError> {
        let (left, right) = (self.lower(&join.left)?, self.lower(&join.right)?);
        // Of an inner join, what asks for the time is asked of the pairs.
        let (mut filter, mut timed) = (join.filter.clone(), None);
        if let Some(condition) = filter.take_if(|filter| join.join_type == JoinType::Inner && asks_for_time(filter)) {
            let (asking, others): (Vec<Expr>, Vec<Expr>) =
                split_conjunction_owned(condition).into_iter().partition(asks_for_time);
            filter = others.into_iter().reduce(Expr::and);
            timed = asking.into_iter().reduce(Expr::and);
        }
        let latest = match filter.take() {
            Some(condition) => {
                let (parts, latest) = latest_of(condition, join)?;
                filter = parts;
                latest
            }
            None => None,
        };
        let keys = |side: fn(&(Expr, Expr)) -> &Expr, schema: &DFSchemaRef| {
            join.on.iter().map(|pair| lower(side(pair), schema)).collect::<Result<Vec<_>, _>>()
        };
        let filter = match &filter {
            Some(filter) => Some(lower(filter, &both(join)?)?.guarded()),
            None => None,
        };
        let operation = Operation::Join(Box::new(Join {
            kind: join.join_type,
            left_keys: keys(|pair| &pair.0, join.left.schema())?,
            right_keys: keys(|pair| &pair.1, join.right.schema())?,
            nulls_match: join.null_equality == NullEquality::NullEqualsNull,
            filter,
            latest: latest.map(Box::new),
            is_null_aware: join.null_aware,
        }));
        let node = self.add(operation, vec![left, right], memory_schema(&join.schema)?)?;
        match timed {
            Some(condition) => self.filtered(&condition, node, &join.schema),
            None => Ok(node),
        }
    }

    fn aggregate(&mut self, aggregate: &Aggregate) -> Result<NodeId, PlanError> {
        let input = self.lower(&aggregate.input)?;
        let schema = aggregate.input.schema();
        let (keys, sets) = match aggregate.group_expr.as_slice() {
            [Expr::GroupingSet(_)] => {
                let exprs = enumerate_grouping_sets(aggregate.group_expr.clone())?;
                let keys: Vec<Expr> = grouping_set_to_exprlist(&exprs)?.into_iter().cloned().collect();
                let sets = sets_of(&exprs, &keys)?;
                (keys, Some(sets))
            }
            exprs => (exprs.to_vec(), None),
        };
        let all: Vec<Expr> = keys.iter().chain(&aggregate.aggr_expr).cloned().collect();
        let (input, schema, all) = self.timed(&all, input, schema)?;
        let (own, calls) = all.split_at(keys.len());
        let keys = own.iter().map(|expr| lower(expr, &schema)).collect::<Result<Vec<_>, _>>()?;
        let calls = calls.iter().map(|expr| aggregate_call(expr, &schema)).collect::<Result<Vec<_>, _>>()?;
        let operation = Operation::Aggregate(Grouping { keys, sets, calls });
        self.add(operation, vec![input], memory_schema(&aggregate.schema)?)
    }

    fn unnest(&mut self, unnest: &datafusion_expr::Unnest) -> Result<NodeId, PlanError> {
        if !unnest.struct_type_columns.is_empty() {
            return Err(PlanError::not_yet("UNNEST of rows is not there yet"));
        }
        if unnest.list_type_columns.iter().any(|(_, list)| list.depth != 1) {
            return Err(PlanError::not_yet("UNNEST of arrays of arrays at once is not there yet"));
        }
        let input = self.lower(&unnest.input)?;
        let is_list = |at: usize| unnest.list_type_columns.iter().any(|(column, _)| *column == at);
        let columns = unnest.dependency_indices.iter().map(|at| (*at, is_list(*at))).collect();
        let operation = Operation::Unnest(Unnest { columns, keeps_empty: unnest.options.preserve_nulls });
        self.add(operation, vec![input], memory_schema(&unnest.schema)?)
    }
}

/// What of the condition of a join finds the latest row, and what is left of it.
fn latest_of(condition: Expr, join: &datafusion_expr::Join) -> Result<(Option<Expr>, Option<Latest>), PlanError> {
    let (mut latest, mut others) = (None, Vec::new());
    for part in split_conjunction_owned(condition) {
        let Some([left, right]) = latest_args(&part) else {
            others.push(part);
            continue;
        };
        let (left, right) = (lower(left, join.left.schema())?, lower(right, join.right.schema())?);
        let Some(kind) = comparable_type(&left.column.kind, &right.column.kind) else {
            let (left, right) = (&left.column.kind, &right.column.kind);
            return Err(PlanError::wrong(format!("MATCH_CONDITION does not compare {left} with {right}")));
        };
        let latest_found = Latest { left: left.cast_to(&kind), right: right.cast_to(&kind) };
        if join.join_type != JoinType::Left || latest.replace(latest_found).is_some() {
            return Err(PlanError::not_yet("MATCH_CONDITION belongs to LEFT ASOF JOIN"));
        }
    }
    Ok((others.into_iter().reduce(Expr::and), latest))
}

fn latest_args(expr: &Expr) -> Option<&[Expr; 2]> {
    let Expr::ScalarFunction(call) = expr else { return None };
    let udf = call.func.inner().as_ref().downcast_ref::<FunctionUdf>()?;
    if udf.function.name != LATEST {
        return None;
    }
    <&[Expr; 2]>::try_from(call.args.as_slice()).ok()
}

/// The columns of both sides of a join, for its filter.
fn both(join: &datafusion_expr::Join) -> Result<DFSchema, PlanError> {
    let fields = join
        .left
        .schema()
        .iter()
        .chain(join.right.schema().iter())
        .map(|(qualifier, field)| (qualifier.cloned(), Arc::clone(field)))
        .collect();
    Ok(DFSchema::new_with_metadata(fields, HashMap::new())?)
}

fn sets_of(exprs: &[Expr], keys: &[Expr]) -> Result<Vec<Vec<bool>>, PlanError> {
    let [Expr::GroupingSet(sets)] = exprs else { return Err(PlanError::not_yet("this grouping is not there yet")) };
    let too_many = || PlanError::wrong(format!("a query groups by more than {GROUPING_SETS_MAX} sets of keys"));
    let counted = |set: &[&Expr]| keys.iter().map(|key| set.contains(&key)).collect::<Vec<bool>>();
    let sets: Vec<Vec<bool>> = match sets {
        GroupingSet::GroupingSets(sets) => sets.iter().map(|set| counted(&set.iter().collect::<Vec<_>>())).collect(),
        GroupingSet::Rollup(exprs) => {
            (0..=exprs.len()).rev().map(|length| counted(&exprs.iter().take(length).collect::<Vec<_>>())).collect()
        }
        GroupingSet::Cube(exprs) => {
            let count =
                u32::try_from(exprs.len()).ok().and_then(|bits| 1_usize.checked_shl(bits)).ok_or_else(too_many)?;
            let chosen =
                |set: usize| exprs.iter().enumerate().filter(move |(at, _)| set >> at & 1 == 1).map(|(_, expr)| expr);
            (0..count.min(GROUPING_SETS_MAX + 1)).map(|set| counted(&chosen(set).collect::<Vec<_>>())).collect()
        }
    };
    if sets.len() > GROUPING_SETS_MAX { Err(too_many()) } else { Ok(sets) }
}

/// A call of an aggregate over the columns of a schema.
pub(super) fn aggregate_call(expr: &Expr, schema: &DFSchema) -> Result<AggregateCall, PlanError> {
    let call = match expr {
        Expr::Alias(alias) => return aggregate_call(&alias.expr, schema),
        Expr::AggregateFunction(call) => call,
        other => return Err(PlanError::not_yet(format!("this is no aggregate: {other}"))),
    };
    let mut made = aggregate_parts(&call.func, &call.params.args, schema)?;
    made.is_distinct = call.params.distinct;
    made.filter = call.params.filter.as_deref().map(|filter| lower(filter, schema)).transpose()?;
    made.order = lower_order(&call.params.order_by, schema)?;
    made.ignores_nulls = call.params.null_treatment == Some(datafusion_expr::expr::NullTreatment::IgnoreNulls);
    Ok(made)
}

/// A call of an aggregate without its clauses.
pub(super) fn aggregate_parts(
    udaf: &datafusion_expr::AggregateUDF,
    args: &[Expr],
    schema: &DFSchema,
) -> Result<AggregateCall, PlanError> {
    let Some(ours) = udaf.inner().as_ref().downcast_ref::<AggregateOfOurs>() else {
        return Err(PlanError::not_yet(format!("the aggregate {} is not there", udaf.name())));
    };
    let fields = args
        .iter()
        .map(|arg| datafusion_expr::ExprSchemable::to_field(arg, schema).map(|(_, field)| field))
        .collect::<Result<Vec<_>, _>>()?;
    let shape = ours.plan(&fields).map_err(wrong)?;
    let args = args.iter().map(|arg| lower(arg, schema)).collect::<Result<Vec<_>, _>>()?;
    Ok(AggregateCall {
        aggregate: ours.aggregate,
        shape,
        args,
        is_distinct: false,
        filter: None,
        order: Vec::new(),
        ignores_nulls: false,
    })
}

/// Whether a join kind keeps the columns of both sides.
pub(crate) fn has_both_sides(kind: JoinType) -> bool {
    matches!(kind, JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full)
}

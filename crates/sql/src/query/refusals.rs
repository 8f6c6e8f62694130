//! What the parser reads but no view can mean. A planner would pass over some of it in silence.

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Distinct, Expr, GroupByExpr, Join, JoinConstraint, JoinOperator, LimitClause, Query, Select,
    SelectFlavor, SetExpr, Spanned, TableAlias, TableFactor, Value, ValueWithSpan, Visit, Visitor,
};

use super::is_read_only;
use crate::message::{Message, error};
use crate::position::SourceRange;

/// How many refusals one query gives.
const REFUSALS_MAX: usize = 20;

pub(crate) fn of(query: &impl Visit) -> Vec<Message> {
    let mut refusals = Refusals::default();
    let _ = query.visit(&mut refusals);
    refusals.found
}

#[derive(Default)]
struct Refusals {
    found: Vec<Message>,
}

impl Refusals {
    /// Refuses `what`, if it is there. Finding the place takes time, which is only spent on what is refused.
    fn refuse(&mut self, node: &impl Spanned, is_refused: bool, what: &str) {
        if is_refused && self.found.len() < REFUSALS_MAX {
            let message = format!("{what} is not supported in a view");
            self.found.push(Message::error(error::NOT_SUPPORTED, SourceRange::of(node), message));
        }
    }

    fn alias(&mut self, node: &impl Spanned, alias: Option<&TableAlias>) {
        let is_typed = alias.is_some_and(|alias| alias.columns.iter().any(|column| column.data_type.is_some()));
        self.refuse(node, is_typed, "a type in an alias");
        self.refuse(node, alias.is_some_and(|alias| alias.at.is_some()), "AT in an alias");
    }

    fn joins(&mut self, joins: &[Join]) {
        for join in joins {
            let node = &join.relation;
            self.refuse(node, join.global, "GLOBAL JOIN");
            match &join.join_operator {
                JoinOperator::AsOf { match_condition, constraint } => self.asof(node, match_condition, constraint),
                JoinOperator::Join(_)
                | JoinOperator::Inner(_)
                | JoinOperator::Left(_)
                | JoinOperator::LeftOuter(_)
                | JoinOperator::Right(_)
                | JoinOperator::RightOuter(_)
                | JoinOperator::FullOuter(_)
                | JoinOperator::CrossJoin(_)
                | JoinOperator::LeftSemi(_)
                | JoinOperator::LeftAnti(_)
                | JoinOperator::CrossApply
                | JoinOperator::OuterApply => {}
                _ => self.refuse(node, true, "this kind of join"),
            }
        }
    }

    fn asof(&mut self, node: &impl Spanned, condition: &Expr, constraint: &JoinConstraint) {
        let is_at_least = matches!(condition, Expr::BinaryOp { op: BinaryOperator::GtEq, .. });
        self.refuse(condition, !is_at_least, "MATCH_CONDITION other than `left >= right`");
        let is_joined = matches!(constraint, JoinConstraint::On(_) | JoinConstraint::Using(_));
        self.refuse(node, !is_joined, "ASOF JOIN without ON");
    }
}

impl Visitor for Refusals {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let with = query.with.as_ref();
        let expressions = with.iter().flat_map(|with| &with.cte_tables);
        expressions.for_each(|expression| {
            self.alias(query, Some(&expression.alias));
            self.refuse(query, expression.from.is_some(), "FROM after a common table expression");
        });
        let message = "WITH RECURSIVE (use DECLARE RECURSIVE VIEW)";
        self.refuse(query, with.is_some_and(|with| with.recursive), message);
        self.refuse(query, !is_read_only(&query.body), "a statement that is no query");
        self.refuse(query, matches!(*query.body, SetExpr::Table(_)), "TABLE as a query");
        self.refuse(query, !query.locks.is_empty() || query.for_clause.is_some(), "FOR");
        self.refuse(query, query.settings.is_some() || query.format_clause.is_some(), "SETTINGS or FORMAT");
        self.refuse(query, !query.pipe_operators.is_empty(), "the pipe operator");
        let is_by = match &query.limit_clause {
            Some(LimitClause::LimitOffset { limit_by, .. }) => !limit_by.is_empty(),
            Some(LimitClause::OffsetCommaLimit { .. }) => true,
            None => false,
        };
        self.refuse(query, is_by, "LIMIT with BY or a comma");
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        self.refuse(select, select.top.is_some(), "TOP");
        self.refuse(select, select.into.is_some(), "INTO");
        self.refuse(select, !select.lateral_views.is_empty(), "LATERAL VIEW");
        self.refuse(select, select.prewhere.is_some(), "PREWHERE");
        self.refuse(select, !select.connect_by.is_empty(), "CONNECT BY");
        let is_sorted = !(select.cluster_by.is_empty() && select.distribute_by.is_empty() && select.sort_by.is_empty());
        self.refuse(select, is_sorted, "CLUSTER BY, DISTRIBUTE BY or SORT BY");
        self.refuse(select, select.value_table_mode.is_some() || select.exclude.is_some(), "this kind of SELECT");
        self.refuse(select, select.select_modifiers.is_some(), "this kind of SELECT");
        self.refuse(select, select.flavor != SelectFlavor::Standard, "FROM before SELECT");
        self.refuse(
            select,
            matches!(&select.distinct, Some(Distinct::On(on)) if on.is_empty()),
            "an empty DISTINCT ON",
        );
        let (GroupByExpr::All(modifiers) | GroupByExpr::Expressions(_, modifiers)) = &select.group_by;
        self.refuse(select, !modifiers.is_empty(), "a modifier of GROUP BY");
        select.from.iter().for_each(|table| self.joins(&table.joins));
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { alias, .. }
        | TableFactor::Derived { alias, .. }
        | TableFactor::Function { alias, .. }
        | TableFactor::TableFunction { alias, .. }
        | TableFactor::UNNEST { alias, .. }
        | TableFactor::NestedJoin { alias, .. }
        | TableFactor::Pivot { alias, .. }
        | TableFactor::Unpivot { alias, .. } = factor
        {
            self.alias(factor, alias.as_ref());
        }
        match factor {
            TableFactor::Table {
                args,
                with_hints,
                version,
                partitions,
                json_path,
                sample,
                index_hints,
                with_ordinality,
                ..
            } => {
                self.refuse(factor, *with_ordinality && args.is_none(), "WITH ORDINALITY of a table");
                self.refuse(factor, sample.is_some(), "TABLESAMPLE");
                self.refuse(factor, version.is_some(), "a version of a table");
                self.refuse(factor, !partitions.is_empty() || json_path.is_some(), "part of a table");
                self.refuse(factor, !with_hints.is_empty() || !index_hints.is_empty(), "a hint in brackets");
            }
            TableFactor::Derived { sample, .. } => self.refuse(factor, sample.is_some(), "TABLESAMPLE"),
            TableFactor::UNNEST { with_offset, .. } => self.refuse(factor, *with_offset, "WITH OFFSET"),
            TableFactor::NestedJoin { table_with_joins, .. } => self.joins(&table_with_joins.joins),
            TableFactor::TableFunction { .. }
            | TableFactor::Function { .. }
            | TableFactor::Pivot { .. }
            | TableFactor::Unpivot { .. } => {}
            _ => self.refuse(factor, true, "this kind of table"),
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Convert { .. } => self.refuse(expr, true, "CONVERT (use CAST)"),
            Expr::MatchAgainst { .. }
            | Expr::OuterJoin(_)
            | Expr::Prior(_)
            | Expr::Prefixed { .. }
            | Expr::JsonAccess { .. }
            | Expr::Cast { .. }
            | Expr::TypedString(_)
            | Expr::Collate { .. } => self.refuse(expr, true, "this kind of expression"),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_value(&mut self, value: &ValueWithSpan) -> ControlFlow<()> {
        self.refuse(value, matches!(value.value, Value::Placeholder(_)), "a parameter");
        ControlFlow::Continue(())
    }
}

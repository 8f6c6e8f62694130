//! Below which value of a column rows do not change any more, as far as that follows from how late values may come.

use alluvium_sql::types::Type;
use datafusion_expr::JoinType;

use super::{Expression, Form, Lowering, NodeId, Operation, is_rising};

/// How many nodes are looked at for one column.
const NODES_SEEN_MAX: usize = 10_000;

/// A value below which rows of a node are final.
#[derive(Clone, Debug)]
pub(crate) enum Waterline {
    /// The greatest value of a table's column less what it may be late.
    Table {
        /// Its name.
        name: String,
        /// The place of the column among those that may be late.
        at: usize,
        /// The type of the column.
        kind: Type,
    },
    /// The same of a view.
    Gate {
        /// The node.
        node: NodeId,
        /// The place of the column among those that may be late.
        at: usize,
        /// The type of the column.
        kind: Type,
    },
    /// The least of several.
    Least(Vec<Waterline>),
    /// What an expression over one column makes of another.
    Mapped(Box<Waterline>, Expression),
}

impl Lowering {
    /// Below which value of a column the rows of a node are final.
    pub(crate) fn waterline(&self, node: NodeId, column: usize) -> Option<Waterline> {
        let mut left = NODES_SEEN_MAX;
        self.waterline_of(node, column, &mut left)
    }

    fn waterline_of(&self, node: NodeId, column: usize, left: &mut usize) -> Option<Waterline> {
        *left = left.checked_sub(1)?;
        let Node { operation, inputs, schema } = self.parts(node)?;
        let kind = || Some(crate::types::column_type(schema.fields().get(column)?).ok()?.kind);
        match operation {
            Operation::Table(name) => {
                let at = self.late_columns(name).iter().position(|late| *late == column)?;
                Some(Waterline::Table { name: name.clone(), at, kind: kind()? })
            }
            Operation::Gate(lateness) => match lateness.iter().position(|late| late.column == column) {
                Some(at) => Some(Waterline::Gate { node, at, kind: kind()? }),
                None => self.waterline_of(*inputs.first()?, column, left),
            },
            Operation::Filter(_) | Operation::Distinct => self.waterline_of(*inputs.first()?, column, left),
            Operation::Project(columns) => self.mapped(*inputs.first()?, columns.get(column)?, left),
            Operation::Unnest(unnest) => match unnest.columns.get(column)? {
                (at, false) => self.waterline_of(*inputs.first()?, *at, left),
                _ => None,
            },
            Operation::Union => {
                let all = inputs.iter().map(|input| self.waterline_of(*input, column, left));
                all.collect::<Option<Vec<_>>>().map(Waterline::Least)
            }
            Operation::Aggregate(grouping) if grouping.sets.is_none() => {
                self.mapped(*inputs.first()?, grouping.keys.get(column)?, left)
            }
            Operation::Top(top) => {
                let is_key = top.partition.iter().any(|key| is_column(key, column));
                if is_key { self.waterline_of(*inputs.first()?, column, left) } else { None }
            }
            Operation::Window(over) => {
                let is_key = |each: &super::Over| each.partition.iter().any(|key| is_column(key, column));
                if over.iter().all(is_key) { self.waterline_of(*inputs.first()?, column, left) } else { None }
            }
            Operation::Join(join) => self.joined(join, inputs, column, left),
            Operation::Constant(_)
            | Operation::Aggregate(_)
            | Operation::Temporal(_)
            | Operation::Open(_)
            | Operation::Fixpoint(_) => None,
        }
    }

    /// A joined row is final where both sides' rows of its key are.
    fn joined(&self, join: &super::Join, inputs: &[NodeId], column: usize, left: &mut usize) -> Option<Waterline> {
        let [first, second] = inputs else { return None };
        let width = self.parts(*first)?.schema.fields().len();
        let (is_left, own) = if column < width { (true, column) } else { (false, column - width) };
        let is_known = match join.kind {
            JoinType::Inner => true,
            JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti => is_left,
            _ => false,
        };
        if !is_known || join.is_null_aware {
            return None;
        }
        join.left_keys.iter().zip(&join.right_keys).find_map(|(one, other)| {
            let is_key = is_column(if is_left { one } else { other }, own);
            if !is_key {
                return None;
            }
            Some(Waterline::Least(vec![self.mapped(*first, one, left)?, self.mapped(*second, other, left)?]))
        })
    }

    /// The waterline of an expression that rises with a column.
    fn mapped(&self, input: NodeId, expr: &Expression, left: &mut usize) -> Option<Waterline> {
        if let Form::Column(at) = &expr.form {
            return self.waterline_of(input, *at, left);
        }
        if !is_rising(expr) {
            return None;
        }
        let (at, moved) = over_first_column(expr)?;
        let below = self.waterline_of(input, at, left)?;
        Some(Waterline::Mapped(Box::new(below), moved))
    }

    fn parts(&self, node: NodeId) -> Option<Node<'_>> {
        let node = self.nodes.get(node)?;
        Some(Node { operation: &node.operation, inputs: &node.inputs, schema: &node.schema })
    }

    fn late_columns(&self, table: &str) -> Vec<usize> {
        self.late.get(table).cloned().unwrap_or_default()
    }
}

struct Node<'a> {
    operation: &'a Operation,
    inputs: &'a [NodeId],
    schema: &'a arrow::datatypes::Schema,
}

fn is_column(expr: &Expression, column: usize) -> bool {
    matches!(expr.form, Form::Column(at) if at == column)
}

/// The only column of an expression that rises with it, and the expression with that column as the first.
fn over_first_column(expr: &Expression) -> Option<(usize, Expression)> {
    let mut moved = expr.clone();
    let at = match &mut moved.form {
        Form::Column(at) => Some(std::mem::take(at)),
        Form::Cast(inner, _) => {
            let (at, new) = over_first_column(inner)?;
            **inner = new;
            Some(at)
        }
        Form::Call { args, .. } => {
            let arg = args.iter_mut().find(|arg| !matches!(arg.form, Form::Literal(_)))?;
            let (at, new) = over_first_column(arg)?;
            *arg = new;
            Some(at)
        }
        _ => None,
    };
    Some((at?, moved))
}

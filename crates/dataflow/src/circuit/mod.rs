//! What a program computes: operations whose inputs are the outputs of others.

mod expression;
mod identity;
mod keys;
mod lambda;
mod lower;
mod lower_expr;
mod lower_window;
mod recursion;
mod timed;
mod waterline;

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion_expr::JoinType;

pub(crate) use expression::{Expression, Form, taken};
pub(crate) use identity::{hashed, types_text};
pub(crate) use keys::{Following, Sum};
pub(crate) use lower::{Lowering, has_both_sides};
pub(crate) use recursion::{Fixpoint, in_order};
pub(crate) use timed::{Comparison, NOW, Temporal, is_rising};
pub(crate) use waterline::Waterline;

use crate::aggregates::Aggregate;
use crate::functions::Shape;
use crate::program::Lateness;
use crate::windows::WindowFunction;

/// The number of a node in a circuit.
pub(crate) type NodeId = usize;

/// An operation and what it works on.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) operation: Operation,
    pub(crate) inputs: Vec<NodeId>,
    /// The columns of its output.
    pub(crate) schema: SchemaRef,
    /// A name that says what it computes, the same in all versions of a program.
    pub(crate) identity: String,
}

/// What a node does.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    /// The rows of a table.
    Table(String),
    /// Rows that are always there.
    Constant(RecordBatch),
    Filter(Expression),
    Project(Vec<Expression>),
    Union,
    /// Elements of arrays as rows.
    Unnest(Unnest),
    /// Each row once.
    Distinct,
    Join(Box<Join>),
    Aggregate(Grouping),
    Window(Vec<Over>),
    /// The first rows of all in an order; of each partition if there are keys.
    Top(Top),
    /// Rows that are compared with the time; the second input is the clock.
    Temporal(Temporal),
    /// Rows that did not come too late.
    Gate(Vec<Lateness>),
    /// The rows of a view that is declared and not defined yet.
    Open(String),
    /// The least rows that a circuit makes of themselves.
    Fixpoint(Arc<Fixpoint>),
}

/// Which columns of the input become rows.
#[derive(Clone, Debug)]
pub(crate) struct Unnest {
    /// For each column of the output: the column of the input, and whether its elements are taken.
    pub(crate) columns: Vec<(usize, bool)>,
    /// Whether a row without elements stays, with NULL.
    pub(crate) keeps_empty: bool,
}

/// How two inputs are joined.
#[derive(Clone, Debug)]
pub(crate) struct Join {
    pub(crate) kind: JoinType,
    pub(crate) left_keys: Vec<Expression>,
    pub(crate) right_keys: Vec<Expression>,
    /// Whether NULL keys match one another.
    pub(crate) nulls_match: bool,
    /// What else has to hold, over the columns of both.
    pub(crate) filter: Option<Expression>,
    /// If of the rows of the right side that match only one counts: the one with the greatest value that is not above that of the left.
    pub(crate) latest: Option<Box<Latest>>,
    /// Whether it is `NOT IN`: nothing is left once the right side has a NULL.
    pub(crate) is_null_aware: bool,
}

/// What is compared to find the latest row; both are of one type.
#[derive(Clone, Debug)]
pub(crate) struct Latest {
    /// Over the left side.
    pub(crate) left: Expression,
    /// Over the right side.
    pub(crate) right: Expression,
}

/// How rows are grouped, and what is computed of the groups.
#[derive(Clone, Debug)]
pub(crate) struct Grouping {
    pub(crate) keys: Vec<Expression>,
    /// Which keys count in each of the sets; None if there is one set of all keys.
    pub(crate) sets: Option<Vec<Vec<bool>>>,
    pub(crate) calls: Vec<AggregateCall>,
}

/// A call of an aggregate.
#[derive(Clone, Debug)]
pub(crate) struct AggregateCall {
    pub(crate) aggregate: &'static Aggregate,
    pub(crate) shape: Shape,
    pub(crate) args: Vec<Expression>,
    pub(crate) is_distinct: bool,
    pub(crate) filter: Option<Expression>,
    pub(crate) order: Vec<SortKey>,
    pub(crate) ignores_nulls: bool,
}

/// A key of an order.
#[derive(Clone, Debug)]
pub(crate) struct SortKey {
    pub(crate) value: Expression,
    pub(crate) is_descending: bool,
    pub(crate) nulls_first: bool,
}

/// The first rows of an order.
#[derive(Clone, Debug)]
pub(crate) struct Top {
    pub(crate) partition: Vec<Expression>,
    pub(crate) order: Vec<SortKey>,
    pub(crate) skip: usize,
    pub(crate) fetch: Option<usize>,
}

/// A value over the rows around each row.
#[derive(Clone, Debug)]
pub(crate) struct Over {
    pub(crate) call: OverCall,
    pub(crate) partition: Vec<Expression>,
    pub(crate) order: Vec<SortKey>,
    pub(crate) frame: Frame,
}

/// What is computed of the rows around a row.
#[derive(Clone, Debug)]
pub(crate) enum OverCall {
    Aggregate(AggregateCall),
    Function { function: WindowFunction, shape: Shape, args: Vec<Expression>, ignores_nulls: bool },
}

/// Which rows around a row count.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) units: FrameUnits,
    pub(crate) start: Bound,
    pub(crate) end: Bound,
}

/// What the bounds of a frame count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameUnits {
    Rows,
    /// The value of the only sort key.
    Range,
    /// Rows that are equal in the order.
    Groups,
}

/// An end of a frame. Distances before the row are negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    /// The partition's first or last row.
    Unbounded,
    /// So far from the row.
    At(i128),
    /// So many months from the row, which is a date or a point in time.
    Months(i64),
}

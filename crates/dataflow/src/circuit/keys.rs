//! By which keys an operation falls into parts that do not know each other: a change then costs what its parts hold.

use alluvium_sql::types::Type;
use datafusion_expr::JoinType;

use super::{AggregateCall, Expression, Grouping, Operation, Over};

/// How an operation follows changes.
pub(crate) enum Following {
    /// Each change of the input gives one of the output, whatever else is there.
    Linear,
    /// The rows of touched keys are computed again: a list of keys for each input.
    Keyed(Vec<Vec<Expression>>),
    /// Whole rows are the keys.
    Rows,
    /// Sums of groups are added to.
    Accumulated,
    /// Rows are kept in the order in which the time comes to them.
    Timed,
    /// Rows are looked at as they come, and the greatest values are kept.
    Gated,
    /// Rounds are run until nothing new comes.
    Rounds,
    /// Everything is computed again.
    Whole,
}

impl Operation {
    /// How it follows changes.
    pub(crate) fn following(&self) -> Following {
        match self {
            Self::Table(_)
            | Self::Constant(_)
            | Self::Filter(_)
            | Self::Project(_)
            | Self::Union
            | Self::Unnest(_)
            | Self::Open(_) => Following::Linear,
            Self::Distinct => Following::Rows,
            // Without keys, what is new on one side still only meets what is there on the other.
            Self::Join(join) if join.kind == JoinType::Inner && !join.is_null_aware => {
                Following::Keyed(vec![join.left_keys.clone(), join.right_keys.clone()])
            }
            Self::Join(join) if join.left_keys.is_empty() || join.is_null_aware => Following::Whole,
            Self::Join(join) => Following::Keyed(vec![join.left_keys.clone(), join.right_keys.clone()]),
            Self::Aggregate(grouping) if grouping.is_accumulated() => Following::Accumulated,
            Self::Aggregate(grouping) if grouping.keys.is_empty() || grouping.sets.is_some() => Following::Whole,
            Self::Aggregate(grouping) => Following::Keyed(vec![grouping.keys.clone()]),
            Self::Top(top) if top.partition.is_empty() && top.fetch.is_none() => Following::Whole,
            // Rows are kept in the order, so that only the first ones are looked at.
            Self::Top(top) => Following::Keyed(vec![top.partition.clone()]),
            Self::Window(over) => match shared_partition(over) {
                Some(partition) => Following::Keyed(vec![partition]),
                None => Following::Whole,
            },
            Self::Temporal(_) => Following::Timed,
            Self::Gate(_) => Following::Gated,
            Self::Fixpoint(_) => Following::Rounds,
        }
    }

    /// Whether a change costs what it touches, not what is there. Recursive views only go on from what is there when rows come.
    pub(crate) fn is_incremental(&self) -> bool {
        !matches!(self.following(), Following::Whole | Following::Rounds)
    }

    /// What it is in one word.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Table(_) => "table",
            Self::Constant(_) => "constant",
            Self::Filter(_) => "filter",
            Self::Project(_) => "project",
            Self::Union => "union",
            Self::Unnest(_) => "unnest",
            Self::Distinct => "distinct",
            Self::Join(_) => "join",
            Self::Aggregate(_) => "aggregate",
            Self::Window(_) => "window",
            Self::Top(_) => "top",
            Self::Temporal(temporal) if temporal.is_filter => "temporal filter",
            Self::Temporal(_) => "temporal marks",
            Self::Gate(_) => "lateness",
            Self::Open(_) => "declared view",
            Self::Fixpoint(_) => "recursion",
        }
    }
}

/// What a call comes to, for calls that only add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sum {
    /// How many rows have no NULL.
    Count,
    /// How many rows are true.
    Truths,
    /// The exact sum.
    Total,
    /// The exact mean.
    Mean,
    /// The least or the greatest value.
    Extreme { is_greatest: bool },
}

impl AggregateCall {
    /// How it adds up; None if it has to see the rows of a group together.
    pub(crate) fn sum(&self) -> Option<Sum> {
        if self.is_distinct {
            return None;
        }
        let is_exact = matches!(self.shape.params.first(), Some(Type::Int(_) | Type::UInt(_) | Type::Decimal(..)));
        Some(match self.aggregate.name {
            "count" | "regr_count" => Sum::Count,
            "countif" => Sum::Truths,
            "sum" if is_exact => Sum::Total,
            "avg" if is_exact => Sum::Mean,
            "min" => Sum::Extreme { is_greatest: false },
            "max" => Sum::Extreme { is_greatest: true },
            _ => return None,
        })
    }
}

impl Grouping {
    /// Whether all that is computed adds up.
    fn is_accumulated(&self) -> bool {
        self.sets.is_none() && self.calls.iter().all(|call| call.sum().is_some())
    }
}

/// The keys that all values over rows are partitioned by.
fn shared_partition(over: &[Over]) -> Option<Vec<Expression>> {
    let (first, rest) = over.split_first()?;
    let shared: Vec<Expression> = first
        .partition
        .iter()
        .filter(|key| rest.iter().all(|each| each.partition.iter().any(|other| other.text() == key.text())))
        .cloned()
        .collect();
    (!shared.is_empty()).then_some(shared)
}

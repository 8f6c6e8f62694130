//! What an operation is as text: the same text in every process and every version of a program, so that what did not change is found
//! again.
//!
//! Names of columns are no part of it, only their places and types: a query that only renames computes the same.

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Field, Schema};
use datafusion_common::ScalarValue;
use sha2::{Digest, Sha256};

use super::{AggregateCall, Expression, Frame, Grouping, Join, Operation, Over, OverCall, SortKey, Temporal, Top};
use crate::types::column_type;

/// How many bytes of a hash make an identity.
const IDENTITY_BYTES: usize = 16;

/// A text as a short name that is the same everywhere.
pub(crate) fn hashed(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes())[..IDENTITY_BYTES])
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|half| char::from(DIGITS[usize::from(half)])).collect()
}

/// The types of columns.
pub(crate) fn types_text(schema: &Schema) -> String {
    let kinds: Vec<String> = schema.fields().iter().map(|field| type_text(field)).collect();
    kinds.join(", ")
}

fn type_text(field: &Field) -> String {
    column_type(field).map_or_else(|_| field.data_type().to_string(), |column| column.kind.to_string())
}

/// A constant as text that no other constant has.
pub(super) fn literal_text(value: &ScalarValue) -> String {
    match value {
        ScalarValue::Utf8(Some(text)) => format!("{text:?}"),
        // What is printed of nested values does not tell all of them apart.
        ScalarValue::LargeList(_) | ScalarValue::List(_) | ScalarValue::Struct(_) | ScalarValue::Map(_) => {
            let bytes = value.to_array().ok().and_then(|array| rows_text(&[array], 1));
            bytes.unwrap_or_else(|| format!("{value:?}"))
        }
        other => format!("{other:?}"),
    }
}

/// All rows of columns as text.
fn rows_text(columns: &[ArrayRef], rows: usize) -> Option<String> {
    if columns.is_empty() {
        return Some(format!("{rows} rows"));
    }
    let kinds: Vec<String> = columns.iter().map(|column| column.data_type().to_string()).collect();
    let fields = columns.iter().map(|column| arrow::row::SortField::new(column.data_type().clone())).collect();
    let converted = arrow::row::RowConverter::new(fields).ok()?.convert_columns(columns).ok()?;
    let rows: Vec<String> = converted.iter().map(|row| hex(row.as_ref())).collect();
    Some(format!("{} {}", kinds.join(","), rows.join(" ")))
}

fn batch_text(batch: &RecordBatch) -> String {
    rows_text(batch.columns(), batch.num_rows()).unwrap_or_else(|| format!("{batch:?}"))
}

fn list(exprs: &[Expression]) -> String {
    exprs.iter().map(Expression::text).collect::<Vec<_>>().join(", ")
}

fn order(keys: &[SortKey]) -> String {
    let key = |key: &SortKey| format!("{} {} {}", key.value.text(), key.is_descending, key.nulls_first);
    keys.iter().map(key).collect::<Vec<_>>().join(", ")
}

impl Operation {
    /// What it does, in full.
    pub(crate) fn text(&self) -> String {
        let name = self.name();
        match self {
            Self::Table(table) => format!("{name} {table:?}"),
            Self::Constant(batch) => format!("{name} {}", batch_text(batch)),
            Self::Filter(condition) => format!("{name} {}", condition.text()),
            Self::Project(columns) => format!("{name} {}", list(columns)),
            Self::Union | Self::Distinct => name.to_owned(),
            Self::Unnest(unnest) => format!("{name} {:?} {}", unnest.columns, unnest.keeps_empty),
            Self::Join(join) => format!("{name} {}", join.text()),
            Self::Aggregate(grouping) => format!("{name} {}", grouping.text()),
            Self::Window(over) => {
                format!("{name} {}", over.iter().map(Over::text).collect::<Vec<_>>().join("; "))
            }
            Self::Top(top) => format!("{name} {}", top.text()),
            Self::Temporal(temporal) => format!("{name} {}", temporal.text()),
            Self::Gate(lateness) => format!("{name} {lateness:?}"),
            Self::Open(view) => format!("{name} {view:?}"),
            Self::Fixpoint(inner) => {
                let nodes = inner.nodes.iter().map(|node| format!("{} {:?}", node.operation.text(), node.inputs));
                let nodes: Vec<String> = nodes.collect();
                format!("{name} {} {} {:?} [{}]", inner.own, inner.result, inner.inputs, nodes.join("; "))
            }
        }
    }
}

impl Join {
    fn text(&self) -> String {
        let filter = self.filter.as_ref().map(Expression::text).unwrap_or_default();
        let (left, right) = (list(&self.left_keys), list(&self.right_keys));
        let latest = self.latest.as_ref().map(|latest| format!(" {} {}", latest.left.text(), latest.right.text()));
        let latest = latest.unwrap_or_default();
        format!("{:?} [{left}] [{right}] {} {} [{filter}]{latest}", self.kind, self.nulls_match, self.is_null_aware)
    }
}

impl Grouping {
    fn text(&self) -> String {
        let calls: Vec<String> = self.calls.iter().map(AggregateCall::text).collect();
        format!("[{}] {:?} [{}]", list(&self.keys), self.sets, calls.join("; "))
    }
}

impl AggregateCall {
    fn text(&self) -> String {
        let filter = self.filter.as_ref().map(Expression::text).unwrap_or_default();
        let (args, order) = (list(&self.args), order(&self.order));
        let result = &self.shape.result.kind;
        let (distinct, ignores) = (self.is_distinct, self.ignores_nulls);
        format!("{}({args}):{result} {distinct} {ignores} [{filter}] [{order}]", self.aggregate.name)
    }
}

impl Top {
    fn text(&self) -> String {
        format!("[{}] [{}] {} {:?}", list(&self.partition), order(&self.order), self.skip, self.fetch)
    }
}

impl Temporal {
    fn text(&self) -> String {
        let comparison = |each: &super::Comparison| {
            format!("{} {} {} {}", each.value.text(), each.operator, each.bound.text(), each.is_rising)
        };
        let comparisons: Vec<String> = self.comparisons.iter().map(comparison).collect();
        format!("{} [{}]", self.is_filter, comparisons.join("; "))
    }
}

impl Over {
    fn text(&self) -> String {
        let call = match &self.call {
            OverCall::Aggregate(call) => call.text(),
            OverCall::Function { function, shape, args, ignores_nulls } => {
                format!("{function:?}({}):{} {ignores_nulls}", list(args), shape.result.kind)
            }
        };
        let Frame { units, start, end } = &self.frame;
        format!("{call} [{}] [{}] {units:?} {start:?} {end:?}", list(&self.partition), order(&self.order))
    }
}

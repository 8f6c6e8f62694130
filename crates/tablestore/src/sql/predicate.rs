//! Predicates: one boolean expression over the columns of one table.

use sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, Value};

use super::writer::{NOW_MARK, Names, TODAY_MARK, Writer};
use super::{SqlError, parse};
use crate::column::{ColumnType, TableSchema, timestamptz_sql};
use crate::quote;

const CODE: &str = "invalid_where_clause";

/// A checked condition on rows. Its canonical text ([`std::fmt::Display`]) parses to itself, so that an event can carry it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predicate {
    /// The canonical text with marks for the clock.
    template: String,
    constant: Option<bool>,
}

impl Predicate {
    /// Reads the text as a condition on the table's columns; anything else is `invalid_where_clause`.
    pub fn parse(text: &str, schema: &TableSchema) -> Result<Self, SqlError> {
        if text.trim().is_empty() {
            return Err(SqlError::new(CODE, "the condition is empty"));
        }
        parse::on_large_stack(|| {
            let expr = parse::expression(text)?;
            let template = Writer::new(Names::Table(schema)).expr(&expr)?;
            check_boolean(&expr, schema)?;
            let parsed = Self { template, constant: constant(&expr, 0) };
            // The event carries the canonical text, and quoting makes it longer: what could not be read again on a replay
            // must not be accepted now.
            let again = parse::expression(&parsed.to_string())?;
            if Writer::new(Names::Table(schema)).expr(&again)? != parsed.template {
                return Err(SqlError::new(CODE, "the condition has no canonical form"));
            }
            Ok(parsed)
        })
        .map_err(|error| SqlError { code: CODE, ..error })
    }

    /// SQL for a WHERE clause, in brackets, with the clock standing at the event's time.
    pub fn to_sql(&self, event_time_micros: i64) -> String {
        let now = timestamptz_sql(event_time_micros);
        let today = format!("CAST(make_timestamp({}) AS DATE)", event_time_micros.max(0));
        format!("({})", self.template.replace(NOW_MARK, &now).replace(TODAY_MARK, &today))
    }

    /// Whether every row meets it whatever the row holds: `1=1`, `TRUE`, `1` and what folds to them.
    pub fn is_constant_true(&self) -> bool {
        self.constant == Some(true)
    }

    /// A query that reads nothing and fails exactly if the engine cannot type the condition (`name > INTERVAL 1 DAY`). Run it
    /// on any connection before the condition is accepted; a failure is an `invalid_where_clause`.
    pub fn check_sql(&self, schema: &TableSchema) -> String {
        let columns: Vec<String> = schema
            .columns
            .iter()
            .map(|column| format!("CAST(NULL AS {}) AS {}", column.column_type.to_sql(), quote::ident(&column.name)))
            .collect();
        let columns = if columns.is_empty() { "1".to_owned() } else { columns.join(", ") };
        format!("SELECT 1 FROM (SELECT {columns} LIMIT 0) AS t WHERE {}", self.to_sql(0))
    }
}

impl std::fmt::Display for Predicate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.template.replace(NOW_MARK, "now()").replace(TODAY_MARK, "current_date"))
    }
}

impl serde::Serialize for Predicate {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Refuses what is plainly no condition; the rest the engine types.
fn check_boolean(expr: &Expr, schema: &TableSchema) -> Result<(), SqlError> {
    let refused = |what: &str| Err(SqlError::new(CODE, format!("{what} is no condition")));
    match expr {
        Expr::Nested(inner) => check_boolean(inner, schema),
        Expr::Value(value) if matches!(value.value, Value::Boolean(_) | Value::Number(..) | Value::Null) => Ok(()),
        Expr::Value(_) => refused("a text"),
        Expr::Identifier(name) => {
            let column = schema.column(&name.value);
            if column.is_some_and(|column| column.column_type == ColumnType::Boolean) {
                return Ok(());
            }
            refused("a column that is not BOOLEAN")
        }
        Expr::UnaryOp { op: UnaryOperator::Not, .. } => Ok(()),
        Expr::UnaryOp { .. } => refused("a sign"),
        Expr::BinaryOp {
            op:
                BinaryOperator::Plus
                | BinaryOperator::Minus
                | BinaryOperator::Multiply
                | BinaryOperator::Divide
                | BinaryOperator::Modulo
                | BinaryOperator::DuckIntegerDivide
                | BinaryOperator::PGExp
                | BinaryOperator::BitwiseXor
                | BinaryOperator::StringConcat,
            ..
        } => refused("an arithmetic expression"),
        Expr::TypedString(_) | Expr::Interval(_) | Expr::Array(_) | Expr::Dictionary(_) | Expr::Tuple(_) => {
            refused("this literal")
        }
        _ => Ok(()),
    }
}

/// Below this depth nothing is folded; who writes more means something else than "all".
const FOLD_DEPTH_MAX: usize = 32;

/// The value of a condition made of literals; nothing if it may depend on a row.
fn constant(expr: &Expr, depth: usize) -> Option<bool> {
    if depth > FOLD_DEPTH_MAX {
        return None;
    }
    match expr {
        Expr::Nested(inner) => constant(inner, depth + 1),
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => constant(expr, depth + 1).map(|value| !value),
        Expr::Value(value) => match &value.value {
            Value::Boolean(value) => Some(*value),
            Value::Number(digits, _) => digits.parse::<f64>().ok().map(|number| number != 0.0),
            _ => None,
        },
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            match (constant(left, depth + 1), constant(right, depth + 1)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            }
        }
        Expr::BinaryOp { left, op: BinaryOperator::Or, right } => {
            match (constant(left, depth + 1), constant(right, depth + 1)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            }
        }
        Expr::BinaryOp { left, op, right } => compare(op, left, right),
        _ => None,
    }
}

/// Compares two literals of one kind. Numbers only where a double holds them exactly.
fn compare(op: &BinaryOperator, left: &Expr, right: &Expr) -> Option<bool> {
    let (Expr::Value(left), Expr::Value(right)) = (left, right) else { return None };
    let order = match (&left.value, &right.value) {
        (Value::Number(left, _), Value::Number(right, _)) => {
            let exact = |digits: &str| digits.len() <= 15 && !digits.contains(['e', 'E', '_']);
            if !exact(left) || !exact(right) {
                return None;
            }
            left.parse::<f64>().ok()?.partial_cmp(&right.parse::<f64>().ok()?)?
        }
        (Value::Boolean(left), Value::Boolean(right)) => left.cmp(right),
        (left, right) => text(left)?.cmp(text(right)?),
    };
    match op {
        BinaryOperator::Eq => Some(order.is_eq()),
        BinaryOperator::NotEq => Some(order.is_ne()),
        BinaryOperator::Lt => Some(order.is_lt()),
        BinaryOperator::LtEq => Some(order.is_le()),
        BinaryOperator::Gt => Some(order.is_gt()),
        BinaryOperator::GtEq => Some(order.is_ge()),
        _ => None,
    }
}

/// The text of a literal, however it was quoted.
fn text(value: &Value) -> Option<&str> {
    match value {
        Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => Some(text),
        Value::DollarQuotedString(text) => Some(&text.value),
        _ => None,
    }
}

#[cfg(test)]
#[path = "predicate_tests.rs"]
mod tests;

//! Structured filters and orders: no text of the user becomes SQL; values are bound, names are looked up.

use serde::{Deserialize, Serialize};

use super::SqlError;
use crate::column::{Column, ColumnType, TableSchema};
use crate::quote;

/// How many filters one request may have.
pub const FILTERS_MAX: usize = 256;
/// How many values all filters of one request may have.
pub const FILTER_VALUES_MAX: usize = 10_000;

const CODE: &str = "invalid_where_filter";
/// How many filters stand in one pair of brackets when they are written as text: a longer chain would be too deep a tree.
const CHAIN_LENGTH_MAX: usize = 16;

/// One condition on one column. Several are ANDed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhereFilter {
    /// A column of the table, in any case.
    pub column: String,
    /// How the column compares with the values.
    #[serde(default)]
    pub operator: Operator,
    /// One value; `eq` and `ne` take several, meaning IN and NOT IN.
    pub values: Vec<String>,
    /// Compare as numbers of this type instead of as the column's own.
    #[serde(default, alias = "dataType")]
    pub data_type: Option<DataType>,
    /// What the values are.
    #[serde(default, rename = "type")]
    pub kind: Option<ValueKind>,
}

/// How a column compares with values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the words of the wire")]
pub enum Operator {
    #[default]
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

/// The numeric types values and orders may be read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the words of the wire")]
pub enum DataType {
    Integer,
    Double,
    #[serde(alias = "BIGINT")]
    Bigint,
    Real,
    Decimal,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ValueKind {
    /// A value of the column.
    Scalar,
    /// A point in time, compared as such even if the column is text.
    TimeString,
}

/// One key of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderBy {
    /// A column of the table, in any case.
    pub column: String,
    /// The direction.
    #[serde(default)]
    pub order: Direction,
    /// Order as numbers of this type instead of as the column's own.
    #[serde(default, alias = "dataType")]
    pub data_type: Option<DataType>,
}

/// The direction of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the words of the wire")]
pub enum Direction {
    #[default]
    #[serde(alias = "asc")]
    Asc,
    #[serde(alias = "desc")]
    Desc,
}

impl DataType {
    fn sql(self) -> &'static str {
        match self {
            Self::Integer => "INTEGER",
            Self::Double => "DOUBLE",
            Self::Bigint => "BIGINT",
            Self::Real => "FLOAT",
            Self::Decimal => "DECIMAL(38,9)",
        }
    }
}

impl WhereFilter {
    /// The condition in brackets, and the values to bind to its `?`s in order.
    ///
    /// A column value that cannot be read as `data_type` meets no condition; a given value that cannot is an error of the engine
    /// (a conversion error), which callers report as `invalid_where_filter`.
    pub fn to_sql(&self, schema: &TableSchema) -> Result<(String, Vec<String>), SqlError> {
        Ok((self.write(schema, |_| "?".to_owned())?, self.values.clone()))
    }

    /// The condition in brackets, each value written by `value`.
    fn write(&self, schema: &TableSchema, value: impl Fn(&str) -> String) -> Result<String, SqlError> {
        let column = find(schema, &self.column)?;
        let word = self.operator;
        if self.values.is_empty() {
            return Err(SqlError::new(CODE, format!("the filter on {:?} has no value", column.name)));
        }
        if self.values.len() > 1 && !matches!(word, Operator::Eq | Operator::Ne) {
            let message = format!("the filter on {:?} takes one value, not {}", column.name, self.values.len());
            return Err(SqlError::new(CODE, message));
        }
        if self.values.len() > FILTER_VALUES_MAX {
            return Err(SqlError::new(CODE, format!("there are more than {FILTER_VALUES_MAX} values")));
        }
        if self.values.iter().any(|value| quote::check(value).is_err()) {
            return Err(SqlError::new(CODE, "a value holds a NUL character"));
        }
        let (left, target) = self.sides(column)?;
        let values: Vec<String> = self.values.iter().map(|text| format!("CAST({} AS {target})", value(text))).collect();
        let (values, value) = (values.join(", "), &values[0]);
        Ok(match word {
            Operator::Eq | Operator::Ne if self.values.len() > 1 => {
                let not = if word == Operator::Ne { "NOT " } else { "" };
                format!("({left} {not}IN ({values}))")
            }
            Operator::Eq => format!("({left} = {value})"),
            Operator::Ne => format!("({left} <> {value})"),
            Operator::Gt => format!("({left} > {value})"),
            Operator::Ge => format!("({left} >= {value})"),
            Operator::Lt => format!("({left} < {value})"),
            Operator::Le => format!("({left} <= {value})"),
        })
    }

    /// The column's side and the type of the values' side.
    fn sides(&self, column: &Column) -> Result<(String, String), SqlError> {
        let name = quote::ident(&column.name);
        if self.kind == Some(ValueKind::TimeString) {
            if self.data_type.is_some() {
                return Err(SqlError::new(CODE, "a filter has a data_type or the type TIME_STRING, not both"));
            }
            let target = match column.column_type {
                ColumnType::TimestampTz => ColumnType::TimestampTz,
                _ => ColumnType::Timestamp,
            };
            return Ok((format!("TRY_CAST({name} AS {target})"), target.to_sql()));
        }
        if let Some(data_type) = self.data_type {
            return Ok((format!("TRY_CAST({name} AS {})", data_type.sql()), data_type.sql().to_owned()));
        }
        Ok((name, column.column_type.to_sql()))
    }
}

fn check_count(filters: &[WhereFilter]) -> Result<(), SqlError> {
    let values: usize = filters.iter().map(|filter| filter.values.len()).sum();
    if filters.len() > FILTERS_MAX || values > FILTER_VALUES_MAX {
        let message = format!("there are more than {FILTERS_MAX} filters or {FILTER_VALUES_MAX} values");
        return Err(SqlError::new(CODE, message));
    }
    Ok(())
}

/// All filters ANDed, with their values; `TRUE` if there is none.
pub fn filters_sql(filters: &[WhereFilter], schema: &TableSchema) -> Result<(String, Vec<String>), SqlError> {
    check_count(filters)?;
    let mut parts = Vec::with_capacity(filters.len());
    let mut params = Vec::new();
    for filter in filters {
        let (sql, values) = filter.to_sql(schema)?;
        parts.push(sql);
        params.extend(values);
    }
    Ok((if parts.is_empty() { "TRUE".to_owned() } else { parts.join(" AND ") }, params))
}

/// All filters ANDed, as a condition for [`Predicate::parse`](super::Predicate::parse), which checks and writes it anew: for
/// whatever carries one condition, such as an event.
pub fn filters_text(filters: &[WhereFilter], schema: &TableSchema) -> Result<String, SqlError> {
    check_count(filters)?;
    let parts = filters.iter().map(|filter| filter.write(schema, quote::literal));
    let parts = parts.collect::<Result<Vec<_>, _>>()?;
    let chains: Vec<String> =
        parts.chunks(CHAIN_LENGTH_MAX).map(|chain| format!("({})", chain.join(" AND "))).collect();
    Ok(if chains.is_empty() { "TRUE".to_owned() } else { chains.join(" AND ") })
}

impl OrderBy {
    /// The key of an ORDER BY. NULLs and what cannot be read as `data_type` come last.
    pub fn to_sql(&self, schema: &TableSchema) -> Result<String, SqlError> {
        let name = quote::ident(&find(schema, &self.column)?.name);
        let key = self.data_type.map_or(name.clone(), |data_type| format!("TRY_CAST({name} AS {})", data_type.sql()));
        let direction = match self.order {
            Direction::Asc => "ASC",
            Direction::Desc => "DESC",
        };
        Ok(format!("{key} {direction} NULLS LAST"))
    }
}

fn find<'a>(schema: &'a TableSchema, name: &str) -> Result<&'a Column, SqlError> {
    schema.column(name).ok_or_else(|| SqlError::new("column_not_found", format!("the table has no column {name:?}")))
}

#[cfg(test)]
#[path = "filters_tests.rs"]
mod tests;

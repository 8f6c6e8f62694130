//! Writes expressions anew from their tree: the tokens the user wrote, minus what we do not know, with our quoting.
//!
//! The writer adds no brackets and drops none, so that the engine groups the tokens exactly as it would have grouped the
//! user's own. It never uses the parser's printer: that one leaves `\'` alone, which DuckDB reads as the end of a string.

use std::collections::HashMap;

use sqlparser::ast::{
    AccessExpr, BinaryOperator, CastKind, CeilFloorKind, DataType, DateTimeField, Expr, ExtractSyntax, Ident, Interval,
    Subscript, TrimWhereField, UnaryOperator, Value,
};

use super::SqlError;
use super::tokens::{binary, date_part, ident, literal, not, text_literal, type_sql};
use crate::column::{ColumnType, TableSchema};
use crate::quote;

/// How deep a tree may nest, not counting chains of operators.
pub const SQL_DEPTH_MAX: usize = 256;

/// Marks the place of the event's time in a predicate. Quoted text never holds a NUL.
pub(super) const NOW_MARK: &str = "\0N";
/// Marks the place of the event's day in a predicate.
pub(super) const TODAY_MARK: &str = "\0D";

pub(super) type Written = Result<String, SqlError>;

/// Finds the physical relation, already quoted, for the parts of a name.
pub(super) type Resolve<'a> = &'a dyn Fn(&[String]) -> Option<String>;

/// What names mean.
pub(super) enum Names<'a> {
    /// Columns of one table; no relations, subqueries, aggregates or windows.
    Table(&'a TableSchema),
    /// Whatever the engine finds in the relations of the query.
    Query(Resolve<'a>),
}

pub(super) struct Writer<'a> {
    pub(super) names: Names<'a>,
    depth: usize,
    /// Relations met, as the user named them.
    pub(super) relations: Vec<Vec<String>>,
    /// For relations without alias: their full name, folded, to the alias they got.
    pub(super) qualified: HashMap<Vec<String>, String>,
    /// CTE names in scope, innermost last: folded name to the name we gave it.
    pub(super) ctes: Vec<(String, String)>,
    pub(super) cte_count: usize,
}

impl<'a> Writer<'a> {
    pub(super) fn new(names: Names<'a>) -> Self {
        let (relations, qualified, ctes) = (Vec::new(), HashMap::new(), Vec::new());
        Self { names, depth: 0, relations, qualified, ctes, cte_count: 0 }
    }

    pub(super) fn in_query(&self) -> bool {
        matches!(self.names, Names::Query(_))
    }

    pub(super) fn query_only(&self, what: &str) -> Result<(), SqlError> {
        if self.in_query() { Ok(()) } else { Err(SqlError::not_allowed(what)) }
    }

    /// Runs one level deeper.
    pub(super) fn nested<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, SqlError>) -> Result<T, SqlError> {
        if self.depth >= SQL_DEPTH_MAX {
            return Err(SqlError::new("query_not_allowed", format!("the tree is deeper than {SQL_DEPTH_MAX}")));
        }
        self.depth += 1;
        let result = work(self);
        self.depth -= 1;
        result
    }

    pub(super) fn exprs(&mut self, list: &[Expr]) -> Written {
        let parts: Result<Vec<String>, SqlError> = list.iter().map(|expr| self.expr(expr)).collect();
        Ok(parts?.join(", "))
    }

    pub(super) fn expr(&mut self, expr: &Expr) -> Written {
        self.nested(|writer| writer.expr_here(expr))
    }

    fn expr_here(&mut self, expr: &Expr) -> Written {
        match expr {
            Expr::BinaryOp { .. } => self.chain(expr),
            Expr::Identifier(ident) => self.column(std::slice::from_ref(ident)),
            Expr::CompoundIdentifier(parts) => self.column(parts),
            Expr::Value(value) => literal(&value.value),
            Expr::Nested(inner) => Ok(format!("({})", self.expr(inner)?)),
            Expr::UnaryOp { op, expr } => {
                let op = match op {
                    UnaryOperator::Not => "NOT ",
                    UnaryOperator::Minus => "- ",
                    UnaryOperator::Plus => "+ ",
                    UnaryOperator::BitwiseNot => "~ ",
                    other => return Err(SqlError::not_allowed(format!("operator `{other}`"))),
                };
                Ok(format!("{op}{}", self.expr(expr)?))
            }
            Expr::IsNull(inner) => self.postfix(inner, "IS NULL"),
            Expr::IsNotNull(inner) => self.postfix(inner, "IS NOT NULL"),
            Expr::IsTrue(inner) => self.postfix(inner, "IS TRUE"),
            Expr::IsNotTrue(inner) => self.postfix(inner, "IS NOT TRUE"),
            Expr::IsFalse(inner) => self.postfix(inner, "IS FALSE"),
            Expr::IsNotFalse(inner) => self.postfix(inner, "IS NOT FALSE"),
            Expr::IsUnknown(inner) => self.postfix(inner, "IS UNKNOWN"),
            Expr::IsNotUnknown(inner) => self.postfix(inner, "IS NOT UNKNOWN"),
            Expr::IsDistinctFrom(left, right) => self.two(left, "IS DISTINCT FROM", right),
            Expr::IsNotDistinctFrom(left, right) => self.two(left, "IS NOT DISTINCT FROM", right),
            Expr::InList { expr, list, negated } => {
                if list.is_empty() {
                    return Err(SqlError::not_allowed("an empty IN list"));
                }
                Ok(format!("{} {}IN ({})", self.expr(expr)?, not(*negated), self.exprs(list)?))
            }
            Expr::Between { expr, negated, low, high } => {
                let (expr, low, high) = (self.expr(expr)?, self.expr(low)?, self.expr(high)?);
                Ok(format!("{expr} {}BETWEEN {low} AND {high}", not(*negated)))
            }
            Expr::Like { negated, any: false, expr, pattern, escape_char } => {
                self.like(expr, *negated, "LIKE", pattern, escape_char.as_deref())
            }
            Expr::ILike { negated, any: false, expr, pattern, escape_char } => {
                self.like(expr, *negated, "ILIKE", pattern, escape_char.as_deref())
            }
            Expr::SimilarTo { negated, expr, pattern, escape_char: None } => {
                self.like(expr, *negated, "SIMILAR TO", pattern, None)
            }
            Expr::Cast { kind, expr, data_type, format: None } => self.cast(kind, expr, data_type),
            Expr::TypedString(typed) if !typed.uses_odbc_syntax => match &typed.value.value {
                value @ Value::SingleQuotedString(_) => {
                    Ok(format!("CAST({} AS {})", literal(value)?, type_sql(&typed.data_type)?))
                }
                _ => Err(SqlError::not_allowed("this kind of literal")),
            },
            Expr::Interval(interval) => self.interval(interval),
            Expr::Case { operand, conditions, else_result, .. } => {
                let mut out = String::from("CASE");
                if let Some(operand) = operand {
                    out += &format!(" {}", self.expr(operand)?);
                }
                for when in conditions {
                    out += &format!(" WHEN {} THEN {}", self.expr(&when.condition)?, self.expr(&when.result)?);
                }
                if let Some(result) = else_result {
                    out += &format!(" ELSE {}", self.expr(result)?);
                }
                Ok(out + " END")
            }
            Expr::Extract { field, syntax: ExtractSyntax::From, expr } => {
                Ok(format!("EXTRACT({} FROM {})", date_part(field)?, self.expr(expr)?))
            }
            Expr::Ceil { expr, field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => {
                Ok(format!("ceil({})", self.expr(expr)?))
            }
            Expr::Floor { expr, field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => {
                Ok(format!("floor({})", self.expr(expr)?))
            }
            Expr::Position { expr, r#in } => Ok(format!("POSITION({} IN {})", self.expr(expr)?, self.expr(r#in)?)),
            Expr::Substring { expr, substring_from, substring_for, .. } => {
                self.substring(expr, substring_from.as_deref(), substring_for.as_deref())
            }
            Expr::Trim { trim_where, trim_what, expr, trim_characters } => {
                self.trim(*trim_where, trim_what.as_deref(), expr, trim_characters.as_deref())
            }
            Expr::AtTimeZone { timestamp, time_zone } => self.two(timestamp, "AT TIME ZONE", time_zone),
            Expr::Function(function) => self.function(function),
            Expr::CompoundFieldAccess { root, access_chain } => self.access(root, access_chain),
            Expr::Array(array) => {
                let word = if array.named { "ARRAY" } else { "" };
                Ok(format!("{word}[{}]", self.exprs(&array.elem)?))
            }
            Expr::Tuple(parts) => Ok(format!("({})", self.exprs(parts)?)),
            Expr::Dictionary(fields) => {
                let fields: Result<Vec<String>, SqlError> = fields
                    .iter()
                    .map(|field| Ok(format!("{}: {}", text_literal(&field.key.value)?, self.expr(&field.value)?)))
                    .collect();
                Ok(format!("{{{}}}", fields?.join(", ")))
            }
            Expr::Map(map) => {
                let entries: Result<Vec<String>, SqlError> = map
                    .entries
                    .iter()
                    .map(|entry| Ok(format!("{}: {}", self.expr(&entry.key)?, self.expr(&entry.value)?)))
                    .collect();
                Ok(format!("MAP {{{}}}", entries?.join(", ")))
            }
            Expr::Collate { expr, collation } => {
                let name = collation.to_string().to_ascii_lowercase();
                let known = ["nocase", "noaccent", "nfc", "binary", "nocase.noaccent", "noaccent.nocase"];
                match known.into_iter().find(|known| *known == name) {
                    Some(known) => Ok(format!("{} COLLATE {known}", self.expr(expr)?)),
                    None => Err(SqlError::not_allowed(format!("collation {name:?}"))),
                }
            }
            _ => self.query_expr(expr),
        }
    }

    /// What only queries may say.
    fn query_expr(&mut self, expr: &Expr) -> Written {
        match expr {
            Expr::Subquery(query) => {
                self.query_only("a subquery")?;
                Ok(format!("({})", self.query(query)?))
            }
            Expr::Exists { subquery, negated } => {
                self.query_only("a subquery")?;
                Ok(format!("{}EXISTS ({})", not(*negated), self.query(subquery)?))
            }
            Expr::InSubquery { expr, subquery, negated } => {
                self.query_only("a subquery")?;
                Ok(format!("{} {}IN ({})", self.expr(expr)?, not(*negated), self.query(subquery)?))
            }
            Expr::AnyOp { left, compare_op, right, .. } => self.quantified(left, compare_op, "ANY", right),
            Expr::AllOp { left, compare_op, right } => self.quantified(left, compare_op, "ALL", right),
            Expr::Lambda(lambda) => self.lambda(lambda),
            Expr::GroupingSets(sets) => Ok(format!("GROUPING SETS ({})", self.sets(sets)?)),
            Expr::Cube(sets) => Ok(format!("CUBE ({})", self.sets(sets)?)),
            Expr::Rollup(sets) => Ok(format!("ROLLUP ({})", self.sets(sets)?)),
            Expr::Wildcard(_) | Expr::QualifiedWildcard(..) => Err(SqlError::not_allowed("`*`")),
            _ => Err(SqlError::not_allowed("this kind of expression")),
        }
    }

    /// Operators of one chain are a tree that leans left; it is walked in a loop, however long it is.
    fn chain(&mut self, expr: &Expr) -> Written {
        let mut tail = Vec::new();
        let mut leftmost = expr;
        while let Expr::BinaryOp { left, op, right } = leftmost {
            tail.push((binary(op)?, &**right));
            leftmost = left;
        }
        let mut out = self.expr(leftmost)?;
        for (op, right) in tail.into_iter().rev() {
            out.push(' ');
            out.push_str(op);
            out.push(' ');
            out.push_str(&self.expr(right)?);
        }
        Ok(out)
    }

    fn postfix(&mut self, inner: &Expr, words: &str) -> Written {
        Ok(format!("{} {words}", self.expr(inner)?))
    }

    fn two(&mut self, left: &Expr, words: &str, right: &Expr) -> Written {
        Ok(format!("{} {words} {}", self.expr(left)?, self.expr(right)?))
    }

    fn like(&mut self, expr: &Expr, negated: bool, word: &str, pattern: &Expr, escape: Option<&Expr>) -> Written {
        let mut out = format!("{} {}{word} {}", self.expr(expr)?, not(negated), self.expr(pattern)?);
        if let Some(escape) = escape {
            out += &format!(" ESCAPE {}", self.expr(escape)?);
        }
        Ok(out)
    }

    fn quantified(&mut self, left: &Expr, op: &BinaryOperator, word: &str, right: &Expr) -> Written {
        self.query_only("ANY or ALL")?;
        let right = match right {
            Expr::Subquery(query) => self.query(query)?,
            other => self.expr(other)?,
        };
        Ok(format!("{} {} {word} ({right})", self.expr(left)?, binary(op)?))
    }

    fn cast(&mut self, kind: &CastKind, expr: &Expr, data_type: &DataType) -> Written {
        let (expr, target) = (self.expr(expr)?, type_sql(data_type)?);
        match kind {
            CastKind::Cast => Ok(format!("CAST({expr} AS {target})")),
            CastKind::TryCast => Ok(format!("TRY_CAST({expr} AS {target})")),
            CastKind::DoubleColon => Ok(format!("{expr}::{target}")),
            CastKind::SafeCast => Err(SqlError::not_allowed("SAFE_CAST")),
        }
    }

    fn interval(&mut self, interval: &Interval) -> Written {
        let Interval { value, leading_field, leading_precision, last_field, fractional_seconds_precision } = interval;
        if leading_precision.is_some() || last_field.is_some() || fractional_seconds_precision.is_some() {
            return Err(SqlError::not_allowed("an interval with a precision"));
        }
        let value = self.expr(value)?;
        match leading_field {
            Some(field) => Ok(format!("INTERVAL {value} {}", date_part(field)?)),
            None => Ok(format!("INTERVAL {value}")),
        }
    }

    fn substring(&mut self, expr: &Expr, from: Option<&Expr>, length: Option<&Expr>) -> Written {
        let expr = self.expr(expr)?;
        let from = from.map(|from| self.expr(from)).transpose()?;
        let length = length.map(|length| self.expr(length)).transpose()?;
        match (from, length) {
            (Some(from), Some(length)) => Ok(format!("substring({expr}, {from}, {length})")),
            (Some(from), None) => Ok(format!("substring({expr}, {from})")),
            (None, Some(length)) => Ok(format!("substring({expr} FOR {length})")),
            (None, None) => Err(SqlError::not_allowed("substring of one argument")),
        }
    }

    fn trim(
        &mut self,
        side: Option<TrimWhereField>,
        what: Option<&Expr>,
        expr: &Expr,
        characters: Option<&[Expr]>,
    ) -> Written {
        let mut out = String::from("trim(");
        if let Some(side) = side {
            out += match side {
                TrimWhereField::Both => "BOTH ",
                TrimWhereField::Leading => "LEADING ",
                TrimWhereField::Trailing => "TRAILING ",
            };
        }
        if let Some(what) = what {
            out += &self.expr(what)?;
            out += " ";
        }
        if side.is_some() || what.is_some() {
            out += "FROM ";
        }
        out += &self.expr(expr)?;
        if let Some(characters) = characters {
            out += ", ";
            out += &self.exprs(characters)?;
        }
        Ok(out + ")")
    }

    fn access(&mut self, root: &Expr, chain: &[AccessExpr]) -> Written {
        let mut out = self.expr(root)?;
        for access in chain {
            match access {
                AccessExpr::Dot(Expr::Identifier(field)) => out += &format!(".{}", ident(field)?),
                AccessExpr::Dot(_) => return Err(SqlError::not_allowed("a call after a dot")),
                AccessExpr::Subscript(Subscript::Index { index }) => out += &format!("[{}]", self.expr(index)?),
                AccessExpr::Subscript(Subscript::Slice { lower_bound, upper_bound, stride }) => {
                    let mut bound = |bound: &Option<Expr>| -> Written {
                        bound.as_ref().map_or_else(|| Ok(String::new()), |expr| self.expr(expr))
                    };
                    out += &format!("[{}:{}", bound(lower_bound)?, bound(upper_bound)?);
                    if stride.is_some() {
                        out += &format!(":{}", bound(stride)?);
                    }
                    out.push(']');
                }
            }
        }
        Ok(out)
    }

    fn column(&mut self, parts: &[Ident]) -> Written {
        if let Names::Table(schema) = &self.names {
            let name = &parts[0].value;
            let column = schema.column(name);
            let column = column.ok_or_else(|| SqlError::new("column_not_found", format!("unknown column {name:?}")))?;
            if parts.len() > 1 && !matches!(column.column_type, ColumnType::Struct(_)) {
                return Err(SqlError::new("column_not_found", format!("column {name:?} has no fields")));
            }
            let mut out = quote::ident(&column.name);
            for part in &parts[1..] {
                out += &format!(".{}", ident(part)?);
            }
            return Ok(out);
        }
        if let [only] = parts {
            // Where no column has the name, the engine runs a function of the session, quoted or not.
            const SESSION: &[&str] =
                &["current_catalog", "current_role", "current_schema", "current_user", "session_user"];
            if SESSION.iter().any(|word| word.eq_ignore_ascii_case(&only.value)) {
                return Err(SqlError::new("function_not_allowed", format!("{} is not allowed", only.value)));
            }
        }
        // `bucket.table.column`, where the table has no alias of its own, means the alias we gave it.
        let folded: Vec<String> = parts.iter().map(|part| part.value.to_ascii_lowercase()).collect();
        let known =
            (2..folded.len()).rev().find_map(|end| self.qualified.get(&folded[..end]).map(|alias| (end, alias)));
        let (mut out, rest) = match known {
            Some((end, alias)) => (vec![quote::ident(alias)], &parts[end..]),
            None => (Vec::new(), parts),
        };
        for part in rest {
            out.push(ident(part)?);
        }
        Ok(out.join("."))
    }
}

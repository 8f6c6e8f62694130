//! Planners for tests.

use std::collections::BTreeSet;

use sqlparser::ast::{Expr, SelectItem, SetExpr, TableFactor, Value};

use crate::catalog::{Column, Relation};
use crate::message::error;
use crate::types::{ColumnType, Identifier, IntWidth, Type};
use crate::{Catalog, Message, PlannedView, Planner, SourceRange, ViewStatement, calls};

/// Says that every view has the one column `x INTEGER`, and not what it reads.
pub(super) struct Nothing;

impl Planner for Nothing {
    fn plan_view(&mut self, _: &Catalog, _: &ViewStatement) -> Result<PlannedView, Vec<Message>> {
        let kind = ColumnType { kind: Type::Int(IntWidth::Normal), is_nullable: true };
        Ok(PlannedView { columns: vec![Column::new(Identifier::folded("x"), kind)], ..PlannedView::default() })
    }
}

/// Knows the types of columns of tables and views, casts, intervals and literals, and refuses everything else.
pub(super) struct Columns;

impl Planner for Columns {
    fn plan_view(&mut self, catalog: &Catalog, view: &ViewStatement) -> Result<PlannedView, Vec<Message>> {
        let unknown = |range| vec![Message::error(error::NOT_YET_IMPLEMENTED, range, "no plain column")];
        let mut body = view.query.body.as_ref();
        while let SetExpr::SetOperation { left, .. } = body {
            body = left;
        }
        let SetExpr::Select(select) = body else {
            return Err(unknown(SourceRange::of(view.query.as_ref())));
        };
        let mut sources = Vec::new();
        for table in &select.from {
            let joined = table.joins.iter().map(|join| &join.relation);
            for factor in std::iter::once(&table.relation).chain(joined) {
                let TableFactor::Table { name, .. } = factor else {
                    return Err(unknown(SourceRange::of(factor)));
                };
                let name = Identifier::from(name.0[0].as_ident().expect("a name"));
                sources.push(catalog.relation(&name.name).expect("a relation that was looked up"));
            }
        }
        let (mut columns, mut reads) = (Vec::new(), BTreeSet::new());
        for item in &select.projection {
            let (expr, alias) = match item {
                SelectItem::Wildcard(_) => {
                    for source in &sources {
                        for column in source.columns() {
                            reads.insert((source.name().identifier.name.clone(), column.name.name.clone()));
                            columns.push(Column::new(column.name.clone(), column.column_type.clone()));
                        }
                    }
                    continue;
                }
                SelectItem::UnnamedExpr(expr) => (expr, None),
                SelectItem::ExprWithAlias { expr, alias } => (expr, Some(Identifier::from(alias))),
                _ => return Err(unknown(SourceRange::of(item))),
            };
            let (name, kind) = typed(expr, &sources, &mut reads)?;
            columns.push(Column::new(alias.or(name).unwrap_or_else(|| Identifier::folded("expr")), kind));
        }
        Ok(PlannedView { columns, warnings: Vec::new(), reads: Some(reads) })
    }
}

type Typed = Result<(Option<Identifier>, ColumnType), Vec<Message>>;

fn typed(expr: &Expr, sources: &[&Relation], reads: &mut BTreeSet<(String, String)>) -> Typed {
    let range = SourceRange::of(expr);
    let kind = match expr {
        Expr::Identifier(ident) => return column(&Identifier::from(ident), range, sources, reads),
        Expr::CompoundIdentifier(idents) => {
            return column(&Identifier::from(idents.last().expect("a part")), range, sources, reads);
        }
        Expr::Nested(inner) => return typed(inner, sources, reads),
        Expr::Function(call) if calls::is(call, calls::CAST) || calls::is(call, calls::INTERVAL) => {
            let mut arguments = calls::arguments(call);
            let Some(Expr::Value(kind)) = arguments.next() else {
                panic!("a type");
            };
            let Value::SingleQuotedString(kind) = &kind.value else {
                panic!("a type as text");
            };
            for argument in arguments {
                typed(argument, sources, reads)?;
            }
            kind.parse().expect("a type")
        }
        Expr::Value(value) => match &value.value {
            Value::Null => Type::Null,
            Value::SingleQuotedString(text) => Type::Char(text.chars().count() as u32),
            _ => Type::Int(IntWidth::Normal),
        },
        _ => return Err(vec![Message::error(error::NOT_YET_IMPLEMENTED, range, "no plain column")]),
    };
    Ok((None, ColumnType { kind, is_nullable: true }))
}

fn column(
    name: &Identifier,
    range: SourceRange,
    sources: &[&Relation],
    reads: &mut BTreeSet<(String, String)>,
) -> Typed {
    for source in sources {
        if let Some(column) = source.column(&name.name) {
            reads.insert((source.name().identifier.name.clone(), name.name.clone()));
            return Ok((Some(name.clone()), column.column_type.clone()));
        }
    }
    Err(vec![Message::error(error::COMPILATION, range, format!("{}: Column '{name}' not found", range.in_words()))])
}

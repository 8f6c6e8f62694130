//! The tables and views that a query reads.

use std::ops::ControlFlow;

use sqlparser::ast::{Expr, ObjectName, Query, TableFactor, Visit, Visitor};

use crate::calls;
use crate::position::SourceRange;
use crate::statement::Name;
use crate::types::Identifier;

/// Every mention of a table or view, in order; not those of common table expressions.
pub(crate) fn of(query: &Query) -> Vec<Name> {
    let mut finder = Finder::default();
    let _ = query.visit(&mut finder);
    finder.found
}

#[derive(Default)]
struct Finder {
    scopes: Vec<Scope>,
    found: Vec<Name>,
}

/// The common table expressions of a query that is being visited.
struct Scope {
    names: Vec<String>,
    /// Where their queries are in memory, to know them when the visit comes to them.
    queries: Vec<*const Query>,
    /// How many of them can be seen from where the visit is: each sees those before it.
    visible: usize,
}

impl Visitor for Finder {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if let Some((scope, at)) = self.expression(query) {
            scope.visible = at;
        }
        let tables = query.with.iter().flat_map(|with| &with.cte_tables);
        let names: Vec<String> = tables.clone().map(|table| Identifier::from(&table.alias.name).name).collect();
        let queries = tables.map(|table| std::ptr::from_ref::<Query>(&table.query)).collect();
        self.scopes.push(Scope { visible: names.len(), names, queries });
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.scopes.pop();
        if let Some((scope, at)) = self.expression(query) {
            scope.visible = at + 1;
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, args: None, .. } = factor {
            self.mention(name);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr
            && calls::is(function, calls::TABLE)
            && let Some(Expr::Identifier(table)) = calls::arguments(function).next()
        {
            self.mention(&ObjectName::from(vec![table.clone()]));
        }
        ControlFlow::Continue(())
    }
}

impl Finder {
    /// The scope in which the query is a common table expression, and which.
    fn expression(&mut self, query: &Query) -> Option<(&mut Scope, usize)> {
        let scope = self.scopes.last_mut()?;
        let at = scope.queries.iter().position(|known| std::ptr::eq(*known, query))?;
        Some((scope, at))
    }

    fn mention(&mut self, name: &ObjectName) {
        let idents: Vec<_> = name.0.iter().filter_map(|part| part.as_ident()).collect();
        let first = idents.first().map_or(SourceRange::UNKNOWN, |ident| SourceRange::of_span(ident.span));
        let range = idents.iter().fold(first, |range, ident| range.to(SourceRange::of_span(ident.span)));
        let identifier = match idents.as_slice() {
            [ident] => Identifier::from(*ident),
            _ => Identifier::quoted(&name.to_string()),
        };
        let is_seen = |scope: &Scope| scope.names[..scope.visible].contains(&identifier.name);
        if !self.scopes.iter().any(is_seen) {
            self.found.push(Name { identifier, range });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rstest::rstest;

    use super::*;
    use crate::dialect::Allowance;
    use crate::source::Source;
    use crate::statement::StatementKind;

    #[rstest]
    #[case("SELECT * FROM t, \"U\" JOIN v ON TRUE", &["t", "U", "v"])]
    #[case("SELECT (SELECT 1 FROM a) FROM b WHERE EXISTS (SELECT 1 FROM c) AND x IN (SELECT y FROM d)", &["a", "b", "c", "d"])]
    #[case("WITH a AS (SELECT * FROM t) SELECT * FROM a", &["t"])]
    #[case("WITH t AS (SELECT * FROM t) SELECT * FROM t", &["t"])]
    #[case("WITH a AS (SELECT * FROM b), b AS (SELECT * FROM a) SELECT * FROM a, b", &["b"])]
    #[case("WITH a AS (SELECT 1) SELECT * FROM (SELECT * FROM a) x, (WITH b AS (SELECT * FROM a) SELECT * FROM b) y, b", &["b"])]
    #[case("SELECT * FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(c), INTERVAL 1 DAY))", &["t"])]
    #[case("SELECT * FROM TABLE(TUMBLE(data => TABLE t, timecol => DESCRIPTOR(c), size => INTERVAL 1 DAY))", &["t"])]
    #[case("SELECT * FROM t, UNNEST(t.a) AS u(x)", &["t"])]
    #[case("SELECT * FROM s.t", &["s.t"])]
    #[case("SELECT 1 FROM a UNION SELECT 1 FROM b EXCEPT (SELECT 1 FROM c)", &["a", "b", "c"])]
    fn mentions_are_found(#[case] query: &str, #[case] names: &[&str]) {
        let text = format!("CREATE VIEW v AS {query}");
        let source = Source::new(&text);
        let (tokens, _) = crate::lexer::tokens(&text);
        let (statement, _) = crate::parse::statement(tokens, &source, &Arc::default(), &mut Allowance::default());
        let StatementKind::View(view) = statement.expect("a statement").kind else {
            panic!("a view");
        };
        let found = of(&view.query);
        assert!(found.iter().all(|name| source.slice(name.range).trim_matches('"') == name.identifier.name));
        let found: Vec<&str> = found.iter().map(|name| name.identifier.name.as_str()).collect();
        assert_eq!(found, names);
    }
}

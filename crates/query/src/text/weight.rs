//! How much a statement grows when the queries in its WITH are put where they are named.
//!
//! `WITH a AS (…), b AS (SELECT … FROM a, a), c AS (SELECT … FROM b, b) …` doubles with each line: a plan has the tree
//! of a query as often as it is named, so a short text could make a plan that no memory holds.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{ObjectName, Query, Statement, Visit, Visitor};

use crate::error::QueryError;

/// How many relations and queries a statement may have with all of them in their places.
pub(super) const RELATIONS_MAX: u64 = 1_000;

/// Refuses a statement that would grow too much.
pub(super) fn check(statement: &Statement) -> Result<(), QueryError> {
    let mut weigher = Weigher { frames: vec![Frame::default()] };
    let _: ControlFlow<()> = statement.visit(&mut weigher);
    match weigher.frames.first() {
        Some(all) if all.weight > RELATIONS_MAX => {
            Err(QueryError::rejected(format!("the statement reads more than {RELATIONS_MAX} relations")))
        }
        _ => Ok(()),
    }
}

/// One query that is being read.
#[derive(Default)]
struct Frame {
    /// The names in its WITH, folded, in their order.
    names: Vec<String>,
    /// How much those of them weigh that were read already.
    weights: Vec<u64>,
    /// What it weighs so far.
    weight: u64,
}

/// The frames of the query that is being read and of those around it, the outermost first.
struct Weigher {
    frames: Vec<Frame>,
}

impl Weigher {
    /// What a name in FROM weighs: an inner WITH hides an outer one.
    fn weight_of(&self, name: &str) -> u64 {
        for frame in self.frames.iter().rev() {
            let known = frame.names.iter().zip(&frame.weights).rev().find(|(each, _)| *each == name);
            if let Some((_, weight)) = known {
                return *weight;
            }
        }
        1
    }
}

impl Visitor for Weigher {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let tables = query.with.iter().flat_map(|with| &with.cte_tables);
        // Folding quoted names too counts rather too much than too little.
        let names = tables.map(|table| table.alias.name.value.to_lowercase()).collect();
        self.frames.push(Frame { names, weights: Vec::new(), weight: 1 });
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        let inner = self.frames.pop().map_or(0, |frame| frame.weight);
        if let Some(outer) = self.frames.last_mut() {
            // The queries of WITH come before all others.
            if outer.weights.len() < outer.names.len() {
                outer.weights.push(inner);
            } else {
                outer.weight = outer.weight.saturating_add(inner);
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        let weight = match relation.0.as_slice() {
            [part] => part.as_ident().map_or(1, |ident| self.weight_of(&ident.value.to_lowercase())),
            _ => 1,
        };
        if let Some(frame) = self.frames.last_mut() {
            frame.weight = frame.weight.saturating_add(weight);
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use datafusion::sql::sqlparser::{dialect::GenericDialect, parser::Parser};
    use rstest::rstest;

    use super::*;

    fn weight(text: &str) -> u64 {
        let statements = Parser::parse_sql(&GenericDialect {}, text).unwrap();
        let mut weigher = Weigher { frames: vec![Frame::default()] };
        let _: ControlFlow<()> = statements.visit(&mut weigher);
        weigher.frames[0].weight
    }

    #[rstest]
    #[case("SELECT 1", 1)]
    #[case("SELECT * FROM t", 2)]
    #[case("SELECT * FROM t, t AS u WHERE x IN (SELECT y FROM s)", 5)]
    #[case("WITH a AS (SELECT * FROM t) SELECT * FROM a", 3)]
    #[case("WITH a AS (SELECT * FROM t) SELECT * FROM A, a", 5)]
    #[case("WITH a AS (SELECT * FROM t), b AS (SELECT * FROM a, a) SELECT * FROM b, b", 11)]
    #[case("WITH a AS (SELECT * FROM t, t, t) SELECT (WITH a AS (SELECT 1) SELECT * FROM a)", 3)]
    #[case("WITH RECURSIVE a AS (SELECT 1 UNION ALL SELECT * FROM a) SELECT * FROM a", 3)]
    #[case("SELECT * FROM (WITH a AS (SELECT * FROM t) SELECT * FROM a) AS x, a", 5)]
    fn named_queries_weigh_as_often_as_they_are_named(#[case] text: &str, #[case] expected: u64) {
        assert_eq!(weight(text), expected);
    }

    #[test]
    fn doubling_is_refused() {
        let mut text = "WITH q0 AS (SELECT 1)".to_owned();
        for n in 0..70 {
            write!(text, ", q{} AS (SELECT * FROM q{n} AS l, q{n} AS r)", n + 1).unwrap();
        }
        text += " SELECT * FROM q70";
        assert_eq!(weight(&text), u64::MAX);
    }
}

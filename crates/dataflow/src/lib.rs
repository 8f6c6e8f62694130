//! Views kept up to date: from the queries of a program to plans, from plans to operations, from changes of tables to changes of views.
//!
//! A [`Program`] takes tables and views one after the other. The trees of the queries come from a parser; names, types and functions
//! are checked here, by the rules of the dialect and not by those of the planner underneath. A [`PartEngine`] runs a program: rows that are
//! pushed count from the next step on, and a step says exactly how each view changed, with a weight for each row: `1` came, `-1` went.
//!
//! What this crate never does: read or write files, streams or clocks. The time is a table like others.
//!
//! ```
//! use alluvium_dataflow::{Change, Engine, PartEngine, Program, Table, rows_from_texts, types::parse_type};
//! use alluvium_sql::types::{ColumnType, Field, Identifier};
//! use alluvium_sql::sqlparser::{ast::Statement, dialect::GenericDialect, parser::Parser};
//!
//! let column = |name: &str, kind: &str| Field {
//!     name: Identifier::folded(name),
//!     column_type: ColumnType { kind: parse_type(kind).unwrap(), is_nullable: true },
//! };
//! let sales = Table { name: "sales".into(), columns: vec![column("shop", "VARCHAR"), column("cents", "BIGINT")], key: vec![] };
//! let Ok([Statement::Query(query)]) =
//!     Parser::parse_sql(&GenericDialect {}, "SELECT shop, SUM(cents) AS total FROM sales GROUP BY shop").map(|all| <[_; 1]>::try_from(all).unwrap())
//! else {
//!     panic!("a query")
//! };
//!
//! let mut program = Program::new();
//! program.add_table(sales.clone()).unwrap();
//! program.add_view("totals", None, *query).unwrap();
//! let mut engine = PartEngine::new(program).unwrap();
//!
//! let rows = rows_from_texts(&sales, &[vec![Some("north"), Some("150")], vec![Some("north"), Some("50")]]).unwrap();
//! engine.push("sales", Change::insert(rows)).unwrap();
//! let step = engine.step().unwrap();
//! assert_eq!(step.views["totals"].to_texts(), [(vec![Some("north".into()), Some("200".into())], 1)]);
//! ```

extern crate datafusion_sqlparser as sqlparser;

mod aggregates;
mod circuit;
mod compiler;
mod description;
mod engine;
mod functions;
mod lateness;
mod numbers;
mod outline;
mod plan;
mod program;
mod texts;
pub mod types;
mod windows;

pub use alluvium_formats::Table;
pub use compiler::Compiler;
pub use engine::{
    Change, ChangeKind, Engine, Memory, OperationMemory, PartEngine, PushError, RejectedRows, Step, StepError, Zset,
};
pub use outline::{Changes, Outline, RelationOutline, TableOutline};
pub use plan::{Place, PlanError, PlanErrorKind};
pub use program::{CLOCK, Lateness, OperationInfo, Program, TableRules, View};
pub use texts::rows_from_texts;

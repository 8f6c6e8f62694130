//! Small programs and their rows, as texts.

#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use alluvium_dataflow::types::parse_type;
use alluvium_dataflow::{
    Change, ChangeKind, Engine, PartEngine, PlanError, Program, Step, StepError, Table, rows_from_texts,
};
use alluvium_sql::sqlparser::ast::{Query, Statement};
use alluvium_sql::sqlparser::dialect::GenericDialect;
use alluvium_sql::sqlparser::parser::Parser;
use alluvium_sql::types::{ColumnType, Field, Identifier};

/// A row as texts.
pub type Row = Vec<Option<String>>;

/// A table from `name TYPE[!]` parts, separated by `;`: with `!` a column is not nullable, with `!!` it is of the key.
pub fn table(name: &str, columns: &str) -> Table {
    let mut key = Vec::new();
    let columns = columns
        .split(';')
        .enumerate()
        .map(|(at, column)| {
            let (name, kind) = column.trim().split_once(' ').unwrap();
            if kind.ends_with("!!") {
                key.push(at);
            }
            let column_type =
                ColumnType { kind: parse_type(kind.trim_end_matches('!')).unwrap(), is_nullable: !kind.ends_with('!') };
            Field { name: Identifier::folded(name), column_type }
        })
        .collect();
    Table { name: name.to_owned(), columns, key }
}

/// A query's tree.
pub fn query(text: &str) -> Query {
    let statements = Parser::parse_sql(&GenericDialect {}, text).unwrap_or_else(|error| panic!("{text}: {error}"));
    match statements.into_iter().next().unwrap() {
        Statement::Query(query) => *query,
        other => panic!("{other}"),
    }
}

/// A program of tables and views.
pub fn program(tables: &[Table], views: &[(&str, &str)]) -> Result<Program, PlanError> {
    let mut program = Program::new();
    for table in tables {
        program.add_table(table.clone())?;
    }
    for (name, text) in views {
        program.add_view(name, None, query(text))?;
    }
    Ok(program)
}

/// A running program.
pub struct Running {
    pub tables: Vec<Table>,
    pub engine: PartEngine,
}

impl Running {
    pub fn new(tables: &[Table], views: &[(&str, &str)]) -> Self {
        let program = program(tables, views).unwrap_or_else(|error| panic!("{views:?}: {error:?}"));
        Self { tables: tables.to_vec(), engine: PartEngine::new(program).unwrap() }
    }

    /// Rows as `a,b;a,b`; an empty value is NULL.
    pub fn push(&mut self, table: &str, kind: ChangeKind, rows: &str) {
        let found = self.tables.iter().find(|each| each.name == table).unwrap();
        let rows: Vec<Vec<Option<&str>>> = rows
            .split(';')
            .filter(|row| !row.is_empty())
            .map(|row| row.split(',').map(|value| (!value.is_empty()).then_some(value)).collect())
            .collect();
        let batch = rows_from_texts(found, &rows).unwrap();
        let change = Change { kind, ..Change::insert(batch) };
        self.engine.push(table, change).unwrap();
    }

    pub fn insert(&mut self, table: &str, rows: &str) {
        self.push(table, ChangeKind::Insert, rows);
    }

    pub fn delete(&mut self, table: &str, rows: &str) {
        self.push(table, ChangeKind::Delete, rows);
    }

    pub fn step(&mut self) -> Result<Step, StepError> {
        self.engine.step()
    }

    /// The changes of a view in the next step, as `a,b*weight` lines.
    pub fn changes(&mut self, view: &str) -> Vec<String> {
        let step = self.engine.step().unwrap_or_else(|error| panic!("{error}"));
        step.views.get(view).map(|zset| lines(&zset.to_texts())).unwrap_or_default()
    }
}

/// Rows as `a,b*weight`.
pub fn lines(rows: &[(Row, i64)]) -> Vec<String> {
    rows.iter()
        .map(|(row, weight)| {
            let row: Vec<&str> = row.iter().map(|value| value.as_deref().unwrap_or("NULL")).collect();
            format!("{}*{weight}", row.join(","))
        })
        .collect()
}

/// The only value of a query without tables, as text; or the error of its step or of its plan.
pub fn value(expression: &str) -> Result<Option<String>, String> {
    let program = program(&[], &[("v", &format!("SELECT {expression} AS x"))]).map_err(|error| error.message)?;
    let mut engine = PartEngine::new(program).map_err(|error| error.message)?;
    let step = engine.step().map_err(|error| error.message)?;
    let rows = step.views["v"].to_texts();
    assert_eq!(rows.len(), 1, "{expression}");
    Ok(rows[0].0[0].clone())
}

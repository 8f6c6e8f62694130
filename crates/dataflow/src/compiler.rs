//! The planner that the front end of programs asks: each view it reads becomes a part of a [`Program`].

use std::collections::BTreeSet;

use alluvium_formats::Table;
use alluvium_sql::catalog::{Column, Relation, Table as CatalogTable};
use alluvium_sql::message::{error, warning};
use alluvium_sql::types::{Field, Identifier};
use alluvium_sql::{Catalog, Message, PlannedView, Planner, Position, SourceRange, ViewStatement};

use crate::lateness;
use crate::plan::{Place, PlanError, PlanErrorKind};
use crate::program::{Lateness, Program, TableRules};

/// Plans the views of a program while it is compiled.
///
/// ```
/// use alluvium_dataflow::{Compiler, PartEngine};
///
/// let mut compiler = Compiler::default();
/// let compiled = alluvium_sql::compile(
///     "CREATE TABLE t (a INT, b BIGINT); CREATE VIEW v AS SELECT a, SUM(b) AS s FROM t GROUP BY a;",
///     &mut compiler,
/// );
/// assert_eq!(compiled.exit_code(), 0, "{:?}", compiled.messages);
/// let engine = PartEngine::new(compiler.finish(&compiled.catalog).unwrap()).unwrap();
/// # drop(engine);
/// ```
#[derive(Default)]
pub struct Compiler {
    program: Program,
}

impl Compiler {
    /// The program, with the tables that no view reads too.
    pub fn finish(mut self, catalog: &Catalog) -> Result<Program, PlanError> {
        self.add_relations(catalog)?;
        Ok(self.program)
    }

    /// Adds what the catalogue has and the program has not: tables, the time, and what is told of errors.
    fn add_relations(&mut self, catalog: &Catalog) -> Result<(), PlanError> {
        for relation in catalog.relations() {
            let name = &relation.name().identifier.name;
            if self.program.has(name) {
                continue;
            }
            let columns = fields(relation.columns());
            match relation {
                Relation::Table(table) if table.is_system => {
                    if catalog.uses_now {
                        self.program.add_clock()?;
                    }
                }
                Relation::Table(table) => {
                    let key = table.primary_key.as_deref().unwrap_or_default();
                    let place = |name: &Identifier| table.columns.iter().position(|column| column.name == *name);
                    let key = key.iter().filter_map(place).collect();
                    let rules = rules(table, &columns).map_err(|error| error.in_range(table.name.range))?;
                    self.program.add_ruled_table(Table { name: name.clone(), columns, key }, rules)?;
                }
                Relation::View(view) if view.is_system => {
                    self.program.add_stream(Table { name: name.clone(), columns, key: Vec::new() })?;
                }
                // Views that are defined are in the program already, unless they failed.
                Relation::View(view) if view.is_declared && !view.is_defined => {
                    self.program.declare_view(name, columns)?;
                }
                Relation::View(_) => {}
            }
        }
        Ok(())
    }

    fn plan(&mut self, catalog: &Catalog, view: &ViewStatement) -> Result<PlannedView, PlanError> {
        self.add_relations(catalog)?;
        let name = &view.name.identifier.name;
        let columns: Vec<Identifier> = view.columns.iter().map(|column| column.identifier.clone()).collect();
        let named = (!columns.is_empty()).then_some(columns.as_slice());
        let planned = self.program.add_view(name, named, view.query.as_ref().clone())?;
        let recomputed: BTreeSet<&str> = planned.recomputed.iter().map(String::as_str).collect();
        let warnings = recomputed
            .into_iter()
            .map(|operation| {
                let message = format!("a change makes the {operation} of this view be computed anew as a whole");
                Message::warning(warning::NOT_INCREMENTAL, view.range, message)
            })
            .collect();
        let reads = planned.reads.clone();
        let columns =
            planned.columns.iter().map(|field| Column::new(field.name.clone(), field.column_type.clone())).collect();
        self.program.set_place(name, place(view.range));
        self.promise(catalog, view)?;
        Ok(PlannedView { columns, warnings, reads: Some(reads) })
    }
}

impl Compiler {
    /// What a view promises of its rows.
    fn promise(&mut self, catalog: &Catalog, view: &ViewStatement) -> Result<(), PlanError> {
        let name = &view.name.identifier.name;
        let columns = self.program.views().last().map(|planned| planned.columns.clone()).unwrap_or_default();
        let mut lateness = Vec::new();
        for said in catalog.lateness.iter().filter(|said| said.view.identifier.name == *name) {
            // What names no column is told by the front end.
            if let Some(column) = columns.iter().position(|column| column.name.name == said.column.identifier.name) {
                let distance = lateness::distance(&columns[column], said.lateness.expr.clone());
                lateness.push(Lateness {
                    column,
                    distance: distance.map_err(|error| error.in_range(said.lateness.range))?,
                });
            }
        }
        self.program.set_lateness(name, lateness)?;
        if let Some(property) = view.properties.iter().find(|property| property.key == "emit_final") {
            let wanted = &property.value;
            let column = columns
                .iter()
                .position(|column| column.name.name == *wanted || column.name.name == wanted.to_lowercase())
                .or_else(|| columns.iter().position(|column| Some(column.name.name.as_str()) == unquoted(wanted)))
                .or_else(|| wanted.parse().ok().filter(|at| *at < columns.len()));
            if let Some(column) = column {
                self.program.set_emit_final(name, column).map_err(|error| error.in_range(property.value_range))?;
            }
        }
        Ok(())
    }
}

fn unquoted(name: &str) -> Option<&str> {
    name.strip_prefix('"')?.strip_suffix('"')
}

/// What a table promises of its rows.
fn rules(table: &CatalogTable, columns: &[Field]) -> Result<TableRules, PlanError> {
    let mut rules = TableRules { is_append_only: table.is_append_only, ..TableRules::default() };
    for (at, (column, field)) in table.columns.iter().zip(columns).enumerate() {
        if let Some(watermark) = &column.watermark {
            return Err(PlanError::not_yet("WATERMARK is not there yet").in_range(watermark.range));
        }
        if let Some(term) = &column.lateness {
            let distance = lateness::distance(field, term.expr.clone()).map_err(|error| error.in_range(term.range))?;
            rules.lateness.push(Lateness { column: at, distance });
        }
    }
    Ok(rules)
}

impl PlanError {
    /// The error at a place, if it has none yet.
    fn in_range(mut self, range: SourceRange) -> Self {
        if !self.place.is_known() {
            self.place = place(range);
        }
        self
    }
}

impl Planner for Compiler {
    fn plan_view(&mut self, catalog: &Catalog, view: &ViewStatement) -> Result<PlannedView, Vec<Message>> {
        self.plan(catalog, view).map_err(|error| vec![message(&error, view.range)])
    }
}

fn fields(columns: &[Column]) -> Vec<Field> {
    columns.iter().map(|column| Field { name: column.name.clone(), column_type: column.column_type.clone() }).collect()
}

/// What is said of an error; one without a place is said of the whole view.
fn message(problem: &PlanError, whole: SourceRange) -> Message {
    let range = range(problem.place).unwrap_or(whole);
    let (kind, text) = match problem.kind {
        PlanErrorKind::Wrong => (error::COMPILATION, format!("{}: {}", range.in_words(), problem.message)),
        PlanErrorKind::NotYet => (error::NOT_YET_IMPLEMENTED, problem.message.clone()),
        PlanErrorKind::TooLarge | PlanErrorKind::Internal => (error::COMPILER, problem.message.clone()),
    };
    Message::error(kind, range, text)
}

fn place(range: SourceRange) -> Place {
    Place {
        start_line: u64::from(range.start.line),
        start_column: u64::from(range.start.column),
        end_line: u64::from(range.end.line),
        end_column: u64::from(range.end.column),
    }
}

fn range(place: Place) -> Option<SourceRange> {
    let position = |line: u64, column: u64| {
        Some(Position { line: u32::try_from(line).ok()?, column: u32::try_from(column).ok()? })
    };
    let start = position(place.start_line, place.start_column)?;
    let range = SourceRange { start, end: position(place.end_line, place.end_column)? };
    range.is_known().then_some(range)
}

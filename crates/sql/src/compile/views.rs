//! `DECLARE RECURSIVE VIEW` and `CREATE VIEW`.

use std::collections::{HashMap, HashSet};

use super::relations::is_inner;
use super::tables::COLUMNS_MAX;
use super::{Compiler, PlannedView, Refused, placed};
use crate::catalog::{Column, NOW_TABLE, Relation, View};
use crate::connectors::Direction;
use crate::message::{Message, error};
use crate::query::{self, frames, functions, references, refusals, warnings};
use crate::statement::{DeclareView, Name, ViewKind, ViewStatement};
use crate::types::{ColumnType, Identifier};

const PROPERTIES: &[&str] = &["connectors", "emit_final"];

impl Compiler<'_> {
    pub(super) fn declare(&mut self, statement: &DeclareView) -> Result<(), Refused> {
        Self::check_new_name(&statement.name)?;
        if self.catalog.relation(&statement.name.identifier.name).is_some() {
            return Err(Self::taken(&statement.name, "table or view"));
        }
        check_columns(statement.columns.iter().map(|(name, _)| name))?;
        if statement.columns.is_empty() {
            let message = "a declared view needs its columns";
            return Err(vec![Message::error(error::STATEMENT, statement.name.range, message)]);
        }
        let column = |(name, column_type): &(Name, ColumnType)| Column {
            range: name.range,
            ..Column::new(name.identifier.clone(), column_type.clone())
        };
        self.catalog.add(Relation::View(View {
            name: statement.name.clone(),
            kind: ViewKind::Plain,
            columns: statement.columns.iter().map(column).collect(),
            properties: Vec::new(),
            emit_final: None,
            reads: Vec::new(),
            is_declared: true,
            is_defined: false,
            is_system: false,
        }));
        Ok(())
    }

    /// Defines the view. Gives the statement as it was planned.
    pub(super) fn view(&mut self, mut statement: ViewStatement) -> Result<ViewStatement, Refused> {
        Self::check_new_name(&statement.name)?;
        let declared = self.declared(&statement.name)?;
        check_columns(statement.columns.iter())?;
        self.check_properties(&statement.properties, PROPERTIES, &[])?;
        self.prepare(&mut statement)?;
        let reads = self.reads(&statement)?;
        self.catalog.uses_now |= reads.iter().any(|name| name == NOW_TABLE);
        let planned = self.planner.plan_view(&self.catalog, &statement)?;
        let columns = self.columns(&statement, planned)?;
        if let Some(declared) = declared {
            check_declaration(&statement.name, &declared, &columns)?;
        }
        let emit_final = emit_final(&statement, &columns)?;
        let connectors = self.connectors(&statement.name, &statement.properties, Direction::Output)?;
        if statement.kind == ViewKind::Local && !connectors.is_empty() {
            let message = "a LOCAL view gives nothing out, so it has no connectors";
            return Err(vec![Message::error(error::STATEMENT, statement.name.range, message)]);
        }
        self.add_connectors(connectors, Direction::Output);
        let is_declared = self.catalog.relation(&statement.name.identifier.name).is_some();
        self.catalog.add(Relation::View(View {
            name: statement.name.clone(),
            kind: statement.kind,
            columns,
            properties: statement.properties.clone(),
            emit_final,
            reads,
            is_declared,
            is_defined: true,
            is_system: false,
        }));
        Ok(statement)
    }

    /// The columns with which the view was declared, if it was.
    fn declared(&self, name: &Name) -> Result<Option<Vec<Column>>, Refused> {
        match self.catalog.relation(&name.identifier.name) {
            None => Ok(None),
            Some(Relation::View(view)) if view.is_declared && !view.is_defined => Ok(Some(view.columns.clone())),
            Some(_) => Err(Self::taken(name, "table or view")),
        }
    }

    /// Brings the query into the form that planners get.
    fn prepare(&mut self, statement: &mut ViewStatement) -> Result<(), Refused> {
        let query = statement.query.as_mut();
        let refused = refusals::of(query);
        if !refused.is_empty() {
            return Err(refused);
        }
        warnings::of(query).into_iter().for_each(|warning| self.say(warning));
        if let Some(ignored) = query::drop_order(query) {
            self.say(ignored);
        }
        query::fetch_to_limit(query).map_err(|message| vec![message])?;
        if query::calls_any(query, &self.failed_functions) {
            return Err(Vec::new());
        }
        functions::expand(query, &self.catalog.functions, &mut self.expressions_left)
            .map_err(|message| vec![message])?;
        frames::plain_bounds(query);
        self.catalog.uses_now |= query::uses_now(query);
        Ok(())
    }

    /// The tables and views that the query reads.
    fn reads(&self, statement: &ViewStatement) -> Result<Vec<String>, Refused> {
        let mut refused = Vec::new();
        let mut is_about_failed = false;
        let mut reads = Vec::new();
        for name in references::of(&statement.query) {
            match self.known(&name) {
                Ok(_) => reads.push(name.identifier.name),
                Err(messages) => {
                    is_about_failed |= messages.is_empty();
                    refused.extend(messages);
                }
            }
        }
        if is_about_failed || !refused.is_empty() {
            return Err(refused);
        }
        reads.sort_unstable();
        reads.dedup();
        Ok(reads)
    }

    /// The columns of the view, with the names it gives them.
    fn columns(&mut self, statement: &ViewStatement, planned: PlannedView) -> Result<Vec<Column>, Refused> {
        self.is_anything_planned = true;
        placed(planned.warnings, statement.name.range).into_iter().for_each(|mut said| {
            said.warning = true;
            self.say(said);
        });
        match (&mut self.reads, planned.reads) {
            (Some(all), Some(reads)) => all.extend(reads),
            (all, _) => *all = None,
        }
        let mut columns = planned.columns;
        if columns.len() > COLUMNS_MAX {
            let message = format!("the view has {} columns; at most {COLUMNS_MAX} are allowed", columns.len());
            return Err(vec![Message::error(error::COMPILER, statement.name.range, message)]);
        }
        if statement.columns.is_empty() {
            fresh_names(&mut columns);
        } else if statement.columns.len() == columns.len() {
            for (column, name) in columns.iter_mut().zip(&statement.columns) {
                (column.name, column.range) = (name.identifier.clone(), name.range);
            }
        } else {
            let (named, queried) = (statement.columns.len(), columns.len());
            let message =
                format!("view '{}' names {named} columns, and its query has {queried}", statement.name.identifier);
            return Err(vec![Message::error(error::COMPILATION, statement.name.range, message)]);
        }
        let inner = columns.iter().find(|column| is_inner(&column.column_type.kind));
        if let Some(column) = inner.filter(|_| statement.kind != ViewKind::Local) {
            let message = format!(
                "column '{}' of view '{}' has type {}, which only a LOCAL view may have",
                column.name, statement.name.identifier, column.column_type.kind
            );
            return Err(vec![Message::error(error::ILLEGAL_TYPE, statement.name.range, message)]);
        }
        Ok(columns)
    }
}

/// Refuses a name that stands twice.
fn check_columns<'n>(mut names: impl Iterator<Item = &'n Name>) -> Result<(), Refused> {
    let mut seen = HashSet::new();
    match names.find(|name| !seen.insert(name.identifier.name.as_str())) {
        None => Ok(()),
        Some(twice) => {
            let message = format!("Column with name '{}' already defined", twice.identifier);
            Err(vec![Message::error(error::DUPLICATE_NAME, twice.range, message)])
        }
    }
}

/// Gives columns that repeat a name one with the first number behind it that makes a new one.
fn fresh_names(columns: &mut [Column]) {
    let mut taken: HashSet<String> = columns.iter().map(|column| column.name.name.clone()).collect();
    // The number with which to go on, by name.
    let mut seen: HashMap<String, usize> = HashMap::new();
    for column in columns {
        let Some(number) = seen.get_mut(&column.name.name) else {
            seen.insert(column.name.name.clone(), 0);
            continue;
        };
        let fresh = loop {
            let fresh = format!("{}{number}", column.name.name);
            *number += 1;
            if taken.insert(fresh.clone()) {
                break fresh;
            }
        };
        column.name.name = fresh;
    }
}

/// A view has the columns with which it was declared.
fn check_declaration(name: &Name, declared: &[Column], columns: &[Column]) -> Result<(), Refused> {
    let fits = |(declared, column): (&Column, &Column)| {
        declared.name.name == column.name.name
            && declared.column_type.kind == column.column_type.kind
            && (declared.column_type.is_nullable || !column.column_type.is_nullable)
    };
    if declared.len() == columns.len() && declared.iter().zip(columns).all(fits) {
        return Ok(());
    }
    let list = |columns: &[Column]| -> String {
        let columns: Vec<String> =
            columns.iter().map(|column| format!("{} {}", column.name, column.column_type)).collect();
        columns.join(", ")
    };
    let message = format!(
        "view '{}' has the columns ({}), and was declared with ({})",
        name.identifier,
        list(columns),
        list(declared)
    );
    Err(vec![Message::error(error::COMPILATION, name.range, message)])
}

/// The column that `emit_final` names, by name or by number from 0.
fn emit_final(statement: &ViewStatement, columns: &[Column]) -> Result<Option<Identifier>, Refused> {
    let Some(property) = statement.properties.iter().find(|property| property.key == "emit_final") else {
        return Ok(None);
    };
    let refused = |message: String| vec![Message::error(error::STATEMENT, property.value_range, message)];
    if statement.kind == ViewKind::Local {
        return Err(refused("a LOCAL view gives nothing out, so it has no 'emit_final'".to_owned()));
    }
    let by_number = property.value.parse::<usize>().ok().and_then(|number| columns.get(number));
    let named = |column: &&Column| match property.value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => column.name.name == quoted,
        None => column.name.name == property.value || column.name.name == property.value.to_lowercase(),
    };
    match columns.iter().find(named).or(by_number) {
        Some(column) => Ok(Some(column.name.clone())),
        None => Err(refused(format!("view '{}' has no column '{}'", statement.name.identifier, property.value))),
    }
}

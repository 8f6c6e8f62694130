//! What can only be checked once the whole program is known.

use std::collections::HashSet;

use super::Compiler;
use super::tables::is_ordered;
use crate::catalog::{Connector, Relation, Table};
use crate::message::{Message, error, warning};
use crate::statement::LatenessStatement;

impl Compiler<'_> {
    pub(super) fn check_the_whole(&mut self) {
        for statement in std::mem::take(&mut self.lateness) {
            if let Err(messages) = self.view_lateness(&statement) {
                messages.into_iter().for_each(|message| self.say(message));
            }
        }
        let foreign_keys = self.foreign_keys();
        let declarations = self.declarations();
        let indexes: Vec<Message> = self.catalog.outputs.values().filter_map(|output| self.index_of(output)).collect();
        foreign_keys.into_iter().chain(declarations).chain(indexes).for_each(|message| self.say(message));
        self.unused_columns();
    }

    fn view_lateness(&mut self, statement: &LatenessStatement) -> Result<(), Vec<Message>> {
        let lateness = self.constant(&statement.lateness, "LATENESS")?;
        let view = &statement.view;
        if !matches!(self.known(view)?, Relation::View(view) if !view.is_system) {
            let message = "the LATENESS of a table's column stands in its definition";
            return Err(vec![Message::error(error::STATEMENT, view.range, message)]);
        }
        let relation = self.catalog.relation_mut(&view.identifier.name);
        let mut columns = relation.map(Relation::columns_mut).into_iter().flatten();
        let Some(column) = columns.find(|column| column.name.name == statement.column.identifier.name) else {
            return Err(vec![Message::not_found(statement.column.range, &statement.column.identifier.name)]);
        };
        if !is_ordered(&column.column_type.kind) {
            let message = format!("a column of type {} has no LATENESS", column.column_type.kind);
            return Err(vec![Message::error(error::STATEMENT, statement.lateness.range, message)]);
        }
        if column.lateness.replace(lateness).is_some() {
            let message = format!("column '{}' has two times LATENESS", column.name);
            return Err(vec![Message::error(error::STATEMENT, statement.column.range, message)]);
        }
        Ok(())
    }

    fn foreign_keys(&self) -> Vec<Message> {
        let keys = self.catalog.tables().flat_map(|table| &table.foreign_keys);
        keys.flat_map(|key| match self.known(&key.table) {
            Err(messages) => messages,
            Ok(relation) => {
                let unknown = key.to.iter().filter(|name| relation.column(&name.identifier.name).is_none());
                unknown.map(|name| Message::not_found(name.range, &name.identifier.name)).collect()
            }
        })
        .collect()
    }

    /// Declared views that are not defined, or that nothing needs to have declared.
    fn declarations(&self) -> Vec<Message> {
        let read: HashSet<&str> = self.catalog.views().flat_map(|view| view.reads.iter().map(String::as_str)).collect();
        let views = self.catalog.relations().filter_map(|relation| match relation {
            Relation::View(view) if view.is_declared => Some(view),
            _ => None,
        });
        let mut messages = Vec::new();
        for view in views {
            let (name, range) = (&view.name.identifier, view.name.range);
            let is_read = read.contains(name.name.as_str());
            if !view.is_defined && is_read && !self.failed.contains(&name.name) {
                let message = format!("view '{name}' is declared and read, but never defined");
                messages.push(Message::error(error::COMPILATION, range, message));
            } else if !is_read && !self.failed.contains(&name.name) {
                let message = format!("view '{name}' is declared, but no view needs the declaration");
                messages.push(Message::warning(warning::UNUSED_DECLARATION, range, message));
            }
        }
        messages
    }

    /// A connector names an index of its view.
    fn index_of(&self, connector: &Connector) -> Option<Message> {
        let index = connector.config.get("index")?.as_str()?;
        let found = self.catalog.indexes.get(index).or_else(|| self.catalog.indexes.get(&index.to_lowercase()));
        if found.is_some_and(|found| found.relation == connector.relation) {
            return None;
        }
        let message = format!("'{}' has no index '{index}', which its connector names", connector.relation);
        Some(Message::error(error::CONNECTOR, connector.range, message))
    }

    /// Marks and tells the columns of tables that no view reads, if the planner knows of every view.
    fn unused_columns(&mut self) {
        let (Some(reads), true) = (self.reads.take(), self.is_anything_planned) else {
            return;
        };
        if self.messages.iter().any(|message| !message.warning) {
            return;
        }
        let mut warnings = Vec::new();
        for table in self.catalog.tables_mut().filter(|table| !table.is_materialized && !table.is_system) {
            let Table { name, columns, primary_key, .. } = table;
            let keys = primary_key.iter().flatten().collect::<HashSet<_>>();
            for column in columns.iter_mut().filter(|column| !keys.contains(&column.name)) {
                let read = (name.identifier.name.clone(), column.name.name.clone());
                column.is_unused = !reads.contains(&read);
                if column.is_unused {
                    let message = format!("column '{}' of table '{}' is read by no view", column.name, name.identifier);
                    warnings.push(Message::warning(warning::UNUSED_COLUMN, column.range, message));
                }
            }
        }
        warnings.into_iter().for_each(|warning| self.say(warning));
    }
}

//! `CREATE TABLE`.

use std::collections::HashSet;

use super::relations::{is_inner, is_set};
use super::{Compiler, Refused};
use crate::catalog::{Column, Relation, Table};
use crate::connectors::Direction;
use crate::message::{Message, error};
use crate::statement::{ColumnStatement, Name, TableStatement};
use crate::types::{ColumnType, Identifier, Type};

/// How many columns a table or view may have.
pub const COLUMNS_MAX: usize = 10_000;

const PROPERTIES: &[&str] = &["connectors", "expected_size"];
const FLAGS: &[&str] = &["materialized", "append_only", "skip_unused_columns", "stored"];

impl Compiler<'_> {
    pub(super) fn table(&mut self, statement: &TableStatement) -> Result<(), Refused> {
        Self::check_new_name(&statement.name)?;
        if self.catalog.relation(&statement.name.identifier.name).is_some() {
            return Err(Self::taken(&statement.name, "table or view"));
        }
        check_names(statement)?;
        let primary_key = primary_key(statement)?;
        self.check_properties(&statement.properties, PROPERTIES, FLAGS)?;
        expected_size(statement)?;
        let mut columns = Vec::new();
        for column in &statement.columns {
            let is_key = primary_key.as_ref().is_some_and(|key| key.contains(&column.name.identifier));
            columns.push(self.column(column, is_key)?);
        }
        let connectors = self.connectors(&statement.name, &statement.properties, Direction::Input)?;
        self.add_connectors(connectors, Direction::Input);
        self.catalog.add(Relation::Table(Table {
            name: statement.name.clone(),
            columns,
            primary_key,
            foreign_keys: statement.foreign_keys.clone(),
            properties: statement.properties.clone(),
            is_materialized: is_set(&statement.properties, "materialized"),
            is_append_only: is_set(&statement.properties, "append_only"),
            is_system: false,
        }));
        Ok(())
    }

    fn column(&mut self, column: &ColumnStatement, is_key: bool) -> Result<Column, Refused> {
        if is_inner(&column.kind) {
            let message = format!("a column of a table cannot be of type {}", column.kind);
            return Err(vec![Message::error(error::ILLEGAL_TYPE, column.kind_range, message)]);
        }
        if is_key && column.is_nullable == Some(true) {
            let message =
                format!("PRIMARY KEY column '{}' has type {}, which is nullable", column.name.identifier, column.kind);
            return Err(vec![Message::error(error::NULLABLE_KEY, column.range, message)]);
        }
        for (term, what) in [(&column.lateness, "LATENESS"), (&column.watermark, "WATERMARK")] {
            if let Some(term) = term
                && !is_ordered(&column.kind)
            {
                let message = format!("a column of type {} has no {what}", column.kind);
                return Err(vec![Message::error(error::STATEMENT, term.range, message)]);
            }
        }
        let mut constant = |term: &Option<_>, what| term.as_ref().map(|term| self.constant(term, what)).transpose();
        Ok(Column {
            name: column.name.identifier.clone(),
            column_type: ColumnType {
                kind: column.kind.clone(),
                is_nullable: !is_key && column.is_nullable.unwrap_or(true),
            },
            lateness: constant(&column.lateness, "LATENESS")?,
            watermark: constant(&column.watermark, "WATERMARK")?,
            default: constant(&column.default, "DEFAULT")?,
            is_unused: false,
            range: column.name.range,
        })
    }
}

/// Whether values of the type can come late.
pub(super) fn is_ordered(kind: &Type) -> bool {
    matches!(
        kind,
        Type::Int(_)
            | Type::UInt(_)
            | Type::Decimal(..)
            | Type::Real
            | Type::Double
            | Type::Date
            | Type::Time
            | Type::Timestamp
            | Type::TimestampTz
    )
}

/// Refuses columns of one name, and keys of columns that do not exist.
fn check_names(statement: &TableStatement) -> Result<(), Refused> {
    if statement.columns.len() > COLUMNS_MAX {
        let message = format!("the table has {} columns; at most {COLUMNS_MAX} are allowed", statement.columns.len());
        return Err(vec![Message::error(error::COMPILER, statement.name.range, message)]);
    }
    let mut names = HashSet::new();
    for column in &statement.columns {
        if !names.insert(column.name.identifier.name.as_str()) {
            let message = format!("Column with name '{}' already defined", column.name.identifier);
            return Err(vec![Message::error(error::DUPLICATE_NAME, column.name.range, message)]);
        }
    }
    let of_keys = statement.keys.iter().flat_map(|key| &key.columns);
    let of_foreign_keys = statement.foreign_keys.iter().flat_map(|key| &key.columns);
    let unknown: Vec<Message> = of_keys
        .chain(of_foreign_keys)
        .filter(|name| !names.contains(name.identifier.name.as_str()))
        .map(|name| Message::not_found(name.range, &name.identifier.name))
        .collect();
    if unknown.is_empty() { Ok(()) } else { Err(unknown) }
}

fn primary_key(statement: &TableStatement) -> Result<Option<Vec<Identifier>>, Refused> {
    let Some((first, others)) = statement.keys.split_first() else {
        return Ok(None);
    };
    if let Some(second) = others.first() {
        let message = format!("table '{}' has two primary keys", statement.name.identifier);
        return Err(vec![Message::error(error::DUPLICATE_KEY, second.range, message)]);
    }
    let mut seen = HashSet::new();
    let twice: Option<&Name> = first.columns.iter().find(|name| !seen.insert(&name.identifier.name));
    if let Some(twice) = twice {
        let message = format!("column '{}' stands twice in the primary key", twice.identifier);
        return Err(vec![Message::error(error::DUPLICATE_KEY, twice.range, message)]);
    }
    Ok(Some(first.columns.iter().map(|name| name.identifier.clone()).collect()))
}

fn expected_size(statement: &TableStatement) -> Result<(), Refused> {
    match statement.properties.iter().find(|property| property.key == "expected_size") {
        Some(property) if property.value.parse::<u64>().is_err() => {
            let message = format!("the property 'expected_size' is a whole number, not '{}'", property.value);
            Err(vec![Message::error(error::STATEMENT, property.value_range, message)])
        }
        _ => Ok(()),
    }
}

//! What tables and views have in common: names, properties, connectors.

use super::{Compiler, Refused};
use crate::catalog::{Connector, Relation};
use crate::connectors::{self, Direction};
use crate::message::{Message, error, warning};
use crate::query::{self, functions, refusals};
use crate::statement::{Name, Property, Term};
use crate::types::Type;

impl Compiler<'_> {
    /// The table or view of that name. Nothing is said if what defines it was refused.
    pub(super) fn known(&self, name: &Name) -> Result<&Relation, Refused> {
        match self.catalog.relation(&name.identifier.name) {
            Some(relation) => Ok(relation),
            None if self.failed.contains(&name.identifier.name) => Err(Vec::new()),
            None => Err(vec![Message::not_found(name.range, &name.identifier.name)]),
        }
    }

    /// An expression that depends on no column: of LATENESS, WATERMARK, DEFAULT.
    pub(super) fn constant(&mut self, term: &Term, what: &str) -> Result<Term, Refused> {
        let mut refused = refusals::of(&term.expr);
        if let Some(range) = query::first_query(&term.expr) {
            refused.push(Message::error(error::STATEMENT, range, format!("{what} cannot be a query")));
        }
        if let Some(range) = query::first_name(&term.expr) {
            refused.push(Message::error(error::STATEMENT, range, format!("{what} cannot name a column")));
        }
        if !refused.is_empty() {
            return Err(refused);
        }
        let mut term = term.clone();
        functions::expand(&mut term.expr, &self.catalog.functions, &mut self.expressions_left)
            .map_err(|message| vec![message])?;
        self.catalog.uses_now |= query::uses_now(&term.expr);
        Ok(term)
    }

    /// Checks the properties, warns of those that `known` does not have.
    pub(super) fn check_properties(
        &mut self,
        properties: &[Property],
        known: &[&str],
        flags: &[&str],
    ) -> Result<(), Refused> {
        for property in properties {
            let Property { key, value, key_range, value_range } = property;
            if flags.contains(&key.as_str()) && !matches!(value.as_str(), "true" | "false") {
                let message = format!("the property '{key}' is 'true' or 'false', not '{value}'");
                return Err(vec![Message::error(error::STATEMENT, *value_range, message)]);
            }
            if !known.contains(&key.as_str()) && !flags.contains(&key.as_str()) {
                let message = format!("the property '{key}' has no effect here");
                self.say(Message::warning(warning::UNKNOWN_PROPERTY, *key_range, message));
            }
        }
        Ok(())
    }

    /// The connectors that the properties describe.
    pub(super) fn connectors(
        &mut self,
        name: &Name,
        properties: &[Property],
        direction: Direction,
    ) -> Result<Vec<Connector>, Refused> {
        let Some(property) = properties.iter().find(|property| property.key == "connectors") else {
            return Ok(Vec::new());
        };
        let mut messages = Vec::new();
        let found = connectors::parse(&name.identifier, property, direction, self.source, &mut messages);
        if messages.iter().any(|message| !message.warning) {
            return Err(messages);
        }
        messages.into_iter().for_each(|message| self.say(message));
        for connector in &found {
            let endpoint = endpoint(connector);
            let all = if direction == Direction::Input { &self.catalog.inputs } else { &self.catalog.outputs };
            if all.contains_key(&endpoint) {
                let message = format!("there are two connectors of the name '{endpoint}'");
                return Err(vec![Message::error(error::CONNECTOR, property.value_range, message)]);
            }
        }
        Ok(found)
    }

    pub(super) fn add_connectors(&mut self, connectors: Vec<Connector>, direction: Direction) {
        let all = if direction == Direction::Input { &mut self.catalog.inputs } else { &mut self.catalog.outputs };
        all.extend(connectors.into_iter().map(|connector| (endpoint(&connector), connector)));
    }
}

fn endpoint(connector: &Connector) -> String {
    format!("{}.{}", connector.relation.name, connector.name)
}

/// Whether the property is 'true'.
pub(super) fn is_set(properties: &[Property], key: &str) -> bool {
    properties.iter().any(|property| property.key == key && property.value == "true")
}

/// Whether a value of the type holds an interval or nothing but NULL, which only views that stay inside may have.
pub(super) fn is_inner(kind: &Type) -> bool {
    match kind {
        Type::Interval(_) | Type::Null => true,
        Type::Array(element) => is_inner(element),
        Type::Map(key, value) => is_inner(key) || is_inner(value),
        Type::Row(fields) => fields.iter().any(|field| is_inner(&field.column_type.kind)),
        _ => false,
    }
}

//! The fields of a record.

use std::fmt::Write as _;

use alluvium_avro::{Field, Json, NodeId, Order, Record, Type};

use super::types::Mapped;
use super::{Emitter, default, lines};
use crate::generate::names::{camel, identifier, snake, unique};

/// The text of a struct's fields, and what must stand after the struct.
#[derive(Default)]
pub(super) struct Fields {
    pub body: String,
    pub after: String,
}

impl Emitter<'_> {
    pub(super) fn fields(&mut self, id: NodeId, owner: &str, record: &Record) -> Result<Fields, String> {
        let mut text = Fields::default();
        let styled = |field: &Field| if self.is_kit() { snake(&field.name) } else { field.name.clone() };
        let names = unique(record.fields.iter().map(styled).collect::<Vec<_>>());
        for (field, name) in record.fields.iter().zip(names) {
            let place = format!("{owner}{}", camel(&field.name));
            let first_default = field.default.as_ref().is_some_and(|default| *default != Json::Null);
            let mapped = self.of_field(id, &place, field.kind, first_default)?;
            if self.is_kit() {
                self.of_kit(&mut text.body, field, &name, mapped);
            } else {
                self.of_contract(&mut text, owner, field, &mapped)?;
            }
        }
        Ok(text)
    }

    fn of_kit(&mut self, body: &mut String, field: &Field, name: &str, mapped: Mapped) {
        lines(body, "    ", field.doc.as_deref());
        let Mapped { text, mut attributes, serde } = mapped;
        let ident = identifier(name);
        let mut of_serde: Vec<String> = serde.map(|with| format!("with = {with:?}")).into_iter().collect();
        if ident.trim_start_matches("r#") != field.name {
            of_serde.insert(0, format!("rename = {:?}", field.name));
        }
        attributes.extend(field.aliases.iter().map(|alias| format!("alias = {alias:?}")));
        match &field.default {
            // An optional value has this default anyway.
            Some(Json::Null) if text.starts_with("Option<") => {}
            Some(value) => attributes.push(format!("default = {}", default::literal(value))),
            None if text.starts_with("Option<") => {
                self.note(&field.name, "an optional field gets the default null in a derived schema");
            }
            None => {}
        }
        if field.order != Order::Ascending {
            attributes.push(format!("order = {:?}", field.order.as_str()));
        }
        for (key, parts) in [("serde", of_serde), ("avro", attributes)] {
            if !parts.is_empty() {
                let _ = writeln!(body, "    #[{key}({})]", parts.join(", "));
            }
        }
        if !field.attributes.is_empty() {
            let lost: Vec<&str> = field.attributes.iter().map(|(key, _)| key.as_str()).collect();
            self.note(&field.name, format!("no place for the attributes {}", lost.join(", ")));
        }
        let _ = writeln!(body, "    pub {ident}: {text},");
    }

    fn of_contract(&mut self, text: &mut Fields, owner: &str, field: &Field, mapped: &Mapped) -> Result<(), String> {
        let name = &field.name;
        let Some(doc) = &field.doc else { return Err(format!("`{name}` wants a `doc`")) };
        lines(&mut text.body, "    ", Some(doc));
        match &field.default {
            None => {}
            Some(value) if default::is_rusts_own(value) => text.body.push_str("    #[serde(default)]\n"),
            Some(value) => {
                let function = format!("default_{owner}_{name}");
                let _ = writeln!(text.body, "    #[serde(default = \"{function}\")]");
                let is_text = matches!(self.schema.node(field.kind).kind, Type::String);
                let literal = default::expression(value, is_text)?;
                let _ = writeln!(
                    text.after,
                    "#[allow(non_snake_case)]\nfn {function}() -> {} {{ {literal} }}\n",
                    mapped.text
                );
            }
        }
        if let Some(with) = mapped.serde {
            let _ = writeln!(text.body, "    #[serde(with = {with:?})]");
        }
        let _ = writeln!(text.body, "    pub {}: {},", identifier(name), mapped.text);
        Ok(())
    }
}

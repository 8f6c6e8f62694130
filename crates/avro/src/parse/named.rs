//! Records, enums and fixed types.

use std::collections::HashSet;

use super::types::RESERVED;
use super::{Fault, Members, NULL, Reading, Step, Waiting, logical, primitive};
use crate::json::{Spanned, SpannedValue};
use crate::name::{Name, is_valid_name};
use crate::schema::{Enum, Field, Fixed, Node, NodeId, Order, Record, Type};

const FIELD_RESERVED: [&str; 6] = ["default", "doc", "name", "order", "type", "aliases"];

/// As RESERVED, and `default`, which only enums have.
const ENUM_RESERVED: [&str; 11] =
    ["default", "doc", "fields", "items", "name", "namespace", "size", "symbols", "values", "type", "aliases"];

impl<'j> Reading<'_, '_, 'j> {
    pub(super) fn record(&mut self, members: Members<'j>, space: Option<&str>, error: bool) -> NodeId {
        let name = self.name(members, space);
        let aliases = self.aliases(members, &name);
        let doc = members.doc();
        let kind = Type::Record(Record { name: name.clone(), aliases, fields: Vec::new(), error, by_name: Vec::new() });
        let attributes = members.others(&RESERVED);
        let id = self.define(&name, members, Node { kind, logical: None, doc, attributes, external: false });
        let fields = self.fields(members, &name);
        let mut by_name: Vec<u32> = (0..fields.len() as u32).collect();
        by_name.sort_by(|a, b| fields[*a as usize].name.cmp(&fields[*b as usize].name));
        if let Type::Record(record) = &mut self.parser.nodes[id.0 as usize].kind {
            record.fields = fields;
            record.by_name = by_name;
        }
        id
    }

    fn fields(&mut self, members: Members<'j>, record: &Name) -> Vec<Field> {
        let Some(fields) = members.get("fields") else {
            self.find(Fault::Attribute, members.at, format!("the record {record} wants the attribute \"fields\""));
            return Vec::new();
        };
        let SpannedValue::Array(items) = &fields.value else {
            self.within(Step::Key("fields"), |this| {
                this.find(Fault::Attribute, fields.at, "\"fields\" is an array of fields");
            });
            return Vec::new();
        };
        let mut seen = HashSet::with_capacity(items.len());
        let mut kept = Vec::with_capacity(items.len());
        self.path.push(Step::Key("fields"));
        for (index, item) in items.iter().enumerate() {
            self.path.push(Step::Index(index));
            if let Some(field) = self.field(item, record) {
                if seen.insert(field.name.clone()) {
                    kept.push(field);
                } else {
                    let name = &field.name;
                    self.find(Fault::Duplicate, item.at, format!("Duplicate field {name} in record {record}"));
                }
            }
            self.path.pop();
        }
        self.path.pop();
        kept
    }

    fn field(&mut self, item: &'j Spanned, record: &Name) -> Option<Field> {
        let SpannedValue::Object(list) = &item.value else {
            self.find(Fault::Attribute, item.at, "a field is an object with \"name\" and \"type\"");
            return None;
        };
        let members = Members { at: item.at, list };
        self.repeated(members);
        let Some((name, at)) = self.text(members, "name") else {
            self.find(Fault::Attribute, item.at, "No field name: a field wants the attribute \"name\"");
            return None;
        };
        self.valid(name, at, "name");
        let kind = if let Some(kind) = members.get("type") {
            self.within(Step::Key("type"), |this| this.schema(kind, record.namespace()))
        } else {
            self.find(Fault::Attribute, item.at, format!("No field type: the field {name} wants \"type\""));
            NULL
        };
        let default = list.iter().rev().find(|(key, _)| key.value == "default").map(|(_, value)| value);
        if let Some(value) = default.filter(|_| self.strict()) {
            let pointer = self.within(Step::Key("default"), |this| this.pointer());
            self.waiting.push(Waiting { kind, value, pointer, field: name });
        }
        Some(Field {
            name: name.to_owned(),
            kind,
            doc: members.doc(),
            default: default.map(|value| value.value.to_json()),
            order: self.order(members),
            aliases: self.texts(members, "aliases").into_iter().map(|(alias, _)| alias.to_owned()).collect(),
            attributes: members.others(&FIELD_RESERVED),
        })
    }

    fn order(&mut self, members: Members<'j>) -> Order {
        let Some((order, at)) = self.text(members, "order") else { return Order::default() };
        match order.to_ascii_lowercase().as_str() {
            "ascending" => Order::Ascending,
            "descending" => Order::Descending,
            "ignore" => Order::Ignore,
            _ => {
                self.within(Step::Key("order"), |this| {
                    this.find(Fault::Attribute, at, "\"order\" is ascending, descending or ignore");
                });
                Order::default()
            }
        }
    }

    pub(super) fn enumeration(&mut self, members: Members<'j>, space: Option<&str>) -> NodeId {
        let name = self.name(members, space);
        let aliases = self.aliases(members, &name);
        if members.get("symbols").is_none() {
            self.find(Fault::Attribute, members.at, format!("the enum {name} wants the attribute \"symbols\""));
        }
        let mut seen = HashSet::new();
        let mut symbols = Vec::new();
        self.path.push(Step::Key("symbols"));
        for (index, (symbol, at)) in self.symbols(members).into_iter().enumerate() {
            self.path.push(Step::Index(index));
            if self.strict() && !is_valid_name(symbol) {
                self.invalid(symbol, at);
            }
            if !seen.insert(symbol) {
                self.find(Fault::Duplicate, at, format!("Duplicate enum symbol: {symbol}"));
            }
            self.path.pop();
            symbols.push(symbol.to_owned());
        }
        self.path.pop();
        let default = self.text(members, "default").map(|(default, at)| {
            if self.strict() && !seen.contains(default) {
                self.within(Step::Key("default"), |this| {
                    this.find(
                        Fault::Default,
                        at,
                        format!("The Enum Default: {default} is not in the enum symbol set of {name}"),
                    );
                });
            }
            default.to_owned()
        });
        let (doc, attributes) = (members.doc(), members.others(&ENUM_RESERVED));
        let kind = Type::Enum(Enum { name: name.clone(), aliases, symbols, default });
        self.define(&name, members, Node { kind, logical: None, doc, attributes, external: false })
    }

    /// The symbols, with the path standing on them already.
    fn symbols(&mut self, members: Members<'j>) -> Vec<(&'j str, usize)> {
        let step = self.path.pop();
        let symbols = self.texts(members, "symbols");
        self.path.extend(step);
        symbols
    }

    pub(super) fn fixed(&mut self, members: Members<'j>, space: Option<&str>) -> NodeId {
        let name = self.name(members, space);
        let aliases = self.aliases(members, &name);
        let size = match members.get("size") {
            Some(Spanned { value: SpannedValue::Number(text), .. })
                if text.parse::<u32>().is_ok_and(|size| i32::try_from(size).is_ok()) =>
            {
                text.parse().unwrap_or_default()
            }
            Some(other) => {
                self.within(Step::Key("size"), |this| {
                    let limit = i32::MAX;
                    this.find(Fault::Attribute, other.at, format!("\"size\" is a whole number from 0 to {limit}"));
                });
                0
            }
            None => {
                self.find(Fault::Attribute, members.at, format!("the fixed type {name} wants the attribute \"size\""));
                0
            }
        };
        let (doc, attributes) = (members.doc(), members.others(&RESERVED));
        let kind = Type::Fixed(Fixed { name: name.clone(), aliases, size });
        let logical = logical::of(&kind, &attributes);
        self.define(&name, members, Node { kind, logical, doc, attributes, external: false })
    }

    fn define(&mut self, name: &Name, members: Members<'j>, node: Node) -> NodeId {
        let id = self.add(node);
        if self.parser.names.contains_key(name.full()) {
            self.find(Fault::Duplicate, members.at, format!("Can't redefine: {name}"));
        } else if !name.full().is_empty() {
            self.parser.names.insert(name.full().to_owned(), id);
        }
        id
    }

    fn name(&mut self, members: Members<'j>, space: Option<&str>) -> Name {
        let Some((name, at)) = self.text(members, "name") else {
            if !members.has("name") {
                self.find(Fault::Attribute, members.at, "No name in schema: a named type wants the attribute \"name\"");
            }
            return Name::new("", None);
        };
        let own = self.text(members, "namespace");
        let name_of = Name::new(name, own.map_or(space, |(own, _)| Some(own)));
        if self.strict() {
            self.within(Step::Key("name"), |this| {
                if !name.split('.').all(is_valid_name) {
                    this.invalid(name, at);
                } else if primitive(name_of.simple()).is_some() {
                    this.find(Fault::Name, at, format!("{name} is the name of a type of Avro and may not be defined"));
                }
            });
            if let Some((own, at)) = own.filter(|(own, _)| !own.is_empty() && !own.split('.').all(is_valid_name)) {
                self.within(Step::Key("namespace"), |this| this.invalid(own, at));
            }
        }
        name_of
    }

    fn aliases(&mut self, members: Members<'j>, name: &Name) -> Vec<Name> {
        let texts = self.texts(members, "aliases");
        let mut aliases: Vec<Name> = Vec::with_capacity(texts.len());
        for (index, (alias, at)) in texts.into_iter().enumerate() {
            if self.strict() && !alias.split('.').all(is_valid_name) {
                self.path.extend([Step::Key("aliases"), Step::Index(index)]);
                self.invalid(alias, at);
                self.path.truncate(self.path.len() - 2);
            }
            aliases.push(Name::new(alias, name.namespace()));
        }
        let mut seen = HashSet::new();
        aliases.retain(|alias| seen.insert(alias.clone()));
        aliases
    }

    fn valid(&mut self, name: &'j str, at: usize, key: &'static str) {
        if self.strict() && !is_valid_name(name) {
            self.within(Step::Key(key), |this| this.invalid(name, at));
        }
    }

    fn invalid(&mut self, name: &str, at: usize) {
        self.find(
            Fault::Name,
            at,
            format!(
                "{name} is not a valid Avro name because it does not match the pattern (?:^|\\.)[A-Za-z_][A-Za-z0-9_]*$"
            ),
        );
    }
}

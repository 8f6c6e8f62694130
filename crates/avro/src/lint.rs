//! Advice on schemas that are valid and may still hurt later.

use std::collections::HashSet;

use crate::diff::{ChangeKind, diff};
use crate::pointer::Pointer;
use crate::{Field, Json, NodeId, Schema, Type, deep, is_valid_name};

/// One piece of advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Defaults, aliases or logical types changed while the fingerprint on the wire stayed: old readers see no difference.
    MeaningChanged,
    /// An enum without a default cannot grow without breaking readers.
    EnumWithoutDefault,
    /// Many libraries only take a union's default from its first branch.
    UnionDefaultNotFirst,
    /// A field that earlier writers did not write, without a default.
    RequiredFieldAdded,
    /// A field or type went and one like it came, without an alias.
    RenamedWithoutAlias,
    /// A named type or field says nothing about itself.
    MissingDoc,
    /// Types are `CamelCase`, fields `snake_case` or `camelCase`, symbols `UPPER_CASE` or `CamelCase`.
    NameStyle,
    /// A long that is said to hold unsigned numbers of 64 bits, half of which do not fit.
    UnsignedLong,
}

impl Rule {
    /// All rules.
    pub const ALL: [Self; 8] = [
        Self::MeaningChanged,
        Self::EnumWithoutDefault,
        Self::UnionDefaultNotFirst,
        Self::RequiredFieldAdded,
        Self::RenamedWithoutAlias,
        Self::MissingDoc,
        Self::NameStyle,
        Self::UnsignedLong,
    ];

    /// The rule's name on command lines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MeaningChanged => "meaning-changed",
            Self::EnumWithoutDefault => "enum-without-default",
            Self::UnionDefaultNotFirst => "union-default-not-first",
            Self::RequiredFieldAdded => "required-field-added",
            Self::RenamedWithoutAlias => "renamed-without-alias",
            Self::MissingDoc => "missing-doc",
            Self::NameStyle => "name-style",
            Self::UnsignedLong => "unsigned-long",
        }
    }
}

impl std::str::FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|rule| rule.as_str() == text)
            .ok_or_else(|| format!("`{text}` is no rule; there are {}", Self::ALL.map(Self::as_str).join(", ")))
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A rule that a schema does not follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// Which rule.
    pub rule: Rule,
    /// Where.
    pub pointer: String,
    /// What is there, and what would be better.
    pub message: String,
}

/// Advice on `schema`; rules about changes need the schema before it. Types of references are not looked at.
pub fn lint(schema: &Schema, before: Option<&Schema>, rules: &[Rule]) -> Vec<Advice> {
    let mut lint = Lint { schema, rules, pointer: Pointer::default(), visited: HashSet::new(), advice: Vec::new() };
    lint.types(schema.root_id());
    if let Some(before) = before {
        lint.changes(before);
    }
    lint.advice
}

struct Lint<'s> {
    schema: &'s Schema,
    rules: &'s [Rule],
    pointer: Pointer,
    visited: HashSet<NodeId>,
    advice: Vec<Advice>,
}

impl Lint<'_> {
    fn advise(&mut self, rule: Rule, pointer: String, message: String) {
        if self.rules.contains(&rule) {
            self.advice.push(Advice { rule, pointer, message });
        }
    }

    fn types(&mut self, id: NodeId) {
        deep(|| self.types_here(id));
    }

    fn types_here(&mut self, id: NodeId) {
        let schema = self.schema;
        let node = schema.node(id);
        if node.external || (node.kind.name().is_some() && !self.visited.insert(id)) {
            return;
        }
        if let Some(name) = node.kind.name() {
            if !is_camel(name.simple()) {
                let at = self.pointer.at("name");
                self.advise(Rule::NameStyle, at, format!("the type {} is not in CamelCase", name.simple()));
            }
            if node.doc.is_none() {
                self.advise(Rule::MissingDoc, self.pointer.at(""), format!("the type {name} has no doc"));
            }
        }
        if matches!(node.kind, Type::Long) && says_unsigned(&node.attributes) {
            self.unsigned();
        }
        let mark = self.pointer.mark();
        match &node.kind {
            Type::Array(inner) => {
                self.pointer.step("items");
                self.types(*inner);
            }
            Type::Map(inner) => {
                self.pointer.step("values");
                self.types(*inner);
            }
            Type::Union(branches) => {
                for (index, branch) in branches.iter().enumerate() {
                    self.pointer.branch(index);
                    self.types(*branch);
                    self.pointer.back(mark);
                }
            }
            Type::Record(record) => {
                for (index, field) in record.fields.iter().enumerate() {
                    self.pointer.field(index);
                    self.field(field);
                    self.pointer.back(mark);
                }
            }
            Type::Enum(of) => {
                if of.default.is_none() {
                    let message = format!("the enum {} has no default: a new symbol breaks its readers", of.name);
                    self.advise(Rule::EnumWithoutDefault, self.pointer.at(""), message);
                }
                for symbol in of.symbols.iter().filter(|symbol| !is_upper(symbol) && !is_camel(symbol)) {
                    let message = format!("the symbol {symbol} is neither UPPER_CASE nor CamelCase");
                    self.advise(Rule::NameStyle, self.pointer.at("symbols"), message);
                }
            }
            _ => {}
        }
        self.pointer.back(mark);
    }

    fn unsigned(&mut self) {
        let message = "a long cannot hold unsigned numbers from 2^63 on: use a decimal or a fixed type".to_owned();
        self.advise(Rule::UnsignedLong, self.pointer.at(""), message);
    }

    fn field(&mut self, field: &Field) {
        let name = &field.name;
        if field.doc.is_none() {
            self.advise(Rule::MissingDoc, self.pointer.at(""), format!("the field {name} has no doc"));
        }
        if !is_field_style(name) {
            let message = format!("the field {name} is neither snake_case nor camelCase");
            self.advise(Rule::NameStyle, self.pointer.at("name"), message);
        }
        if let (Type::Union(branches), Some(default)) = (&self.schema.node(field.kind).kind, &field.default)
            && branches.first().is_some_and(|first| !could_be(&self.schema.node(*first).kind, default))
        {
            let message = format!("the default of {name} is not of its union's first branch");
            self.advise(Rule::UnionDefaultNotFirst, self.pointer.at("default"), message);
        }
        if matches!(self.schema.node(field.kind).kind, Type::Long) && says_unsigned(&field.attributes) {
            self.unsigned();
        }
        let mark = self.pointer.mark();
        self.pointer.step("type");
        self.types(field.kind);
        self.pointer.back(mark);
    }

    fn changes(&mut self, before: &Schema) {
        let changes = diff(before, self.schema);
        if before.fingerprint64() == self.schema.fingerprint64() {
            for change in &changes {
                let what = match change.kind {
                    ChangeKind::LogicalTypeChanged => "the logical type",
                    ChangeKind::DefaultChanged => "the default",
                    ChangeKind::AliasesChanged => "the aliases",
                    _ => continue,
                };
                let message = format!("{what} changed, but the fingerprint on the wire did not");
                self.advise(Rule::MeaningChanged, change.pointer.clone(), message);
            }
        }
        for change in &changes {
            let name = change.after.as_ref().and_then(|field| field.get("name")).and_then(Json::as_text);
            match change.kind {
                ChangeKind::FieldAdded if !change.backward => {
                    let name = name.unwrap_or_default();
                    let message = format!("the new field {name} has no default, so older data cannot be read");
                    self.advise(Rule::RequiredFieldAdded, change.pointer.clone(), message);
                }
                ChangeKind::NameChanged if !change.backward => {
                    let message = "the type was renamed without its old name as alias".to_owned();
                    self.advise(Rule::RenamedWithoutAlias, change.pointer.clone(), message);
                }
                ChangeKind::FieldRemoved => self.renamed(change, &changes),
                _ => {}
            }
        }
    }

    /// A field that went while one of the same type came to the same record.
    fn renamed(&mut self, gone: &crate::diff::Change, changes: &[crate::diff::Change]) {
        let record = |pointer: &str| pointer.rsplit_once("/fields/").map(|(record, _)| record.to_owned());
        let part = |field: &Option<Json>, key: &str| field.as_ref().and_then(|field| field.get(key)).cloned();
        let came = changes.iter().find(|change| {
            change.kind == ChangeKind::FieldAdded
                && record(&change.pointer) == record(&gone.pointer)
                && part(&change.after, "type") == part(&gone.before, "type")
        });
        if let Some(came) = came {
            let name = |field: &Option<Json>| part(field, "name").and_then(|name| name.as_text().map(str::to_owned));
            let (old, new) = (name(&gone.before).unwrap_or_default(), name(&came.after).unwrap_or_default());
            let message = format!("if {new} is what {old} was, it wants \"{old}\" among its aliases");
            self.advise(Rule::RenamedWithoutAlias, came.pointer.clone(), message);
        }
    }
}

/// Whether JSON of this shape could be a value of the type.
fn could_be(kind: &Type, default: &Json) -> bool {
    match default {
        Json::Null => matches!(kind, Type::Null),
        Json::Bool(_) => matches!(kind, Type::Boolean),
        Json::Number(text) if text.contains(['.', 'e', 'E']) => matches!(kind, Type::Float | Type::Double),
        Json::Number(_) => matches!(kind, Type::Int | Type::Long | Type::Float | Type::Double),
        Json::Text(text) => match kind {
            Type::Enum(of) => of.symbols.contains(text),
            kind => matches!(kind, Type::String | Type::Bytes | Type::Fixed(_)),
        },
        Json::Array(_) => matches!(kind, Type::Array(_)),
        Json::Object(_) => matches!(kind, Type::Map(_) | Type::Record(_)),
    }
}

fn says_unsigned(attributes: &[(String, Json)]) -> bool {
    attributes
        .iter()
        .any(|(_, value)| matches!(value.as_text(), Some("u64" | "usize" | "uint64" | "u128" | "unsigned")))
}

fn is_camel(text: &str) -> bool {
    is_valid_name(text) && text.starts_with(|first: char| first.is_ascii_uppercase()) && !text.contains('_')
}

fn is_upper(text: &str) -> bool {
    !text.contains(|letter: char| letter.is_ascii_lowercase())
}

fn is_field_style(text: &str) -> bool {
    let snake = !text.contains(|letter: char| letter.is_ascii_uppercase());
    snake || (!text.contains('_') && text.starts_with(|first: char| first.is_ascii_lowercase()))
}

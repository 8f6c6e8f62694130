//! Writes a schema from Rust types: each named type in full where it comes first, by name after that.

use std::collections::HashMap;
use std::fmt::{self, Write as _};

use super::kind::{Kind, Literal};

/// Where a type stands, which gives a name to a `fixed`.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The record's namespace.
    pub namespace: &'a str,
    /// The record's name.
    pub record: &'a str,
    /// The field.
    pub field: &'a str,
}

/// The text of a schema; a union keeps its branches apart, for who adds null to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaText(Form);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    One(String),
    Union(Vec<String>),
}

impl fmt::Display for SchemaText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::One(text) => formatter.write_str(text),
            Form::Union(branches) => write!(formatter, "[{}]", branches.join(",")),
        }
    }
}

impl SchemaText {
    /// A primitive type.
    pub fn primitive(name: &str) -> Self {
        Self(Form::One(format!("\"{name}\"")))
    }

    /// A primitive type with a logical one.
    pub fn logical(name: &str, logical: &str) -> Self {
        Self(Form::One(format!(r#"{{"type":"{name}","logicalType":"{logical}"}}"#)))
    }

    /// A type as it is written.
    pub(crate) fn raw(text: String) -> Self {
        Self(Form::One(text))
    }

    /// An array of `items`.
    pub fn array(items: &Self) -> Self {
        Self(Form::One(format!(r#"{{"type":"array","items":{items}}}"#)))
    }

    /// A map to `values`.
    pub fn map(values: &Self) -> Self {
        Self(Form::One(format!(r#"{{"type":"map","values":{values}}}"#)))
    }

    /// A union of these, flat.
    pub fn union(branches: Vec<Self>) -> Self {
        Self(Form::Union(branches.into_iter().flat_map(Self::branches).collect()))
    }

    /// A union of null and this.
    #[must_use]
    pub fn nullable(self) -> Self {
        let mut branches = vec!["\"null\"".to_owned()];
        branches.extend(self.branches());
        Self(Form::Union(branches))
    }

    fn branches(self) -> Vec<String> {
        match self.0 {
            Form::One(text) => vec![text],
            Form::Union(branches) => branches,
        }
    }

    /// Null last, where it is first: a default that is not null asks for it.
    fn null_last(mut self) -> Self {
        if let Form::Union(branches) = &mut self.0
            && branches.first().is_some_and(|first| first == "\"null\"")
        {
            branches.rotate_left(1);
        }
        self
    }
}

/// The head of a named type.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its namespace; empty for none.
    pub namespace: &'a str,
    /// Its documentation.
    pub doc: Option<&'a str>,
    /// Its aliases.
    pub aliases: &'a [&'a str],
}

impl Head<'_> {
    fn full(&self) -> String {
        if self.namespace.is_empty() { self.name.to_owned() } else { format!("{}.{}", self.namespace, self.name) }
    }

    fn write(&self, kind: &str) -> String {
        let mut text = format!(r#"{{"type":"{kind}","name":"{}","namespace":"{}""#, self.name, self.namespace);
        attribute(&mut text, "doc", self.doc);
        aliases(&mut text, self.aliases);
        text
    }
}

/// Where a default comes from. A value is rendered for the schema of its field.
#[expect(missing_debug_implementations, reason = "it holds a closure")]
pub enum DefaultSource<'a> {
    /// There is none, but for null where null can be.
    Absent,
    /// As written.
    Literal(Literal),
    /// Rendered from a value, as JSON.
    Value(&'a dyn Fn(&str) -> Result<String, String>),
}

/// The head of a field.
#[expect(missing_debug_implementations, reason = "it holds a closure")]
pub struct FieldHead<'a> {
    /// Where it stands.
    pub place: Place<'a>,
    /// Its documentation.
    pub doc: Option<&'a str>,
    /// Its aliases.
    pub aliases: &'a [&'a str],
    /// How it sorts, if not ascending.
    pub order: Option<&'a str>,
    /// What it is.
    pub kind: Kind,
    /// What it is when the writer lacks it.
    pub default: DefaultSource<'a>,
}

/// Builds one schema.
#[derive(Debug, Default)]
pub struct SchemaBuilder {
    /// Full name of each type written so far, and of which Rust type it is.
    named: HashMap<String, String>,
    problems: Vec<String>,
}

impl SchemaBuilder {
    /// The schema of a type that stands alone, and what is wrong with it.
    pub fn build(make: impl FnOnce(&mut Self) -> SchemaText) -> (String, Vec<String>) {
        let mut builder = Self::default();
        let text = make(&mut builder).to_string();
        (text, builder.problems)
    }

    /// A record; `owner` is the Rust type that it is of.
    pub fn record(
        &mut self,
        head: &Head<'_>,
        owner: &str,
        fields: impl FnOnce(&mut Self, &mut Vec<String>),
    ) -> SchemaText {
        self.named(&head.full(), owner, |builder| {
            let mut all = Vec::new();
            fields(builder, &mut all);
            format!(r#"{},"fields":[{}]}}"#, head.write("record"), all.join(","))
        })
    }

    /// An enum.
    pub fn symbols(&mut self, head: &Head<'_>, owner: &str, symbols: &[&str], default: Option<&str>) -> SchemaText {
        self.named(&head.full(), owner, |_| {
            let mut text = format!(r#"{},"symbols":["{}"]"#, head.write("enum"), symbols.join("\",\""));
            attribute(&mut text, "default", default);
            text.push('}');
            text
        })
    }

    /// A fixed, named after its place; `rest` is what else stands in it.
    pub fn fixed(&mut self, place: &Place<'_>, size: usize, rest: &str) -> SchemaText {
        let name =
            if place.field.is_empty() { place.record.to_owned() } else { format!("{}_{}", place.record, place.field) };
        let head = Head { name: &name, namespace: place.namespace, doc: None, aliases: &[] };
        self.named(&head.full(), &format!("fixed {size} {rest}"), |_| {
            format!(r#"{},"size":{size}{rest}}}"#, head.write("fixed"))
        })
    }

    fn named(&mut self, full: &str, owner: &str, make: impl FnOnce(&mut Self) -> String) -> SchemaText {
        match self.named.get(full) {
            None => {
                self.named.insert(full.to_owned(), owner.to_owned());
                SchemaText(Form::One(make(self)))
            }
            Some(known) => {
                if known != owner {
                    self.problems.push(format!("{known} and {owner} are both called {full}"));
                }
                SchemaText(Form::One(format!("\"{full}\"")))
            }
        }
    }

    /// A field of a record.
    pub fn field(&mut self, head: &FieldHead<'_>, schema: impl Fn(&mut Self, &Place<'_>) -> SchemaText) -> String {
        let default = match &head.default {
            DefaultSource::Absent => matches!(head.kind, Kind::Nullable(_)).then(|| "null".to_owned()),
            DefaultSource::Literal(literal) => Some(json_of(&head.kind, *literal)),
            DefaultSource::Value(render) => {
                let (alone, _) = Self::build(|builder| schema(builder, &head.place));
                match render(&alone) {
                    Ok(json) => Some(json),
                    Err(problem) => {
                        self.problems.push(format!("default of {}: {problem}", head.place.field));
                        None
                    }
                }
            }
        };
        let mut kind = schema(self, &head.place);
        if default.as_ref().is_some_and(|default| default != "null") {
            kind = kind.null_last();
        }
        let mut text = format!(r#"{{"name":"{}","type":{kind}"#, head.place.field);
        attribute(&mut text, "doc", head.doc);
        if let Some(default) = default {
            let _ = write!(text, r#","default":{default}"#);
        }
        attribute(&mut text, "order", head.order);
        aliases(&mut text, head.aliases);
        text.push('}');
        text
    }
}

fn attribute(text: &mut String, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        let _ = write!(text, r#","{name}":{}"#, quoted(value));
    }
}

fn aliases(text: &mut String, aliases: &[&str]) {
    if !aliases.is_empty() {
        let _ = write!(text, r#","aliases":["{}"]"#, aliases.join("\",\""));
    }
}

/// A JSON text.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A default of an attribute as it stands in a schema.
pub(crate) fn json_of(kind: &Kind, literal: Literal) -> String {
    match (literal, kind) {
        (Literal::Bool(yes), _) => yes.to_string(),
        (Literal::Int(number), _) => number.to_string(),
        (Literal::Float(number), _) => serde_json::Value::from(number).to_string(),
        (Literal::Text("null"), Kind::Nullable(_)) => "null".to_owned(),
        (Literal::Text(_), Kind::Nullable(inner)) => json_of(inner, literal),
        (Literal::Text(text), Kind::String | Kind::Bytes | Kind::Fixed(_) | Kind::Enum(..)) => quoted(text),
        (Literal::Text(text), Kind::Float | Kind::Double) if text.starts_with(['N', 'I']) || text == "-Infinity" => {
            quoted(text)
        }
        // A union's text is JSON where it reads as JSON.
        (Literal::Text(text), Kind::Union(_)) if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() => {
            quoted(text)
        }
        (Literal::Text(text), _) => text.to_owned(),
    }
}

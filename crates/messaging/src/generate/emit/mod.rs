//! Rust for the records, enums and unions of a schema: the one emitter for our own contracts and for users' schemas.

mod default;
mod doc;
mod fields;
mod reach;
mod types;

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

use alluvium_avro::{Enum, Json, Name, Node, NodeId, Record, Schema, Type};

use super::names::{camel, unique};
pub use doc::lines;
use types::Mapped;

/// What the types are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// Our own contracts: serde alone, logical types as plain numbers, no unions but with null. `strict` types refuse
    /// unknown fields in JSON: a misspelt one must not be taken as if it were absent.
    Contract {
        /// Whether unknown fields are refused.
        strict: bool,
    },
    /// Types of users: with the derives of the kit, which write the same schema again.
    Kit,
}

/// Writes the types of one schema.
pub struct Emitter<'s> {
    schema: &'s Schema,
    flavour: Flavour,
    /// Rust names of the named types, by full Avro name.
    names: &'s BTreeMap<String, String>,
    /// Pairs of named types the second of which is held by value in the first and holds it again.
    cycles: HashSet<(NodeId, NodeId)>,
    out: String,
    /// What the Rust types cannot say that the schema said.
    pub notes: Vec<String>,
}

impl<'s> Emitter<'s> {
    /// For the types of `schema`.
    pub fn new(schema: &'s Schema, flavour: Flavour, names: &'s BTreeMap<String, String>) -> Self {
        Self { schema, flavour, names, cycles: reach::cycles(schema), out: String::new(), notes: Vec::new() }
    }

    /// The text so far.
    pub fn finish(self) -> (String, Vec<String>) {
        (self.out, self.notes)
    }

    fn is_kit(&self) -> bool {
        self.flavour == Flavour::Kit
    }

    fn note(&mut self, place: &str, what: impl std::fmt::Display) {
        self.notes.push(format!("{place}: {what}"));
    }

    fn name(&self, name: &Name) -> String {
        self.names.get(name.full()).cloned().unwrap_or_else(|| camel(name.simple()))
    }

    /// Writes the record or enum at `id`. Fixed types are arrays where they are used and need no definition.
    pub fn define(&mut self, id: NodeId) -> Result<(), String> {
        let schema = self.schema;
        let node = schema.node(id);
        match &node.kind {
            Type::Record(record) => self.record(id, node, record),
            Type::Enum(of) => {
                self.enumeration(node, of);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn record(&mut self, id: NodeId, node: &'s Node, record: &'s Record) -> Result<(), String> {
        let name = self.name(&record.name);
        let fields = self.fields(id, &name, record)?;
        lines(&mut self.out, "", node.doc.as_deref());
        match self.flavour {
            Flavour::Contract { strict } => {
                self.out.push_str("#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]\n");
                if strict {
                    self.out.push_str("#[serde(deny_unknown_fields)]\n");
                }
            }
            Flavour::Kit => {
                let topic = node.attribute("alv.topic").or_else(|| node.attribute("alv.subject"));
                let derive = if topic.is_some() { "Message" } else { "AvroType" };
                let _ = writeln!(self.out, "#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, {derive})]");
                self.head(node, &record.name, &name, topic.is_some());
            }
        }
        let _ = writeln!(self.out, "pub struct {name} {{\n{}}}\n", fields.body);
        self.out.push_str(&fields.after);
        Ok(())
    }

    /// `#[message(…)]` or `#[avro(…)]`: the Avro identity, and what ties a message to its topic.
    fn head(&mut self, node: &Node, avro: &Name, rust: &str, message: bool) {
        let mut keys = Vec::new();
        if message {
            for key in MESSAGE_KEYS {
                let value = node.attribute(&format!("alv.{key}")).and_then(Json::as_text);
                keys.extend(value.map(|value| format!("{key} = {value:?}")));
            }
        }
        if avro.simple() != rust {
            keys.push(format!("name = {:?}", avro.simple()));
        }
        keys.push(format!("namespace = {:?}", avro.namespace().unwrap_or_default()));
        let aliases: Vec<&str> = node.kind.aliases().iter().map(|alias| written(alias, avro)).collect();
        if !aliases.is_empty() {
            keys.push(format!("aliases = {:?}", aliases.join(", ")));
        }
        let _ = writeln!(self.out, "#[{}({})]", if message { "message" } else { "avro" }, keys.join(", "));
        let lost = node.attributes.iter().filter(|(key, _)| !key.starts_with("alv."));
        let lost: Vec<&str> = lost.map(|(key, _)| key.as_str()).collect();
        if !lost.is_empty() {
            self.note(avro.full(), format!("no place for the attributes {}", lost.join(", ")));
        }
    }

    fn enumeration(&mut self, node: &'s Node, of: &'s Enum) {
        let name = self.name(&of.name);
        let variants = unique(of.symbols.iter().map(|symbol| super::names::identifier(&camel(symbol))));
        lines(&mut self.out, "", node.doc.as_deref());
        match self.flavour {
            Flavour::Contract { .. } => {
                self.out.push_str("#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]\n");
            }
            Flavour::Kit => {
                self.out.push_str(
                    "#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, AvroType)]\n",
                );
                self.head(node, &of.name, &name, false);
            }
        }
        let _ = writeln!(self.out, "pub enum {name} {{");
        for (symbol, variant) in of.symbols.iter().zip(&variants) {
            if self.is_kit() {
                let _ = writeln!(self.out, "    /// `{symbol}`");
                if of.default.as_ref() == Some(symbol) {
                    self.out.push_str("    #[avro(default)]\n");
                }
            }
            if symbol != variant || !self.is_kit() {
                let _ = writeln!(self.out, "    #[serde(rename = {symbol:?})]");
            }
            let _ = writeln!(self.out, "    {variant},");
        }
        self.out.push_str("}\n\n");
    }

    /// Writes the enum for a union at a field, and gives its name.
    fn union(&mut self, owner: NodeId, place: &str, branches: &[NodeId]) -> Result<String, String> {
        if branches.len() < 2 {
            return Err(format!("{place}: a union of {} has no Rust type", branches.len()));
        }
        let (mut names, mut types) = (Vec::new(), Vec::new());
        for branch in branches {
            let kind = &self.schema.node(*branch).kind;
            names.push(kind.name().map_or_else(|| camel(kind.word()), |name| self.name(name)));
            types.push((matches!(kind, Type::Null), self.plain(owner, place, *branch)?));
        }
        let mut out = String::new();
        let _ = writeln!(
            out,
            "/// What `{place}` may be.\n#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, AvroType)]"
        );
        let _ = writeln!(out, "#[avro(namespace = {:?})]\npub enum {place} {{", self.namespace(owner));
        for (variant, (null, Mapped { text, attributes, serde })) in unique(names).iter().zip(&types) {
            let _ = writeln!(out, "    /// A branch of the union.");
            if *null {
                let _ = writeln!(out, "    #[avro(null)]\n    {variant},");
                continue;
            }
            let attributes =
                if attributes.is_empty() { String::new() } else { format!("#[avro({})] ", attributes.join(", ")) };
            let serde = serde.as_ref().map_or(String::new(), |with| format!("#[serde(with = {with:?})] "));
            let _ = writeln!(out, "    {variant}({attributes}{serde}{text}),");
        }
        out.push_str("}\n\n");
        self.out.push_str(&out);
        Ok(place.to_owned())
    }

    fn namespace(&self, owner: NodeId) -> &'s str {
        let schema = self.schema;
        schema.node(owner).kind.name().and_then(Name::namespace).unwrap_or_default()
    }
}

/// Keys of `#[message]`, each from the attribute `alv.<key>`.
const MESSAGE_KEYS: [&str; 11] = [
    "topic",
    "subject",
    "stream",
    "schema_subject",
    "subject_strategy",
    "group",
    "key",
    "key_format",
    "wire",
    "id",
    "time",
];

/// An alias as it is written beside its type.
fn written<'n>(alias: &'n Name, of: &Name) -> &'n str {
    if alias.namespace() == of.namespace() { alias.simple() } else { alias.full() }
}

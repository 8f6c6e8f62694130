//! Types: by name, as objects, as unions.

use std::collections::HashSet;

use super::{Fault, Members, NULL, Reading, Step, logical, primitive};
use crate::deep;
use crate::json::{Spanned, SpannedValue};
use crate::name::Name;
use crate::schema::{Node, NodeId, Type};

/// What Avro itself reads on any type; it is never kept as an attribute.
pub(super) const RESERVED: [&str; 10] =
    ["doc", "fields", "items", "name", "namespace", "size", "symbols", "values", "type", "aliases"];

impl<'j> Reading<'_, '_, 'j> {
    /// A type where `space` is the namespace in force.
    pub(super) fn schema(&mut self, json: &'j Spanned, space: Option<&str>) -> NodeId {
        deep(|| match &json.value {
            SpannedValue::Text(word) => self.by_name(word, json.at, space),
            SpannedValue::Object(list) => self.object(Members { at: json.at, list }, space),
            SpannedValue::Array(branches) => self.union(branches, space),
            _ => {
                self.find(Fault::Type, json.at, "a schema is a name in quotes, an object or an array");
                NULL
            }
        })
    }

    fn by_name(&mut self, word: &str, at: usize, space: Option<&str>) -> NodeId {
        if let Some(id) = primitive(word).or_else(|| self.known(word, space)) {
            return id;
        }
        let full = Name::new(word, space);
        self.find(
            Fault::Type,
            at,
            format!("Undefined name: \"{full}\" is no type of Avro and is not defined before it is used"),
        );
        NULL
    }

    /// A defined type, by a name in the namespace in force or else in none.
    fn known(&self, word: &str, space: Option<&str>) -> Option<NodeId> {
        let names = &self.parser.names;
        names.get(Name::new(word, space).full()).or_else(|| names.get(word)).copied()
    }

    fn object(&mut self, members: Members<'j>, space: Option<&str>) -> NodeId {
        self.repeated(members);
        let Some(kind) = members.get("type") else {
            self.find(Fault::Attribute, members.at, "No type: a schema object wants the attribute \"type\"");
            return NULL;
        };
        match &kind.value {
            SpannedValue::Text(word) => self.typed(word, kind.at, members, space),
            // {"type": {"type": "string"}}: a wrapper that says nothing itself.
            SpannedValue::Object(_) | SpannedValue::Array(_) => {
                let id = self.within(Step::Key("type"), |this| this.schema(kind, space));
                self.wrapped(id, members)
            }
            _ => {
                self.find(Fault::Type, kind.at, "\"type\" is a name in quotes, an object or an array");
                NULL
            }
        }
    }

    /// What stands on a wrapper belongs to the type within, as long as that has no such attributes.
    fn wrapped(&mut self, id: NodeId, members: Members<'j>) -> NodeId {
        let others = members.others(&RESERVED);
        let node = &self.parser.nodes[id.0 as usize];
        if others.is_empty() || node.kind.name().is_some() || matches!(node.kind, Type::Union(_)) {
            return id;
        }
        let mut node = node.clone();
        for (key, value) in others {
            if node.attribute(&key).is_none() {
                node.attributes.push((key, value));
            }
        }
        node.logical = logical::of(&node.kind, &node.attributes);
        self.add(node)
    }

    fn typed(&mut self, word: &'j str, at: usize, members: Members<'j>, space: Option<&str>) -> NodeId {
        match word {
            "record" | "error" => self.record(members, space, word == "error"),
            "enum" => self.enumeration(members, space),
            "fixed" => self.fixed(members, space),
            "array" => self.container(members, space, "items", Type::Array),
            "map" => self.container(members, space, "values", Type::Map),
            "union" => {
                self.find(Fault::Type, at, "a union is written as an array of its branches");
                NULL
            }
            _ => match primitive(word) {
                Some(id) => self.annotated(id, members),
                None => self.within(Step::Key("type"), |this| this.by_name(word, at, space)),
            },
        }
    }

    fn annotated(&mut self, plain: NodeId, members: Members<'j>) -> NodeId {
        let attributes = members.others(&RESERVED);
        let doc = members.doc();
        if attributes.is_empty() && doc.is_none() {
            return plain;
        }
        let kind = self.parser.nodes[plain.0 as usize].kind.clone();
        let logical = logical::of(&kind, &attributes);
        self.add(Node { kind, logical, doc, attributes, external: false })
    }

    fn container(
        &mut self,
        members: Members<'j>,
        space: Option<&str>,
        key: &'static str,
        of: fn(NodeId) -> Type,
    ) -> NodeId {
        let inner = if let Some(inner) = members.get(key) {
            self.within(Step::Key(key), |this| this.schema(inner, space))
        } else {
            let word = of(NULL).word();
            self.find(Fault::Attribute, members.at, format!("a type \"{word}\" wants the attribute \"{key}\""));
            NULL
        };
        let doc = members.doc();
        self.add(Node { kind: of(inner), logical: None, doc, attributes: members.others(&RESERVED), external: false })
    }

    fn union(&mut self, branches: &'j [Spanned], space: Option<&str>) -> NodeId {
        let mut seen = HashSet::new();
        let mut ids = Vec::with_capacity(branches.len());
        for (index, branch) in branches.iter().enumerate() {
            self.path.push(Step::Index(index));
            let before = self.parser.findings.len() + self.parser.more;
            let id = self.schema(branch, space);
            let sound = self.parser.findings.len() + self.parser.more == before;
            let node = &self.parser.nodes[id.0 as usize];
            let called = node.kind.name().map_or(node.kind.word(), Name::full).to_owned();
            if matches!(node.kind, Type::Union(_)) {
                self.find(Fault::Union, branch.at, "Nested union: a union may not be a branch of a union");
            } else if sound && !seen.insert(called.clone()) {
                self.find(Fault::Union, branch.at, format!("Duplicate in union: {called}"));
            }
            self.path.pop();
            ids.push(id);
        }
        self.add(Node::plain(Type::Union(ids)))
    }

    /// An attribute given twice: JSON libraries differ in which one counts.
    pub(super) fn repeated(&mut self, members: Members<'j>) {
        if !self.strict() {
            return;
        }
        let mut seen = HashSet::with_capacity(members.list.len());
        for (name, _) in members.list {
            if !seen.insert(name.value.as_str()) {
                self.find(Fault::Attribute, name.at, format!("the attribute \"{}\" is given twice", name.value));
            }
        }
    }

    /// A text attribute; a finding if it is there and something else.
    pub(super) fn text(&mut self, members: Members<'j>, key: &'static str) -> Option<(&'j str, usize)> {
        let value = members.get(key)?;
        if let SpannedValue::Text(text) = &value.value {
            return Some((text, value.at));
        }
        self.within(Step::Key(key), |this| this.find(Fault::Attribute, value.at, format!("\"{key}\" is a text")));
        None
    }

    /// A list of texts; a finding for what is none.
    pub(super) fn texts(&mut self, members: Members<'j>, key: &'static str) -> Vec<(&'j str, usize)> {
        let Some(value) = members.get(key) else { return Vec::new() };
        let SpannedValue::Array(items) = &value.value else {
            self.within(Step::Key(key), |this| {
                this.find(Fault::Attribute, value.at, format!("\"{key}\" is an array of texts"));
            });
            return Vec::new();
        };
        let mut texts = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            if let SpannedValue::Text(text) = &item.value {
                texts.push((text.as_str(), item.at));
                continue;
            }
            self.path.extend([Step::Key(key), Step::Index(index)]);
            self.find(Fault::Attribute, item.at, format!("every element of \"{key}\" is a text"));
            self.path.truncate(self.path.len() - 2);
        }
        texts
    }
}

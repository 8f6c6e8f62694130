//! The normal form: one text for schemas that differ only in how they are written down.

use super::{Object, list};
use crate::json::quote;
use crate::{Field, Json, Name, Node, NodeId, Order, Schema, Type, deep};

pub(super) fn write(schema: &Schema, inline: bool) -> String {
    let written = schema.0.nodes.iter().map(|node| node.external && !inline).collect();
    let mut writer = Writer { schema, written };
    let mut out = String::new();
    writer.write(schema.root_id(), None, &mut out);
    out
}

struct Writer<'s> {
    schema: &'s Schema,
    written: Vec<bool>,
}

impl<'s> Writer<'s> {
    fn write(&mut self, id: NodeId, space: Option<&'s str>, out: &mut String) {
        deep(|| self.write_here(id, space, out));
    }

    fn write_here(&mut self, id: NodeId, space: Option<&'s str>, out: &mut String) {
        let node = self.schema.node(id);
        if let Some(name) = node.kind.name()
            && std::mem::replace(&mut self.written[id.0 as usize], true)
        {
            return quote(out, name.full());
        }
        match &node.kind {
            Type::Union(branches) => list(out, branches, |out, branch| self.write(*branch, space, out)),
            Type::Array(inner) | Type::Map(inner) => {
                let mut object = Object::open(out);
                object.text("type", node.kind.word());
                let key = if matches!(node.kind, Type::Array(_)) { "items" } else { "values" };
                self.write(*inner, space, object.key(key));
                finish(object, node, None);
            }
            Type::Record(record) => {
                let mut object = Object::open(out);
                head(&mut object, &record.name, if record.error { "error" } else { "record" }, space);
                let space = record.name.namespace();
                list(object.key("fields"), &record.fields, |out, field| self.field(field, space, out));
                finish(object, node, None);
            }
            Type::Enum(of) => {
                let mut object = Object::open(out);
                head(&mut object, &of.name, "enum", space);
                object.texts("symbols", of.symbols.iter().map(String::as_str));
                finish(object, node, of.default.as_deref());
            }
            Type::Fixed(fixed) => {
                let mut object = Object::open(out);
                head(&mut object, &fixed.name, "fixed", space);
                object.key("size").push_str(&fixed.size.to_string());
                finish(object, node, None);
            }
            primitive if node.attributes.is_empty() => quote(out, primitive.word()),
            primitive => {
                let mut object = Object::open(out);
                object.text("type", primitive.word());
                finish(object, node, None);
            }
        }
    }

    fn field(&mut self, field: &'s Field, space: Option<&'s str>, out: &mut String) {
        let mut object = Object::open(out);
        object.text("name", &field.name);
        self.write(field.kind, space, object.key("type"));
        if field.order != Order::Ascending {
            object.text("order", field.order.as_str());
        }
        if let Some(doc) = &field.doc {
            object.text("doc", doc);
        }
        if !field.aliases.is_empty() {
            let mut aliases: Vec<&str> = field.aliases.iter().map(String::as_str).collect();
            aliases.sort_unstable();
            aliases.dedup();
            object.texts("aliases", aliases);
        }
        if let Some(default) = &field.default {
            object.json("default", &default.sorted());
        }
        rest(&mut object, &field.attributes, &[]);
        object.close();
    }
}

fn head(object: &mut Object<'_>, name: &Name, word: &str, space: Option<&str>) {
    object.text("name", name.full());
    object.text("type", word);
    // Without it the simple name would be taken for one of the namespace around.
    if name.namespace().is_none() && space.is_some() {
        object.text("namespace", "");
    }
}

/// The parameters of logical types, which come before everything else.
const LEADING: [&str; 3] = ["logicalType", "precision", "scale"];

fn finish(mut object: Object<'_>, node: &Node, default: Option<&str>) {
    for key in LEADING {
        if let Some(value) = node.attribute(key)
            && !(key == "scale" && value.as_i64() == Some(0))
        {
            object.json(key, &value.sorted());
        }
    }
    if let Some(doc) = node.doc.as_deref().filter(|_| node.kind.name().is_some()) {
        object.text("doc", doc);
    }
    let mut aliases: Vec<&str> = node.kind.aliases().iter().map(Name::full).collect();
    if !aliases.is_empty() {
        aliases.sort_unstable();
        aliases.dedup();
        object.texts("aliases", aliases);
    }
    if let Some(default) = default {
        object.text("default", default);
    }
    rest(&mut object, &node.attributes, &LEADING);
    object.close();
}

fn rest(object: &mut Object<'_>, attributes: &[(String, Json)], but: &[&str]) {
    let mut rest: Vec<&(String, Json)> = attributes.iter().filter(|(key, _)| !but.contains(&key.as_str())).collect();
    rest.sort_by(|a, b| a.0.cmp(&b.0));
    for (key, value) in rest {
        object.json(key, &value.sorted());
    }
}

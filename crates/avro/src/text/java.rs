//! As Avro's Java library writes a schema: registries compare by this text.

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
            return quote(out, name.relative(space));
        }
        match &node.kind {
            Type::Union(branches) => list(out, branches, |out, branch| self.write(*branch, space, out)),
            Type::Array(inner) | Type::Map(inner) => {
                let mut object = Object::open(out);
                object.text("type", node.kind.word());
                let key = if matches!(node.kind, Type::Array(_)) { "items" } else { "values" };
                self.write(*inner, space, object.key(key));
                finish(object, node, space);
            }
            Type::Record(record) => {
                let mut object = Object::open(out);
                object.text("type", if record.error { "error" } else { "record" });
                head(&mut object, &record.name, node, space);
                let space = record.name.namespace();
                list(object.key("fields"), &record.fields, |out, field| self.field(field, space, out));
                finish(object, node, space);
            }
            Type::Enum(of) => {
                let mut object = Object::open(out);
                object.text("type", "enum");
                head(&mut object, &of.name, node, space);
                object.texts("symbols", of.symbols.iter().map(String::as_str));
                if let Some(default) = &of.default {
                    object.text("default", default);
                }
                finish(object, node, of.name.namespace());
            }
            Type::Fixed(fixed) => {
                let mut object = Object::open(out);
                object.text("type", "fixed");
                head(&mut object, &fixed.name, node, space);
                object.key("size").push_str(&fixed.size.to_string());
                finish(object, node, fixed.name.namespace());
            }
            primitive if node.attributes.is_empty() => quote(out, primitive.word()),
            primitive => {
                let mut object = Object::open(out);
                object.text("type", primitive.word());
                finish(object, node, space);
            }
        }
    }

    fn field(&mut self, field: &'s Field, space: Option<&'s str>, out: &mut String) {
        let mut object = Object::open(out);
        object.text("name", &field.name);
        self.write(field.kind, space, object.key("type"));
        if let Some(doc) = &field.doc {
            object.text("doc", doc);
        }
        if let Some(default) = &field.default {
            object.json("default", default);
        }
        if field.order != Order::Ascending {
            object.text("order", field.order.as_str());
        }
        if !field.aliases.is_empty() {
            object.texts("aliases", field.aliases.iter().map(String::as_str));
        }
        rest(&mut object, &field.attributes);
        object.close();
    }
}

fn head(object: &mut Object<'_>, name: &Name, node: &Node, space: Option<&str>) {
    object.text("name", name.simple());
    if name.namespace() != space {
        object.text("namespace", name.namespace().unwrap_or_default());
    }
    if let Some(doc) = &node.doc {
        object.text("doc", doc);
    }
}

fn rest(object: &mut Object<'_>, attributes: &[(String, Json)]) {
    for (key, value) in attributes {
        object.json(key, value);
    }
}

fn finish(mut object: Object<'_>, node: &Node, space: Option<&str>) {
    rest(&mut object, &node.attributes);
    let aliases = node.kind.aliases();
    if !aliases.is_empty() {
        object.texts("aliases", aliases.iter().map(|alias| alias.relative(space)));
    }
    object.close();
}

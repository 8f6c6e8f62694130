//! Avro's Parsing Canonical Form.

use super::{Object, list};
use crate::json::quote;
use crate::{NodeId, Schema, Type, deep};

pub(crate) fn canonical(schema: &Schema) -> String {
    let mut writer = Writer { schema, written: vec![false; schema.0.nodes.len()] };
    let mut out = String::new();
    writer.write(schema.root_id(), &mut out);
    out
}

struct Writer<'s> {
    schema: &'s Schema,
    written: Vec<bool>,
}

impl Writer<'_> {
    fn write(&mut self, id: NodeId, out: &mut String) {
        deep(|| self.write_here(id, out));
    }

    fn write_here(&mut self, id: NodeId, out: &mut String) {
        let kind = &self.schema.node(id).kind;
        if let Some(name) = kind.name()
            && std::mem::replace(&mut self.written[id.0 as usize], true)
        {
            return quote(out, name.full());
        }
        match kind {
            Type::Union(branches) => list(out, branches, |out, branch| self.write(*branch, out)),
            Type::Array(items) => {
                let mut object = Object::open(out);
                object.text("type", "array");
                self.write(*items, object.key("items"));
                object.close();
            }
            Type::Map(values) => {
                let mut object = Object::open(out);
                object.text("type", "map");
                self.write(*values, object.key("values"));
                object.close();
            }
            Type::Record(record) => {
                let mut object = Object::open(out);
                object.text("name", record.name.full());
                object.text("type", "record");
                list(object.key("fields"), &record.fields, |out, field| {
                    let mut object = Object::open(out);
                    object.text("name", &field.name);
                    self.write(field.kind, object.key("type"));
                    object.close();
                });
                object.close();
            }
            Type::Enum(of) => {
                let mut object = Object::open(out);
                object.text("name", of.name.full());
                object.text("type", "enum");
                object.texts("symbols", of.symbols.iter().map(String::as_str));
                object.close();
            }
            Type::Fixed(fixed) => {
                let mut object = Object::open(out);
                object.text("name", fixed.name.full());
                object.text("type", "fixed");
                object.key("size").push_str(&fixed.size.to_string());
                object.close();
            }
            primitive => quote(out, primitive.word()),
        }
    }
}

//! A type in few words, for messages and differences: named types by name only, so it is small for any schema.

use crate::{Json, Logical, NodeId, Schema, Type, deep};

impl Schema {
    /// The type at `id` as JSON with named types by full name and without docs and custom attributes.
    pub fn brief(&self, id: NodeId) -> Json {
        deep(|| {
            let node = self.node(id);
            let text = |word: &str| Json::Text(word.to_owned());
            let mut members = match &node.kind {
                Type::Union(branches) => {
                    return Json::Array(branches.iter().map(|branch| self.brief(*branch)).collect());
                }
                Type::Array(items) => {
                    vec![("type".to_owned(), text("array")), ("items".to_owned(), self.brief(*items))]
                }
                Type::Map(values) => vec![("type".to_owned(), text("map")), ("values".to_owned(), self.brief(*values))],
                named if named.name().is_some() => return text(named.name().map_or("", crate::Name::full)),
                primitive => vec![("type".to_owned(), text(primitive.word()))],
            };
            if let Some(logical) = node.logical {
                members.push(("logicalType".to_owned(), text(logical.as_str())));
                if let Logical::Decimal { precision, scale } = logical {
                    members.push(("precision".to_owned(), Json::Number(precision.to_string())));
                    members.push(("scale".to_owned(), Json::Number(scale.to_string())));
                }
            }
            match members.as_slice() {
                [(_, word)] => word.clone(),
                _ => Json::Object(members),
            }
        })
    }
}

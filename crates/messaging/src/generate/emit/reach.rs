//! Which types hold themselves: Rust wants those behind a `Box`.

use std::collections::{HashMap, HashSet};

use alluvium_avro::{NodeId, Schema, Type};

/// Pairs of a record and a record that it holds by value, not in a list or map, and that holds it again.
pub fn cycles(schema: &Schema) -> HashSet<(NodeId, NodeId)> {
    let held: HashMap<NodeId, Vec<NodeId>> = schema
        .named_types()
        .filter_map(|(id, node)| match &node.kind {
            Type::Record(record) => {
                Some((id, record.fields.iter().flat_map(|field| records(schema, field.kind)).collect()))
            }
            _ => None,
        })
        .collect();
    let reaches = |from: NodeId, to: NodeId| {
        let (mut seen, mut open) = (HashSet::new(), vec![from]);
        while let Some(next) = open.pop() {
            if next == to {
                return true;
            }
            if seen.insert(next) {
                open.extend(held.get(&next).into_iter().flatten());
            }
        }
        false
    };
    let pairs = held.iter().flat_map(|(owner, all)| all.iter().map(|inner| (*owner, *inner)));
    pairs.filter(|(owner, inner)| reaches(*inner, *owner)).collect()
}

/// The records that a value of a type holds by value.
fn records(schema: &Schema, id: NodeId) -> Vec<NodeId> {
    match &schema.node(id).kind {
        Type::Record(_) => vec![id],
        Type::Union(branches) => branches.iter().flat_map(|branch| records(schema, *branch)).collect(),
        _ => Vec::new(),
    }
}

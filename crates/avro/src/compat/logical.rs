//! Logical types under the policy LOGICAL: what the bytes mean must stay the same, or become wider without loss.

use crate::schema::{Logical, Node};

/// Why the meaning of the writer's values is not that of the reader's, if so.
pub(super) fn mismatch(reader: &Node, writer: &Node) -> Option<String> {
    let fine = match (reader.logical, writer.logical) {
        (reads, writes) if reads == writes => {
            // Logical types that only others know must be the same word.
            reads.is_some() || reader.attribute("logicalType") == writer.attribute("logicalType")
        }
        (Some(Logical::Decimal { precision, scale }), Some(Logical::Decimal { precision: p, scale: s })) => {
            scale == s && precision >= p
        }
        // Every UUID in text is a text.
        (None, Some(Logical::Uuid)) => reader.attribute("logicalType").is_none(),
        _ => false,
    };
    (!fine).then(|| format!("reader type: {} not compatible with writer type: {}", shown(reader), shown(writer)))
}

fn shown(node: &Node) -> String {
    let word = node.kind.word();
    match node.logical {
        Some(Logical::Decimal { precision, scale }) => format!("{word} (decimal {precision}, {scale})"),
        Some(logical) => format!("{word} ({})", logical.as_str()),
        None => match node.attribute("logicalType").and_then(crate::Json::as_text) {
            Some(other) => format!("{word} ({other})"),
            None => word.to_owned(),
        },
    }
}

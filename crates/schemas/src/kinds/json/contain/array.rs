//! Arrays: bounds on the number of items, and what stands where.

use serde_json::Value;

use super::writer::Writer;
use super::{Check, Found, Node, scalar, step, tell};
use crate::kinds::json::keywords::Draft;

/// Positions compared one by one; the text of a schema is bounded, this bounds the work.
const POSITIONS_MAX: usize = 2000;

/// What a schema says of items: by position, and of all further ones.
struct Items<'a> {
    keyword: &'static str,
    prefix: &'a [Value],
    rest: Option<(&'static str, &'a Value)>,
}

fn items(node: Node<'_>) -> Items<'_> {
    let value = node.value.get("items");
    let prefix = node.value.get("prefixItems").and_then(Value::as_array);
    match (value, prefix) {
        (rest, Some(prefix)) if node.draft == Draft::Y2020 => {
            Items { keyword: "prefixItems", prefix, rest: rest.map(|rest| ("items", rest)) }
        }
        (Some(Value::Array(prefix)), _) => Items {
            keyword: "items",
            prefix,
            rest: node.value.get("additionalItems").map(|rest| ("additionalItems", rest)),
        },
        (rest, _) => Items { keyword: "items", prefix: &[], rest: rest.map(|rest| ("items", rest)) },
    }
}

impl<'a> Check<'a> {
    pub(super) fn arrays(&mut self, reader: Node<'a>, writer: &Writer<'a>, pointer: &str, found: &mut Found) -> bool {
        let mut fits = scalar::count(reader, writer, ("maxItems", "minItems"), pointer, found);
        let most = writer.each("maxItems").filter_map(Value::as_u64).min().unwrap_or(u64::MAX);
        let is_unique = writer.each("uniqueItems").any(|value| value == &Value::Bool(true));
        if reader.value.get("uniqueItems") == Some(&Value::Bool(true)) && !is_unique && most > 1 {
            let message = "the reader's items are unique, the writer's need not be".to_owned();
            fits = tell(found, "UNIQUE_ITEMS_ADDED", &step(pointer, "uniqueItems"), message);
        }
        let read = items(reader);
        let longest = writer.nodes().map(|node| items(node).prefix.len()).max().unwrap_or(0).max(read.prefix.len());
        if longest > POSITIONS_MAX {
            self.gave_up = true;
            return false;
        }
        if !self.spend(longest as u32) {
            return false;
        }
        for at in 0..longest {
            if at as u64 >= most {
                return fits;
            }
            let (value, below) = match (read.prefix.get(at), read.rest) {
                (Some(value), _) => (value, format!("{pointer}/{}/{at}", read.keyword)),
                (None, Some((keyword, value))) => (value, step(pointer, keyword)),
                (None, None) => continue,
            };
            fits &= self.item(Node { value, ..reader }, &at_position(writer, Some(at)), &below, found);
        }
        if let Some((keyword, value)) = read.rest.filter(|_| most > longest as u64) {
            fits &= self.item(Node { value, ..reader }, &at_position(writer, None), &step(pointer, keyword), found);
        }
        fits
    }

    fn item(&mut self, reader: Node<'a>, writer: &Writer<'a>, pointer: &str, found: &mut Found) -> bool {
        if !writer.says_nothing() {
            return self.admits(reader, writer, pointer, found);
        }
        if self.admits(reader, writer, pointer, &mut Found::new()) {
            return true;
        }
        let message = "the reader says what stands here, the writer leaves it open".to_owned();
        tell(found, "ITEM_ADDED_TO_OPEN_CONTENT_MODEL", pointer, message)
    }
}

/// What the writer's members say of the item at a position, or of those behind all positions.
fn at_position<'a>(writer: &Writer<'a>, at: Option<usize>) -> Writer<'a> {
    let mut item = Writer::open(writer.documents());
    for node in writer.nodes() {
        let written = items(node);
        let value = at.and_then(|at| written.prefix.get(at)).or(written.rest.map(|(_, value)| value));
        if let Some(value) = value {
            item = item.with(Node { value, ..node });
        }
    }
    item
}

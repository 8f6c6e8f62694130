//! `allOf`, `anyOf`, `oneOf` and `not`, on either side.

use serde_json::Value;

use super::writer::{Union, Writer};
use super::{Check, Found, Node, step, tell};

impl<'a> Check<'a> {
    /// Each branch of the writer's union must be admitted as a whole.
    pub(super) fn every_branch(
        &mut self,
        reader: Node<'a>,
        union: &Union<'a>,
        rest: &Writer<'a>,
        pointer: &str,
        found: &mut Found,
    ) -> bool {
        let mut fits = true;
        for (at, branch) in union.branches.iter().enumerate() {
            let mut inner = Found::new();
            if self.admits(reader, &rest.with(*branch), pointer, &mut inner) {
                continue;
            }
            // Where the reader is no union, the reasons are worth more than the number of the branch.
            if reader.value.get("anyOf").or_else(|| reader.value.get("oneOf")).is_none() && !inner.is_empty() {
                found.append(&mut inner);
                fits = false;
            } else {
                let message = format!("branch {at} of the writer's {} is not admitted by the reader", union.keyword);
                fits = tell(found, "SUM_TYPE_NARROWED", pointer, message);
            }
        }
        fits
    }

    /// The reader's own `allOf`, `anyOf`, `oneOf` and `not`.
    pub(super) fn combined(&mut self, reader: Node<'a>, writer: &Writer<'a>, pointer: &str, found: &mut Found) -> bool {
        let mut fits = true;
        for (at, value) in list(reader.value, "allOf").iter().enumerate() {
            fits &= self.admits(Node { value, ..reader }, writer, &format!("{pointer}/allOf/{at}"), found);
        }
        for keyword in ["anyOf", "oneOf"] {
            let branches = list(reader.value, keyword);
            if branches.is_empty() || self.some_branch(reader, branches, writer) {
                continue;
            }
            let apart = writer.types().apart();
            let by_type = apart.len() > 1
                && apart.into_iter().all(|schema| self.some_branch(reader, branches, &writer.with_type(schema)));
            if !by_type {
                let kind =
                    if writer.each(keyword).next().is_some() { "SUM_TYPE_NARROWED" } else { "COMBINED_TYPE_CHANGED" };
                let message = format!("no branch of the reader's {keyword} admits what the writer writes");
                fits = tell(found, kind, &step(pointer, keyword), message);
            }
        }
        fits & self.negated(reader, writer, pointer, found)
    }

    fn some_branch(&mut self, reader: Node<'a>, branches: &'a [Value], writer: &Writer<'a>) -> bool {
        branches.iter().any(|value| self.admits(Node { value, ..reader }, writer, "", &mut Found::new()))
    }

    /// What the reader forbids must be forbidden to the writer, word for word or by another type altogether.
    fn negated(&mut self, reader: Node<'a>, writer: &Writer<'a>, pointer: &str, found: &mut Found) -> bool {
        let Some(value) = reader.value.get("not") else { return true };
        let forbidden = super::Types::of(value);
        let equal = writer.nodes().any(|member| self.same_part(reader, member, "not"));
        let never = value == &Value::Bool(false) || forbidden.and(writer.types()).is_empty();
        if equal || never {
            return true;
        }
        let message = "what the reader forbids with not is not known to be forbidden to the writer".to_owned();
        tell(found, "NOT_TYPE_EXTENDED", &step(pointer, "not"), message)
    }
}

fn list<'a>(schema: &'a Value, keyword: &str) -> &'a [Value] {
    schema.get(keyword).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

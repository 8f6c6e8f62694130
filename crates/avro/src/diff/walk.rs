//! The walk over both schemas at once.

use std::collections::HashSet;

use super::{Change, ChangeKind};
use crate::compat::reads;
use crate::pointer::Pointer;
use crate::{Enum, Field, Json, Name, Node, NodeId, Record, Schema, Type, deep};

pub(super) fn diff(before: &Schema, after: &Schema) -> Vec<Change> {
    let mut walk = Walk { before, after, pointer: Pointer::default(), visited: HashSet::new(), changes: Vec::new() };
    walk.types(before.root_id(), after.root_id());
    walk.changes
}

struct Walk<'s> {
    before: &'s Schema,
    after: &'s Schema,
    pointer: Pointer,
    visited: HashSet<(NodeId, NodeId)>,
    changes: Vec<Change>,
}

fn text(text: &str) -> Json {
    Json::Text(text.to_owned())
}

fn texts<'t>(texts: impl IntoIterator<Item = &'t str>) -> Json {
    Json::Array(texts.into_iter().map(text).collect())
}

impl<'s> Walk<'s> {
    fn told(&mut self, kind: ChangeKind, last: &str, values: [Option<Json>; 2], (backward, forward): (bool, bool)) {
        let [before, after] = values;
        self.changes.push(Change { pointer: self.pointer.at(last), kind, before, after, backward, forward });
    }

    /// Tells a difference that breaks nothing, if there is one.
    fn harmless(&mut self, kind: ChangeKind, last: &str, before: Option<Json>, after: Option<Json>) {
        if before != after {
            self.told(kind, last, [before, after], (true, true));
        }
    }

    fn types(&mut self, a: NodeId, b: NodeId) {
        deep(|| self.types_here(a, b));
    }

    fn types_here(&mut self, a: NodeId, b: NodeId) {
        let (old, new) = (self.before.node(a), self.after.node(b));
        if old.kind.name().is_some() && new.kind.name().is_some() && !self.visited.insert((a, b)) {
            return;
        }
        let mark = self.pointer.mark();
        match (&old.kind, &new.kind) {
            (Type::Array(a), Type::Array(b)) => {
                self.pointer.step("items");
                self.types(*a, *b);
            }
            (Type::Map(a), Type::Map(b)) => {
                self.pointer.step("values");
                self.types(*a, *b);
            }
            (Type::Union(a), Type::Union(b)) => self.unions(a, b),
            (Type::Record(a), Type::Record(b)) => {
                self.names(old, new);
                self.fields(a, b);
            }
            (Type::Enum(a), Type::Enum(b)) => {
                self.names(old, new);
                self.symbols(a, b);
            }
            (Type::Fixed(a), Type::Fixed(b)) => {
                self.names(old, new);
                if a.size != b.size {
                    let size = |size: u32| Some(Json::Number(size.to_string()));
                    self.told(ChangeKind::SizeChanged, "size", [size(a.size), size(b.size)], (false, false));
                }
            }
            (x, y) if std::mem::discriminant(x) == std::mem::discriminant(y) => {}
            _ => {
                let safe = self.safe(a, b);
                let values = [Some(self.before.brief(a)), Some(self.after.brief(b))];
                return self.told(ChangeKind::TypeChanged, "", values, safe);
            }
        }
        self.pointer.back(mark);
        self.notes(old, new);
    }

    /// Whether a change of types is fine backward and forward.
    fn safe(&self, a: NodeId, b: NodeId) -> (bool, bool) {
        (reads(self.after, b, self.before, a), reads(self.before, a, self.after, b))
    }

    fn names(&mut self, old: &Node, new: &Node) {
        let (Some(was), Some(is)) = (old.kind.name(), new.kind.name()) else { return };
        if was != is {
            let same = was.simple() == is.simple();
            let safe = (same || new.kind.aliases().contains(was), same || old.kind.aliases().contains(is));
            self.told(ChangeKind::NameChanged, "name", [Some(text(was.full())), Some(text(is.full()))], safe);
        }
        let aliases = |node: &Node| Some(texts(node.kind.aliases().iter().map(Name::full)));
        self.harmless(ChangeKind::AliasesChanged, "aliases", aliases(old), aliases(new));
    }

    /// Doc, logical type and custom attributes of a type.
    fn notes(&mut self, old: &Node, new: &Node) {
        self.harmless(ChangeKind::DocChanged, "doc", old.doc.as_deref().map(text), new.doc.as_deref().map(text));
        self.attributes(&old.attributes, &new.attributes);
    }

    fn attributes(&mut self, old: &[(String, Json)], new: &[(String, Json)]) {
        let get = |all: &[(String, Json)], key: &str| {
            all.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone())
        };
        let gone = old.iter().filter(|(key, _)| get(new, key).is_none());
        let keys: Vec<&String> = new.iter().chain(gone).map(|(key, _)| key).collect();
        for key in keys {
            let kind = match key.as_str() {
                "logicalType" | "precision" | "scale" => ChangeKind::LogicalTypeChanged,
                _ => ChangeKind::AttributeChanged,
            };
            let (before, after) = (get(old, key), get(new, key));
            if before.as_ref().map(Json::sorted) != after.as_ref().map(Json::sorted) {
                self.told(kind, &crate::parse::escape(key), [before, after], (true, true));
            }
        }
    }

    fn unions(&mut self, a: &[NodeId], b: &[NodeId]) {
        let (before, after) = (self.before, self.after);
        let label = |schema: &Schema, id: NodeId| {
            let kind = &schema.node(id).kind;
            kind.name().map_or(kind.word(), Name::simple).to_owned()
        };
        let mut kept = Vec::new();
        for (index, branch) in b.iter().enumerate() {
            let mark = self.pointer.mark();
            self.pointer.branch(index);
            let like = a.iter().position(|old| label(before, *old) == label(after, *branch));
            if let Some(old) = like {
                kept.push(old);
                self.types(a[old], *branch);
            } else {
                let safe = any_reads(before, a, after, *branch);
                self.told(ChangeKind::BranchAdded, "", [None, Some(after.brief(*branch))], (true, safe));
            }
            self.pointer.back(mark);
        }
        if kept.windows(2).any(|pair| pair[0] > pair[1]) {
            let all = |schema: &Schema, ids: &[NodeId]| {
                Some(Json::Array(ids.iter().map(|id| text(&label(schema, *id))).collect()))
            };
            self.told(ChangeKind::BranchesReordered, "", [all(before, a), all(after, b)], (true, true));
        }
        for (index, branch) in a.iter().enumerate().filter(|(index, _)| !kept.contains(index)) {
            let mark = self.pointer.mark();
            self.pointer.branch(index);
            let safe = any_reads(after, b, before, *branch);
            self.told(ChangeKind::BranchRemoved, "", [Some(before.brief(*branch)), None], (safe, true));
            self.pointer.back(mark);
        }
    }

    fn symbols(&mut self, a: &Enum, b: &Enum) {
        let defaulted = |of: &Enum| of.default.as_ref().is_some_and(|own| of.symbols.contains(own));
        for symbol in b.symbols.iter().filter(|symbol| !a.symbols.contains(symbol)) {
            self.told(ChangeKind::SymbolAdded, "symbols", [None, Some(text(symbol))], (true, defaulted(a)));
        }
        for symbol in a.symbols.iter().filter(|symbol| !b.symbols.contains(symbol)) {
            self.told(ChangeKind::SymbolRemoved, "symbols", [Some(text(symbol)), None], (defaulted(b), true));
        }
        let order: Vec<usize> =
            b.symbols.iter().filter_map(|symbol| a.symbols.iter().position(|old| old == symbol)).collect();
        if order.windows(2).any(|pair| pair[0] > pair[1]) {
            let all = |of: &Enum| Some(texts(of.symbols.iter().map(String::as_str)));
            self.told(ChangeKind::SymbolsReordered, "symbols", [all(a), all(b)], (true, true));
        }
        let default = |of: &Enum| of.default.as_deref().map(text);
        self.harmless(ChangeKind::DefaultChanged, "default", default(a), default(b));
    }

    fn fields(&mut self, a: &'s Record, b: &'s Record) {
        let mut kept = Vec::new();
        for (index, field) in b.fields.iter().enumerate() {
            let mark = self.pointer.mark();
            self.pointer.field(index);
            let renamed =
                || field.aliases.iter().filter(|alias| b.field(alias).is_none()).find_map(|alias| a.field(alias));
            if let Some((place, old)) = a.field(&field.name).or_else(renamed) {
                kept.push(place);
                self.field(old, field);
            } else {
                let after = Json::Object(vec![
                    ("name".to_owned(), text(&field.name)),
                    ("type".to_owned(), self.after.brief(field.kind)),
                ]);
                self.told(ChangeKind::FieldAdded, "", [None, Some(after)], (field.default.is_some(), true));
            }
            self.pointer.back(mark);
        }
        if kept.windows(2).any(|pair| pair[0] > pair[1]) {
            let all = |of: &Record| Some(texts(of.fields.iter().map(|field| field.name.as_str())));
            self.told(ChangeKind::FieldMoved, "fields", [all(a), all(b)], (true, true));
        }
        for (index, field) in a.fields.iter().enumerate().filter(|(index, _)| !kept.contains(index)) {
            let mark = self.pointer.mark();
            self.pointer.field(index);
            let before = Json::Object(vec![
                ("name".to_owned(), text(&field.name)),
                ("type".to_owned(), self.before.brief(field.kind)),
            ]);
            self.told(ChangeKind::FieldRemoved, "", [Some(before), None], (true, field.default.is_some()));
            self.pointer.back(mark);
        }
    }

    fn field(&mut self, old: &Field, new: &Field) {
        if old.name != new.name {
            let safe = (true, old.default.is_some() || old.aliases.contains(&new.name));
            self.told(ChangeKind::FieldRenamed, "name", [Some(text(&old.name)), Some(text(&new.name))], safe);
        }
        let mark = self.pointer.mark();
        self.pointer.step("type");
        self.types(old.kind, new.kind);
        self.pointer.back(mark);
        self.harmless(ChangeKind::DocChanged, "doc", old.doc.as_deref().map(text), new.doc.as_deref().map(text));
        self.harmless(
            ChangeKind::DefaultChanged,
            "default",
            old.default.as_ref().map(Json::sorted),
            new.default.as_ref().map(Json::sorted),
        );
        let order = |field: &Field| Some(text(field.order.as_str()));
        self.harmless(ChangeKind::OrderChanged, "order", order(old), order(new));
        let aliases = |field: &Field| Some(texts(field.aliases.iter().map(String::as_str)));
        self.harmless(ChangeKind::AliasesChanged, "aliases", aliases(old), aliases(new));
        self.attributes(&old.attributes, &new.attributes);
    }
}

/// Whether a union of `branches` reads a branch of another.
fn any_reads(reader: &Schema, branches: &[NodeId], writer: &Schema, branch: NodeId) -> bool {
    branches.iter().any(|own| reads(reader, *own, writer, branch))
}

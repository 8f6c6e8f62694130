//! A model's schema against the schema it should follow: what a program would get wrong.

use std::collections::HashSet;

use crate::pointer::Pointer;
use crate::{Enum, Field, Logical, Name, Node, NodeId, Record, Schema, Type, deep};

/// What differs between a model and its schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each says itself what differs")]
pub enum ProblemKind {
    MissingField,
    ExtraField,
    Type,
    Nullability,
    LogicalType,
    Default,
    Name,
    EnumSymbols,
}

impl ProblemKind {
    /// The kind as a word for machines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MissingField => "missing_field",
            Self::ExtraField => "extra_field",
            Self::Type => "type",
            Self::Nullability => "nullability",
            Self::LogicalType => "logical_type",
            Self::Default => "default",
            Self::Name => "name",
            Self::EnumSymbols => "enum_symbols",
        }
    }
}

impl std::fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What differs.
    pub kind: ProblemKind,
    /// Where: in the model, or in the schema for what the model lacks.
    pub pointer: String,
    /// What is there, and what should be.
    pub message: String,
}

/// What is wrong with a model, and what only deserves a look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Data would be lost, refused or misread.
    pub errors: Vec<Problem>,
    /// Works, but the two say different things.
    pub warnings: Vec<Problem>,
}

impl Report {
    /// Whether nothing at all was found.
    pub fn is_clean(&self) -> bool {
        self.errors.is_empty() && self.warnings.is_empty()
    }
}

/// What differs between the schema of a model and the schema it should follow, at any depth. Promotions do not count: an
/// int is no float here.
pub fn validate(model: &Schema, schema: &Schema) -> Report {
    let mut walk =
        Walk { model, schema, pointer: Pointer::default(), visited: HashSet::new(), report: Report::default() };
    walk.types(model.root_id(), schema.root_id());
    walk.report
}

struct Walk<'s> {
    model: &'s Schema,
    schema: &'s Schema,
    pointer: Pointer,
    visited: HashSet<(NodeId, NodeId)>,
    report: Report,
}

impl<'s> Walk<'s> {
    fn error(&mut self, kind: ProblemKind, last: &str, message: String) {
        let pointer = self.pointer.at(last);
        self.report.errors.push(Problem { kind, pointer, message });
    }

    fn warn(&mut self, kind: ProblemKind, last: &str, message: String) {
        let pointer = self.pointer.at(last);
        self.report.warnings.push(Problem { kind, pointer, message });
    }

    fn types(&mut self, model: NodeId, schema: NodeId) {
        deep(|| self.types_here(model, schema));
    }

    fn types_here(&mut self, m: NodeId, s: NodeId) {
        let (model, schema) = (self.model.node(m), self.schema.node(s));
        if model.kind.name().is_some() && !self.visited.insert((m, s)) {
            return;
        }
        let mark = self.pointer.mark();
        match (&model.kind, &schema.kind) {
            (Type::Union(a), Type::Union(b)) => self.unions((m, a), (s, b)),
            (Type::Union(branches), _) | (_, Type::Union(branches)) => self.nullability((m, s), branches),
            (Type::Array(a), Type::Array(b)) => {
                self.pointer.step("items");
                self.types(*a, *b);
            }
            (Type::Map(a), Type::Map(b)) => {
                self.pointer.step("values");
                self.types(*a, *b);
            }
            (Type::Record(a), Type::Record(b)) => {
                self.names(model, schema);
                self.fields(a, b);
            }
            (Type::Enum(a), Type::Enum(b)) => {
                self.names(model, schema);
                self.symbols(a, b);
            }
            (Type::Fixed(a), Type::Fixed(b)) => {
                self.names(model, schema);
                if a.size != b.size {
                    let message = format!("{} bytes in the model, {} in the schema", a.size, b.size);
                    self.error(ProblemKind::Type, "size", message);
                }
                self.logical(model, schema);
            }
            (a, b) if std::mem::discriminant(a) == std::mem::discriminant(b) => self.logical(model, schema),
            _ => self.mismatch(m, s),
        }
        self.pointer.back(mark);
    }

    fn mismatch(&mut self, model: NodeId, schema: NodeId) {
        let message = format!("{} in the model, {} in the schema", self.model.brief(model), self.schema.brief(schema));
        self.error(ProblemKind::Type, "", message);
    }

    fn logical(&mut self, model: &Node, schema: &Node) {
        if model.logical != schema.logical {
            let shown = |logical: Option<Logical>| match logical {
                Some(Logical::Decimal { precision, scale }) => format!("decimal({precision}, {scale})"),
                Some(logical) => logical.as_str().to_owned(),
                None => "no logical type".to_owned(),
            };
            let message = format!("{} in the model, {} in the schema", shown(model.logical), shown(schema.logical));
            self.error(ProblemKind::LogicalType, "logicalType", message);
        }
    }

    fn names(&mut self, model: &Node, schema: &Node) {
        let (Some(a), Some(b)) = (model.kind.name(), schema.kind.name()) else { return };
        let message = format!("{a} in the model, {b} in the schema");
        if a.simple() != b.simple() && !model.kind.aliases().contains(b) {
            self.error(ProblemKind::Name, "name", message);
        } else if a != b {
            self.warn(ProblemKind::Name, "name", message);
        }
    }

    fn symbols(&mut self, model: &Enum, schema: &Enum) {
        let lacking = |of: &[String], from: &[String]| -> Vec<String> {
            of.iter().filter(|symbol| !from.contains(symbol)).cloned().collect()
        };
        let (missing, extra) = (lacking(&schema.symbols, &model.symbols), lacking(&model.symbols, &schema.symbols));
        if !missing.is_empty() {
            let message = format!("the model lacks the symbols {}", missing.join(", "));
            if model.default.is_some() {
                self.warn(ProblemKind::EnumSymbols, "symbols", message);
            } else {
                self.error(ProblemKind::EnumSymbols, "symbols", message);
            }
        }
        if !extra.is_empty() {
            let message = format!("the schema lacks the symbols {}", extra.join(", "));
            self.error(ProblemKind::EnumSymbols, "symbols", message);
        }
    }

    fn nullability(&mut self, (m, s): (NodeId, NodeId), branches: &[NodeId]) {
        let model_is_union = matches!(self.model.node(m).kind, Type::Union(_));
        let of = if model_is_union { self.model } else { self.schema };
        let rest: Vec<NodeId> = branches.iter().copied().filter(|id| !is_null(of, *id)).collect();
        let [one] = rest[..] else { return self.mismatch(m, s) };
        if rest.len() < branches.len() {
            let message = if model_is_union {
                "may be null in the model, not in the schema"
            } else {
                "may be null in the schema, not in the model"
            };
            self.error(ProblemKind::Nullability, "", message.to_owned());
        }
        if model_is_union { self.types(one, s) } else { self.types(m, one) }
    }

    fn unions(&mut self, (m, a): (NodeId, &[NodeId]), (s, b): (NodeId, &[NodeId])) {
        let nullable = |schema: &Schema, ids: &[NodeId]| ids.iter().any(|id| is_null(schema, *id));
        if nullable(self.model, a) != nullable(self.schema, b) {
            let who = if nullable(self.model, a) { ("model", "schema") } else { ("schema", "model") };
            self.error(ProblemKind::Nullability, "", format!("may be null in the {}, not in the {}", who.0, who.1));
        }
        let of = |schema: &Schema, ids: &[NodeId]| -> Vec<NodeId> {
            ids.iter().copied().filter(|id| !is_null(schema, *id)).collect()
        };
        let (left, right) = (of(self.model, a), of(self.schema, b));
        if let ([one], [other]) = (&left[..], &right[..]) {
            return self.types(*one, *other);
        }
        let label = |schema: &Schema, id: NodeId| {
            let kind = &schema.node(id).kind;
            kind.name().map_or(kind.word(), Name::simple).to_owned()
        };
        let mut paired = 0;
        for own in &left {
            if let Some(other) = right.iter().find(|other| label(self.schema, **other) == label(self.model, *own)) {
                paired += 1;
                let mark = self.pointer.mark();
                self.pointer.branch(a.iter().position(|id| id == own).unwrap_or_default());
                self.types(*own, *other);
                self.pointer.back(mark);
            }
        }
        if paired < left.len().max(right.len()) {
            self.mismatch(m, s);
        }
    }

    fn fields(&mut self, model: &'s Record, schema: &'s Record) {
        let mut known = HashSet::new();
        for (index, field) in model.fields.iter().enumerate() {
            let mark = self.pointer.mark();
            self.pointer.field(index);
            let alias = || field.aliases.iter().find_map(|alias| schema.field(alias));
            if let Some((place, other)) = schema.field(&field.name).or_else(alias) {
                known.insert(place);
                self.field(field, other);
            } else {
                let message = format!("the field {} is not in the schema", field.name);
                if is_optional(self.model, field) {
                    self.warn(ProblemKind::ExtraField, "", message);
                } else {
                    self.error(ProblemKind::ExtraField, "", message);
                }
            }
            self.pointer.back(mark);
        }
        for (index, field) in schema.fields.iter().enumerate().filter(|(index, _)| !known.contains(index)) {
            let mark = self.pointer.mark();
            self.pointer.field(index);
            let message = format!("the field {} is not in the model", field.name);
            if is_optional(self.schema, field) {
                self.warn(ProblemKind::MissingField, "", message);
            } else {
                self.error(ProblemKind::MissingField, "", message);
            }
            self.pointer.back(mark);
        }
    }

    fn field(&mut self, model: &Field, schema: &Field) {
        if model.default.as_ref().map(crate::Json::sorted) != schema.default.as_ref().map(crate::Json::sorted) {
            let shown = |field: &Field| field.default.as_ref().map_or("no default".to_owned(), ToString::to_string);
            let message = format!("{} in the model, {} in the schema", shown(model), shown(schema));
            self.warn(ProblemKind::Default, "default", message);
        }
        let mark = self.pointer.mark();
        self.pointer.step("type");
        self.types(model.kind, schema.kind);
        self.pointer.back(mark);
    }
}

fn is_null(schema: &Schema, id: NodeId) -> bool {
    matches!(schema.node(id).kind, Type::Null)
}

/// Whether a value is there even when nobody writes it.
fn is_optional(schema: &Schema, field: &Field) -> bool {
    let nullable = match &schema.node(field.kind).kind {
        Type::Union(branches) => branches.iter().any(|id| is_null(schema, *id)),
        _ => false,
    };
    field.default.is_some() || nullable
}

//! A Rust type against a schema that it should agree with: everything that differs, at any depth.

use std::collections::HashSet;
use std::fmt;
use std::path::Path;

use alluvium_avro::{Logical, NodeId, Schema, Type};

use crate::model::{Message, MessageSchema, SchemaError};

/// How deep types are compared.
const DEPTH_MAX: usize = 256;

/// What kind of difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "named after what differs")]
pub enum FindingKind {
    MissingField,
    ExtraField,
    Type,
    Nullability,
    LogicalType,
    Default,
    Name,
    Symbols,
}

impl FindingKind {
    /// As tools print it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MissingField => "missing_field",
            Self::ExtraField => "extra_field",
            Self::Type => "type",
            Self::Nullability => "nullability",
            Self::LogicalType => "logical_type",
            Self::Default => "default",
            Self::Name => "name",
            Self::Symbols => "symbols",
        }
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where, in the schema.
    pub pointer: String,
    /// What kind.
    pub kind: FindingKind,
    /// What differs.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({}): {}", self.pointer, self.kind.as_str(), self.message)
    }
}

/// All differences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What keeps the type from reading or writing the schema.
    pub errors: Vec<Finding>,
    /// What does not.
    pub warnings: Vec<Finding>,
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self
            .errors
            .iter()
            .map(|finding| format!("error {finding}"))
            .chain(self.warnings.iter().map(|finding| format!("warning {finding}")))
            .collect();
        formatter.write_str(&lines.join("\n"))
    }
}

/// Why a type could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum ValidateError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is no schema.
    #[error("{path}: {source}")]
    Schema {
        /// The file or subject.
        path: String,
        /// Why.
        source: SchemaError,
    },
    /// The registry does not have it, or does not answer.
    #[error("{0}")]
    Registry(String),
}

/// A message type against a schema file.
pub fn model_file<M: Message>(path: impl AsRef<Path>) -> Result<Report, ValidateError> {
    let shown = path.as_ref().display().to_string();
    let text = std::fs::read_to_string(path).map_err(|source| ValidateError::File { path: shown.clone(), source })?;
    let schema = MessageSchema::parse(&text).map_err(|source| ValidateError::Schema { path: shown, source })?;
    Ok(compare(&schema, M::schema()))
}

/// A type's schema against one that it should agree with.
pub fn compare(schema: &MessageSchema, model: &MessageSchema) -> Report {
    let mut comparing = Comparing {
        schema: schema.parsed(),
        model: model.parsed(),
        path: Vec::new(),
        report: Report::default(),
        seen: HashSet::new(),
    };
    comparing.pair(comparing.schema.root_id(), comparing.model.root_id());
    comparing.report
}

struct Comparing<'s> {
    schema: &'s Schema,
    model: &'s Schema,
    path: Vec<String>,
    report: Report,
    seen: HashSet<(NodeId, NodeId)>,
}

impl Comparing<'_> {
    fn finding(&self, kind: FindingKind, message: String) -> Finding {
        let pointer = if self.path.is_empty() { "/".to_owned() } else { self.path.concat() };
        Finding { pointer, kind, message }
    }

    fn error(&mut self, kind: FindingKind, message: String) {
        let finding = self.finding(kind, message);
        self.report.errors.push(finding);
    }

    fn warning(&mut self, kind: FindingKind, message: String) {
        let finding = self.finding(kind, message);
        self.report.warnings.push(finding);
    }

    fn within(&mut self, step: String, judge: impl FnOnce(&mut Self)) {
        self.path.push(step);
        judge(self);
        self.path.pop();
    }

    fn pair(&mut self, schema: NodeId, model: NodeId) {
        if self.path.len() > DEPTH_MAX || !self.seen.insert((schema, model)) {
            return;
        }
        let (theirs, own) = (self.schema.node(schema), self.model.node(model));
        match (&theirs.kind, &own.kind) {
            (Type::Union(a), Type::Union(b)) => return self.unions(&a.clone(), &b.clone()),
            (Type::Union(branches), _) => {
                return self.nullability(branches, "the schema", "the type", |this, one| this.pair(one, model));
            }
            (_, Type::Union(branches)) => {
                let branches = branches.clone();
                let nulls = branches.iter().any(|branch| matches!(self.model.node(*branch).kind, Type::Null));
                let others: Vec<NodeId> = branches
                    .into_iter()
                    .filter(|branch| !matches!(self.model.node(*branch).kind, Type::Null))
                    .collect();
                if let ([one], true) = (others.as_slice(), nulls) {
                    self.error(FindingKind::Nullability, "the type can be null, the schema cannot".to_owned());
                    return self.pair(schema, *one);
                }
                return self
                    .error(FindingKind::Type, format!("the schema has {}, the type a union", theirs.kind.word()));
            }
            _ => {}
        }
        if theirs.kind.word() != own.kind.word() {
            let text = format!("the schema has {}, the type {}", theirs.kind.word(), own.kind.word());
            return self.error(FindingKind::Type, text);
        }
        if theirs.logical != own.logical {
            let name = |logical: Option<Logical>| match logical {
                Some(Logical::Decimal { precision, scale }) => format!("decimal({precision}, {scale})"),
                Some(other) => other.as_str().to_owned(),
                None => "none".to_owned(),
            };
            let text = format!("the schema has {}, the type {}", name(theirs.logical), name(own.logical));
            self.error(FindingKind::LogicalType, text);
        }
        if let (Some(a), Some(b)) = (theirs.kind.name(), own.kind.name())
            && a.full() != b.full()
        {
            self.error(FindingKind::Name, format!("the schema says {}, the type {}", a.full(), b.full()));
        }
        self.inside(schema, model);
    }

    fn inside(&mut self, schema: NodeId, model: NodeId) {
        let (theirs, own) = (self.schema, self.model);
        match (&theirs.node(schema).kind, &own.node(model).kind) {
            (Type::Array(a), Type::Array(b)) => self.within("/items".to_owned(), |this| this.pair(*a, *b)),
            (Type::Map(a), Type::Map(b)) => self.within("/values".to_owned(), |this| this.pair(*a, *b)),
            (Type::Enum(a), Type::Enum(b)) if a.symbols != b.symbols => {
                let text = format!("the schema has [{}], the type [{}]", a.symbols.join(", "), b.symbols.join(", "));
                let same_set =
                    a.symbols.len() == b.symbols.len() && a.symbols.iter().all(|each| b.symbols.contains(each));
                self.within("/symbols".to_owned(), |this| {
                    if same_set {
                        this.warning(FindingKind::Symbols, text);
                    } else {
                        this.error(FindingKind::Symbols, text);
                    }
                });
            }
            (Type::Fixed(a), Type::Fixed(b)) if a.size != b.size => {
                let text = format!("the schema has {} bytes, the type {}", a.size, b.size);
                self.within("/size".to_owned(), |this| this.error(FindingKind::Type, text));
            }
            (Type::Record(a), Type::Record(b)) => {
                for (at, field) in a.fields.iter().enumerate() {
                    let Some((_, mine)) = b.field(&field.name) else {
                        let nullable = matches!(&theirs.node(field.kind).kind, Type::Union(branches)
                            if branches.iter().any(|branch| matches!(theirs.node(*branch).kind, Type::Null)));
                        let text = format!("the type has no field `{}`", field.name);
                        self.within(format!("/fields/{at}"), |this| {
                            if field.default.is_some() || nullable {
                                this.warning(FindingKind::MissingField, text);
                            } else {
                                this.error(FindingKind::MissingField, text);
                            }
                        });
                        continue;
                    };
                    if field.default != mine.default {
                        let shown = |default: &Option<alluvium_avro::Json>| {
                            default.as_ref().map_or_else(|| "none".to_owned(), |json| json.to_value().to_string())
                        };
                        let text = format!(
                            "the schema has default {}, the type {}",
                            shown(&field.default),
                            shown(&mine.default)
                        );
                        self.within(format!("/fields/{at}/default"), |this| this.warning(FindingKind::Default, text));
                    }
                    self.within(format!("/fields/{at}/type"), |this| this.pair(field.kind, mine.kind));
                }
                for field in b.fields.iter().filter(|field| a.field(&field.name).is_none()) {
                    let text = format!("the schema has no field `{}`", field.name);
                    self.within("/fields".to_owned(), |this| this.error(FindingKind::ExtraField, text));
                }
            }
            _ => {}
        }
    }

    fn nullability(&mut self, branches: &[NodeId], has: &str, lacks: &str, inner: impl FnOnce(&mut Self, NodeId)) {
        let is_null = |branch: &&NodeId| matches!(self.schema.node(**branch).kind, Type::Null);
        let others: Vec<NodeId> = branches.iter().filter(|branch| !is_null(branch)).copied().collect();
        match others.as_slice() {
            [one] if others.len() < branches.len() => {
                self.error(FindingKind::Nullability, format!("{has} can be null, {lacks} cannot"));
                inner(self, *one);
            }
            _ => self.error(FindingKind::Type, format!("{has} is a union, {lacks} is not")),
        }
    }

    fn unions(&mut self, theirs: &[NodeId], own: &[NodeId]) {
        let name = |schema: &Schema, id: NodeId| {
            let kind = &schema.node(id).kind;
            kind.name().map_or_else(|| kind.word().to_owned(), |name| name.full().to_owned())
        };
        let mine: Vec<String> = own.iter().map(|id| name(self.model, *id)).collect();
        let wanted: Vec<String> = theirs.iter().map(|id| name(self.schema, *id)).collect();
        let null = "null".to_owned();
        if mine.contains(&null) != wanted.contains(&null) {
            let (has, lacks) =
                if mine.contains(&null) { ("the type", "the schema") } else { ("the schema", "the type") };
            self.error(FindingKind::Nullability, format!("{has} can be null, {lacks} cannot"));
        }
        let others = |names: &[String], ids: &[NodeId]| -> Vec<(String, NodeId)> {
            names.iter().cloned().zip(ids.iter().copied()).filter(|(name, _)| *name != null).collect()
        };
        let (mine, wanted) = (others(&mine, own), others(&wanted, theirs));
        if let ([(_, mine)], [(_, wanted)]) = (mine.as_slice(), wanted.as_slice()) {
            return self.pair(*wanted, *mine);
        }
        for (branch, id) in &wanted {
            match mine.iter().find(|(name, _)| name == branch) {
                Some((_, own)) => self.within(format!("/{branch}"), |this| this.pair(*id, *own)),
                None => self.error(FindingKind::Type, format!("the type has no branch {branch}")),
            }
        }
        for (branch, _) in mine.iter().filter(|(branch, _)| !wanted.iter().any(|(name, _)| name == branch)) {
            self.error(FindingKind::Type, format!("the schema has no branch {branch}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Serialize, serde::Deserialize, crate::Message)]
    #[message(topic = "orders", name = "Order", namespace = "shop")]
    struct Order {
        id: i64,
        note: Option<String>,
    }

    fn found(schema: &str) -> Vec<String> {
        compare(&MessageSchema::parse(schema).unwrap(), Order::schema())
            .errors
            .into_iter()
            .map(|finding| format!("{} {}", finding.pointer, finding.kind.as_str()))
            .collect()
    }

    #[test]
    fn finds_nothing_where_nothing_differs() {
        assert_eq!(compare(Order::schema(), Order::schema()), Report::default());
    }

    #[test]
    fn finds_everything_at_once() {
        let schema = r#"{"type": "record", "name": "Order", "namespace": "store", "fields": [
            {"name": "id", "type": "double"},
            {"name": "note", "type": "string"},
            {"name": "more", "type": "int"}
        ]}"#;
        assert_eq!(
            found(schema),
            ["/ name", "/fields/0/type type", "/fields/1/type nullability", "/fields/2 missing_field"]
        );
    }
}

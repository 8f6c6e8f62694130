//! The model: nodes in one list, so that recursive types need no pointers and a schema is cheap to share.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use crate::json::Json;
use crate::name::Name;
use crate::parse::{self, Named, ParseErrors, Strictness};

/// A parsed schema with its references resolved. A clone shares everything.
///
/// Two schemas are equal when their identity texts are.
#[derive(Clone)]
pub struct Schema(pub(crate) Arc<Parsed>);

pub(crate) struct Parsed {
    pub text: String,
    pub nodes: Vec<Node>,
    pub root: NodeId,
    pub names: HashMap<String, NodeId>,
    pub canonical: OnceLock<(String, u64)>,
}

/// Which node of a schema; only meaningful in the schema it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(crate) u32);

/// One type in a schema, with what was written on it.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it is.
    pub kind: Type,
    /// The logical type, when it is one we know and valid for this type. Others stay among the attributes.
    pub logical: Option<Logical>,
    /// The documentation.
    pub doc: Option<String>,
    /// All other attributes in the order given, `logicalType` and its parameters included.
    pub attributes: Vec<(String, Json)>,
    /// Whether the type is defined in a reference rather than in the schema's own text.
    pub external: bool,
}

/// The types of Avro.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the specification's own names")]
pub enum Type {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Array(NodeId),
    Map(NodeId),
    Union(Vec<NodeId>),
    Record(Record),
    Enum(Enum),
    Fixed(Fixed),
}

/// A record type.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its name.
    pub name: Name,
    /// Other names it went by.
    pub aliases: Vec<Name>,
    /// Its fields in order.
    pub fields: Vec<Field>,
    /// Whether it was declared as `error`, as protocols do.
    pub error: bool,
    /// Indexes of fields by name.
    pub(crate) by_name: Vec<u32>,
}

impl Record {
    /// The field of that name and its index.
    pub fn field(&self, name: &str) -> Option<(usize, &Field)> {
        let place = self.by_name.binary_search_by(|index| self.fields[*index as usize].name.as_str().cmp(name)).ok()?;
        let index = self.by_name[place] as usize;
        Some((index, &self.fields[index]))
    }
}

/// A field of a record.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: NodeId,
    /// The documentation.
    pub doc: Option<String>,
    /// The default, as JSON after Avro's rules.
    pub default: Option<Json>,
    /// How it takes part in sorting.
    pub order: Order,
    /// Other names it went by.
    pub aliases: Vec<String>,
    /// All other attributes in the order given.
    pub attributes: Vec<(String, Json)>,
}

impl Field {
    /// An attribute that Avro itself does not know.
    pub fn attribute(&self, key: &str) -> Option<&Json> {
        self.attributes.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }
}

/// How a field takes part in sorting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the specification's own names")]
pub enum Order {
    #[default]
    Ascending,
    Descending,
    Ignore,
}

impl Order {
    /// As written in a schema.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ascending => "ascending",
            Self::Descending => "descending",
            Self::Ignore => "ignore",
        }
    }
}

/// An enum type.
#[derive(Clone, Debug)]
pub struct Enum {
    /// Its name.
    pub name: Name,
    /// Other names it went by.
    pub aliases: Vec<Name>,
    /// Its symbols in order.
    pub symbols: Vec<String>,
    /// The symbol readers take for one they do not know.
    pub default: Option<String>,
}

/// A type of a fixed number of bytes.
#[derive(Clone, Debug)]
pub struct Fixed {
    /// Its name.
    pub name: Name,
    /// Other names it went by.
    pub aliases: Vec<Name>,
    /// How many bytes.
    pub size: u32,
}

/// The logical types of Avro 1.12, as far as they are valid for the type they stand on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the specification's own names")]
pub enum Logical {
    Decimal { precision: u32, scale: u32 },
    BigDecimal,
    Uuid,
    Date,
    TimeMillis,
    TimeMicros,
    TimestampMillis,
    TimestampMicros,
    TimestampNanos,
    LocalTimestampMillis,
    LocalTimestampMicros,
    LocalTimestampNanos,
    Duration,
}

impl Logical {
    /// As written in `logicalType`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Decimal { .. } => "decimal",
            Self::BigDecimal => "big-decimal",
            Self::Uuid => "uuid",
            Self::Date => "date",
            Self::TimeMillis => "time-millis",
            Self::TimeMicros => "time-micros",
            Self::TimestampMillis => "timestamp-millis",
            Self::TimestampMicros => "timestamp-micros",
            Self::TimestampNanos => "timestamp-nanos",
            Self::LocalTimestampMillis => "local-timestamp-millis",
            Self::LocalTimestampMicros => "local-timestamp-micros",
            Self::LocalTimestampNanos => "local-timestamp-nanos",
            Self::Duration => "duration",
        }
    }
}

impl Type {
    /// The word for the type in a schema: `int`, `record`, `union`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Bytes => "bytes",
            Self::String => "string",
            Self::Array(_) => "array",
            Self::Map(_) => "map",
            Self::Union(_) => "union",
            Self::Record(_) => "record",
            Self::Enum(_) => "enum",
            Self::Fixed(_) => "fixed",
        }
    }

    /// The name of a record, enum or fixed.
    pub fn name(&self) -> Option<&Name> {
        match self {
            Self::Record(record) => Some(&record.name),
            Self::Enum(of) => Some(&of.name),
            Self::Fixed(fixed) => Some(&fixed.name),
            _ => None,
        }
    }

    /// The aliases of a record, enum or fixed.
    pub fn aliases(&self) -> &[Name] {
        match self {
            Self::Record(record) => &record.aliases,
            Self::Enum(of) => &of.aliases,
            Self::Fixed(fixed) => &fixed.aliases,
            _ => &[],
        }
    }
}

impl Node {
    pub(crate) fn plain(kind: Type) -> Self {
        Self { kind, logical: None, doc: None, attributes: Vec::new(), external: false }
    }

    /// An attribute that is no part of the type's own definition.
    pub fn attribute(&self, key: &str) -> Option<&Json> {
        self.attributes.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }
}

impl Schema {
    /// Reads a schema that stands alone, with all of Avro's rules.
    pub fn parse(text: &str) -> Result<Self, ParseErrors> {
        Self::parse_with(text, &[], Strictness::Strict)
    }

    /// Reads a schema that may use the types of `references`, which come in an order where each only uses earlier ones.
    pub fn parse_with(text: &str, references: &[Named], strictness: Strictness) -> Result<Self, ParseErrors> {
        parse::parse(text, references, strictness)
    }

    /// The text it was read from.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The type of the schema itself.
    pub fn root(&self) -> &Node {
        self.node(self.0.root)
    }

    /// Where the type of the schema itself is.
    pub fn root_id(&self) -> NodeId {
        self.0.root
    }

    /// The type at `id`, which came from this schema.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.0.nodes[id.0 as usize]
    }

    /// The record, enum or fixed of that full name.
    pub fn named(&self, full_name: &str) -> Option<NodeId> {
        self.0.names.get(full_name).copied()
    }

    /// All records, enums and fixed types in the order in which they are defined, those of references first.
    pub fn named_types(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        let nodes = self.0.nodes.iter().enumerate();
        nodes.filter(|(_, node)| node.kind.name().is_some()).map(|(index, node)| (NodeId(index as u32), node))
    }

    /// The full name of the schema's own type, if it has one.
    pub fn full_name(&self) -> Option<&str> {
        self.root().kind.name().map(Name::full)
    }
}

impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.identity_text() == other.identity_text()
    }
}

impl Eq for Schema {}

impl std::fmt::Debug for Schema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Schema").field(&self.0.text).finish()
    }
}

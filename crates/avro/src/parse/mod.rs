//! Text to model. Every finding is told, so reading goes on after one with `null` in place of the type.

mod default;
mod logical;
mod named;
mod types;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use crate::json::{self, Json, Spanned, SpannedValue, line_and_column};
use crate::schema::{Node, NodeId, Parsed, Schema, Type};

/// Largest schema text that is read.
pub const SCHEMA_BYTES_MAX: usize = 1024 * 1024;

/// Most findings told of one text; what is beyond is counted only.
pub const FINDINGS_MAX: usize = 100;

/// Most references of one schema.
pub const REFERENCES_MAX: usize = 10_000;

/// A schema that others may use by the names of its types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// What the reference is called; for Avro the full name of the type.
    pub name: String,
    /// The schema text.
    pub text: String,
}

/// How exact a text must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// Every rule of the specification.
    Strict,
    /// Names, defaults and repeated attributes are taken as they are, for schemas that others accepted before.
    Lenient,
}

/// What kind of rule a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The text is no JSON.
    Syntax,
    /// A limit on size or depth.
    Limit,
    /// An attribute is missing, given twice, or of the wrong shape.
    Attribute,
    /// There is no such type.
    Type,
    /// A name that Avro does not allow.
    Name,
    /// A name, field or symbol that is there already.
    Duplicate,
    /// The rules of unions.
    Union,
    /// A default that is no value of its type.
    Default,
    /// A reference that cannot be read.
    Reference,
}

/// One thing that is wrong with a schema text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which rule.
    pub fault: Fault,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// Where in the JSON, `/` being all of it.
    pub pointer: String,
    /// What was found, and what would be right.
    pub message: String,
    /// The reference it is in, unless it is in the schema itself.
    pub reference: Option<String>,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at line {}, column {} ({})", self.message, self.line, self.column, self.pointer)?;
        self.reference.iter().try_for_each(|name| write!(f, " of the reference {name}"))
    }
}

/// Everything that is wrong with a schema text, in the order of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseErrors {
    /// At least one, at most [`FINDINGS_MAX`].
    pub findings: Vec<Finding>,
    /// How many more there were.
    pub more: usize,
}

impl ParseErrors {
    /// The stable code of this error.
    pub const CODE: &'static str = "invalid_schema";

    /// The message of the first finding without its place: what registries answer.
    pub fn detail(&self) -> &str {
        self.findings.first().map_or("", |finding| &finding.message)
    }
}

impl std::fmt::Display for ParseErrors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, finding) in self.findings.iter().enumerate() {
            write!(f, "{}{finding}", if index > 0 { "; " } else { "" })?;
        }
        if self.more > 0 { write!(f, "; and {} more", self.more) } else { Ok(()) }
    }
}

impl std::error::Error for ParseErrors {}

pub(crate) fn parse(text: &str, references: &[Named], strictness: Strictness) -> Result<Schema, ParseErrors> {
    let mut parser = Parser::new(strictness);
    if references.len() > REFERENCES_MAX {
        parser.find(Fault::Limit, 0, format!("more than {REFERENCES_MAX} references"));
    } else {
        for reference in references {
            parser.reference = Some(&reference.name);
            // It was accepted when it was registered.
            parser.strictness = Strictness::Lenient;
            parser.read(&reference.text);
        }
    }
    parser.reference = None;
    parser.strictness = strictness;
    let root = parser.read(text);
    if parser.findings.is_empty() {
        let Parser { nodes, names, .. } = parser;
        return Ok(Schema(Arc::new(Parsed { text: text.to_owned(), nodes, root, names, canonical: OnceLock::new() })));
    }
    Err(ParseErrors { findings: parser.findings, more: parser.more })
}

/// One step of a pointer.
enum Step<'t> {
    Key(&'t str),
    Index(usize),
}

/// A default that waits for all types to be known.
struct Waiting<'t> {
    kind: NodeId,
    value: &'t Spanned,
    pointer: String,
    field: &'t str,
}

struct Parser<'t> {
    strictness: Strictness,
    reference: Option<&'t str>,
    nodes: Vec<Node>,
    names: HashMap<String, NodeId>,
    findings: Vec<Finding>,
    more: usize,
    text: &'t str,
}

/// Reading one text: what only lives as long as its JSON.
struct Reading<'p, 't, 'j> {
    parser: &'p mut Parser<'t>,
    path: Vec<Step<'j>>,
    waiting: Vec<Waiting<'j>>,
}

const PRIMITIVES: [Type; 8] =
    [Type::Null, Type::Boolean, Type::Int, Type::Long, Type::Float, Type::Double, Type::Bytes, Type::String];

/// The node that stands for a type that could not be read, and for plain `null`.
const NULL: NodeId = NodeId(0);

/// The shared node of a primitive type without attributes.
fn primitive(word: &str) -> Option<NodeId> {
    PRIMITIVES.iter().position(|kind| kind.word() == word).map(|index| NodeId(index as u32))
}

impl<'t> Parser<'t> {
    fn new(strictness: Strictness) -> Self {
        Self {
            strictness,
            reference: None,
            nodes: PRIMITIVES.into_iter().map(Node::plain).collect(),
            names: HashMap::new(),
            findings: Vec::new(),
            more: 0,
            text: "",
        }
    }

    fn find(&mut self, fault: Fault, at: usize, message: String) {
        self.find_at(fault, line_and_column(self.text, at), "/".to_owned(), message);
    }

    fn find_at(&mut self, fault: Fault, (line, column): (u32, u32), pointer: String, message: String) {
        if self.findings.len() == FINDINGS_MAX {
            self.more += 1;
            return;
        }
        let reference = self.reference.map(str::to_owned);
        self.findings.push(Finding { fault, line, column, pointer, message, reference });
    }

    fn read(&mut self, text: &'t str) -> NodeId {
        self.text = text;
        if text.len() > SCHEMA_BYTES_MAX {
            self.find(Fault::Limit, 0, format!("the schema is larger than {SCHEMA_BYTES_MAX} bytes"));
            return NULL;
        }
        let json = match json::read(text) {
            Ok(json) => json,
            Err(error) => {
                self.find_at(Fault::Syntax, (error.line, error.column), "/".to_owned(), error.message);
                return NULL;
            }
        };
        let mut reading = Reading { parser: self, path: Vec::new(), waiting: Vec::new() };
        let root = reading.schema(&json, None);
        reading.check_defaults();
        // In the order of the text: defaults were judged last.
        self.findings.sort_by_key(|finding| (finding.reference.is_none(), finding.line, finding.column));
        root
    }
}

impl<'j> Reading<'_, '_, 'j> {
    fn strict(&self) -> bool {
        self.parser.strictness == Strictness::Strict
    }

    fn find(&mut self, fault: Fault, at: usize, message: impl Into<String>) {
        if self.parser.findings.len() == FINDINGS_MAX {
            // Where it is would cost a walk through the text, for each of what may be very many.
            self.parser.more += 1;
            return;
        }
        let pointer = self.pointer();
        let place = line_and_column(self.parser.text, at);
        self.parser.find_at(fault, place, pointer, message.into());
    }

    fn pointer(&self) -> String {
        if self.path.is_empty() {
            return "/".to_owned();
        }
        let mut out = String::new();
        for step in &self.path {
            out.push('/');
            match step {
                Step::Key(key) => out.push_str(&escape(key)),
                Step::Index(index) => out.push_str(&index.to_string()),
            }
        }
        out
    }

    /// Runs `inner` one step further down.
    fn within<T>(&mut self, step: Step<'j>, inner: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step);
        let result = inner(self);
        self.path.pop();
        result
    }

    /// Puts a new node in its place.
    fn add(&mut self, mut node: Node) -> NodeId {
        node.external = self.parser.reference.is_some();
        self.parser.nodes.push(node);
        NodeId(self.parser.nodes.len() as u32 - 1)
    }
}

/// A key as part of a pointer.
pub(crate) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The members of an object that is being read.
#[derive(Clone, Copy)]
struct Members<'j> {
    at: usize,
    list: &'j [(Spanned<String>, Spanned)],
}

impl<'j> Members<'j> {
    /// The last member of that name that is not `null`: the last wins, as in every JSON library.
    fn get(self, key: &str) -> Option<&'j Spanned> {
        let found = self.list.iter().rev().find(|(name, _)| name.value == key).map(|(_, value)| value);
        found.filter(|value| !matches!(value.value, SpannedValue::Null))
    }

    fn doc(self) -> Option<String> {
        match self.get("doc").map(|doc| &doc.value) {
            Some(SpannedValue::Text(text)) => Some(text.clone()),
            _ => None,
        }
    }

    fn has(self, key: &str) -> bool {
        self.list.iter().any(|(name, _)| name.value == key)
    }

    /// What is not in `reserved`, in the order given.
    fn others(self, reserved: &[&str]) -> Vec<(String, Json)> {
        let mut kept: Vec<(String, Json)> = Vec::new();
        for (name, value) in self.list.iter().filter(|(name, _)| !reserved.contains(&name.value.as_str())) {
            match kept.iter_mut().find(|(known, _)| *known == name.value) {
                Some(known) => known.1 = value.value.to_json(),
                None => kept.push((name.value.clone(), value.value.to_json())),
            }
        }
        kept
    }
}

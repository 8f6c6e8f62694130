//! The checker: reader against writer, all findings, recursion by memory of pairs.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use super::{Incompatibility, Kind, Policy, logical};
use crate::deep;
use crate::parse::escape;
use crate::schema::{Enum, Node, NodeId, Record, Schema, Type};

/// Most pairs of types that are compared. Schemas of people have thousands; recursive ones made for it have billions.
pub const PAIRS_MAX: u32 = 1_000_000;

/// Deepest chain of types within types that is followed.
const DEPTH_MAX: u32 = 20_000;

/// Most findings of one comparison.
pub const INCOMPATIBILITIES_MAX: usize = 1_000;

/// Everything that keeps `reader` from reading what was written with `writer`; empty if nothing does.
pub fn can_read(reader: &Schema, writer: &Schema, policy: Policy) -> Vec<Incompatibility> {
    let mut checker = Checker::new(reader, writer, policy);
    checker.collect(reader.root_id(), writer.root_id());
    checker.found
}

/// Whether one type of `reader` reads one of `writer`, by the rules of the specification.
pub(crate) fn reads(reader: &Schema, own: NodeId, writer: &Schema, other: NodeId) -> bool {
    Checker::new(reader, writer, Policy::Strict).reads(own, other)
}

type Pair = (NodeId, NodeId);

/// One step of a pointer into the reader.
#[derive(Clone, Copy)]
enum Step {
    Field(usize),
    Type,
    Items,
    Values,
    Branch(usize),
}

struct Checker<'s> {
    reader: &'s Schema,
    writer: &'s Schema,
    logical: bool,
    path: Vec<Step>,
    found: Vec<Incompatibility>,
    /// Pairs of records whose findings are told, or being told.
    visited: HashSet<Pair>,
    /// Pairs of records of which only yes or no was asked. One in progress counts as yes.
    verdicts: HashMap<Pair, bool>,
    /// Pairs in `verdicts` that are yes, in the order they were asked; some only as long as one in progress is.
    trail: Vec<Pair>,
    pairs: u32,
    depth: u32,
    exhausted: bool,
}

impl<'s> Checker<'s> {
    fn new(reader: &'s Schema, writer: &'s Schema, policy: Policy) -> Self {
        Self {
            reader,
            writer,
            logical: policy == Policy::Logical,
            path: Vec::new(),
            found: Vec::new(),
            visited: HashSet::new(),
            verdicts: HashMap::new(),
            trail: Vec::new(),
            pairs: 0,
            depth: 0,
            exhausted: false,
        }
    }

    fn reader(&self, id: NodeId) -> &'s Node {
        self.reader.node(id)
    }

    fn writer(&self, id: NodeId) -> &'s Node {
        self.writer.node(id)
    }

    fn pointer(&self, last: &str) -> String {
        let mut out = String::new();
        for step in &self.path {
            let _ = match step {
                Step::Field(index) => write!(out, "/fields/{index}"),
                Step::Type => write!(out, "/type"),
                Step::Items => write!(out, "/items"),
                Step::Values => write!(out, "/values"),
                Step::Branch(index) => write!(out, "/{index}"),
            };
        }
        if !last.is_empty() {
            out.push('/');
            out.push_str(&escape(last));
        }
        if out.is_empty() { "/".to_owned() } else { out }
    }

    fn find(&mut self, kind: Kind, last: &str, message: String) {
        if self.found.len() < INCOMPATIBILITIES_MAX {
            let pointer = self.pointer(last);
            self.found.push(Incompatibility { kind, pointer, message });
        }
    }

    /// Counts a pair against the limits. Beyond them nothing is called compatible.
    fn spend(&mut self) -> bool {
        self.pairs += 1;
        if self.pairs <= PAIRS_MAX && self.depth < DEPTH_MAX {
            return true;
        }
        if !std::mem::replace(&mut self.exhausted, true) {
            let message =
                format!("the schemas have more than {PAIRS_MAX} pairs of types, or nest deeper than {DEPTH_MAX}");
            self.found.insert(0, Incompatibility { kind: Kind::TooComplex, pointer: "/".to_owned(), message });
        }
        false
    }

    fn within(&mut self, steps: &[Step], reader: NodeId, writer: NodeId) {
        let length = self.path.len();
        self.path.extend_from_slice(steps);
        self.collect(reader, writer);
        self.path.truncate(length);
    }

    /// Tells every finding of a pair.
    fn collect(&mut self, reader: NodeId, writer: NodeId) {
        if self.exhausted || !self.spend() {
            return;
        }
        self.depth += 1;
        deep(|| self.collect_here(reader, writer));
        self.depth -= 1;
    }

    fn collect_here(&mut self, reader: NodeId, writer: NodeId) {
        let (r, w) = (self.reader(reader), self.writer(writer));
        match (&r.kind, &w.kind) {
            (Type::Union(_), Type::Union(branches)) => {
                for (index, branch) in branches.iter().enumerate() {
                    if !self.reads(reader, *branch) {
                        self.path.push(Step::Branch(index));
                        self.lacking(*branch);
                        self.path.pop();
                    }
                }
            }
            (_, Type::Union(branches)) => branches.iter().for_each(|branch| self.collect(reader, *branch)),
            (Type::Union(_), _) => {
                if !self.reads(reader, writer) {
                    self.lacking(writer);
                }
            }
            (Type::Array(a), Type::Array(b)) => self.within(&[Step::Items], *a, *b),
            (Type::Map(a), Type::Map(b)) => self.within(&[Step::Values], *a, *b),
            (Type::Record(a), Type::Record(b)) => {
                if self.visited.insert((reader, writer)) {
                    self.names(r, w);
                    self.fields(a, b);
                }
            }
            (Type::Enum(a), Type::Enum(b)) => {
                self.names(r, w);
                let missing = missing_symbols(a, b);
                if !missing.is_empty() {
                    self.find(Kind::MissingEnumSymbols, "symbols", format!("[{}]", missing.join(", ")));
                }
            }
            (Type::Fixed(a), Type::Fixed(b)) => {
                self.names(r, w);
                if a.size != b.size {
                    let message = format!("expected: {}, found: {}", b.size, a.size);
                    self.find(Kind::FixedSizeMismatch, "size", message);
                } else if let Some(message) = self.logical_mismatch(r, w) {
                    self.find(Kind::TypeMismatch, "", message);
                }
            }
            (a, b) if promotes(a, b) => {
                if let Some(message) = self.logical_mismatch(r, w) {
                    self.find(Kind::TypeMismatch, "", message);
                }
            }
            (a, b) => {
                let message = format!("reader type: {} not compatible with writer type: {}", a.word(), b.word());
                self.find(Kind::TypeMismatch, "", message);
            }
        }
    }

    fn lacking(&mut self, writer: NodeId) {
        if !self.exhausted {
            let word = self.writer(writer).kind.word().to_ascii_uppercase();
            self.find(Kind::MissingUnionBranch, "", format!("reader union lacking writer type: {word}"));
        }
    }

    fn logical_mismatch(&self, reader: &Node, writer: &Node) -> Option<String> {
        if self.logical { logical::mismatch(reader, writer) } else { None }
    }

    fn names(&mut self, reader: &Node, writer: &Node) {
        if let Some(name) = writer.kind.name().filter(|_| !same_name(reader, writer)) {
            self.find(Kind::NameMismatch, "name", format!("expected: {name}"));
        }
    }

    fn fields(&mut self, reader: &'s Record, writer: &'s Record) {
        for (index, field) in reader.fields.iter().enumerate() {
            match writer_field(reader, index, writer) {
                Ok(Some(of)) => self.within(&[Step::Field(index), Step::Type], field.kind, of),
                Ok(None) if field.default.is_some() => {}
                Ok(None) => {
                    self.path.push(Step::Field(index));
                    self.find(Kind::ReaderFieldMissingDefaultValue, "", field.name.clone());
                    self.path.pop();
                }
                Err(several) => {
                    self.path.push(Step::Field(index));
                    let message = format!("reader field {} matches several writer fields: {several}", field.name);
                    self.find(Kind::NameMismatch, "", message);
                    self.path.pop();
                }
            }
        }
    }

    /// Whether a pair is compatible, without findings.
    fn reads(&mut self, reader: NodeId, writer: NodeId) -> bool {
        if self.exhausted || !self.spend() {
            return false;
        }
        self.depth += 1;
        let verdict = deep(|| self.reads_here(reader, writer));
        self.depth -= 1;
        verdict
    }

    fn reads_here(&mut self, reader: NodeId, writer: NodeId) -> bool {
        let (r, w) = (self.reader(reader), self.writer(writer));
        match (&r.kind, &w.kind) {
            (_, Type::Union(branches)) => branches.iter().all(|branch| self.reads(reader, *branch)),
            (Type::Union(branches), _) => branches.iter().any(|branch| self.reads(*branch, writer)),
            (Type::Array(a), Type::Array(b)) | (Type::Map(a), Type::Map(b)) => self.reads(*a, *b),
            (Type::Record(a), Type::Record(b)) => same_name(r, w) && self.reads_record((reader, writer), a, b),
            (Type::Enum(a), Type::Enum(b)) => same_name(r, w) && missing_symbols(a, b).is_empty(),
            (Type::Fixed(a), Type::Fixed(b)) => {
                same_name(r, w) && a.size == b.size && self.logical_mismatch(r, w).is_none()
            }
            (a, b) => promotes(a, b) && self.logical_mismatch(r, w).is_none(),
        }
    }

    fn reads_record(&mut self, pair: Pair, reader: &'s Record, writer: &'s Record) -> bool {
        if let Some(verdict) = self.verdicts.get(&pair) {
            return *verdict;
        }
        let before = self.trail.len();
        self.verdicts.insert(pair, true);
        self.trail.push(pair);
        let verdict =
            reader.fields.iter().enumerate().all(|(index, field)| match writer_field(reader, index, writer) {
                Ok(Some(of)) => self.reads(field.kind, of),
                Ok(None) => field.default.is_some(),
                Err(_) => false,
            });
        if !verdict {
            // Whatever was found compatible meanwhile may have leant on this pair.
            for leaning in self.trail.drain(before..) {
                self.verdicts.remove(&leaning);
            }
            self.verdicts.insert(pair, false);
        }
        verdict
    }
}

/// Unqualified names are equal, or the writer's full name is an alias of the reader.
fn same_name(reader: &Node, writer: &Node) -> bool {
    match (reader.kind.name(), writer.kind.name()) {
        (Some(reads), Some(writes)) => reads.simple() == writes.simple() || reader.kind.aliases().contains(writes),
        _ => true,
    }
}

/// The type of the writer's field for the reader's field at `index`: by name or alias. `Err` lists several that match.
fn writer_field(reader: &Record, index: usize, writer: &Record) -> Result<Option<NodeId>, String> {
    let field = &reader.fields[index];
    // Most fields stand where they stood.
    let direct = writer.fields.get(index).filter(|of| of.name == field.name);
    let direct = direct.or_else(|| writer.field(&field.name).map(|(_, of)| of));
    if field.aliases.is_empty() {
        return Ok(direct.map(|of| of.kind));
    }
    let mut matches: Vec<&crate::Field> = direct.into_iter().collect();
    for alias in &field.aliases {
        if let Some((_, of)) = writer.field(alias)
            && !matches.iter().any(|known| known.name == of.name)
        {
            matches.push(of);
        }
    }
    match matches.as_slice() {
        [] => Ok(None),
        [of] => Ok(Some(of.kind)),
        several => Err(several.iter().map(|of| of.name.as_str()).collect::<Vec<_>>().join(", ")),
    }
}

/// The writer's symbols that the reader has no way to read, sorted.
fn missing_symbols<'s>(reader: &Enum, writer: &'s Enum) -> Vec<&'s str> {
    if reader.symbols == writer.symbols || reader.default.as_ref().is_some_and(|own| reader.symbols.contains(own)) {
        return Vec::new();
    }
    let known: HashSet<&String> = reader.symbols.iter().collect();
    let missing = writer.symbols.iter().filter(|symbol| !known.contains(symbol));
    let mut missing: Vec<&str> = missing.map(String::as_str).collect();
    missing.sort_unstable();
    missing
}

/// Same primitive type, or one that Avro promotes.
fn promotes(reader: &Type, writer: &Type) -> bool {
    matches!(
        (reader, writer),
        (Type::Null, Type::Null)
            | (Type::Boolean, Type::Boolean)
            | (Type::Int, Type::Int)
            | (Type::Long, Type::Long | Type::Int)
            | (Type::Float, Type::Float | Type::Int | Type::Long)
            | (Type::Double, Type::Double | Type::Int | Type::Long | Type::Float)
            | (Type::String | Type::Bytes, Type::String | Type::Bytes)
    )
}

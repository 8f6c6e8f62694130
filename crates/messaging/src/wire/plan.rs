//! How a reader's type reads what another schema wrote: at once, by way of its own schema, or not at all.

use std::collections::HashMap;
use std::sync::Arc;

use alluvium_avro::{Logical, Name, Node, NodeId, Schema, Type};

use super::resolve::Steps;
use crate::model::MessageSchema;

/// How deep types may nest before a pair of schemas is refused.
const DEPTH_MAX: usize = 256;
/// Mismatches that are listed.
const MISMATCHES_MAX: usize = 100;
/// Mismatches that a text shows.
const SHOWN_MAX: usize = 5;

/// One reason why a reader cannot read a writer's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Where, in the reader's schema; `/` is all of it.
    pub pointer: String,
    /// What.
    pub reason: String,
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {}", self.pointer, self.reason)
    }
}

/// Mismatches as one text.
pub(crate) fn list(mismatches: &[Mismatch]) -> String {
    let shown: Vec<String> = mismatches.iter().take(SHOWN_MAX).map(ToString::to_string).collect();
    let more = mismatches.len().saturating_sub(SHOWN_MAX);
    if more == 0 { shown.join("; ") } else { format!("{}; and {more} more", shown.join("; ")) }
}

/// How data of one writer's schema is read.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(crate) writer: MessageSchema,
    pub(crate) how: How,
}

#[derive(Clone, Debug)]
pub(crate) enum How {
    /// With the writer's schema, straight into the type.
    Direct,
    /// Rewritten to the reader's schema first.
    Resolved(Arc<Steps>),
    /// Not at all.
    Impossible(Arc<[Mismatch]>),
}

/// The kind of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "see Plan")]
pub enum PlanKind {
    Direct,
    Resolved,
    Impossible,
}

impl Plan {
    /// The plan of a pair.
    pub fn of(writer: &MessageSchema, reader: &MessageSchema) -> Self {
        if writer == reader {
            return Self { writer: writer.clone(), how: How::Direct };
        }
        let planner = Planner::compare(writer, reader);
        let how = if !planner.mismatches.is_empty() {
            How::Impossible(planner.mismatches.into())
        } else if planner.resolve {
            How::Resolved(Arc::new(planner.steps))
        } else {
            How::Direct
        };
        Self { writer: writer.clone(), how }
    }

    /// What rewrites a writer's data to the reader's schema, or all that keeps it from it.
    pub(crate) fn steps(writer: &MessageSchema, reader: &MessageSchema) -> Result<Steps, Vec<Mismatch>> {
        let planner = Planner::compare(writer, reader);
        if planner.mismatches.is_empty() { Ok(planner.steps) } else { Err(planner.mismatches) }
    }

    /// What kind it is.
    pub fn kind(&self) -> PlanKind {
        match self.how {
            How::Direct => PlanKind::Direct,
            How::Resolved(_) => PlanKind::Resolved,
            How::Impossible(_) => PlanKind::Impossible,
        }
    }

    /// All that makes it impossible.
    pub fn mismatches(&self) -> &[Mismatch] {
        match &self.how {
            How::Impossible(mismatches) => mismatches,
            _ => &[],
        }
    }
}

struct Planner<'s> {
    reader: &'s Schema,
    writer: &'s Schema,
    path: Vec<String>,
    steps: Steps,
    mismatches: Vec<Mismatch>,
    /// Pairs that are judged, or being judged, and whether they held so far.
    seen: HashMap<(NodeId, NodeId), bool>,
    /// Whether the type cannot be read with the writer's schema.
    resolve: bool,
}

impl<'s> Planner<'s> {
    fn compare(writer: &'s MessageSchema, reader: &'s MessageSchema) -> Self {
        let mut planner = Planner {
            reader: reader.parsed(),
            writer: writer.parsed(),
            path: Vec::new(),
            steps: Steps::default(),
            mismatches: Vec::new(),
            seen: HashMap::new(),
            resolve: false,
        };
        planner.pair(planner.reader.root_id(), planner.writer.root_id());
        planner
    }

    fn mismatch(&mut self, reason: String) -> bool {
        if self.mismatches.len() < MISMATCHES_MAX {
            let pointer = if self.path.is_empty() { "/".to_owned() } else { self.path.concat() };
            let mismatch = Mismatch { pointer, reason };
            if !self.mismatches.contains(&mismatch) {
                self.mismatches.push(mismatch);
            }
        }
        false
    }

    fn within<T>(&mut self, step: String, judge: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step);
        let verdict = judge(self);
        self.path.pop();
        verdict
    }

    /// Whether the reader's type reads the writer's; notes all reasons why not.
    fn pair(&mut self, reader: NodeId, writer: NodeId) -> bool {
        if let Some(verdict) = self.seen.get(&(reader, writer)) {
            return *verdict;
        }
        if self.path.len() > DEPTH_MAX {
            return self.mismatch("nests too deep".to_owned());
        }
        self.seen.insert((reader, writer), true);
        let verdict = self.judge(reader, writer);
        self.seen.insert((reader, writer), verdict);
        verdict
    }

    /// Whether a pair holds, without noting why not.
    fn fits(&mut self, reader: NodeId, writer: NodeId) -> bool {
        let (before, resolve, seen) = (self.mismatches.len(), self.resolve, self.seen.clone());
        let verdict = self.pair(reader, writer);
        self.mismatches.truncate(before);
        if !verdict {
            (self.resolve, self.seen) = (resolve, seen);
        }
        verdict
    }

    fn judge(&mut self, reader: NodeId, writer: NodeId) -> bool {
        let (own, theirs) = (self.reader, self.writer);
        let (r, w) = (own.node(reader), theirs.node(writer));
        match (&r.kind, &w.kind) {
            (Type::Union(branches), Type::Union(written)) => self.unions(reader, branches, written),
            (Type::Union(branches), _) => {
                let direct = nullable(own, branches).is_some() || matches!(w.kind, Type::Null);
                self.resolve |= !direct;
                self.branch(reader, branches, writer)
            }
            (_, Type::Union(written)) => {
                // Null has no place in the type: a value that is null fails when it comes.
                let mut verdict = true;
                for branch in written.iter().filter(|branch| !matches!(theirs.node(**branch).kind, Type::Null)) {
                    verdict &= self.pair(reader, *branch);
                }
                verdict
            }
            _ => self.types(reader, r, writer, w),
        }
    }

    fn unions(&mut self, reader: NodeId, branches: &[NodeId], written: &[NodeId]) -> bool {
        let mut verdict = true;
        // The type finds branches by name; one alone beside null needs no name.
        let by_name = nullable(self.reader, branches).is_none();
        for writer in written {
            let fits = self.branch(reader, branches, *writer);
            verdict &= fits;
            if fits && by_name {
                let chosen = self.steps.branches.get(&(reader, *writer)).map(|at| branches[*at]);
                self.resolve |=
                    chosen.is_none_or(|chosen| !same_name(self.reader.node(chosen), self.writer.node(*writer)));
            }
        }
        verdict
    }

    /// The reader's branch for a type of the writer: the same type first, else the first that reads it.
    fn branch(&mut self, union: NodeId, branches: &[NodeId], writer: NodeId) -> bool {
        if let Some(verdict) = self.steps.branches.get(&(union, writer)).map(|_| true) {
            return verdict;
        }
        let exact = branches.iter().position(|branch| {
            same_name(self.reader.node(*branch), self.writer.node(writer)) && self.fits(*branch, writer)
        });
        let chosen = exact.or_else(|| branches.iter().position(|branch| self.fits(*branch, writer)));
        match chosen {
            Some(at) => {
                self.steps.branches.insert((union, writer), at);
                true
            }
            None => {
                // One branch beside null: its own reasons say more.
                match nullable(self.reader, branches) {
                    Some(only) if !matches!(self.writer.node(writer).kind, Type::Null) => {
                        self.pair(only, writer);
                        false
                    }
                    _ => {
                        let what = word(self.writer.node(writer));
                        self.mismatch(format!("no branch of the union reads the writer's {what}"))
                    }
                }
            }
        }
    }

    fn types(&mut self, reader: NodeId, r: &Node, writer: NodeId, w: &Node) -> bool {
        if !logical_fits(r.logical, w.logical) {
            let name = |logical: Option<Logical>| logical.map_or_else(|| "none".to_owned(), words);
            return self.mismatch(format!("logical type {} cannot be read from {}", name(r.logical), name(w.logical)));
        }
        match (&r.kind, &w.kind) {
            (Type::Record(own), Type::Record(theirs)) => {
                let named = self.names(r, w);
                self.fields(reader, own, writer, theirs) && named
            }
            (Type::Enum(own), Type::Enum(theirs)) => {
                let named = self.names(r, w);
                let missing: Vec<&str> =
                    theirs.symbols.iter().filter(|symbol| !own.symbols.contains(symbol)).map(String::as_str).collect();
                if missing.is_empty() || own.default.is_some() {
                    return named;
                }
                self.within("/symbols".to_owned(), |this| {
                    this.mismatch(format!("no symbol and no default for [{}]", missing.join(", ")))
                })
            }
            (Type::Fixed(own), Type::Fixed(theirs)) => {
                let named = self.names(r, w);
                if own.size == theirs.size {
                    return named;
                }
                let reason = format!("size {} cannot be read from size {}", own.size, theirs.size);
                self.within("/size".to_owned(), |this| this.mismatch(reason))
            }
            (Type::Array(own), Type::Array(theirs)) => {
                self.within("/items".to_owned(), |this| this.pair(*own, *theirs))
            }
            (Type::Map(own), Type::Map(theirs)) => self.within("/values".to_owned(), |this| this.pair(*own, *theirs)),
            (Type::Null, Type::Null)
            | (Type::Boolean, Type::Boolean)
            | (Type::Int, Type::Int)
            | (Type::Long, Type::Long | Type::Int)
            | (Type::Float, Type::Float | Type::Long | Type::Int)
            | (Type::Double, Type::Double | Type::Float | Type::Long | Type::Int)
            | (Type::Bytes | Type::String, Type::Bytes | Type::String) => true,
            _ => self.mismatch(format!("{} cannot be read from {}", word(r), word(w))),
        }
    }

    fn names(&mut self, r: &Node, w: &Node) -> bool {
        let (Some(own), Some(theirs)) = (r.kind.name(), w.kind.name()) else { return true };
        if own.simple() == theirs.simple() || r.kind.aliases().iter().any(|alias| alias.full() == theirs.full()) {
            return true;
        }
        let reason = format!("{} is not called {} and has no such alias", own.full(), theirs.full());
        self.within("/name".to_owned(), |this| this.mismatch(reason))
    }

    fn fields(
        &mut self,
        reader: NodeId,
        own: &alluvium_avro::Record,
        writer: NodeId,
        theirs: &alluvium_avro::Record,
    ) -> bool {
        let mut verdict = true;
        let mut sources = vec![None; theirs.fields.len()];
        let mut absent = Vec::new();
        for (at, field) in own.fields.iter().enumerate() {
            let candidates: Vec<usize> = std::iter::once(&field.name)
                .chain(&field.aliases)
                .filter_map(|name| theirs.field(name).map(|(index, _)| index))
                .filter(|index| sources[*index].is_none())
                .collect();
            // The type would take two fields of the writer for one of its own.
            self.resolve |= candidates.len() > 1;
            verdict &= match candidates.first() {
                Some(index) => {
                    sources[*index] = Some(at);
                    let kind = theirs.fields[*index].kind;
                    self.within(format!("/fields/{at}/type"), |this| this.pair(field.kind, kind))
                }
                None if field.default.is_some() => {
                    absent.push(at);
                    true
                }
                None => self.within(format!("/fields/{at}"), |this| {
                    this.mismatch(format!("the writer has no field `{}`, and it has no default", field.name))
                }),
            };
        }
        self.steps.fields.insert((reader, writer), (sources, absent));
        verdict
    }
}

/// The one branch beside null.
fn nullable(schema: &Schema, branches: &[NodeId]) -> Option<NodeId> {
    match branches {
        [one, two] => match (&schema.node(*one).kind, &schema.node(*two).kind) {
            (Type::Null, _) => Some(*two),
            (_, Type::Null) => Some(*one),
            _ => None,
        },
        _ => None,
    }
}

/// Whether two types are one branch of a union by name.
fn same_name(reader: &Node, writer: &Node) -> bool {
    match (reader.kind.name().map(Name::full), writer.kind.name().map(Name::full)) {
        (Some(own), Some(theirs)) => own == theirs,
        (None, None) => reader.kind.word() == writer.kind.word(),
        _ => false,
    }
}

fn word(node: &Node) -> String {
    match (node.kind.name(), node.logical) {
        (Some(name), _) => name.full().to_owned(),
        (None, Some(logical)) => format!("{} ({})", node.kind.word(), words(logical)),
        (None, None) => node.kind.word().to_owned(),
    }
}

fn words(logical: Logical) -> String {
    match logical {
        Logical::Decimal { precision, scale } => format!("decimal({precision}, {scale})"),
        other => other.as_str().to_owned(),
    }
}

/// A reader that means something by a number or by bytes reads only what means the same. One that means nothing reads all.
fn logical_fits(reader: Option<Logical>, writer: Option<Logical>) -> bool {
    match reader {
        None | Some(Logical::Uuid) => true,
        Some(_) => reader == writer,
    }
}

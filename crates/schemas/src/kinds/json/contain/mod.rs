//! Whether every value that one schema admits is admitted by another: what compatibility means for JSON Schema.
//!
//! The writer's side is a conjunction of schemas ([`Writer`]): `allOf` and references add members, a branch of `anyOf` or
//! `oneOf` adds one at a time. The reader's side is taken apart keyword by keyword, and each must follow from the members.
//! Where that cannot be shown, it counts as a difference: a check may refuse too much, and says so, but does not accept what
//! breaks. Two exceptions are what registries agreed on: `oneOf` is read like `anyOf`, and a required property with a
//! default may be added.

mod array;
mod object;
mod scalar;
mod union;
mod writer;

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::keywords::step;
use super::resolve::{Address, Documents, Node, address};
use writer::{Types, Writer};

/// Steps of one comparison; more is a schema built to take long.
const STEPS_MAX: u32 = 2_000_000;
/// What one pair of schemas costs beside what it looks at.
const PAIR_STEPS: u32 = 16;
/// How deep the comparison may go, references followed.
const DEPTH_MAX: usize = 100;
/// Findings collected; more is not read by anybody.
const FINDINGS_MAX: usize = 500;

/// One way in which the reader admits less than the writer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// `TYPE_NARROWED`, `REQUIRED_ATTRIBUTE_ADDED`, …
    pub kind: &'static str,
    /// JSON pointer into the reader.
    pub pointer: String,
    /// What the reader says and what the writer says.
    pub message: String,
}

/// Everything `reader` refuses of what `writer` admits.
pub(super) fn differences(reader: &Documents, writer: &Documents, lenient: bool) -> Vec<Difference> {
    let mut check = Check {
        reader,
        writer,
        lenient,
        steps_left: STEPS_MAX,
        patterns: HashMap::new(),
        open: Vec::new(),
        proven: HashSet::new(),
        leaned_on: usize::MAX,
        gave_up: false,
    };
    let mut found = Vec::new();
    let members = Writer::of(writer, writer.root_node());
    check.admits(reader.root_node(), &members, "", &mut found);
    if check.gave_up {
        found.push(Difference {
            kind: "TOO_COMPLEX",
            pointer: String::new(),
            message: format!(
                "the comparison was given up after {STEPS_MAX} steps or {DEPTH_MAX} levels; it counts as a difference"
            ),
        });
    }
    let mut seen = HashSet::new();
    found.retain(|each| seen.insert((each.kind, each.pointer.clone(), each.message.clone())));
    found
}

type Key = (Address, Vec<(Address, u8)>);

/// One comparison under way.
pub(super) struct Check<'a> {
    reader: &'a Documents,
    writer: &'a Documents,
    lenient: bool,
    steps_left: u32,
    patterns: HashMap<&'a str, Option<regex::Regex>>,
    /// Pairs being compared: met again, they count as fitting.
    open: Vec<Key>,
    /// Pairs that fit whatever is open.
    proven: HashSet<Key>,
    /// The outermost open pair that the present one relied on.
    leaned_on: usize,
    gave_up: bool,
}

type Found = Vec<Difference>;

impl<'a> Check<'a> {
    /// Whether `reader` admits all that the writer's members admit together; what it does not is told in `found`.
    fn admits(&mut self, reader: Node<'a>, writer: &Writer<'a>, pointer: &str, found: &mut Found) -> bool {
        if self.open.len() >= DEPTH_MAX {
            self.gave_up = true;
        }
        if self.gave_up || !self.spend(PAIR_STEPS + writer.len() as u32) {
            return false;
        }
        let key = (address(reader.value), writer.key());
        if self.proven.contains(&key) {
            return true;
        }
        if let Some(at) = self.open.iter().position(|each| *each == key) {
            self.leaned_on = self.leaned_on.min(at);
            return true;
        }
        let depth = self.open.len();
        let outer = std::mem::replace(&mut self.leaned_on, usize::MAX);
        self.open.push(key.clone());
        let fits = self.admits_anew(reader, writer, pointer, found);
        self.open.pop();
        if fits && self.leaned_on >= depth {
            self.proven.insert(key);
        }
        let leaned = if self.leaned_on >= depth { usize::MAX } else { self.leaned_on };
        self.leaned_on = outer.min(leaned);
        fits
    }

    /// Takes steps off the budget; `false` when it is used up.
    fn spend(&mut self, steps: u32) -> bool {
        self.gave_up |= self.steps_left < steps;
        self.steps_left = self.steps_left.saturating_sub(steps);
        !self.gave_up
    }

    fn admits_anew(&mut self, reader: Node<'a>, writer: &Writer<'a>, pointer: &str, found: &mut Found) -> bool {
        if admits_all(reader.value) || writer.admits_nothing() {
            return true;
        }
        if reader.value == &Value::Bool(false) {
            return tell(
                found,
                "SCHEMA_REMOVED",
                pointer,
                "the reader admits nothing, the writer something".to_owned(),
            );
        }
        if writer.members().any(|member| self.same(reader, member)) {
            return true;
        }
        if let Some(target) = self.reader.follow(reader) {
            let fits = self.admits(target, writer, pointer, found);
            return if reader.draft.reads_siblings() {
                self.keywords(reader, writer, pointer, found) && fits
            } else {
                fits
            };
        }
        if reader.value.get("$ref").is_some() {
            let message = format!("$ref {} leads out of what is known, so it cannot be judged", reader.value["$ref"]);
            return tell(found, "UNJUDGED_KEYWORD", &step(pointer, "$ref"), message);
        }
        self.keywords(reader, writer, pointer, found)
    }

    /// The reader's keywords against the writer, and where that fails against each branch of the writer's unions.
    fn keywords(&mut self, reader: Node<'a>, writer: &Writer<'a>, pointer: &str, found: &mut Found) -> bool {
        let Some((union, rest)) = writer.split_union() else {
            return self.each_keyword(reader, writer, pointer, found);
        };
        let mut unused = Found::new();
        if self.each_keyword(reader, writer, pointer, &mut unused) {
            return true;
        }
        self.every_branch(reader, &union, &rest, pointer, found)
    }

    fn each_keyword(&mut self, reader: Node<'a>, writer: &Writer<'a>, pointer: &str, found: &mut Found) -> bool {
        let before = found.len();
        let types = writer.types();
        if let Some(values) = writer.values() {
            match self.judge_values(reader, &values, pointer, found) {
                Some(fits) => return fits,
                None => found.truncate(before),
            }
        }
        let mut fits = scalar::types(reader, types, pointer, found);
        fits &= scalar::values(reader, writer, pointer, found);
        let common = types.and(Types::of(reader.value));
        if common.has_number() {
            fits &= scalar::numbers(reader, writer, pointer, found);
        }
        if common.has_string() {
            fits &= scalar::strings(reader, writer, pointer, found);
        }
        if common.has_array() {
            fits &= self.arrays(reader, writer, pointer, found);
        }
        if common.has_object() {
            fits &= self.objects(reader, writer, pointer, found);
        }
        fits &= self.combined(reader, writer, pointer, found);
        fits & self.unjudged(reader, writer, pointer, found)
    }

    /// Keywords that are not taken apart: only equal ones are known to admit the same.
    fn unjudged(&mut self, reader: Node<'a>, writer: &Writer<'a>, pointer: &str, found: &mut Found) -> bool {
        const ALONE: [&str; 6] =
            ["$dynamicRef", "$recursiveRef", "contentEncoding", "contentMediaType", "contentSchema", "format"];
        const TOGETHER: [&[&str]; 2] = [&["if", "then", "else"], &["contains", "minContains", "maxContains"]];
        const NEIGHBOURS: [&str; 2] = ["unevaluatedItems", "unevaluatedProperties"];
        let mut fits = true;
        let groups = ALONE.iter().map(std::slice::from_ref).chain(TOGETHER.iter().copied());
        for group in groups.filter(|group| is_effective(reader.value, group)) {
            let equal =
                writer.members().any(|member| group.iter().all(|keyword| self.same_part(reader, member, keyword)));
            if !equal {
                let message = format!(
                    "{} cannot be judged and is not equal on both sides, so it counts as a difference",
                    group[0]
                );
                fits = tell(found, "UNJUDGED_KEYWORD", &step(pointer, group[0]), message);
            }
        }
        for keyword in NEIGHBOURS {
            // They depend on every keyword beside them; equal schemas were accepted before it came to this.
            if reader.value.get(keyword).is_some_and(|value| !admits_all(value)) {
                let message =
                    format!("{keyword} depends on the keywords beside it, which differ, so it counts as a difference");
                fits = tell(found, "UNJUDGED_KEYWORD", &step(pointer, keyword), message);
            }
        }
        fits
    }

    fn same_part(&mut self, reader: Node<'a>, writer: Node<'a>, keyword: &str) -> bool {
        match (reader.value.get(keyword), writer.value.get(keyword)) {
            (None, None) => true,
            (Some(r), Some(w)) => {
                self.same(Node { value: r, draft: reader.draft }, Node { value: w, draft: writer.draft })
            }
            _ => false,
        }
    }

    /// Whether both are the same text, references followed. Pairs of references met before count as equal.
    fn same(&mut self, reader: Node<'a>, writer: Node<'a>) -> bool {
        let mut met = HashSet::new();
        let mut open = vec![(reader, writer)];
        while let Some((r, w)) = open.pop() {
            if !self.spend(1) {
                return false;
            }
            match (r.value, w.value) {
                (Value::Object(left), Value::Object(right)) => {
                    let refers = left.contains_key("$ref") || right.contains_key("$ref");
                    if refers && !met.insert((address(r.value), address(w.value))) {
                        continue;
                    }
                    if left.len() != right.len() || r.draft != w.draft {
                        return false;
                    }
                    for (key, value) in left {
                        let Some(other) = right.get(key) else { return false };
                        open.push((Node { value, ..r }, Node { value: other, ..w }));
                    }
                    match (self.reader.follow(r), self.writer.follow(w)) {
                        (Some(r), Some(w)) => open.push((r, w)),
                        (None, None) => {}
                        _ => return false,
                    }
                }
                (Value::Array(left), Value::Array(right)) => {
                    if left.len() != right.len() {
                        return false;
                    }
                    open.extend(left.iter().zip(right).map(|(a, b)| (Node { value: a, ..r }, Node { value: b, ..w })));
                }
                (left, right) if left == right => {}
                _ => return false,
            }
        }
        true
    }
}

/// Whether a keyword group says anything: `then` without `if` does not, nor `contains` that asks for none.
fn is_effective(schema: &Value, group: &[&str]) -> bool {
    schema.get(group[0]).is_some()
}

/// `true`, `{}`, and schemas of annotations only.
fn admits_all(schema: &Value) -> bool {
    const ASSERTIONS: [&str; 46] = [
        "$dynamicRef",
        "$recursiveRef",
        "$ref",
        "additionalItems",
        "additionalProperties",
        "allOf",
        "anyOf",
        "const",
        "contains",
        "contentEncoding",
        "contentMediaType",
        "contentSchema",
        "dependencies",
        "dependentRequired",
        "dependentSchemas",
        "else",
        "enum",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "format",
        "if",
        "items",
        "maxContains",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minContains",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "multipleOf",
        "not",
        "oneOf",
        "pattern",
        "patternProperties",
        "prefixItems",
        "properties",
        "propertyNames",
        "required",
        "then",
        "type",
        "unevaluatedItems",
        "unevaluatedProperties",
        "uniqueItems",
    ];
    match schema {
        Value::Bool(all) => *all,
        Value::Object(object) => !object.keys().any(|key| ASSERTIONS.contains(&key.as_str())),
        _ => false,
    }
}

/// Notes a difference; always `false`, so that callers can answer it.
fn tell(found: &mut Found, kind: &'static str, pointer: &str, message: String) -> bool {
    if found.len() < FINDINGS_MAX {
        found.push(Difference { kind, pointer: pointer.to_owned(), message });
    }
    false
}

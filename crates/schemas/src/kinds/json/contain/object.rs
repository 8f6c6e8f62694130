//! Objects: named properties, patterns, all further ones, and which must be there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::writer::Writer;
use super::{Check, Found, Node, admits_all, scalar, step, tell};

/// Patterns looked at in one object; each is held against every name.
const PATTERNS_MAX: usize = 100;

/// What one schema says of properties, its patterns compiled.
struct Properties<'a> {
    node: Node<'a>,
    named: Option<&'a Map<String, Value>>,
    /// Pattern, what it compiled to (`None` if it cannot be judged), schema.
    patterns: Vec<(&'a str, Option<regex::Regex>, &'a Value)>,
    further: Option<&'a Value>,
}

impl<'a> Properties<'a> {
    fn of(node: Node<'a>, check: &mut Check<'a>) -> Self {
        let object = |keyword| node.value.get(keyword).and_then(Value::as_object);
        let patterns = object("patternProperties").into_iter().flatten();
        Self {
            node,
            named: object("properties"),
            patterns: patterns.map(|(text, schema)| (text.as_str(), check.compiled(text), schema)).collect(),
            further: node.value.get("additionalProperties"),
        }
    }

    /// The schemas that surely hold for a property of this name, as a promise of the writer.
    fn promised(&self, name: &str) -> Vec<&'a Value> {
        let mut all: Vec<&Value> = self.named.and_then(|named| named.get(name)).into_iter().collect();
        all.extend(
            self.patterns
                .iter()
                .filter(|(_, regex, _)| is_match(regex.as_ref(), name) == Some(true))
                .map(|each| each.2),
        );
        let unsure = self.patterns.iter().any(|(_, regex, _)| regex.is_none());
        if all.is_empty() && !unsure {
            all.extend(self.further);
        }
        all
    }

    /// The schemas that may hold for a property of this name, as demands of the reader, with their place.
    fn demanded(&self, name: &str, pointer: &str) -> Vec<(String, &'a Value)> {
        let mut all = Vec::new();
        let mut sure = false;
        if let Some(schema) = self.named.and_then(|named| named.get(name)) {
            all.push((step(&step(pointer, "properties"), name), schema));
            sure = true;
        }
        for (text, regex, schema) in &self.patterns {
            let matches = is_match(regex.as_ref(), name);
            if matches != Some(false) {
                all.push((step(&step(pointer, "patternProperties"), text), schema));
            }
            sure |= matches == Some(true);
        }
        if let Some(further) = self.further.filter(|_| !sure) {
            all.push((step(pointer, "additionalProperties"), further));
        }
        all
    }
}

fn is_match(regex: Option<&regex::Regex>, name: &str) -> Option<bool> {
    regex.map(|regex| regex.is_match(name))
}

impl<'a> Check<'a> {
    pub(super) fn objects(&mut self, reader: Node<'a>, writer: &Writer<'a>, pointer: &str, found: &mut Found) -> bool {
        let mut fits = scalar::count(reader, writer, ("maxProperties", "minProperties"), pointer, found);
        let read = Properties::of(reader, self);
        let written: Vec<Properties<'a>> = writer.nodes().map(|node| Properties::of(node, self)).collect();
        if read.patterns.len() + written.iter().map(|each| each.patterns.len()).sum::<usize>() > PATTERNS_MAX {
            self.gave_up = true;
            return false;
        }
        let names: BTreeSet<&str> = written
            .iter()
            .chain([&read])
            .filter_map(|each| each.named)
            .flat_map(Map::keys)
            .map(String::as_str)
            .collect();
        if !self.spend(names.len() as u32) {
            return false;
        }
        for name in names {
            fits &= self.property(name, (&read, &written), writer, pointer, found);
        }
        fits &= self.unnamed(&read, &written, writer, pointer, found);
        fits &= required(&read, &written, writer, pointer, found);
        fits &= self.names(reader, writer, pointer, found);
        fits & self.dependent(reader, writer, pointer, found)
    }

    fn property(
        &mut self,
        name: &str,
        (read, written): (&Properties<'a>, &[Properties<'a>]),
        writer: &Writer<'a>,
        pointer: &str,
        found: &mut Found,
    ) -> bool {
        let mut promised = Writer::open(writer.documents());
        for each in written {
            for value in each.promised(name) {
                promised = promised.with(Node { value, ..each.node });
            }
        }
        let is_named_by =
            |all: &[&Properties<'a>]| all.iter().any(|each| each.named.is_some_and(|named| named.contains_key(name)));
        let by_writer = is_named_by(&written.iter().collect::<Vec<_>>());
        let by_reader = is_named_by(&[read]);
        let mut fits = true;
        for (below, value) in read.demanded(name, pointer) {
            let demand = Node { value, ..read.node };
            let mut inner = Found::new();
            if self.admits(demand, &promised, &below, &mut inner) {
                continue;
            }
            let open = promised.says_nothing();
            if !by_writer && open && by_reader && self.lenient {
                continue;
            }
            fits = match (by_writer, by_reader, open) {
                (false, _, true) => tell(
                    found,
                    "PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL",
                    &below,
                    format!("the reader says what {name} is, the writer admits anything there"),
                ),
                (false, _, false) => tell(
                    found,
                    "PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
                    &below,
                    format!("{name} is narrower in the reader than what the writer admits for further properties"),
                ),
                (true, false, _) if value == &Value::Bool(false) => tell(
                    found,
                    "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL",
                    &step(&step(pointer, "properties"), name),
                    format!("{name} is gone from the reader, which admits no further properties"),
                ),
                (true, false, _) => tell(
                    found,
                    "PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
                    &below,
                    format!("{name} is gone from the reader, whose further properties are narrower"),
                ),
                (true, true, _) => {
                    found.append(&mut inner);
                    false
                }
            };
        }
        fits
    }

    /// Properties that nobody names: patterns and all further ones.
    fn unnamed(
        &mut self,
        read: &Properties<'a>,
        written: &[Properties<'a>],
        writer: &Writer<'a>,
        pointer: &str,
        found: &mut Found,
    ) -> bool {
        let mut rest = Writer::open(writer.documents());
        let mut by_pattern: BTreeMap<&str, Writer<'a>> = BTreeMap::new();
        for each in written {
            if let Some(value) = each.further {
                // A name that some pattern takes is not promised this; it is looked at with the pattern below.
                rest = rest.with(Node { value, ..each.node });
            }
            for (text, _, value) in &each.patterns {
                let entry = by_pattern.entry(text).or_insert_with(|| Writer::open(writer.documents()));
                *entry = entry.with(Node { value, ..each.node });
            }
        }
        let mut fits = true;
        for (text, _, value) in &read.patterns {
            let demand = Node { value, ..read.node };
            let below = step(&step(pointer, "patternProperties"), text);
            let promises: Vec<&Writer<'a>> = match by_pattern.get(text) {
                Some(equal) => vec![equal],
                None => by_pattern.values().chain([&rest]).collect(),
            };
            for promise in promises {
                fits &= self.further(demand, promise, &below, found);
            }
        }
        if let Some(value) = read.further {
            let demand = Node { value, ..read.node };
            let below = step(pointer, "additionalProperties");
            let own: BTreeSet<&str> = read.patterns.iter().map(|each| each.0).collect();
            let others = by_pattern.iter().filter(|(text, _)| !own.contains(*text)).map(|(_, promise)| promise);
            for promise in others.chain([&rest]) {
                fits &= self.further(demand, promise, &below, found);
            }
        }
        fits
    }

    fn further(&mut self, demand: Node<'a>, promise: &Writer<'a>, pointer: &str, found: &mut Found) -> bool {
        let mut inner = Found::new();
        if self.admits(demand, promise, pointer, &mut inner) {
            return true;
        }
        if demand.value == &Value::Bool(false) {
            let message = "the reader admits no further properties, the writer does".to_owned();
            return tell(found, "ADDITIONAL_PROPERTIES_REMOVED", pointer, message);
        }
        if promise.says_nothing() {
            let message = "the reader narrows further properties that the writer leaves open".to_owned();
            return tell(found, "ADDITIONAL_PROPERTIES_NARROWED", pointer, message);
        }
        found.append(&mut inner);
        false
    }

    fn names(&mut self, reader: Node<'a>, writer: &Writer<'a>, pointer: &str, found: &mut Found) -> bool {
        let Some(value) = reader.value.get("propertyNames").filter(|value| !admits_all(value)) else { return true };
        let mut promised = Writer::open(writer.documents());
        for node in writer.nodes() {
            if let Some(value) = node.value.get("propertyNames") {
                promised = promised.with(Node { value, ..node });
            }
        }
        if !promised.says_nothing() {
            return self.admits(Node { value, ..reader }, &promised, &step(pointer, "propertyNames"), found);
        }
        let message = "the reader restricts the names of properties, the writer does not".to_owned();
        tell(found, "PROPERTY_NAMES_ADDED", &step(pointer, "propertyNames"), message)
    }

    /// `dependentRequired`, `dependentSchemas` and both halves of `dependencies`.
    fn dependent(&mut self, reader: Node<'a>, writer: &Writer<'a>, pointer: &str, found: &mut Found) -> bool {
        const KEYWORDS: [&str; 3] = ["dependencies", "dependentRequired", "dependentSchemas"];
        let of = |node: Node<'a>, name: &str| -> Vec<&'a Value> {
            KEYWORDS.iter().filter_map(|keyword| node.value.get(*keyword)?.get(name)).collect()
        };
        let mut fits = true;
        for keyword in KEYWORDS {
            for (name, value) in reader.value.get(keyword).and_then(Value::as_object).into_iter().flatten() {
                let below = step(&step(pointer, keyword), name);
                let promises: Vec<(Node<'a>, &Value)> = writer
                    .nodes()
                    .flat_map(|node| of(node, name).into_iter().map(move |value| (node, value)))
                    .collect();
                if let Some(wanted) = value.as_array() {
                    let lists = promises
                        .iter()
                        .filter_map(|(_, value)| value.as_array())
                        .chain(writer.each("required").filter_map(Value::as_array));
                    let sure: Vec<&Value> = lists.flatten().collect();
                    if !wanted.iter().all(|each| sure.contains(&each)) {
                        let message = format!("where {name} is there the reader needs more than the writer promises");
                        fits = tell(found, "DEPENDENCY_ARRAY_ADDED", &below, message);
                    }
                    continue;
                }
                let mut promised = writer.clone();
                for (node, value) in promises.iter().filter(|(_, value)| !value.is_array()) {
                    promised = promised.with(Node { value, ..*node });
                }
                fits &= self.admits(Node { value, ..reader }, &promised, &below, found);
            }
        }
        fits
    }
}

fn required<'a>(
    read: &Properties<'a>,
    written: &[Properties<'a>],
    writer: &Writer<'a>,
    pointer: &str,
    found: &mut Found,
) -> bool {
    let texts = |value: &'a Value| value.as_array().into_iter().flatten().filter_map(Value::as_str);
    let sure: BTreeSet<&str> = writer.each("required").flat_map(texts).collect();
    let mut fits = true;
    for name in read.node.value.get("required").into_iter().flat_map(texts).filter(|name| !sure.contains(name)) {
        let has_default =
            read.named.and_then(|named| named.get(name)).is_some_and(|schema| schema.get("default").is_some());
        if has_default {
            continue;
        }
        let known = written.iter().any(|each| each.named.is_some_and(|named| named.contains_key(name)));
        let kind = if known { "REQUIRED_ATTRIBUTE_ADDED" } else { "REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL" };
        let message = format!("the reader needs {name}, the writer may leave it out, and it has no default");
        fits = tell(found, kind, &step(&step(pointer, "required"), name), message);
    }
    fits
}

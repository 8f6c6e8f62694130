//! Types, listed values, and the bounds of numbers and texts.

use std::cmp::Ordering;

use serde_json::Value;

use super::writer::{Types, Writer};
use super::{Check, Found, Node, step, tell};
use crate::kinds::json::keywords::Draft;

/// Memory one compiled pattern may take, in bytes; matching is linear in the text whatever the pattern.
const PATTERN_BYTES_MAX: usize = 1 << 18;

/// Patterns compiled in one comparison.
const PATTERNS_MAX: usize = 1000;

/// A pattern as `regex` reads it; `None` for what only backtracking engines can do.
fn compile(pattern: &str) -> Option<regex::Regex> {
    regex::RegexBuilder::new(pattern).size_limit(PATTERN_BYTES_MAX).dfa_size_limit(PATTERN_BYTES_MAX).build().ok()
}

pub fn types(reader: Node<'_>, written: Types, pointer: &str, found: &mut Found) -> bool {
    let read = Types::of(reader.value);
    if written.within(read) {
        return true;
    }
    let kind = if written.and(read).is_empty() { "TYPE_CHANGED" } else { "TYPE_NARROWED" };
    let message = format!("reader type: {} not compatible with writer type: {}", read.names(), written.names());
    tell(found, kind, &step(pointer, "type"), message)
}

/// `enum` and `const` of the reader where the writer lists no values: only types of few values can fit.
pub fn values(reader: Node<'_>, writer: &Writer<'_>, pointer: &str, found: &mut Found) -> bool {
    let lists = [
        ("enum", reader.value.get("enum")),
        ("const", reader.value.get("const").filter(|_| reader.draft > Draft::Four)),
    ];
    let mut fits = true;
    let written = writer.values();
    for (keyword, value) in lists {
        let listed: Vec<&Value> = match value {
            None => continue,
            Some(Value::Array(all)) if keyword == "enum" => all.iter().collect(),
            Some(one) => vec![one],
        };
        if written.as_ref().is_some_and(|written| written.iter().all(|each| listed.contains(each))) {
            continue;
        }
        let has = |value: &Value| !Types::of_value(value).within(writer.types()) || listed.contains(&value);
        let only_few = writer.types().within(Types::few());
        if !(only_few && [Value::Null, Value::Bool(true), Value::Bool(false)].iter().all(has)) {
            let message = format!("the reader admits only listed values, the writer any {}", writer.types().names());
            fits = tell(found, "ENUM_ARRAY_CHANGED", &step(pointer, keyword), message);
        }
    }
    fits
}

impl Types {
    /// The types whose values can be listed.
    fn few() -> Self {
        Types::of_value(&Value::Null).or(Types::of_value(&Value::Bool(true)))
    }
}

#[derive(Clone, Copy)]
struct Bound<'a> {
    value: &'a Value,
    excluded: bool,
}

/// The bound that one schema sets on one side.
fn bounds(node: Node<'_>, upper: bool) -> Vec<Bound<'_>> {
    let (plain, exclusive) = if upper { ("maximum", "exclusiveMaximum") } else { ("minimum", "exclusiveMinimum") };
    let beside = node.value.get(exclusive);
    let flagged = beside == Some(&Value::Bool(true));
    let first = node.value.get(plain).map(|value| Bound { value, excluded: flagged });
    let second = beside.filter(|value| value.is_number()).map(|value| Bound { value, excluded: true });
    first.into_iter().chain(second).collect()
}

pub fn numbers(reader: Node<'_>, writer: &Writer<'_>, pointer: &str, found: &mut Found) -> bool {
    let mut fits = true;
    for (upper, name, added, moved) in [
        (true, "maximum", "MAXIMUM_ADDED", "MAXIMUM_DECREASED"),
        (false, "minimum", "MINIMUM_ADDED", "MINIMUM_INCREASED"),
    ] {
        for bound in bounds(reader, upper) {
            let written: Vec<Bound<'_>> = writer.nodes().flat_map(|node| bounds(node, upper)).collect();
            let implied = written.iter().any(|other| {
                let order = compare(other.value, bound.value);
                let inside = if upper { Ordering::Less } else { Ordering::Greater };
                order == inside || (order == Ordering::Equal && (other.excluded || !bound.excluded))
            });
            if !implied {
                let kind = if written.is_empty() { added } else { moved };
                let message = format!("the reader's {name} {} is tighter than what the writer promises", bound.value);
                fits = tell(found, kind, &step(pointer, name), message);
            }
        }
    }
    fits & multiples(reader, writer, pointer, found)
}

fn multiples(reader: Node<'_>, writer: &Writer<'_>, pointer: &str, found: &mut Found) -> bool {
    let Some(step_read) = reader.value.get("multipleOf").and_then(Value::as_f64) else { return true };
    let whole_steps = |n: f64| (n / step_read).fract() == 0.0;
    let mut written = writer.each("multipleOf").filter_map(Value::as_f64).peekable();
    let none = written.peek().is_none();
    if written.any(whole_steps) || (writer.types().only_whole_numbers() && whole_steps(1.0)) {
        return true;
    }
    let kind = if none { "MULTIPLE_OF_ADDED" } else { "MULTIPLE_OF_CHANGED" };
    tell(
        found,
        kind,
        &step(pointer, "multipleOf"),
        format!("the writer's numbers need not be multiples of {step_read}"),
    )
}

pub fn strings(reader: Node<'_>, writer: &Writer<'_>, pointer: &str, found: &mut Found) -> bool {
    let mut fits = count(reader, writer, ("maxLength", "minLength"), pointer, found);
    if let Some(pattern) = reader.value.get("pattern")
        && !writer.each("pattern").any(|other| other == pattern)
    {
        let kind = if writer.each("pattern").next().is_some() { "PATTERN_CHANGED" } else { "PATTERN_ADDED" };
        let message = format!("the reader's pattern {pattern} is not one of the writer");
        fits = tell(found, kind, &step(pointer, "pattern"), message);
    }
    fits
}

/// Kinds by keyword: set where there was none, and tightened.
const COUNTS: [(&str, &str, &str); 6] = [
    ("maxLength", "MAX_LENGTH_ADDED", "MAX_LENGTH_DECREASED"),
    ("minLength", "MIN_LENGTH_ADDED", "MIN_LENGTH_INCREASED"),
    ("maxItems", "MAX_ITEMS_ADDED", "MAX_ITEMS_DECREASED"),
    ("minItems", "MIN_ITEMS_ADDED", "MIN_ITEMS_INCREASED"),
    ("maxProperties", "MAX_PROPERTIES_ADDED", "MAX_PROPERTIES_DECREASED"),
    ("minProperties", "MIN_PROPERTIES_ADDED", "MIN_PROPERTIES_INCREASED"),
];

/// A pair of bounds on a length.
pub fn count(
    reader: Node<'_>,
    writer: &Writer<'_>,
    (most, least): (&str, &str),
    pointer: &str,
    found: &mut Found,
) -> bool {
    let mut fits = true;
    for (keyword, added, moved) in COUNTS {
        let Some(read) = reader.value.get(keyword).filter(|_| keyword == most || keyword == least) else { continue };
        let wanted = if keyword == most { Ordering::Less } else { Ordering::Greater };
        let implied = writer.each(keyword).any(|written| compare(written, read) != wanted.reverse());
        if implied || (keyword == least && read.as_f64() == Some(0.0)) {
            continue;
        }
        let kind = if writer.each(keyword).next().is_none() { added } else { moved };
        let message = format!("the reader's {keyword} {read} is tighter than what the writer promises");
        fits = tell(found, kind, &step(pointer, keyword), message);
    }
    fits
}

/// Numbers in their order; what is no number counts as equal (such a schema was refused when it came in).
fn compare(left: &Value, right: &Value) -> Ordering {
    match (left.as_i64(), right.as_i64()) {
        (Some(left), Some(right)) => left.cmp(&right),
        _ => left.as_f64().partial_cmp(&right.as_f64()).unwrap_or(Ordering::Equal),
    }
}

impl<'a> Check<'a> {
    /// The pattern as `regex` reads it, compiled once a comparison; `None` where it cannot be judged.
    pub(super) fn compiled(&mut self, pattern: &'a str) -> Option<regex::Regex> {
        if let Some(known) = self.patterns.get(pattern) {
            return known.clone();
        }
        if self.patterns.len() >= PATTERNS_MAX {
            self.gave_up = true;
            return None;
        }
        let compiled = compile(pattern);
        self.patterns.insert(pattern, compiled.clone());
        compiled
    }

    /// The only values the writer can write, each held against the reader; `None` where one cannot be judged.
    pub(super) fn judge_values(
        &mut self,
        reader: Node<'a>,
        values: &[&Value],
        pointer: &str,
        found: &mut Found,
    ) -> Option<bool> {
        let mut fits = true;
        for value in values {
            if !self.takes(reader, value)? {
                let message = format!("the reader does not admit {value}, which the writer may write");
                let kind = if reader.value.get("enum").is_some() { "ENUM_ARRAY_NARROWED" } else { "TYPE_NARROWED" };
                let keyword = if reader.value.get("enum").is_some() { "enum" } else { "type" };
                fits = tell(found, kind, &step(pointer, keyword), message);
            }
        }
        Some(fits)
    }

    /// Whether a schema admits a value; `None` where that would take a whole validator.
    fn takes(&mut self, schema: Node<'a>, value: &Value) -> Option<bool> {
        self.spend(1).then_some(())?;
        let Value::Object(object) = schema.value else { return schema.value.as_bool() };
        let mut all = true;
        for (keyword, operand) in object {
            let fits = match keyword.as_str() {
                "type" => Types::of_value(value).within(Types::of(schema.value)),
                "enum" => operand.as_array()?.contains(value),
                "const" if schema.draft > Draft::Four => operand == value,
                "maximum" | "minimum" | "exclusiveMaximum" | "exclusiveMinimum" if value.is_number() => {
                    bounds(schema, true).iter().all(|b| in_bound(value, *b, Ordering::Less))
                        && bounds(schema, false).iter().all(|b| in_bound(value, *b, Ordering::Greater))
                }
                "maxLength" | "minLength" if value.is_string() => {
                    let letters = value.as_str()?.chars().count() as f64;
                    let bound = operand.as_f64()?;
                    if keyword == "maxLength" { letters <= bound } else { letters >= bound }
                }
                "pattern" if value.is_string() => self.compiled(operand.as_str()?)?.is_match(value.as_str()?),
                // Bounds of another type than the value's, and annotations.
                "maximum" | "minimum" | "exclusiveMaximum" | "exclusiveMinimum" | "maxLength" | "minLength"
                | "pattern" | "$comment" | "$defs" | "$id" | "$schema" | "default" | "definitions" | "deprecated"
                | "description" | "examples" | "id" | "title" | "readOnly" | "writeOnly" => true,
                _ if value.is_object() || value.is_array() => return None,
                "properties"
                | "required"
                | "additionalProperties"
                | "patternProperties"
                | "items"
                | "additionalItems"
                | "prefixItems"
                | "uniqueItems"
                | "maxItems"
                | "minItems"
                | "maxProperties"
                | "minProperties" => true,
                _ => return None,
            };
            all &= fits;
        }
        Some(all)
    }
}

fn in_bound(value: &Value, bound: Bound<'_>, inside: Ordering) -> bool {
    let order = compare(value, bound.value);
    order == inside || (order == Ordering::Equal && !bound.excluded)
}

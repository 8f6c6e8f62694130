//! What each keyword of JSON Schema may hold: the meta-schema check of every draft as one table, and the walk over sub-schemas
//! that the table makes possible.

use serde_json::Value;

use super::Fault;

/// Which text of JSON Schema a document follows; the order is that of publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Draft {
    /// draft-04: boolean `exclusiveMaximum`, no `const`.
    Four,
    /// draft-06.
    Six,
    /// draft-07, and documents that name none.
    Seven,
    /// 2019-09: siblings of `$ref` count.
    Y2019,
    /// 2020-12: `prefixItems` and `items`.
    Y2020,
}

impl Draft {
    /// The draft that `$schema` names; draft-07 where it is absent, `None` where nobody knows it.
    pub fn of(document: &Value) -> Option<Self> {
        let Some(named) = document.get("$schema") else { return Some(Self::Seven) };
        let uri = named.as_str()?.trim_end_matches('#');
        let (_, rest) = uri.split_once("://")?;
        Some(match rest.strip_prefix("json-schema.org/")? {
            "draft-04/schema" => Self::Four,
            "draft-06/schema" => Self::Six,
            "draft-07/schema" | "schema" => Self::Seven,
            "draft/2019-09/schema" => Self::Y2019,
            "draft/2020-12/schema" => Self::Y2020,
            _ => return None,
        })
    }

    /// Whether keywords beside `$ref` are read.
    pub fn reads_siblings(self) -> bool {
        self >= Self::Y2019
    }
}

/// What a keyword's value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Schema,
    Schemas,
    SchemaMap,
    SchemaOrSchemas,
    SchemaOrTextsMap,
    TextsMap,
    Number,
    PositiveNumber,
    NumberOrFlag,
    Count,
    Flag,
    Text,
    Texts,
    Type,
    List,
}

fn shape(keyword: &str) -> Option<Shape> {
    Some(match keyword {
        "additionalItems"
        | "additionalProperties"
        | "contains"
        | "contentSchema"
        | "else"
        | "if"
        | "not"
        | "propertyNames"
        | "then"
        | "unevaluatedItems"
        | "unevaluatedProperties" => Shape::Schema,
        "allOf" | "anyOf" | "oneOf" | "prefixItems" => Shape::Schemas,
        "$defs" | "definitions" | "dependentSchemas" | "patternProperties" | "properties" => Shape::SchemaMap,
        "items" => Shape::SchemaOrSchemas,
        "dependencies" => Shape::SchemaOrTextsMap,
        "dependentRequired" => Shape::TextsMap,
        "maximum" | "minimum" => Shape::Number,
        "multipleOf" => Shape::PositiveNumber,
        "exclusiveMaximum" | "exclusiveMinimum" => Shape::NumberOrFlag,
        "maxContains" | "maxItems" | "maxLength" | "maxProperties" | "minContains" | "minItems" | "minLength"
        | "minProperties" => Shape::Count,
        "$recursiveAnchor" | "deprecated" | "readOnly" | "uniqueItems" | "writeOnly" => Shape::Flag,
        "$anchor" | "$comment" | "$dynamicAnchor" | "$dynamicRef" | "$id" | "$recursiveRef" | "$ref" | "$schema"
        | "contentEncoding" | "contentMediaType" | "description" | "format" | "id" | "pattern" | "title" => Shape::Text,
        "required" => Shape::Texts,
        "type" => Shape::Type,
        "enum" | "examples" => Shape::List,
        _ => return None,
    })
}

const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

/// Every fault of one schema object itself, its sub-schemas not looked into.
pub fn check(value: &Value, draft: Draft, pointer: &str, faults: &mut Vec<Fault>) {
    let object = match value {
        Value::Object(object) => object,
        Value::Bool(_) => return,
        other => {
            return faults
                .push(Fault::new(pointer, format!("a schema is an object or a boolean, not {}", kind(other))));
        }
    };
    if draft <= Draft::Seven && object.contains_key("$ref") {
        // What stands beside a reference is not read in these drafts.
        if !object["$ref"].is_string() {
            faults.push(Fault::new(&format!("{pointer}/$ref"), "$ref must be a text".to_owned()));
        }
        return;
    }
    for (keyword, value) in object {
        let Some(shape) = shape(keyword) else { continue };
        if let Some(wanted) = wrong(value, shape, draft) {
            faults
                .push(Fault::new(&step(pointer, keyword), format!("{keyword} must be {wanted}, not {}", kind(value))));
        }
    }
}

/// What the keyword should have held, where it holds something else.
fn wrong(value: &Value, shape: Shape, draft: Draft) -> Option<&'static str> {
    let texts = |value: &Value| {
        value.as_array().is_some_and(|all| {
            let mut seen = std::collections::HashSet::new();
            all.iter().all(|each| each.as_str().is_some_and(|text| seen.insert(text)))
        })
    };
    let (fits, wanted) = match shape {
        Shape::Schema => (value.is_object() || value.is_boolean(), "a schema"),
        Shape::Schemas => (value.as_array().is_some_and(|all| !all.is_empty()), "a list of schemas, at least one"),
        Shape::SchemaMap => (value.is_object(), "an object of schemas"),
        Shape::SchemaOrSchemas => {
            (value.is_object() || value.is_boolean() || value.is_array(), "a schema or a list of schemas")
        }
        Shape::SchemaOrTextsMap => (
            value.as_object().is_some_and(|all| all.values().all(|v| v.is_object() || v.is_boolean() || texts(v))),
            "an object of schemas or of lists of names",
        ),
        Shape::TextsMap => (
            value.as_object().is_some_and(|all| all.values().all(texts)),
            "an object of lists of names, each name once",
        ),
        Shape::PositiveNumber => (value.as_f64().is_some_and(|n| n > 0.0), "a number above zero"),
        Shape::NumberOrFlag if draft == Draft::Four => (value.is_boolean(), "true or false in draft-04"),
        Shape::Number | Shape::NumberOrFlag => (value.is_number(), "a number"),
        Shape::Count => (value.as_f64().is_some_and(|n| n >= 0.0 && n.fract() == 0.0), "a whole number from 0 on"),
        Shape::Flag => (value.is_boolean(), "true or false"),
        Shape::Text => (value.is_string(), "a text"),
        Shape::Texts => (texts(value), "a list of names, each name once"),
        Shape::Type => {
            (is_type(value), "one of array, boolean, integer, null, number, object, string, or a list of them")
        }
        Shape::List => (value.is_array(), "a list"),
    };
    (!fits).then_some(wanted)
}

fn is_type(value: &Value) -> bool {
    let known = |value: &Value| value.as_str().is_some_and(|name| TYPES.contains(&name));
    match value {
        Value::Array(all) => {
            !all.is_empty()
                && all.iter().all(known)
                && all.iter().enumerate().all(|(at, each)| !all[..at].contains(each))
        }
        one => known(one),
    }
}

/// The direct sub-schemas of a schema, each with its pointer below `pointer`.
pub fn children<'a>(value: &'a Value, draft: Draft, pointer: &str) -> Vec<(String, &'a Value)> {
    let Some(object) = value.as_object() else { return Vec::new() };
    let mut found = Vec::new();
    for (keyword, value) in object {
        let Some(shape) = shape(keyword) else { continue };
        if draft <= Draft::Seven && object.contains_key("$ref") && !matches!(keyword.as_str(), "definitions" | "$defs")
        {
            continue;
        }
        let here = step(pointer, keyword);
        match (shape, value) {
            (Shape::Schema | Shape::SchemaOrSchemas, Value::Object(_) | Value::Bool(_)) => found.push((here, value)),
            (Shape::Schemas | Shape::SchemaOrSchemas, Value::Array(all)) => {
                found.extend(all.iter().enumerate().map(|(at, each)| (format!("{here}/{at}"), each)));
            }
            (Shape::SchemaMap, Value::Object(all)) => {
                found.extend(all.iter().map(|(name, each)| (step(&here, name), each)));
            }
            (Shape::SchemaOrTextsMap, Value::Object(all)) => {
                let schemas = all.iter().filter(|(_, each)| !each.is_array());
                found.extend(schemas.map(|(name, each)| (step(&here, name), each)));
            }
            _ => {}
        }
    }
    found
}

/// A JSON pointer one step further.
pub fn step(pointer: &str, token: &str) -> String {
    format!("{pointer}/{}", token.replace('~', "~0").replace('/', "~1"))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "this number",
        Value::String(_) => "this text",
        Value::Array(_) => "this list",
        Value::Object(_) => "an object",
    }
}

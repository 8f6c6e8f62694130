//! One record of a schema as a Rust struct.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::{GenerateError, Lock, Source};

/// Replaces the first mention of each named type by its definition, as Avro wants in one file.
pub fn inline(schema: &mut Value, types: &BTreeMap<&str, &Source>, seen: &mut Vec<String>) {
    match schema {
        Value::String(name) => {
            let Some(source) = types.get(name.as_str()).filter(|_| !seen.contains(name)) else { return };
            seen.push(name.clone());
            let mut definition = source.schema.clone();
            inline(&mut definition, types, seen);
            *schema = definition;
        }
        Value::Array(branches) => branches.iter_mut().for_each(|branch| inline(branch, types, seen)),
        Value::Object(object) => {
            for key in ["type", "items", "values"] {
                if let Some(inner) = object.get_mut(key) {
                    inline(inner, types, seen);
                }
            }
            if let Some(fields) = object.get_mut("fields").and_then(Value::as_array_mut) {
                fields
                    .iter_mut()
                    .filter_map(|field| field.get_mut("type"))
                    .for_each(|inner| inline(inner, types, seen));
            }
        }
        _ => {}
    }
}

/// The struct or enum, its defaults and its tie to the schema.
pub fn rust(source: &Source, inlined: &Value, lock: &Lock) -> Result<String, GenerateError> {
    if source.schema["type"] == "enum" {
        return enumeration(source);
    }
    let fields = source.schema["fields"].as_array().ok_or_else(|| source.wrong("wants `fields`"))?;
    let (mut body, mut defaults) = (String::new(), String::new());
    for field in fields {
        let name = field["name"].as_str().ok_or_else(|| source.wrong("every field wants a `name`"))?;
        let rust_type = rust_type(source, &field["type"])?;
        let _ = writeln!(
            body,
            "    /// {}",
            field["doc"].as_str().ok_or_else(|| source.wrong(format!("`{name}` wants a `doc`")))?
        );
        match field.get("default") {
            None => {}
            Some(value) if is_rust_default(value) => body.push_str("    #[serde(default)]\n"),
            Some(value) => {
                let function = format!("default_{}_{name}", source.name);
                let _ = writeln!(body, "    #[serde(default = \"{function}\")]");
                let literal = default_literal(source, value)?;
                let _ =
                    writeln!(defaults, "#[allow(non_snake_case)]\nfn {function}() -> {rust_type} {{ {literal} }}\n");
            }
        }
        if rust_type == "Vec<u8>" {
            body.push_str("    #[serde(with = \"serde_bytes\")]\n");
        }
        let _ = writeln!(body, "    pub {}: {rust_type},", identifier(name));
    }
    let name = &source.name;
    let doc = source.text("doc")?;
    // A person's JSON with a misspelt field must not be taken as if the field were absent.
    let strict = if source.kind()? == "event" { "" } else { "#[serde(deny_unknown_fields)]\n" };
    let schema = inlined.to_string();
    let history: Vec<String> = lock.history(name, &schema).iter().map(|old| format!("r####\"{old}\"####")).collect();
    Ok(format!(
        "/// {doc}\n#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]\n{strict}pub struct {name} {{\n{body}}}\n\n\
         {defaults}alluvium_messaging::contract!({name}, \"{name}\", r####\"{schema}\"####, &[{}]);\n\n",
        history.join(", ")
    ))
}

fn enumeration(source: &Source) -> Result<String, GenerateError> {
    let symbols = source.schema["symbols"].as_array().ok_or_else(|| source.wrong("wants `symbols`"))?;
    let mut body = String::new();
    for symbol in symbols.iter().filter_map(Value::as_str) {
        let _ = writeln!(body, "    #[serde(rename = \"{symbol}\")]\n    {},", camel(symbol));
    }
    Ok(format!(
        "/// {}\n#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]\npub enum {} {{\n{body}}}\n\n",
        source.text("doc")?,
        source.name
    ))
}

fn rust_type(source: &Source, schema: &Value) -> Result<String, GenerateError> {
    Ok(match schema {
        Value::String(name) => match name.as_str() {
            "string" => "String".into(),
            "boolean" => "bool".into(),
            "int" => "i32".into(),
            "long" => "i64".into(),
            "float" => "f32".into(),
            "double" => "f64".into(),
            "bytes" => "Vec<u8>".into(),
            named => named.to_owned(),
        },
        Value::Array(branches) => match branches.as_slice() {
            [Value::String(null), inner] if null == "null" => format!("Option<{}>", rust_type(source, inner)?),
            _ => return Err(source.wrong("only unions of the form [\"null\", T] become Rust")),
        },
        Value::Object(object) => match object.get("type").and_then(Value::as_str) {
            Some("array") => format!("Vec<{}>", rust_type(source, &object["items"])?),
            Some("map") => format!("std::collections::BTreeMap<String, {}>", rust_type(source, &object["values"])?),
            Some(plain) => rust_type(source, &Value::String(plain.to_owned()))?,
            None => return Err(source.wrong("a type object wants `type`")),
        },
        _ => return Err(source.wrong("a type is a name, an array or an object")),
    })
}

/// Defaults that `Default::default()` gives as well.
fn is_rust_default(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(true) => false,
    }
}

fn default_literal(source: &Source, value: &Value) -> Result<String, GenerateError> {
    match value {
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        Value::String(text) => Ok(format!("{text:?}.to_owned()")),
        _ => Err(source.wrong("this default has no Rust form: use null, a scalar, or an empty list or map")),
    }
}

fn identifier(name: &str) -> String {
    if ["type", "match", "ref", "use", "where", "in"].contains(&name) { format!("r#{name}") } else { name.to_owned() }
}

/// `snake_case` or `lower` to `CamelCase`.
pub fn camel(text: &str) -> String {
    text.split('_')
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_uppercase().collect::<String>() + letters.as_str()).unwrap_or_default()
        })
        .collect()
}

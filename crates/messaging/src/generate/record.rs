//! One contract of ours: its type by the emitter, and its tie to the schema.

use std::collections::BTreeMap;

use alluvium_avro::Schema;
use serde_json::Value;

use super::emit::{Emitter, Flavour};
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
    let text = inlined.to_string();
    let schema = Schema::parse(&text).map_err(|errors| source.wrong(errors.to_string()))?;
    source.text("doc")?;
    let is_enum = source.schema["type"] == "enum";
    // A person's JSON with a misspelt field must not be taken as if the field were absent.
    let strict = !is_enum && source.kind()? != "event";
    let names = BTreeMap::new();
    let mut emitter = Emitter::new(&schema, Flavour::Contract { strict }, &names);
    emitter.define(schema.root_id()).map_err(|reason| source.wrong(reason))?;
    let (rust, _) = emitter.finish();
    if is_enum {
        return Ok(rust);
    }
    let name = &source.name;
    let history: Vec<String> = lock.history(name, &text).iter().map(|old| format!("r####\"{old}\"####")).collect();
    Ok(format!(
        "{rust}alluvium_messaging::contract!({name}, \"{name}\", r####\"{text}\"####, &[{}]);\n\n",
        history.join(", ")
    ))
}

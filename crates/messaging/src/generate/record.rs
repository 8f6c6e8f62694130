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
        "{rust}alluvium_messaging::contract!({name}, \"{name}\", r####\"{text}\"####, &[{}]{});\n\n",
        history.join(", "),
        sealed(source)?
    ))
}

/// The fields that are marked as sealed, as the tie says them: `, sealed { "keyring.description": description by Project }`, or, in a
/// record that is of no project, `, sealed by tenant { "pipeline.program_code": program_code }`.
fn sealed(source: &Source) -> Result<String, GenerateError> {
    let fields = source.schema["fields"].as_array().map(Vec::as_slice).unwrap_or_default();
    let of_project = fields.iter().any(|field| field["name"] == "project" && field["type"] == "string");
    let mut marked = Vec::new();
    for field in fields {
        let Some(by) = field.get("sealed") else { continue };
        let by = match by.as_str() {
            Some("tenant") => "Tenant",
            Some("project") => "Project",
            Some("person") => "Person",
            _ => return Err(source.wrong("`sealed` is `tenant`, `project` or `person`")),
        };
        let is_text = field["type"] == "string" || field["type"] == serde_json::json!(["null", "string"]);
        if !is_text || !(of_project || by == "Tenant") {
            let reason =
                "a sealed field is a text, perhaps null, of a record with the field `project` or sealed by `tenant`";
            return Err(source.wrong(reason));
        }
        let name = field["name"].as_str().unwrap_or_default();
        let by = if of_project { format!(" by {by}") } else { String::new() };
        marked.push(format!("\"{}.{name}\": {name}{by}", source.text("aggregate")?));
    }
    let by = if of_project { "" } else { " by tenant" };
    Ok(if marked.is_empty() { String::new() } else { format!(", sealed{by} {{ {} }}", marked.join(", ")) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn tie(fields: Value) -> Result<String, String> {
        let schema = json!({"type": "record", "name": "R", "aggregate": "a", "fields": fields});
        sealed(&Source { name: "R".to_owned(), schema }).map_err(|error| error.to_string())
    }

    #[test]
    fn a_field_is_sealed_by_whom_its_record_knows() {
        let project = json!({"name": "project", "type": "string"});
        let text = |by: &str| json!({"name": "t", "type": "string", "sealed": by});
        let maybe = json!({"name": "n", "type": ["null", "string"], "sealed": "tenant"});
        assert_eq!(tie(json!([{"name": "t", "type": "string"}])).unwrap(), "");
        assert_eq!(tie(json!([project, text("person")])).unwrap(), r#", sealed { "a.t": t by Person }"#);
        assert_eq!(tie(json!([project, text("tenant")])).unwrap(), r#", sealed { "a.t": t by Tenant }"#);
        assert_eq!(tie(json!([text("tenant"), maybe])).unwrap(), r#", sealed by tenant { "a.t": t, "a.n": n }"#);
        for wrong in [
            json!([text("project")]),
            json!([text("person")]),
            json!([project, text("anybody")]),
            json!([{"name": "n", "type": "long", "sealed": "tenant"}]),
        ] {
            assert!(tie(wrong.clone()).is_err(), "{wrong}");
        }
    }
}

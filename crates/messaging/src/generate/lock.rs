//! What was released: `schemas/lock.json`. A released schema may only change in ways that are compatible both ways.

use std::collections::BTreeMap;

use alluvium_avro::{Level, ParseErrors, Policy, Schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Every schema text that was ever released, by context and record, oldest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Lock(BTreeMap<String, Vec<Value>>);

impl Lock {
    /// Texts of earlier releases of `record` that differ from `now`, oldest first.
    pub fn history(&self, record: &str, now: &str) -> Vec<String> {
        self.0.get(record).into_iter().flatten().map(Value::to_string).filter(|old| old != now).collect()
    }

    /// Notes the schemas as they are now as released.
    pub fn release(&mut self, schemas: &BTreeMap<String, Value>) {
        for (name, schema) in schemas {
            let versions = self.0.entry(name.clone()).or_default();
            if versions.last() != Some(schema) {
                versions.push(schema.clone());
            }
        }
    }
}

/// Every way in which `schemas` break what `lock` says was released: FULL_TRANSITIVE on the whole schema, because the
/// fingerprint alone sees neither defaults nor logical types.
pub fn check(lock: &Lock, schemas: &BTreeMap<String, Value>) -> Vec<String> {
    let mut broken = Vec::new();
    for (name, versions) in &lock.0 {
        let Some(now) = schemas.get(name) else {
            broken.push(format!("{name} was released and is gone: events stay readable for ever"));
            continue;
        };
        let old = versions.iter().filter(|old| *old != now);
        let parsed = old.clone().zip(1..).map(|(old, version)| Ok((version, Schema::parse(&old.to_string())?)));
        match (Schema::parse(&now.to_string()), parsed.collect::<Result<Vec<_>, ParseErrors>>()) {
            (Ok(now), Ok(history)) => {
                broken.extend(
                    alluvium_avro::check(&now, &history, Level::FullTransitive, Policy::Strict)
                        .iter()
                        .flat_map(|version| &version.findings)
                        .map(|finding| {
                            format!("{name}: {}: {}", finding.description(), finding.incompatibility.message)
                        }),
                );
            }
            (Err(errors), _) | (_, Err(errors)) => broken.push(format!("{name} is no Avro schema: {errors}")),
        }
        for path in old.flat_map(|old| changed_logical_types(old, now, name)) {
            broken.push(format!("{path}: the logical type changed, which no fingerprint shows"));
        }
    }
    broken
}

fn changed_logical_types(old: &Value, now: &Value, path: &str) -> Vec<String> {
    match (old, now) {
        (Value::Object(a), Value::Object(b)) => {
            let mut found = Vec::new();
            if a.get("logicalType") != b.get("logicalType") {
                found.push(path.to_owned());
            }
            for key in ["type", "items", "values", "fields"] {
                if let (Some(a), Some(b)) = (a.get(key), b.get(key)) {
                    found.extend(changed_logical_types(a, b, path));
                }
            }
            found
        }
        (Value::Array(a), Value::Array(b)) => a
            .iter()
            .filter_map(|field| {
                let name = field["name"].as_str()?;
                let same = b.iter().find(|other| other["name"] == field["name"])?;
                Some(changed_logical_types(field, same, &format!("{path}.{name}")))
            })
            .flatten()
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn locked(schema: &Value) -> Lock {
        let mut lock = Lock::default();
        lock.release(&BTreeMap::from([("A".to_owned(), schema.clone())]));
        lock
    }

    fn problems(now: &Value) -> usize {
        let old = json!({"type": "record", "name": "A", "fields": [{"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}}]});
        check(&locked(&old), &BTreeMap::from([("A".to_owned(), now.clone())])).len()
    }

    #[test]
    fn a_new_field_with_a_default_is_fine() {
        assert_eq!(
            problems(&json!({"type": "record", "name": "A", "fields": [
                {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
                {"name": "why", "type": ["null", "string"], "default": null}]})),
            0
        );
    }

    #[test]
    fn breaking_changes_are_named() {
        let without_default = json!({"type": "record", "name": "A", "fields": [
            {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}}, {"name": "why", "type": "string"}]});
        assert_eq!(problems(&without_default), 1);
        let other_logical_type = json!({"type": "record", "name": "A", "fields": [{"name": "at", "type": "long"}]});
        assert!(problems(&other_logical_type) <= 1, "a plain long has no object to compare; see the next");
        let millis = json!({"type": "record", "name": "A", "fields": [{"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}}]});
        assert!(problems(&millis) >= 1);
        assert_eq!(check(&locked(&json!({"type": "record", "name": "A", "fields": []})), &BTreeMap::new()).len(), 1);
    }
}

//! The difference of two states, field by field.

use serde_json::{Map, Value, json};

/// What is different, in the order of the fields. A list of things that have names is compared by name, any other list of plain
/// values by what was added and removed.
pub fn between(before: &Value, after: &Value) -> Vec<Value> {
    let mut changes = Vec::new();
    compare("", before, after, &mut changes);
    changes
}

fn compare(path: &str, before: &Value, after: &Value, changes: &mut Vec<Value>) {
    if before == after {
        return;
    }
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => fields(path, before, after, changes),
        (Value::Null, Value::Object(after)) if path.is_empty() => fields(path, &Map::new(), after, changes),
        (Value::Array(old), Value::Array(new)) => match (by_name(old), by_name(new)) {
            (Some(old), Some(new)) => named(path, before, after, &old, &new, changes),
            _ if old.iter().chain(new).all(|value| !value.is_object() && !value.is_array()) => {
                plain(path, before, after, old, new, changes);
            }
            _ => push(path, "changed", before, after, changes),
        },
        _ => push(path, "changed", before, after, changes),
    }
}

fn fields(path: &str, before: &Map<String, Value>, after: &Map<String, Value>, changes: &mut Vec<Value>) {
    for (name, old) in before {
        let path = joined(path, name);
        match after.get(name) {
            Some(new) => compare(&path, old, new, changes),
            None => push(&path, "removed", old, &Value::Null, changes),
        }
    }
    for (name, new) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
        push(&joined(path, name), "added", &Value::Null, new, changes);
    }
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// Elements by their `name`, when each has one of its own.
fn by_name(values: &[Value]) -> Option<Map<String, Value>> {
    let mut all = Map::new();
    for value in values {
        let name = value.get("name")?.as_str()?;
        if all.insert(name.to_owned(), value.clone()).is_some() {
            return None;
        }
    }
    Some(all)
}

fn named(
    path: &str,
    before: &Value,
    after: &Value,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    changes: &mut Vec<Value>,
) {
    let known = changes.len();
    fields(path, old, new, changes);
    if changes.len() == known {
        push(path, "changed", before, after, changes);
    }
}

fn plain(path: &str, before: &Value, after: &Value, old: &[Value], new: &[Value], changes: &mut Vec<Value>) {
    let known = changes.len();
    for value in old.iter().filter(|value| !new.contains(value)) {
        push(path, "removed", value, &Value::Null, changes);
    }
    for value in new.iter().filter(|value| !old.contains(value)) {
        push(path, "added", &Value::Null, value, changes);
    }
    if changes.len() == known {
        push(path, "changed", before, after, changes);
    }
}

fn push(path: &str, change: &str, before: &Value, after: &Value, changes: &mut Vec<Value>) {
    changes.push(json!({ "field": path, "change": change, "before": before, "after": after }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(before: &Value, after: &Value) -> Vec<String> {
        between(before, after)
            .iter()
            .map(|change| format!("{} {}", change["change"].as_str().unwrap(), change["field"].as_str().unwrap()))
            .collect()
    }

    #[test]
    fn only_what_differs_is_told_with_its_place() {
        let before = json!({"live": {"name": "a", "settings": "{}", "gone": 1}, "same": [1]});
        let after = json!({"live": {"name": "b", "settings": "{}", "new": 2}, "same": [1]});
        assert_eq!(told(&before, &after), ["removed live.gone", "changed live.name", "added live.new"]);
        assert_eq!(between(&before, &before), Vec::<Value>::new());
        assert_eq!(told(&Value::Null, &json!({"a": 1})), ["added a"]);
    }

    #[test]
    fn lists_are_compared_by_name_or_content() {
        let column = |name: &str, kind: &str| json!({"name": name, "type": kind});
        let before = json!({"columns": [column("id", "INTEGER"), column("x", "DOUBLE")], "open": ["r1", "r2"]});
        let after = json!({"columns": [column("id", "BIGINT")], "open": ["r2", "r3"]});
        let expected = ["changed columns.id.type", "removed columns.x", "removed open", "added open"];
        assert_eq!(told(&before, &after), expected);
        assert_eq!(told(&json!({"k": ["a", "b"]}), &json!({"k": ["b", "a"]})), ["changed k"]);
    }
}

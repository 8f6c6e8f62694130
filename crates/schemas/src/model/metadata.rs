//! Metadata and rules: what clients attach to schemas. Checked, kept, merged and given back, never executed.

use alluvium_kernel::Problem;
use serde_json::{Map, Value};

use crate::error;

/// Most rules of one list.
const RULES_MAX: usize = 1_000;
const RULE_LISTS: [&str; 3] = ["migrationRules", "domainRules", "encodingRules"];

/// Metadata with only what it may have; an error for what is of another shape.
pub fn metadata(value: &Value) -> Result<Value, Problem> {
    let wrong = |what: &str| error::malformed(format!("`metadata` is not of the right shape: {what}."));
    let object = value.as_object().ok_or_else(|| wrong("it must be an object"))?;
    let texts = |value: &Value| value.as_array().is_some_and(|all| all.iter().all(Value::is_string));
    let mut kept = Map::new();
    for (key, value) in object {
        let fits = match key.as_str() {
            _ if value.is_null() => continue,
            "tags" => value.as_object().is_some_and(|tags| tags.values().all(texts)),
            "properties" => value.as_object().is_some_and(|all| all.values().all(Value::is_string)),
            "sensitive" => texts(value),
            _ => continue,
        };
        if !fits {
            return Err(wrong(&format!("`{key}` is not what it should be")));
        }
        kept.insert(key.clone(), value.clone());
    }
    Ok(Value::Object(kept))
}

/// A set of rules with only what it may have.
pub fn rule_set(value: &Value) -> Result<Value, Problem> {
    let object = value.as_object().ok_or_else(|| error::invalid_ruleset("The rule set must be an object."))?;
    let mut kept = Map::new();
    for (key, value) in object {
        if value.is_null() {
            continue;
        }
        if RULE_LISTS.contains(&key.as_str()) {
            rules(key, value)?;
        } else if key != "enableAt" || !value.is_string() {
            continue;
        }
        kept.insert(key.clone(), value.clone());
    }
    Ok(Value::Object(kept))
}

fn rules(list: &str, value: &Value) -> Result<(), Problem> {
    let wrong = |what: String| error::invalid_ruleset(format!("`{list}`: {what}."));
    let rules = value.as_array().ok_or_else(|| wrong("it must be a list".to_owned()))?;
    if rules.len() > RULES_MAX {
        return Err(wrong(format!("it may have {RULES_MAX} rules")));
    }
    let mut names = std::collections::BTreeSet::new();
    for rule in rules {
        let rule = rule.as_object().ok_or_else(|| wrong("a rule must be an object".to_owned()))?;
        let name = rule.get("name").and_then(Value::as_str).unwrap_or_default();
        if name.is_empty() || name.starts_with("__") {
            return Err(wrong(format!("`{name}` is no name of a rule")));
        }
        if !names.insert(name) {
            return Err(wrong(format!("`{name}` is there twice")));
        }
        let one_of = |key: &str, known: &[&str]| match rule.get(key) {
            None | Some(Value::Null) => Ok(()),
            Some(Value::String(text)) if known.contains(&text.as_str()) => Ok(()),
            Some(_) => Err(wrong(format!("`{key}` of `{name}` is not one of {}", known.join(", ")))),
        };
        one_of("kind", &["CONDITION", "TRANSFORM"])?;
        one_of("mode", &["UPGRADE", "DOWNGRADE", "UPDOWN", "WRITE", "READ", "WRITEREAD"])?;
        let migrates = matches!(rule.get("mode").and_then(Value::as_str), Some("UPGRADE" | "DOWNGRADE" | "UPDOWN"));
        if rule.get("mode").is_some_and(Value::is_string) && migrates != (list == "migrationRules") {
            return Err(wrong(format!("the mode of `{name}` does not belong here")));
        }
    }
    Ok(())
}

/// `given` with what `default` has more, and with what `over` says instead.
pub fn merge(default: Option<&Value>, given: Option<&Value>, over: Option<&Value>) -> Option<Value> {
    let mut all = Map::new();
    for part in [default, given, over].into_iter().flatten().filter_map(Value::as_object) {
        for (key, value) in part {
            match (all.get_mut(key), value) {
                (Some(Value::Object(old)), Value::Object(new)) => {
                    old.extend(new.iter().map(|(key, value)| (key.clone(), value.clone())));
                }
                (Some(Value::Array(old)), Value::Array(new)) => merge_lists(old, new),
                _ => {
                    all.insert(key.clone(), value.clone());
                }
            }
        }
    }
    (!all.is_empty()).then_some(Value::Object(all))
}

/// Rules of the same name are replaced, others added; texts are added once.
fn merge_lists(old: &mut Vec<Value>, new: &[Value]) {
    let name = |value: &Value| value.get("name").cloned().unwrap_or_else(|| value.clone());
    for value in new {
        match old.iter_mut().find(|other| name(other) == name(value)) {
            Some(other) => *other = value.clone(),
            None => old.push(value.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn parts_are_merged_in_their_order() {
        let default = json!({"properties": {"owner": "a", "team": "x"}, "sensitive": ["s"]});
        let given = json!({"properties": {"owner": "b"}});
        let over = json!({"properties": {"team": "y"}, "sensitive": ["t"]});
        let merged = merge(Some(&default), Some(&given), Some(&over)).unwrap();
        assert_eq!(merged, json!({"properties": {"owner": "b", "team": "y"}, "sensitive": ["s", "t"]}));
        assert_eq!(merge(None, None, None), None);
    }

    #[test]
    fn wrong_rules_are_told() {
        for bad in [
            json!({"domainRules": [{}]}),
            json!({"domainRules": [{"name": "a"}, {"name": "a"}]}),
            json!({"domainRules": [{"name": "a", "kind": "X"}]}),
            json!({"domainRules": [{"name": "a", "mode": "UPGRADE"}]}),
            json!({"migrationRules": [{"name": "a", "mode": "WRITE"}]}),
            json!({"domainRules": 1}),
            json!([]),
        ] {
            assert_eq!(error::number(&rule_set(&bad).unwrap_err()), Some(42210), "{bad}");
        }
        let good = json!({"domainRules": [{"name": "a", "kind": "CONDITION", "mode": "WRITE", "type": "CEL"}]});
        assert_eq!(rule_set(&good).unwrap(), good);
    }
}

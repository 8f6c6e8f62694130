//! What of `runtime_config` is secret: taken out at the edge, so that it is sealed on the log while the rules read the rest.

use std::collections::BTreeMap;

use serde_json::Value;

/// Members of `storage.backend.config.sync` that are secret.
const SYNC_SECRETS: [&str; 2] = ["access_key", "secret_key"];

/// Takes what is secret out of a configuration and leaves null in its place. Gives a JSON object from JSON pointers to texts; nothing
/// when there is none.
pub fn split(config: &mut Value) -> String {
    let mut secrets = BTreeMap::new();
    take(config, "/env", &mut secrets, |_| true);
    match config.pointer("/storage/backend/name").and_then(Value::as_str) {
        Some("object") => take(config, "/storage/backend/config", &mut secrets, |name| name != "url"),
        Some("file") => {
            take(config, "/storage/backend/config/sync", &mut secrets, |name| SYNC_SECRETS.contains(&name));
        }
        _ => {}
    }
    if secrets.is_empty() { String::new() } else { serde_json::to_string(&secrets).unwrap_or_default() }
}

/// Puts what [`split`] took out back. What cannot be read, because it is forgotten, stays null.
pub fn merge(config: &mut Value, secrets: &str) {
    let secrets: BTreeMap<String, String> = serde_json::from_str(secrets).unwrap_or_default();
    for (pointer, text) in secrets {
        if let Some(place) = config.pointer_mut(&pointer) {
            *place = Value::String(text);
        }
    }
}

/// Takes texts out of the object at a pointer.
fn take(config: &mut Value, at: &str, secrets: &mut BTreeMap<String, String>, is_secret: impl Fn(&str) -> bool) {
    let Some(object) = config.pointer_mut(at).and_then(Value::as_object_mut) else { return };
    for (name, value) in object.iter_mut().filter(|(name, _)| is_secret(name)) {
        if let Value::String(text) = value {
            let pointer = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
            secrets.insert(pointer, std::mem::take(text));
            *value = Value::Null;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_come_back_where_they_were() {
        for config in [
            json!({"env": {"A/B~C": "1", "D": "2"}, "workers": 2}),
            json!({"storage": {"backend": {"name": "object", "config": {"url": "s3://b", "secret_access_key": "x"}}}}),
            json!({"storage": {"backend": {"name": "file", "config": {"sync": {"bucket": "b", "secret_key": "x"}}}}}),
        ] {
            let mut taken = config.clone();
            let secrets = split(&mut taken);
            assert_ne!(secrets, "", "{config}");
            assert_ne!(taken, config);
            for clear in ["s3://b", "\"b\""] {
                assert_eq!(taken.to_string().contains(clear), config.to_string().contains(clear), "{config}");
            }
            assert!(!taken.to_string().contains("\"x\"") && !taken.to_string().contains("\"1\""), "{taken}");
            merge(&mut taken, &secrets);
            assert_eq!(taken, config);
        }
    }

    #[test]
    fn nothing_secret_is_nothing() {
        for config in [json!({}), json!([]), json!({"env": 7}), json!({"env": {"A": 7}})] {
            let mut taken = config.clone();
            assert_eq!(split(&mut taken), "");
            assert_eq!(taken, config);
        }
    }
}

//! `alluvium config show`.

use serde_json::{Value, json};

use super::{Loaded, SETTINGS};

/// One record a setting: path, value (secrets only as set or not), where it came from, its names, what it is for.
pub fn shown(loaded: &Loaded) -> Vec<Value> {
    // Serialising redacts secrets; a configuration is made of strings, numbers and lists, which JSON always holds.
    let whole = serde_json::to_value(&loaded.config).unwrap_or_default();
    SETTINGS
        .iter()
        .map(|setting| {
            let value = setting.path.split('.').try_fold(&whole, |at, key| at.get(key)).cloned();
            json!({
                "setting": setting.path,
                "value": value.map(without_password),
                "origin": loaded.origin(setting.path),
                "environment": setting.env.join(", "),
                "about": setting.doc,
            })
        })
        .collect()
}

/// An address may carry a password.
fn without_password(value: Value) -> Value {
    let Some((scheme, rest)) = value.as_str().and_then(|text| text.split_once("://")) else { return value };
    match rest.rsplit_once('@') {
        Some((_, host)) => Value::String(format!("{scheme}://…@{host}")),
        None => value,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn no_secret_is_shown() {
        let env = BTreeMap::from(
            [("ADMIN_API_KEY", "s3cret"), ("ALLUVIUM_NATS_URL", "nats://u:s3cret@h:1"), ("DATABASE_URL", "s3cret")]
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let loaded = super::super::load(None, &env, &super::super::Overrides::default()).unwrap();
        let text = Value::Array(shown(&loaded)).to_string();
        assert!(!text.contains("s3cret") && text.contains("nats://…@h:1"), "{text}");
    }
}

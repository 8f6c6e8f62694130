//! Settings of a scope, as the JSON object that clients know.

use alluvium_kernel::Problem;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Level, Mode, Registry, metadata};
use crate::error;
use crate::kinds::Policy;

/// The settings that a narrower scope takes whole or not at all.
const WHOLE: [&str; 5] = ["alias", "defaultMetadata", "overrideMetadata", "defaultRuleSet", "overrideRuleSet"];
/// All settings that are kept, `compatibility` under the name that answers use.
const KEYS: [&str; 12] = [
    "compatibilityLevel",
    "normalize",
    "alias",
    "compatibilityGroup",
    "compatibilityPolicy",
    "validateFields",
    "validateNewSchemas",
    "validateRules",
    "defaultMetadata",
    "overrideMetadata",
    "defaultRuleSet",
    "overrideRuleSet",
];

/// The settings of one scope; only those that are set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Config(pub Map<String, Value>);

impl Config {
    /// Settings with a level alone.
    pub fn of_level(level: Level) -> Self {
        Self(Map::from_iter([("compatibilityLevel".to_owned(), level.as_str().into())]))
    }

    /// Reads what was written on the log.
    pub fn parse(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    /// The level, if it is set.
    pub fn level(&self) -> Option<Level> {
        self.0.get("compatibilityLevel")?.as_str()?.parse().ok()
    }

    /// How compatibility is judged beyond the level.
    pub fn policy(&self) -> Policy {
        match self.0.get("compatibilityPolicy").and_then(Value::as_str) {
            Some("LENIENT") => Policy::Lenient,
            Some("LOGICAL") => Policy::Logical,
            _ => Policy::Strict,
        }
    }

    /// Whether schemas are normalised before they are registered or looked up.
    pub fn normalize(&self) -> bool {
        self.0.get("normalize").and_then(Value::as_bool).unwrap_or(false)
    }

    /// The subject that is meant instead.
    pub fn alias(&self) -> Option<&str> {
        self.0.get("alias").and_then(Value::as_str).filter(|alias| !alias.is_empty())
    }

    /// The metadata property whose value groups versions that must be compatible.
    pub fn group(&self) -> Option<&str> {
        self.0.get("compatibilityGroup").and_then(Value::as_str).filter(|group| !group.is_empty())
    }

    /// A setting that is an object.
    pub fn object(&self, key: &str) -> Option<&Value> {
        self.0.get(key).filter(|value| value.is_object())
    }

    /// What `patch` makes of it: what it names is set, what it names as null goes. Anything unknown is passed over.
    pub fn patched(&self, patch: &str) -> Result<Self, Problem> {
        let patch: Map<String, Value> = serde_json::from_str(patch)
            .map_err(|cause| error::malformed(format!("The settings are no object: {cause}.")))?;
        let mut config = self.clone();
        for (key, value) in patch {
            let key = if key == "compatibility" { "compatibilityLevel".to_owned() } else { key };
            if !KEYS.contains(&key.as_str()) {
                continue;
            }
            if value.is_null() {
                config.0.remove(&key);
            } else {
                let checked = checked(&key, value)?;
                config.0.insert(key, checked);
            }
        }
        Ok(config)
    }
}

fn checked(key: &str, value: Value) -> Result<Value, Problem> {
    let wrong = |wanted: &str| error::malformed(format!("`{key}` must be {wanted}."));
    match key {
        "compatibilityLevel" => {
            let level: Option<Level> = value.as_str().and_then(|text| text.parse().ok());
            level.map(|level| level.as_str().into()).ok_or_else(error::invalid_level)
        }
        "compatibilityPolicy" => {
            let policy = value.as_str().map(str::to_ascii_uppercase).unwrap_or_default();
            let known = ["STRICT", "LENIENT", "LOGICAL"].contains(&policy.as_str());
            if known { Ok(policy.into()) } else { Err(wrong("STRICT, LENIENT or LOGICAL")) }
        }
        "normalize" | "validateFields" | "validateNewSchemas" | "validateRules" => {
            if value.is_boolean() {
                Ok(value)
            } else {
                Err(wrong("true or false"))
            }
        }
        "alias" | "compatibilityGroup" => {
            if value.is_string() {
                Ok(value)
            } else {
                Err(wrong("a text"))
            }
        }
        "defaultMetadata" | "overrideMetadata" => metadata::metadata(&value),
        _ => metadata::rule_set(&value),
    }
}

/// The settings that apply to a subject: its own, then its context's, then those for all, then the server's.
pub fn effective(own: Option<&Registry>, global: Option<&Registry>, subject: &str, level: Level) -> Config {
    let of_subject = own.and_then(|own| own.subject(subject)).and_then(|subject| subject.config.as_ref());
    let scopes = [of_subject, own.and_then(Registry::config), global.and_then(Registry::config)];
    let mut all = Config::of_level(level);
    let nearest = scopes.iter().flatten().next();
    for scope in scopes.iter().rev().flatten() {
        for (key, value) in &scope.0 {
            if !WHOLE.contains(&key.as_str()) {
                all.0.insert(key.clone(), value.clone());
            }
        }
    }
    if let Some(nearest) = nearest {
        for key in WHOLE {
            if let Some(value) = nearest.0.get(key) {
                all.0.insert(key.to_owned(), value.clone());
            }
        }
    }
    all
}

/// The mode that applies to a subject.
pub fn effective_mode(own: Option<&Registry>, global: Option<&Registry>, subject: &str) -> Mode {
    let of_all = global.and_then(Registry::mode);
    let of_context = own.and_then(Registry::mode);
    if [of_all, of_context].contains(&Some(Mode::ReadOnlyOverride)) {
        return Mode::ReadOnlyOverride;
    }
    let of_subject = own.and_then(|own| own.subject(subject)).and_then(|subject| subject.mode);
    of_subject.or(of_context).or(of_all).unwrap_or_default()
}

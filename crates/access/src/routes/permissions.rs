//! What a key of chosen buckets may, in bodies.

use std::collections::BTreeMap;

use alluvium_kernel::Problem;
use serde_json::{Map, Value};

use super::body::mistake;
use crate::contract::KeyPermissions;

/// The permissions that a body names; `None` for each that it does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub buckets: Option<BTreeMap<String, String>>,
    pub manage_buckets: Option<bool>,
    pub manage_tokens: Option<bool>,
    pub read_all_files: Option<bool>,
}

impl Asked {
    pub(crate) fn parse(fields: &Map<String, Value>, mistakes: &mut Vec<Value>) -> Self {
        let mut asked_flag = |name, alias| {
            let (named, given) = field(fields, name, alias)?;
            flag(given).or_else(|| {
                mistakes.push(mistake("bool_parsing", named, "Input should be a valid boolean", given));
                None
            })
        };
        let manage_buckets = asked_flag("can_manage_buckets", "canManageBuckets");
        let manage_tokens = asked_flag("can_manage_tokens", "canManageTokens");
        let read_all_files = asked_flag("can_read_all_file_uploads", "canReadAllFileUploads");
        let buckets = field(fields, "bucket_permissions", "bucketPermissions");
        let buckets = buckets.and_then(|(named, given)| buckets_of(named, given, mistakes));
        Self { buckets, manage_buckets, manage_tokens, read_all_files }
    }

    /// Whether it names any.
    pub(crate) fn is_any(&self) -> bool {
        *self != Self::default()
    }

    /// With the names of buckets as they are stored.
    pub(crate) fn named(self, stored: impl Fn(&str) -> Result<String, Problem>) -> Result<Self, Problem> {
        let stored = |(name, right): (String, String)| Ok((stored(&name)?, right));
        let buckets =
            self.buckets.map(|all| all.into_iter().map(stored).collect::<Result<_, Problem>>()).transpose()?;
        Ok(Self { buckets, ..self })
    }

    /// All of a new key's: what is not named it may not.
    pub(crate) fn of_new(self) -> KeyPermissions {
        KeyPermissions {
            buckets: self.buckets.unwrap_or_default(),
            manage_buckets: self.manage_buckets.unwrap_or_default(),
            manage_tokens: self.manage_tokens.unwrap_or_default(),
            read_all_files: self.read_all_files.unwrap_or_default(),
        }
    }
}

/// A field under its name, or under the one that Keboola's clients know.
pub(crate) fn field<'a>(
    fields: &'a Map<String, Value>,
    name: &'static str,
    alias: &'static str,
) -> Option<(&'static str, &'a Value)> {
    let found = [name, alias].into_iter().find_map(|name| Some((name, fields.get(name)?)));
    found.filter(|(_, value)| !value.is_null())
}

fn flag(given: &Value) -> Option<bool> {
    match given {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" => Some(true),
            "false" | "0" | "no" => Some(false),
            _ => None,
        },
        Value::Number(number) => match number.as_i64() {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => None,
        },
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Names of buckets with `read` or `write`.
fn buckets_of(named: &'static str, given: &Value, mistakes: &mut Vec<Value>) -> Option<BTreeMap<String, String>> {
    let Some(pairs) = given.as_object() else {
        mistakes.push(mistake("dict_type", named, "Input should be a valid dictionary", given));
        return None;
    };
    let mut buckets = BTreeMap::new();
    for (bucket, right) in pairs {
        match right.as_str() {
            Some(word @ ("read" | "write")) => {
                buckets.insert(bucket.clone(), word.to_owned());
            }
            _ => mistakes.push(mistake("literal_error", named, "Input should be 'read' or 'write'", right)),
        }
    }
    Some(buckets)
}

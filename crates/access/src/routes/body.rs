//! Bodies of the key routes.

use std::collections::BTreeMap;

use alluvium_http::PathParams;
use alluvium_kernel::{Problem, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::permissions::{Asked, field};
use crate::desk::IssuedKey;
use crate::error;
use crate::model::{
    BRANCH_ADMIN, BRANCH_READ, CUSTOM, DAY_MICROS, GRACE_SECONDS_MAX, PROJECT_ADMIN, Permissions, REGISTRY, Scope,
};
use crate::queries::KeyRecord;

/// Scopes that clients may name.
const SCOPES: [&str; 5] = [PROJECT_ADMIN, BRANCH_ADMIN, BRANCH_READ, CUSTOM, REGISTRY];
/// How many days ahead a key may expire.
const EXPIRES_IN_DAYS_MAX: i64 = 365;
/// The same in seconds.
const EXPIRES_IN_SECONDS_MAX: i64 = EXPIRES_IN_DAYS_MAX * 86_400;
const SECOND_MICROS: i64 = 1_000_000;

/// What to issue.
#[derive(Clone, Debug, PartialEq, Eq, ToSchema)]
pub struct ApiKeyCreate {
    /// What the key is for.
    pub description: String,
    /// Who holds the key: an address, a name or an id, which can be forgotten.
    pub person: Option<String>,
    /// `project_admin`; `branch_admin` or `branch_read` for a key of one branch; `custom` for one of chosen buckets; `registry` for
    /// a key that opens nothing of the project.
    #[schema(default = "project_admin")]
    pub scope: Option<String>,
    /// What the key may in the schema registry: `subject:<pattern>:<read|write|admin>`, `config:<read|write>`. Only the admin
    /// may give any.
    pub rights: Vec<String>,
    /// The branch of a `branch_admin` or `branch_read` key; null for others.
    pub branch_id: Option<String>,
    /// Days until it stops working by itself, 1 to 365; never when absent.
    #[schema(minimum = 1, maximum = 365)]
    pub expires_in_days: Option<i64>,
    /// The same in seconds, in place of days.
    #[schema(minimum = 1, maximum = 31_536_000)]
    pub expires_in: Option<i64>,
    /// Of a `custom` key: names of buckets, each with `read` or `write`.
    pub bucket_permissions: Option<BTreeMap<String, String>>,
    /// Of a `custom` key: whether it may create, delete, share and link buckets, which opens all of them.
    pub can_manage_buckets: Option<bool>,
    /// Of a `custom` key: whether it may issue, change, rotate and revoke keys that open no more than itself.
    pub can_manage_tokens: Option<bool>,
    /// Of a `custom` key: whether it may read all files of the project, not just its own.
    pub can_read_all_file_uploads: Option<bool>,
}

/// What to say otherwise of a key; what is not named stays as it is.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only documents what `parse` reads")]
pub struct ApiKeyUpdate {
    /// What the key is for.
    description: Option<String>,
    /// Of a `custom` key: all its buckets, each with `read` or `write`.
    bucket_permissions: Option<BTreeMap<String, String>>,
    /// Of a `custom` key: whether it may create, delete, share and link buckets, which opens all of them.
    can_manage_buckets: Option<bool>,
    /// Of a `custom` key: whether it may issue, change, rotate and revoke keys that open no more than itself.
    can_manage_tokens: Option<bool>,
    /// Of a `custom` key: whether it may read all files of the project, not just its own.
    can_read_all_file_uploads: Option<bool>,
}

/// How a key is rotated.
#[derive(Clone, Debug, PartialEq, Eq, ToSchema)]
pub struct ApiKeyRotate {
    /// How long the old key works on, in seconds.
    #[schema(required = false, default = 0, minimum = 0, maximum = 86400)]
    pub grace_seconds: i64,
}

/// A key with its secret.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the names are the wire's")]
pub struct ApiKeyCreated {
    pub id: String,
    pub project_id: String,
    pub branch_id: Option<String>,
    pub key_prefix: String,
    pub scope: String,
    /// What the key may in the schema registry; absent when nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rights: Vec<String>,
    pub description: String,
    /// Who holds the key, if anybody was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    pub created_at: String,
    pub expires_at: Option<String>,
    /// Names of buckets with `read` or `write`; of `custom` keys only, as are those that follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket_permissions: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_manage_buckets: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_manage_tokens: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_read_all_file_uploads: Option<bool>,
    /// The whole key. Keep it: it is not shown again.
    pub api_key: String,
}

/// A key without its secret.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the names are the wire's")]
pub struct ApiKey {
    pub id: String,
    pub project_id: String,
    pub branch_id: Option<String>,
    pub key_prefix: String,
    pub scope: String,
    /// What the key may in the schema registry; absent when nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rights: Vec<String>,
    pub description: String,
    /// Who holds the key, if anybody was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    pub created_at: String,
    pub last_used_at: Option<String>,
    pub expires_at: Option<String>,
    pub is_revoked: bool,
    /// Names of buckets with `read` or `write`; of `custom` keys only, as are those that follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket_permissions: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_manage_buckets: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_manage_tokens: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_read_all_file_uploads: Option<bool>,
}

/// One page of keys.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ApiKeys {
    /// The keys, newest first.
    pub api_keys: Vec<ApiKey>,
    /// How many are on this page.
    pub count: usize,
    /// How many there are in all.
    pub total: i64,
}

impl From<KeyRecord> for ApiKey {
    fn from(key: KeyRecord) -> Self {
        Self {
            id: key.id,
            project_id: key.project,
            branch_id: key.branch,
            key_prefix: key.prefix,
            scope: key.scope,
            rights: key.rights,
            description: key.description,
            person: key.person,
            created_at: key.issued_at.to_rfc3339(),
            last_used_at: key.last_used_at.map(Timestamp::to_rfc3339),
            expires_at: key.expires_at.map(Timestamp::to_rfc3339),
            is_revoked: key.revoked,
            bucket_permissions: key.permissions.as_ref().map(|may| may.buckets.clone()),
            can_manage_buckets: key.permissions.as_ref().map(|may| may.manage_buckets),
            can_manage_tokens: key.permissions.as_ref().map(|may| may.manage_tokens),
            can_read_all_file_uploads: key.permissions.as_ref().map(|may| may.read_all_files),
        }
    }
}

impl From<IssuedKey> for ApiKeyCreated {
    fn from(issued: IssuedKey) -> Self {
        let key = issued.record;
        Self {
            id: key.id,
            project_id: key.project,
            branch_id: key.branch,
            key_prefix: key.prefix,
            scope: key.scope,
            rights: key.rights,
            description: key.description,
            person: key.person,
            created_at: key.issued_at.to_rfc3339(),
            expires_at: key.expires_at.map(Timestamp::to_rfc3339),
            bucket_permissions: key.permissions.as_ref().map(|may| may.buckets.clone()),
            can_manage_buckets: key.permissions.as_ref().map(|may| may.manage_buckets),
            can_manage_tokens: key.permissions.as_ref().map(|may| may.manage_tokens),
            can_read_all_file_uploads: key.permissions.as_ref().map(|may| may.read_all_files),
            api_key: issued.secret.reveal().to_owned(),
        }
    }
}

impl ApiKeyCreate {
    /// Reads a body as leniently as clients are used to: unknown fields are ignored, a number may come as text.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        let fields = object(bytes)?;
        let mut mistakes = Vec::new();
        let description = match fields.get("description") {
            Some(Value::String(text)) => text.clone(),
            Some(other) => {
                mistakes.push(mistake("string_type", "description", "Input should be a valid string", other));
                String::new()
            }
            None => {
                mistakes.push(mistake("missing", "description", "Field required", &json!(fields)));
                String::new()
            }
        };
        let scope = match fields.get("scope") {
            None => None,
            Some(Value::String(scope)) if SCOPES.contains(&scope.as_str()) => Some(scope.clone()),
            Some(other) => {
                let expected = "'project_admin', 'branch_admin', 'branch_read', 'custom' or 'registry'";
                let mut found = mistake("literal_error", "scope", &format!("Input should be {expected}"), other);
                found["ctx"] = json!({"expected": expected});
                mistakes.push(found);
                None
            }
        };
        let branch_id = match fields.get("branch_id") {
            None | Some(Value::Null) => None,
            Some(Value::String(id)) => Some(id.clone()),
            Some(other) => {
                mistakes.push(mistake("string_type", "branch_id", "Input should be a valid string", other));
                None
            }
        };
        let person = match fields.get("person") {
            None | Some(Value::Null) => None,
            Some(Value::String(name)) => Some(name.clone()),
            Some(other) => {
                mistakes.push(mistake("string_type", "person", "Input should be a valid string", other));
                None
            }
        };
        let rights = rights(fields.get("rights"), &mut mistakes);
        let may = Asked::parse(&fields, &mut mistakes);
        let seconds = field(&fields, "expires_in", "expiresIn");
        let expires_in =
            seconds.and_then(|(name, given)| whole(name, Some(given), (1, EXPIRES_IN_SECONDS_MAX), &mut mistakes));
        let days = (1, EXPIRES_IN_DAYS_MAX);
        let expires_in_days = whole("expires_in_days", fields.get("expires_in_days"), days, &mut mistakes);
        if mistakes.is_empty() {
            Ok(Self {
                description,
                person,
                scope,
                rights,
                branch_id,
                expires_in_days,
                expires_in,
                bucket_permissions: may.buckets,
                can_manage_buckets: may.manage_buckets,
                can_manage_tokens: may.manage_tokens,
                can_read_all_file_uploads: may.read_all_files,
            })
        } else {
            Err(wrong(mistakes))
        }
    }

    /// The scope with its branch and permissions, if they go together; `stored` names buckets as they are stored.
    pub(crate) fn scope(&self, stored: impl Fn(&str) -> Result<String, Problem>) -> Result<Scope, Problem> {
        let (scope, branch) = (self.scope.as_deref().unwrap_or(PROJECT_ADMIN), self.branch_id.as_deref());
        let asked = Asked {
            buckets: self.bucket_permissions.clone(),
            manage_buckets: self.can_manage_buckets,
            manage_tokens: self.can_manage_tokens,
            read_all_files: self.can_read_all_file_uploads,
        };
        let permissions = match scope {
            CUSTOM => Some(Permissions::checked(&asked.named(stored)?.of_new())?),
            _ if asked.is_any() => return Err(error::without_permissions(scope)),
            _ => None,
        };
        Scope::of(scope, branch, permissions).ok_or_else(|| {
            let rule = if branch.is_some() { "must be null" } else { "is required" };
            error::invalid_request(&format!("branch_id {rule} for {scope} scope"))
        })
    }

    /// How long the key works, in microseconds.
    pub(crate) fn lifetime_micros(&self) -> Result<Option<i64>, Problem> {
        match (self.expires_in_days, self.expires_in) {
            (Some(_), Some(_)) => Err(error::invalid_request("expires_in and expires_in_days exclude each other")),
            (days, seconds) => {
                Ok(days.map(|days| days * DAY_MICROS).or(seconds.map(|seconds| seconds * SECOND_MICROS)))
            }
        }
    }
}

impl ApiKeyUpdate {
    /// Reads a body as leniently: what to say the key is for, and what it is to be allowed.
    pub(crate) fn parse(bytes: &[u8]) -> Result<(Option<String>, Asked), Problem> {
        let (fields, mut mistakes) = (object(bytes)?, Vec::new());
        let description = match fields.get("description") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(other) => {
                mistakes.push(mistake("string_type", "description", "Input should be a valid string", other));
                None
            }
        };
        let may = Asked::parse(&fields, &mut mistakes);
        if mistakes.is_empty() { Ok((description, may)) } else { Err(wrong(mistakes)) }
    }
}

impl ApiKeyRotate {
    /// Reads a body as leniently; none at all asks for nothing.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        if bytes.is_empty() {
            return Ok(Self { grace_seconds: 0 });
        }
        let (fields, mut mistakes) = (object(bytes)?, Vec::new());
        let given = fields.get("grace_seconds");
        let grace_seconds = whole("grace_seconds", given, (0, GRACE_SECONDS_MAX), &mut mistakes).unwrap_or_default();
        if mistakes.is_empty() { Ok(Self { grace_seconds }) } else { Err(wrong(mistakes)) }
    }
}

fn object(bytes: &[u8]) -> Result<Map<String, Value>, Problem> {
    let body: Value = serde_json::from_slice(bytes)
        .map_err(|cause| Problem::new("http.malformed_body", 400, format!("The body is not JSON: {cause}.")))?;
    match body {
        Value::Object(fields) => Ok(fields),
        other => {
            let msg = "Input should be a valid dictionary or object to extract fields from";
            Err(wrong(vec![json!({"type": "model_attributes_type", "loc": ["body"], "msg": msg, "input": other})]))
        }
    }
}

fn rights(given: Option<&Value>, mistakes: &mut Vec<Value>) -> Vec<String> {
    let Some(given) = given.filter(|value| !value.is_null()) else { return Vec::new() };
    let texts = given.as_array().and_then(|all| all.iter().map(|right| right.as_str().map(str::to_owned)).collect());
    texts.unwrap_or_else(|| {
        mistakes.push(mistake("list_type", "rights", "Input should be a valid list of strings", given));
        Vec::new()
    })
}

/// A whole number within bounds, if there is one.
fn whole(field: &str, given: Option<&Value>, (min, max): (i64, i64), mistakes: &mut Vec<Value>) -> Option<i64> {
    let given = given.filter(|value| !value.is_null())?;
    let number = match given {
        Value::Number(number) => number.as_i64().or_else(|| {
            // A whole number may be written as 30.0.
            number.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < 1e9).map(|number| number as i64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let found = match number {
        None => mistake("int_parsing", field, "Input should be a valid integer", given),
        Some(number) if number < min => {
            let text = format!("Input should be greater than or equal to {min}");
            let mut found = mistake("greater_than_equal", field, &text, given);
            found["ctx"] = json!({"ge": min});
            found
        }
        Some(number) if number > max => {
            let text = format!("Input should be less than or equal to {max}");
            let mut found = mistake("less_than_equal", field, &text, given);
            found["ctx"] = json!({"le": max});
            found
        }
        Some(number) => return Some(number),
    };
    mistakes.push(found);
    None
}

pub(super) fn mistake(kind: &str, field: &str, msg: &str, input: &Value) -> Value {
    json!({"type": kind, "loc": ["body", field], "msg": msg, "input": input})
}

fn wrong(mistakes: Vec<Value>) -> Problem {
    Problem::new("http.invalid_body", 422, "The body has wrong fields.").with_details(json!({"detail": mistakes}))
}

/// The project that a path names.
pub(crate) fn project(params: &PathParams) -> &str {
    params.get("project_id")
}

//! Bodies of the key routes.

use alluvium_http::PathParams;
use alluvium_kernel::{Problem, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::desk::IssuedKey;
use crate::error;
use crate::model::{PROJECT_ADMIN, REGISTRY};
use crate::queries::KeyRecord;

/// Scopes that clients may name.
const SCOPES: [&str; 4] = [PROJECT_ADMIN, "branch_admin", "branch_read", REGISTRY];
/// How many days ahead a key may expire.
const EXPIRES_IN_DAYS_MAX: i64 = 365;

/// What to issue.
#[derive(Clone, Debug, PartialEq, Eq, ToSchema)]
pub struct ApiKeyCreate {
    /// What the key is for.
    pub description: String,
    /// `project_admin`, or `registry` for a key that opens nothing of the project; other scopes come with branches.
    #[schema(default = "project_admin")]
    pub scope: Option<String>,
    /// What the key may in the schema registry: `subject:<pattern>:<read|write|admin>`, `config:<read|write>`. Only the admin
    /// may give any.
    pub rights: Vec<String>,
    /// Must be null for `project_admin` and `registry`.
    pub branch_id: Option<String>,
    /// Days until it stops working by itself, 1 to 365; never when absent.
    #[schema(minimum = 1, maximum = 365)]
    pub expires_in_days: Option<i64>,
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
    pub created_at: String,
    pub expires_at: Option<String>,
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
    pub created_at: String,
    pub last_used_at: Option<String>,
    pub expires_at: Option<String>,
    pub is_revoked: bool,
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
            branch_id: None,
            key_prefix: key.prefix,
            scope: key.scope,
            rights: key.rights,
            description: key.description,
            created_at: key.issued_at.to_rfc3339(),
            last_used_at: key.last_used_at.map(Timestamp::to_rfc3339),
            expires_at: key.expires_at.map(Timestamp::to_rfc3339),
            is_revoked: key.revoked,
        }
    }
}

impl From<IssuedKey> for ApiKeyCreated {
    fn from(issued: IssuedKey) -> Self {
        let key = issued.record;
        Self {
            id: key.id,
            project_id: key.project,
            branch_id: None,
            key_prefix: key.prefix,
            scope: key.scope,
            rights: key.rights,
            description: key.description,
            created_at: key.issued_at.to_rfc3339(),
            expires_at: key.expires_at.map(Timestamp::to_rfc3339),
            api_key: issued.secret.reveal().to_owned(),
        }
    }
}

impl ApiKeyCreate {
    /// Reads a body as leniently as clients are used to: unknown fields are ignored, a number may come as text.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        let body: Value = serde_json::from_slice(bytes)
            .map_err(|cause| Problem::new("http.malformed_body", 400, format!("The body is not JSON: {cause}.")))?;
        let Value::Object(fields) = &body else {
            let msg = "Input should be a valid dictionary or object to extract fields from";
            return Err(wrong(vec![
                json!({"type": "model_attributes_type", "loc": ["body"], "msg": msg, "input": body}),
            ]));
        };
        let mut mistakes = Vec::new();
        let description = match fields.get("description") {
            Some(Value::String(text)) => text.clone(),
            Some(other) => {
                mistakes.push(mistake("string_type", "description", "Input should be a valid string", other));
                String::new()
            }
            None => {
                mistakes.push(mistake("missing", "description", "Field required", &body));
                String::new()
            }
        };
        let scope = match fields.get("scope") {
            None => None,
            Some(Value::String(scope)) if SCOPES.contains(&scope.as_str()) => Some(scope.clone()),
            Some(other) => {
                let expected = "'project_admin', 'branch_admin', 'branch_read' or 'registry'";
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
        let rights = rights(fields.get("rights"), &mut mistakes);
        let expires_in_days = days(fields.get("expires_in_days"), &mut mistakes);
        if mistakes.is_empty() {
            Ok(Self { description, scope, rights, branch_id, expires_in_days })
        } else {
            Err(wrong(mistakes))
        }
    }

    /// The rules between scope and branch.
    pub(crate) fn check_scope(&self) -> Result<(), Problem> {
        let scope = self.scope.as_deref().unwrap_or(PROJECT_ADMIN);
        match (scope == PROJECT_ADMIN || scope == REGISTRY, &self.branch_id) {
            (true, None) => Ok(()),
            (true, Some(_)) => Err(error::invalid_request(&format!("branch_id must be null for {scope} scope"))),
            (false, None) => Err(error::invalid_request(&format!("branch_id is required for {scope} scope"))),
            (false, Some(_)) => Err(error::unsupported_scope(scope)),
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

fn days(given: Option<&Value>, mistakes: &mut Vec<Value>) -> Option<i64> {
    let given = given.filter(|value| !value.is_null())?;
    let number = match given {
        Value::Number(number) => number.as_i64().or_else(|| {
            // A whole number may be written as 30.0.
            number.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < 1e9).map(|number| number as i64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let field = "expires_in_days";
    let found = match number {
        None => mistake("int_parsing", field, "Input should be a valid integer", given),
        Some(number) if number < 1 => {
            let mut found = mistake("greater_than_equal", field, "Input should be greater than or equal to 1", given);
            found["ctx"] = json!({"ge": 1});
            found
        }
        Some(number) if number > EXPIRES_IN_DAYS_MAX => {
            let text = format!("Input should be less than or equal to {EXPIRES_IN_DAYS_MAX}");
            let mut found = mistake("less_than_equal", field, &text, given);
            found["ctx"] = json!({"le": EXPIRES_IN_DAYS_MAX});
            found
        }
        Some(number) => return Some(number),
    };
    mistakes.push(found);
    None
}

fn mistake(kind: &str, field: &str, msg: &str, input: &Value) -> Value {
    json!({"type": kind, "loc": ["body", field], "msg": msg, "input": input})
}

fn wrong(mistakes: Vec<Value>) -> Problem {
    Problem::new("http.invalid_body", 422, "The body has wrong fields.").with_details(json!({"detail": mistakes}))
}

/// The project that a path names.
pub(crate) fn project(params: &PathParams) -> &str {
    params.get("project_id")
}

//! Bodies as clients send them.

use std::time::Duration;

use alluvium_kernel::Problem;
use axum::body::{Body, to_bytes};
use axum::http::HeaderMap;
use serde_json::{Map, Value};

use super::negotiate::body_charset;
use crate::content::pack;
use crate::contract::{SchemaReference, Submission};
use crate::error;
use crate::model::metadata;
use crate::subject::Name;

/// Longest body, in bytes.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long a body may take to arrive, in milliseconds.
const BODY_WAIT_MS: u64 = 30_000;

/// Reads a body that must be a JSON object.
pub(super) async fn object(headers: &HeaderMap, body: Body) -> Result<Map<String, Value>, Problem> {
    let charset = body_charset(headers)?;
    let arriving = tokio::time::timeout(Duration::from_millis(BODY_WAIT_MS), to_bytes(body, BODY_BYTES_MAX)).await;
    let arrived = arriving.map_err(|_| Problem::new("http.timeout", 408, "HTTP 408 Request Timeout"))?;
    let bytes = arrived.map_err(|_| {
        let detail = format!("The body is longer than {BODY_BYTES_MAX} bytes, or did not arrive whole.");
        Problem::new("http.body_too_large", 413, detail)
    })?;
    let malformed = |cause: String| Problem::new("http.malformed_body", 400, format!("The body is not JSON: {cause}."));
    let text = charset.decode(&bytes).ok_or_else(|| malformed("it is not text of its character set".to_owned()))?;
    match serde_json::from_str(&text).map_err(|cause| malformed(cause.to_string()))? {
        Value::Object(object) => Ok(object),
        _ => Err(error::malformed("The body must be a JSON object.")),
    }
}

/// What a body says of a schema, and of the tags to change.
pub(super) struct Sent {
    pub submission: Submission,
    /// Tags to add and to take away, by path.
    pub tags: Option<Value>,
    /// Whether tags of the version before are kept.
    pub propagate: bool,
}

/// Reads the body of registering, looking up and checking.
pub(super) fn submission(mut body: Map<String, Value>, name: &Name) -> Result<Sent, Problem> {
    body.retain(|_, value| !value.is_null());
    let text = text(&body, "schema")?;
    let kind = self::text(&body, "schemaType")?.filter(|kind| !kind.is_empty());
    let metadata = body.get("metadata").map(metadata::metadata).transpose()?;
    let rule_set = body.get("ruleSet").map(metadata::rule_set).transpose()?;
    let tags: Map<String, Value> = ["schemaTagsToAdd", "schemaTagsToRemove"]
        .into_iter()
        .filter_map(|key| body.get(key).map(|value| (key.to_owned(), value.clone())))
        .collect();
    if text.is_none() && metadata.is_none() && rule_set.is_none() && tags.is_empty() {
        return Err(error::malformed("`schema` is missing."));
    }
    let (text, packed) = pack(&text.unwrap_or_default());
    let submission = Submission {
        subject: name.subject.clone(),
        r#type: kind.unwrap_or_else(|| "AVRO".to_owned()),
        text,
        packed,
        references: references(body.get("references"))?,
        metadata: metadata.map(|value| value.to_string()),
        rule_set: rule_set.map(|value| value.to_string()),
        id: number(&body, "id")?.filter(|id| *id > 0),
        version: number(&body, "version")?,
        assessment: None,
    };
    let propagate = body.get("propagateSchemaTags") == Some(&Value::Bool(true));
    Ok(Sent { submission, tags: (!tags.is_empty()).then_some(Value::Object(tags)), propagate })
}

/// A field that is a text, if it is there.
pub(super) fn text(body: &Map<String, Value>, key: &str) -> Result<Option<String>, Problem> {
    match body.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(error::malformed(format!("`{key}` must be a text."))),
    }
}

/// A field that is a whole number, if it is there.
pub(super) fn number(body: &Map<String, Value>, key: &str) -> Result<Option<i32>, Problem> {
    let wrong = || error::malformed(format!("`{key}` must be a whole number."));
    match body.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => {
            number.as_i64().and_then(|number| i32::try_from(number).ok()).map(Some).ok_or_else(wrong)
        }
        Some(_) => Err(wrong()),
    }
}

fn references(value: Option<&Value>) -> Result<Vec<SchemaReference>, Problem> {
    let wrong = || error::malformed("`references` must be a list of objects with name, subject and version.");
    let Some(value) = value else { return Ok(Vec::new()) };
    let reference = |value: &Value| {
        let object = value.as_object()?;
        let version = object.get("version").filter(|value| !value.is_null());
        Some(SchemaReference {
            name: object.get("name")?.as_str()?.to_owned(),
            subject: object.get("subject")?.as_str()?.to_owned(),
            version: match version {
                None => -1,
                Some(version) => version.as_i64().and_then(|version| i32::try_from(version).ok())?,
            },
        })
    };
    value.as_array().ok_or_else(wrong)?.iter().map(|value| reference(value).ok_or_else(wrong)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_arrives_is_not_waited_for() {
        let never = Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
        let problem = object(&HeaderMap::new(), never).await.unwrap_err();
        assert_eq!((problem.status, problem.detail.as_str()), (408, "HTTP 408 Request Timeout"));
    }
}

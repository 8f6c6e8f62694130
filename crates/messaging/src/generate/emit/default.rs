//! Defaults in Rust.

use alluvium_avro::Json;

/// Defaults that `Default::default()` gives as well.
pub(super) fn is_rusts_own(value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(false) => true,
        Json::Number(_) => value.as_f64() == Some(0.0),
        Json::Text(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(members) => members.is_empty(),
        Json::Bool(true) => false,
    }
}

/// An expression with the value.
pub(super) fn expression(value: &Json, is_text: bool) -> Result<String, String> {
    match value {
        Json::Bool(_) | Json::Number(_) => Ok(value.to_string()),
        Json::Text(text) if is_text => Ok(format!("{text:?}.to_owned()")),
        _ => Err("this default has no Rust form: use null, a number, a text, or an empty list or map".to_owned()),
    }
}

/// The value as a literal in `#[avro(default = …)]`: what is neither number, truth value nor text stands there as JSON.
pub(super) fn literal(value: &Json) -> String {
    match value {
        Json::Bool(_) | Json::Number(_) => value.to_string(),
        Json::Text(text) => format!("{text:?}"),
        other => format!("{:?}", other.to_string()),
    }
}

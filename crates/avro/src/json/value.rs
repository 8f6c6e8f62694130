//! The value: like any JSON value, but objects keep their order and numbers their spelling.

use std::collections::HashMap;

use super::{SpannedValue, SyntaxError, read};

/// A JSON value that keeps the order of attributes and the spelling of numbers, both of which count in schemas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number exactly as written.
    Number(String),
    /// A text.
    Text(String),
    /// A list.
    Array(Vec<Json>),
    /// Members in the order given; a later member of one name has replaced an earlier one.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads any JSON text within the limits on size and depth.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        read(text).map(|spanned| spanned.value.to_json())
    }

    /// The member of an object.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The text of a text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a number without fraction or exponent.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Number(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// The value of any number.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Number(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// The same value with the members of every object in the order of their names.
    #[must_use]
    pub fn sorted(&self) -> Self {
        match self {
            Self::Array(items) => Self::Array(items.iter().map(Self::sorted).collect()),
            Self::Object(members) => {
                let mut members: Vec<_> = members.iter().map(|(name, value)| (name.clone(), value.sorted())).collect();
                members.sort_by(|a, b| a.0.cmp(&b.0));
                Self::Object(members)
            }
            plain => plain.clone(),
        }
    }

    /// The value in serde_json's terms. Numbers that fit neither 64 bits nor a double become texts.
    pub fn to_value(&self) -> serde_json::Value {
        use serde_json::Value;
        match self {
            Self::Null => Value::Null,
            Self::Bool(yes) => Value::Bool(*yes),
            Self::Number(text) => {
                serde_json::from_str(text).map_or_else(|_| Value::String(text.clone()), Value::Number)
            }
            Self::Text(text) => Value::String(text.clone()),
            Self::Array(items) => Value::Array(items.iter().map(Self::to_value).collect()),
            Self::Object(members) => {
                Value::Object(members.iter().map(|(name, value)| (name.clone(), value.to_value())).collect())
            }
        }
    }

    /// What a serde_json value is here.
    pub fn from_value(value: &serde_json::Value) -> Self {
        use serde_json::Value;
        match value {
            Value::Null => Self::Null,
            Value::Bool(yes) => Self::Bool(*yes),
            Value::Number(number) => Self::Number(number.to_string()),
            Value::String(text) => Self::Text(text.clone()),
            Value::Array(items) => Self::Array(items.iter().map(Self::from_value).collect()),
            Value::Object(members) => {
                Self::Object(members.iter().map(|(name, value)| (name.clone(), Self::from_value(value))).collect())
            }
        }
    }
}

impl SpannedValue {
    pub(crate) fn to_json(&self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Bool(yes) => Json::Bool(*yes),
            Self::Number(text) => Json::Number(text.clone()),
            Self::Text(text) => Json::Text(text.clone()),
            Self::Array(items) => Json::Array(items.iter().map(|item| item.value.to_json()).collect()),
            Self::Object(members) => {
                let mut kept: Vec<(String, Json)> = Vec::with_capacity(members.len());
                let mut places: HashMap<&str, usize> = HashMap::with_capacity(members.len());
                for (name, value) in members {
                    let value = value.value.to_json();
                    if let Some(place) = places.get(name.value.as_str()) {
                        kept[*place].1 = value;
                        continue;
                    }
                    places.insert(&name.value, kept.len());
                    kept.push((name.value.clone(), value));
                }
                Json::Object(kept)
            }
        }
    }
}

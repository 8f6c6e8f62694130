//! A message type against the schema that it should agree with: everything that differs, at any depth.

use std::path::Path;

use alluvium_avro::Report;

use crate::model::{Message, MessageSchema};
use crate::schema::{LoadError, load_file};

/// A message type against a schema file.
pub fn model_file<M: Message>(path: impl AsRef<Path>) -> Result<Report, LoadError> {
    Ok(compare(M::schema(), &load_file(path)?))
}

/// A message type against a version of a subject.
#[cfg(feature = "registry")]
pub async fn model_registry<M: Message>(
    registry: &crate::registry::RegistryClient,
    subject: &str,
    version: impl Into<crate::registry::Version>,
) -> Result<Report, crate::registry::RegistryError> {
    Ok(compare(M::schema(), &registry.load(subject, version).await?))
}

/// A type's schema against the one that it should agree with.
pub fn compare(model: &MessageSchema, schema: &MessageSchema) -> Report {
    alluvium_avro::validate(model.parsed(), schema.parsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Serialize, serde::Deserialize, crate::Message)]
    #[message(topic = "orders", name = "Order", namespace = "shop")]
    struct Order {
        id: i64,
        note: Option<String>,
    }

    #[test]
    fn finds_nothing_where_nothing_differs() {
        assert!(compare(Order::schema(), Order::schema()).is_clean());
    }

    #[test]
    fn finds_everything_at_once() {
        let schema = r#"{"type": "record", "name": "Order", "namespace": "shop", "fields": [
            {"name": "id", "type": "double"},
            {"name": "note", "type": "string"},
            {"name": "more", "type": "int"}
        ]}"#;
        let report = compare(Order::schema(), &MessageSchema::parse(schema).unwrap());
        let mut kinds: Vec<&str> = report.errors.iter().map(|problem| problem.kind.as_str()).collect();
        kinds.sort_unstable();
        assert_eq!(kinds, ["missing_field", "nullability", "type"], "{report:?}");
    }
}

//! Metadata: what is said of an object.

use std::collections::BTreeMap;

use alluvium_kernel::{Problem, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Shape, read};
use crate::contract::MetadataEntry;
use crate::queries::MetadataView;

/// What is said under a key.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StorageMetadataPair)]
pub struct MetadataPair {
    /// 1 to 255 bytes without control characters.
    #[schema(min_length = 1, max_length = 255)]
    pub key: String,
    /// At most 64 KiB.
    pub value: String,
}

/// What somebody says of an object.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StorageMetadataSet)]
pub struct MetadataBody {
    /// Who says it: 1 to 255 bytes without control characters. Of one provider, a key has one value.
    #[schema(min_length = 1, max_length = 255)]
    pub provider: String,
    /// What is said, at most 1,000 entries in a call.
    pub metadata: Vec<MetadataPair>,
}

/// What somebody says of a table and its columns; at least one of the two.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StorageTableMetadataSet)]
pub struct TableMetadataBody {
    /// Who says it: 1 to 255 bytes without control characters. Of one provider, a key has one value.
    #[schema(min_length = 1, max_length = 255)]
    pub provider: String,
    /// What is said of the table.
    pub metadata: Option<Vec<MetadataPair>>,
    /// What is said of columns, by their names.
    pub columns_metadata: Option<BTreeMap<String, Vec<MetadataPair>>>,
}

/// What a body says: the provider, and the entries.
pub(crate) struct MetadataSaid {
    pub provider: String,
    pub entries: Vec<MetadataEntry>,
}

fn entry(column: Option<&str>) -> impl Fn(&Shape<'_>) -> MetadataEntry {
    move |pair| MetadataEntry {
        column: column.map(ToOwned::to_owned),
        key: pair.string("key"),
        value: pair.string("value"),
    }
}

impl MetadataSaid {
    /// Of an object or, when it is named, of a column.
    pub fn parse(bytes: &[u8], column: Option<&str>) -> Result<Self, Problem> {
        read(bytes, |body| Self { provider: body.string("provider"), entries: body.shapes("metadata", entry(column)) })
    }

    /// Of a table and its columns.
    pub fn parse_of_table(bytes: &[u8]) -> Result<Self, Problem> {
        read(bytes, |body| {
            let of_columns = body.opt_shape("columns_metadata", |columns| {
                let said = |name: &str| columns.shapes(name, entry(Some(name)));
                columns.every_name().flat_map(said).collect::<Vec<_>>()
            });
            let of_table = match of_columns {
                Some(_) => body.opt_shapes("metadata", entry(None)).unwrap_or_default(),
                None => body.shapes("metadata", entry(None)),
            };
            let entries = of_table.into_iter().chain(of_columns.into_iter().flatten()).collect();
            Self { provider: body.string("provider"), entries }
        })
    }
}

/// An entry of metadata.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StorageMetadata)]
#[expect(missing_docs, reason = "the names are the wire's")]
pub struct Metadata {
    pub id: String,
    pub key: String,
    pub value: String,
    pub provider: String,
    /// When it was said last.
    pub timestamp: String,
}

impl From<MetadataView> for Metadata {
    fn from(view: MetadataView) -> Self {
        let MetadataView { id, key, value, provider, changed_at } = view;
        Self { id, key, value, provider, timestamp: Timestamp::from_micros(changed_at).to_rfc3339() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Vec<(Option<String>, String, String)> {
        let said = MetadataSaid::parse_of_table(text.as_bytes()).unwrap();
        assert_eq!(said.provider, "me");
        said.entries.into_iter().map(|entry| (entry.column, entry.key, entry.value)).collect()
    }

    fn of(column: Option<&str>, key: &str, value: &str) -> (Option<String>, String, String) {
        (column.map(Into::into), key.into(), value.into())
    }

    #[test]
    fn a_table_and_its_columns_are_spoken_of_in_one_body() {
        let both = r#"{"provider": "me", "metadata": [{"key": "a", "value": "1"}],
            "columnsMetadata": {"Col_x": [{"key": "b", "value": "2"}, {"key": "c", "value": ""}]}}"#;
        assert_eq!(said(both), [of(None, "a", "1"), of(Some("Col_x"), "b", "2"), of(Some("Col_x"), "c", "")]);
        let columns = r#"{"provider": "me", "columns_metadata": {"x": [{"key": "b", "value": "2"}]}}"#;
        assert_eq!(said(columns), [of(Some("x"), "b", "2")]);
    }

    #[test]
    fn what_does_not_fit_is_named_with_its_place() {
        let places = |text: &str| {
            let details = MetadataSaid::parse_of_table(text.as_bytes()).err().unwrap().details.unwrap();
            let list = details["detail"].as_array().unwrap().clone();
            list.into_iter().map(|one| one["loc"].to_string()).collect::<Vec<_>>()
        };
        assert_eq!(places("{}"), [r#"["body","metadata"]"#, r#"["body","provider"]"#]);
        let odd = r#"{"provider": "me", "columns_metadata": {"x": [{"key": 1, "value": "v"}], "y": {}}}"#;
        assert_eq!(places(odd), [r#"["body","columns_metadata","x",0,"key"]"#, r#"["body","columns_metadata","y"]"#]);
        assert!(MetadataSaid::parse(br#"{"provider": "me", "metadata": []}"#, None).is_err());
    }
}

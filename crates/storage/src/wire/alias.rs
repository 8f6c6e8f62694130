//! Aliases of tables.

use alluvium_kernel::Problem;
use alluvium_tablestore::sql::WhereFilter;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::docs::WhereFilterDoc;
use super::read;

/// A table of the project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = StorageAliasSource)]
#[expect(missing_docs, reason = "the names are the wire's")]
pub struct AliasSource {
    pub bucket: String,
    pub table: String,
}

impl AliasSource {
    /// As an object, or as `bucket.table`.
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => {
                let (bucket, table) = text.rsplit_once('.')?;
                Some(Self { bucket: bucket.to_owned(), table: table.to_owned() })
            }
            object => serde_json::from_value(object.clone()).ok(),
        }
    }
}

/// What an alias shows.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StorageTableAliasCreate)]
pub struct AliasCreate {
    /// 1 to 96 letters, digits, `_` or `-`.
    pub name: String,
    /// The table that it shows; `"bucket.table"` means the same.
    pub source: AliasSource,
    /// Only these of its columns, in this order; without, all of them, also those that are added later.
    #[schema(min_items = 1)]
    pub columns: Option<Vec<String>>,
    /// Only the rows that meet this condition; a list of conditions means those that meet all.
    #[schema(value_type = Option<WhereFilterDoc>)]
    pub filter: Vec<WhereFilter>,
}

/// One condition, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Filters {
    One(WhereFilter),
    Many(Vec<WhereFilter>),
}

impl AliasCreate {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        read(bytes, |body| {
            let text = "Input should be an object with `bucket` and `table`, or `bucket.table`";
            Self {
                name: body.string("name"),
                source: body.read("source", "alias_source", text, AliasSource::of).unwrap_or_default(),
                columns: body.opt_strings("columns"),
                filter: match body.opt_value("filter") {
                    Some(Filters::One(filter)) => vec![filter],
                    Some(Filters::Many(filters)) => filters,
                    None => Vec::new(),
                },
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_said_in_two_ways_and_a_filter_may_be_several() {
        let parse = |body: &str| AliasCreate::parse(body.as_bytes());
        let one = parse(r#"{"name": "a", "source": "in.c-x.t", "filter": {"column": "c", "values": ["1"]}}"#).unwrap();
        assert_eq!((one.source.bucket.as_str(), one.source.table.as_str(), one.filter.len()), ("in.c-x", "t", 1));
        let body = r#"{"name": "a", "source": {"bucket": "in.c-x", "table": "t"}, "columns": ["c"],
            "filter": [{"column": "c", "values": ["1"]}, {"column": "d", "operator": "gt", "values": ["2"]}]}"#;
        let other = parse(body).unwrap();
        assert_eq!((&other.source, other.filter.len(), other.columns.unwrap().len()), (&one.source, 2, 1));
        for wrong in [
            r#"{"name": "a"}"#,
            r#"{"name": "a", "source": null}"#,
            r#"{"name": "a", "source": "t"}"#,
            r#"{"name": "a", "source": {"bucket": "b"}}"#,
            r#"{"name": "a", "source": "b.t", "filter": {"values": ["1"]}}"#,
            r#"{"name": "a", "source": "b.t", "filter": [1]}"#,
            r#"{"source": "b.t"}"#,
        ] {
            assert_eq!(parse(wrong).unwrap_err().status, 422, "{wrong}");
        }
    }
}

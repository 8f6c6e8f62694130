//! Search: what is looked for, and what is found.

use alluvium_kernel::Problem;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::Query;
use crate::queries::{SearchFilter, SearchView};

/// What can be found.
const KINDS: [&str; 3] = ["bucket", "table", "column"];
/// What is looked for, in bytes: no longer than what can be there.
const TEXT_BYTES_MAX: usize = 64 * 1024;

/// What is looked for: at least one of `q`, `metadata_key` and `metadata_value`.
#[derive(IntoParams)]
#[expect(dead_code, reason = "only documents")]
pub struct SearchQuery {
    /// Part of a name, in any case.
    q: Option<String>,
    /// Or what has metadata with this key, exactly.
    metadata_key: Option<String>,
    /// Or what has metadata with this value, exactly; with a key, under it.
    metadata_value: Option<String>,
    /// `bucket`, `table` and `column`, with commas; all of them when it is left out.
    #[param(pattern = "^(bucket|table|column)(,(bucket|table|column))*$")]
    types: Option<String>,
}

pub(crate) fn search_filter(text: Option<&str>) -> Result<SearchFilter, Problem> {
    let mut query = Query::of(text);
    let mut said = |name: &str| {
        let msg = "Value error, this cannot be part of a name or of metadata";
        let fits = |text: &str| text.len() <= TEXT_BYTES_MAX && !text.contains('\0');
        query.read(name, "value_error", msg, |text| fits(text).then(|| text.to_owned()))
    };
    let (name, key, value) = (said("q"), said("metadata_key"), said("metadata_value"));
    if ["q", "metadata_key", "metadata_value"].iter().all(|name| query.text(name).is_none()) {
        query.required("q");
    }
    let kinds = query.read("types", "value_error", "Value error, types are bucket, table and column", |text| {
        let kinds: Vec<String> = text.split(',').map(|kind| kind.trim().to_owned()).collect();
        kinds.iter().all(|kind| KINDS.contains(&kind.as_str())).then_some(kinds)
    });
    query.finish()?;
    let kinds = kinds.unwrap_or_else(|| KINDS.map(ToOwned::to_owned).to_vec());
    Ok(SearchFilter { name, key, value, kinds })
}

/// A bucket, table or column that was found.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StorageSearchResult)]
pub struct SearchResult {
    /// `bucket`, `table` or `column`.
    pub r#type: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Name of the table; null for a bucket.
    pub table: Option<String>,
    /// Name of the column; null for buckets and tables.
    pub column: Option<String>,
    /// What of it was looked for: `name`, `metadata` or both.
    pub matches: Vec<&'static str>,
}

impl From<SearchView> for SearchResult {
    fn from(view: SearchView) -> Self {
        let SearchView { kind, bucket, table_name, column_name, by_name, by_metadata } = view;
        let found = [(by_name, "name"), (by_metadata, "metadata")];
        let matches = found.into_iter().filter(|(is, _)| *is).map(|(_, what)| what).collect();
        Self { r#type: kind, bucket, table: table_name, column: column_name, matches }
    }
}

/// One page of what was found.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StorageSearchResults)]
pub struct SearchResults {
    /// By bucket, table and column.
    pub results: Vec<SearchResult>,
    /// How many there are in all.
    pub total: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn something_is_looked_for() {
        let filter = search_filter(Some("q=a%25&metadataKey=k&types=table,%20column")).unwrap();
        assert_eq!((filter.name.as_deref(), filter.key.as_deref()), (Some("a%"), Some("k")));
        assert_eq!(filter.kinds, ["table", "column"]);
        assert_eq!(search_filter(Some("metadata_value=")).unwrap().kinds, KINDS);
        for odd in ["", "types=table", "q=a%00", "q=a&types=file", "q=a&types="] {
            assert_eq!(search_filter(Some(odd)).unwrap_err().status, 422, "{odd}");
        }
    }
}

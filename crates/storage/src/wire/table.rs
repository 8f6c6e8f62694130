//! Tables, their columns and rows.

use alluvium_kernel::{BucketReach, Problem, Timestamp};
use alluvium_tablestore::TableSchema;
use alluvium_tablestore::sql::{OrderBy, WhereFilter};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::docs::{ChangedDoc, OrderByDoc, WhereFilterDoc};
use super::{AliasSource, ChangedWords, Query, Shape, base_type, read};
use crate::contract::ColumnSpec;
use crate::queries::{AliasView, Source, TableView};

/// Rows of a preview when the client does not say.
pub(crate) const PREVIEW_ROWS: i64 = 1_000;
/// Rows of a preview at most.
pub(crate) const PREVIEW_ROWS_MAX: i64 = 10_000;
/// How far a preview may begin.
const OFFSET_MAX: i64 = 1 << 53;

/// A column to create.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StorageColumnDef)]
pub struct ColumnDef {
    /// 1 to 64 characters; compared without case.
    pub name: String,
    /// Any type of DuckDB; may be left out where `base_type` is there.
    #[schema(required = false)]
    pub r#type: String,
    /// `STRING`, `INTEGER`, `NUMERIC`, `FLOAT`, `BOOLEAN`, `DATE` or `TIMESTAMP`: instead of `type`, or what `type` is one of.
    pub base_type: Option<String>,
    /// Whether NULL is allowed.
    #[schema(default = true)]
    pub nullable: Option<bool>,
    /// A literal, a cast of one, `now()`, `current_date` or `uuid()`.
    pub default: Option<String>,
}

impl ColumnDef {
    fn read(shape: &Shape<'_>) -> Self {
        Self {
            name: shape.string("name"),
            r#type: base_type::asked(shape).unwrap_or_else(|| shape.string("type")),
            base_type: None,
            nullable: shape.opt_bool("nullable"),
            default: shape.opt_string("default"),
        }
    }
}

impl From<ColumnDef> for ColumnSpec {
    fn from(column: ColumnDef) -> Self {
        let ColumnDef { name, r#type, nullable, default, .. } = column;
        Self { name, r#type, nullable: nullable.unwrap_or(true), default }
    }
}

/// What to create.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StorageTableCreate)]
pub struct TableCreate {
    /// 1 to 96 letters, digits, `_` or `-`.
    pub name: String,
    /// At least one.
    #[schema(min_items = 1)]
    pub columns: Vec<ColumnDef>,
    /// Columns that together identify a row.
    pub primary_key: Option<Vec<String>>,
}

impl TableCreate {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        read(bytes, |body| Self {
            name: body.string("name"),
            columns: body.shapes("columns", ColumnDef::read),
            primary_key: body.opt_strings("primary_key"),
        })
    }
}

/// A column to add.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StorageColumnAdd)]
pub struct ColumnAdd {
    /// The column.
    #[serde(flatten)]
    pub column: ColumnDef,
    /// Must be set for a column that is not nullable: rows there are get its default.
    pub backfill: Option<bool>,
}

impl ColumnAdd {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        read(bytes, |body| Self { column: ColumnDef::read(body), backfill: body.opt_bool("backfill") })
    }
}

/// What to change about a column, applied in this order as one change.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StorageColumnAlter)]
pub struct ColumnAlter {
    /// New name.
    pub new_name: Option<String>,
    /// New type.
    pub new_type: Option<String>,
    /// `true` forbids NULL, `false` allows it.
    pub set_not_null: Option<bool>,
    /// New default; empty text drops it.
    pub set_default: Option<String>,
}

impl ColumnAlter {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        read(bytes, |body| Self {
            new_name: body.opt_string("new_name"),
            new_type: body.opt_string("new_type"),
            set_not_null: body.opt_bool("set_not_null"),
            set_default: body.opt_string("set_default"),
        })
    }
}

/// A primary key.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StorageKeySet)]
pub struct KeySet {
    /// At least one column.
    #[schema(min_items = 1)]
    pub columns: Vec<String>,
}

impl KeySet {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        read(bytes, |body| Self { columns: body.strings("columns") })
    }
}

/// Which rows to delete.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StorageRowsDelete)]
pub struct RowsDelete {
    /// A boolean expression over the table's columns; excludes `where_filters`.
    pub where_clause: Option<String>,
    /// Conditions that must all hold.
    #[schema(value_type = Vec<WhereFilterDoc>, required = false)]
    pub where_filters: Vec<WhereFilter>,
    /// When their last change was.
    #[serde(flatten)]
    #[schema(value_type = ChangedDoc)]
    pub changed: ChangedWords,
    /// Without a condition: deletes every row.
    pub allow_truncate: Option<bool>,
}

impl RowsDelete {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        read(bytes, |body| Self {
            where_clause: body.opt_string("where_clause"),
            where_filters: body.opt_value("where_filters").unwrap_or_default(),
            changed: ChangedWords::read(body),
            allow_truncate: body.opt_bool("allow_truncate"),
        })
    }
}

/// How many rows went.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StorageRowsDeleted)]
#[expect(missing_docs, reason = "the names are the wire's")]
pub struct RowsDeleted {
    pub deleted_rows: u64,
    pub table_rows_after: u64,
}

/// Which rows to show.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StoragePreviewBody)]
pub struct PreviewBody {
    /// How many rows.
    #[schema(default = 1000, minimum = 1, maximum = 10_000, required = false)]
    pub limit: i64,
    /// How many to leave out first.
    #[schema(default = 0, minimum = 0, required = false)]
    pub offset: i64,
    /// Only these columns, in this order.
    pub columns: Option<Vec<String>>,
    /// A boolean expression over the table's columns; excludes `where_filters`.
    pub where_clause: Option<String>,
    /// Conditions that must all hold.
    #[schema(value_type = Vec<WhereFilterDoc>, required = false)]
    pub where_filters: Vec<WhereFilter>,
    /// When their last change was.
    #[serde(flatten)]
    #[schema(value_type = ChangedDoc)]
    pub changed: ChangedWords,
    /// Shows when each row last changed, as the column `_timestamp`.
    #[schema(default = false, required = false)]
    pub include_internal_timestamp: bool,
    /// Sort keys, most significant first.
    #[schema(value_type = Vec<OrderByDoc>, required = false)]
    pub order_by: Vec<OrderBy>,
}

impl PreviewBody {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        read(bytes, |body| Self {
            limit: body.opt_int("limit", 1, PREVIEW_ROWS_MAX).unwrap_or(PREVIEW_ROWS),
            offset: body.opt_int("offset", 0, OFFSET_MAX).unwrap_or(0),
            columns: body.opt_strings("columns"),
            where_clause: body.opt_string("where_clause"),
            where_filters: body.opt_value("where_filters").unwrap_or_default(),
            changed: ChangedWords::read(body),
            include_internal_timestamp: body.opt_bool("include_internal_timestamp").unwrap_or(false),
            order_by: body.opt_value("order_by").unwrap_or_default(),
        })
    }

    /// The same out of the query part of a URL, where lists are JSON.
    pub(crate) fn of_query(query: &mut Query) -> Self {
        Self {
            limit: query.int("limit", PREVIEW_ROWS, (1, PREVIEW_ROWS_MAX)),
            offset: query.int("offset", 0, (0, OFFSET_MAX)),
            columns: query.texts("columns"),
            where_clause: query.text("where_clause").map(ToOwned::to_owned),
            where_filters: query.json("where_filters").unwrap_or_default(),
            changed: ChangedWords::of_query(query),
            include_internal_timestamp: query.flag("include_internal_timestamp", false),
            order_by: query.json("order_by").unwrap_or_default(),
        }
    }
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StorageColumn)]
#[expect(missing_docs, reason = "the names are the wire's")]
pub struct ColumnView {
    pub name: String,
    pub r#type: String,
    /// What `type` is one of: `STRING`, `INTEGER`, `NUMERIC`, `FLOAT`, `BOOLEAN`, `DATE` or `TIMESTAMP`.
    pub base_type: &'static str,
    pub nullable: bool,
    /// From 1.
    pub ordinal_position: usize,
    /// The default as expression text, if any.
    pub default: Option<String>,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StorageTable)]
#[expect(missing_docs, reason = "the names are the wire's")]
pub struct Table {
    pub name: String,
    pub bucket: String,
    pub columns: Vec<ColumnView>,
    /// Null in a list as of an earlier point, which counts nothing, and in a list for an alias with a filter.
    #[schema(required)]
    pub row_count: Option<u64>,
    /// Null there, too, and for every alias: it takes no room.
    #[schema(required)]
    pub size_bytes: Option<u64>,
    pub primary_key: Vec<String>,
    pub created_at: String,
    pub source: &'static str,
    /// Whether it is another project's, shown by a linked bucket.
    pub is_linked: bool,
    /// Whether it is a view of a table, that nobody can write to.
    pub is_alias: bool,
    /// The table that an alias shows; only for who may read its bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias_of: Option<AliasSource>,
    /// Which of its rows; only for the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<WhereFilterDoc>>)]
    pub alias_filter: Option<Vec<WhereFilter>>,
    /// The last step of the pipeline of which it is: what `as_of_step` takes up to now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline_step: Option<u64>,
}

impl From<TableView> for Table {
    /// For who may read everything.
    fn from(view: TableView) -> Self {
        Self::of(view, &BucketReach::everything())
    }
}

impl Table {
    /// As it is shown to who may read these buckets: of an alias of what lies in another, only what it shows itself.
    pub(crate) fn of(view: TableView, reach: &BucketReach) -> Self {
        let (row_count, is_alias) = (view.counted_rows(), view.alias.is_some());
        let pipeline_step = view.pipeline.as_ref().map(|of| of.last_step);
        let (alias_of, alias_filter) = match view.alias.filter(|alias| reach.has(&alias.source_bucket)) {
            Some(AliasView { source_bucket: bucket, source_table: table, lens, .. }) => {
                (Some(AliasSource { bucket, table }), Some(lens.filters))
            }
            None => (None, None),
        };
        let column = |(index, column): (usize, ColumnSpec)| ColumnView {
            name: column.name,
            base_type: base_type::of_text(&column.r#type),
            r#type: column.r#type,
            nullable: column.nullable,
            ordinal_position: index + 1,
            default: column.default,
        };
        Self {
            name: view.name,
            bucket: view.bucket,
            columns: view.columns.into_iter().enumerate().map(column).collect(),
            row_count,
            size_bytes: (!is_alias).then_some(view.size_bytes),
            primary_key: view.primary_key,
            created_at: Timestamp::from_micros(view.created_at).to_rfc3339(),
            source: match view.source {
                Source::Main => "main",
                Source::Branch => "branch",
            },
            is_linked: view.is_linked,
            is_alias,
            alias_of,
            alias_filter,
            pipeline_step,
        }
    }

    /// With its rows counted.
    pub(crate) fn counting(self, rows: u64) -> Self {
        Self { row_count: Some(rows), ..self }
    }
}

/// One page of tables.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StorageTables)]
pub struct Tables {
    /// The tables by name.
    pub tables: Vec<Table>,
    /// How many there are in all.
    pub total: i64,
}

/// A column of a preview.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StoragePreviewColumn)]
#[expect(missing_docs, reason = "the names are the wire's")]
pub struct PreviewColumn {
    pub name: String,
    pub r#type: String,
    /// What `type` is one of, as a table shows it.
    pub base_type: &'static str,
    pub nullable: bool,
    /// Its place in the table, from 1.
    pub ordinal_position: usize,
}

/// Rows of a table.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StoragePreview)]
pub struct Preview {
    /// The columns shown.
    pub columns: Vec<PreviewColumn>,
    /// One object a row.
    #[schema(value_type = Vec<Object>)]
    pub rows: Vec<Box<RawValue>>,
    /// How many rows match.
    pub total_row_count: u64,
    /// How many are here.
    pub preview_row_count: usize,
}

impl Preview {
    /// Rows read from a table with these columns.
    pub(crate) fn of(preview: alluvium_tablestore::Preview, schema: &TableSchema) -> Self {
        let column = |column: alluvium_tablestore::Column| PreviewColumn {
            // What is no column of the table stands behind them.
            ordinal_position: 1 + schema
                .columns
                .iter()
                .position(|known| known.name == column.name)
                .unwrap_or(schema.columns.len()),
            base_type: base_type::of(&column.column_type),
            r#type: column.column_type.to_string(),
            nullable: column.nullable,
            name: column.name,
        };
        let (preview_row_count, total_row_count) = (preview.rows.len(), preview.total);
        let columns = preview.columns.into_iter().map(column).collect();
        Self { columns, rows: preview.rows, total_row_count, preview_row_count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_table_reads_as_clients_know_it() {
        let view = TableView {
            uid: "u".into(),
            source: Source::Main,
            is_linked: false,
            alias: None,
            bucket: "in_c_sales".into(),
            name: "orders".into(),
            columns: vec![ColumnSpec { name: "id".into(), r#type: "BIGINT".into(), nullable: false, default: None }],
            primary_key: vec!["id".into()],
            created_at: 0,
            changed_seq: 1,
            row_count: 3,
            size_bytes: 4,
            pipeline: None,
        };
        let expected = json!({
            "name": "orders", "bucket": "in_c_sales", "row_count": 3, "size_bytes": 4, "primary_key": ["id"],
            "columns": [{"name": "id", "type": "BIGINT", "base_type": "INTEGER", "nullable": false, "ordinal_position": 1, "default": null}],
            "created_at": "1970-01-01T00:00:00.000000+00:00", "source": "main", "is_linked": false, "is_alias": false
        });
        assert_eq!(serde_json::to_value(Table::from(view.clone())).unwrap(), expected);
        let filters: Vec<WhereFilter> = serde_json::from_value(json!([{"column": "eu", "values": ["1"]}])).unwrap();
        let lens = alluvium_tablestore::Lens { filters, ..Default::default() };
        let (source_bucket, source_table) = ("secret".into(), "all".into());
        let alias = AliasView { uid: "a".into(), source_bucket, source_table, lens };
        let view = TableView { alias: Some(alias), ..view };
        let shown = serde_json::to_value(Table::from(view.clone())).unwrap();
        assert_eq!(
            (&shown["is_alias"], &shown["alias_of"]),
            (&json!(true), &json!({"bucket": "secret", "table": "all"}))
        );
        assert_eq!(shown["alias_filter"][0]["column"], "eu");
        assert!(shown["row_count"].is_null() && shown["size_bytes"].is_null(), "{shown}");
        let told = serde_json::to_string(&Table::of(view, &BucketReach::of(["in_c_sales".to_owned()]))).unwrap();
        assert!(!told.contains("secret") && !told.contains("eu"), "{told}");
    }

    #[test]
    fn deleting_all_rows_is_said_on_purpose() {
        assert_eq!(RowsDelete::parse(b"").unwrap_err().status, 422);
        let body = RowsDelete::parse(br#"{"allow_truncate": "yes"}"#).unwrap();
        assert_eq!((body.where_clause, body.allow_truncate), (None, Some(true)));
        assert_eq!(RowsDelete::parse(br#"{"where_clause": "1=1"}"#).unwrap().where_clause.as_deref(), Some("1=1"));
        assert_eq!(RowsDelete::parse(br#"{"where_filters": [{"values": []}]}"#).unwrap_err().status, 422);
    }

    #[test]
    fn filters_come_in_the_words_of_the_wire() {
        let body = br#"{"limit": "5", "where_filters": [{"column": "id", "operator": "gt", "values": ["3"]}],
            "order_by": [{"column": "id", "order": "DESC"}]}"#;
        let body = PreviewBody::parse(body).unwrap();
        assert_eq!((body.limit, body.where_filters.len(), body.order_by.len()), (5, 1, 1));
        assert_eq!(PreviewBody::parse(br#"{"limit": 0}"#).unwrap_err().status, 422);
        assert_eq!(PreviewBody::parse(br#"{"where_filters": [{"column": 1}]}"#).unwrap_err().status, 422);
    }
}

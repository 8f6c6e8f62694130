//! Filters bind their values and find their rows.

use super::{FILTERS_MAX, OrderBy, WhereFilter, filters_sql, filters_text};
use crate::column::{Column, TableSchema};
use crate::sql::Predicate;

fn schema() -> TableSchema {
    let columns = [("Id", "INT"), ("text \" col", "VARCHAR"), ("at", "TIMESTAMPTZ"), ("ok", "BOOLEAN")];
    let columns = columns.iter().map(|(name, kind)| Column::new(name, kind, true, None).unwrap()).collect();
    TableSchema::new(columns, &[]).unwrap()
}

fn connection() -> duckdb::Connection {
    let connection = duckdb::Connection::open_in_memory().unwrap();
    let columns: Vec<String> = schema().columns.iter().map(Column::definition_sql).collect();
    connection
        .execute_batch(&format!(
            "SET TimeZone = 'UTC'; CREATE TABLE t ({}); INSERT INTO t VALUES (1, '9', '2026-01-01 00:00:00+00', true), \
             (2, '10', '2026-01-02 00:00:00+00', false), (3, 'x''; DROP TABLE t; --', NULL, NULL)",
            columns.join(", ")
        ))
        .unwrap();
    connection
}

fn ids(filters: serde_json::Value) -> Vec<i32> {
    let filters: Vec<WhereFilter> = serde_json::from_value(filters).unwrap();
    let (sql, params) = filters_sql(&filters, &schema()).unwrap();
    let connection = connection();
    let mut statement = connection.prepare(&format!("SELECT \"Id\" FROM t WHERE {sql} ORDER BY 1")).unwrap();
    let bound: Vec<i32> =
        statement.query_map(duckdb::params_from_iter(params), |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let text = filters_text(&filters, &schema()).unwrap();
    let written = Predicate::parse(&text, &schema()).unwrap().to_sql(0);
    let mut statement = connection.prepare(&format!("SELECT \"Id\" FROM t WHERE {written} ORDER BY 1")).unwrap();
    let found: Vec<i32> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(found, bound, "as text the filters mean the same: {text}");
    bound
}

#[test]
fn as_many_filters_as_may_be_are_one_condition() {
    let one = serde_json::json!({"column": "Id", "operator": "gt", "values": ["1"]});
    assert_eq!(ids(serde_json::Value::Array(vec![one; FILTERS_MAX])), [2, 3]);
}

#[test]
fn filters_find_their_rows() {
    use serde_json::json;
    let text = "text \" col";
    for (filters, expected) in [
        (json!([]), vec![1, 2, 3]),
        (json!([{"column": "id", "operator": "eq", "values": ["2"]}]), vec![2]),
        (json!([{"column": "ID", "values": ["1", "3"]}]), vec![1, 3]),
        (json!([{"column": "Id", "operator": "ne", "values": ["1", "3"]}]), vec![2]),
        (json!([{"column": "Id", "operator": "ne", "values": ["1"]}]), vec![2, 3]),
        (
            json!([{"column": "Id", "operator": "ge", "values": ["2"]}, {"column": "Id", "operator": "lt", "values": ["3"]}]),
            vec![2],
        ),
        (json!([{"column": text, "operator": "gt", "values": ["9"]}]), vec![3]),
        (json!([{"column": text, "operator": "ge", "values": ["9"], "dataType": "INTEGER"}]), vec![1, 2]),
        (json!([{"column": text, "operator": "le", "values": ["9.5"], "data_type": "DECIMAL"}]), vec![1]),
        (json!([{"column": text, "values": ["x'; DROP TABLE t; --"]}]), vec![3]),
        (
            json!([{"column": "at", "operator": "gt", "values": ["2026-01-01 12:00:00"], "type": "TIME_STRING"}]),
            vec![2],
        ),
        (json!([{"column": "at", "operator": "le", "values": ["2026-01-01T00:00:00Z"]}]), vec![1]),
        (json!([{"column": "ok", "values": ["true"], "type": "SCALAR"}]), vec![1]),
    ] {
        assert_eq!(ids(filters.clone()), expected, "{filters}");
    }
}

#[test]
fn wrong_filters_have_codes() {
    use serde_json::json;
    let code = |filter: serde_json::Value| {
        let filter: WhereFilter = serde_json::from_value(filter).unwrap();
        filter.to_sql(&schema()).unwrap_err().code
    };
    assert_eq!(code(json!({"column": "nope", "values": ["1"]})), "column_not_found");
    assert_eq!(code(json!({"column": "Id", "values": []})), "invalid_where_filter");
    assert_eq!(code(json!({"column": "Id", "operator": "gt", "values": ["1", "2"]})), "invalid_where_filter");
    assert_eq!(code(json!({"column": "Id", "values": ["a\u{0}"]})), "invalid_where_filter");
    assert_eq!(
        code(json!({"column": "Id", "values": ["1"], "data_type": "REAL", "type": "TIME_STRING"})),
        "invalid_where_filter"
    );
    assert_eq!(code(json!({"column": "Id", "values": vec!["1"; 10_001]})), "invalid_where_filter");
    assert!(
        serde_json::from_value::<WhereFilter>(json!({"column": "Id", "operator": "like", "values": ["1"]})).is_err()
    );
    assert!(
        serde_json::from_value::<WhereFilter>(json!({"column": "Id", "values": ["1"], "dataType": "BLOB"})).is_err()
    );
}

#[test]
fn orders_are_sql() {
    use serde_json::json;
    let order = |value| serde_json::from_value::<OrderBy>(value).unwrap().to_sql(&schema());
    let sql = order(json!({"column": "text \" col", "order": "desc", "dataType": "BIGINT"})).unwrap();
    assert_eq!(sql, "TRY_CAST(\"text \"\" col\" AS BIGINT) DESC NULLS LAST");
    assert_eq!(order(json!({"column": "id"})).unwrap(), "\"Id\" ASC NULLS LAST");
    assert_eq!(order(json!({"column": "id; --"})).unwrap_err().code, "column_not_found");
    let connection = connection();
    let mut statement = connection.prepare(&format!("SELECT \"Id\" FROM t ORDER BY {sql}")).unwrap();
    let got: Vec<i32> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(got, [2, 1, 3]);
}

//! The catalogue in a real engine, asked as clients ask it.

use std::path::Path;

use alluvium_tablestore::{Column, TableSchema};

use super::*;
use crate::sql::Engine;

/// What clients send, in their words, each behind its name and how many rows it is answered with.
const CLIENTS: &str = include_str!("clients.sql");

fn listed(bucket: &str, table: &str, columns: &[(&str, &str)], key: &[&str]) -> Listed {
    let columns = columns.iter().map(|(name, kind)| Column::new(name, kind, true, None).unwrap()).collect();
    let key: Vec<String> = key.iter().map(|name| (*name).to_owned()).collect();
    Listed { bucket: bucket.into(), table: table.into(), schema: TableSchema::new(columns, &key).unwrap() }
}

/// A workspace with objects of its own in a project with `shop.orders` and `shop."Big Table"`.
fn opened(directory: &Path) -> Engine {
    let path = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    let engine = Engine::open(&path("w.duckdb"), &path("tmp"), 256 << 20, 1, &[]).unwrap();
    engine
        .run(
            "CREATE TABLE own (id BIGINT PRIMARY KEY, n VARCHAR DEFAULT 'x', d DECIMAL(10,2) NOT NULL CHECK (d > 0));
             CREATE TABLE child (a INTEGER, \"order\" BIGINT REFERENCES own (id), c VARCHAR UNIQUE);
             CREATE INDEX by_a ON child (a, c); CREATE VIEW few AS SELECT id, n FROM own;
             COMMENT ON TABLE child IS 'a child'; COMMENT ON COLUMN child.a IS 'its number'",
        )
        .unwrap();
    let engine = engine.locked_but_for(&path("copies")).unwrap();
    let orders = [("id", "BIGINT"), ("city", "VARCHAR"), ("price", "DECIMAL(10,2)"), ("tags", "VARCHAR[]")];
    let big = [("a", "DOUBLE"), ("b", "STRUCT(x INTEGER)")];
    let tables = vec![listed("shop", "orders", &orders, &["id"]), listed("shop", "Big Table", &big, &["b"])];
    let catalogue = Catalogue { database: "db".into(), user: "me'\"".into(), tables, is_emulated: true };
    let beside = engine.0.try_clone().unwrap();
    show_tables(&beside, &catalogue.tables).unwrap();
    show_views(&beside, &catalogue).unwrap();
    engine.run(&format!("SET search_path = {}", literal(&format!("workspace.main,{PATH}")))).unwrap();
    engine
}

/// The rows of an answer as one text.
fn answer(engine: &Engine, sql: &str) -> String {
    let sql = format!("SELECT to_json(list(q)) FROM (\n{}\n) AS q", rewrite(sql.trim().trim_end_matches(';')));
    let rows: Option<String> =
        engine.0.query_row(&sql, [], |row| row.get(0)).unwrap_or_else(|error| panic!("{error}: {sql}"));
    rows.unwrap_or_else(|| "[]".to_owned())
}

#[test]
fn clients_are_answered() {
    let directory = tempfile::tempdir().unwrap();
    let engine = opened(directory.path());
    let mut count = 0;
    for asked in CLIENTS.split("\n-- ").skip(1) {
        let (title, sql) = asked.split_once('\n').unwrap();
        let (client, expected) = title.rsplit_once(": ").unwrap();
        assert_eq!(asks(sql), Asks::Catalogue, "{client}");
        let rows: Vec<serde_json::Value> = serde_json::from_str(&answer(&engine, sql)).unwrap();
        assert_eq!(rows.len().to_string(), expected, "{client}: {rows:?}");
        count += 1;
    }
    assert!(count > 10, "{count}");
}

#[test]
fn what_is_answered_is_so() {
    let directory = tempfile::tempdir().unwrap();
    let engine = opened(directory.path());
    for (sql, expected) in [
        ("SELECT current_database() AS d, current_user AS u", r#"[{"d":"db","u":"me'\""}]"#),
        (
            "SELECT attname, attnotnull AS n, pg_catalog.format_type(atttypid, atttypmod) AS t FROM pg_attribute
             WHERE attrelid = 'shop.orders'::regclass ORDER BY attnum",
            r#"[{"attname":"id","n":true,"t":"bigint"},{"attname":"city","n":false,"t":"text"},{"attname":"price","n":false,"t":"numeric(10,2)"},{"attname":"tags","n":false,"t":"json"}]"#,
        ),
        (
            "SELECT conname AS n, conkey AS k, confkey AS f, pg_get_constraintdef(oid) AS d, conrelid::regclass AS r
             FROM pg_catalog.pg_constraint ORDER BY ALL",
            r#"[{"n":"child_c_key","k":[3],"f":null,"d":"UNIQUE (c)","r":"child"},{"n":"child_order_id_fkey","k":[2],"f":[1],"d":"FOREIGN KEY (\"order\") REFERENCES own(id)","r":"child"},{"n":"orders_id_pkey","k":[1],"f":null,"d":"PRIMARY KEY (id)","r":"shop.orders"},{"n":"own_d_check","k":[3],"f":null,"d":"CHECK ((d > 0))","r":"own"},{"n":"own_id_pkey","k":[1],"f":null,"d":"PRIMARY KEY (id)","r":"own"}]"#,
        ),
        (
            "SELECT indexrelid::regclass AS i, indkey FROM pg_index ORDER BY ALL",
            r#"[{"i":"by_a","indkey":[1,3]},{"i":"child_c_key","indkey":[3]},{"i":"own_id_pkey","indkey":[1]},{"i":"shop.orders_id_pkey","indkey":[1]}]"#,
        ),
        (
            "SELECT table_schema AS s, table_name AS n, table_type AS t, table_catalog AS c FROM information_schema.tables ORDER BY ALL",
            r#"[{"s":"main","n":"child","t":"BASE TABLE","c":"db"},{"s":"main","n":"few","t":"VIEW","c":"db"},{"s":"main","n":"own","t":"BASE TABLE","c":"db"},{"s":"shop","n":"Big Table","t":"BASE TABLE","c":"db"},{"s":"shop","n":"orders","t":"BASE TABLE","c":"db"}]"#,
        ),
        (
            "SELECT obj_description('child'::regclass, 'pg_class') AS o, col_description('child'::regclass::oid, 1) AS c",
            r#"[{"o":"a child","c":"its number"}]"#,
        ),
        (
            "SELECT 'orders' ~ 'der' AS f, 'orders' !~ '^pg_' AS n, 23::regtype::text AS t",
            r#"[{"f":true,"n":true,"t":"integer"}]"#,
        ),
    ] {
        assert_eq!(answer(&engine, sql), expected, "{sql}");
    }
    for sql in
        ["INSERT INTO pg_type (oid) VALUES (1)", "DELETE FROM pg_class", "INSERT INTO shop.orders (id) VALUES (1)"]
    {
        assert!(engine.run(sql).is_err(), "{sql}");
    }
    assert!(engine.run(&rewrite("SELECT 'nowhere'::regclass")).is_err());
}

#[test]
fn hundreds_of_tables_are_shown() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let engine = Engine::open(&path("w.duckdb"), &path("tmp"), 256 << 20, 1, &[]).unwrap();
    let columns: Vec<(String, &str)> = (0..20).map(|number| (format!("c{number}"), "VARCHAR")).collect();
    let columns: Vec<(&str, &str)> = columns.iter().map(|(name, kind)| (name.as_str(), *kind)).collect();
    let tables: Vec<Listed> = (0..500).map(|number| listed("b", &format!("t{number}"), &columns, &["c0"])).collect();
    show_tables(&engine.0, &tables).unwrap();
    let count: u64 = engine
        .0
        .query_row("SELECT count(*) FROM duckdb_columns() WHERE database_name = 'project tables'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(count, 10_000);
}

#[test]
fn only_names_operators_and_casts_are_rewritten() {
    for (sql, expected) in [
        ("SELECT c.relname FROM pg_catalog.pg_class c", "SELECT c.relname FROM pg_class c"),
        ("SELECT pg_catalog . pg_class.oid FROM \"pg_catalog\".\"pg_class\"", "SELECT pg_class.oid FROM \"pg_class\""),
        ("FROM information_schema.tables", "FROM \"pg catalog\".information.tables"),
        ("a OPERATOR(pg_catalog.~) '^(x)$' COLLATE pg_catalog.default AND b", "a @~ '^(x)$'  AND b"),
        ("a OPERATOR ( + ) b !~ 'x' COLLATE \"C\"", "a + b !@~ 'x' COLLATE \"C\""),
        ("c.oid::pg_catalog.regclass::pg_catalog.text", "_regclass(c.oid)::text"),
        ("'a.b'::regclass", "_regclass_id('a.b')"),
        ("$1::regclass::oid = f(x, (1))[2]::regtype", "_regclass_id($1)::oid = _regtype(f(x, (1))[2])"),
        ("WHERE (a || b)::regclass IN (1::regclass)", "WHERE _regclass((a || b)) IN (_regclass(1))"),
        ("CAST('pg_class' AS REGCLASS)", "_regclass_id('pg_class' )"),
        ("CAST(CAST(x || y AS pg_catalog.regclass) AS oid)", "CAST(_regclass_id(x || y ) AS oid)"),
        ("x::int::regclass::text", "_regclass(x::int)::text"),
    ] {
        assert_eq!(rewrite(sql), expected, "{sql}");
    }
    for same in [
        "SELECT 'pg_catalog.x ~ ''y''::regclass', \"pg_catalog.x\", E'\\'pg_catalog.' -- pg_catalog.x ~ y::regclass",
        "SELECT $$pg_catalog.x ~ y$$, $a$ $b$ pg_catalog. $a$ /* pg_catalog. /* x::regclass */ ~ */ FROM t",
        "SELECT \"a~b\", x AS regclass, pg_catalog, t.pg_catalog.x, collate, operator(x), a::text, '~'::name",
        "'open pg_catalog.x",
        "CAST(x AS regclass",
    ] {
        assert_eq!(rewrite(same), same);
    }
}

#[test]
fn it_is_told_what_is_asked() {
    for sql in [
        "SELECT * FROM information_schema.tables",
        "select * from \"pg_catalog\".\"pg_class\"",
        "SELECT 1 FROM pg_class",
        "SELECT current_user",
        "SELECT 'own'::regclass",
        "SELECT CAST(x AS regtype) FROM y",
        "CREATE TABLE mine AS SELECT * FROM pg_tables",
    ] {
        assert_eq!(asks(sql), Asks::Catalogue, "{sql}");
    }
    for sql in ["SELECT * FROM duckdb_tables()", "SHOW TABLES", "/* x */ show all tables"] {
        assert_eq!(asks(sql), Asks::Tables, "{sql}");
    }
    for sql in [
        "SELECT 'pg_class', \"a.pg_class\" FROM b.t -- pg_class",
        "SELECT pg_id, regclass FROM pg_sales WHERE note ~ 'x'",
        "DESCRIBE b.t",
        "SHOW timezone",
        "CREATE OR REPLACE VIEW v AS SELECT * FROM information_schema.tables",
        "",
    ] {
        assert_eq!(asks(sql), Asks::Nothing, "{sql}");
    }
}

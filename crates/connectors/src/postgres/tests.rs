use alluvium_testing::Postgres;
use serde_json::{Map, Value, json};
use sqlx::Connection as _;

use super::*;
use crate::output::{ChangeKind, Item, Output, Reached, Wants};
use crate::testing::{connector, run, table};
use crate::{ConnectorConfig, Context, Error, Input, input, output};

async fn client(url: &str) -> PgConnection {
    PgConnection::connect(url).await.unwrap()
}

async fn query(url: &str, sql: &str) -> String {
    let json: Option<String> =
        sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT json_agg(q)::text FROM ({sql}) q")))
            .fetch_one(&mut client(url).await)
            .await
            .unwrap();
    let value: Value = serde_json::from_str(&json.unwrap_or("[]".into())).unwrap();
    value.to_string()
}

async fn execute(url: &str, sql: &str) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut client(url).await).await.unwrap();
}

fn reader(url: &str, sql: &str, columns: &[(&str, &str)]) -> Box<dyn Input> {
    let config = connector("postgres_input", json!({"uri": url, "query": sql})).unwrap();
    input(&config, &table(columns), &Context::default()).unwrap()
}

#[tokio::test]
async fn the_rows_of_a_query_come_once_with_columns_by_their_names() {
    let postgres = Postgres::shared().await;
    let url = postgres.database().await;
    let columns = [
        ("id", "BIGINT"),
        ("d", "DECIMAL(10, 2)"),
        ("ts", "TIMESTAMP"),
        ("tz", "TIMESTAMP WITH TIME ZONE"),
        ("day", "DATE"),
        ("at", "TIME"),
        ("bin", "VARBINARY"),
        ("list", "INT ARRAY"),
        ("flag", "BOOLEAN"),
        ("\"Name\"", "VARCHAR"),
        ("missing", "INT"),
    ];
    let sql = "SELECT 1 AS \"ID\", 1.50 AS d, timestamp '2024-01-02 03:04:05.678' AS ts, \
        timestamptz '2024-01-02 03:04:05+02' AS tz, date '2024-01-02' AS day, time '03:04:05' AS at, '\\x01ff'::bytea AS bin, \
        ARRAY[1, NULL] AS list, true AS flag, 'é\"' AS \"Name\", 5 AS name \
        UNION ALL SELECT 2, NULL, NULL, NULL, NULL, NULL, ''::bytea, NULL, NULL, NULL, NULL;";
    let seen = run(reader(&url, sql, &columns), None).await;
    let lines: Vec<Value> = seen.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        lines,
        [
            json!({"id": 1, "d": "1.50", "ts": "2024-01-02 03:04:05.678", "tz": "2024-01-02T01:04:05.000000Z", "day": "2024-01-02",
            "at": "03:04:05", "bin": [1, 255], "list": [1, null], "flag": true, "Name": "é\""}),
            json!({"id": 2, "d": null, "ts": null, "tz": null, "day": null, "at": null, "bin": [], "list": null, "flag": null,
            "Name": null}),
        ],
        "{:?}",
        seen.status
    );
    assert!(seen.status.end_of_input);
    let again = run(reader(&url, sql, &columns), Some(seen.last_position())).await;
    assert!(again.chunks.is_empty() && again.status.end_of_input);
}

#[tokio::test]
async fn many_rows_come_in_chunks_and_an_error_on_the_way_is_fatal() {
    let postgres = Postgres::shared().await;
    let url = postgres.database().await;
    let seen = run(reader(&url, "SELECT id FROM generate_series(1, 25000) id", &[("id", "BIGINT")]), None).await;
    let sizes: Vec<u64> = seen.chunks.iter().map(|chunk| chunk.0.records()).collect();
    assert_eq!(sizes, [10_000, 10_000, 5_000]);
    for (sql, reason) in [
        ("SELECT 1/(20000 - id) AS id FROM generate_series(1, 30000) id", "division by zero"),
        ("SELECT nothing", "nothing"),
        ("SELECT 1 AS other", "no column of the query"),
        ("SELECT 1 AS id, 2 AS \"Id\"", "twice"),
    ] {
        let seen = run(reader(&url, sql, &[("id", "BIGINT")]), None).await;
        let fatal = seen.status.fatal_error.unwrap();
        assert!(fatal.contains(reason), "{sql}: {fatal}");
    }
}

#[tokio::test]
async fn a_postgres_that_is_away_is_waited_for() {
    let mut postgres = Postgres::start().await;
    let url = postgres.database().await;
    postgres.kill();
    let (handle, mut chunks) =
        crate::start(reader(&url, "SELECT 1 AS id", &[("id", "BIGINT")]), None, crate::testing::limits(), false);
    let until_trouble = async {
        while handle.status().num_transport_errors == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(crate::testing::LONG, until_trouble).await.unwrap();
    postgres.restart().await;
    let chunk = tokio::time::timeout(crate::testing::LONG, chunks.next()).await.unwrap().unwrap();
    assert_eq!(crate::testing::bytes(&chunk.payload), b"{\"id\":1}\n");
    assert_eq!(handle.status().health, crate::Health::default());
}

fn writer(url: &str, more: Value) -> Result<Box<dyn Output>, Error> {
    let mut config = json!({"uri": url, "table": "t"});
    more.as_object().unwrap().iter().for_each(|(name, value)| config[name] = value.clone());
    let config = json!({"transport": {"name": "postgres_output", "config": config}, "index": "i"});
    let context = Context { pipeline: "p".into(), ..Context::default() };
    output(&ConnectorConfig::parse("c", &config, &context)?, "v", &context)
}

fn change(kind: ChangeKind, row: Value) -> Item {
    let row = row.as_object().unwrap().clone();
    let key: Map<String, Value> =
        row.iter().filter(|(name, _)| *name == "id").map(|(name, value)| (name.clone(), value.clone())).collect();
    Item::Change { kind, key, row }
}

#[tokio::test]
async fn a_table_is_kept_up_to_date_step_by_step() {
    use ChangeKind::{Delete, Insert, Update};
    let postgres = Postgres::shared().await;
    let url = postgres.database().await;
    execute(&url, "CREATE TABLE t (id INT PRIMARY KEY, \"Text\" TEXT, bin BYTEA, extra INT DEFAULT 7)").await;
    execute(&url, "INSERT INTO t VALUES (9, 'old')").await;
    let mut made = writer(&url, json!({"max_records_in_buffer": 2})).unwrap();
    assert_eq!((made.wants(), made.open().await.unwrap()), (Wants::Changes, None));
    let items: Vec<Item> =
        (1..=5).map(|id| change(Insert, json!({"id": id, "Text": format!("a'{id}"), "bin": "\\x01ff"}))).collect();
    made.write(4, 0, &items).await.unwrap();
    assert_eq!(query(&url, "SELECT count(*) FROM t").await, "[{\"count\":1}]", "nothing is seen before the step ends");
    made.finish(4).await.unwrap();
    let items = [
        change(Delete, json!({"id": 1})),
        change(Update, json!({"id": 2, "Text": null})),
        change(Insert, json!({"id": 9, "Text": "new"})),
        change(Update, json!({"id": 6, "Text": "came"})),
    ];
    made.write(5, 0, &items).await.unwrap();
    made.finish(5).await.unwrap();
    let rows = query(&url, "SELECT id, \"Text\", extra FROM t ORDER BY id").await;
    let expected = json!([
        {"id": 2, "Text": null, "extra": 7}, {"id": 3, "Text": "a'3", "extra": 7}, {"id": 4, "Text": "a'4", "extra": 7},
        {"id": 5, "Text": "a'5", "extra": 7}, {"id": 6, "Text": "came", "extra": 7}, {"id": 9, "Text": "new", "extra": 7},
    ]);
    assert_eq!(serde_json::from_str::<Value>(&rows).unwrap(), expected);
    // A step that is there is not written again, by this connection or the next.
    let mut again = writer(&url, json!({})).unwrap();
    assert_eq!(again.open().await.unwrap(), Some(Reached { step: 5, items: None }));
    again.write(5, 0, &[change(Insert, json!({"id": 100}))]).await.unwrap();
    again.finish(5).await.unwrap();
    assert_eq!(query(&url, "SELECT id FROM t WHERE id = 100").await, "[]");
    // A step that did not end is not there at all.
    again.write(6, 0, &[change(Delete, json!({"id": 2}))]).await.unwrap();
    assert_eq!(again.open().await.unwrap(), Some(Reached { step: 5, items: None }));
    assert_eq!(query(&url, "SELECT id FROM t WHERE id = 2").await, "[{\"id\":2}]");
}

#[tokio::test]
async fn rows_that_are_there_stay_if_they_should() {
    let postgres = Postgres::shared().await;
    let url = postgres.database().await;
    execute(&url, "CREATE SCHEMA s; CREATE TABLE s.\"T x\" (id INT PRIMARY KEY, a INT); INSERT INTO s.\"T x\" VALUES (1, 1), (2, 2)").await;
    let mut made = writer(&url, json!({"table": "s.\"T x\"", "on_conflict_do_nothing": true})).unwrap();
    made.open().await.unwrap();
    let items =
        [change(ChangeKind::Insert, json!({"id": 1, "a": 10})), change(ChangeKind::Update, json!({"id": 2, "a": 20}))];
    made.write(1, 0, &items).await.unwrap();
    made.finish(1).await.unwrap();
    assert_eq!(query(&url, "SELECT * FROM s.\"T x\" ORDER BY id").await, "[{\"a\":1,\"id\":1},{\"a\":20,\"id\":2}]");
}

#[tokio::test]
async fn changes_are_added_one_after_the_other() {
    let postgres = Postgres::shared().await;
    let url = postgres.database().await;
    execute(&url, "CREATE TABLE t (n SERIAL, id INT, a INT, op TEXT, __feldera_ts TIMESTAMPTZ)").await;
    let mut made = writer(&url, json!({"mode": "cdc", "cdc_op_column": "op"})).unwrap();
    made.open().await.unwrap();
    let items = [
        change(ChangeKind::Insert, json!({"id": 1, "a": 1})),
        change(ChangeKind::Update, json!({"id": 1, "a": 2})),
        change(ChangeKind::Delete, json!({"id": 1, "a": 2})),
    ];
    made.write(1, 0, &items).await.unwrap();
    made.finish(1).await.unwrap();
    let rows = query(&url, "SELECT id, a, op, __feldera_ts IS NOT NULL AS told FROM t ORDER BY n").await;
    let expected = json!([
        {"id": 1, "a": 1, "op": "i", "told": true}, {"id": 1, "a": 2, "op": "u", "told": true}, {"id": 1, "a": 2, "op": "d", "told": true},
    ]);
    assert_eq!(serde_json::from_str::<Value>(&rows).unwrap(), expected);
}

#[tokio::test]
async fn what_postgres_refuses_is_fatal_and_names_no_value() {
    let postgres = Postgres::shared().await;
    let url = postgres.database().await;
    execute(&url, "CREATE TABLE t (id INT PRIMARY KEY, a INT UNIQUE); INSERT INTO t VALUES (1, 4711)").await;
    let mut made = writer(&url, json!({})).unwrap();
    made.open().await.unwrap();
    let fault = made.write(1, 0, &[change(ChangeKind::Insert, json!({"id": 2, "a": 4711}))]).await.unwrap_err();
    assert!(fault.is_fatal() && !fault.to_string().contains("4711"), "{fault}");
    let mut none = writer(&url, json!({"table": "none"})).unwrap();
    none.open().await.unwrap();
    assert!(none.write(1, 0, &[change(ChangeKind::Insert, json!({"id": 2}))]).await.unwrap_err().is_fatal());
    let mut away = writer("postgres://u:sesame@127.0.0.1:1/d", json!({})).unwrap();
    let fault = away.open().await.unwrap_err();
    assert!(!fault.is_fatal() && !fault.to_string().contains("sesame"), "{fault}");
}

#[test]
fn configurations_are_checked() {
    let with = |more: Value| writer("postgres://u@h", more).err();
    assert!(with(json!({})).is_none() && with(json!({"table": "a.b"})).is_none());
    for (more, member) in [
        (json!({"table": ""}), "table"),
        (json!({"table": "t; DROP TABLE x"}), "table"),
        (json!({"table": "t\"x"}), "table"),
        (json!({"table": "\"t"}), "table"),
        (json!({"table": "\"t\" x"}), "table"),
        (json!({"table": "a..b"}), "table"),
        (json!({"table": "1a"}), "table"),
        (json!({"mode": "cdc", "on_conflict_do_nothing": true}), "on_conflict_do_nothing"),
        (json!({"max_buffer_size_bytes": 0}), "max_buffer_size_bytes"),
        (json!({"uri": "sesame"}), "uri"),
        (json!({"cdc_op_column": ""}), "cdc_op_column"),
        (json!({"ssl_ca_pem": "x", "ssl_ca_location": "/x"}), "ssl_ca_location"),
    ] {
        match with(more.clone()) {
            Some(Error::Member { member: found, reason, .. }) => {
                assert_eq!(found, format!("transport.config.{member}"), "{more}");
                assert!(!reason.contains("sesame"));
            }
            other => panic!("{more}: {other:?}"),
        }
    }
}

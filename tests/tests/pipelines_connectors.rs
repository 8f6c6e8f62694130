//! Connectors of pipelines against real servers: what comes is there once and goes out once, whatever dies in between.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use alluvium_blackbox::World;
use alluvium_blackbox::pipelines::{PipelineClient, bag};
use alluvium_testing::{KafkaBroker, NatsServer, Postgres};
use async_nats::jetstream;
use futures::StreamExt as _;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::message::Message as _;
use rdkafka::producer::{FutureProducer, FutureRecord};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Connection as _;
use uuid::Uuid;

/// Rounds of killing.
const ROUNDS: u64 = 6;
/// Rows that are published in a round.
const ROWS_A_ROUND: u64 = 400;
/// The longest that a process lives in a round.
const LIFE_MAX: Duration = Duration::from_millis(900);
/// How long anything may take that must happen.
const EVENTUALLY: Duration = Duration::from_mins(2);

/// The text of a `connectors` property.
fn connectors(list: &Value) -> String {
    format!("'connectors' = '{}'", list.to_string().replace('\'', "''"))
}

fn nats_in(url: &str, stream: &str) -> Value {
    json!([{
        "name": "in",
        "format": { "name": "json", "config": { "update_format": "raw" } },
        "transport": { "name": "nats_input", "config": {
            "connection_config": { "server_url": url }, "stream_name": stream, "retry_interval_secs": 1,
            "consumer_config": { "deliver_policy": "All" },
        }},
    }])
}

fn nats_out(url: &str, stream: &str, subject: &str) -> Value {
    json!([{
        "name": "out",
        "format": { "name": "json" },
        "transport": { "name": "nats_output", "config": {
            "connection_config": { "server_url": url }, "stream_name": stream, "subject": subject,
        }},
    }])
}

async fn stream(js: &jetstream::Context, name: &str, subject: &str) {
    let config = jetstream::stream::Config {
        name: name.to_owned(),
        subjects: vec![subject.to_owned()],
        ..jetstream::stream::Config::default()
    };
    js.create_stream(config).await.expect("a stream");
}

/// All messages of a stream: subject and payload.
async fn messages(js: &jetstream::Context, name: &str) -> Vec<(String, Value)> {
    let mut stream = js.get_stream(name).await.expect("the stream");
    let count = stream.info().await.expect("its state").state.messages;
    let config = jetstream::consumer::pull::OrderedConfig::default();
    let consumer = stream.create_consumer(config).await.expect("a consumer");
    let mut all = consumer.messages().await.expect("messages");
    let mut found = Vec::new();
    while (found.len() as u64) < count {
        let message = all.next().await.expect("a message").expect("a message");
        let payload = serde_json::from_slice(&message.payload).expect("JSON");
        found.push((message.subject.to_string(), payload));
    }
    found
}

/// Waits until something is so.
async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(began.elapsed() < EVENTUALLY, "it never happens: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A time up to the longest that differs each time.
fn random_pause(longest: Duration) -> Duration {
    longest * u32::from(Uuid::new_v4().as_bytes()[0]) / u32::from(u8::MAX)
}

fn input(stats: &Value) -> &Value {
    &stats["inputs"][0]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_over_nats_goes_out_over_nats_once_though_the_process_is_killed() {
    let outside = NatsServer::start().await;
    let js = jetstream::new(outside.connect().await);
    stream(&js, "ORDERS", "orders.>").await;
    stream(&js, "DOUBLED", "doubled.>").await;
    stream(&js, "TOTALS", "totals").await;
    let mut world = World::start().await;
    let pipeline = PipelineClient::new(&world, "p");
    let url = outside.url();
    let program = format!(
        "CREATE TABLE orders (id BIGINT, shop VARCHAR, cents BIGINT) WITH ({});
         CREATE VIEW doubled WITH ({}) AS SELECT id, shop, cents * 2 AS cents FROM orders;
         CREATE MATERIALIZED VIEW totals WITH ({}) AS SELECT shop, SUM(cents) AS cents FROM orders GROUP BY shop;",
        connectors(&nats_in(&url, "ORDERS")),
        connectors(&nats_out(&url, "DOUBLED", "doubled.{shop}")),
        connectors(&nats_out(&url, "TOTALS", "totals")),
    );
    pipeline.create(&program, json!({})).await;
    pipeline.start().await;
    let mut sent = 0;
    for _ in 0..ROUNDS {
        let publishing = tokio::spawn({
            let js = js.clone();
            async move {
                for id in sent..sent + ROWS_A_ROUND {
                    let row = json!({ "id": id, "shop": format!("s{}", id % 5), "cents": id });
                    js.publish("orders.new", row.to_string().into()).await.expect("sent").await.expect("stored");
                }
            }
        });
        tokio::time::sleep(random_pause(LIFE_MAX)).await;
        world.alluvium.kill();
        publishing.await.expect("rows are published whatever happens to the pipeline");
        sent += ROWS_A_ROUND;
        world.alluvium.restart().await;
    }
    pipeline.becomes("Running").await;
    let began = Instant::now();
    let doubled = loop {
        let found = messages(&js, "DOUBLED").await;
        if found.len() as u64 >= sent {
            break found;
        }
        let stats = pipeline.must(Method::GET, "/stats?include_connector_errors=true", None).await;
        let count = found.len();
        assert!(began.elapsed() < EVENTUALLY, "{count} rows of {sent} are out: {stats}\n{}", world.alluvium.output());
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    // What would come twice comes while the rest does.
    pipeline
        .until_stats(|stats| {
            stats["global_metrics"]["total_completed_steps"] == stats["global_metrics"]["total_initiated_steps"]
        })
        .await;
    assert_eq!(messages(&js, "DOUBLED").await.len(), doubled.len());
    let mut ids: Vec<u64> = doubled
        .iter()
        .map(|(subject, message)| {
            let row = &message["insert"];
            let id = row["id"].as_u64().expect("an id");
            assert_eq!(row, &json!({ "id": id, "shop": format!("s{}", id % 5), "cents": id * 2 }));
            assert_eq!(*subject, format!("doubled.s{}", id % 5));
            id
        })
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..sent).collect::<Vec<_>>());

    // Who follows the changes of the other view has what it holds.
    let mut held: BTreeMap<String, i64> = BTreeMap::new();
    for (_, change) in messages(&js, "TOTALS").await {
        for (kind, by) in [("delete", -1), ("insert", 1)] {
            if change.get(kind).is_some() {
                *held.entry(change[kind].to_string()).or_default() += by;
            }
        }
        assert!(held.values().all(|count| (0..=2).contains(count)), "{held:?}");
    }
    held.retain(|_, count| *count != 0);
    let rows = held.into_iter().map(|(row, count)| {
        assert_eq!(count, 1);
        let row: BTreeMap<String, Value> = serde_json::from_str(&row).expect("JSON");
        row.values().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).collect()
    });
    assert_eq!(bag(rows), pipeline.query("SELECT * FROM totals").await);
    let stats = pipeline.must(Method::GET, "/stats", None).await;
    assert_eq!(input(&stats)["metrics"]["total_records"], json!(sent));
    assert_eq!(stats["outputs"][0]["metrics"]["transmitted_records"], json!(sent), "{stats}");
}

#[tokio::test(flavor = "multi_thread")]
async fn connectors_are_paused_started_counted_and_remember_their_end() {
    let mut world = World::start().await;
    let pipeline = PipelineClient::new(&world, "p");
    let made = json!([
        {
            "name": "first", "labels": ["one"],
            "transport": { "name": "datagen", "config": { "plan": [{ "limit": 500 }] } },
        },
        {
            "name": "second", "start_after": "one",
            "transport": { "name": "datagen", "config": { "plan": [{ "limit": 7, "fields": { "id": { "range": [1000, 2000] } } }] } },
        },
        {
            "name": "held", "paused": true,
            "transport": { "name": "datagen", "config": { "plan": [{ "limit": 11, "fields": { "id": { "range": [5000, 6000] } } }] } },
        },
    ]);
    let null = json!([{ "name": "nowhere", "transport": { "name": "null_output" } }]);
    let program = format!(
        "CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY) WITH ({});
         CREATE MATERIALIZED VIEW n WITH ({}) AS SELECT COUNT(*) AS n FROM t;",
        connectors(&made),
        connectors(&null)
    );
    pipeline.create(&program, json!({})).await;
    pipeline.start().await;
    let count = async |wanted: u64| {
        until(&format!("{wanted} rows"), async || {
            (pipeline.query("SELECT n FROM n").await == bag([vec![wanted.to_string()]])).then_some(())
        })
        .await;
    };
    count(507).await;
    let of = |name: &str| format!("/tables/t/connectors/{name}");
    let held = pipeline.must(Method::GET, &format!("{}/stats", of("held")), None).await;
    assert_eq!((&held["paused"], &held["metrics"]["total_records"]), (&json!(true), &json!(0)), "{held}");
    for name in ["first", "second"] {
        let ended = pipeline.must(Method::GET, &format!("{}/stats", of(name)), None).await;
        assert_eq!((&ended["metrics"]["end_of_input"], &ended["paused"]), (&json!(true), &json!(false)), "{ended}");
    }
    world.alluvium.kill();
    world.alluvium.restart().await;
    pipeline.becomes("Running").await;
    count(507).await;
    pipeline.must(Method::POST, &format!("{}/start", of("held")), None).await;
    count(518).await;
    let token = pipeline.must(Method::GET, &format!("{}/completion_token", of("held")), None).await;
    pipeline.complete(token["token"].as_str().expect("a token")).await;
    pipeline.until_stats(|stats| stats["global_metrics"]["pipeline_complete"] == true).await;
    let nowhere = pipeline.must(Method::GET, "/views/n/connectors/nowhere/stats", None).await;
    assert!(nowhere["metrics"]["transmitted_records"].as_u64() > Some(0), "{nowhere}");
    for (method, path, status) in [
        (Method::POST, of("none") + "/start", 404),
        (Method::POST, of("held") + "/stop", 400),
        (Method::GET, "/tables/none/connectors/c/stats".to_owned(), 404),
        (Method::GET, "/views/n/connectors/c/stats".to_owned(), 404),
    ] {
        let (found, answer) = pipeline.ask(method, &path, None).await.expect("an answer");
        assert_eq!(found, status, "{path}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_read_and_written_and_what_cannot_be_read_is_found_in_the_error_view() {
    let directory = tempfile::tempdir().expect("a directory");
    let (from, to) = (directory.path().join("in.csv"), directory.path().join("out.json"));
    std::fs::write(&from, "id,name\n1,one\ntwo,two\n3,three\n").expect("a file");
    let world = World::closed_with(&[("ALLUVIUM_PIPELINES_FILE_DIRS", &directory.path().display().to_string())]).await;
    let pipeline = PipelineClient::new(&world, "p");
    let program = program_of_files(&from, &to);
    pipeline.create(&program, json!({})).await;
    pipeline.start().await;
    pipeline.until_stats(|stats| stats["global_metrics"]["pipeline_complete"] == true).await;
    let written = until("the file is written", async || {
        let text = std::fs::read_to_string(&to).unwrap_or_default();
        (text.lines().count() == 2).then_some(text)
    })
    .await;
    assert_eq!(written, "{\"insert\":{\"id\":1,\"name\":\"one\"}}\n{\"insert\":{\"id\":3,\"name\":\"three\"}}\n");
    let errors = pipeline.query("SELECT table_or_view_name AS t, metadata AS m FROM error_view").await;
    let error: Vec<&Vec<String>> = errors.keys().collect();
    assert_eq!((error.len(), error[0][1].as_str()), (1, "t"), "{errors:?}");
    let metadata: Value = serde_json::from_str(&error[0][0]).expect("JSON");
    assert_eq!((&metadata["endpoint"], &metadata["error"]["field"]), (&json!("t.c"), &json!("id")), "{metadata}");
    let stats = pipeline.must(Method::GET, "/stats?include_connector_errors=true", None).await;
    assert_eq!(input(&stats)["metrics"]["num_parse_errors"], 1, "{stats}");
    assert_eq!(input(&stats)["parse_errors"].as_array().map(Vec::len), Some(1), "{stats}");
    pipeline.stop(false).await;
    pipeline.start().await;
    pipeline.push("t", "more", r#"{"insert":{"id":4,"name":"four"}}"#).await;
    until("the file goes on", async || {
        let text = std::fs::read_to_string(&to).unwrap_or_default();
        (text == format!("{written}{{\"insert\":{{\"id\":4,\"name\":\"four\"}}}}\n")).then_some(())
    })
    .await;
}

fn program_of_files(from: &Path, to: &Path) -> String {
    let input = json!([{
        "name": "c", "format": { "name": "csv", "config": { "headers": true } },
        "transport": { "name": "file_input", "config": { "path": from } },
    }]);
    let output = json!([{
        "name": "c", "format": { "name": "json" },
        "transport": { "name": "file_output", "config": { "path": to } },
    }]);
    format!(
        "CREATE TABLE t (id BIGINT, name VARCHAR) WITH ({});
         CREATE VIEW v WITH ({}) AS SELECT * FROM t;",
        connectors(&input),
        connectors(&output)
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_run_as_it_is_configured_stops_the_pipeline_and_says_why() {
    let world = World::start().await;
    let of_table = |list: Value| format!("CREATE TABLE t (id BIGINT) WITH ({});", connectors(&list));
    let of_view = |list: Value| {
        format!("CREATE TABLE t (id BIGINT); CREATE VIEW v WITH ({}) AS SELECT id FROM t;", connectors(&list))
    };
    let json_format = json!({ "name": "json" });
    for (at, (program, code, says)) in [
        (of_table(json!([{ "transport": { "name": "datagen", "config": { "plan": [{ "no": 1 }] } } }])), "InvalidConnectorConfig", "no"),
        (
            of_table(json!([{ "format": json_format, "transport": { "name": "file_input", "config": { "path": "/etc/passwd" } } }])),
            "ConnectorPathNotAllowed",
            "/etc/passwd",
        ),
        (of_table(json!([{ "transport": { "name": "pub_sub_input" }, "format": json_format }])), "NotSupported", "pub_sub_input"),
        (of_table(json!([{ "transport": { "name": "url_input", "config": { "path": "http://x/${env:NONE}" } } }])), "InvalidConnectorConfig", "NONE"),
        (of_view(nats_out("nats://x", "S", "s")[0].as_object().map(|it| { let mut it = it.clone(); it.remove("format"); json!([it]) }).expect("an object")), "FormatMisfit", "format"),
    ]
    .into_iter()
    .enumerate()
    {
        let pipeline = PipelineClient::new(&world, &format!("p{at}"));
        pipeline.create(&program, json!({})).await;
        pipeline.must(Method::POST, "/start", None).await;
        let failed = pipeline.until(|pipeline| !pipeline["deployment_error"].is_null()).await;
        let error = &failed["deployment_error"];
        assert_eq!(error["error_code"], code, "{error}");
        assert!(error["message"].as_str().is_some_and(|text| text.contains(says)), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_table_is_read_and_another_follows_a_view() {
    let world = World::start().await;
    let server = Postgres::shared().await;
    let database = server.database().await;
    let mut sql = sqlx::PgConnection::connect(&database).await.expect("a connection");
    sqlx::raw_sql(
        "CREATE TABLE cities (id BIGINT PRIMARY KEY, name TEXT, price NUMERIC(12, 2));
         INSERT INTO cities VALUES (1, 'Brno', 1.25), (2, 'Rožnov', 12345678.01);
         CREATE TABLE copies (id BIGINT PRIMARY KEY, name TEXT, price NUMERIC(12, 2));",
    )
    .execute(&mut sql)
    .await
    .expect("tables");
    let input = json!([{ "name": "c", "transport": {
        "name": "postgres_input", "config": { "uri": database, "query": "SELECT id, name, price FROM cities" },
    }}]);
    let output = json!([{ "name": "c", "index": "v_id", "transport": {
        "name": "postgres_output", "config": { "uri": database, "table": "copies" },
    }}]);
    let program = format!(
        "CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR, price DECIMAL(12, 2)) WITH ({});
         CREATE VIEW v WITH ({}) AS SELECT * FROM t;
         CREATE INDEX v_id ON v(id);",
        connectors(&input),
        connectors(&output)
    );
    let pipeline = PipelineClient::new(&world, "p");
    pipeline.create(&program, json!({})).await;
    pipeline.start().await;
    let mut copies = async |wanted: &str| {
        until(wanted, async || {
            let query = "SELECT string_agg(id || ' ' || name || ' ' || price, ', ' ORDER BY id) FROM copies";
            let found: Option<String> = sqlx::query_scalar(query).fetch_one(&mut sql).await.expect("rows");
            (found.as_deref() == Some(wanted)).then_some(())
        })
        .await;
    };
    copies("1 Brno 1.25, 2 Rožnov 12345678.01").await;
    let changes =
        r#"{"delete":{"id":1}} {"update":{"id":2,"name":"Praha"}} {"insert":{"id":3,"name":"Zlín","price":0.5}}"#;
    let token = pipeline.push("t", "changes", changes).await;
    pipeline.complete(&token).await;
    copies("2 Praha 12345678.01, 3 Zlín 0.50").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kafka_topic_is_read_and_another_follows_a_view() {
    let broker = KafkaBroker::start();
    let world = World::start().await;
    let producer: FutureProducer =
        ClientConfig::new().set("bootstrap.servers", broker.address()).create().expect("a producer");
    let input = json!([{ "name": "c", "format": { "name": "json" }, "transport": {
        "name": "kafka_input",
        "config": { "bootstrap.servers": broker.address(), "topic": "orders", "start_from": "earliest" },
    }}]);
    let output = json!([{ "name": "c", "format": { "name": "json" }, "transport": {
        "name": "kafka_output", "config": { "bootstrap.servers": broker.address(), "topic": "totals" },
    }}]);
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", broker.address()).create().expect("an admin");
    let topics = ["orders", "totals"].map(|name| NewTopic::new(name, 1, TopicReplication::Fixed(1)));
    admin.create_topics(&topics, &AdminOptions::new()).await.expect("topics");
    let send = async |text: &str| {
        let record = FutureRecord::<[u8], str>::to("orders").payload(text);
        producer.send(record, EVENTUALLY).await.expect("sent");
    };
    send(r#"{"insert":{"id":1,"cents":5}}"#).await;
    let program = format!(
        "CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, cents BIGINT) WITH ({});
         CREATE MATERIALIZED VIEW totals WITH ({}) AS SELECT SUM(cents) AS cents FROM orders;",
        connectors(&input),
        connectors(&output)
    );
    let pipeline = PipelineClient::new(&world, "p");
    pipeline.create(&program, json!({})).await;
    pipeline.start().await;
    let total = async |wanted: &str| {
        until(wanted, async || {
            (pipeline.query("SELECT cents FROM totals").await == bag([vec![wanted.to_owned()]])).then_some(())
        })
        .await;
    };
    total("5").await;
    send(r#"{"insert":{"id":2,"cents":7}}"#).await;
    total("12").await;
    let consumer: StreamConsumer = ClientConfig::new()
        .set("bootstrap.servers", broker.address())
        .set("group.id", "test")
        .set("auto.offset.reset", "earliest")
        .create()
        .expect("a consumer");
    consumer.subscribe(&["totals"]).expect("a subscription");
    let mut seen = String::new();
    while !seen.contains(r#"{"insert":{"cents":12}}"#) {
        let message = tokio::time::timeout(EVENTUALLY, consumer.recv()).await.expect("a message").expect("a message");
        seen += &String::from_utf8_lossy(message.payload().unwrap_or_default());
    }
    assert!(seen.contains(r#"{"delete":{"cents":5}}"#), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_that_goes_back_reads_again_what_came_after() {
    let outside = NatsServer::start().await;
    let js = jetstream::new(outside.connect().await);
    stream(&js, "ORDERS", "orders.>").await;
    let world = World::start().await;
    let pipeline = PipelineClient::new(&world, "p");
    let program = format!(
        "CREATE TABLE orders (id BIGINT) WITH ({}, 'materialized' = 'true');
         CREATE MATERIALIZED VIEW n AS SELECT COUNT(*) AS n, SUM(id) AS sum FROM orders;",
        connectors(&nats_in(&outside.url(), "ORDERS")),
    );
    let publish = async |ids: std::ops::Range<u64>| {
        for id in ids {
            js.publish("orders.new", json!({ "id": id }).to_string().into())
                .await
                .expect("sent")
                .await
                .expect("stored");
        }
    };
    let holds = async |count: u64| {
        let wanted = bag([vec![count.to_string(), (count * count.saturating_sub(1) / 2).to_string()]]);
        until(&format!("{count} rows"), async || {
            (pipeline.query("SELECT n, sum FROM n").await == wanted).then_some(())
        })
        .await;
    };
    pipeline.create(&program, json!({})).await;
    pipeline.start().await;
    publish(0..10).await;
    holds(10).await;
    let asked = pipeline.must(Method::POST, "/checkpoint", None).await;
    until("the checkpoint is there", async || {
        let status = pipeline.must(Method::GET, "/checkpoint_status", None).await;
        (status["success"] == asked["checkpoint_sequence_number"]).then_some(())
    })
    .await;
    for round in 1..=2 {
        publish(round * 10..round * 10 + 10).await;
        holds(round * 10 + 10).await;
        pipeline.stop(true).await;
        pipeline.start().await;
        holds(round * 10 + 10).await;
    }
}

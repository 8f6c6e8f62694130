//! `alluvium topic`, `dlq` and `asyncapi` with the real binary, broker and registry.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use alluvium_blackbox::World;
use alluvium_messaging::Bus;
use alluvium_messaging::bus::SubscribeOpts;
use alluvium_messaging::consume::Channel;
use serde_json::{Value, json};
use tempfile::TempDir;

const SCHEMA: &str = r#"{"type": "record", "name": "Order", "namespace": "shop", "doc": "A customer has paid.", "fields": [
    {"name": "id", "type": "string"}, {"name": "total", "type": "double"},
    {"name": "note", "type": ["null", "string"], "default": null}]}"#;
const ORDERS: &str = "{\"id\": \"a\", \"total\": 1.5, \"note\": \"first\"}\n\n{\"id\": \"b\", \"total\": 2, \"note\": null}\n\
    {\"id\": \"a\", \"total\": 3, \"note\": null}\n";

/// A server with a stream for a shop, and the schema of its orders.
struct Shop {
    world: World,
    dir: TempDir,
}

impl Shop {
    async fn open() -> Self {
        let shop = Self { world: World::start().await, dir: tempfile::tempdir().expect("a directory") };
        shop.ok(&["topic", "create", "shop", "--stream", "SHOP", "--subjects", "shop.>"]);
        let schema = shop.file("order.avsc", SCHEMA);
        shop.ok(&["schema", "register", "--subject", "orders-value", "--file", text(&schema)]);
        shop
    }

    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, content).expect("a file");
        path
    }

    fn run(&self, args: &[&str]) -> Output {
        self.world.cli(args)
    }

    /// What a command prints that must succeed.
    fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    /// The lines of JSON that a command prints.
    fn lines(&self, args: &[&str]) -> Vec<Value> {
        self.ok(args).lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }

    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.ok(&[&["--output", "json"], args].concat())).expect("JSON")
    }

    /// The exit code and the error of a command that must fail.
    fn refused(&self, args: &[&str]) -> (i32, String) {
        let output = self.run(args);
        assert!(!output.status.success(), "{args:?} succeeded");
        (output.status.code().expect("a code"), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    fn produce(&self, topic: &str, lines: &str, more: &[&str]) {
        let file = self.file("lines.ndjson", lines);
        self.ok(&[&["topic", "produce", topic, "--message-key", "id", "--file", text(&file)], more].concat());
    }

    fn payloads(&self, args: &[&str]) -> Vec<Value> {
        self.lines(args).into_iter().map(|line| line["payload"].clone()).collect()
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of text")
}

fn orders() -> Vec<Value> {
    ORDERS.lines().filter(|line| !line.is_empty()).map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[tokio::test]
async fn lines_become_messages_and_messages_lines() {
    let shop = Shop::open().await;
    shop.produce("shop.orders.{id}", ORDERS, &["--schema", "orders-value", "--header", "Source=test"]);
    let read = shop.lines(&["topic", "consume", "shop.orders.>", "--headers"]);
    let payloads: Vec<Value> = read.iter().map(|line| line["payload"].clone()).collect();
    assert_eq!(json!(payloads)[0], orders()[0]);
    assert_eq!(json!(payloads)[1], json!({ "id": "b", "total": 2.0, "note": null }));
    let first = &read[0];
    assert_eq!(
        (&first["subject"], &first["key"], &first["type"]),
        (&json!("shop.orders.a"), &json!("a"), &json!("shop.Order"))
    );
    assert_eq!((&first["position"], &first["headers"]["Source"]), (&json!("SHOP:1"), &json!("test")));

    let consume = |more: &[&str]| shop.payloads(&[&["topic", "consume", "shop.orders.>"], more].concat());
    assert_eq!(consume(&["--message-key", "a"]).len(), 2);
    assert_eq!(consume(&["--filter", "note=first"]), orders()[..1]);
    assert_eq!(consume(&["--from", "3"]).len(), 1);
    assert_eq!(consume(&["--count", "2"]).len(), 2);
    assert_eq!(consume(&["--until", "2000-01-01T00:00:00Z"]).len(), 0);
    let tagged = consume(&["--format", "avro-json", "--count", "2"]);
    assert_eq!((&tagged[0]["note"], &tagged[1]["note"]), (&json!({ "string": "first" }), &Value::Null));
    let digits = shop.ok(&["topic", "consume", "shop.orders.>", "--format", "hex", "--count", "1"]);
    assert!(digits.starts_with("c301"), "{digits}");
}

#[tokio::test]
async fn every_encoding_is_written_and_read() {
    let shop = Shop::open().await;
    for wire in ["confluent", "confluent-header", "single-object"] {
        let topic = format!("shop.{wire}");
        shop.produce(&topic, ORDERS, &["--schema", "orders-value", "--wire", wire, "--schema-subject", "orders-value"]);
        assert_eq!(shop.payloads(&["topic", "consume", &topic])[0], orders()[0], "{wire}");
    }
    shop.produce("shop.bare", ORDERS, &["--schema", "orders-value", "--wire", "raw"]);
    assert_eq!(shop.payloads(&["topic", "consume", "shop.bare", "--schema", "orders-value"])[0], orders()[0]);
    let unread = shop.lines(&["topic", "consume", "shop.bare"]);
    assert!(unread[0]["undecodable"].is_string() && unread[0]["hex"].is_string(), "{unread:?}");
    shop.produce("shop.json", ORDERS, &[]);
    assert_eq!(shop.payloads(&["topic", "consume", "shop.json"]), orders());
}

#[tokio::test]
async fn a_group_reads_each_message_once_and_its_lag_is_told() {
    let shop = Shop::open().await;
    shop.produce("shop.orders", ORDERS, &["--schema", "orders-value"]);
    let consume =
        |more: &[&str]| shop.payloads(&[&["topic", "consume", "shop.orders", "--group", "billing"], more].concat());
    assert_eq!(consume(&["--count", "1"]).len(), 1);
    let lag = shop.json(&["topic", "lag", "SHOP", "--group", "billing"]);
    assert_eq!(lag[0]["messages"], 2, "{lag}");
    assert_eq!(consume(&[]).len(), 2);
    assert_eq!(consume(&[]).len(), 0);
}

#[tokio::test]
async fn bad_lines_are_named_and_leave_nothing_half_done() {
    let shop = Shop::open().await;
    let file = shop.file("bad.ndjson", "{\"id\": \"a\", \"total\": 1, \"note\": null}\n{\"id\": \"b\"}\n");
    let produce = ["topic", "produce", "shop.orders", "--schema", "orders-value", "--file", text(&file)];
    let (code, error) = shop.refused(&produce);
    assert!(code == 2 && error.contains("line 2") && error.contains("nothing was published"), "{code} {error}");
    assert_eq!(shop.payloads(&["topic", "consume", "shop.orders"]), Vec::<Value>::new());
    let (code, error) = shop.refused(&["topic", "describe", "NOWHERE"]);
    assert!(code == 5 && error.contains("NOWHERE"), "{code} {error}");
    let (code, error) = shop.refused(&["topic", "consume", "shop.orders", "--from", "yesterday"]);
    assert!(code == 2 && error.contains("yesterday"), "{code} {error}");
    let (code, error) = shop.refused(&["topic", "consume", "ev.>"]);
    assert!(code == 2 && error.contains("EV_ACCESS") && error.contains("--stream"), "{code} {error}");
    let (code, error) = shop.refused(&["topic", "consume", "nowhere.>"]);
    assert!(code == 5 && error.contains("nowhere"), "{code} {error}");
    let (code, error) = shop.refused(&["topic", "profile", "fastest"]);
    assert!(code == 5 && error.contains("LongRunning"), "{code} {error}");
}

/// Puts messages of the shop aside, as a group that cannot handle them does.
async fn put_aside(shop: &Shop, count: usize) {
    let bus = Bus::builder().nats(shop.world.nats.url()).build().await.expect("a bus");
    let mut channel = Channel::new("orders");
    channel.filters = vec!["shop.orders".to_owned()];
    let opts = SubscribeOpts::new().group("billing").manual(true);
    let mut messages = bus.subscribe_raw(channel, opts).await.expect("a subscription");
    for _ in 0..count {
        let message = messages.next(Duration::from_secs(10)).await.expect("a message").expect("in time");
        message.dead("the till is closed").await.expect("a dead letter");
    }
    messages.close().await.expect("closed");
}

#[tokio::test]
async fn dead_letters_are_looked_at_replayed_edited_and_dropped() {
    let shop = Shop::open().await;
    shop.produce("shop.orders", ORDERS, &["--schema", "orders-value"]);
    put_aside(&shop, 3).await;

    let listed = shop.json(&["dlq", "list", "--group", "billing"]);
    assert_eq!(listed.as_array().map(Vec::len), Some(3), "{listed}");
    assert_eq!((&listed[0]["key"], &listed[0]["reason"]), (&json!("a"), &json!("handler")));
    let ids: Vec<String> = listed.as_array().expect("a list").iter().map(|each| each["id"].to_string()).collect();
    let shown = shop.json(&["dlq", "show", &ids[0]]);
    assert_eq!((&shown["payload"], &shown["type"]), (&orders()[0], &json!("shop.Order")));
    assert!(shown["error"].as_str().is_some_and(|error| error.contains("the till is closed")), "{shown}");
    let stats = shop.json(&["dlq", "stats"]);
    assert_eq!((&stats[0]["letters"], &stats[0]["group"]), (&json!(3), &json!("billing")), "{stats}");

    shop.ok(&["dlq", "replay", "--message-key", "a", "--dry-run"]);
    assert_eq!(shop.json(&["dlq", "list"]).as_array().map(Vec::len), Some(3), "a dry run changes nothing");
    shop.ok(&["dlq", "replay", "--message-key", "a", "--new-id", "--to", "shop.again"]);
    let again = shop.lines(&["topic", "consume", "shop.again", "--headers"]);
    assert_eq!(again.iter().map(|line| &line["payload"]["total"]).collect::<Vec<_>>(), [&json!(1.5), &json!(3.0)]);
    assert_eq!(again[0]["headers"]["Alv-Replay"], "1");

    let (code, error) = shop.refused(&["dlq", "edit", &ids[1], "--payload", "{\"id\": 5}"]);
    assert!(code == 2 && error.contains("nothing was published"), "{code} {error}");
    shop.ok(&["dlq", "edit", &ids[1], "--payload", "{\"id\": \"b\", \"total\": 7, \"note\": \"mended\"}"]);
    let all = shop.lines(&["topic", "consume", "shop.orders", "--headers"]);
    let mended = all.last().expect("messages");
    assert_eq!((&mended["payload"]["note"], &mended["headers"]["Alv-Dlq-Edited"]), (&json!("mended"), &json!("1")));

    put_aside(&shop, 1).await;
    let exported = shop.lines(&["dlq", "export"]);
    assert_eq!(exported.len(), 1);
    shop.ok(&["--yes", "dlq", "drop", "--reason", "it was a test"]);
    assert_eq!(shop.json(&["dlq", "list"]), json!([]));
    let history = shop.json(&["dlq", "history"]);
    let deeds: Vec<&Value> = history.as_array().expect("a list").iter().map(|action| &action["deed"]).collect();
    assert_eq!(deeds, ["replayed", "edited", "dropped"]);
    assert_eq!(history[2]["reason"], "it was a test");
}

#[tokio::test]
async fn channels_are_described_from_the_registry_and_by_the_server() {
    let shop = Shop::open().await;
    let out = shop.dir.path().join("asyncapi.json");
    shop.ok(&["asyncapi", "--title", "Shop", "--out", text(&out)]);
    let document: Value = serde_json::from_slice(&std::fs::read(&out).expect("a file")).expect("JSON");
    assert_eq!((&document["asyncapi"], &document["info"]["title"]), (&json!("3.0.0"), &json!("Shop")));
    let message = &document["components"]["messages"]["nats.shop.Order"];
    assert_eq!((&message["x-alv-schema"]["id"], &message["summary"]), (&json!(1), &json!("A customer has paid.")));
    assert_eq!(message["payload"]["schema"]["name"], "Order");
    shop.ok(&["topic", "asyncapi", "--title", "Shop", "--check", text(&out)]);
    let (code, error) = shop.refused(&["asyncapi", "--title", "Other", "--check", text(&out)]);
    assert!(code == 10 && error.contains("not up to date"), "{code} {error}");

    let platform = shop.world.get("/asyncapi.json").await;
    assert_eq!(platform["channels"]["nats.storage.CreateBucket"]["address"], "cmd.{tenant}.storage.CreateBucket");
}

//! `alluvium dlq` with the real binary on a real broker that speaks Kafka's protocol.

use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use alluvium_blackbox::binary;
use alluvium_messaging::bus::SubscribeOpts;
use alluvium_messaging::consume::Channel;
use alluvium_messaging::profile::Profile;
use alluvium_messaging::transport::kafka::{Kafka, KafkaConfig};
use alluvium_messaging::transport::{Outgoing, TopicSpec};
use alluvium_messaging::{Bus, Wire};
use alluvium_testing::KafkaBroker;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_mins(1);
const OF_BILLING: [&str; 4] = ["--topic", "orders", "--group", "billing"];

struct Shop {
    broker: KafkaBroker,
    bus: Bus,
}

impl Shop {
    /// Three orders, all of which are dead letters.
    async fn open() -> Self {
        let broker = KafkaBroker::start();
        // One record to a batch, and nothing compressed: `KafkaBroker` says why.
        let config =
            KafkaConfig::new(broker.address()).with("compression.type", "none").with("batch.num.messages", "1");
        let kafka = Kafka::new(config, Profile::Reliable.settings().publish).expect("a producer");
        let bus = Bus::builder().transport(Arc::new(kafka)).wire(Wire::SingleObject).build().await.expect("a bus");
        for topic in ["orders", "again", "orders.billing.dlq"] {
            let spec = TopicSpec { topic: topic.to_owned(), partitions: Some(2), ..TopicSpec::default() };
            bus.admin().create(spec).await.expect("a topic");
        }
        for (key, total) in [("a", 1), ("b", 2), ("a", 3)] {
            let payload = json!({"id": key, "total": total}).to_string();
            let mut order = Outgoing::new("orders", payload).with_key(key).with_id(format!("{key}-{total}"));
            order.headers.insert("content-type", "application/json");
            bus.send(order).await.expect("an order");
        }
        let opts = SubscribeOpts::new().group("billing").profile(Profile::Reliable).manual(true);
        let mut orders = bus.subscribe_raw(Channel::new("orders"), opts).await.expect("a subscription");
        for _ in 0..3 {
            let order = orders.next(PATIENCE).await.expect("an order").expect("in time");
            order.dead("the till is closed").await.expect("a dead letter");
        }
        orders.close().await.expect("closed");
        Self { broker, bus }
    }

    fn run(&self, args: &[&str]) -> Output {
        Command::new(binary())
            .args(["--output", "json", "dlq"])
            .args(args)
            .args(["--transport", "kafka", "--brokers", &self.broker.address()])
            .env("KAFKA_OPTS__COMPRESSION_TYPE", "none")
            .env("KAFKA_OPTS__BATCH_NUM_MESSAGES", "1")
            .env("NO_COLOR", "1")
            .output()
            .expect("the binary runs")
    }

    /// What a command prints on the letters of `billing`.
    fn ok(&self, args: &[&str]) -> String {
        let output = self.run(&[args, &OF_BILLING].concat());
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    fn json(&self, args: &[&str]) -> Value {
        let printed = self.ok(args);
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{args:?}: {error}: {printed}"))
    }

    /// The exit code and the error of a command that must fail.
    fn refused(&self, args: &[&str]) -> (i32, String) {
        let output = self.run(args);
        assert!(!output.status.success(), "{args:?} succeeded");
        (output.status.code().expect("a code"), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Payloads, ids and replays of a topic.
    async fn published(&self, topic: &str) -> Vec<(Value, String, String)> {
        let what = alluvium_messaging::transport::Browse {
            name: topic.to_owned(),
            filter: ">".to_owned(),
            messages_max: 100,
            ..Default::default()
        };
        let records = self.bus.admin().browse(what).await.expect("records");
        let text = |headers: &alluvium_messaging::Headers, name: &str| headers.get_str(name).unwrap_or("").to_owned();
        let told = records.iter().map(|record| {
            let payload = serde_json::from_slice(record.payload.as_deref().expect("a payload")).expect("JSON");
            (payload, text(&record.headers, "Alv-Id"), text(&record.headers, "Alv-Replay"))
        });
        told.collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_on_kafka_are_looked_at_replayed_and_edited_and_stay() {
    let shop = Shop::open().await;
    assert_eq!(shop.json(&["history"]), json!([]), "nothing was done yet");
    let listed = shop.json(&["list"]);
    let letters = listed.as_array().expect("a list");
    assert_eq!(letters.len(), 3, "{listed}");
    let of_a: Vec<&Value> = letters.iter().filter(|letter| letter["key"] == "a").collect();
    assert!(letters.iter().all(|letter| letter["reason"] == "handler" && letter["topic"] == "orders"), "{listed}");
    assert!(of_a[0]["origin"].as_str().is_some_and(|origin| origin.starts_with("orders/")), "{listed}");
    let id = of_a[0]["id"].to_string();
    let shown = shop.json(&["show", &id]);
    assert_eq!(shown["payload"], json!({"id": "a", "total": 1}), "{shown}");
    assert_eq!(shown["headers"]["Alv-Dlq-Error"], "the till is closed", "{shown}");
    let stats = shop.json(&["stats"]);
    assert_eq!((&stats[0]["letters"], &stats[0]["group"]), (&json!(3), &json!("billing")), "{stats}");

    shop.ok(&["replay", "--message-key", "a", "--dry-run"]);
    assert_eq!(shop.published("orders").await.len(), 3, "a dry run publishes nothing");
    shop.ok(&["replay", "--message-key", "a", "--to", "again"]);
    let order = |total: u64| (json!({"id": "a", "total": total}), format!("a-{total}"), "1".to_owned());
    assert_eq!(shop.published("again").await, [order(1), order(3)], "in order, with their ids");
    shop.ok(&["edit", &id, "--payload", "{\"id\": \"a\", \"total\": 9}"]);
    let edited = shop.published("orders").await.into_iter().filter(|(payload, ..)| payload["total"] == 9);
    let [(_, new_id, _)] = &edited.collect::<Vec<_>>()[..] else { panic!("it is published once, where it came from") };
    assert_ne!(new_id, "a-1");
    assert_eq!(shop.json(&["list"]).as_array().map(Vec::len), Some(3), "they stay");
    assert_eq!(shop.ok(&["export"]).lines().count(), 3);
    let history = shop.json(&["history"]);
    let deeds: Vec<&Value> = history.as_array().expect("a list").iter().map(|action| &action["deed"]).collect();
    assert_eq!(deeds, ["replayed", "edited"]);
    assert_eq!(history[0]["to"], "again");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kafka_cannot_do_is_said() {
    let shop = Shop::open().await;
    let (code, error) = shop.refused(&["list"]);
    assert!(code == 2 && error.contains("--topic T --group G"), "{code} {error}");
    let (code, error) = shop.refused(&["list", "--topic", "orders", "--group", "nobody"]);
    assert!(code == 5 && error.contains("orders.nobody.dlq"), "{code} {error}");
    let (code, error) = shop.refused(&["history", "--topic", "orders", "--group", "nobody"]);
    assert!(code == 5 && error.contains("orders.nobody.dlq"), "{code} {error}");
    let (code, error) = shop.refused(&[&["show", "77"][..], &OF_BILLING].concat());
    assert!(code == 5 && error.contains("77"), "{code} {error}");
    let (code, error) = shop.refused(&[&["drop", "--reason", "gone"][..], &OF_BILLING].concat());
    assert!(code == 2 && error.contains("cannot be dropped"), "{code} {error}");
}

//! On librdkafka's own mock cluster; what it cannot show, on a real broker.

use std::time::Duration;

use alluvium_testing::KafkaBroker;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{DefaultProducerContext, FutureProducer, FutureRecord};
use serde_json::{Value, json};

use crate::output::{Item, Output, Reached};
use crate::testing::{LONG, connector, ended, limits};
use crate::{Chunks, Context, Error, Handle, Input, Payload, input, output, start};

struct Cluster(MockCluster<'static, DefaultProducerContext>);

impl Cluster {
    fn new(topic: &str, partitions: i32) -> Self {
        let cluster = MockCluster::new(3).expect("a mock cluster");
        cluster.create_topic(topic, partitions, 3).expect("a topic");
        Self(cluster)
    }

    fn servers(&self) -> String {
        self.0.bootstrap_servers()
    }
}

fn producer(servers: &str) -> FutureProducer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", servers).set("batch.num.messages", "1").create().unwrap()
}

async fn produce(producer: &FutureProducer, partition: i32, text: &str, time: i64) {
    let headers = OwnedHeaders::new().insert(Header { key: "kind", value: Some(&text[..1]) });
    let record = FutureRecord::to("t").partition(partition).payload(text).key("k").timestamp(time).headers(headers);
    producer.send(record, LONG).await.unwrap();
}

fn reader(servers: &str, more: Value) -> Box<dyn Input> {
    let mut config =
        json!({"bootstrap.servers": servers, "topic": "t", "start_from": "earliest", "fetch.wait.max.ms": 20});
    more.as_object().unwrap().iter().for_each(|(name, value)| config[name] = value.clone());
    input(&connector("kafka_input", config).unwrap(), &crate::testing::table(&[]), &Context::default()).unwrap()
}

fn begin(input: Box<dyn Input>, position: Option<Value>) -> (Handle, Chunks) {
    start(input, position, limits(), false)
}

async fn read(chunks: &mut Chunks, count: usize) -> (Vec<String>, Value) {
    let (mut texts, mut position) = (Vec::new(), Value::Null);
    while texts.len() < count {
        let chunk =
            tokio::time::timeout(LONG, chunks.next()).await.unwrap_or_else(|_| panic!("{texts:?}")).expect("a chunk");
        let Payload::Messages(all) = &chunk.payload else { panic!("{chunk:?}") };
        texts.extend(all.iter().map(|message| String::from_utf8_lossy(&message.payload).into_owned()));
        position = chunk.position.clone();
    }
    (texts, position)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_is_read_and_read_on_at_a_position() {
    let cluster = Cluster::new("t", 2);
    let made = producer(&cluster.servers());
    for (partition, text) in [(0, "a0"), (0, "a1"), (1, "b0")] {
        produce(&made, partition, text, 1000).await;
    }
    let (handle, mut chunks) = begin(reader(&cluster.servers(), json!({})), None);
    let (mut texts, position) = read(&mut chunks, 3).await;
    texts.sort();
    assert_eq!(texts, ["a0", "a1", "b0"]);
    assert_eq!(position, json!({"next": {"0": 2, "1": 1}}));
    produce(&made, 1, "b1", 1000).await;
    assert_eq!(read(&mut chunks, 1).await.0, ["b1"]);
    handle.stop().await;
    let (_handle, mut chunks) = begin(reader(&cluster.servers(), json!({})), Some(json!({"next": {"0": 1, "1": 2}})));
    assert_eq!(read(&mut chunks, 1).await, (vec!["a1".to_owned()], json!({"next": {"0": 2, "1": 2}})));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_reading_begins_is_known_before_anything_comes() {
    let cluster = Cluster::new("t", 2);
    let made = producer(&cluster.servers());
    for text in ["a0", "a1", "a2"] {
        produce(&made, 0, text, 1000).await;
    }
    for (more, next) in [
        (json!({"start_from": "earliest"}), json!({"0": 0, "1": 0})),
        (json!({"start_from": "latest"}), json!({"0": 3, "1": 0})),
        (json!({"start_from": null}), json!({"0": 3, "1": 0})),
        (json!({"start_from": {"offsets": [2, 0]}}), json!({"0": 2, "1": 0})),
        (json!({"start_from": {"offsets": [1]}, "partitions": [0]}), json!({"0": 1})),
    ] {
        let (handle, mut chunks) = begin(reader(&cluster.servers(), more.clone()), None);
        let first = tokio::time::timeout(LONG, chunks.next()).await.unwrap().unwrap();
        assert_eq!((first.payload.records(), &first.position["next"]), (0, &next), "{more}");
        handle.stop().await;
    }
    for (more, at, reason) in [
        (json!({"start_from": {"offsets": [1]}}), None, "1 offsets"),
        (json!({"start_from": {"offsets": [4, 0]}}), None, "offset 4 comes next in partition 0"),
        (json!({"partitions": [7]}), None, "no partition 7"),
        (json!({}), Some(json!({"next": {"0": 9, "1": 0}})), "offset 9 comes next"),
        (json!({}), Some(json!("x")), "no position"),
    ] {
        let (handle, _chunks) = begin(reader(&cluster.servers(), more.clone()), at);
        let fatal = ended(&handle).await.fatal_error.unwrap();
        assert!(fatal.contains(reason), "{more}: {fatal}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_carry_what_was_asked_for_and_are_filtered_by_headers() {
    let cluster = Cluster::new("t", 1);
    let made = producer(&cluster.servers());
    for text in ["a0", "b1", "a2"] {
        produce(&made, 0, text, 1234).await;
    }
    let more = json!({"include_headers": true, "include_timestamp": true, "include_partition": true, "include_offset": true,
        "include_topic": true, "header_filter": {"header": {"name": "kind", "pattern": "b"}}});
    let (_handle, mut chunks) = begin(reader(&cluster.servers(), more), None);
    let message = loop {
        let chunk = tokio::time::timeout(LONG, chunks.next()).await.unwrap().unwrap();
        let Payload::Messages(all) = &chunk.payload else { panic!("{chunk:?}") };
        if let Some(message) = all.first() {
            break message.clone();
        }
    };
    assert_eq!((message.payload.as_ref(), message.key.as_deref()), (b"b1".as_slice(), Some(b"k".as_slice())));
    let expected = json!({"kafka_headers": {"kind": "b"}, "kafka_timestamp": 1234, "kafka_partition": 0, "kafka_offset": 1, "kafka_topic": "t"});
    assert_eq!(Value::Object(message.metadata), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_can_be_read_in_the_order_of_times() {
    let cluster = Cluster::new("t", 2);
    let made = producer(&cluster.servers());
    for (partition, text, time) in [(0, "a1", 1), (0, "a4", 4), (0, "a9", 9), (1, "b2", 2), (1, "b3", 3), (1, "b8", 8)]
    {
        produce(&made, partition, text, time).await;
    }
    let (_handle, mut chunks) = begin(reader(&cluster.servers(), json!({"synchronize_partitions": true})), None);
    let (texts, position) = read(&mut chunks, 5).await;
    assert_eq!(texts, ["a1", "b2", "b3", "a4", "b8"]);
    // What waits for others was not read.
    assert_eq!(position, json!({"next": {"0": 2, "1": 3}}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_away_is_told_and_waited_for() {
    let (handle, _chunks) =
        begin(reader("127.0.0.1:1", json!({"group_join_timeout_secs": 1, "sasl.password": "sesame"})), None);
    let wait = async {
        while handle.status().num_transport_errors < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LONG, wait).await.unwrap();
    assert!(handle.status().fatal_error.is_none());
    tokio::time::timeout(LONG, handle.stop()).await.unwrap();
}

fn writer(servers: &str, more: Value) -> Result<Box<dyn Output>, Error> {
    let mut config = json!({"bootstrap.servers": servers, "topic": "t", "headers": [{"key": "own", "value": "x"}, {"key": "none"}],
        "batch.num.messages": 1, "compression.type": "none"});
    more.as_object().unwrap().iter().for_each(|(name, value)| config[name] = value.clone());
    let context = Context { pipeline: "p".into(), ..Context::default() };
    output(&connector("kafka_output", config)?, "v", &context)
}

fn keyed(key: &str, payload: Option<&str>) -> Item {
    let payload = payload.map(|text| text.to_owned().into());
    Item::Message {
        payload,
        key: Some(key.to_owned().into()),
        headers: vec![("op".into(), "insert".into())],
        row: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_written_with_keys_and_headers() {
    let cluster = Cluster::new("t", 1);
    let mut made = writer(&cluster.servers(), json!({})).unwrap();
    assert_eq!(made.open().await.unwrap(), None);
    made.write(1, 0, &[keyed("a", Some("1")), Item::bytes("2"), keyed("a", None)]).await.unwrap();
    made.finish(1).await.unwrap();
    let (_handle, mut chunks) = begin(reader(&cluster.servers(), json!({"include_headers": true})), None);
    let mut all = Vec::new();
    while all.len() < 3 {
        let chunk = tokio::time::timeout(LONG, chunks.next()).await.unwrap().unwrap();
        let Payload::Messages(messages) = &chunk.payload else { panic!("{chunk:?}") };
        all.extend(messages.clone());
    }
    let seen: Vec<(&[u8], Option<&[u8]>)> =
        all.iter().map(|each| (each.payload.as_ref(), each.key.as_deref())).collect();
    assert_eq!(seen, [(&b"1"[..], Some(&b"a"[..])), (b"2", None), (b"", Some(b"a"))]);
    assert_eq!(all[0].metadata["kafka_headers"], json!({"own": "x", "none": "", "op": "insert"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_is_a_transaction_and_is_read_back() {
    let cluster = Cluster::new("t", 2);
    let exact = || writer(&cluster.servers(), json!({"fault_tolerance": {}})).unwrap();
    let mut made = exact();
    assert_eq!(made.open().await.unwrap(), None);
    for step in [7, 8] {
        made.write(step, 0, &[keyed("a", Some("1")), keyed("b", Some("2"))]).await.unwrap();
        made.finish(step).await.unwrap();
    }
    let mut again = exact();
    assert_eq!(again.open().await.unwrap(), Some(Reached { step: 8, items: None }));
    // What is there is not written again.
    again.write(8, 0, &[keyed("a", Some("no"))]).await.unwrap();
    again.finish(8).await.unwrap();
    again.write(9, 0, &[keyed("a", Some("yes"))]).await.unwrap();
    again.finish(9).await.unwrap();
    assert_eq!(exact().open().await.unwrap(), Some(Reached { step: 9, items: None }));
    let (_handle, mut chunks) = begin(reader(&cluster.servers(), json!({})), None);
    let mut texts = read(&mut chunks, 5).await.0;
    texts.sort();
    assert_eq!(texts, ["1", "1", "2", "2", "yes"]);
}

#[test]
fn configurations_are_checked() {
    let with = |more: Value| {
        let mut config = json!({"bootstrap.servers": "h", "topic": "t"});
        more.as_object().unwrap().iter().for_each(|(name, value)| config[name] = value.clone());
        let config = connector("kafka_input", config)?;
        input(&config, &crate::testing::table(&[]), &Context::default()).map(drop)
    };
    for good in [
        json!({}),
        json!({"topic": null, "topics": ["t"]}),
        json!({"poller_threads": 5, "log_level": "debug", "sasl.password": "x"}),
    ] {
        assert_eq!(with(good.clone()), Ok(()), "{good}");
    }
    for (more, member) in [
        (json!({"topic": "a b"}), "topic"),
        (json!({"topic": 1}), "topic"),
        (json!({"topic": null}), "topic"),
        (json!({"topics": ["a"]}), "topics"),
        (json!({"topic": null, "topics": ["a", "b"]}), "topics"),
        (json!({"start_from": "middle"}), "start_from"),
        (json!({"start_from": {"offsets": [-1]}}), "start_from"),
        (json!({"start_from": {"offsets": [1]}, "partitions": [1, 2]}), "start_from"),
        (json!({"partitions": [1, 1]}), "partitions"),
        (json!({"partitions": []}), "partitions"),
        (json!({"auto.offset.reset": "earliest"}), "auto.offset.reset"),
        (json!({"enable.auto.commit": "true"}), "enable.auto.commit"),
        (json!({"header_filter": {"and": []}}), "header_filter"),
        (json!({"region": "eu-central-1"}), "region"),
        (json!({"bootstrap.servers": null}), "bootstrap.servers"),
        (json!({"plugin.library.paths": "/tmp/x"}), "plugin.library.paths"),
        (json!({"sasl.kerberos.kinit.cmd": "rm"}), "sasl.kerberos.kinit.cmd"),
        (json!({"enable.ssl.certificate.verification": false}), "enable.ssl.certificate.verification"),
        (json!({"no.such.option": "1"}), "no.such.option"),
        (json!({"fetch.wait.max.ms": "soon"}), "fetch.wait.max.ms"),
        (json!({"group_join_timeout_secs": 0}), "group_join_timeout_secs"),
    ] {
        match with(more.clone()) {
            Err(Error::Member { member: found, .. }) => {
                assert_eq!(found, format!("transport.config.{member}"), "{more}");
            }
            other => panic!("{more}: {other:?}"),
        }
    }
    assert_eq!(with(json!({"ssl.ca.location": "/etc/passwd"})).unwrap_err().code(), "ConnectorPathNotAllowed");
    let nested =
        writer("h", json!({"fault_tolerance": {"producer_options": {"plugin.library.paths": "x"}}})).err().unwrap();
    assert!(nested.to_string().contains("fault_tolerance.producer_options.plugin.library.paths"), "{nested}");
    assert!(writer("h", json!({"kafka_service": "s"})).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_broker_takes_and_gives_the_same() {
    let broker = KafkaBroker::start();
    let mut config = ClientConfig::new();
    let admin: AdminClient<DefaultClientContext> = config.set("bootstrap.servers", broker.address()).create().unwrap();
    let topic = NewTopic::new("t", 2, TopicReplication::Fixed(1));
    admin.create_topics(&[topic], &AdminOptions::new().request_timeout(Some(LONG))).await.unwrap();
    let mut made = writer(&broker.address(), json!({})).unwrap();
    made.open().await.unwrap();
    let items: Vec<Item> = (0..20).map(|at| keyed(&format!("k{}", at % 4), Some(&at.to_string()))).collect();
    made.write(1, 0, &items).await.unwrap();
    made.finish(1).await.unwrap();
    let (handle, mut chunks) = begin(reader(&broker.address(), json!({})), None);
    let (texts, position) = read(&mut chunks, 20).await;
    let mut numbers: Vec<u32> = texts.iter().map(|text| text.parse().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..20).collect::<Vec<_>>());
    handle.stop().await;
    made.write(2, 0, &[keyed("k0", Some("more"))]).await.unwrap();
    made.finish(2).await.unwrap();
    let (_handle, mut chunks) = begin(reader(&broker.address(), json!({})), Some(position));
    assert_eq!(read(&mut chunks, 1).await.0, ["more"]);
}

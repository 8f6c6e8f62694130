//! Input that is not what it should be, and registries that are not there, met by a running loop on a real nats-server.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use alluvium_messaging::{
    AvroType, Bus, CancellationToken, CodecConfig, HandlerError, Loop, Message, MessageSchema, Register, Wire,
    dead_letter::{self, Filter},
    testing::MemoryRegistry,
    transport::Outgoing,
    wire::DynMessage,
};
use alluvium_testing::NatsServer;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(topic = "visits", group = "counter", key = "who", namespace = "com.example", name = "Visit")]
struct Visit {
    who: String,
    #[avro(default = 1)]
    times: i64,
}

/// A record that holds itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, AvroType)]
struct Branch {
    name: String,
    below: Vec<Branch>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(topic = "trees", group = "counter", namespace = "com.example", name = "Tree")]
struct Tree {
    root: Branch,
}

/// The datum alone: its first byte may be anything, `00` included.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(topic = "numbers", group = "counter", namespace = "com.example", name = "Number", wire = "raw")]
struct Number {
    n: i64,
    text: String,
}

struct World {
    _nats: NatsServer,
    bus: Bus,
    registry: MemoryRegistry,
}

impl World {
    async fn new(wire: Wire) -> Self {
        let nats = NatsServer::start().await;
        let registry = MemoryRegistry::new();
        let codecs = CodecConfig {
            wire,
            register: Register::IfMissing,
            schema_wait: Duration::from_millis(1_500),
            source: Some(Arc::new(registry.clone())),
            ..CodecConfig::default()
        };
        let bus = Bus::builder().nats(nats.url()).name("test").codecs(codecs).wire(wire).build().await.unwrap();
        bus.ensure::<Visit>().await.unwrap();
        bus.ensure::<Tree>().await.unwrap();
        bus.ensure::<Number>().await.unwrap();
        Self { _nats: nats, bus, registry }
    }

    async fn raw(&self, topic: &str, id: &str, payload: Vec<u8>) {
        self.bus.deliver(Outgoing::new(topic, payload).with_key(id.to_owned()).with_id(id)).await.unwrap();
    }

    async fn letters(&self) -> Vec<(String, String)> {
        let letters = dead_letter::list(&self.bus, &Filter::default()).await.unwrap();
        letters.into_iter().map(|letter| (letter.message_id.unwrap_or_default(), letter.reason)).collect()
    }
}

/// A loop that keeps what it is given.
struct Collecting<M> {
    seen: Arc<Mutex<Vec<M>>>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl<M: Message + Clone> Collecting<M> {
    fn start(bus: &Bus) -> Self {
        let (seen, stop) = (Arc::new(Mutex::new(Vec::new())), CancellationToken::new());
        let (into, reading) = (seen.clone(), Loop::<M>::new(bus));
        let handler = move |_, message: M| {
            into.lock().unwrap().push(message);
            std::future::ready(Ok::<_, HandlerError>(()))
        };
        let running = reading.run(handler, stop.clone());
        let task = tokio::spawn(async move {
            running.await.unwrap();
        });
        Self { seen, stop, task }
    }

    fn seen(&self) -> Vec<M> {
        self.seen.lock().unwrap().clone()
    }

    async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < Duration::from_secs(30), "still not: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn visit(who: &str, times: i64) -> Visit {
    Visit { who: who.into(), times }
}

#[tokio::test]
async fn without_its_registry_a_loop_goes_on_with_the_schemas_that_it_has() {
    let world = World::new(Wire::Confluent).await;
    // As an older program writes it: without `times`, which takes its default.
    let older = r#"{"type":"record","name":"com.example.Visit","fields":[{"name":"who","type":"string"}]}"#;
    world.registry.put("visits-value", older).unwrap();
    let old = DynMessage::new(MessageSchema::parse(older).unwrap(), serde_json::json!({ "who": "a" })).unwrap();
    let old = world.bus.codecs().encode_dyn(&old, Wire::Confluent, "visits-value").await.unwrap();
    world.raw("visits", "old-1", old.payload.to_vec()).await;
    let running = Collecting::<Visit>::start(&world.bus);
    until("the first came", async || running.seen() == [visit("a", 1)]).await;
    world.bus.produce(&visit("b", 2)).await.unwrap();
    until("its own came", async || running.seen().len() == 2).await;
    world.registry.away(true);
    let asked = world.registry.asked();
    world.raw("visits", "old-2", old.payload.to_vec()).await;
    world.bus.produce(&visit("c", 3)).await.unwrap();
    until("both came", async || running.seen().len() == 4).await;
    assert_eq!(world.registry.asked(), asked, "nobody had to be asked");
    // One that was never seen waits for the registry, and nothing behind it waits with it.
    let newer = r#"{"type":"record","name":"com.example.Visit","fields":[
        {"name":"who","type":"string"},{"name":"times","type":"long","default":1},{"name":"why","type":"string","default":""}]}"#;
    let id = world.registry.put("visits-value", newer).unwrap();
    let mut payload = vec![0];
    payload.extend_from_slice(&id.to_be_bytes());
    payload.extend_from_slice(&[2, b'd', 8, 0]);
    world.raw("visits", "new-1", payload).await;
    world.bus.produce(&visit("e", 5)).await.unwrap();
    until("the other came", async || running.seen().contains(&visit("e", 5))).await;
    assert!(!running.seen().contains(&visit("d", 4)));
    world.registry.away(false);
    until("it came, too", async || running.seen().contains(&visit("d", 4))).await;
    assert!(world.letters().await.is_empty());
    running.end().await;
}

#[tokio::test]
async fn ids_that_nobody_knows_and_frames_cut_short_are_put_aside() {
    let world = World::new(Wire::Confluent).await;
    let good = world.bus.codecs().encode(&visit("a", 1), Wire::Confluent).await.unwrap().payload.to_vec();
    let mut unknown = good.clone();
    unknown[1..5].copy_from_slice(&4_711_u32.to_be_bytes());
    let mut trailing = good.clone();
    trailing.push(0);
    world.raw("visits", "unknown", unknown).await;
    world.raw("visits", "empty", Vec::new()).await;
    for cut in 1..good.len() {
        world.raw("visits", &format!("cut-{cut}"), good[..cut].to_vec()).await;
    }
    world.raw("visits", "trailing", trailing).await;
    world.raw("visits", "good", good.clone()).await;
    let running = Collecting::<Visit>::start(&world.bus);
    until("all are judged", async || world.letters().await.len() == good.len() + 2).await;
    running.end().await;
    let letters = world.letters().await;
    for (id, reason) in &letters {
        let wanted = if id == "unknown" { "schema" } else { "decode" };
        assert_eq!(reason, wanted, "{id}");
    }
}

#[tokio::test]
async fn a_bare_datum_that_begins_with_zero_is_no_frame() {
    let world = World::new(Wire::SingleObject).await;
    let asked = world.registry.asked();
    let zero = Number { n: 0, text: "a".into() };
    let raw = world.bus.codecs().encode(&zero, Wire::Raw).await.unwrap();
    assert_eq!(raw.payload[0], 0, "or this tests nothing");
    let running = Collecting::<Number>::start(&world.bus);
    // The second is long enough to look like a frame with an id.
    for (n, text) in [(0, "a"), (0, "abcdefgh"), (-97, "")] {
        world.bus.produce(&Number { n, text: text.into() }).await.unwrap();
    }
    until("all came", async || running.seen().len() == 3).await;
    assert_eq!(running.seen()[1], Number { n: 0, text: "abcdefgh".into() });
    assert!(world.letters().await.is_empty());
    assert_eq!(world.registry.asked(), asked, "a bare datum asks nobody");
    running.end().await;
}

#[tokio::test]
async fn recursive_schemas_and_schemas_of_a_megabyte_work() {
    let world = World::new(Wire::Confluent).await;
    let running = Collecting::<Tree>::start(&world.bus);
    let mut tree = Branch { name: "leaf".into(), below: Vec::new() };
    for depth in 0..20 {
        tree = Branch { name: format!("at {depth}"), below: vec![tree.clone(), tree] };
        if depth > 8 {
            tree.below.truncate(1);
        }
    }
    let tree = Tree { root: tree };
    world.bus.produce(&tree).await.unwrap();
    until("the tree came", async || !running.seen().is_empty()).await;
    assert_eq!(running.seen()[0], tree);
    running.end().await;
    // Deeper than anybody means: told, not a stack that overflows.
    let mut deep = vec![0, 0, 0, 0];
    deep.push(world.registry.versions("trees-value")[0] as u8);
    for _ in 0..200_000 {
        deep.extend_from_slice(&[0, 2]);
    }
    world.raw("trees", "deep", deep).await;
    let running = Collecting::<Tree>::start(&world.bus);
    until("it is put aside", async || world.letters().await == [("deep".to_owned(), "decode".to_owned())]).await;
    running.end().await;
    // A writer with many more fields than the reader knows.
    let fields: Vec<String> = (0..12_300)
        .map(|n| format!(r#"{{"name":"field_{n:05}","type":["null","string"],"default":null,"doc":"Number {n}"}}"#))
        .collect();
    let text = format!(
        r#"{{"type":"record","name":"com.example.Visit","fields":[{{"name":"who","type":"string"}},{}]}}"#,
        fields.join(",")
    );
    assert!(text.len() > 1_000_000, "{}", text.len());
    let id = world.registry.put("visits-value", &text).unwrap();
    let mut payload = vec![0];
    payload.extend_from_slice(&id.to_be_bytes());
    payload.extend_from_slice(&[2, b'w']);
    payload.resize(payload.len() + 12_300, 0);
    world.raw("visits", "wide", payload).await;
    let running = Collecting::<Visit>::start(&world.bus);
    until("it came", async || running.seen() == [visit("w", 1)]).await;
    running.end().await;
}

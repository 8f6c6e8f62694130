//! What comes out is what went in.

use std::{
    future::ready,
    sync::{Arc, Mutex},
};

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::{
    Subject, TOPIC,
    world::{World, lock, message, until},
};
use crate::{
    HandlerError, Loop, Message, MessageSchema, Payload,
    consume::{Context, Opaque},
    testing::MemoryRegistry,
    transport::{Outgoing, PublishError},
    wire::{DynMessage, Wire},
};

/// Payload, key, headers and tombstones.
pub async fn messages_come_out_as_they_went_in(subject: Subject) {
    let world = World::new(subject).await;
    let mut full = message("key", 1);
    full.headers.insert("origin", "web");
    full.headers.insert("bytes", vec![0, 159, 255]);
    let mut gone = message("key", 2);
    gone.payload = None;
    world.publish([full, gone]).await;
    let seen = Arc::new(Mutex::new(Vec::<(Payload<Opaque>, Context)>::new()));
    let (stop, into) = (CancellationToken::new(), seen.clone());
    let running = tokio::spawn(world.reading().run_payloads(
        move |context, payload| {
            lock(&into).push((payload, context));
            ready(Ok::<_, HandlerError>(()))
        },
        stop.clone(),
    ));
    until("both came", async || lock(&seen).len() == 2).await;
    stop.cancel();
    running.await.expect("no panic").expect("it ends well");
    let seen = lock(&seen);
    let (payload, context) = &seen[0];
    assert_eq!(*payload, Payload::Value(Opaque("key:1".into())));
    assert_eq!(context.key().map(AsRef::as_ref), Some(&b"key"[..]));
    assert_eq!(context.headers().get_str("origin"), Some("web"));
    assert_eq!(context.headers().get("bytes"), Some(&[0, 159, 255][..]));
    assert_eq!(context.id(), Some("key-1"));
    assert_eq!(seen[1].0, Payload::Tombstone);
    assert_eq!(seen[1].1.key().map(AsRef::as_ref), Some(&b"key"[..]));
}

/// What a program of today reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Message)]
#[message(topic = "orders", group = "group", key = "id", namespace = "com.example", name = "Evolving")]
struct Evolving {
    id: String,
    #[avro(default = 7)]
    since: i64,
}

/// Messages of older and newer programs are read by the schemas that their ids name.
pub async fn schemas_evolve_by_their_ids(subject: Subject) {
    const OLDER: &str = r#"{"type":"record","name":"com.example.Evolving","fields":[{"name":"id","type":"string"}]}"#;
    const NEWER: &str = r#"{"type":"record","name":"com.example.Evolving","fields":[{"name":"until","type":"long","default":0},
        {"name":"since","type":"int","default":7},{"name":"id","type":"string"}]}"#;
    let registry = MemoryRegistry::new();
    let world = World::with_registry(subject, &registry).await;
    let versions = [
        (OLDER, serde_json::json!({ "id": "older" })),
        (NEWER, serde_json::json!({ "id": "newer", "since": 9, "until": 10 })),
    ];
    for (text, value) in versions {
        registry.put("orders-value", text).expect("it fits what is there");
        let schema = MessageSchema::parse(text).expect("a schema");
        let other = DynMessage::new(schema, value).expect("a message");
        let encoded = world.bus.codecs().encode_dyn(&other, Wire::Confluent, "orders-value").await.expect("encoded");
        let mut outgoing = Outgoing::new(TOPIC, encoded.payload).with_key("k");
        outgoing.headers = encoded.headers;
        world.publish([outgoing]).await;
    }
    world.bus.produce(&Evolving { id: "own".into(), since: 8 }).await.expect("stored");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (stop, into) = (CancellationToken::new(), seen.clone());
    let running = tokio::spawn(Loop::<Evolving>::new(&world.bus).run(
        move |_, message| {
            lock(&into).push(message);
            ready(Ok::<_, HandlerError>(()))
        },
        stop.clone(),
    ));
    until("all came", async || lock(&seen).len() == 3).await;
    stop.cancel();
    running.await.expect("no panic").expect("it ends well");
    let mut seen = lock(&seen).clone();
    seen.sort();
    let wanted = [("newer", 9), ("older", 7), ("own", 8)];
    assert_eq!(seen, wanted.map(|(id, since)| Evolving { id: id.into(), since }));
    assert!(world.letters().await.is_empty());
}

/// Where the broker knows ids, the same message is stored once.
pub async fn a_message_known_by_its_id_is_stored_once(subject: Subject) {
    let world = World::new(subject).await;
    let first = world.bus.deliver(message("a", 1)).await.expect("stored");
    let second = world.bus.deliver(message("a", 1)).await.expect("stored, or known");
    assert!(!first.duplicate);
    if !world.bus.capabilities().watermark {
        assert!(second.duplicate);
        assert_eq!(first.position, second.position);
    }
}

/// What the broker cannot take is refused with a reason, and says whether trying again may help.
pub async fn what_is_too_big_is_refused_here(subject: Subject) {
    let world = World::new(subject).await;
    let error = world.bus.deliver(Outgoing::new(TOPIC, vec![0; 80_000_000])).await.expect_err("too big");
    assert!(matches!(error, PublishError::TooLarge { .. }), "{error}");
    assert!(!error.retryable() && !error.unknown());
    let mut bad = message("a", 1);
    bad.headers.insert("bad name", "x");
    assert!(matches!(world.bus.deliver(bad).await, Err(PublishError::Header(_))));
}

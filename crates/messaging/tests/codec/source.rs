use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alluvium_kernel::BoxFuture;
use alluvium_messaging::wire::{Fetched, SchemaRef, SchemaSource, SourceError, frame};
use alluvium_messaging::{CodecConfig, Codecs, Headers, Message, MessageSchema, Payload, ReadWire, Register, Wire};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(topic = "pairs", name = "Pair", namespace = "t", key = "a", key_format = "avro")]
struct Pair {
    a: i64,
    #[avro(default = "b")]
    b: String,
}

/// Schemas in memory, as any source may keep them, with what tests need to know and to break.
#[derive(Default)]
struct Shelf {
    texts: Mutex<Vec<String>>,
    subjects: Mutex<HashMap<String, Vec<u32>>>,
    asked: AtomicUsize,
    registered: AtomicU32,
    gone: AtomicBool,
}

impl Shelf {
    fn put(&self, text: &str) -> u32 {
        let mut texts = self.texts.lock().unwrap();
        let at = texts.iter().position(|each| each == text).unwrap_or_else(|| {
            texts.push(text.to_owned());
            texts.len() - 1
        });
        u32::try_from(at).unwrap() + 1
    }

    fn get(&self, id: u32) -> Option<Fetched> {
        let text = self.texts.lock().unwrap().get(id as usize - 1)?.clone();
        Some(Fetched { id: Some(id), guid: Some([u8::try_from(id).unwrap(); 16]), text, references: Vec::new() })
    }

    async fn ask(&self) -> Result<(), SourceError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(20)).await;
        if self.gone.load(Ordering::SeqCst) { Err(SourceError::transient("gone")) } else { Ok(()) }
    }
}

impl SchemaSource for Shelf {
    fn by_id(&self, id: u32) -> BoxFuture<'_, Result<Option<Fetched>, SourceError>> {
        Box::pin(async move { self.ask().await.map(|()| self.get(id)) })
    }
    fn by_guid(&self, guid: [u8; 16]) -> BoxFuture<'_, Result<Option<Fetched>, SourceError>> {
        Box::pin(async move { self.ask().await.map(|()| self.get(u32::from(guid[0]))) })
    }
    fn by_fingerprint(&self, fingerprint: u64) -> BoxFuture<'_, Result<Vec<Fetched>, SourceError>> {
        Box::pin(async move {
            self.ask().await?;
            let count = u32::try_from(self.texts.lock().unwrap().len()).unwrap();
            let all = (1..=count).filter_map(|id| self.get(id));
            Ok(all.filter(|each| each.parse().unwrap().fp64() == fingerprint).collect())
        })
    }
    fn lookup<'a>(
        &'a self,
        subject: &'a str,
        text: &'a str,
        _: bool,
    ) -> BoxFuture<'a, Result<Option<SchemaRef>, SourceError>> {
        Box::pin(async move {
            self.ask().await?;
            let subjects = self.subjects.lock().unwrap();
            let ids = subjects.get(subject).into_iter().flatten();
            Ok(ids
                .map(|id| self.get(*id).unwrap())
                .find(|each| each.text == text)
                .map(|each| SchemaRef { id: each.id.unwrap(), guid: each.guid }))
        })
    }
    fn register<'a>(
        &'a self,
        subject: &'a str,
        text: &'a str,
        _: bool,
    ) -> BoxFuture<'a, Result<SchemaRef, SourceError>> {
        Box::pin(async move {
            self.ask().await?;
            self.registered.fetch_add(1, Ordering::SeqCst);
            let id = self.put(text);
            self.subjects.lock().unwrap().entry(subject.to_owned()).or_default().push(id);
            Ok(SchemaRef { id, guid: self.get(id).unwrap().guid })
        })
    }
    fn latest<'a>(&'a self, subject: &'a str) -> BoxFuture<'a, Result<Option<Fetched>, SourceError>> {
        Box::pin(async move {
            self.ask().await?;
            let last = self.subjects.lock().unwrap().get(subject).and_then(|ids| ids.last().copied());
            Ok(last.and_then(|id| self.get(id)))
        })
    }
}

fn codecs(shelf: &Arc<Shelf>, register: Register) -> Codecs {
    let source: Arc<dyn SchemaSource> = Arc::clone(shelf) as _;
    Codecs::new(CodecConfig { source: Some(source), register, ..CodecConfig::default() })
}

fn pair() -> Pair {
    Pair { a: 1, b: "x".to_owned() }
}

#[tokio::test]
async fn formats_of_a_registry() {
    let shelf = Arc::new(Shelf::default());
    for wire in [Wire::Confluent, Wire::ConfluentHeader] {
        let writer = codecs(&shelf, Register::IfMissing);
        let encoded = writer.encode(&pair(), wire).await.unwrap();
        for read in [ReadWire::Only(wire), ReadWire::Auto] {
            let reader = codecs(&shelf, Register::Lookup);
            let message = reader.decode::<Pair>(Some(&encoded.payload), &encoded.headers, read).await.unwrap();
            assert_eq!(message, Payload::Value(pair()));
        }
    }
    let encoded = codecs(&shelf, Register::Lookup).encode(&pair(), Wire::Confluent).await.unwrap();
    assert_eq!(&encoded.payload[..5], [0, 0, 0, 0, 1]);
    assert_eq!(&encoded.key.unwrap()[..], [0, 0, 0, 0, 2, 2], "the key has a schema of its own");
    let header = codecs(&shelf, Register::Lookup).encode(&pair(), Wire::ConfluentHeader).await.unwrap();
    assert_eq!(header.headers.get(frame::VALUE_SCHEMA_ID).unwrap(), [[1_u8; 17]].concat());
    assert_eq!(shelf.registered.load(Ordering::SeqCst), 2, "value and key, once");
}

#[tokio::test]
async fn production_does_not_register() {
    let shelf = Arc::new(Shelf::default());
    let error = codecs(&shelf, Register::Lookup).prepare::<Pair>(Wire::Confluent).await.unwrap_err();
    assert_eq!(error.code(), "messaging.schema_not_registered");
    assert_eq!(shelf.registered.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn two_hundred_readers_share_one_request_and_go_on_without_the_registry() {
    let shelf = Arc::new(Shelf::default());
    let encoded = codecs(&shelf, Register::IfMissing).encode(&pair(), Wire::Confluent).await.unwrap();
    let reader = codecs(&shelf, Register::Lookup);
    shelf.asked.store(0, Ordering::SeqCst);
    let reads = (0..200).map(|_| reader.decode::<Pair>(Some(&encoded.payload), &encoded.headers, Wire::Confluent));
    for read in futures::future::join_all(reads).await {
        assert_eq!(read.unwrap(), Payload::Value(pair()));
    }
    assert_eq!(shelf.asked.load(Ordering::SeqCst), 1);
    shelf.gone.store(true, Ordering::SeqCst);
    let read = reader.decode::<Pair>(Some(&encoded.payload), &encoded.headers, Wire::Confluent).await;
    assert_eq!(read.unwrap(), Payload::Value(pair()));
    let other = Bytes::from_static(&[0, 0, 0, 0, 9, 2, 2, b'x']);
    let error = reader.decode::<Pair>(Some(&other), &Headers::new(), Wire::Confluent).await.unwrap_err();
    assert!(error.retryable() && error.code() == "messaging.registry", "{error}");
}

#[tokio::test]
async fn an_unknown_schema_is_transient_first_and_poison_later() {
    let shelf = Arc::new(Shelf::default());
    let source: Arc<dyn SchemaSource> = Arc::clone(&shelf) as _;
    let wait = Duration::from_millis(1500);
    let reader = Codecs::new(CodecConfig { source: Some(source), schema_wait: wait, ..CodecConfig::default() });
    let payload = Bytes::from_static(&[0, 0, 0, 0, 9, 2, 2, b'x']);
    let read = || async { reader.decode::<Pair>(Some(&payload), &Headers::new(), Wire::Confluent).await };
    assert!(read().await.unwrap_err().retryable());
    assert!(read().await.unwrap_err().retryable());
    assert_eq!(shelf.asked.load(Ordering::SeqCst), 1, "for a second nobody asks again");
    tokio::time::sleep(wait).await;
    let error = read().await.unwrap_err();
    assert!(!error.retryable() && error.code() == "messaging.schema_unknown", "{error}");
    assert_eq!(shelf.asked.load(Ordering::SeqCst), 2);
    // It appears after all.
    (0..9).for_each(|at| {
        shelf.put(&format!("{{\"type\": \"fixed\", \"name\": \"F{at}\", \"size\": 1}}"));
    });
    shelf.texts.lock().unwrap()[8] = Pair::schema().text().to_owned();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(read().await.unwrap().value().unwrap(), pair());
}

#[tokio::test]
async fn unknown_fingerprints_are_fetched() {
    let shelf = Arc::new(Shelf::default());
    let old = MessageSchema::parse(
        r#"{"type": "record", "name": "Pair", "namespace": "t", "fields": [{"name": "a", "type": "int"}]}"#,
    );
    let old = old.unwrap();
    shelf.put(old.text());
    let payload: Bytes = [&frame::single_object_prefix(old.fp64())[..], &[2]].concat().into();
    let read = codecs(&shelf, Register::Lookup).decode::<Pair>(Some(&payload), &Headers::new(), ReadWire::Auto).await;
    assert_eq!(read.unwrap(), Payload::Value(Pair { a: 1, b: "b".to_owned() }));
    let alone = Codecs::new(CodecConfig::default());
    let error = alone.decode::<Pair>(Some(&payload), &Headers::new(), ReadWire::Auto).await.unwrap_err();
    assert!(!error.retryable(), "without a registry nothing can become known");
}

#[tokio::test]
async fn the_latest_schema_is_written_when_asked_for() {
    let shelf = Arc::new(Shelf::default());
    let source: Arc<dyn SchemaSource> = Arc::clone(&shelf) as _;
    let latest = r#"{"type": "record", "name": "Pair", "namespace": "t", "fields": [
        {"name": "b", "type": "string"}, {"name": "a", "type": "double"}, {"name": "c", "type": "int", "default": 3}]}"#;
    SchemaSource::register(&*shelf, "pairs-value", latest, false).await.unwrap();
    let config =
        CodecConfig { source: Some(source), use_latest: Some(Duration::from_mins(1)), ..CodecConfig::default() };
    let encoded = Codecs::new(config.clone()).encode(&pair(), Wire::Confluent).await.unwrap();
    assert_eq!(&encoded.payload[..], [&[0, 0, 0, 0, 1, 2, b'x'][..], &1.0_f64.to_le_bytes(), &[6]].concat());
    let other = r#"{"type": "record", "name": "Pair", "namespace": "t", "fields": [{"name": "z", "type": "int"}]}"#;
    SchemaSource::register(&*shelf, "pairs-value", other, false).await.unwrap();
    let error = Codecs::new(config).encode(&pair(), Wire::Confluent).await.unwrap_err();
    assert_eq!(error.code(), "messaging.schema_incompatible");
}

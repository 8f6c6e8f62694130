//! Exchanges what stands in front of a datum: a registry's id for a fingerprint, and back. The datum stays as it is.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::{BufMut as _, Bytes, BytesMut};

use super::BridgeError;
use crate::wire::{
    SchemaSource,
    frame::{confluent, confluent_prefix, single_object, single_object_prefix},
};

/// Names remembered each way; beyond it the memory begins anew.
const NAMES_MAX: usize = 4_096;

/// A payload for the other side, or why it has to stay as it is.
pub type Rewrapped = Result<Bytes, String>;

/// Exchanges names with the help of a registry.
pub struct Rewrapper {
    registry: Arc<dyn SchemaSource>,
    fingerprints: Known<u32, u64>,
    ids: Known<(String, u64), u32>,
}

struct Known<K, V>(Mutex<HashMap<K, V>>);

impl<K: Eq + Hash, V: Copy> Known<K, V> {
    fn get(&self, key: &K) -> Option<V> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).copied()
    }

    fn put(&self, key: K, value: V) -> V {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= NAMES_MAX {
            known.clear();
        }
        known.insert(key, value);
        value
    }
}

impl Rewrapper {
    pub fn new(registry: Arc<dyn SchemaSource>) -> Self {
        Self { registry, fingerprints: Known(Mutex::default()), ids: Known(Mutex::default()) }
    }

    /// `00` and an id become `C3 01` and a fingerprint.
    pub async fn to_fingerprint(&self, payload: &Bytes) -> Result<Rewrapped, BridgeError> {
        let Some((id, datum)) = confluent(payload) else { return Ok(Err("no schema id in front of it".to_owned())) };
        if let Some(known) = self.fingerprints.get(&id) {
            return Ok(Ok(joined(&single_object_prefix(known), datum)));
        }
        let Some(fetched) = self.registry.by_id(id).await? else {
            return Ok(Err(format!("the registry does not know schema id {id}")));
        };
        let Ok(schema) = fetched.parse() else { return Ok(Err(format!("schema id {id} is no Avro schema"))) };
        let known = self.fingerprints.put(id, schema.parsed().fingerprint64());
        Ok(Ok(joined(&single_object_prefix(known), datum)))
    }

    /// `C3 01` and a fingerprint become `00` and an id, the schema registered for the topic's values.
    pub async fn to_id(&self, topic: &str, payload: &Bytes) -> Result<Rewrapped, BridgeError> {
        let Some((fingerprint, datum)) = single_object(payload) else {
            return Ok(Err("no fingerprint in front of it".to_owned()));
        };
        let key = (topic.to_owned(), fingerprint);
        if let Some(id) = self.ids.get(&key) {
            return Ok(Ok(joined(&confluent_prefix(id), datum)));
        }
        let mut found = self.registry.by_fingerprint(fingerprint).await?;
        found.dedup_by(|left, right| left.text == right.text);
        let [schema] = found.as_slice() else {
            let count = found.len();
            return Ok(Err(format!("the registry knows {count} schemas of fingerprint {fingerprint:016x}, not one")));
        };
        let subject = format!("{topic}-value");
        let id = match self.registry.lookup(&subject, &schema.text, false).await? {
            Some(known) => known.id,
            None => match self.registry.register(&subject, &schema.text, false).await {
                Ok(new) => new.id,
                Err(error) if error.retryable() => return Err(error.into()),
                Err(error) => return Ok(Err(format!("the registry refuses its schema for {subject}: {error}"))),
            },
        };
        self.ids.put(key, id);
        Ok(Ok(joined(&confluent_prefix(id), datum)))
    }
}

fn joined(prefix: &[u8], datum: &[u8]) -> Bytes {
    let mut all = BytesMut::with_capacity(prefix.len() + datum.len());
    all.put_slice(prefix);
    all.put_slice(datum);
    all.freeze()
}

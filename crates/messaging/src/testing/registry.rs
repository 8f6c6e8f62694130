//! A schema registry in memory, for tests.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use alluvium_avro::{Level, Policy, Schema, check};
use alluvium_kernel::BoxFuture;

use crate::wire::{Fetched, SchemaRef, SchemaSource, SourceError};

/// What a registry answers to a schema that does not fit its subject.
const INCOMPATIBLE: u16 = 409;
/// What a registry answers to a text that is no schema: status and code.
const INVALID: (u16, u32) = (422, 42_201);

/// A schema registry in memory. A cheap clone; every clone is the same registry.
///
/// It judges what is registered as the real one does, because both ask the same crate: the rules of compatibility, what makes two
/// schemas one, ids that are never given twice. It knows one context, Avro without references, and no deleting, modes or history:
/// for those, test against the registry itself.
#[derive(Clone, Default)]
pub struct MemoryRegistry(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    away: AtomicBool,
    asked: AtomicUsize,
}

#[derive(Default)]
struct State {
    /// The schema of id n is at n - 1.
    schemas: Vec<Schema>,
    /// Ids by subject, oldest first.
    subjects: BTreeMap<String, Vec<u32>>,
    levels: BTreeMap<String, Level>,
}

impl std::fmt::Debug for MemoryRegistry {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("MemoryRegistry").field("schemas", &self.0.state().schemas.len()).finish_non_exhaustive()
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its state, unless it is away.
    fn ask(&self) -> Result<MutexGuard<'_, State>, SourceError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.away.load(Ordering::Relaxed) {
            return Err(SourceError::transient("the registry is away"));
        }
        Ok(self.state())
    }
}

impl State {
    fn fetched(&self, id: u32) -> Option<Fetched> {
        let schema = self.schemas.get((id as usize).checked_sub(1)?)?;
        let text = schema.text().to_owned();
        Some(Fetched { id: Some(id), guid: Some(guid(schema)), text, references: Vec::new() })
    }

    fn all(&self) -> impl Iterator<Item = (u32, &Schema)> {
        (1..).zip(&self.schemas)
    }

    fn known(&self, schema: &Schema, normalize: bool) -> Option<u32> {
        let same = |other: &Schema| {
            if normalize {
                other.identity() == schema.identity()
            } else {
                other.identity_text() == schema.identity_text()
            }
        };
        self.all().find(|(_, other)| same(other)).map(|(id, _)| id)
    }

    fn versions(&self, subject: &str) -> &[u32] {
        self.subjects.get(subject).map_or(&[], Vec::as_slice)
    }

    fn register(&mut self, subject: &str, text: &str, normalize: bool) -> Result<SchemaRef, SourceError> {
        let schema = parse(text)?;
        let known = self.known(&schema, normalize);
        let versions = self.versions(subject).to_vec();
        if let Some(id) = known.filter(|id| versions.contains(id)) {
            return Ok(self.named(id));
        }
        let level = self.levels.get(subject).copied().unwrap_or(Level::Backward);
        let history: Vec<(u32, Schema)> =
            (1..).zip(&versions).map(|(at, id)| (at, self.schemas[*id as usize - 1].clone())).collect();
        let found = check(&schema, &history, level, Policy::Strict);
        if let Some(first) = found.first() {
            let what: Vec<String> = first.short_messages();
            let message =
                format!("{subject}: not {} with version {}: {}", level.as_str(), first.version, what.join(", "));
            return Err(SourceError::refused(message, Some(INCOMPATIBLE), Some(u32::from(INCOMPATIBLE))));
        }
        let id = known.unwrap_or_else(|| {
            self.schemas.push(schema);
            self.schemas.len() as u32
        });
        self.subjects.entry(subject.to_owned()).or_default().push(id);
        Ok(self.named(id))
    }

    fn named(&self, id: u32) -> SchemaRef {
        SchemaRef { id, guid: self.schemas.get(id as usize - 1).map(guid) }
    }
}

fn parse(text: &str) -> Result<Schema, SourceError> {
    let invalid =
        |error: alluvium_avro::ParseErrors| SourceError::refused(error.to_string(), Some(INVALID.0), Some(INVALID.1));
    Schema::parse(text).map_err(invalid)
}

/// Half of what identifies a schema: as long as a GUID, and as stable.
fn guid(schema: &Schema) -> [u8; 16] {
    let mut guid = [0; 16];
    guid.copy_from_slice(&schema.identity()[..16]);
    guid
}

impl MemoryRegistry {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// What later schemas of a subject must be to the ones before; `BACKWARD` when nothing is said.
    pub fn set_level(&self, subject: impl Into<String>, level: Level) {
        self.0.state().levels.insert(subject.into(), level);
    }

    /// While away it answers nothing.
    pub fn away(&self, away: bool) {
        self.0.away.store(away, Ordering::Relaxed);
    }

    /// Requests so far, those that were not answered included.
    pub fn asked(&self) -> usize {
        self.0.asked.load(Ordering::Relaxed)
    }

    /// Registers a schema, as another program would.
    pub fn put(&self, subject: &str, text: &str) -> Result<u32, SourceError> {
        self.0.state().register(subject, text, false).map(|named| named.id)
    }

    /// Ids of a subject's versions, oldest first.
    pub fn versions(&self, subject: &str) -> Vec<u32> {
        self.0.state().versions(subject).to_vec()
    }
}

impl SchemaSource for MemoryRegistry {
    fn by_id(&self, id: u32) -> BoxFuture<'_, Result<Option<Fetched>, SourceError>> {
        Box::pin(async move { Ok(self.0.ask()?.fetched(id)) })
    }

    fn by_guid(&self, wanted: [u8; 16]) -> BoxFuture<'_, Result<Option<Fetched>, SourceError>> {
        Box::pin(async move {
            let state = self.0.ask()?;
            let found = state.all().find(|(_, schema)| guid(schema) == wanted).map(|(id, _)| id);
            Ok(found.and_then(|id| state.fetched(id)))
        })
    }

    fn by_fingerprint(&self, fingerprint: u64) -> BoxFuture<'_, Result<Vec<Fetched>, SourceError>> {
        Box::pin(async move {
            let state = self.0.ask()?;
            let same = state.all().filter(|(_, schema)| schema.fingerprint64() == fingerprint);
            Ok(same.filter_map(|(id, _)| state.fetched(id)).collect())
        })
    }

    fn lookup<'a>(
        &'a self,
        subject: &'a str,
        text: &'a str,
        normalize: bool,
    ) -> BoxFuture<'a, Result<Option<SchemaRef>, SourceError>> {
        Box::pin(async move {
            let state = self.0.ask()?;
            let known = state.known(&parse(text)?, normalize);
            Ok(known.filter(|id| state.versions(subject).contains(id)).map(|id| state.named(id)))
        })
    }

    fn register<'a>(
        &'a self,
        subject: &'a str,
        text: &'a str,
        normalize: bool,
    ) -> BoxFuture<'a, Result<SchemaRef, SourceError>> {
        Box::pin(async move { self.0.ask()?.register(subject, text, normalize) })
    }

    fn latest<'a>(&'a self, subject: &'a str) -> BoxFuture<'a, Result<Option<Fetched>, SourceError>> {
        Box::pin(async move {
            let state = self.0.ask()?;
            Ok(state.versions(subject).last().and_then(|id| state.fetched(*id)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}"#;
    const WIDER: &str = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"long"}]}"#;
    const OTHER: &str = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"string"}]}"#;

    #[test]
    fn it_judges_as_the_real_one_does() {
        let registry = MemoryRegistry::new();
        assert_eq!(registry.put("s", ONE).unwrap(), 1);
        assert_eq!(registry.put("s", &ONE.replace(':', ": ")).unwrap(), 1, "blanks are nothing");
        assert_eq!(registry.put("t", ONE).unwrap(), 1, "one schema, one id");
        assert_eq!(registry.put("s", WIDER).unwrap(), 2);
        let refused = registry.put("s", OTHER).unwrap_err();
        assert_eq!((refused.status, refused.retryable()), (Some(409), false));
        registry.set_level("s", Level::None);
        assert_eq!(registry.put("s", OTHER).unwrap(), 3);
        assert_eq!(registry.versions("s"), [1, 2, 3]);
        assert_eq!(registry.put("s", "{").unwrap_err().code, Some(42_201));
    }

    #[tokio::test]
    async fn it_is_found_by_every_name_and_may_be_away() {
        let registry = MemoryRegistry::new();
        registry.put("s", ONE).unwrap();
        let found = registry.by_id(1).await.unwrap().unwrap();
        let schema = found.parse().unwrap();
        assert_eq!(registry.by_guid(found.guid.unwrap()).await.unwrap().unwrap().id, Some(1));
        assert_eq!(registry.by_fingerprint(schema.fp64()).await.unwrap().len(), 1);
        assert_eq!(registry.lookup("s", ONE, false).await.unwrap().unwrap().id, 1);
        assert!(
            registry.lookup("t", ONE, false).await.unwrap().is_none() && registry.by_id(0).await.unwrap().is_none()
        );
        registry.away(true);
        assert!(registry.latest("s").await.unwrap_err().retryable());
        assert_eq!(registry.asked(), 7);
    }
}

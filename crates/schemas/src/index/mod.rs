//! The registry as every process has it in memory: a fold of the log, one view for each tenant.

mod past;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use alluvium_kernel::{Problem, Token, subject};
use alluvium_messaging::{Commit, Contract as _, ContractSet as _, LogMessage};
use alluvium_projection::{Live, LiveFold};
use bytes::Bytes;
use cqrs_es::Aggregate as _;

use crate::content::{parse_guid, unpack};
use crate::contract::{Event, RegistryEvent, SchemaRegistered};
use crate::error;
use crate::kinds::SchemaType;
use crate::model::{Digest, Reference, Registry, Shards};
use crate::subject::{DEFAULT_CONTEXT, context_of_id};

pub use past::PastViews;

/// What an id stands for, with its text. Never changes.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its id.
    pub id: u32,
    /// Its language.
    pub kind: SchemaType,
    /// Its text.
    pub text: Arc<str>,
    /// What it refers to.
    pub references: Vec<Reference>,
    /// Metadata, as JSON text.
    pub metadata: Option<Box<str>>,
    /// Rules, as JSON text.
    pub rule_set: Option<Box<str>>,
    /// Its GUID.
    pub guid: [u8; 16],
    /// CRC-64-AVRO of its canonical form.
    pub fp64: Option<i64>,
    /// Equal content.
    pub identity: Digest,
    /// Equal meaning.
    pub equality: Digest,
    /// When it was registered first, in microseconds since 1970.
    pub at: i64,
    /// The answer to who asks for the id and nothing else, once somebody did.
    pub answer: OnceLock<Bytes>,
}

/// One context of a tenant.
#[derive(Clone, Debug, Default)]
pub struct ContextIndex {
    /// The aggregate.
    pub registry: Registry,
    entries: Shards<u32, Entry>,
}

/// All contexts of a tenant. Whoever reads has one that does not change.
#[derive(Clone, Debug, Default)]
pub struct View {
    contexts: BTreeMap<String, ContextIndex>,
    guids: Shards<[u8; 16], Vec<(String, u32)>>,
    fingerprints: Shards<i64, Vec<(String, u32)>>,
    /// Sequence of the last message of this tenant in it.
    pub seq: u64,
}

impl ContextIndex {
    /// What an id stands for; those of purged versions too.
    pub fn entry(&self, id: u32) -> Option<&Arc<Entry>> {
        self.entries.get(&id)
    }
}

impl View {
    /// A context.
    pub fn context(&self, name: &str) -> Option<&ContextIndex> {
        self.contexts.get(name)
    }

    /// The aggregate of a context.
    pub fn registry(&self, name: &str) -> Option<&Registry> {
        self.contexts.get(name).map(|context| &context.registry)
    }

    /// All contexts by name, the default one first because a dot alone is the least.
    pub fn contexts(&self) -> impl Iterator<Item = (&String, &ContextIndex)> {
        self.contexts.iter()
    }

    /// Contexts in which a name without one is looked for: the default one, then the others.
    pub fn default_first(&self) -> impl Iterator<Item = (&String, &ContextIndex)> {
        let default = self.contexts.get_key_value(DEFAULT_CONTEXT);
        default.into_iter().chain(self.contexts.iter().filter(|(name, _)| *name != DEFAULT_CONTEXT))
    }

    /// Ids of a GUID, by context.
    pub fn of_guid(&self, guid: &[u8; 16]) -> &[(String, u32)] {
        self.guids.get(guid).map_or(&[], |all| all.as_slice())
    }

    /// Ids of a fingerprint, by context.
    pub fn of_fingerprint(&self, fp64: i64) -> &[(String, u32)] {
        self.fingerprints.get(&fp64).map_or(&[], |all| all.as_slice())
    }

    /// This view of the past without the versions whose content nobody has any more as of `now`.
    pub fn without_purged(&self, now: &View) -> View {
        let mut view = self.clone();
        for (name, context) in &mut view.contexts {
            let now = now.registry(name);
            let kept = |id: u32| now.and_then(|now| now.content(id)).is_some_and(|content| !content.uses.is_empty());
            context.registry.purge_unless(kept);
        }
        view
    }

    /// Applies the events of one message.
    pub fn apply(&mut self, change: Change) {
        self.seq = change.seq;
        for (at, event) in change.events {
            if let RegistryEvent::SchemaRegistered(registered) = &event {
                self.keep(&change.context, registered, at);
            }
            self.contexts.entry(change.context.clone()).or_default().registry.apply(event);
        }
    }

    fn keep(&mut self, context: &str, registered: &SchemaRegistered, at: i64) {
        let id = registered.id.cast_unsigned();
        let own = self.contexts.entry(context.to_owned()).or_default();
        if own.entries.get(&id).is_some() {
            return;
        }
        let Ok(text) = unpack(&registered.text, &registered.packed) else {
            tracing::error!(context, schema.id = id, "a stored text cannot be read; the schema is left out");
            return;
        };
        let entry = Entry {
            id,
            kind: registered.r#type.parse().unwrap_or_default(),
            text: text.into(),
            references: registered.references.iter().map(Reference::from).collect(),
            metadata: registered.metadata.as_deref().map(Into::into),
            rule_set: registered.rule_set.as_deref().map(Into::into),
            guid: parse_guid(&registered.guid).unwrap_or_default(),
            fp64: registered.fp64,
            identity: Digest::parse(&registered.identity_sha256).unwrap_or_default(),
            equality: Digest::parse(&registered.equality_sha256).unwrap_or_default(),
            at,
            answer: OnceLock::new(),
        };
        self.guids.entry(entry.guid).push((context.to_owned(), id));
        if let Some(fp64) = entry.fp64 {
            self.fingerprints.entry(fp64).push((context.to_owned(), id));
        }
        own.entries.insert(id, entry);
    }
}

/// The events of one message.
#[derive(Clone, Debug)]
pub struct Change {
    /// Whose.
    pub tenant: Token,
    /// Of which context.
    pub context: String,
    /// Where on the stream.
    pub seq: u64,
    /// When each was decided, and what.
    pub events: Vec<(i64, RegistryEvent)>,
}

impl Change {
    /// Reads a message on `ev.<tenant>.schemas.…`.
    pub fn of(message: &LogMessage) -> Result<Self, String> {
        let Some(subject::Parsed::Event { tenant, id, .. }) = subject::parse(&message.subject) else {
            return Err(format!("`{}` is no subject of an aggregate", message.subject));
        };
        let commit = Commit::from_avro(&message.payload).map_err(|error| error.to_string())?;
        let mut events = Vec::with_capacity(commit.entries.len());
        for entry in &commit.entries {
            let Event::Registry(event) =
                Event::decode(&entry.r#type, &entry.event).map_err(|error| error.to_string())?;
            events.push((entry.time, event));
        }
        Ok(Self { tenant, context: context_of_id(&id), seq: message.seq, events })
    }
}

/// The stream of this context's events.
pub const STREAM: &str = "EV_SCHEMAS";
/// The fold's name where reads wait for it.
pub const LIVE: &str = "schemas.live";

/// The index with its reader.
pub type Follower = Live<Index>;

/// The views of all tenants.
#[derive(Debug, Default)]
pub struct Index(RwLock<HashMap<Token, Arc<View>>>);

impl Index {
    /// A tenant's view as it is now.
    pub fn view(&self, tenant: &Token) -> Arc<View> {
        let views = self.0.read().unwrap_or_else(PoisonError::into_inner);
        views.get(tenant).cloned().unwrap_or_default()
    }
}

impl LiveFold for Index {
    const STREAM: &'static str = STREAM;
    const NAME: &'static str = LIVE;

    fn clear(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// What does not decode is told to people and passed over: what other messages say still holds.
    fn apply(&self, message: &LogMessage) {
        match Change::of(message) {
            Ok(change) => {
                let mut views = self.0.write().unwrap_or_else(PoisonError::into_inner);
                Arc::make_mut(views.entry(change.tenant.clone()).or_default()).apply(change);
            }
            Err(reason) => tracing::error!(
                stream.name = %message.stream, stream.seq = message.seq, reason,
                "a message of the registry's log cannot be used"
            ),
        }
    }

    fn not_ready() -> Problem {
        error::not_ready()
    }
}

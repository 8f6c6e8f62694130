//! Schemas and plans of this process: what is known, what was asked for in vain, and how one writer's data is read.

use std::any::TypeId;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::frame::SchemaName;
use super::plan::Plan;
use crate::model::MessageSchema;

/// Plans that are kept; far more than pairs of types and schemas that a process meets.
const PLANS_MAX: usize = 16 * 1024;
/// How long "there is none" holds.
const ABSENT_FOR: Duration = Duration::from_secs(1);
/// Names that were asked for in vain that are remembered.
const ABSENT_MAX: usize = 4096;

/// Keys are numbers that are spread already, or nearly: one multiplication mixes them.
#[derive(Default)]
pub(super) struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let mut wide = [0; 8];
            wide[..part.len()].copy_from_slice(part);
            self.write_u64(u64::from_le_bytes(wide));
        }
    }
    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }
    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(26) ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }
    fn write_isize(&mut self, number: isize) {
        self.write_u64(number as u64);
    }
}

type Fast<K, V> = HashMap<K, V, BuildHasherDefault<Spread>>;

/// Schemas by what names them.
pub(super) struct Schemas {
    /// Compiled in or added; never dropped.
    own: RwLock<Fast<u64, Vec<MessageSchema>>>,
    /// Fetched by number or GUID: these never change.
    fetched: moka::sync::Cache<SchemaName, MessageSchema>,
    /// Fetched by fingerprint: all schemas that share it.
    sets: moka::sync::Cache<u64, Arc<[MessageSchema]>>,
    absent: Mutex<HashMap<SchemaName, Absent>>,
    asking: Mutex<HashMap<SchemaName, Arc<tokio::sync::Mutex<()>>>>,
}

#[derive(Clone, Copy)]
struct Absent {
    first: Instant,
    last: Instant,
}

/// What is remembered of a name that the registry does not have.
pub(super) enum Missing {
    /// Nothing: ask.
    Ask,
    /// It was asked a moment ago. First asked this long ago.
    Since(Duration),
}

impl Schemas {
    pub(super) fn new(entries: u64) -> Self {
        Self {
            own: RwLock::default(),
            fetched: moka::sync::Cache::new(entries),
            sets: moka::sync::Cache::new(entries),
            absent: Mutex::default(),
            asking: Mutex::default(),
        }
    }

    /// Adds a schema that needs no fetching.
    pub(super) fn add(&self, schema: &MessageSchema) {
        let mut own = self.own.write().unwrap_or_else(PoisonError::into_inner);
        let set = own.entry(schema.fp64()).or_default();
        if !set.contains(schema) {
            set.push(schema.clone());
        }
    }

    /// All known schemas of a fingerprint.
    pub(super) fn of_fingerprint(&self, fingerprint: u64) -> Vec<MessageSchema> {
        let mut all =
            self.own.read().unwrap_or_else(PoisonError::into_inner).get(&fingerprint).cloned().unwrap_or_default();
        for schema in self.sets.get(&fingerprint).iter().flat_map(|set| set.iter()) {
            if !all.contains(schema) {
                all.push(schema.clone());
            }
        }
        all
    }

    /// All schemas that needed no fetching.
    pub(super) fn all_own(&self) -> Vec<MessageSchema> {
        self.own.read().unwrap_or_else(PoisonError::into_inner).values().flatten().cloned().collect()
    }

    pub(super) fn was_asked(&self, fingerprint: u64) -> bool {
        self.sets.contains_key(&fingerprint)
    }

    pub(super) fn keep_set(&self, fingerprint: u64, set: Vec<MessageSchema>) {
        self.sets.insert(fingerprint, set.into());
    }

    pub(super) fn get(&self, name: SchemaName) -> Option<MessageSchema> {
        self.fetched.get(&name)
    }

    pub(super) fn keep(&self, name: SchemaName, schema: MessageSchema) {
        self.fetched.insert(name, schema);
        self.absent.lock().unwrap_or_else(PoisonError::into_inner).remove(&name);
    }

    /// The right to ask for a name: whoever else asks for it waits, and looks again.
    pub(super) fn turn(&self, name: SchemaName) -> Arc<tokio::sync::Mutex<()>> {
        let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        asking.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(asking.entry(name).or_default())
    }

    pub(super) fn missing(&self, name: SchemaName) -> Missing {
        let absent = self.absent.lock().unwrap_or_else(PoisonError::into_inner);
        match absent.get(&name) {
            Some(absent) if absent.last.elapsed() < ABSENT_FOR => Missing::Since(absent.first.elapsed()),
            _ => Missing::Ask,
        }
    }

    /// Notes that the registry does not have a name; says for how long it has not.
    pub(super) fn note_absent(&self, name: SchemaName) -> Duration {
        let now = Instant::now();
        let mut absent = self.absent.lock().unwrap_or_else(PoisonError::into_inner);
        if absent.len() >= ABSENT_MAX && !absent.contains_key(&name) {
            absent.clear();
        }
        let entry = absent.entry(name).or_insert(Absent { first: now, last: now });
        entry.last = now;
        now.duration_since(entry.first)
    }
}

/// Plans by reader's type and writer.
#[derive(Default)]
pub(super) struct Plans {
    by_schema: RwLock<Fast<BySchema, Arc<Plan>>>,
    by_name: RwLock<Fast<ByName, Arc<Plan>>>,
}

/// The reader's type, and the identity of the writer's schema.
type BySchema = (TypeId, [u8; 32]);
/// The reader's type, and what names the writer's schema.
type ByName = (TypeId, SchemaName);

impl Plans {
    /// By what the message says; only where that names one schema for ever.
    #[inline]
    pub(super) fn named(&self, reader: TypeId, name: SchemaName) -> Option<Arc<Plan>> {
        self.by_name.read().unwrap_or_else(PoisonError::into_inner).get(&(reader, name)).cloned()
    }

    pub(super) fn name(&self, reader: TypeId, name: SchemaName, plan: &Arc<Plan>) {
        let mut named = self.by_name.write().unwrap_or_else(PoisonError::into_inner);
        if named.len() >= PLANS_MAX {
            named.clear();
        }
        named.insert((reader, name), Arc::clone(plan));
    }

    /// By the schema itself.
    pub(super) fn of(&self, reader: TypeId, writer: &MessageSchema, own: &MessageSchema) -> Arc<Plan> {
        let key = (reader, *writer.sha256());
        if let Some(plan) = self.by_schema.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Arc::clone(plan);
        }
        let plan = Arc::new(Plan::of(writer, own));
        let mut plans = self.by_schema.write().unwrap_or_else(PoisonError::into_inner);
        if plans.len() >= PLANS_MAX {
            plans.clear();
        }
        plans.insert(key, Arc::clone(&plan));
        plan
    }
}

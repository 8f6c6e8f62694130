//! Encodes and decodes message types: the one place that knows schemas, ids and plans together.

use std::any::TypeId;
use std::cell::RefCell;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::cache::{Missing, Plans, Schemas};
use super::error::{DecodeError, EncodeError};
use super::frame::{self, SchemaName};
use super::plan::{How, Plan};
use super::resolve::Steps;
use super::source::{SchemaRef, SchemaSource};
use super::{ReadWire, Wire, core, resolve};
use crate::headers::{self, Headers};
use crate::model::{De, KeyFormat, Message, MessageSchema, Ser};

/// Schemas that are kept by id, GUID or fingerprint unless configured otherwise.
pub const SCHEMA_CACHE_ENTRIES: u64 = 4096;
/// How long an unknown schema may still appear before its messages are poison, unless configured otherwise.
pub const SCHEMA_WAIT: Duration = Duration::from_secs(30);
/// Bytes that a thread keeps for encoding; what a larger message took is given back.
const SCRATCH_BYTES_MAX: usize = 1024 * 1024;

/// What producing may do to the registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Register {
    /// Register what is not there. For development.
    #[default]
    IfMissing,
    /// Only look up; what is not there is an error at the start. For production.
    Lookup,
    /// Register without looking first.
    Always,
}

/// How a [`Codecs`] works.
#[derive(Clone)]
pub struct CodecConfig {
    /// The format of types that name none.
    pub wire: Wire,
    /// What producing may do to the registry.
    pub register: Register,
    /// Whether the registry is to compare in normal form.
    pub normalize: bool,
    /// How long an unknown schema may still appear before its messages are poison.
    pub schema_wait: Duration,
    /// How many fetched schemas are kept.
    pub cache_entries: u64,
    /// Write the newest schema of the subject instead of the type's own, looked up again after this long.
    pub use_latest: Option<Duration>,
    /// The registry.
    pub source: Option<Arc<dyn SchemaSource>>,
}

impl Default for CodecConfig {
    fn default() -> Self {
        Self {
            wire: Wire::SingleObject,
            register: Register::default(),
            normalize: false,
            schema_wait: SCHEMA_WAIT,
            cache_entries: SCHEMA_CACHE_ENTRIES,
            use_latest: None,
            source: None,
        }
    }
}

impl std::fmt::Debug for CodecConfig {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("CodecConfig")
            .field("wire", &self.wire)
            .field("register", &self.register)
            .field("normalize", &self.normalize)
            .field("schema_wait", &self.schema_wait)
            .field("cache_entries", &self.cache_entries)
            .field("use_latest", &self.use_latest)
            .field("source", &self.source.is_some())
            .finish()
    }
}

/// An encoded message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// Its bytes.
    pub payload: Bytes,
    /// What says how to read them: `Alv-Type`, `Alv-Schema`, `content-type`, and where the format has it there the schema's id.
    pub headers: Headers,
    /// Its key, framed like the payload where it is Avro.
    pub key: Option<Bytes>,
}

/// A decoded message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload<M> {
    /// A message.
    Value(M),
    /// The end of its key.
    Tombstone,
}

impl<M> Payload<M> {
    /// The message, if it is one.
    pub fn value(self) -> Option<M> {
        match self {
            Self::Value(message) => Some(message),
            Self::Tombstone => None,
        }
    }
}

/// Encodes and decodes; owns schemas and plans. A clone shares them.
#[derive(Clone)]
pub struct Codecs(Arc<Inner>);

struct Inner {
    config: CodecConfig,
    schemas: Schemas,
    plans: Plans,
    prepared: RwLock<HashMap<(TypeId, Wire), Arc<Prepared>>>,
    /// Whether any fingerprint has more than one schema here.
    shared_fingerprints: AtomicBool,
}

/// What encoding one type in one format needs.
struct Prepared {
    topic: Arc<str>,
    stream: Option<Arc<str>>,
    prefix: Vec<u8>,
    headers: Headers,
    key_prefix: Vec<u8>,
    schema: MessageSchema,
    /// Rewrites to the schema that the registry says is the latest.
    rewrite: Option<(Steps, MessageSchema)>,
    until: Option<Instant>,
}

impl std::fmt::Debug for Codecs {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Codecs").field(&self.0.config).finish()
    }
}

impl Codecs {
    /// With nothing known yet.
    pub fn new(config: CodecConfig) -> Self {
        Self(Arc::new(Inner {
            schemas: Schemas::new(config.cache_entries),
            config,
            plans: Plans::default(),
            prepared: RwLock::default(),
            shared_fingerprints: AtomicBool::new(false),
        }))
    }

    /// How it works.
    pub fn config(&self) -> &CodecConfig {
        &self.0.config
    }

    /// The format that a type is written in.
    pub fn wire_of<M: Message>(&self) -> Wire {
        M::meta().wire.unwrap_or(self.0.config.wire)
    }

    /// Adds a schema that messages may be written with, like one of an earlier release.
    pub fn add_schema(&self, schema: &MessageSchema) {
        self.0.schemas.add(schema);
        self.note_shared(schema.fp64());
    }

    fn note_shared(&self, fingerprint: u64) {
        if self.0.schemas.of_fingerprint(fingerprint).len() > 1 {
            self.0.shared_fingerprints.store(true, Ordering::Release);
        }
    }

    /// Does all that encoding a type needs a registry for; from then on encoding does not wait.
    pub async fn prepare<M: Message>(&self, wire: Wire) -> Result<(), EncodeError> {
        self.encoder::<M>(wire).await.map(|_| ())
    }

    /// What encodes a type in a format without looking anything up.
    pub async fn encoder<M: Message>(&self, wire: Wire) -> Result<Encoder<M>, EncodeError> {
        let prepared = match self.prepared::<M>(wire) {
            Some(prepared) => prepared,
            None => self.make_prepared::<M>(wire).await?,
        };
        Ok(Encoder { prepared, wire, of: PhantomData })
    }

    #[inline]
    fn prepared<M: Message>(&self, wire: Wire) -> Option<Arc<Prepared>> {
        let all = self.0.prepared.read().unwrap_or_else(PoisonError::into_inner);
        let prepared = all.get(&(TypeId::of::<M>(), wire))?;
        match prepared.until {
            Some(until) if until <= Instant::now() => None,
            _ => Some(Arc::clone(prepared)),
        }
    }

    async fn make_prepared<M: Message>(&self, wire: Wire) -> Result<Arc<Prepared>, EncodeError> {
        let meta = M::meta();
        let own = M::schema();
        self.add_schema(own);
        let mut prepared = Prepared {
            topic: M::TOPIC.into(),
            stream: meta.stream.map(Into::into),
            prefix: Vec::new(),
            headers: Headers::with_capacity(4),
            key_prefix: Vec::new(),
            schema: own.clone(),
            rewrite: None,
            until: None,
        };
        prepared.headers.insert(headers::TYPE, Bytes::from_static(M::NAME.as_bytes()));
        prepared.headers.insert(headers::CONTENT_TYPE, Bytes::from_static(wire.content_type().as_bytes()));
        let subject = meta.value_subject();
        let written = match self.0.config.use_latest {
            Some(ttl) if wire != Wire::Json => {
                let (latest, named) = self.latest::<M>(&subject).await?;
                prepared.until = Some(Instant::now() + ttl);
                if latest != *own {
                    let steps = Plan::steps(own, &latest).map_err(|mismatches| EncodeError::Incompatible {
                        name: M::NAME.to_owned(),
                        subject: subject.clone(),
                        mismatches,
                    })?;
                    prepared.rewrite = Some((steps, latest.clone()));
                }
                Some((latest, named))
            }
            _ => None,
        };
        let schema = written.as_ref().map_or(own, |(schema, _)| schema);
        let mut label = schema.label().to_owned();
        if wire.needs_registry() {
            let named = match written.as_ref().map(|(_, named)| *named) {
                Some(named) => named,
                None => self.name_in_registry(wire, M::NAME, &subject, own).await?,
            };
            label = format!("id:{}", named.id);
            if wire == Wire::Confluent {
                prepared.prefix = frame::confluent_prefix(named.id).to_vec();
            } else {
                prepared.headers.insert(frame::VALUE_SCHEMA_ID, id_header(named));
            }
        } else if wire == Wire::SingleObject {
            prepared.prefix = frame::single_object_prefix(schema.fp64()).to_vec();
        }
        prepared.headers.insert(headers::SCHEMA, label);
        if let (KeyFormat::Avro, Some(key_schema)) = (meta.key_format, meta.key_schema) {
            self.prepare_key(wire, M::NAME, &meta.key_subject(), key_schema(), &mut prepared).await?;
        }
        let prepared = Arc::new(prepared);
        let mut all = self.0.prepared.write().unwrap_or_else(PoisonError::into_inner);
        all.insert((TypeId::of::<M>(), wire), Arc::clone(&prepared));
        Ok(prepared)
    }

    async fn prepare_key(
        &self,
        wire: Wire,
        name: &str,
        subject: &str,
        schema: &MessageSchema,
        prepared: &mut Prepared,
    ) -> Result<(), EncodeError> {
        if wire.needs_registry() {
            let named = self.name_in_registry(wire, name, subject, schema).await?;
            if wire == Wire::Confluent {
                prepared.key_prefix = frame::confluent_prefix(named.id).to_vec();
            } else {
                prepared.headers.insert(frame::KEY_SCHEMA_ID, id_header(named));
            }
        } else if wire == Wire::SingleObject {
            prepared.key_prefix = frame::single_object_prefix(schema.fp64()).to_vec();
        }
        Ok(())
    }

    /// The names of a schema under a subject, after what the configuration lets us do to have them.
    pub(super) async fn name_in_registry(
        &self,
        wire: Wire,
        name: &str,
        subject: &str,
        schema: &MessageSchema,
    ) -> Result<SchemaRef, EncodeError> {
        let config = &self.0.config;
        let source = config.source.as_ref().ok_or(EncodeError::NoRegistry(wire))?;
        let failed = |source| EncodeError::Registry { subject: subject.to_owned(), source };
        if config.register != Register::Always {
            let found = source.lookup(subject, schema.text(), config.normalize).await.map_err(failed)?;
            match found {
                Some(named) => return Ok(named),
                None if config.register == Register::Lookup => {
                    return Err(EncodeError::NotRegistered { name: name.to_owned(), subject: subject.to_owned() });
                }
                None => {}
            }
        }
        source.register(subject, schema.text(), config.normalize).await.map_err(failed)
    }

    async fn latest<M: Message>(&self, subject: &str) -> Result<(MessageSchema, SchemaRef), EncodeError> {
        let source = self.0.config.source.as_ref().ok_or(EncodeError::NoRegistry(Wire::Confluent))?;
        let not_there = || EncodeError::NotRegistered { name: M::NAME.to_owned(), subject: subject.to_owned() };
        let failed = |source| EncodeError::Registry { subject: subject.to_owned(), source };
        let fetched = source.latest(subject).await.map_err(failed)?.ok_or_else(not_there)?;
        let schema = fetched.parse().map_err(|source| EncodeError::Schema { name: subject.to_owned(), source })?;
        let named = SchemaRef { id: fetched.id.ok_or_else(not_there)?, guid: fetched.guid };
        Ok((schema, named))
    }

    /// Encodes a message. It waits only where [`prepare`](Self::prepare) was not called before.
    pub async fn encode<M: Message>(&self, message: &M, wire: Wire) -> Result<Encoded, EncodeError> {
        self.encoder::<M>(wire).await?.encode(message)
    }

    /// What decodes a type.
    pub fn decoder<M: Message>(&self, wire: impl Into<ReadWire>) -> Decoder<M> {
        self.add_schema(M::schema());
        Decoder { codecs: self.clone(), wire: wire.into(), own: M::schema(), of: PhantomData }
    }

    /// Decodes a message. It waits only where a schema must be fetched.
    pub async fn decode<M: Message>(
        &self,
        payload: Option<&Bytes>,
        headers: &Headers,
        wire: impl Into<ReadWire>,
    ) -> Result<Payload<M>, DecodeError> {
        let wire = wire.into();
        let payload = payload.map(AsRef::as_ref);
        match self.decode_now::<M>(payload, headers, wire) {
            Now::Done(outcome) => outcome,
            Now::Fetch(name) => {
                self.fetch(name).await?;
                match self.decode_now::<M>(payload, headers, wire) {
                    Now::Done(outcome) => outcome,
                    Now::Fetch(name) => Err(DecodeError::UnknownSchema { schema: name.to_string(), transient: false }),
                }
            }
        }
    }

    /// Decodes with what is known.
    #[inline]
    fn decode_now<M: Message>(&self, payload: Option<&[u8]>, headers: &Headers, wire: ReadWire) -> Now<M> {
        let payload = match payload {
            None => return Now::Done(Ok(Payload::Tombstone)),
            Some(payload) if payload.is_empty() && headers.get(headers::TOMBSTONE) == Some(b"1") => {
                return Now::Done(Ok(Payload::Tombstone));
            }
            Some(payload) => payload,
        };
        let located = match self.locate(payload, headers, wire) {
            Ok(located) => located,
            Err(error) => return Now::Done(Err(error)),
        };
        match located {
            Located::Json => Now::Done(json(payload).map(Payload::Value)),
            Located::Own(datum) => Now::Done(self.raw::<M>(datum, headers).map(Payload::Value)),
            Located::Named(SchemaName::Fingerprint(fingerprint), datum) => {
                let own = M::schema();
                if fingerprint == own.fp64() && !self.0.shared_fingerprints.load(Ordering::Acquire) {
                    return Now::Done(read::<M>(datum, own));
                }
                match self.of_fingerprint::<M>(fingerprint, headers) {
                    Ok(Some(plan)) => Now::Done(follow::<M>(&plan, datum, &SchemaName::Fingerprint(fingerprint))),
                    Ok(None) => Now::Fetch(SchemaName::Fingerprint(fingerprint)),
                    Err(error) => Now::Done(Err(error)),
                }
            }
            Located::Named(name, datum) => {
                let reader = TypeId::of::<M>();
                if let Some(plan) = self.0.plans.named(reader, name) {
                    return Now::Done(follow::<M>(&plan, datum, &name));
                }
                let Some(writer) = self.0.schemas.get(name) else { return Now::Fetch(name) };
                let plan = self.0.plans.of(reader, &writer, M::schema());
                self.0.plans.name(reader, name, &plan);
                Now::Done(follow::<M>(&plan, datum, &name))
            }
        }
    }

    /// What a payload is in.
    #[inline]
    pub(super) fn locate<'p>(
        &self,
        payload: &'p [u8],
        headers: &Headers,
        wire: ReadWire,
    ) -> Result<Located<'p>, DecodeError> {
        let wrong = |wire, reason: &str| DecodeError::WrongFormat { wire, reason: reason.to_owned() };
        match wire {
            ReadWire::Only(Wire::SingleObject) => match frame::single_object(payload) {
                Some((fingerprint, datum)) => Ok(Located::Named(SchemaName::Fingerprint(fingerprint), datum)),
                None => Err(wrong(Wire::SingleObject, "they do not begin with C3 01 and a fingerprint")),
            },
            ReadWire::Only(Wire::Confluent) => match frame::confluent(payload) {
                Some((id, datum)) => Ok(Located::Named(SchemaName::Id(id), datum)),
                None => Err(wrong(Wire::Confluent, "they do not begin with 00 and a schema id")),
            },
            ReadWire::Only(Wire::ConfluentHeader) => match frame::header(headers, frame::VALUE_SCHEMA_ID) {
                Some(Ok(name)) => Ok(Located::Named(name, payload)),
                Some(Err(reason)) => Err(DecodeError::WrongFormat { wire: Wire::ConfluentHeader, reason }),
                None => Err(wrong(Wire::ConfluentHeader, "header __value_schema_id is missing")),
            },
            ReadWire::Only(Wire::Raw) => Ok(match headers.get_str(headers::SCHEMA).and_then(id_of_label) {
                Some(id) => Located::Named(SchemaName::Id(id), payload),
                None => Located::Own(payload),
            }),
            ReadWire::Only(Wire::Json) => Ok(Located::Json),
            ReadWire::Auto | ReadWire::AutoOrBareJson => {
                if let Some((fingerprint, datum)) = frame::single_object(payload)
                    && headers.get(frame::VALUE_SCHEMA_ID).is_none()
                    && headers.get_str(headers::CONTENT_TYPE) != Some(JSON)
                {
                    return Ok(Located::Named(SchemaName::Fingerprint(fingerprint), datum));
                }
                self.guess(payload, headers, wire)
            }
        }
    }

    fn guess<'p>(&self, payload: &'p [u8], headers: &Headers, wire: ReadWire) -> Result<Located<'p>, DecodeError> {
        if let Some(named) = frame::header(headers, frame::VALUE_SCHEMA_ID) {
            return match named {
                Ok(name) => Ok(Located::Named(name, payload)),
                Err(reason) => Err(DecodeError::WrongFormat { wire: Wire::ConfluentHeader, reason }),
            };
        }
        let is_json =
            headers.get_str(headers::CONTENT_TYPE).is_some_and(|of| of == JSON || of.starts_with("application/json;"));
        if is_json || (wire == ReadWire::AutoOrBareJson && payload.first() == Some(&b'{')) {
            return Ok(Located::Json);
        }
        match frame::confluent(payload) {
            // Without a registry no id can be resolved.
            Some((id, datum)) if self.0.config.source.is_some() => Ok(Located::Named(SchemaName::Id(id), datum)),
            _ => Err(DecodeError::UnknownFormat { bytes: payload.len() }),
        }
    }

    /// A bare datum: of the schema that a header names by its hash, else of the type's own.
    fn raw<M: Message>(&self, datum: &[u8], headers: &Headers) -> Result<M, DecodeError> {
        let own = M::schema();
        let label = headers.get_str(headers::SCHEMA).filter(|label| *label != own.label());
        let Some(label) = label else { return read::<M>(datum, own).map(unwrap_value)? };
        let known = self.0.schemas.of_fingerprint(own.fp64()).into_iter().chain(self.0.schemas.all_own());
        let Some(writer) = known.into_iter().find(|schema| schema.label() == label) else {
            return Err(DecodeError::UnknownSchema { schema: label.to_owned(), transient: false });
        };
        let plan = self.0.plans.of(TypeId::of::<M>(), &writer, own);
        follow::<M>(&plan, datum, &SchemaName::Fingerprint(writer.fp64())).map(unwrap_value)?
    }

    /// The plan for a fingerprint; `None` when it must be fetched first.
    fn of_fingerprint<M: Message>(
        &self,
        fingerprint: u64,
        headers: &Headers,
    ) -> Result<Option<Arc<Plan>>, DecodeError> {
        let own = M::schema();
        let writer = self.writer_of(fingerprint, headers, Some(own))?;
        Ok(writer.map(|writer| self.0.plans.of(TypeId::of::<M>(), &writer, own)))
    }

    /// The schema that a fingerprint means here; `None` when it must be fetched first.
    pub(super) fn writer_of(
        &self,
        fingerprint: u64,
        headers: &Headers,
        own: Option<&MessageSchema>,
    ) -> Result<Option<MessageSchema>, DecodeError> {
        let mut known = self.0.schemas.of_fingerprint(fingerprint);
        known.extend(own.filter(|own| own.fp64() == fingerprint && !known.contains(own)).cloned());
        let label = headers.get_str(headers::SCHEMA).filter(|label| label.starts_with("sha256:"));
        if let Some(exact) = known.iter().find(|schema| Some(schema.label()) == label) {
            return Ok(Some(exact.clone()));
        }
        let may_ask = self.0.config.source.is_some() && !self.0.schemas.was_asked(fingerprint);
        match known.as_slice() {
            [] => return Ok(None),
            [_] if label.is_some() && may_ask => return Ok(None),
            [only] => return Ok(Some(only.clone())),
            _ => {}
        }
        let name = headers.get_str(headers::TYPE);
        let named: Vec<&MessageSchema> = known.iter().filter(|schema| schema.parsed().full_name() == name).collect();
        if let [only] = named.as_slice() {
            return Ok(Some((*only).clone()));
        }
        // They may differ in words only: docs, aliases, defaults.
        let (first, rest) = (&known[0], &known[1..]);
        let alike = |other: &MessageSchema| {
            Plan::of(first, other).mismatches().is_empty() && Plan::of(other, first).mismatches().is_empty()
        };
        if rest.iter().all(alike) {
            return Ok(Some(own.filter(|own| known.contains(own)).unwrap_or(first).clone()));
        }
        Err(DecodeError::Ambiguous { fingerprint, count: known.len() })
    }

    /// The schema of a name that is known.
    pub(super) fn known(&self, name: SchemaName) -> Option<MessageSchema> {
        self.0.schemas.get(name)
    }

    /// Fetches a schema, or learns that there is none. Who asks for the same at the same time shares one request.
    pub(super) async fn fetch(&self, name: SchemaName) -> Result<(), DecodeError> {
        let inner = &self.0;
        let unknown = |transient| DecodeError::UnknownSchema { schema: name.to_string(), transient };
        let Some(source) = &inner.config.source else {
            return Err(unknown(false));
        };
        let turn = inner.schemas.turn(name);
        let _mine = turn.lock().await;
        let found = match name {
            SchemaName::Fingerprint(fingerprint) => inner.schemas.was_asked(fingerprint),
            _ => inner.schemas.get(name).is_some(),
        };
        if found {
            return Ok(());
        }
        if let Missing::Since(long) = inner.schemas.missing(name) {
            metrics::counter!("messaging_schema_cache_total", "result" => "absent").increment(1);
            return Err(unknown(long < inner.config.schema_wait));
        }
        metrics::counter!("messaging_schema_cache_total", "result" => "miss").increment(1);
        let failed = |source| DecodeError::Registry { schema: name.to_string(), source };
        let fetched = match name {
            SchemaName::Id(id) => source.by_id(id).await.map_err(failed)?.into_iter().collect(),
            SchemaName::Guid(guid) => source.by_guid(guid).await.map_err(failed)?.into_iter().collect(),
            SchemaName::Fingerprint(fingerprint) => source.by_fingerprint(fingerprint).await.map_err(failed)?,
        };
        let mut parsed = Vec::with_capacity(fetched.len());
        for each in &fetched {
            let broken = |error: crate::model::SchemaError| DecodeError::Schema {
                schema: name.to_string(),
                reason: error.to_string(),
            };
            parsed.push(each.parse().map_err(broken)?);
        }
        if let SchemaName::Fingerprint(fingerprint) = name {
            parsed.retain(|schema| schema.fp64() == fingerprint);
            if !parsed.is_empty() || !inner.schemas.of_fingerprint(fingerprint).is_empty() {
                inner.schemas.keep_set(fingerprint, parsed);
                self.note_shared(fingerprint);
                return Ok(());
            }
        } else if let Some(schema) = parsed.pop() {
            inner.schemas.keep(name, schema);
            return Ok(());
        }
        Err(unknown(inner.schemas.note_absent(name) < inner.config.schema_wait))
    }
}

/// The header that says JSON.
const JSON: &str = "application/json";

enum Now<M> {
    Done(Result<Payload<M>, DecodeError>),
    Fetch(SchemaName),
}

pub(super) enum Located<'p> {
    Named(SchemaName, &'p [u8]),
    Own(&'p [u8]),
    Json,
}

pub(super) fn id_header(named: SchemaRef) -> Bytes {
    match named.guid {
        Some(guid) => Bytes::copy_from_slice(&frame::guid_header(guid)),
        None => Bytes::copy_from_slice(&frame::confluent_prefix(named.id)),
    }
}

fn id_of_label(label: &str) -> Option<u32> {
    label.strip_prefix("id:")?.parse().ok()
}

#[inline]
fn read<M: Message>(datum: &[u8], schema: &MessageSchema) -> Result<Payload<M>, DecodeError> {
    core::decode::<De<M>>(datum, schema.fast()).map(|message| Payload::Value(message.into_inner()))
}

fn unwrap_value<M>(payload: Payload<M>) -> Result<M, DecodeError> {
    payload.value().ok_or_else(|| DecodeError::Malformed("a tombstone in place of a datum".to_owned()))
}

#[inline]
fn follow<M: Message>(plan: &Plan, datum: &[u8], name: &SchemaName) -> Result<Payload<M>, DecodeError> {
    match &plan.how {
        How::Direct => read::<M>(datum, &plan.writer),
        How::Resolved(steps) => {
            let own = M::schema();
            let datum =
                resolve::rewrite(steps, own.parsed(), plan.writer.parsed(), datum).map_err(DecodeError::Malformed)?;
            read::<M>(&datum, own)
        }
        How::Impossible(mismatches) => Err(DecodeError::Incompatible {
            name: M::NAME.to_owned(),
            schema: name.to_string(),
            mismatches: mismatches.to_vec(),
        }),
    }
}

fn json<M: Message>(payload: &[u8]) -> Result<M, DecodeError> {
    let broken = |error: serde_json::Error| DecodeError::Malformed(error.to_string());
    let mut unknown = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_slice(payload);
    let message =
        serde_ignored::deserialize(&mut deserializer, |path| unknown.push(path.to_string())).map_err(broken)?;
    deserializer.end().map_err(broken)?;
    if unknown.is_empty() {
        Ok(message)
    } else {
        Err(DecodeError::Malformed(format!("unknown fields: {}", unknown.join(", "))))
    }
}

/// Encodes one type in one format, all looked up.
pub struct Encoder<M> {
    prepared: Arc<Prepared>,
    wire: Wire,
    of: PhantomData<fn(&M)>,
}

impl<M> Clone for Encoder<M> {
    fn clone(&self) -> Self {
        Self { prepared: Arc::clone(&self.prepared), wire: self.wire, of: PhantomData }
    }
}

impl<M> std::fmt::Debug for Encoder<M> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Encoder").field("wire", &self.wire).field("schema", &self.prepared.schema).finish()
    }
}

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl<M: Message> Encoder<M> {
    /// Appends the payload. It allocates nothing beyond what `out` needs.
    #[inline]
    pub fn encode_into(&self, message: &M, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        message.validate().map_err(EncodeError::Refused)?;
        let prepared = &*self.prepared;
        if self.wire == Wire::Json {
            return serde_json::to_writer(out, message).map_err(EncodeError::Json);
        }
        let start = out.len();
        out.extend_from_slice(&prepared.prefix);
        let outcome = match &prepared.rewrite {
            None => core::encode(&Ser::<M>::new(message), prepared.schema.fast(), out),
            Some((steps, latest)) => {
                let mut datum = Vec::new();
                core::encode(&Ser::<M>::new(message), prepared.schema.fast(), &mut datum).and_then(|()| {
                    let rewritten = resolve::rewrite(steps, latest.parsed(), prepared.schema.parsed(), &datum)
                        .map_err(EncodeError::Invalid)?;
                    out.extend_from_slice(&rewritten);
                    Ok(())
                })
            }
        };
        outcome.inspect_err(|_| out.truncate(start))
    }

    /// The logical name of the type's channel.
    pub(crate) fn topic(&self) -> Arc<str> {
        self.prepared.topic.clone()
    }

    /// The stream that the type names.
    pub(crate) fn stream(&self) -> Option<Arc<str>> {
        self.prepared.stream.clone()
    }

    /// What says how to read the payload.
    pub fn headers(&self) -> &Headers {
        &self.prepared.headers
    }

    /// The key, framed like the payload where it is Avro.
    pub fn key(&self, message: &M) -> Result<Option<Bytes>, EncodeError> {
        let key = message.key()?;
        if self.prepared.key_prefix.is_empty() {
            return Ok(key);
        }
        Ok(key.map(|key| [&self.prepared.key_prefix, &*key].concat().into()))
    }

    /// The message, encoded.
    pub fn encode(&self, message: &M) -> Result<Encoded, EncodeError> {
        let payload = SCRATCH.with_borrow_mut(|scratch| {
            scratch.clear();
            let outcome = self.encode_into(message, scratch).map(|()| Bytes::copy_from_slice(scratch));
            if scratch.capacity() > SCRATCH_BYTES_MAX {
                *scratch = Vec::new();
            }
            outcome
        })?;
        Ok(Encoded { payload, headers: self.prepared.headers.clone(), key: self.key(message)? })
    }
}

/// Decodes one type.
pub struct Decoder<M> {
    codecs: Codecs,
    wire: ReadWire,
    own: &'static MessageSchema,
    of: PhantomData<fn() -> M>,
}

impl<M> Clone for Decoder<M> {
    fn clone(&self) -> Self {
        Self { codecs: self.codecs.clone(), wire: self.wire, own: self.own, of: PhantomData }
    }
}

impl<M> std::fmt::Debug for Decoder<M> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Decoder")
            .field("codecs", &self.codecs)
            .field("wire", &self.wire)
            .field("own", &self.own)
            .finish()
    }
}

impl<M: Message> Decoder<M> {
    /// Decodes with what is known; `None` when a schema must be fetched first, with [`decode`](Self::decode).
    #[inline]
    pub fn decode_now(&self, payload: Option<&[u8]>, headers: &Headers) -> Option<Result<Payload<M>, DecodeError>> {
        // What nearly every message is: of our own schema, which it names by a fingerprint that nothing else has here.
        if self.wire == ReadWire::Only(Wire::SingleObject)
            && let Some((fingerprint, datum)) = payload.and_then(frame::single_object)
            && fingerprint == self.own.fp64()
            && !self.codecs.0.shared_fingerprints.load(Ordering::Acquire)
        {
            return Some(read::<M>(datum, self.own));
        }
        match self.codecs.decode_now(payload, headers, self.wire) {
            Now::Done(outcome) => Some(outcome),
            Now::Fetch(_) => None,
        }
    }

    /// Decodes; waits only where a schema must be fetched.
    pub async fn decode(&self, payload: Option<&Bytes>, headers: &Headers) -> Result<Payload<M>, DecodeError> {
        self.codecs.decode(payload, headers, self.wire).await
    }
}

//! Messages into bytes: what a type needs for that is looked up once.

use std::any::TypeId;
use std::cell::RefCell;
use std::marker::PhantomData;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use bytes::Bytes;

use super::{Codecs, Encoded, Register};
use crate::headers::{self, Headers};
use crate::model::{KeyFormat, Message, MessageSchema, Ser};
use crate::wire::error::EncodeError;
use crate::wire::frame;
use crate::wire::plan::Plan;
use crate::wire::resolve::{self, Steps};
use crate::wire::source::SchemaRef;
use crate::wire::{Wire, core};

/// Bytes that a thread keeps for encoding; what a larger message took is given back.
const SCRATCH_BYTES_MAX: usize = 1024 * 1024;

/// What encoding one type in one format needs.
pub(super) struct Prepared {
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

impl Codecs {
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
    pub(in crate::wire) async fn name_in_registry(
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
}

pub(in crate::wire) fn id_header(named: SchemaRef) -> Bytes {
    match named.guid {
        Some(guid) => Bytes::copy_from_slice(&frame::guid_header(guid)),
        None => Bytes::copy_from_slice(&frame::confluent_prefix(named.id)),
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

//! Bytes into messages, by the schema that wrote them.

use std::any::TypeId;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::locate::Located;
use super::{Codecs, Payload};
use crate::headers::{self, Headers};
use crate::model::{De, Message, MessageSchema};
use crate::wire::error::DecodeError;
use crate::wire::frame::{self, SchemaName};
use crate::wire::plan::{How, Plan};
use crate::wire::{ReadWire, Wire, core, resolve};

impl Codecs {
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
    pub(in crate::wire) fn writer_of(
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
}

enum Now<M> {
    Done(Result<Payload<M>, DecodeError>),
    Fetch(SchemaName),
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

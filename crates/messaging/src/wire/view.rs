//! A datum beside the schema that it was written with, for whoever reads it without a type of the kit.

use bytes::Bytes;
use serde::Deserialize;

use super::{Codecs, DecodeError, ReadWire, Wire, codecs::Located, core, frame::SchemaName};
use crate::{headers::Headers, model::MessageSchema};

/// Bytes of a message and what they were written with.
#[derive(Clone, Debug)]
pub struct Datum {
    bytes: Bytes,
    writer: MessageSchema,
}

impl Datum {
    /// Reads all of it into any type of serde, by the writer's names of fields.
    pub fn read<'d, V: Deserialize<'d>>(&'d self) -> Result<V, DecodeError> {
        core::decode(&self.bytes, self.writer.fast())
    }

    /// What it was written with.
    pub fn writer(&self) -> &MessageSchema {
        &self.writer
    }
}

impl Codecs {
    /// The datum of a payload, and the schema that it was written with, fetched if need be; `own` is that of a bare datum.
    pub async fn datum(
        &self,
        payload: &Bytes,
        headers: &Headers,
        wire: ReadWire,
        own: &MessageSchema,
    ) -> Result<Datum, DecodeError> {
        let (writer, datum) = match self.locate(payload, headers, wire)? {
            Located::Own(datum) => (own.clone(), datum),
            Located::Named(SchemaName::Fingerprint(fingerprint), datum) if fingerprint == own.fp64() => {
                let writer = self.writer_of(fingerprint, headers, Some(own))?;
                (writer.unwrap_or_else(|| own.clone()), datum)
            }
            Located::Named(name, datum) => (self.writer(name, headers).await?, datum),
            Located::Json => {
                let reason = "JSON is not read by a schema; decode it".to_owned();
                return Err(DecodeError::WrongFormat { wire: Wire::Json, reason });
            }
        };
        Ok(Datum { bytes: payload.slice_ref(datum), writer })
    }
}

//! What a payload is in, and where its datum begins.

use super::Codecs;
use crate::headers::{self, Headers};
use crate::wire::error::DecodeError;
use crate::wire::frame::{self, SchemaName};
use crate::wire::{ReadWire, Wire};

/// The header that says JSON.
const JSON: &str = "application/json";

pub(in crate::wire) enum Located<'p> {
    Named(SchemaName, &'p [u8]),
    Own(&'p [u8]),
    Json,
}

impl Codecs {
    /// What a payload is in.
    #[inline]
    pub(in crate::wire) fn locate<'p>(
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
}

fn id_of_label(label: &str) -> Option<u32> {
    label.strip_prefix("id:")?.parse().ok()
}

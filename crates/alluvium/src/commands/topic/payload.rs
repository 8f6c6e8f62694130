//! Payloads as people read them: whatever names its schema is decoded, the rest is shown as text or digits.

use alluvium_messaging::model::tagged_json_from_datum;
use alluvium_messaging::{Bus, DynMessage, Headers, MessageSchema, Payload, ReadWire, headers};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::cli::topic::PayloadFormat;

/// Reads payloads of one topic.
pub struct Reader<'a> {
    /// Decodes.
    pub bus: &'a Bus,
    /// The schema of payloads that name none.
    pub schema: Option<&'a MessageSchema>,
}

/// A payload as JSON, or why it is none.
pub enum Read {
    /// It has no content: its key is deleted.
    Tombstone,
    /// Its value, and the full name of its schema.
    Value(Value, Option<String>),
    /// It cannot be decoded.
    Unreadable(String),
}

impl Reader<'_> {
    /// Decodes a payload; `tagged` writes unions as Avro's own JSON encoding does, with the name of the branch.
    pub async fn read(&self, payload: Option<&Bytes>, headers: &Headers, tagged: bool) -> Read {
        let wire = ReadWire::Auto;
        match self.bus.codecs().decode_dyn(payload, headers, wire, self.schema).await {
            Ok(Payload::Tombstone) => Read::Tombstone,
            Ok(Payload::Value(message)) => value(message, tagged),
            Err(error) => self.unnamed(payload, headers, tagged).unwrap_or_else(|| Read::Unreadable(error.to_string())),
        }
    }

    /// A payload that names no schema: a datum of the schema that the person named, or JSON that says it is JSON.
    fn unnamed(&self, payload: Option<&Bytes>, headers: &Headers, tagged: bool) -> Option<Read> {
        let payload = payload?;
        if headers.get_str(headers::CONTENT_TYPE) == Some("application/json") {
            return serde_json::from_slice(payload).ok().map(|value| Read::Value(value, None));
        }
        let message = DynMessage::from_datum(self.schema?.clone(), payload).ok()?;
        Some(value(message, tagged))
    }
}

fn value(message: DynMessage, tagged: bool) -> Read {
    let name = message.schema.parsed().full_name().map(str::to_owned);
    if !tagged {
        return Read::Value(message.value, name);
    }
    let datum = message.datum().map_err(|error| error.to_string());
    match datum.and_then(|datum| tagged_json_from_datum(message.schema.parsed(), &datum)) {
        Ok(value) => Read::Value(value, name),
        Err(reason) => Read::Unreadable(reason),
    }
}

/// The payload's part of a printed line.
pub fn told(read: Read, payload: Option<&Bytes>, line: &mut Value) {
    match read {
        Read::Tombstone => line["payload"] = Value::Null,
        Read::Value(value, name) => {
            line["payload"] = value;
            if let Some(name) = name {
                line["type"] = json!(name);
            }
        }
        Read::Unreadable(reason) => {
            line["undecodable"] = json!(reason);
            line["hex"] = json!(hex::encode(payload.map_or(&[][..], |bytes| bytes)));
        }
    }
}

/// Headers as JSON; what is no text is shown in hexadecimal digits.
pub fn told_headers(all: &Headers) -> Value {
    let text =
        |value: &Bytes| std::str::from_utf8(value).map_or_else(|_| format!("0x{}", hex::encode(value)), str::to_owned);
    Value::Object(all.iter().map(|(name, value)| (name.to_owned(), Value::from(text(value)))).collect())
}

/// A key as text; what is no text is shown in hexadecimal digits.
pub fn told_key(key: Option<&Bytes>) -> Option<String> {
    let key = key?;
    Some(std::str::from_utf8(key).map_or_else(|_| format!("0x{}", hex::encode(key)), str::to_owned))
}

/// Whether payloads are printed without anything around them.
pub fn is_bare(format: PayloadFormat) -> bool {
    matches!(format, PayloadFormat::Hex | PayloadFormat::Raw)
}

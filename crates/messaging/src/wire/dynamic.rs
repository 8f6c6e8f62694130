//! Messages without a Rust type: a schema from a file or a registry, and a value by it.

use bytes::Bytes;
use serde_json::Value;

use super::codecs::{Codecs, Encoded, Located, Payload, id_header};
use super::error::{DecodeError, EncodeError};
use super::frame::{self, SchemaName};
use super::{ReadWire, Wire};
use crate::headers::{self, Headers};
use crate::model::derive::SubjectText;
use crate::model::{MessageSchema, SubjectError, Vars, json_from_datum, json_to_datum};

/// A message by its schema alone. Its value is JSON as Avro writes defaults: bytes as texts of U+0000 to U+00FF, logical types
/// as the numbers or bytes that they are, unions as the bare value.
#[derive(Clone, Debug, PartialEq)]
pub struct DynMessage {
    /// What it is written with.
    pub schema: MessageSchema,
    /// What it holds.
    pub value: Value,
}

impl DynMessage {
    /// A value of a schema; an error says what does not fit.
    pub fn new(schema: MessageSchema, value: Value) -> Result<Self, EncodeError> {
        json_to_datum(schema.parsed(), &value).map_err(EncodeError::Invalid)?;
        Ok(Self { schema, value })
    }

    /// Reads a bare datum.
    pub fn from_datum(schema: MessageSchema, datum: &[u8]) -> Result<Self, DecodeError> {
        let value = json_from_datum(schema.parsed(), datum).map_err(DecodeError::Malformed)?;
        Ok(Self { schema, value })
    }

    /// The bare datum.
    pub fn datum(&self) -> Result<Vec<u8>, EncodeError> {
        json_to_datum(self.schema.parsed(), &self.value).map_err(EncodeError::Invalid)
    }

    /// What its value holds, by path.
    pub fn fields(&self) -> Fields<'_> {
        Fields(&self.value)
    }
}

/// What a JSON value holds, by path: names of fields with dots between.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'v>(pub &'v Value);

impl<'v> Fields<'v> {
    /// What a path leads to.
    pub fn get(self, path: &str) -> Option<&'v Value> {
        path.split('.').try_fold(self.0, |value, name| value.get(name))
    }

    /// The key at a path, as text.
    pub fn key(self, path: &str) -> Result<Option<Bytes>, EncodeError> {
        Ok(self.text(path)?.map(Bytes::from))
    }

    /// The subject of a template whose placeholders are paths into the value, `key`, or names among `vars`.
    pub fn subject(self, template: &str, key: Option<&str>, vars: &Vars) -> Result<String, SubjectError> {
        let mut subject = SubjectText::new();
        let mut rest = template;
        while !rest.is_empty() {
            let end = if rest.starts_with('{') {
                rest.find('}').map_or(rest.len(), |at| at + 1)
            } else {
                rest.find('.').unwrap_or(rest.len())
            };
            let (token, after) = rest.split_at(end);
            rest = after.strip_prefix('.').unwrap_or(after);
            match token.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')) {
                None => subject.text(token),
                Some(name) if vars.get(name).is_some() => subject.var(name, vars)?,
                Some("key") if key.is_some() => subject.place("key", self.text(key.unwrap_or_default()))?,
                Some(name) => subject.place(name, self.text(name))?,
            }
        }
        Ok(subject.end())
    }

    fn text(self, path: &str) -> Result<Option<String>, EncodeError> {
        match self.get(path) {
            None => Err(EncodeError::Key(format!("there is no field `{path}`"))),
            Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => Ok(Some(value.to_string())),
            Some(_) => Err(EncodeError::Key(format!("`{path}` is no text, number or boolean"))),
        }
    }
}

impl Codecs {
    /// Encodes a message without a type. `subject` is the registry's, for formats that name a schema by its id there.
    pub async fn encode_dyn(&self, message: &DynMessage, wire: Wire, subject: &str) -> Result<Encoded, EncodeError> {
        let schema = &message.schema;
        let mut all = Headers::with_capacity(4);
        let name = schema.parsed().full_name().unwrap_or_default();
        if !name.is_empty() {
            all.insert(headers::TYPE, name.to_owned());
        }
        all.insert(headers::CONTENT_TYPE, Bytes::from_static(wire.content_type().as_bytes()));
        let mut label = schema.label().to_owned();
        let mut payload = match wire {
            Wire::Json => message.value.to_string().into_bytes(),
            Wire::SingleObject => frame::single_object_prefix(schema.fp64()).to_vec(),
            Wire::Raw => Vec::new(),
            Wire::Confluent | Wire::ConfluentHeader => {
                let named = self.name_in_registry(wire, name, subject, schema).await?;
                label = format!("id:{}", named.id);
                if wire == Wire::Confluent {
                    frame::confluent_prefix(named.id).to_vec()
                } else {
                    all.insert(frame::VALUE_SCHEMA_ID, id_header(named));
                    Vec::new()
                }
            }
        };
        if wire != Wire::Json {
            payload.extend(message.datum()?);
        }
        all.insert(headers::SCHEMA, label);
        Ok(Encoded { payload: payload.into(), headers: all, key: None })
    }

    /// Decodes a message without a type. `schema` is that of bare data and of JSON, which name none.
    pub async fn decode_dyn(
        &self,
        payload: Option<&Bytes>,
        headers: &Headers,
        wire: impl Into<ReadWire>,
        schema: Option<&MessageSchema>,
    ) -> Result<Payload<DynMessage>, DecodeError> {
        let payload = match payload {
            None => return Ok(Payload::Tombstone),
            Some(payload) if payload.is_empty() && headers.get(headers::TOMBSTONE) == Some(b"1") => {
                return Ok(Payload::Tombstone);
            }
            Some(payload) => payload,
        };
        let unnamed = || DecodeError::UnknownSchema { schema: "that names none".to_owned(), transient: false };
        let message = match self.locate(payload, headers, wire.into())? {
            Located::Json => {
                let value =
                    serde_json::from_slice(payload).map_err(|error| DecodeError::Malformed(error.to_string()))?;
                DynMessage::new(schema.ok_or_else(unnamed)?.clone(), value)
                    .map_err(|error| DecodeError::Malformed(error.to_string()))?
            }
            Located::Own(datum) => DynMessage::from_datum(schema.ok_or_else(unnamed)?.clone(), datum)?,
            Located::Named(name, datum) => DynMessage::from_datum(self.writer(name, headers).await?, datum)?,
        };
        Ok(Payload::Value(message))
    }

    /// The schema that a message names, fetched if need be.
    pub(super) async fn writer(&self, name: SchemaName, headers: &Headers) -> Result<MessageSchema, DecodeError> {
        for attempt in 0..2 {
            let found = match name {
                SchemaName::Fingerprint(fingerprint) => self.writer_of(fingerprint, headers, None)?,
                _ => self.known(name),
            };
            match found {
                Some(schema) => return Ok(schema),
                None if attempt == 0 => self.fetch(name).await?,
                None => break,
            }
        }
        Err(DecodeError::UnknownSchema { schema: name.to_string(), transient: false })
    }
}

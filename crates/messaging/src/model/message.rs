//! What a message type is.

use std::io;

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use alluvium_kernel::Timestamp;

use super::avro_type::AvroType;
use super::schema::MessageSchema;
use super::subject::{SubjectError, Vars};
use crate::wire::{EncodeError, Wire};

/// A type of message: a record with a topic. Derived.
pub trait Message: AvroType + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Logical name of its channel.
    const TOPIC: &'static str;
    /// Full Avro name.
    const NAME: &'static str;

    /// Its schema, built once.
    fn schema() -> &'static MessageSchema;
    /// What its attributes say.
    fn meta() -> &'static MessageMeta;
    /// Its key; `None` if it has none.
    fn key(&self) -> Result<Option<Bytes>, EncodeError> {
        Ok(None)
    }
    /// The subject it is published on.
    fn subject(&self, vars: &Vars) -> Result<String, SubjectError>;
    /// Its id, where a field gives one.
    fn id(&self) -> Result<Option<String>, EncodeError> {
        Ok(None)
    }
    /// When it happened, where a field says so.
    fn time(&self) -> Result<Option<Timestamp>, EncodeError> {
        Ok(None)
    }
    /// What is wrong with it, before it is encoded.
    fn validate(&self) -> Result<(), String> {
        Ok(())
    }
}

/// How a key becomes bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyFormat {
    /// As text.
    Utf8,
    /// The bytes themselves.
    Bytes,
    /// Eight bytes, highest first.
    I64Be,
    /// By a schema of its own under `{topic}-key`.
    Avro,
}

/// How a schema's subject follows from topic and name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SubjectStrategy {
    /// `{topic}-value`
    TopicName,
    /// The record's full name.
    RecordName,
    /// `{topic}-{full name}`
    TopicRecordName,
}

/// What stands in `#[message(…)]`, defaults filled in.
#[derive(Clone, Copy, Debug)]
pub struct MessageMeta {
    /// Logical name of the channel.
    pub topic: &'static str,
    /// Full Avro name.
    pub name: &'static str,
    /// Path of the Rust type.
    pub rust_type: &'static str,
    /// Template of the JetStream subject.
    pub subject: &'static str,
    /// What a consumer filters by.
    pub filter: &'static str,
    /// The stream it belongs to.
    pub stream: Option<&'static str>,
    /// Schema subject, where it does not follow from the strategy.
    pub schema_subject: Option<&'static str>,
    /// How the schema subject follows.
    pub strategy: SubjectStrategy,
    /// Consumer group.
    pub group: Option<&'static str>,
    /// Path of the key.
    pub key: Option<&'static str>,
    /// How the key becomes bytes.
    pub key_format: KeyFormat,
    /// Schema of the key, where that is Avro.
    pub key_schema: Option<fn() -> &'static MessageSchema>,
    /// Wire format, where it is not the transport's own.
    pub wire: Option<Wire>,
    /// The schema file that leads.
    pub schema_file: Option<&'static str>,
    /// Field of the message id.
    pub id: Option<&'static str>,
    /// Field of the event time.
    pub time: Option<&'static str>,
    /// The schema.
    pub schema: fn() -> &'static MessageSchema,
    /// What only the whole schema shows to be wrong; for a test of the crate that has the type.
    pub check: fn() -> Result<(), String>,
}

impl MessageMeta {
    /// The registry's subject of its values.
    pub fn value_subject(&self) -> String {
        match (self.schema_subject, self.strategy) {
            (Some(subject), _) => subject.to_owned(),
            (None, SubjectStrategy::TopicName) => format!("{}-value", self.topic),
            (None, SubjectStrategy::RecordName) => self.name.to_owned(),
            (None, SubjectStrategy::TopicRecordName) => format!("{}-{}", self.topic, self.name),
        }
    }

    /// The registry's subject of its keys.
    pub fn key_subject(&self) -> String {
        format!("{}-key", self.topic)
    }

    /// As [`export_models`] writes it.
    pub fn to_json(&self) -> Value {
        let schema = (self.schema)();
        json!({
            "topic": self.topic,
            "name": self.name,
            "rust_type": self.rust_type,
            "subject": self.subject,
            "filter": self.filter,
            "stream": self.stream,
            "schema_subject": self.value_subject(),
            "group": self.group,
            "key": self.key,
            "key_format": match self.key_format {
                KeyFormat::Utf8 => "utf8",
                KeyFormat::Bytes => "bytes",
                KeyFormat::I64Be => "i64be",
                KeyFormat::Avro => "avro",
            },
            "key_schema": self.key_schema.map(|schema| schema().text().to_owned()),
            "wire": self.wire.map(Wire::as_str),
            "schema_file": self.schema_file,
            "id": self.id,
            "time": self.time,
            "fp64": format!("{:016x}", schema.fp64()),
            "schema": schema.text(),
        })
    }
}

/// One message type of this program.
#[derive(Debug)]
pub struct Linked(pub &'static MessageMeta);

inventory::collect!(Linked);

/// All message types that are linked into this program, by topic and name.
pub fn models() -> Vec<&'static MessageMeta> {
    let mut all: Vec<&'static MessageMeta> = inventory::iter::<Linked>.into_iter().map(|linked| linked.0).collect();
    all.sort_by_key(|meta| (meta.topic, meta.name, meta.rust_type));
    all
}

/// Writes what [`models`] lists as JSON, for `alluvium schema … --models`.
pub fn export_models(out: impl io::Write) -> io::Result<()> {
    let all: Vec<Value> = models().into_iter().map(MessageMeta::to_json).collect();
    Ok(serde_json::to_writer_pretty(out, &json!({ "version": 1, "models": all }))?)
}

/// What only the whole schema shows: that it is valid, and that the type reads and writes it where a file leads.
pub fn check<M: Message>() -> Result<(), String> {
    let inferred = MessageSchema::infer::<M, super::avro_as::Plain>().map_err(|error| error.to_string())?;
    let schema = std::panic::catch_unwind(M::schema).map_err(|_| format!("{} has no valid schema", M::NAME))?;
    let report = crate::validate::compare(&inferred, schema);
    if report.is_clean() {
        return Ok(());
    }
    let lines = report.errors.iter().chain(&report.warnings);
    Err(lines.map(|each| format!("{}: {}", each.pointer, each.message)).collect::<Vec<_>>().join("\n"))
}

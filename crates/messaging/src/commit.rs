//! Generated from `schemas/` by `scripts/generate`; change the schema, not this file.

#![allow(clippy::all, clippy::pedantic, missing_docs, reason = "generated")]

use serde::{Deserialize, Serialize};

/// All events of one command, or of several commands, on one aggregate: atomic, one message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commit {
    /// The events in order; an event's position is the message's sequence and its index here.
    pub entries: Vec<Entry>,
}

crate::contract!(
    Commit,
    "Commit",
    r####"{"doc":"All events of one command, or of several commands, on one aggregate: atomic, one message.","fields":[{"doc":"The events in order; an event's position is the message's sequence and its index here.","name":"entries","type":{"items":{"doc":"One event of a commit with what led to it.","fields":[{"doc":"Id of the command that led to the event.","name":"command_id","type":"string"},{"doc":"Hex SHA-256 of that command's subject and body: tells a repeated command from another one under its id.","name":"body_hash","type":"string"},{"doc":"Who asked: admin, key:<id>, nats:<tenant> or system:<role>.","name":"actor","type":"string"},{"doc":"When the command was taken in.","name":"time","type":{"logicalType":"timestamp-micros","type":"long"}},{"doc":"Name of the event's record.","name":"type","type":"string"},{"doc":"The event, Avro single-object encoded.","name":"event","type":"bytes"}],"kind":"type","name":"Entry","namespace":"alluvium.envelope","type":"record"},"type":"array"}}],"kind":"type","name":"Commit","namespace":"alluvium.envelope","type":"record"}"####,
    &[]
);

/// One event of a commit with what led to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Id of the command that led to the event.
    pub command_id: String,
    /// Hex SHA-256 of that command's subject and body: tells a repeated command from another one under its id.
    pub body_hash: String,
    /// Who asked: admin, key:<id>, nats:<tenant> or system:<role>.
    pub actor: String,
    /// When the command was taken in.
    pub time: i64,
    /// Name of the event's record.
    pub r#type: String,
    /// The event, Avro single-object encoded.
    #[serde(with = "serde_bytes")]
    pub event: Vec<u8>,
}

crate::contract!(
    Entry,
    "Entry",
    r####"{"doc":"One event of a commit with what led to it.","fields":[{"doc":"Id of the command that led to the event.","name":"command_id","type":"string"},{"doc":"Hex SHA-256 of that command's subject and body: tells a repeated command from another one under its id.","name":"body_hash","type":"string"},{"doc":"Who asked: admin, key:<id>, nats:<tenant> or system:<role>.","name":"actor","type":"string"},{"doc":"When the command was taken in.","name":"time","type":{"logicalType":"timestamp-micros","type":"long"}},{"doc":"Name of the event's record.","name":"type","type":"string"},{"doc":"The event, Avro single-object encoded.","name":"event","type":"bytes"}],"kind":"type","name":"Entry","namespace":"alluvium.envelope","type":"record"}"####,
    &[]
);

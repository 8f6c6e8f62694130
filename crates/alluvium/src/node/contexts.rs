//! The bounded contexts of this binary, as data: who decodes what.

use alluvium_access::AccessContext;
use alluvium_eventlog::BoundedContext;
use alluvium_messaging::{CodecError, ContractSet};
use alluvium_storage::Storage;
use serde_json::Value;

/// What the platform's own routes need to know of a context.
#[derive(Clone, Copy)]
pub struct ContextInfo {
    /// Its name in subjects.
    pub name: &'static str,
    /// The stream of its events.
    pub stream: &'static str,
    /// Names of its commands.
    pub commands: fn() -> &'static [&'static str],
    /// The Avro schema of a command.
    pub schema: fn(&str) -> Option<&'static str>,
    /// Reads an event by its type.
    pub event: fn(&str, &[u8]) -> Result<Value, CodecError>,
}

const fn info<C: BoundedContext, E: ContractSet>() -> ContextInfo {
    ContextInfo {
        name: C::NAME,
        stream: C::STREAM,
        commands: C::Command::names,
        schema: C::Command::schema_of,
        event: |name, payload| E::decode(name, payload).map(|event| event.to_json()),
    }
}

/// All contexts.
pub const CONTEXTS: &[ContextInfo] =
    &[info::<AccessContext, alluvium_access::contract::Event>(), info::<Storage, alluvium_storage::contract::Event>()];

/// A context by name.
pub fn context(name: &str) -> Option<&'static ContextInfo> {
    CONTEXTS.iter().find(|context| context.name == name)
}

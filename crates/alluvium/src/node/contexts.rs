//! The bounded contexts of this binary, as data: who decodes what.

use alluvium_access::AccessContext;
use alluvium_eventlog::{AggregateType, BoundedContext, Past};
use alluvium_kernel::{BoxFuture, Problem, Token};
use alluvium_messaging::{CodecError, ContractSet};
use alluvium_platform::PlatformContext;
use alluvium_schemas::SchemasContext;
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
    /// Its aggregates.
    pub aggregates: &'static [AggregateType],
    /// The aggregate id that a name people use stands for with a message of the stream.
    pub locate: Locate,
}

type Locate = for<'a> fn(&'a Past, &'a Token, &'a str, &'a str, u64) -> BoxFuture<'a, Result<Token, Problem>>;

const fn info<C: BoundedContext, E: ContractSet>() -> ContextInfo {
    ContextInfo {
        name: C::NAME,
        stream: C::STREAM,
        commands: C::Command::names,
        schema: C::Command::schema_of,
        event: |name, payload| E::decode(name, payload).map(|event| event.to_json()),
        aggregates: C::AGGREGATES,
        locate: |past, tenant, aggregate, name, up_to| Box::pin(C::locate(past, tenant, aggregate, name, up_to)),
    }
}

/// All contexts.
pub const CONTEXTS: &[ContextInfo] = &[
    info::<AccessContext, alluvium_access::contract::Event>(),
    info::<PlatformContext, alluvium_platform::contract::Event>(),
    info::<SchemasContext, alluvium_schemas::contract::Event>(),
    info::<Storage, alluvium_storage::contract::Event>(),
];

/// The folds of this release, by name: those into Postgres, and that into table files.
pub const PROJECTIONS: &[&str] =
    &[alluvium_access::PROJECTION, alluvium_schemas::PROJECTION, alluvium_storage::projection::NAME, TABLES];

/// The fold into table files, among the projections.
pub const TABLES: &str = "tables";

/// A context by name.
pub fn context(name: &str) -> Option<&'static ContextInfo> {
    CONTEXTS.iter().find(|context| context.name == name)
}

/// The stream that a context's commands are decided on.
pub fn stream_of(name: &str) -> Option<&'static str> {
    context(name).map(|context| context.stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_aggregate_of_the_contracts_can_be_looked_at() {
        for context in CONTEXTS {
            for command in (context.commands)() {
                let schema: Value = serde_json::from_str((context.schema)(command).unwrap()).unwrap();
                let aggregate = schema["aggregate"].as_str().unwrap();
                let listed = context.aggregates.iter().any(|kind| kind.name == aggregate);
                assert!(listed, "{}: `{aggregate}` is not among AGGREGATES", context.name);
            }
        }
    }
}

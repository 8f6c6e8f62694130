//! The bounded contexts of this binary, as data: who decodes what.

use alluvium_access::AccessContext;
use alluvium_eventlog::seals::Seals;
use alluvium_eventlog::{AggregateType, BoundedContext, CommandRequest, Past};
use alluvium_kernel::{BoxFuture, Problem, Requirement, Token};
use alluvium_messaging::{CodecError, ContractSet};
use alluvium_pipelines::PipelinesContext;
use alluvium_platform::PlatformContext;
use alluvium_schemas::SchemasContext;
use alluvium_storage::Storage;
use bytes::Bytes;
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
    /// The body of a command with what must be sealed sealed; none when there is nothing to seal in it.
    pub seal: Seal,
    /// What a command with sealed fields asks of its actor: asked before a key is made to seal it with.
    pub asks_first: Option<Asks>,
    /// Reads a command by its name.
    pub command: fn(&str, &[u8]) -> Result<Value, CodecError>,
    /// Reads an event by its type.
    pub event: fn(&str, &[u8]) -> Result<Value, CodecError>,
    /// Its aggregates.
    pub aggregates: &'static [AggregateType],
    /// The aggregate id that a name people use stands for with a message of the stream.
    pub locate: Locate,
}

type Locate = for<'a> fn(&'a Past, &'a Token, &'a str, &'a str, u64) -> BoxFuture<'a, Result<Token, Problem>>;

type Asks = fn(&str, &[u8]) -> Option<Requirement>;
type Seal = for<'a> fn(&'a Seals, &'a CommandRequest) -> BoxFuture<'a, Result<Option<Bytes>, Problem>>;

const fn info<C: BoundedContext, E: ContractSet>() -> ContextInfo {
    ContextInfo {
        name: C::NAME,
        stream: C::STREAM,
        commands: C::Command::names,
        schema: C::Command::schema_of,
        seal: |seals, request| Box::pin(seal::<C::Command>(seals, request)),
        asks_first: None,
        command: |name, payload| C::Command::decode(name, payload).map(|command| command.to_json()),
        event: |name, payload| E::decode(name, payload).map(|event| event.to_json()),
        aggregates: C::AGGREGATES,
        locate: |past, tenant, aggregate, name, up_to| Box::pin(C::locate(past, tenant, aggregate, name, up_to)),
    }
}

/// One that cannot be read goes as it is, and is refused by who decides on it.
async fn seal<S: ContractSet>(seals: &Seals, request: &CommandRequest) -> Result<Option<Bytes>, Problem> {
    if S::sealed_of(&request.command).is_empty() {
        return Ok(None);
    }
    let Ok(mut command) = S::decode(&request.command, &request.payload) else { return Ok(None) };
    let fields = command.sealed_fields();
    if fields.is_empty() {
        return Ok(None);
    }
    seals.seal(&request.tenant, fields).await?;
    Ok(Some(command.to_avro().into()))
}

/// All contexts.
pub const CONTEXTS: &[ContextInfo] = &[
    ContextInfo { asks_first: Some(asked_by_access), ..info::<AccessContext, alluvium_access::contract::Event>() },
    ContextInfo {
        asks_first: Some(asked_by_pipelines),
        ..info::<PipelinesContext, alluvium_pipelines::contract::Event>()
    },
    info::<PlatformContext, alluvium_platform::contract::Event>(),
    info::<SchemasContext, alluvium_schemas::contract::Event>(),
    info::<Storage, alluvium_storage::contract::Event>(),
];

/// The folds of this release, by name: those into Postgres, and that into table files.
pub const PROJECTIONS: &[&str] = &[
    alluvium_access::PROJECTION,
    alluvium_audit::PROJECTION,
    alluvium_pipelines::PROJECTION,
    alluvium_schemas::PROJECTION,
    alluvium_storage::projection::NAME,
    TABLES,
];

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

fn asked_by_access(name: &str, payload: &[u8]) -> Option<Requirement> {
    use alluvium_access::contract::Command;

    if Command::sealed_of(name).is_empty() {
        return None;
    }
    Command::decode(name, payload).ok().map(|command| AccessContext.requirement(&command))
}

fn asked_by_pipelines(name: &str, payload: &[u8]) -> Option<Requirement> {
    use alluvium_pipelines::contract::Command;

    if Command::sealed_of(name).is_empty() {
        return None;
    }
    Command::decode(name, payload).ok().map(|command| PipelinesContext.requirement(&command))
}

/// What a command's context seals of it.
pub fn sealed<'a>(seals: &'a Seals, request: &'a CommandRequest) -> BoxFuture<'a, Result<Option<Bytes>, Problem>> {
    match context(&request.context) {
        Some(context) => (context.seal)(seals, request),
        None => Box::pin(std::future::ready(Ok(None))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_seals_asks_first() {
        for context in CONTEXTS {
            let seals = (context.commands)().iter().any(|command| {
                let schema: Value = serde_json::from_str((context.schema)(command).unwrap()).unwrap();
                schema["fields"].as_array().unwrap().iter().any(|field| field.get("sealed").is_some())
            });
            assert_eq!(seals, context.asks_first.is_some(), "{}", context.name);
        }
    }

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

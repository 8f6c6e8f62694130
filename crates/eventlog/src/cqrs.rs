//! The log as an event store of cqrs-es, for those who use its framework as it is.

use std::{collections::HashMap, marker::PhantomData};

use alluvium_kernel::{Actor, Problem, Token};
use alluvium_messaging::{Commit, Contract, ContractSet, Entry, direct};
use cqrs_es::{Aggregate, AggregateContext, AggregateError, EventEnvelope, EventStore};

use crate::{
    commit::{Committed, SubjectDraft, commit},
    log::Log,
    stored::{LogAggregate, Stored, damaged},
};

/// Metadata key under which a caller may name the command's id; else a new one is made.
pub const COMMAND_ID: &str = "command_id";
/// Metadata key under which a caller may name the actor, e.g. `key:abc`.
pub const ACTOR: &str = "actor";

/// The aggregates of one type and tenant, as cqrs-es wants them.
pub struct AggregateStore<A> {
    log: Log,
    tenant: Token,
    aggregate: PhantomData<fn() -> A>,
}

/// An aggregate under change, with its place on the log.
pub struct StoredContext<A: LogAggregate> {
    stored: Stored<A>,
    id: Token,
}

impl<A: LogAggregate> StoredContext<A> {
    /// The aggregate with sequence and chain.
    pub fn stored(&self) -> &Stored<A> {
        &self.stored
    }
}

impl<A: LogAggregate> AggregateContext<A> for StoredContext<A> {
    fn aggregate(&mut self) -> &mut A {
        &mut self.stored.state
    }
}

impl<A: LogAggregate> AggregateStore<A> {
    /// The aggregates of `tenant`.
    pub fn new(log: Log, tenant: Token) -> Self {
        Self { log, tenant, aggregate: PhantomData }
    }
}

impl<A: LogAggregate> EventStore<A> for AggregateStore<A> {
    type AC = StoredContext<A>;

    async fn load_events(&self, aggregate_id: &str) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        let id = token(aggregate_id)?;
        let subject = self.log.subject::<A>(&self.tenant, &id);
        let (mut events, mut from) = (Vec::new(), 1);
        loop {
            let messages = direct::history(&self.log.js, self.log.stream(), &subject, from).await.map_err(absent)?;
            for message in &messages {
                let bad = |error: &dyn std::fmt::Display| broken(damaged(message, &error.to_string()));
                let commit = Commit::from_avro(&message.payload).map_err(|error| bad(&error))?;
                for entry in commit.entries {
                    let payload = A::Event::decode(&entry.r#type, &entry.event).map_err(|error| bad(&error))?;
                    let metadata =
                        HashMap::from([(COMMAND_ID.to_owned(), entry.command_id), (ACTOR.to_owned(), entry.actor)]);
                    events.push(envelope(aggregate_id, events.len() + 1, payload, metadata));
                }
                from = message.seq + 1;
            }
            if messages.last().is_none_or(|last| last.pending == 0) {
                return Ok(events);
            }
        }
    }

    async fn load_aggregate(&self, aggregate_id: &str) -> Result<Self::AC, AggregateError<A::Error>> {
        let id = token(aggregate_id)?;
        let stored = self.log.load::<A>(&self.tenant, &id).await.map_err(unavailable)?;
        Ok(StoredContext { stored: Stored::clone(&stored), id })
    }

    async fn commit(
        &self,
        events: Vec<A::Event>,
        context: Self::AC,
        metadata: HashMap<String, String>,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let now = uuid::Uuid::now_v7();
        let time = now.get_timestamp().map_or(0, |time| {
            let (seconds, nanos) = time.to_unix();
            seconds as i64 * 1_000_000 + i64::from(nanos / 1000)
        });
        let command_id = metadata.get(COMMAND_ID).cloned().unwrap_or_else(|| now.to_string());
        let actor = metadata.get(ACTOR).cloned().unwrap_or_else(|| Actor::System("framework".to_owned()).to_string());
        let entries: Vec<Entry> = events
            .iter()
            .map(|event| Entry {
                command_id: command_id.clone(),
                body_hash: String::new(),
                actor: actor.clone(),
                time,
                r#type: event.name().to_owned(),
                event: event.to_avro(),
            })
            .collect();
        let subject = self.log.subject::<A>(&self.tenant, &context.id);
        let draft = SubjectDraft::new(subject.clone(), context.stored.seq, &context.stored.chain, &entries, &[]);
        let committed = commit(&self.log, vec![draft]).await;
        self.log.forget(&subject);
        match committed.map_err(unavailable)? {
            Committed::Conflict => Err(AggregateError::AggregateConflict),
            Committed::At(_) => {
                let id = context.id.decode();
                let numbered = events.into_iter().enumerate();
                Ok(numbered
                    .map(|(n, event)| envelope(&id, context.stored.events + n + 1, event, metadata.clone()))
                    .collect())
            }
        }
    }
}

fn envelope<A: Aggregate>(
    id: &str,
    sequence: usize,
    payload: A::Event,
    metadata: HashMap<String, String>,
) -> EventEnvelope<A> {
    EventEnvelope { aggregate_id: id.to_owned(), sequence, payload, metadata }
}

fn token<E: std::error::Error>(id: &str) -> Result<Token, AggregateError<E>> {
    Token::encode(id).map_err(|error| AggregateError::UnexpectedError(Box::new(error)))
}

fn unavailable<E: std::error::Error>(problem: Problem) -> AggregateError<E> {
    if problem.is_transient() { AggregateError::DatabaseConnectionError(Box::new(problem)) } else { broken(problem) }
}

fn absent<E: std::error::Error>(error: alluvium_messaging::Error) -> AggregateError<E> {
    AggregateError::DatabaseConnectionError(Box::new(error))
}

fn broken<E: std::error::Error>(problem: Problem) -> AggregateError<E> {
    AggregateError::DeserializationError(Box::new(problem))
}

//! A small context to test with: counters that must not fall below zero, and ledgers that note what was moved.
#![allow(clippy::unwrap_used, clippy::default_trait_access, dead_code, reason = "each test binary uses its part")]

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use alluvium_eventlog::{
    BoundedContext, CommandClient, CommandRequest, Decision, DecisionContext, Executor, ExecutorOptions, HandleError,
    Log, LogOptions, Unit,
};
use alluvium_kernel::{Actor, Authorizer, BoxFuture, Outcome, Problem, Requirement, SigningKey, Token, Verdict};
use alluvium_messaging::{
    Commit, Contract, ContractSet, Tail, TailConfig, Tailed, connect, contract, contract_set, streams,
};
use alluvium_testing::{NatsCluster, NatsServer};
use async_nats::jetstream::{
    self,
    stream::{Config, StorageType},
};
use cqrs_es::{Aggregate, DomainEvent, event_sink::EventSink};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

macro_rules! record {
    ($name:ident, $text:literal, $schema:literal, { $($field:ident: $type:ty),* }) => {
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $(pub $field: $type),* }
        contract!($name, $text, $schema, &[]);
    };
}

record!(Add, "Add", r#"{"type":"record","name":"Add","fields":[{"name":"counter","type":"string"},{"name":"by","type":"long"}]}"#, { counter: String, by: i64 });
record!(Move, "Move", r#"{"type":"record","name":"Move","fields":[{"name":"from","type":"string"},{"name":"ledger","type":"string"},{"name":"by","type":"long"}]}"#, { from: String, ledger: String, by: i64 });
record!(Ask, "Ask", r#"{"type":"record","name":"Ask","fields":[{"name":"counter","type":"string"}]}"#, { counter: String });
record!(Burst, "Burst", r#"{"type":"record","name":"Burst","fields":[{"name":"counter","type":"string"}]}"#, { counter: String });
record!(Added, "Added", r#"{"type":"record","name":"Added","fields":[{"name":"by","type":"long"}]}"#, { by: i64 });
record!(Removed, "Removed", r#"{"type":"record","name":"Removed","fields":[{"name":"by","type":"long"}]}"#, { by: i64 });
record!(Noted, "Noted", r#"{"type":"record","name":"Noted","fields":[{"name":"text","type":"string"}]}"#, { text: String });

#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    Add(Add),
    Move(Move),
    Ask(Ask),
    Burst(Burst),
}
contract_set!(Command { Add, Move, Ask, Burst });

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum CounterEvent {
    Added(Added),
    Removed(Removed),
}
contract_set!(CounterEvent { Added, Removed });

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum LedgerEvent {
    Noted(Noted),
}
contract_set!(LedgerEvent { Noted });

impl DomainEvent for CounterEvent {
    fn event_type(&self) -> String {
        self.name().to_owned()
    }
    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl DomainEvent for LedgerEvent {
    fn event_type(&self) -> String {
        self.name().to_owned()
    }
    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counter {
    pub total: i64,
}

pub enum CounterCommand {
    Add(i64),
    Remove(i64),
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CounterError {
    #[error("adding nothing")]
    Nothing,
    #[error("there are only {0}")]
    TooFew(i64),
}

impl From<CounterError> for Problem {
    fn from(error: CounterError) -> Self {
        let code = match error {
            CounterError::Nothing => "play.nothing",
            CounterError::TooFew(_) => "play.too_few",
        };
        Self::new(code, 422, error.to_string())
    }
}

impl Aggregate for Counter {
    const TYPE: &'static str = "counter";
    type Command = CounterCommand;
    type Event = CounterEvent;
    type Error = CounterError;
    type Services = ();

    async fn handle(&mut self, command: CounterCommand, (): &(), sink: &EventSink<Self>) -> Result<(), CounterError> {
        match command {
            CounterCommand::Add(0) => Err(CounterError::Nothing),
            CounterCommand::Add(by) => {
                sink.write(CounterEvent::Added(Added { by }), self).await;
                Ok(())
            }
            CounterCommand::Remove(by) if self.total < by => Err(CounterError::TooFew(self.total)),
            CounterCommand::Remove(by) => {
                sink.write(CounterEvent::Removed(Removed { by }), self).await;
                Ok(())
            }
        }
    }

    fn apply(&mut self, event: CounterEvent) {
        match event {
            CounterEvent::Added(Added { by }) => self.total += by,
            CounterEvent::Removed(Removed { by }) => self.total -= by,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    pub lines: Vec<String>,
}

impl Aggregate for Ledger {
    const TYPE: &'static str = "ledger";
    type Command = ();
    type Event = LedgerEvent;
    type Error = std::convert::Infallible;
    type Services = ();

    async fn handle(&mut self, (): (), (): &(), _: &EventSink<Self>) -> Result<(), Self::Error> {
        Ok(())
    }

    fn apply(&mut self, event: LedgerEvent) {
        match event {
            LedgerEvent::Noted(Noted { text }) => self.lines.push(text),
        }
    }
}

/// The context; can be told to be busy.
#[derive(Default)]
pub struct Play {
    pub busy: AtomicBool,
}

impl BoundedContext for Play {
    const NAME: &'static str = "play";
    const STREAM: &'static str = "EV_PLAY";
    type Command = Command;

    fn requirement(&self, _: &Command) -> Requirement {
        Requirement::Authenticated
    }

    async fn group(&self, _: &Token, command: &Command) -> String {
        match command {
            Command::Add(Add { counter, .. }) | Command::Ask(Ask { counter }) | Command::Burst(Burst { counter }) => {
                counter.clone()
            }
            Command::Move(Move { from, .. }) => from.clone(),
        }
    }

    async fn plan(&self, command: &Command, at: &DecisionContext, unit: &mut Unit) -> Result<Decision, Problem> {
        if self.busy.load(Ordering::Relaxed) {
            return Ok(Decision { busy: true, ..Decision::default() });
        }
        match command {
            Command::Add(Add { counter, by }) => {
                let id = token(counter);
                unit.handle::<Counter>(&id, CounterCommand::Add(*by), &()).await?;
                let total = unit.load::<Counter>(&id).await?.total;
                Ok(Decision::accepted(serde_json::json!({ "total": total, "uid": at.new_uid(0) })))
            }
            Command::Move(Move { from, ledger, by }) => {
                // The note first, so that a refusal must take something back.
                let text = format!("{by} from {from}");
                // A guess that is wrong whenever the ledger is there and not at hand.
                unit.presume_new::<Ledger>(&token(ledger));
                unit.stage::<Ledger>(&token(ledger), LedgerEvent::Noted(Noted { text })).await?;
                let result = unit.handle::<Counter>(&token(from), CounterCommand::Remove(*by), &()).await;
                match result {
                    Ok(_) => {}
                    Err(error @ HandleError::Refused(_)) => return Err(error.into()),
                    Err(HandleError::Unavailable(problem)) => return Err(problem),
                }
                let lines = unit.load::<Ledger>(&token(ledger)).await?.lines.len();
                Ok(Decision::accepted(serde_json::json!({ "lines": lines })))
            }
            Command::Ask(Ask { counter }) => {
                unit.handle::<Counter>(&token(counter), CounterCommand::Add(1), &()).await?;
                Ok(Decision { awaits_settlement: true, ..Decision::default() })
            }
            Command::Burst(_) => panic!("a command that panics"),
        }
    }
}

/// Lets everybody but `key:nobody` do everything.
pub struct Anyone;

impl Authorizer for Anyone {
    fn check<'a>(&'a self, _: &'a Token, actor: &'a Actor, _: &'a Requirement) -> BoxFuture<'a, Result<(), Problem>> {
        let result = match actor {
            Actor::Key(id) if id == "nobody" => Err(Problem::new("access.denied", 403, "not you")),
            _ => Ok(()),
        };
        Box::pin(async move { result })
    }
}

pub fn token(text: &str) -> Token {
    Token::encode(text).unwrap()
}

pub fn key() -> SigningKey {
    SigningKey::new([7; 32])
}

/// Where the log is: one server, or a cluster.
pub trait Nats {
    /// Copies of each stream.
    const REPLICAS: usize;
    /// Where a stream's messages are.
    const STORAGE: StorageType = StorageType::File;
    /// Whether commits are stored together.
    const GROUP_COMMIT: bool = false;
    fn addresses(&self) -> String;
}

/// One server that keeps streams in memory: the same semantics, nothing to sync.
pub struct InMemory(pub NatsServer);

impl Nats for InMemory {
    const REPLICAS: usize = 1;
    const STORAGE: StorageType = StorageType::Memory;
    fn addresses(&self) -> String {
        self.0.url()
    }
}

impl Nats for NatsServer {
    const REPLICAS: usize = 1;
    fn addresses(&self) -> String {
        self.url()
    }
}

/// One server that syncs before it acknowledges, where commits that wait are stored together.
pub struct Durable(pub NatsServer);

impl Nats for Durable {
    const REPLICAS: usize = 1;
    const GROUP_COMMIT: bool = true;
    fn addresses(&self) -> String {
        self.0.url()
    }
}

impl Nats for NatsCluster {
    const REPLICAS: usize = NatsCluster::NODES;
    fn addresses(&self) -> String {
        self.url()
    }
}

/// A server (or a cluster) with all streams, and connections to it.
pub struct World<N = NatsServer> {
    pub nats: N,
    pub js: jetstream::Context,
    pub context: Arc<Play>,
}

/// An executor at work.
pub struct Running {
    cancel: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    pub async fn stop(self) {
        self.cancel.cancel();
        self.task.await.unwrap();
    }

    /// Ends it where it stands, as a crash would.
    pub async fn crash(self) {
        self.task.abort();
        assert!(self.task.await.is_err_and(|error| error.is_cancelled()));
    }
}

impl World {
    pub async fn new() -> Self {
        Self::on(NatsServer::start().await).await
    }
}

impl World<NatsCluster> {
    pub async fn replicated() -> Self {
        Self::on(NatsCluster::start().await).await
    }
}

impl<N: Nats> World<N> {
    pub async fn on(nats: N) -> Self {
        let js = connection(&nats).await;
        for file in streams::load(Some(N::REPLICAS)) {
            let config: Config = serde_json::from_value(serde_json::Value::Object(file.fields)).unwrap();
            js.create_stream(Config { storage: N::STORAGE, ..config }).await.unwrap();
        }
        js.create_stream(Config {
            storage: N::STORAGE,
            name: "EV_PLAY".into(),
            subjects: vec!["ev.*.play.>".into()],
            allow_atomic_publish: true,
            allow_direct: true,
            deny_delete: true,
            num_replicas: N::REPLICAS,
            ..Default::default()
        })
        .await
        .unwrap();
        Self { nats, js, context: Arc::new(Play::default()) }
    }

    /// With snapshots taken every few events, so that each test sees some.
    pub fn execute(&self, js: jetstream::Context, owner: &str) -> Running {
        let log = LogOptions { snapshot_every_events: SNAPSHOT_EVERY_EVENTS, ..Self::options() };
        self.execute_with(js, owner, log)
    }

    pub fn execute_with(&self, js: jetstream::Context, owner: &str, log: LogOptions) -> Running {
        let options = ExecutorOptions { owner: owner.into(), replicas: N::REPLICAS, log };
        let executor = Executor::new(js, self.context.clone(), Arc::new(Anyone), key(), options);
        let cancel = CancellationToken::new();
        Running { task: tokio::spawn(executor.run(cancel.clone())), cancel }
    }

    pub async fn client(&self) -> CommandClient {
        CommandClient::new(connection(&self.nats).await, key())
    }

    pub fn log(&self) -> Log {
        Log::new(self.js.clone(), "EV_PLAY", "play", Self::options())
    }

    fn options() -> LogOptions {
        LogOptions { replicas: N::REPLICAS, group_commit: N::GROUP_COMMIT, ..LogOptions::default() }
    }

    /// All messages of a stream now, each verified to follow the one before it on its subject.
    pub async fn read(&self, stream: &str) -> Vec<alluvium_messaging::LogMessage> {
        let last = self.js.get_stream(stream).await.unwrap().cached_info().state.last_sequence;
        let config = TailConfig { stream: stream.into(), filters: Vec::new(), from: 1, pull: Default::default() };
        let mut tail = Tail::new(self.js.clone(), config).unwrap();
        let (mut messages, mut chains) = (Vec::new(), std::collections::HashMap::new());
        while tail.last() < last {
            if let Tailed::Message(message) = tail.next().await.unwrap() {
                if message.header("Alv-Chain").is_some() {
                    let before = chains.get(&message.subject).cloned().unwrap_or_default();
                    assert_eq!(message.chain(), message.chain_after(&before), "the chain of {}", message.subject);
                    chains.insert(message.subject.clone(), message.chain());
                }
                messages.push(message);
            }
        }
        messages
    }
}

pub async fn connection(nats: &impl Nats) -> jetstream::Context {
    let config = connect::ConnectConfig { url: nats.addresses(), name: "test".into(), ..Default::default() };
    connect::jetstream(connect::connect(&config).await.unwrap())
}

pub fn request(id: &str, command: Command) -> CommandRequest {
    CommandRequest {
        tenant: token("default"),
        context: "play".into(),
        command: command.name().into(),
        command_id: id.into(),
        actor: Actor::Admin,
        payload: command.to_avro().into(),
        trace_parent: None,
    }
}

pub fn add(id: &str, counter: &str, by: i64) -> CommandRequest {
    request(id, Command::Add(Add { counter: counter.into(), by }))
}

pub fn accepted(outcome: &Outcome) -> (u64, serde_json::Value) {
    match &outcome.verdict {
        Verdict::Accepted { position, result, .. } => (position.seq("EV_PLAY"), result.clone()),
        Verdict::Rejected { problem } => panic!("rejected: {problem}"),
    }
}

pub fn code(outcome: &Outcome) -> &str {
    match &outcome.verdict {
        Verdict::Rejected { problem } => &problem.code,
        Verdict::Accepted { .. } => panic!("accepted: {outcome:?}"),
    }
}

pub const WAIT: Duration = Duration::from_secs(20);

/// Events from one snapshot to the next where a test does not say otherwise.
pub const SNAPSHOT_EVERY_EVENTS: usize = 3;
/// By command: how many events it has on the log.
pub async fn carried_out(world: &World<impl Nats>) -> HashMap<String, usize> {
    let mut events = HashMap::new();
    for message in world.read("EV_PLAY").await {
        for entry in Commit::from_avro(&message.payload).unwrap().entries {
            *events.entry(entry.command_id).or_default() += 1;
        }
    }
    events
}

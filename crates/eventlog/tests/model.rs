//! A model test: random commands, crashes of the worker, kills of the server and retries, against a simple model in memory.
//!
//! Every command that is accepted is carried out exactly once and in its order, a rejection stays one, an id belongs to one
//! body, and the chain of every aggregate holds; snapshots, taken every few events, change nothing of it.
//! `ALLUVIUM_MODEL_SECONDS` says how long to go on trying.
#![allow(clippy::unwrap_used, clippy::default_trait_access, reason = "a test may panic")]

mod play;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use alluvium_eventlog::{CommandClient, CommandRequest};
use alluvium_kernel::{Outcome, Verdict};
use alluvium_messaging::{Commit, Contract, streams::SNAPSHOTS};
use alluvium_testing::{NatsCluster, NatsServer};
use play::*;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

/// How long it tries in CI on each kind of log, in seconds.
const SECONDS: u64 = 15;
/// Aggregates of each kind in a history.
const COUNTERS: usize = 16;
/// Commands without which a run says nothing, however long it took.
const COMMANDS_MIN: usize = 100;
/// How often a failing history is made smaller.
const SHRINKS_MAX: u32 = 30;
/// How long a command may take through everything that happens meanwhile.
const OUTCOME_WAIT: Duration = Duration::from_mins(1);

/// What breaks while commands are under way.
#[derive(Clone, Copy, Debug)]
enum Fault {
    None,
    WorkerCrashes,
    WorkerStops,
    ServerKilled,
}

/// One command on one counter.
#[derive(Clone, Copy, Debug)]
enum Deed {
    /// Zero is refused.
    Add(i64),
    /// More than there is is refused, after a note was staged elsewhere.
    Move(i64),
}

/// Commands at the same time, at most one on each counter, and what breaks so many milliseconds after they were sent.
#[derive(Clone, Debug)]
struct Step {
    deeds: [Option<Deed>; COUNTERS],
    fault: Fault,
    after_ms: u64,
    /// Sends an earlier command again, and another body under its id.
    again: Option<prop::sample::Index>,
}

fn deed() -> impl Strategy<Value = Option<Deed>> {
    prop_oneof![
        2 => Just(None),
        4 => (0..5_i64).prop_map(|by| Some(Deed::Add(by))),
        3 => (1..9_i64).prop_map(|by| Some(Deed::Move(by))),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let fault = prop_oneof![
        40 => Just(Fault::None),
        2 => Just(Fault::WorkerCrashes),
        1 => Just(Fault::WorkerStops),
        1 => Just(Fault::ServerKilled),
    ];
    let again = prop::option::weighted(0.4, any::<prop::sample::Index>());
    (prop::array::uniform16(deed()), fault, 0..12_u64, again).prop_map(|(deeds, fault, after_ms, again)| Step {
        deeds,
        fault,
        after_ms,
        again,
    })
}

/// What a command must come to.
#[derive(Clone, Debug, PartialEq)]
enum Expected {
    Total(i64),
    Lines(usize),
    Refused(&'static str),
}

/// What should be: nothing but numbers and lines.
#[derive(Default)]
struct Model {
    totals: BTreeMap<String, i64>,
    lines: BTreeMap<String, Vec<String>>,
    /// By aggregate: who added which event, in order.
    events: BTreeMap<String, Vec<(String, String)>>,
    sent: Vec<(CommandRequest, Expected, Option<Outcome>)>,
}

impl Model {
    fn carry_out(&mut self, id: &str, counter: &str, deed: Deed) -> (CommandRequest, Expected) {
        let total = self.totals.entry(counter.to_owned()).or_default();
        let mut note = |aggregate: String, event: &str| {
            self.events.entry(aggregate).or_default().push((id.to_owned(), event.to_owned()));
        };
        match deed {
            Deed::Add(by) => {
                let expected = if by == 0 {
                    Expected::Refused("play.nothing")
                } else {
                    *total += by;
                    note(format!("counter.{counter}"), "Added");
                    Expected::Total(*total)
                };
                (add(id, counter, by), expected)
            }
            Deed::Move(by) => {
                let ledger = format!("{counter}-book");
                let expected = if by > *total {
                    Expected::Refused("play.too_few")
                } else {
                    *total -= by;
                    let lines = self.lines.entry(ledger.clone()).or_default();
                    lines.push(format!("{by} from {counter}"));
                    note(format!("ledger.{ledger}"), "Noted");
                    note(format!("counter.{counter}"), "Removed");
                    Expected::Lines(lines.len())
                };
                (request(id, Command::Move(Move { from: counter.into(), ledger, by })), expected)
            }
        }
    }
}

/// A log that can be broken and goes on.
trait Ground: Nats + Sized {
    async fn world() -> World<Self>;
    /// Kills a server and starts it again.
    async fn kill(&mut self);
}

impl Ground for InMemory {
    async fn world() -> World<Self> {
        World::on(Self(NatsServer::start().await)).await
    }
    /// All would be lost, as it must be: here only workers break.
    async fn kill(&mut self) {}
}

impl Ground for NatsServer {
    async fn world() -> World<Self> {
        World::new().await
    }
    async fn kill(&mut self) {
        Self::kill(self);
        self.restart().await;
    }
}

impl Ground for Durable {
    async fn world() -> World<Self> {
        World::on(Self(NatsServer::start_with(|options| options.sync_interval = Some("always".into())).await)).await
    }
    async fn kill(&mut self) {
        Ground::kill(&mut self.0).await;
    }
}

impl Ground for NatsCluster {
    async fn world() -> World<Self> {
        World::replicated().await
    }
    /// The node that leads the events. The next kill waits until it has caught up: two of three gone is another failure.
    async fn kill(&mut self) {
        let leader = self.leader_of("EV_PLAY").await;
        Self::kill(self, leader);
        self.restart(leader).await;
        self.wait_current(&["CMD", "OUT", "EV_PLAY"]).await;
    }
}

/// The platform under test, for all histories.
struct System<N> {
    world: World<N>,
    running: Option<Running>,
    client: CommandClient,
    histories: usize,
    kills: usize,
    crashes: usize,
    commands: usize,
}

impl<N: Ground> System<N> {
    async fn new() -> Self {
        let world = N::world().await;
        let client = world.client().await;
        let mut system = Self { world, running: None, client, histories: 0, kills: 0, crashes: 0, commands: 0 };
        system.work().await;
        system
    }

    /// A worker under the name of the one before, as a process that is started again.
    async fn work(&mut self) {
        let connection = connection(&self.world.nats).await;
        self.running = Some(self.world.execute(connection, "model"));
    }

    async fn suffer(&mut self, fault: Fault) {
        match fault {
            Fault::None => {}
            Fault::WorkerCrashes => {
                self.crashes += 1;
                self.running.take().unwrap().crash().await;
                self.work().await;
            }
            Fault::WorkerStops => {
                self.running.take().unwrap().stop().await;
                self.work().await;
            }
            Fault::ServerKilled => {
                self.kills += 1;
                self.world.nats.kill().await;
            }
        }
    }

    async fn history(&mut self, steps: &[Step]) -> Result<(), TestCaseError> {
        self.histories += 1;
        let prefix = format!("h{}", self.histories);
        let mut model = Model::default();
        for (at, step) in steps.iter().enumerate() {
            self.step(&prefix, at, step, &mut model).await?;
        }
        // Whoever asks again, even after a crash, hears the same.
        self.suffer(Fault::WorkerCrashes).await;
        let asking = model.sent.iter().map(|(request, _, _)| tokio::spawn(send(self.client.clone(), request.clone())));
        let asking: Vec<_> = asking.collect();
        for ((request, _, outcome), again) in model.sent.iter().zip(asking) {
            prop_assert_eq!(Some(&again.await.unwrap()), outcome.as_ref(), "{} again", request.command_id);
        }
        self.log_is(&prefix, &model).await
    }

    async fn step(&mut self, prefix: &str, at: usize, step: &Step, model: &mut Model) -> Result<(), TestCaseError> {
        let first = model.sent.len();
        let mut sending = Vec::new();
        for (counter, deed) in step.deeds.iter().enumerate() {
            let Some(deed) = deed else { continue };
            let (id, counter) = (format!("{prefix}-{at}-{counter}"), format!("{prefix}-c{counter}"));
            let (request, expected) = model.carry_out(&id, &counter, *deed);
            sending.push(tokio::spawn(send(self.client.clone(), request.clone())));
            model.sent.push((request, expected, None));
        }
        self.commands += sending.len();
        tokio::time::sleep(Duration::from_millis(step.after_ms)).await;
        self.suffer(step.fault).await;
        for (sent, outcome) in model.sent[first..].iter_mut().zip(sending) {
            let outcome = outcome.await.unwrap();
            prop_assert_eq!(said(&outcome), sent.1.clone(), "{}", sent.0.command_id);
            sent.2 = Some(outcome);
        }
        if let (Some(index), false) = (&step.again, model.sent.is_empty()) {
            let (request, _, outcome) = index.get(&model.sent);
            let again = send(self.client.clone(), request.clone()).await;
            prop_assert_eq!(Some(&again), outcome.as_ref(), "{} again", request.command_id);
            let other = CommandRequest { payload: add("other", "other", 77).payload, ..request.clone() };
            let other = CommandRequest { command: "Add".into(), ..other };
            let refused = self.client.send(&other, OUTCOME_WAIT).await.expect_err("another body under a used id");
            prop_assert_eq!(refused.code.as_str(), "command.id_reused");
        }
        Ok(())
    }

    /// The log has exactly the model's events, each aggregate's in the model's order; reading it checks every chain.
    async fn log_is(&self, prefix: &str, model: &Model) -> Result<(), TestCaseError> {
        let mut found: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
        for message in self.world.read("EV_PLAY").await {
            // ev.<tenant>.<context>.<partition>.<aggregate>.<id>
            let aggregate = message.subject.splitn(5, '.').nth(4).unwrap().to_owned();
            if !aggregate.contains(&format!(".{prefix}-")) {
                continue;
            }
            for entry in Commit::from_avro(&message.payload).unwrap().entries {
                found.entry(aggregate.clone()).or_default().push((entry.command_id, entry.r#type));
            }
        }
        prop_assert_eq!(&found, &model.events);
        for (counter, total) in &model.totals {
            let log = self.world.log();
            let stored = log.load_fresh::<Counter>(&token("default"), &token(counter)).await.unwrap();
            prop_assert_eq!(stored.state.total, *total, "{}", counter);
            let log = self.world.log().with_snapshots(key());
            let begun = log.load_fresh::<Counter>(&token("default"), &token(counter)).await.unwrap();
            let whole = (&stored.state, stored.seq, &stored.chain, stored.events);
            prop_assert_eq!(
                (&begun.state, begun.seq, &begun.chain, begun.events),
                whole,
                "{} from a snapshot",
                counter
            );
        }
        for (ledger, lines) in &model.lines {
            let log = self.world.log();
            let stored = log.load_fresh::<Ledger>(&token("default"), &token(ledger)).await.unwrap();
            prop_assert_eq!(&stored.state.lines, lines);
            let log = self.world.log().with_snapshots(key());
            let begun = log.load_fresh::<Ledger>(&token("default"), &token(ledger)).await.unwrap();
            prop_assert_eq!(&begun.state.lines, lines, "from a snapshot");
        }
        Ok(())
    }
}

/// Sends a command, again under its id while its outcome is not known.
async fn send(client: CommandClient, request: CommandRequest) -> Outcome {
    let began = Instant::now();
    loop {
        match client.send(&request, OUTCOME_WAIT).await {
            Ok(outcome) => return outcome,
            Err(problem) => assert!(began.elapsed() < OUTCOME_WAIT && problem.is_transient(), "{problem}"),
        }
    }
}

fn said(outcome: &Outcome) -> Expected {
    match &outcome.verdict {
        Verdict::Rejected { problem } => match problem.code.as_str() {
            "play.nothing" => Expected::Refused("play.nothing"),
            "play.too_few" => Expected::Refused("play.too_few"),
            other => panic!("{other}"),
        },
        Verdict::Accepted { result, .. } => {
            let number = |name: &str| result[name].as_i64();
            number("total").map_or_else(|| Expected::Lines(number("lines").unwrap() as usize), Expected::Total)
        }
    }
}

#[test]
fn random_histories_in_memory_are_those_of_the_model() {
    random_histories_are_those_of_the_model::<InMemory>();
}

#[test]
fn random_histories_on_one_server_are_those_of_the_model() {
    random_histories_are_those_of_the_model::<NatsServer>();
}

#[test]
fn random_histories_stored_in_groups_are_those_of_the_model() {
    random_histories_are_those_of_the_model::<Durable>();
}

#[test]
fn random_histories_on_three_nodes_are_those_of_the_model() {
    random_histories_are_those_of_the_model::<NatsCluster>();
}

fn random_histories_are_those_of_the_model<N: Ground>() {
    let seconds = std::env::var("ALLUVIUM_MODEL_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(SECONDS);
    let until = Instant::now() + Duration::from_secs(seconds);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let system = std::cell::RefCell::new(runtime.block_on(System::<N>::new()));
    let config = Config { cases: 1, max_shrink_iters: SHRINKS_MAX, failure_persistence: None, ..Config::default() };
    let mut found = Ok(());
    while found.is_ok() && (Instant::now() < until || system.borrow().commands < COMMANDS_MIN) {
        // A runner of its own for each: one that has had its case runs no other.
        found = TestRunner::new(config.clone())
            .run(&prop::collection::vec(step(), 1..40), |steps| runtime.block_on(system.borrow_mut().history(&steps)));
    }
    let mut system = system.into_inner();
    let running = system.running.take();
    let snapshots = runtime.block_on(async {
        if let Some(running) = running {
            running.stop().await;
        }
        let mut stream = system.world.js.get_stream(SNAPSHOTS).await.unwrap();
        stream.info().await.unwrap().state.last_sequence
    });
    println!(
        "{} histories, {} commands, {snapshots} snapshots, {} crashes of the worker, {} kills of the server",
        system.histories, system.commands, system.crashes, system.kills
    );
    found.unwrap();
    assert!(snapshots > 0, "no snapshot was written");
    assert!(system.crashes > 0, "too few to say anything");
}

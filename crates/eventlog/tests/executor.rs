//! Commands decided on a real server.
#![allow(clippy::unwrap_used, clippy::default_trait_access, reason = "a test may panic")]

mod play;

use std::sync::atomic::Ordering;

use alluvium_eventlog::{AggregateStore, DryVerdict, OutcomePublisher};
use alluvium_kernel::{Actor, Outcome, Position, Verdict, header};
use async_nats::HeaderMap;
use cqrs_es::{CqrsFramework, EventStore};
use futures::StreamExt;
use play::*;

#[tokio::test]
async fn a_command_becomes_an_event_and_an_outcome() {
    let world = World::new().await;
    let running = world.execute(world.js.clone(), "a");
    let client = world.client().await;
    let first = accepted(&client.send(&add("one", "c", 2), WAIT).await.unwrap());
    let second = accepted(&client.send(&add("two", "c", 3), WAIT).await.unwrap());
    assert_eq!((first.0, first.1["total"].as_i64()), (1, Some(2)));
    assert_eq!((second.0, second.1["total"].as_i64()), (2, Some(5)));
    let rejected = client.send(&add("three", "c", 0), WAIT).await.unwrap();
    assert_eq!(code(&rejected), "play.nothing");
    let outcomes = OutcomePublisher::new(world.js.clone());
    assert_eq!(outcomes.find(&token("default"), "three").await.unwrap(), Some(rejected));
    running.stop().await;
    let messages = world.read("EV_PLAY").await;
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0].header(header::TYPES), Some("Added"));
}

#[tokio::test]
async fn an_id_is_carried_out_once_and_belongs_to_one_body() {
    let world = World::new().await;
    let running = world.execute(world.js.clone(), "a");
    let client = world.client().await;
    let first = client.send(&add("same", "c", 1), WAIT).await.unwrap();
    assert_eq!(client.send(&add("same", "c", 1), WAIT).await.unwrap(), first);
    let other = client.send(&add("same", "c", 2), WAIT).await.unwrap_err();
    assert_eq!((other.code.as_str(), other.status), ("command.id_reused", 409));
    running.stop().await;

    // The stream's own memory of ids gone, as after two minutes: `out.` and the aggregate still know.
    let stream = world.js.get_stream("CMD").await.unwrap();
    world.js.delete_stream("CMD").await.unwrap();
    world.js.create_stream(stream.cached_info().config.clone()).await.unwrap();
    let running = world.execute(world.js.clone(), "b");
    assert_eq!(client.send(&add("same", "c", 1), WAIT).await.unwrap(), first);
    let other = client.send(&add("same", "c", 2), WAIT).await.unwrap_err();
    assert_eq!(other.code, "command.id_reused");

    world.js.delete_stream("CMD").await.unwrap();
    world.js.create_stream(stream.cached_info().config.clone()).await.unwrap();
    let mut replies = world.js.client().subscribe("_INBOX.other").await.unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(header::MESSAGE_ID, "same");
    headers.insert(header::REPLY, "_INBOX.other");
    let body = r#"{"counter":"c","by":9}"#;
    running.stop().await;
    let running = world.execute(world.js.clone(), "c");
    world.js.publish_with_headers("cmd.default.play.Add", headers, body.into()).await.unwrap().await.unwrap();
    let reply: Outcome = serde_json::from_slice(&replies.next().await.unwrap().payload).unwrap();
    assert_eq!(code(&reply), "command.id_reused");
    assert_eq!(world.read("EV_PLAY").await.len(), 1);
    assert_eq!(OutcomePublisher::new(world.js.clone()).find(&token("default"), "same").await.unwrap(), Some(first));
    running.stop().await;
}

#[tokio::test]
async fn what_was_taken_for_new_and_is_not_is_decided_on_what_the_log_has() {
    let world = World::new().await;
    let client = world.client().await;
    let note = |id: &str, by| {
        let command = Command::Move(Move { from: "c".into(), ledger: "l".into(), by });
        request(id, command)
    };
    // A new executor knows nothing of the ledger and takes it for new each time.
    for round in 1..=3 {
        let running = world.execute(world.js.clone(), "a");
        accepted(&client.send(&add(&format!("add-{round}"), "c", 2), WAIT).await.unwrap());
        let moved = accepted(&client.send(&note(&format!("move-{round}"), 1), WAIT).await.unwrap());
        assert_eq!(moved.1["lines"], round, "{moved:?}");
        let refused = client.send(&note(&format!("too-many-{round}"), 100), WAIT).await.unwrap();
        assert_eq!(code(&refused), "play.too_few");
        running.stop().await;
    }
    let ledger = world.log().load::<Ledger>(&token("default"), &token("l")).await.unwrap();
    assert_eq!(ledger.state.lines.len(), 3);
}

#[tokio::test]
async fn a_rejection_stays_a_rejection() {
    let world = World::new().await;
    let running = world.execute(world.js.clone(), "a");
    let client = world.client().await;
    let take = |id: &str| {
        let command = Command::Move(Move { from: "c".into(), ledger: "l".into(), by: 5 });
        request(id, command)
    };
    let rejected = client.send(&take("early"), WAIT).await.unwrap();
    assert_eq!(code(&rejected), "play.too_few");
    accepted(&client.send(&add("fill", "c", 5), WAIT).await.unwrap());
    running.stop().await;
    let stream = world.js.get_stream("CMD").await.unwrap();
    world.js.delete_stream("CMD").await.unwrap();
    world.js.create_stream(stream.cached_info().config.clone()).await.unwrap();
    let running = world.execute(world.js.clone(), "b");
    assert_eq!(client.send(&take("early"), WAIT).await.unwrap(), rejected);
    let (seq, result) = accepted(&client.send(&take("late"), WAIT).await.unwrap());
    assert_eq!(result["lines"], 1, "the refused one left no line");
    running.stop().await;
    let messages = world.read("EV_PLAY").await;
    assert_eq!(messages.len(), 3, "one commit on each of two subjects, atomically");
    assert_eq!(seq, messages[2].seq, "the position shows both");
}

#[tokio::test]
async fn a_dry_run_appends_nothing() {
    let world = World::new().await;
    let running = world.execute(world.js.clone(), "a");
    let client = world.client().await;
    let dry = client.dry_run(&add("dry", "c", 4), WAIT).await.unwrap();
    let DryVerdict::Accepted { events, result } = dry.verdict else { panic!("{dry:?}") };
    assert_eq!((events.len(), events[0].r#type.as_str(), &events[0].event["by"]), (1, "Added", &4.into()));
    assert_eq!(result["total"], 4);
    let dry = client.dry_run(&add("dry2", "c", 0), WAIT).await.unwrap();
    assert!(matches!(dry.verdict, DryVerdict::Rejected { problem } if problem.code == "play.nothing"));
    assert!(world.read("EV_PLAY").await.is_empty());
    assert!(world.read("OUT").await.is_empty());
    assert_eq!(accepted(&client.send(&add("wet", "c", 1), WAIT).await.unwrap()).1["total"], 1);
    running.stop().await;
}

#[tokio::test]
async fn only_a_good_signature_speaks_for_somebody() {
    let world = World::new().await;
    let running = world.execute(world.js.clone(), "a");
    let client = world.client().await;
    let mut denied = add("denied", "c", 1);
    denied.actor = Actor::Key("nobody".into());
    assert_eq!(code(&client.send(&denied, WAIT).await.unwrap()), "access.denied");

    let mut subscription = world.js.client().subscribe("out.>").await.unwrap();
    let body = r#"{"counter":"c","by":1}"#;
    let mut forged = HeaderMap::new();
    forged.insert(header::MESSAGE_ID, "forged");
    forged.insert(header::ACTOR, "admin");
    forged.insert(header::TIME, "1");
    forged.insert(header::SIGNATURE, "00");
    world.js.publish_with_headers("cmd.default.play.Add", forged, body.into()).await.unwrap().await.unwrap();
    let outcome: Outcome = serde_json::from_slice(&subscription.next().await.unwrap().payload).unwrap();
    assert_eq!(code(&outcome), "command.bad_signature");

    // Unsigned and without id, as from the nats CLI; a claimed actor counts for nothing.
    let mut claimed = HeaderMap::new();
    claimed.insert(header::ACTOR, "admin");
    world.js.publish_with_headers("cmd.default.play.Add", claimed, body.into()).await.unwrap().await.unwrap();
    let outcome: Outcome = serde_json::from_slice(&subscription.next().await.unwrap().payload).unwrap();
    accepted(&outcome);
    assert!(outcome.command_id.starts_with("CMD:"));
    let commit = &world.read("EV_PLAY").await[0];
    let commit = <alluvium_messaging::Commit as alluvium_messaging::Contract>::from_avro(&commit.payload).unwrap();
    assert_eq!(commit.entries[0].actor, "nats:default");
    for (subject, body, expected) in [
        ("cmd.default.play.Nonsense", "{}", "command.unknown"),
        ("cmd.default.play.Add", "{\"counter\":1}", "command.malformed"),
        ("cmd.default.play.Add", "hello", "command.malformed"),
        ("cmd.default.play.Add", "", "command.malformed"),
    ] {
        world.js.publish(subject, body.into()).await.unwrap().await.unwrap();
        let outcome: Outcome = serde_json::from_slice(&subscription.next().await.unwrap().payload).unwrap();
        assert_eq!(code(&outcome), expected, "{subject} {body}");
    }
    running.stop().await;
}

#[tokio::test]
async fn a_panic_puts_aside_one_command_only() {
    let world = World::new().await;
    let client = world.client().await;
    // Sent before anybody decides, so that they are decided together.
    let sends = ["a", "b", "c"].map(|id| {
        let client = client.clone();
        let command = match id {
            "b" => request(id, Command::Burst(Burst { counter: "c".into() })),
            id => add(id, "c", 1),
        };
        tokio::spawn(async move { client.send(&command, WAIT).await.unwrap() })
    });
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let running = world.execute(world.js.clone(), "a");
    let [a, b, c] = sends;
    accepted(&a.await.unwrap());
    assert_eq!(code(&b.await.unwrap()), "platform.internal");
    accepted(&c.await.unwrap());
    let letters = world.read("DLQ").await;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].header(header::REASON_CODE), Some("platform.internal"));
    running.stop().await;
}

#[tokio::test]
async fn a_busy_context_puts_commands_off() {
    let world = World::new().await;
    let running = world.execute(world.js.clone(), "a");
    let client = world.client().await;
    world.context.busy.store(true, Ordering::Relaxed);
    let short = std::time::Duration::from_millis(400);
    let problem = client.send(&add("later", "c", 1), short).await.unwrap_err();
    assert_eq!((problem.code.as_str(), problem.status), ("command.timeout", 503));
    assert!(problem.detail.contains("later"));
    world.context.busy.store(false, Ordering::Relaxed);
    assert_eq!(accepted(&client.send(&add("later", "c", 1), WAIT).await.unwrap()).1["total"], 1);
    running.stop().await;
}

#[tokio::test]
async fn a_settlement_tells_the_outcome_once() {
    let world = World::new().await;
    let running = world.execute(world.js.clone(), "a");
    let client = world.client().await;
    let ask = request("ask", Command::Ask(Ask { counter: "c".into() }));
    let waiting = {
        let (client, ask) = (client.clone(), ask.clone());
        tokio::spawn(async move { client.send(&ask, WAIT).await.unwrap() })
    };
    while world.js.get_stream("EV_PLAY").await.unwrap().cached_info().state.messages == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(world.read("OUT").await.is_empty());
    let settled = |result: i64| Outcome {
        command_id: "ask".into(),
        command: "play.Ask".into(),
        body_hash: alluvium_kernel::body_hash("cmd.default.play.Ask", &ask.payload),
        verdict: Verdict::Accepted { position: Position::of("EV_PLAY", 1), events: vec![], result: result.into() },
    };
    let fold = OutcomePublisher::new(world.js.clone());
    assert_eq!(fold.publish(&token("default"), &settled(1)).await.unwrap().into_owned(), settled(1));
    assert_eq!(
        fold.publish(&token("default"), &settled(2)).await.unwrap().into_owned(),
        settled(1),
        "the first one stays"
    );
    assert_eq!(waiting.await.unwrap(), settled(1));
    running.stop().await;
}

#[tokio::test]
async fn commands_on_one_aggregate_share_commits_and_keep_the_chain() {
    let world = World::new().await;
    let client = world.client().await;
    let sends: Vec<_> = (0..300)
        .map(|n| {
            let client = client.clone();
            tokio::spawn(async move { client.send(&add(&format!("n{n}"), "hot", 1), WAIT).await.unwrap() })
        })
        .collect();
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let running = world.execute(world.js.clone(), "a");
    let mut totals = Vec::new();
    for send in sends {
        totals.push(accepted(&send.await.unwrap()).1["total"].as_i64().unwrap());
    }
    totals.sort_unstable();
    assert_eq!(totals, (1..=300).collect::<Vec<_>>(), "each saw what those before it did");
    running.stop().await;
    let commits = world.read("EV_PLAY").await;
    assert!(commits.len() < 100, "{} commits", commits.len());
    let stored = world.log().load::<Counter>(&token("default"), &token("hot")).await.unwrap();
    assert_eq!((stored.state.total, stored.events), (300, 300));
}

#[tokio::test]
async fn the_framework_of_cqrs_es_works_on_it() {
    let world = World::new().await;
    let store = || AggregateStore::<Counter>::new(world.log(), token("default"));
    let framework = CqrsFramework::new(store(), vec![], ());
    framework.execute("c", CounterCommand::Add(3)).await.unwrap();
    framework.execute("c", CounterCommand::Remove(1)).await.unwrap();
    assert!(framework.execute("c", CounterCommand::Remove(9)).await.is_err());
    let events = store().load_events("c").await.unwrap();
    assert_eq!(events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2]);

    // Two writers from the same state: one wins, the other is told.
    let (one, two) = (store(), store());
    let (ours, theirs) = (one.load_aggregate("c").await.unwrap(), two.load_aggregate("c").await.unwrap());
    let event = || vec![CounterEvent::Added(Added { by: 1 })];
    one.commit(event(), ours, Default::default()).await.unwrap();
    let lost = two.commit(event(), theirs, Default::default()).await;
    assert!(matches!(lost, Err(cqrs_es::AggregateError::AggregateConflict)), "{lost:?}");
    assert_eq!(world.read("EV_PLAY").await.len(), 3);
}

#[tokio::test]
async fn a_decision_on_a_stale_state_is_made_again() {
    let world = World::new().await;
    let running = world.execute(world.js.clone(), "a");
    let client = world.client().await;
    accepted(&client.send(&add("fill", "c", 5), WAIT).await.unwrap());
    let take = |id: &str, by| request(id, Command::Move(Move { from: "c".into(), ledger: "l".into(), by }));
    accepted(&client.send(&take("warm", 1), WAIT).await.unwrap());
    // Behind the executor's back, 3 of 4 are taken.
    let framework = CqrsFramework::new(AggregateStore::<Counter>::new(world.log(), token("default")), vec![], ());
    framework.execute("c", CounterCommand::Remove(3)).await.unwrap();
    let problem = client.send(&take("too much", 2), WAIT).await.unwrap_err();
    assert_eq!(problem.code, "command.bad_id", "a blank is no part of an id");
    let rejected = client.send(&take("too-much", 2), WAIT).await.unwrap();
    assert_eq!(code(&rejected), "play.too_few");
    let (_, result) = accepted(&client.send(&take("right", 1), WAIT).await.unwrap());
    assert_eq!(result["lines"], 2);
    running.stop().await;
    assert_eq!(world.read("EV_PLAY").await.len(), 6, "nothing of the refused ones, on either subject");
}

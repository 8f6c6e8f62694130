//! Three nodes hold the log (R3): one may be killed or cut off at any time, and two deciders never both win.
#![allow(clippy::unwrap_used, clippy::default_trait_access, reason = "a test may panic")]

mod play;

use std::time::{Duration, Instant};

use alluvium_testing::NatsCluster;
use play::*;

/// How long a command may take from its sending to its outcome while the cluster elects leaders.
const OUTCOME_WAIT: Duration = Duration::from_secs(90);

fn send_all(
    client: &alluvium_eventlog::CommandClient,
    commands: usize,
    counters: usize,
) -> Vec<tokio::task::JoinHandle<alluvium_kernel::Outcome>> {
    (0..commands)
        .map(|n| {
            let client = client.clone();
            let request = add(&format!("k{n}"), &format!("c{}", n % counters), 1);
            tokio::spawn(async move {
                // An outcome that is not known yet is asked for again under the same id, as clients do.
                let began = Instant::now();
                loop {
                    match client.send(&request, OUTCOME_WAIT).await {
                        Ok(outcome) => return outcome,
                        Err(problem) => assert!(began.elapsed() < OUTCOME_WAIT, "{problem}"),
                    }
                }
            })
        })
        .collect()
}

/// Every command once on the log, every counter the sum of what was added.
async fn check(world: &World<NatsCluster>, commands: usize, counters: usize) {
    let events = carried_out(world).await;
    assert_eq!(events.len(), commands);
    assert!(events.values().all(|events| *events == 1));
    for counter in 0..counters {
        let id = token(&format!("c{counter}"));
        let stored = world.log().load_fresh::<Counter>(&token("default"), &id).await.unwrap();
        assert_eq!(stored.state.total as usize, commands / counters);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_leaders_lose_and_double_nothing() {
    const COMMANDS: usize = 1_200;
    const COUNTERS: usize = 40;
    let mut world = World::replicated().await;
    let running = world.execute(connection(&world.nats).await, "a");
    let client = world.client().await;
    let sends = send_all(&client, COMMANDS, COUNTERS);
    for stream in ["EV_PLAY", "CMD"] {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let leader = world.nats.leader_of(stream).await;
        world.nats.kill(leader);
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.nats.restart(leader).await;
        world.nats.wait_current(&["CMD", "OUT", "EV_PLAY"]).await;
    }
    for send in sends {
        accepted(&send.await.unwrap());
    }
    running.stop().await;
    check(&world, COMMANDS, COUNTERS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_deciders_of_one_aggregate_never_both_win_while_a_node_is_cut_off() {
    const COMMANDS: usize = 600;
    const COUNTERS: usize = 3;
    let mut world = World::replicated().await;
    // Under one name both hold the lease: it saves work, the expectation on the subject keeps the log right.
    let first = world.execute(connection(&world.nats).await, "same");
    let second = world.execute(connection(&world.nats).await, "same");
    let client = world.client().await;
    let sends = send_all(&client, COMMANDS, COUNTERS);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let cut_off = world.nats.leader_of("EV_PLAY").await;
    world.nats.pause(cut_off);
    tokio::time::sleep(Duration::from_secs(8)).await;
    world.nats.resume(cut_off);
    for send in sends {
        accepted(&send.await.unwrap());
    }
    first.stop().await;
    second.stop().await;
    world.nats.wait_current(&["CMD", "OUT", "EV_PLAY"]).await;
    check(&world, COMMANDS, COUNTERS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_decided_on_what_the_leader_has() {
    let world = World::replicated().await;
    let client = world.client().await;
    let take = |id: &str, by| request(id, Command::Move(Move { from: "c".into(), ledger: "l".into(), by }));
    // Two executors know the counter; each command is decided by either, so each is stale after the other's turn. A refusal
    // on what a copy has that is behind would come out here: what is asked for is always there.
    let first = world.execute(connection(&world.nats).await, "same");
    let second = world.execute(connection(&world.nats).await, "same");
    for round in 0..40 {
        accepted(&client.send(&add(&format!("add-{round}"), "c", 2), WAIT).await.unwrap());
        accepted(&client.send(&take(&format!("take-{round}"), 2), WAIT).await.unwrap());
        let refused = client.send(&take(&format!("more-{round}"), 1), WAIT).await.unwrap();
        assert_eq!(code(&refused), "play.too_few");
    }
    first.stop().await;
    second.stop().await;
}

//! Inbox and outbox, on real servers.
#![cfg(all(feature = "postgres", feature = "testing"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use alluvium_messaging::{
    Bus, CancellationToken, HandlerError, Loop, Message,
    inbox::{self, Seen},
    outbox::{Outbox, OutboxRelay},
};
use alluvium_testing::{NatsServer, Postgres};
use serde::{Deserialize, Serialize};
use sqlx::{PgPool, Row};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(topic = "payments", group = "ledger", key = "account", namespace = "com.example.bank")]
struct Payment {
    account: String,
    cents: i64,
}

async fn servers() -> (NatsServer, Arc<Postgres>, Bus, PgPool) {
    let nats = NatsServer::start().await;
    let bus = Bus::builder().nats(nats.url()).name("test").build().await.unwrap();
    bus.ensure::<Payment>().await.unwrap();
    let postgres = Postgres::shared().await;
    let pool = PgPool::connect(&postgres.database().await).await.unwrap();
    inbox::migrate(&pool).await.unwrap();
    inbox::migrate(&pool).await.unwrap();
    (nats, postgres, bus, pool)
}

async fn count(pool: &PgPool, query: &'static str) -> i64 {
    sqlx::query(query).fetch_one(pool).await.unwrap().get(0)
}

#[tokio::test]
async fn what_a_transaction_wrote_is_published_once_and_what_it_took_back_is_not() {
    let (nats, _postgres, bus, pool) = servers().await;
    let outbox = Outbox::new(&bus);
    let payment = |cents| Payment { account: "a".into(), cents };
    let mut taken_back = pool.begin().await.unwrap();
    outbox.add(&mut taken_back, &payment(0)).await.unwrap();
    taken_back.rollback().await.unwrap();
    let stop = CancellationToken::new();
    let relays: Vec<_> =
        (0..2).map(|_| tokio::spawn(OutboxRelay::new(&bus, pool.clone(), "bank").run(stop.clone()))).collect();
    for cents in 1..=50 {
        let mut tx = pool.begin().await.unwrap();
        outbox.add(&mut tx, &payment(cents)).await.unwrap();
        tx.commit().await.unwrap();
    }
    let began = Instant::now();
    while count(&pool, "SELECT count(*) FROM messaging_outbox WHERE published_at IS NULL").await > 0 {
        assert!(began.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.cancel();
    for relay in relays {
        relay.await.unwrap();
    }
    assert_eq!(bus.admin().describe("PAYMENTS".into()).await.unwrap().messages, Some(50));
    // Delivered twice, for whatever reason, each has its effect once.
    sqlx::query("CREATE TABLE balance (cents bigint NOT NULL)").execute(&pool).await.unwrap();
    for round in 0..2 {
        let (end, database) = (CancellationToken::new(), pool.clone());
        let stop = end.clone();
        let handler = move |context: alluvium_messaging::Context, payment: Payment| {
            let (end, database) = (end.clone(), database.clone());
            async move {
                let mut tx = database.begin().await?;
                if context.inbox(&mut tx).await? == Seen::First {
                    sqlx::query("INSERT INTO balance VALUES ($1)").bind(payment.cents).execute(&mut *tx).await?;
                }
                tx.commit().await?;
                if payment.cents == 50 {
                    end.cancel();
                }
                Ok::<_, HandlerError>(())
            }
        };
        let reading = Loop::<Payment>::new(&bus).group("ledger");
        tokio::time::timeout(Duration::from_secs(20), reading.run(handler, stop)).await.unwrap().unwrap();
        assert_eq!(count(&pool, "SELECT sum(cents)::bigint FROM balance").await, 1_275, "round {round}");
        let js = alluvium_messaging::connect::jetstream(nats.connect().await);
        js.delete_consumer_from_stream("ledger", "PAYMENTS").await.unwrap();
    }
    assert_eq!(inbox::forget(&pool, Duration::from_hours(1)).await.unwrap(), 0);
    assert_eq!(inbox::forget(&pool, Duration::ZERO).await.unwrap(), 50);
}

#[tokio::test]
async fn a_place_only_moves_forward() {
    let (_nats, _postgres, _bus, pool) = servers().await;
    let mut tx = pool.begin().await.unwrap();
    for (position, seen) in [(5, Seen::First), (5, Seen::Duplicate), (4, Seen::Duplicate), (6, Seen::First)] {
        assert_eq!(inbox::advance(&mut tx, "ledger", "payments/0", position).await.unwrap(), seen, "{position}");
    }
}

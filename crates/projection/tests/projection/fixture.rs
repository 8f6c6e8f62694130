//! A small projection on real servers: items by id, each event adding to a value.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use alluvium_kernel::{BoxFuture, Position, Problem};
use alluvium_projection::{
    ApplyError, Freshness, Health, LogMessage, Order, PgProjection, Projections, Remedy, Settings, State, migrations,
};
use alluvium_testing::{NatsServer, Postgres};
use async_nats::jetstream;
use sqlx::migrate::Migrator;
use sqlx::{PgConnection, PgPool};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub const STREAM: &str = "DEMO";
/// A number from this on may come once; the database says so at the commit only.
pub const ONCE: i64 = 1_000_000;

static MIGRATOR: LazyLock<Migrator> = LazyLock::new(|| {
    migrations(&[(
        1,
        "items",
        "CREATE TABLE item (id text PRIMARY KEY, total bigint NOT NULL CHECK (total >= 0), events bigint NOT NULL, facts json); \
         CREATE TABLE seen (seq bigint PRIMARY KEY); \
         CREATE TABLE once (number bigint UNIQUE DEFERRABLE INITIALLY DEFERRED)",
    )])
});

/// Payload `<id> <number>`, or `<id> poison`, or `<id> panic`.
pub struct Items;

impl PgProjection for Items {
    fn name(&self) -> &'static str {
        "items"
    }
    fn stream(&self) -> &'static str {
        STREAM
    }
    fn subjects(&self) -> Vec<String> {
        vec!["demo.item.>".into()]
    }
    fn schema(&self) -> &'static str {
        "items"
    }
    fn migrator(&self) -> &'static Migrator {
        &MIGRATOR
    }
    fn apply<'a>(&'a self, tx: &'a mut PgConnection, batch: &'a [LogMessage]) -> BoxFuture<'a, Result<(), ApplyError>> {
        Box::pin(async move {
            for message in batch {
                let text = String::from_utf8_lossy(&message.payload).into_owned();
                let (id, number) = text.split_once(' ').unwrap_or((&text, "poison"));
                assert_ne!(number, "panic", "a fold with a bug");
                let number: i64 =
                    number.parse().map_err(|_| ApplyError::poison(message, "demo.not_a_number", "not a number"))?;
                sqlx::query(
                    "INSERT INTO item AS i VALUES ($1, $2, 1, '{\"a\": 1}') \
                     ON CONFLICT (id) DO UPDATE SET total = i.total + excluded.total, events = i.events + 1",
                )
                .bind(id)
                .bind(number)
                .execute(&mut *tx)
                .await?;
                if number >= ONCE {
                    sqlx::query("INSERT INTO once VALUES ($1)").bind(number).execute(&mut *tx).await?;
                }
                sqlx::query("INSERT INTO seen VALUES ($1)").bind(message.seq as i64).execute(&mut *tx).await?;
            }
            Ok(())
        })
    }
}

pub struct World {
    pub nats: NatsServer,
    pub url: String,
    pub pool: PgPool,
    pub js: jetstream::Context,
    pub freshness: Freshness,
    pub projections: Projections,
    stop: CancellationToken,
    running: Option<JoinHandle<()>>,
    /// The shared server stops when its last user drops it.
    postgres: Option<Arc<Postgres>>,
}

impl World {
    /// On the Postgres that tests share.
    pub async fn start() -> Self {
        let postgres = Postgres::shared().await;
        let mut world = Self::on(&postgres).await;
        world.postgres = Some(postgres);
        world
    }

    pub async fn on(postgres: &Postgres) -> Self {
        let nats = NatsServer::start().await;
        let js = jetstream::new(nats.connect().await);
        make_stream(&js).await;
        let url = postgres.database().await;
        let pool = PgPool::connect(&url).await.unwrap();
        let freshness = Freshness::default();
        let settings = Settings { pool: pool.clone(), js: js.clone(), freshness: freshness.clone() };
        let projections = Projections::open(settings, vec![Arc::new(Items)]).await.unwrap();
        let mut world = Self {
            nats,
            url,
            pool,
            js,
            freshness,
            projections,
            stop: CancellationToken::new(),
            running: None,
            postgres: None,
        };
        world.run();
        world
    }

    pub fn run(&mut self) {
        self.stop = CancellationToken::new();
        let (projections, stop) = (self.projections.clone(), self.stop.clone());
        self.running = Some(tokio::spawn(async move { projections.run(stop).await }));
    }

    pub async fn halt(&mut self) {
        self.stop.cancel();
        if let Some(running) = self.running.take() {
            running.await.unwrap();
        }
    }

    /// Takes the runner away without telling it.
    pub fn abort(&mut self) {
        self.running.take().unwrap().abort();
    }

    pub async fn until_ready(&self) -> Health {
        self.until_health(Health::is_ready).await
    }

    pub async fn until_not_ready(&self) -> Health {
        self.until_health(|health| !health.is_ready()).await
    }

    async fn until_health(&self, holds: impl Fn(&Health) -> bool) -> Health {
        for _ in 0..300 {
            let health = self.health().await;
            if holds(&health) {
                return health;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("never: {:?}", self.health().await);
    }

    /// Publishes one event of an item and gives its sequence.
    pub async fn event(&self, id: &str, what: impl std::fmt::Display) -> u64 {
        publish(&self.js, &format!("demo.item.{id}"), &format!("{id} {what}")).await
    }

    pub async fn applied(&self, seq: u64) {
        let waited = self.freshness.wait(&Position::of(STREAM, seq), &["items"], Duration::from_secs(20)).await;
        if let Err(problem) = waited {
            panic!("{problem}; {:?}", self.health().await);
        }
    }

    /// Total and number of events of an item, as reads see them.
    pub async fn item(&self, id: &str) -> Option<(i64, i64)> {
        let schema = self.projections.active("items").unwrap().current();
        let query = schema.sql("SELECT total, events FROM {schema}.item WHERE id = $1");
        sqlx::query_as(query).bind(id).fetch_optional(&self.pool).await.unwrap()
    }

    pub async fn sums(&self) -> (i64, i64, i64) {
        let schema = self.projections.active("items").unwrap().current();
        let query = schema.sql(
            "SELECT coalesce(sum(total), 0)::bigint, coalesce(sum(events), 0)::bigint, (SELECT count(*) FROM {schema}.seen) \
             FROM {schema}.item",
        );
        sqlx::query_as(query).fetch_one(&self.pool).await.unwrap()
    }

    /// Tries the key again, or gives its first event up.
    pub async fn remedy(&self, key: &str, give_up: Option<u64>, position: &str) -> Result<Remedy, Problem> {
        self.projections.remedy("items", &Order { key: key.into(), give_up, position: position.into() }).await
    }

    /// The log says that an event is given up.
    pub async fn obey(&self, key: &str, seq: u64, position: &str) {
        let order = Order { key: key.into(), give_up: Some(seq), position: position.into() };
        self.projections.obey("items", &order).await.unwrap();
    }

    pub async fn health(&self) -> Health {
        self.projections.health().await.remove(0)
    }

    pub async fn until(&self, state: State) -> Health {
        for _ in 0..300 {
            let health = self.health().await;
            if health.state == state {
                return health;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("never {state:?}: {:?}", self.health().await);
    }
}

pub async fn make_stream(js: &jetstream::Context) {
    let config = jetstream::stream::Config {
        name: STREAM.into(),
        subjects: vec!["demo.>".into()],
        allow_direct: true,
        ..Default::default()
    };
    js.create_stream(config).await.unwrap();
}

pub async fn publish(js: &jetstream::Context, subject: &str, payload: &str) -> u64 {
    js.publish(subject.to_owned(), payload.to_owned().into()).await.unwrap().await.unwrap().sequence
}

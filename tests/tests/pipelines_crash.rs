//! Pipelines through processes that die: every row that was taken is there once, and every table and view is what all rows make it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use alluvium_blackbox::World;
use alluvium_blackbox::pipelines::{Bag, PipelineClient, bag, files, texts};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

/// Rounds of killing.
const ROUNDS: u32 = 7;
/// The longest that a process lives in a round.
const LIFE_MAX: Duration = Duration::from_millis(900);
/// Shops that rows are of.
const SHOPS: u64 = 7;

const PROGRAM: &str = "
CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, shop VARCHAR, cents BIGINT);
CREATE TABLE visits (n BIGINT, shop VARCHAR) WITH ('materialized' = 'true');
CREATE MATERIALIZED VIEW totals AS SELECT shop, SUM(cents) AS cents, COUNT(*) AS orders FROM orders GROUP BY shop;
CREATE MATERIALIZED VIEW seen AS SELECT o.id, v.n FROM orders o JOIN visits v ON o.shop = v.shop;
CREATE MATERIALIZED VIEW best AS SELECT cents, id, shop FROM
    (SELECT *, ROW_NUMBER() OVER (PARTITION BY shop ORDER BY cents DESC, id) AS place FROM orders) WHERE place <= 3;
CREATE VIEW busy AS SELECT COUNT(*) AS n FROM visits;
";

/// The same views over the rows that should be there, by another engine; columns in the order of their names.
const VIEWS: [(&str, &str); 4] = [
    ("totals", "SELECT sum(cents)::VARCHAR, count(*)::VARCHAR, shop FROM orders GROUP BY shop"),
    ("seen", "SELECT o.id, v.n FROM orders o JOIN visits v ON o.shop = v.shop"),
    (
        "best",
        "SELECT cents, id, shop FROM orders QUALIFY row_number() OVER (PARTITION BY shop ORDER BY cents DESC, id) <= 3",
    ),
    ("busy", "SELECT count(*) FROM visits"),
];

/// Numbers that differ each time and are the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// What should be there: all that was taken, in its order.
#[derive(Default)]
struct Model {
    orders: BTreeMap<u64, (u64, i64)>,
    visits: Vec<(u64, u64)>,
}

impl Model {
    /// One request of changes of `orders`, as its body.
    fn orders(&mut self, dice: &mut Dice) -> String {
        let mut body = String::new();
        for _ in 0..=dice.below(40) {
            let (id, shop, cents) = (dice.below(300), dice.below(SHOPS), dice.below(1_000) as i64 - 100);
            match dice.below(5) {
                0 => {
                    self.orders.remove(&id);
                    writeln!(body, "{{\"delete\":{{\"id\":{id}}}}}").expect("a text");
                }
                1 => {
                    if let Some(order) = self.orders.get_mut(&id) {
                        order.1 = cents;
                    }
                    writeln!(body, "{{\"update\":{{\"id\":{id},\"cents\":{cents}}}}}").expect("a text");
                }
                _ => {
                    self.orders.insert(id, (shop, cents));
                    writeln!(body, "{{\"insert\":{{\"id\":{id},\"shop\":\"s{shop}\",\"cents\":{cents}}}}}")
                        .expect("a text");
                }
            }
        }
        body
    }

    /// One request of changes of `visits`; those that go are there.
    fn visits(&mut self, dice: &mut Dice) -> String {
        let mut body = String::new();
        for _ in 0..=dice.below(8) {
            if dice.below(3) == 0 && !self.visits.is_empty() {
                let at = dice.below(self.visits.len() as u64) as usize;
                let (n, shop) = self.visits.swap_remove(at);
                writeln!(body, "{{\"delete\":{{\"n\":{n},\"shop\":\"s{shop}\"}}}}").expect("a text");
            } else {
                let visit = (dice.below(4), dice.below(SHOPS));
                self.visits.push(visit);
                writeln!(body, "{{\"insert\":{{\"n\":{},\"shop\":\"s{}\"}}}}", visit.0, visit.1).expect("a text");
            }
        }
        body
    }

    /// All tables and views, by name.
    fn relations(&self) -> BTreeMap<String, Bag> {
        let connection = duckdb::Connection::open_in_memory().expect("an engine");
        let mut sql = String::from(
            "CREATE TABLE orders (cents BIGINT, id BIGINT, shop VARCHAR); CREATE TABLE visits (n BIGINT, shop VARCHAR);",
        );
        for (id, (shop, cents)) in &self.orders {
            write!(sql, "INSERT INTO orders VALUES ({cents}, {id}, 's{shop}');").expect("a text");
        }
        for (n, shop) in &self.visits {
            write!(sql, "INSERT INTO visits VALUES ({n}, 's{shop}');").expect("a text");
        }
        connection.execute_batch(&sql).expect("rows");
        let tables = [("orders", "SELECT * FROM orders"), ("visits", "SELECT * FROM visits")];
        let all = tables.into_iter().chain(VIEWS);
        let mut bags: BTreeMap<_, _> = all.map(|(name, sql)| (name.to_owned(), bag(texts(&connection, sql)))).collect();
        bags.insert("error_view".to_owned(), Bag::new());
        bags
    }
}

/// The files are what they should be, each by its rows and by what its steps did.
fn assert_files(world: &World, expected: &BTreeMap<String, Bag>) {
    let found = files(world);
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (name, file) in &found {
        assert_eq!(file.rows, expected[name], "{name}");
        assert_eq!(file.journal, expected[name], "the steps of {name}");
    }
}

/// Sends requests of one table, one after the other, until told to end; gives what should be there and the tokens.
fn send(
    client: &PipelineClient,
    table: &'static str,
    seed: u64,
    ends: &Arc<AtomicBool>,
) -> tokio::task::JoinHandle<(Model, Vec<String>)> {
    let (client, ends) = (client.clone(), Arc::clone(ends));
    tokio::spawn(async move {
        let (mut model, mut dice, mut tokens) = (Model::default(), Dice(seed), Vec::new());
        while !ends.load(Ordering::Relaxed) {
            let rows = if table == "orders" { model.orders(&mut dice) } else { model.visits(&mut dice) };
            tokens.push(client.push(table, &Uuid::new_v4().to_string(), &rows).await);
        }
        (model, tokens)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_at_any_moment_leave_every_row_once_and_every_view_exact() {
    let mut world = World::start().await;
    let client = PipelineClient::new(&world, "p");
    client.create(PROGRAM, json!({})).await;
    client.start().await;
    let ends = Arc::new(AtomicBool::new(false));
    let orders = send(&client, "orders", 0x5eed, &ends);
    let visits = send(&client, "visits", 0xf00d, &ends);
    let mut dice = Dice(Uuid::new_v4().as_u64_pair().0 | 1);
    for round in 0..ROUNDS {
        tokio::time::sleep(LIFE_MAX / 100 * dice.below(100) as u32).await;
        world.alluvium.kill();
        world.alluvium.restart().await;
        // The log may be away while a pipeline begins, or works.
        if round % 3 == 1 {
            tokio::time::sleep(LIFE_MAX / 200 * dice.below(100) as u32).await;
            world.nats.kill();
            tokio::time::sleep(LIFE_MAX / 2).await;
            world.nats.restart().await;
        }
    }
    client.becomes("Running").await;
    ends.store(true, Ordering::Relaxed);
    let (orders, of_orders) = orders.await.expect("who sends orders ends");
    let (visits, of_visits) = visits.await.expect("who sends visits ends");
    println!("{} and {} requests", of_orders.len(), of_visits.len());
    // The last ones are late; all others, of whichever process, are as good as they.
    for tokens in [&of_orders, &of_visits] {
        client.complete(tokens.last().expect("something was sent")).await;
        for token in tokens {
            let told = client.must(Method::GET, &format!("/completion_status?token={token}"), None).await;
            assert_eq!(told["status"], "complete");
        }
    }
    let mut model = Model { visits: visits.visits, ..orders };
    let expected = model.relations();
    for (name, rows) in expected.iter().filter(|(name, _)| *name != "busy") {
        assert_eq!(client.query(&format!("SELECT * FROM {name}")).await, *rows, "{name}");
    }
    // One more step that changes all of them: then all files are at the same one.
    client.must(Method::POST, "/start_transaction", None).await;
    client.push("orders", "last", r#"{"insert":{"id":1000,"shop":"s7","cents":1}}"#).await;
    let token = client.push("visits", "last", r#"{"insert":{"n":9,"shop":"s7"}}"#).await;
    client.must(Method::POST, "/commit_transaction", None).await;
    client.complete(&token).await;
    model.orders.insert(1_000, (SHOPS, 1));
    model.visits.push((9, SHOPS));
    client.stop(false).await;
    world.alluvium.stop().await;
    let expected = model.relations();
    assert_files(&world, &expected);
    let found = files(&world);
    let changed = found.iter().filter(|(name, _)| *name != "error_view");
    let steps: BTreeSet<i64> = changed.map(|(_, file)| file.step).collect();
    assert_eq!(steps.len(), 1, "files at different steps: {steps:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stopped_killed_or_asked_twice_goes_on_where_it_was() {
    let mut world = World::start().await;
    let client = PipelineClient::new(&world, "p");
    client.create(PROGRAM, json!({})).await;
    client.start().await;
    let order = |id: u64, shop: &str| format!("{{\"insert\":{{\"id\":{id},\"shop\":\"{shop}\",\"cents\":{id}}}}}\n");
    let visit = |n: u64| format!("{{\"insert\":{{\"n\":{n},\"shop\":\"a\"}}}}\n");

    // A request of several messages that is sent again counts once, before and after a crash.
    let twice = format!("{}{}{}", visit(1), r#"{"delete":{"n":1,"shop":"a"}}"#, visit(1).repeat(3));
    let token = client.push("visits", "twice", &twice).await;
    assert_eq!(client.push("visits", "twice", &twice).await, token);
    client.complete(&token).await;
    let counts = client.must(Method::GET, "/stats", None).await["global_metrics"].clone();
    assert_eq!((&counts["total_input_records"], &counts["total_processed_records"]), (&json!(5), &json!(5)));
    client.complete(&client.push("orders", "twice", &order(1, "a")).await).await;
    world.alluvium.kill();
    world.alluvium.restart().await;
    client.becomes("Running").await;
    assert_eq!(client.push("visits", "twice", &twice).await, token);
    // Part of a request that was sent before, by its name.
    let longer = format!("{twice}{}", r#"{"delete":{"n":1,"shop":"a"}}"#);
    client.complete(&client.push("visits", "twice", &longer).await).await;
    assert_eq!(client.query("SELECT * FROM visits").await, bag(vec![vec!["1".into(), "a".into()]; 2]));

    // Stopped and started; killed while it stops.
    client.stop(false).await;
    client.start().await;
    client.complete(&client.push("orders", "two", &order(2, "a")).await).await;
    client.must(Method::POST, "/stop?force=false", None).await;
    world.alluvium.kill();
    world.alluvium.restart().await;
    client.becomes("Stopped").await;
    client.must(Method::GET, "", None).await;
    client.start().await;

    // A transaction that was open when the process died is open afterwards, and is one step.
    client.must(Method::POST, "/start_transaction", None).await;
    client.push("orders", "three", &order(3, "b")).await;
    client.push("orders", "four", &order(4, "b")).await;
    world.alluvium.kill();
    world.alluvium.restart().await;
    client.becomes("Running").await;
    let token = client.push("orders", "five", &order(5, "b")).await;
    client.until_stats(|stats| stats["global_metrics"]["transaction_status"] == "TransactionInProgress").await;
    let total = |rows: &[[&str; 3]]| bag(rows.iter().map(|row| row.iter().map(|text| (*text).to_owned()).collect()));
    assert_eq!(client.query("SELECT * FROM totals").await, total(&[["3", "2", "a"]]));
    client.must(Method::POST, "/commit_transaction", None).await;
    client.complete(&token).await;
    assert_eq!(client.query("SELECT * FROM totals").await, total(&[["3", "2", "a"], ["12", "3", "b"]]));
    client.stop(false).await;
    world.alluvium.stop().await;
    let found = files(&world);
    let steps = &found["orders"].steps;
    assert_eq!(steps.len(), 3, "the steps of the orders 1, 2, and 3 to 5: {steps:?}");
    assert_eq!(found["orders"].steps.last(), found["totals"].steps.last());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_fails_stops_the_pipeline_and_takes_nothing_away() {
    let world = World::start().await;
    let client = PipelineClient::new(&world, "p");
    let program = |quotient: &str| {
        format!(
            "CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, d BIGINT);
             CREATE MATERIALIZED VIEW v AS SELECT id, {quotient} AS q FROM t;"
        )
    };
    client.create(&program("100 / d"), json!({})).await;
    client.start().await;
    client.complete(&client.push("t", "good", r#"{"insert":{"id":1,"d":5}}"#).await).await;
    // Messages of one step: two before the one that fails, and one after.
    let bad = r#"{"insert":{"id":4,"d":10}} {"delete":{"id":9}} {"insert":{"id":2,"d":0}} {"delete":{"id":8}}"#;
    client.push("t", "bad", bad).await;
    let failed = |pipeline: &Value| {
        pipeline["deployment_status"] == "Stopped"
            && pipeline["deployment_error"]["error_code"] == "RuntimeError.WorkerPanic"
    };
    let pipeline = client.until(failed).await;
    assert_eq!(pipeline["storage_status"], "InUse");
    let error = &pipeline["deployment_error"];
    assert_eq!((&error["details"]["view"], &error["details"]["table"]), (&json!("v"), &json!("t")));
    assert!(error["details"]["message"].is_u64(), "{error}");
    // What fails, fails again and says so; it is dismissed by hand or by a start.
    client.must(Method::POST, "/dismiss_error", None).await;
    assert_eq!(client.must(Method::GET, "", None).await["deployment_error"], Value::Null);
    client.must(Method::POST, "/start", None).await;
    client.until(failed).await;
    // Another program takes in what the first could not.
    client.edit(&program("CASE WHEN d = 0 THEN -1 ELSE 100 / d END")).await;
    client.must(Method::POST, "/start?bootstrap_policy=allow", None).await;
    client.becomes("Running").await;
    client.complete(&client.push("t", "more", r#"{"insert":{"id":3,"d":4}}"#).await).await;
    let rows = [["1", "20"], ["2", "-1"], ["3", "25"], ["4", "10"]].map(|row| row.map(str::to_owned).to_vec());
    assert_eq!(client.query("SELECT * FROM v").await, bag(rows));

    // It stops before it takes more memory than it was given, says of what there is most, and goes on with more.
    let large = PipelineClient::new(&world, "large");
    let given = |megabytes: u64| json!({ "resources": { "memory_mb_max": megabytes } });
    large.create("CREATE TABLE texts (text VARCHAR) WITH ('materialized' = 'true');", given(1)).await;
    large.start().await;
    let text = "t".repeat(10_000);
    let body: String = (0..200).map(|n| format!("{{\"insert\":{{\"text\":\"{n}{text}\"}}}}\n")).collect();
    let token = large.push("texts", "texts", &body).await;
    let error = large.until(failed).await["deployment_error"].clone();
    assert!(error["message"].as_str().is_some_and(|text| text.contains("most by the table texts")), "{error}");
    large.must(Method::POST, "/dismiss_error", None).await;
    large.must(Method::PATCH, "", Some(&json!({ "runtime_config": given(100) }))).await;
    large.must(Method::POST, "/start", None).await;
    large.becomes("Running").await;
    large.complete(&token).await;
    let counts = large.must(Method::GET, "/stats", None).await["global_metrics"].clone();
    assert_eq!(large.query("SELECT COUNT(*) AS n FROM texts").await, bag([vec!["200".to_owned()]]));
    assert_eq!((&counts["pipeline_complete"], &counts["memory_pressure"]), (&json!(true), &json!("low")));
    assert_eq!(counts["total_completed_records"], counts["total_processed_records"]);
    assert!(counts["cpu_msecs"].as_u64().is_some_and(|millis| millis > 0), "{counts}");
}

#[tokio::test(flavor = "multi_thread")]
async fn time_and_lateness_go_on_where_they_were() {
    let mut world = World::start().await;
    let client = PipelineClient::new(&world, "p");
    let program = "
        CREATE TABLE e (id BIGINT, at TIMESTAMP LATENESS INTERVAL 10 SECONDS) WITH ('materialized' = 'true');
        CREATE MATERIALIZED VIEW recent AS SELECT id FROM e WHERE at >= NOW() - INTERVAL 60 SECONDS;";
    client.create(program, json!({ "dev_tweaks": { "now_http_driven": true } })).await;
    client.start().await;
    let advance = async |by_ms: u64| {
        let told = client.must(Method::POST, "/clock/advance", Some(&json!({ "delta_ms": by_ms }))).await;
        told["now_ms"].as_i64().expect("the time")
    };
    let began_ms = advance(0).await;
    let times = duckdb::Connection::open_in_memory().expect("an engine");
    let send = async |id: i64, seconds: i64| {
        let micros = (began_ms + seconds * 1_000) * 1_000;
        let at = texts(&times, &format!("SELECT strftime(make_timestamp({micros}), '%Y-%m-%d %H:%M:%S.%g')"));
        let row = format!("{{\"insert\":{{\"id\":{id},\"at\":\"{}\"}}}}", at[0][0]);
        client.complete(&client.push("e", &format!("row-{id}"), &row).await).await;
    };
    let numbers = |numbers: &[i64]| bag(numbers.iter().map(|number| vec![number.to_string()]));
    for (id, seconds) in [(1, -100), (2, -5), (3, -50)] {
        send(id, seconds).await;
    }
    assert_eq!(client.query("SELECT id FROM e").await, numbers(&[1, 2]), "the third came too late");
    assert_eq!(client.query("SELECT id FROM recent").await, numbers(&[2]));
    world.alluvium.kill();
    world.alluvium.restart().await;
    client.becomes("Running").await;
    assert_eq!(advance(0).await, began_ms);
    send(4, -20).await;
    send(5, -14).await;
    assert_eq!(client.query("SELECT id FROM e").await, numbers(&[1, 2, 5]), "the fourth came too late");
    assert_eq!(client.query("SELECT id FROM recent").await, numbers(&[2, 5]));
    assert_eq!(advance(50_000).await, began_ms + 50_000);
    client.until_rows("SELECT id FROM recent", &numbers(&[2])).await;
    world.alluvium.kill();
    world.alluvium.restart().await;
    client.becomes("Running").await;
    assert_eq!(client.query("SELECT id FROM recent").await, numbers(&[2]));
    advance(10_000).await;
    client.until_rows("SELECT id FROM recent", &numbers(&[])).await;
}

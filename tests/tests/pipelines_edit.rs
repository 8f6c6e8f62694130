//! Programs of pipelines that are changed while they keep rows: what stays as it is keeps them, what is another is made from them.

use std::collections::BTreeSet;

use alluvium_blackbox::World;
use alluvium_blackbox::pipelines::{Bag, PipelineClient, bag, files};
use reqwest::Method;
use serde_json::{Value, json};

const BEFORE: &str = "
CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, shop VARCHAR, cents BIGINT);
CREATE TABLE visits (shop VARCHAR, n BIGINT) WITH ('materialized' = 'true');
CREATE TABLE gone (x BIGINT);
CREATE TABLE turns (x BIGINT);
CREATE MATERIALIZED VIEW totals AS SELECT shop, SUM(cents) AS cents FROM orders GROUP BY shop;
CREATE MATERIALIZED VIEW same AS SELECT shop, SUM(n) AS n FROM visits GROUP BY shop;
CREATE MATERIALIZED VIEW old AS SELECT x FROM gone;
CREATE MATERIALIZED VIEW turned AS SELECT x FROM gone;
";

/// `totals` counts orders, `wide` is new, `old` and `gone` are gone, `orders` has other columns, and a table and a view change places.
const AFTER: &str = "
CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, cents VARCHAR, note VARCHAR);
CREATE TABLE visits (shop VARCHAR, n BIGINT) WITH ('materialized' = 'true');
CREATE TABLE later (y BIGINT) WITH ('materialized' = 'true');
CREATE MATERIALIZED VIEW totals AS SELECT 'all' AS shop, COUNT(*) AS cents FROM orders;
CREATE MATERIALIZED VIEW same AS SELECT shop, SUM(n) AS n FROM visits GROUP BY shop;
CREATE TABLE turned (x BIGINT) WITH ('materialized' = 'true');
CREATE MATERIALIZED VIEW turns AS SELECT x FROM turned;
CREATE MATERIALIZED VIEW wide AS SELECT n, shop, shop || '!' AS loud FROM visits;
";

fn rows<const N: usize>(rows: &[[&str; N]]) -> Bag {
    bag(rows.iter().map(|row| row.map(str::to_owned).to_vec()))
}

async fn fed(client: &PipelineClient) {
    client.create(BEFORE, json!({})).await;
    client.start().await;
    let orders = [(1, "a", 10), (2, "a", 20), (3, "b", 5)]
        .map(|(id, shop, cents)| format!("{{\"insert\":{{\"id\":{id},\"shop\":\"{shop}\",\"cents\":{cents}}}}}\n"));
    client.push("orders", "orders", &orders.concat()).await;
    client.push("gone", "gone", r#"{"insert":{"x":1}}"#).await;
    client.push("turns", "turns", r#"{"insert":{"x":1}}"#).await;
    let visits = r#"{"insert":{"shop":"a","n":1}} {"insert":{"shop":"a","n":1}} {"insert":{"shop":"b","n":2}}"#;
    client.complete(&client.push("visits", "visits", visits).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_program_goes_on_with_what_is_kept_once_somebody_approves() {
    let mut world = World::start().await;
    let client = PipelineClient::new(&world, "p");
    fed(&client).await;
    client.stop(false).await;

    // Rejected, it stays as it is; with the program of before nothing is to be approved.
    client.edit(AFTER).await;
    client.must(Method::POST, "/start?bootstrap_policy=reject", None).await;
    let rejected = |pipeline: &Value| pipeline["deployment_error"]["error_code"] == "BootstrapRejected";
    client.until(|pipeline| rejected(pipeline) && pipeline["deployment_status"] == "Stopped").await;
    client.edit(BEFORE).await;
    client.start().await;
    assert_eq!(client.query("SELECT * FROM totals").await, rows(&[["30", "a"], ["5", "b"]]));
    client.stop(false).await;

    client.edit(AFTER).await;
    client.must(Method::POST, "/start", None).await;
    let pipeline = client.becomes("AwaitingApproval").await;
    let diff = &pipeline["deployment_runtime_status_details"]["approval_diff"]["program_diff"];
    let expected = json!({
        "added_tables": ["later", "turned"], "removed_tables": ["gone", "turns"], "modified_tables": ["orders"],
        "added_views": ["turns", "wide"], "removed_views": ["old", "turned"], "modified_views": ["totals"],
    });
    assert_eq!(*diff, expected);
    // Who waits, waits through a crash, too; and may be stopped.
    world.alluvium.kill();
    world.alluvium.restart().await;
    client.becomes("AwaitingApproval").await;
    client.stop(false).await;
    client.must(Method::POST, "/start", None).await;
    client.becomes("AwaitingApproval").await;
    client.must(Method::POST, "/approve", None).await;
    client.becomes("Running").await;

    let orders = [["10", "1", "null"], ["20", "2", "null"], ["5", "3", "null"]];
    assert_eq!(client.query("SELECT * FROM orders").await, rows(&orders));
    assert_eq!(client.query("SELECT * FROM totals").await, rows(&[["3", "all"]]));
    assert_eq!(client.query("SELECT * FROM same").await, rows(&[["2", "a"], ["2", "b"]]));
    for empty in ["turned", "turns"] {
        assert_eq!(client.query(&format!("SELECT * FROM {empty}")).await, rows::<1>(&[]), "{empty}");
    }
    let wide = [["a!", "1", "a"], ["a!", "1", "a"], ["b!", "2", "b"]];
    assert_eq!(client.query("SELECT * FROM wide").await, rows(&wide));
    client.push("later", "later", r#"{"insert":{"y":4}}"#).await;
    client.complete(&client.push("orders", "more", r#"{"insert":{"id":3,"cents":"x","note":"y"}}"#).await).await;
    assert_eq!(client.query("SELECT * FROM totals").await, rows(&[["3", "all"]]));

    client.stop(false).await;
    world.alluvium.stop().await;
    let found = files(&world);
    let names: BTreeSet<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        BTreeSet::from(["error_view", "later", "orders", "same", "totals", "turned", "turns", "visits", "wide"])
    );
    // What a view was goes in the step in which it becomes another, so who follows it is told just that.
    let journal = |name: &str| found[name].journal.clone();
    assert_eq!(journal("totals"), rows(&[["3", "all"]]));
    assert_eq!(journal("same"), rows(&[["2", "a"], ["2", "b"]]));
    assert_eq!((found["totals"].steps.len(), found["same"].steps.len()), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_while_a_program_takes_over_change_nothing() {
    let mut world = World::start().await;
    let client = PipelineClient::new(&world, "p");
    fed(&client).await;
    // Some of it is not taken in when the process dies; it has the columns of before.
    for number in 10..40 {
        let order = format!("{{\"insert\":{{\"id\":{number},\"shop\":\"c\",\"cents\":{number}}}}}");
        client.push("orders", &format!("order-{number}"), &order).await;
    }
    world.alluvium.kill();
    world.alluvium.restart().await;
    client.stop(false).await;
    client.edit(AFTER).await;
    client.must(Method::POST, "/start?bootstrap_policy=allow", None).await;
    for pause in [0, 40, 80, 120] {
        tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
        world.alluvium.kill();
        world.alluvium.restart().await;
    }
    client.becomes("Running").await;
    let token = client.push("orders", "last", r#"{"insert":{"id":40,"cents":"1","note":"n"}}"#).await;
    client.complete(&token).await;
    assert_eq!(client.query("SELECT * FROM totals").await, rows(&[["34", "all"]]));
    assert_eq!(client.query("SELECT COUNT(*) AS n FROM orders WHERE note IS NULL").await, rows(&[["33"]]));
    assert_eq!(client.query("SELECT COUNT(*) AS n FROM wide").await, rows(&[["3"]]));
    client.stop(false).await;
    world.alluvium.stop().await;
    assert_eq!(files(&world).len(), 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_do_not_fit_the_new_table_stop_the_start_and_stay() {
    let world = World::start().await;
    let client = PipelineClient::new(&world, "p");
    let program = |columns: &str| {
        format!("CREATE TABLE t ({columns}); CREATE MATERIALIZED VIEW v AS SELECT COUNT(*) AS n FROM t;")
    };
    client.create(&program("a BIGINT NOT NULL PRIMARY KEY, b VARCHAR"), json!({})).await;
    client.start().await;
    let two = r#"{"insert":{"a":1,"b":"x"}} {"insert":{"a":2,"b":"x"}}"#;
    client.complete(&client.push("t", "two", two).await).await;
    for columns in [
        "a BIGINT NOT NULL PRIMARY KEY, b BIGINT",
        "a BIGINT, b VARCHAR NOT NULL PRIMARY KEY",
        "a BIGINT NOT NULL PRIMARY KEY, c VARCHAR NOT NULL",
    ] {
        client.stop(false).await;
        client.edit(&program(columns)).await;
        client.must(Method::POST, "/start?bootstrap_policy=allow", None).await;
        let failed = |pipeline: &Value| {
            pipeline["deployment_status"] == "Stopped"
                && pipeline["deployment_error"]["error_code"] == "BootstrapFailed"
        };
        client.until(failed).await;
        client.must(Method::POST, "/dismiss_error", None).await;
    }
    client.edit(&program("a VARCHAR NOT NULL PRIMARY KEY, b VARCHAR, c BIGINT")).await;
    client.must(Method::POST, "/start?bootstrap_policy=allow", None).await;
    client.becomes("Running").await;
    assert_eq!(client.query("SELECT * FROM t").await, rows(&[["1", "x", "null"], ["2", "x", "null"]]));
}

//! Rows below a checkpoint go, and everything that can still be asked is answered as before.

use alluvium_blackbox::World;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn rows_below_a_checkpoint_go_and_everything_is_read_as_before() {
    let mut world = World::start().await;
    let before = filled(&world).await;
    // Before the last message of the table, which the checkpoint will hold.
    let last: u64 = position(&world).await.trim_start_matches("STORAGE:").parse().expect("a sequence");
    let early = format!("STORAGE:{}", last - 1);
    assert_eq!(messages(&world, ROWS_OF_T).await, 41);
    let plan = cli(&world, &["retention", "plan", "--keep", "0s", "--messages-min", "20"]);
    let planned = plan.as_array().expect("tables").iter().find(|table| table["table"] == ROWS_OF_T).expect("t");
    assert_eq!((&planned["would_checkpoint"], &planned["would_purge_messages"]), (&json!(true), &json!(41)));
    assert!(planned["would_purge_bytes_about"].as_u64() > Some(400), "{planned}");
    assert_eq!(messages(&world, ROWS_OF_T).await, 41, "a plan changes nothing");

    let report = cli(&world, &RUN);
    assert_eq!((&report["checkpoints"], &report["purged_messages"]), (&json!(1), &json!(41)), "{report}");
    assert_eq!((messages(&world, ROWS_OF_T).await, messages(&world, ROWS_OF_OTHER).await), (0, 5));
    assert_eq!(world.query("p", T).await, before);
    let shown = world.get("/retention").await;
    let kept = shown["tables"].as_array().expect("tables").iter().find(|table| table["table"] == ROWS_OF_T);
    assert_eq!(kept.expect("t")["checkpoints"], 1, "{shown}");
    // A second run finds nothing to do.
    assert_eq!(cli(&world, &RUN)["tables"], json!([]));

    rows_of_t(&world, 200..210).await;
    let after = reads(&world, T, 51).await;
    world.alluvium.kill();
    world.alluvium.restart().await;
    assert_eq!(reads(&world, T, 51).await, after);
    world.verify();
    succeeds(&world, &["log", "verify"]);
    succeeds(&world, &["projections", "rebuild", "--all", "--yes"]);
    world.verify();
    assert_eq!(world.query("p", T).await, after);

    // Earlier points: of this table from the floor on, of the others all.
    let (status, answer) = world.http(Method::GET, &format!("{TABLES}/t/preview?as_of={early}"), None).await;
    assert_eq!(status, StatusCode::GONE, "{answer}");
    let asked = json!({ "query": T, "as_of": early });
    let (_, answer) = world.http(Method::POST, "/projects/p/query", Some(&asked)).await;
    assert_eq!(answer["error"], "version_expired", "{answer}");
    let at = answer["details"]["oldest"].as_str().expect("the oldest point").to_owned();
    assert_eq!(at, format!("STORAGE:{last}"));
    let query = |sql: &'static str, at: &str| cli(&world, &["--project", "p", "tables", "query", sql, "--at", at]);
    assert_eq!(query(T, &at), before);
    assert_eq!(query(T, &position(&world).await), after);
    assert_eq!(query(OTHER, &early)[0]["n"], 5, "another table is not concerned");
    let expired = world.cli(&["--project", "p", "tables", "query", T, "--at", &early]);
    assert!(text(&expired).contains("storage.version_expired"), "{}", text(&expired));

    // The file is lost: it is folded again, from the checkpoint on.
    std::fs::remove_file(file_of(&world, "t")).expect("the file goes");
    world.alluvium.kill();
    world.alluvium.restart().await;
    rows_of_t(&world, 300..301).await;
    world
        .eventually("the table is back", async || {
            let asked = json!({ "query": T });
            let (_, answer) = world.http(Method::POST, "/projects/p/query", Some(&asked)).await;
            answer["data"]["rows"][0][0] == json!(52)
        })
        .await;
    world.verify();
    // And once more: a second checkpoint takes the place of the first.
    rows_of_t(&world, 400..430).await;
    let last = reads(&world, T, 82).await;
    let report = cli(&world, &RUN);
    assert_eq!((&report["checkpoints"], &report["purged_messages"]), (&json!(1), &json!(41)), "{report}");
    succeeds(&world, &["projections", "rebuild", "tables", "--yes"]);
    world.verify();
    succeeds(&world, &["log", "verify"]);
    assert_eq!(world.query("p", T).await, last);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_stay_as_long_as_the_window_says() {
    let world =
        World::closed_with(&[("ALLUVIUM_RETENTION_KEEP", "1h"), ("ALLUVIUM_RETENTION_MESSAGES_MIN", "20")]).await;
    world.command("access", "GrantPublishers", &json!({ "rights": "all" })).await;
    let early = position(&world).await;
    let before = filled(&world).await;
    let report = cli(&world, &["--yes", "retention", "run"]);
    assert_eq!((&report["checkpoints"], &report["purged_messages"]), (&json!(1), &json!(0)), "{report}");
    assert_eq!(cli(&world, &["--yes", "retention", "run"])["tables"], json!([]), "one checkpoint is enough for now");
    assert_eq!(messages(&world, ROWS_OF_T).await, 41);
    assert!(early.starts_with("STORAGE:"));
    assert_eq!(cli(&world, &["--project", "p", "tables", "query", T, "--at", "now"]), before);
    // A shorter window, for once: now the checkpoint is older than it.
    let report = cli(&world, &["--yes", "retention", "run", "--keep", "0s"]);
    assert_eq!((&report["checkpoints"], &report["purged_messages"]), (&json!(0), &json!(41)), "{report}");
    world.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_dropped_tables_go_and_a_new_table_of_the_name_is_itself() {
    let mut world = World::start().await;
    filled(&world).await;
    // A snapshot of what is dropped would need its rows.
    let none = json!({ "auto_snapshot_triggers": { "drop_table": false } });
    let (status, _) = world.http(Method::PUT, "/projects/p/settings/snapshots", Some(&none)).await;
    assert!(status.is_success());
    let (status, _) = world.http(Method::DELETE, &format!("{TABLES}/t"), None).await;
    assert!(status.is_success());
    let (status, _) = world.http(Method::DELETE, &format!("{TABLES}/other"), None).await;
    assert!(status.is_success());
    world.table("p", "t", &[("id", "BIGINT"), ("size", "BIGINT"), ("note", "VARCHAR")], &["id"]).await;
    rows_of_t(&world, 0..30).await;
    let before = reads(&world, T, 30).await;
    let report = cli(&world, &RUN);
    assert_eq!((&report["checkpoints"], &report["purged_messages"]), (&json!(1), &json!(41 + 5 + 30)), "{report}");
    assert_eq!((messages(&world, ROWS_OF_T).await, messages(&world, ROWS_OF_OTHER).await), (0, 0));
    assert_eq!(world.query("p", T).await, before);
    succeeds(&world, &["projections", "rebuild", "--all", "--yes"]);
    world.verify();
    succeeds(&world, &["log", "verify"]);
    world.alluvium.kill();
    world.alluvium.restart().await;
    assert_eq!(reads(&world, T, 30).await, before);
    assert_eq!(cli(&world, &RUN)["tables"], json!([]));
    world.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_runs_by_itself_when_it_is_configured() {
    let envs = [
        ("ALLUVIUM_RETENTION_KEEP", "0s"),
        ("ALLUVIUM_RETENTION_MESSAGES_MIN", "20"),
        ("ALLUVIUM_RETENTION_EVERY_SECONDS", "1"),
    ];
    let world = World::closed_with(&envs).await;
    world.command("access", "GrantPublishers", &json!({ "rights": "all" })).await;
    let before = filled(&world).await;
    world.eventually("rows go", async || messages(&world, ROWS_OF_T).await < 20).await;
    assert_eq!(world.query("p", T).await, before);
    let noted = world.get("/events?subject=ev.default.storage.>&type=RowsPurged&limit=10").await;
    assert!(noted["events"][0]["actor"].to_string().contains("retention"), "{noted}");
    // A run under way meanwhile would be in the way of a comparison.
    world.eventually("all is equal", async || world.cli(&["projections", "verify", "--all"]).status.success()).await;
    succeeds(&world, &["log", "verify"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branchs_copy_keeps_what_it_was_made_of_and_takes_nothing_of_the_main_line() {
    let world = World::start().await;
    filled(&world).await;
    let made = world.post("/projects/p/branches", &json!({ "name": "dev" })).await;
    let branch = format!("/projects/p/branches/{}", made["id"].as_str().expect("an id"));
    let table = format!("{branch}/buckets/b/tables/t");
    let gone = json!({ "where_clause": "id < 10" });
    let (status, answer) = world.http(Method::DELETE, &format!("{table}/rows"), Some(&gone)).await;
    assert_eq!((status, &answer["deleted_rows"]), (StatusCode::OK, &json!(10)), "{answer}");
    rows_of_t(&world, 40..60).await;
    let main = reads(&world, T, 61).await;
    for _ in 0..2 {
        succeeds(&world, &RUN);
        assert_eq!(messages(&world, ROWS_OF_T).await, 61, "the copy is folded from them");
    }
    assert_eq!(world.get(&table).await["row_count"], 31);
    world.verify();

    // Nobody can ask for the copy any more; then the main line's rows are its own matter.
    assert_eq!(world.http(Method::DELETE, &branch, None).await.0, StatusCode::NO_CONTENT);
    world
        .eventually("the rows go", async || {
            succeeds(&world, &RUN);
            messages(&world, ROWS_OF_T).await == 0
        })
        .await;
    assert_eq!(world.query("p", T).await, main);
    world.verify();
}

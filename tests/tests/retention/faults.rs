//! What goes without a word is found; what is lost, killed or put back from earlier is noticed and mended.

use std::process::Command;
use std::time::Duration;

use alluvium_blackbox::World;
use alluvium_testing::{NatsServer, Postgres};
use reqwest::Method;
use serde_json::json;

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_somebody_else_took_are_found_and_the_remedy_works() {
    let world = World::start().await;
    let before = filled(&world).await;
    cli(&world, &RUN);
    let js = log(&world).await;
    let stream = js.get_stream("STORAGE").await.expect("the stream");
    let first = stream.get_first_raw_message_by_subject(ROWS_OF_OTHER, 1).await.expect("a row").sequence;
    assert!(stream.delete_message(first).await.is_err(), "single messages cannot be deleted");
    stream.purge().filter(ROWS_OF_OTHER).sequence(first + 1).await.expect("a purge behind our back");
    let state = async || {
        let all = world.get("/projections").await;
        let found =
            all["projections"].as_array().expect("projections").iter().find(|one| one["name"] == "tables").cloned();
        found.expect("tables")
    };
    world.eventually("it is found", async || state().await["state"] == "quarantined").await;
    let error = state().await["error"].as_str().unwrap_or_default().to_owned();
    assert!(error.contains("1 messages are missing") && error.contains("rebuild"), "{error}");
    let verified = world.cli(&["log", "verify"]);
    assert_eq!(verified.status.code(), Some(10), "{}", text(&verified));
    let refused = world.cli(&RUN);
    assert_ne!(refused.status.code(), Some(0), "nothing more is purged now: {}", text(&refused));
    succeeds(&world, &["projections", "rebuild", "tables", "--accept-differences", "--yes"]);
    world.eventually("it goes on", async || state().await["state"] == "running").await;
    assert_eq!(world.query("p", T).await, before);
    assert_eq!(world.query("p", OTHER).await[0]["n"], 4, "what is lost is lost");
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(state().await["state"], "running", "and accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_its_checkpoint_is_parked_and_comes_back_with_it() {
    let mut world = World::start().await;
    let before = filled(&world).await;
    cli(&world, &RUN);
    let (id, _) = checkpoints(&world).await.remove(0);
    let (there, away) = (blob(world.data.path(), &id), world.data.path().join("away"));
    for damage in ["gone", "altered"] {
        if damage == "gone" {
            std::fs::rename(&there, &away).expect("the blob goes");
        } else {
            std::fs::write(&there, "something else").expect("the blob is overwritten");
        }
        world.alluvium.kill();
        std::fs::remove_file(file_of(&world, "t")).expect("the file goes");
        world.alluvium.restart_until("/health").await;
        let asked = json!({ "query": T });
        let code = async || {
            let (_, answer) = world.http(Method::POST, "/projects/p/query", Some(&asked)).await;
            answer.to_string()
        };
        world.eventually("it is said", async || code().await.contains("checkpoint")).await;
        let parked = world.get("/projections/tables/parked").await;
        assert_eq!(parked["parked"][0]["code"], "storage.checkpoint_lost", "{damage}: {parked}");
        assert_eq!(reads(&world, OTHER, 5).await[0]["n"], 5, "the others go on");
        if damage == "gone" {
            std::fs::rename(&away, &there).expect("the blob is back");
            std::fs::copy(&there, &away).expect("a copy");
        } else {
            std::fs::copy(&away, &there).expect("the blob is back");
        }
        succeeds(&world, &["projections", "retry", "tables", ROWS_OF_T]);
        assert_eq!(reads(&world, T, 41).await, before);
    }
    rows_of_t(&world, 500..501).await;
    reads(&world, T, 42).await;
    world.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_the_note_and_the_purge_leaves_something_to_finish() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let postgres = std::sync::Arc::new(Postgres::start().await);
    let mut world = World::start_on(NatsServer::start().await, postgres, data, &[]).await;
    let before = filled(&world).await;
    let js = log(&world).await;
    let terminal = world.terminal();
    std::sync::Arc::get_mut(&mut world.postgres).expect("it is ours alone").pause();
    let running = tokio::task::spawn_blocking(move || terminal.run(&RUN));
    let stream = js.get_stream("STORAGE").await.expect("the stream");
    let noted = async || {
        let told = stream.get_last_raw_message_by_subject("ev.default.storage.*.retention.*").await;
        told.is_ok_and(|message| message.headers.get("Alv-Types").is_some_and(|types| types.as_str() == "RowsPurged"))
    };
    world.eventually("the purge is noted", noted).await;
    assert_eq!(messages(&world, ROWS_OF_T).await, 41, "the catalogue is not past the note: nothing goes yet");
    world.alluvium.kill();
    std::sync::Arc::get_mut(&mut world.postgres).expect("it is ours alone").resume();
    let output = running.await.expect("the command ends");
    assert_ne!(output.status.code(), Some(0), "{}", text(&output));
    world.alluvium.restart().await;
    assert_eq!(reads(&world, T, 41).await, before);
    succeeds(&world, &["log", "verify"]);
    world.verify();
    let report = cli(&world, &RUN);
    assert_eq!((&report["checkpoints"], &report["purged_messages"]), (&json!(0), &json!(41)), "{report}");
    assert_eq!(messages(&world, ROWS_OF_T).await, 0);
    succeeds(&world, &["log", "verify"]);
    world.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_an_earlier_time_do_not_go_on_over_what_is_gone() {
    let mut world = World::start().await;
    filled(&world).await;
    let (tables, earlier) = (world.data.path().join("tables"), world.data.path().join("earlier"));
    assert!(world.alluvium.stop().await.success());
    let copied = Command::new("cp").arg("-a").args([&tables, &earlier]).status().expect("cp runs");
    assert!(copied.success());
    world.alluvium.restart().await;
    rows_of_t(&world, 200..240).await;
    let before = reads(&world, T, 81).await;
    cli(&world, &RUN);
    assert_eq!(messages(&world, ROWS_OF_T).await, 0);
    assert!(world.alluvium.stop().await.success());
    std::fs::remove_dir_all(&tables).expect("the files go");
    std::fs::rename(&earlier, &tables).expect("earlier ones are put in their place");
    world.alluvium.restart().await;
    // Nobody writes to the table: it must come to where it was by itself.
    assert_eq!(reads(&world, T, 81).await, before);
    world.verify();
    succeeds(&world, &["log", "verify"]);
}

//! The first lines of the README do what they say.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::process::Command;

use alluvium_testing::NatsServer;

#[tokio::test]
async fn the_first_block_of_the_readme_runs() {
    let readme = include_str!("../README.md");
    let block = readme.split("```rust\n").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(block, include_str!("../examples/first.rs"), "the README shows the example as it is");
    let nats = NatsServer::start().await;
    // Beside this test's own binary, where cargo puts examples.
    let example = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("examples/first");
    assert!(example.exists(), "{} is built with the tests of the whole package", example.display());
    let ran = tokio::task::spawn_blocking({
        let url = nats.url();
        move || Command::new("timeout").arg("30").arg(example).env("NATS_URL", url).output().unwrap()
    });
    let ran = ran.await.unwrap();
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{out}{err}");
    assert_eq!(out, "charging o-1 with 4200\n");
}

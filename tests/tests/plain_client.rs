//! A client that knows nothing of us, only NATS: nats-py creates a table, publishes rows, reads its outcome and the rows.

use std::process::Command;

use alluvium_blackbox::{ADMIN, World, repository};

#[tokio::test]
async fn nats_py_creates_a_table_publishes_rows_and_reads_them() {
    let world = World::start().await;
    let nats_py =
        Command::new(repository().join("scripts/python-client")).output().expect("scripts/python-client runs");
    assert!(nats_py.status.success(), "{}", String::from_utf8_lossy(&nats_py.stderr));
    let output = Command::new("python3")
        .env("PYTHONPATH", String::from_utf8_lossy(&nats_py.stdout).trim())
        .arg(repository().join("tests/python/plain_client.py"))
        .args([world.nats.url().as_str(), world.alluvium.url().as_str(), ADMIN])
        .output()
        .expect("python runs");
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{error}\n{}", world.alluvium.output());
    assert_eq!(out.trim(), "3 rows over NATS, 3 rows over HTTP");
}

//! What makes a private server private: its lock, its password, and that it goes when we go.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use alluvium_servers::{NatsOptions, NatsServer, Postgres, PostgresOptions, pick_port};
use sqlx::{Connection as _, PgConnection};

const CHILD: &str = "ALLUVIUM_TEST_CHILD_DIRECTORY";

fn scratch() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
    directory
}

#[tokio::test]
async fn a_kept_postgres_wants_its_password_and_keeps_it() {
    let directory = scratch();
    let options = PostgresOptions::durable(directory.path().join("postgres"));
    let postgres = Postgres::start(options.clone()).await.unwrap();
    let url = postgres.url();
    let mut connection = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("CREATE TABLE kept (id int)").execute(&mut connection).await.unwrap();
    let fsync: String = sqlx::query_scalar("SHOW fsync").fetch_one(&mut connection).await.unwrap();
    assert_eq!(fsync, "on");

    let (start, end) = (url.find(':').unwrap(), url.find('@').unwrap());
    let login = format!("{}{}", &url[..start + "://alluvium".len()], &url[end..]);
    assert!(PgConnection::connect(&login).await.is_err(), "it took a stranger");

    drop(connection);
    postgres.stop().await.unwrap();
    let again = Postgres::start(options).await.unwrap();
    let mut connection = PgConnection::connect(&again.url()).await.unwrap();
    sqlx::raw_sql("SELECT id FROM kept").execute(&mut connection).await.unwrap();
}

#[tokio::test]
async fn a_postgres_of_root_is_not_run_by_root() {
    let directory = scratch();
    let mut postgres = Postgres::start(PostgresOptions::scratch(directory.path().join("postgres"))).await.unwrap();
    let status = std::fs::read_to_string(format!("/proc/{}/status", postgres.process().id())).unwrap();
    let users = status.lines().find(|line| line.starts_with("Uid:")).unwrap();
    assert!(users.split_whitespace().skip(1).all(|user| user != "0"), "{users}");
}

#[tokio::test]
async fn a_closed_data_directory_moves_the_cluster_of_root_elsewhere() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let options = PostgresOptions::scratch(directory.path().join("postgres"));
    let postgres = Postgres::start(options.clone()).await.unwrap();
    PgConnection::connect(&postgres.url()).await.unwrap();
    let cluster = postgres.cluster_directory().to_owned();
    drop(postgres);
    let again = Postgres::start(options).await.unwrap();
    assert_eq!(again.cluster_directory(), cluster);
    drop(again);
    if !cluster.starts_with(directory.path()) {
        std::fs::remove_dir_all(cluster).unwrap();
    }
}

#[tokio::test]
async fn a_taken_port_is_told() {
    let directory = scratch();
    let port = pick_port().unwrap();
    let _taken = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let mut options = NatsOptions::scratch(directory.path().join("nats"));
    options.port = Some(port);
    let error = NatsServer::start(options).await.unwrap_err();
    assert_eq!(error.code(), "servers.port_taken");
}

#[tokio::test]
async fn a_second_server_on_the_same_directory_is_refused() {
    let directory = scratch();
    let options = NatsOptions::scratch(directory.path().join("nats"));
    let _first = NatsServer::start(options.clone()).await.unwrap();
    let error = NatsServer::start(options).await.unwrap_err();
    assert_eq!(error.code(), "servers.in_use");
}

/// Not a test by itself: what the next test kills. It tells its servers' ids and waits.
#[tokio::test]
async fn child() {
    let Some(directory) = std::env::var_os(CHILD) else { return };
    let directory = Path::new(&directory);
    let mut nats = NatsServer::start(NatsOptions::durable(directory.join("nats"))).await.unwrap();
    let mut postgres = Postgres::start(PostgresOptions::durable(directory.join("postgres"))).await.unwrap();
    let ids = format!("{} {}", nats.process().id(), postgres.process().id());
    std::fs::write(directory.join("ids.new"), ids).unwrap();
    std::fs::rename(directory.join("ids.new"), directory.join("ids")).unwrap();
    tokio::time::sleep(Duration::from_mins(1)).await;
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_mins(1), "waited too long until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test]
async fn servers_leave_with_a_killed_parent_and_their_directories_can_be_used_at_once() {
    let directory = scratch();
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child"])
        .env(CHILD, directory.path())
        .spawn()
        .unwrap();
    let ids = directory.path().join("ids");
    wait_until("the servers run", || {
        assert!(parent.try_wait().unwrap().is_none(), "the child failed");
        ids.exists()
    });
    parent.kill().unwrap();
    parent.wait().unwrap();

    // At once: the new ones wait for the old ones to leave.
    let _nats = NatsServer::start(NatsOptions::durable(directory.path().join("nats"))).await.unwrap();
    let _postgres = Postgres::start(PostgresOptions::durable(directory.path().join("postgres"))).await.unwrap();
    for id in std::fs::read_to_string(ids).unwrap().split(' ') {
        let cmdline = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        assert!(cmdline.is_empty() || cmdline.contains(") Z "), "server {id} outlived its parent");
    }
}

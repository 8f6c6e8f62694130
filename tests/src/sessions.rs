//! Workspaces that clients of PostgreSQL log in to, and ways to do so.

use std::path::PathBuf;
use std::process::{Command, Output};

use alluvium_testing::{NatsServer, Postgres};
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{ConnectOptions as _, Connection as _};

use crate::World;

/// Where the workspaces of project `p` are.
pub const WORKSPACES: &str = "/projects/p/workspaces";

/// A project with table `b.t` of three rows, where workspaces listen on a port of their own.
pub async fn filled(envs: &[(&str, &str)]) -> World {
    let data = tempfile::tempdir().expect("a temporary directory");
    let envs: Vec<(&str, &str)> = [("PGWIRE_PORT", "0"), ("ALLUVIUM_PGWIRE_INTERNAL_LISTEN", "off")]
        .into_iter()
        .chain(envs.iter().copied())
        .collect();
    let world = World::start_on(NatsServer::start().await, Postgres::shared().await, data, &envs).await;
    world.project("p").await;
    world.table("p", "t", &[("id", "BIGINT"), ("note", "VARCHAR")], &["id"]).await;
    fill(&world, "default", "t", "id,note\n1,a\n2,b\n3,c\n").await;
    world
}

/// Loads a table of a branch anew.
pub async fn fill(world: &World, branch: &str, table: &str, csv: &str) {
    let file = world.upload("p", "rows.csv", csv.as_bytes().to_vec()).await;
    let path = format!("/projects/p/branches/{branch}/buckets/b/tables/{table}/import/file");
    world.post(&path, &json!({ "file_id": file })).await;
}

/// A workspace with its credentials.
pub async fn workspace(world: &World) -> Value {
    world.post(WORKSPACES, &json!({ "name": "w" })).await
}

/// A field of how it is reached.
pub fn connection<'a>(workspace: &'a Value, field: &str) -> &'a str {
    workspace["connection"][field].as_str().expect("a text")
}

fn options(workspace: &Value) -> PgConnectOptions {
    let port = workspace["connection"]["port"].as_u64().and_then(|port| u16::try_from(port).ok()).expect("a port");
    PgConnectOptions::new_without_pgpass()
        .host("127.0.0.1")
        .port(port)
        .username(connection(workspace, "username"))
        .password(connection(workspace, "password"))
        .database(connection(workspace, "database"))
        .ssl_mode(PgSslMode::Disable)
}

/// A session that must begin.
pub async fn login(workspace: &Value) -> PgConnection {
    PgConnection::connect_with(&options(workspace).disable_statement_logging()).await.expect("it lets in")
}

/// The code with which a login or a statement is refused.
pub fn code<T>(result: Result<T, sqlx::Error>) -> String {
    match result {
        Err(sqlx::Error::Database(error)) => error.code().map(std::borrow::Cow::into_owned).unwrap_or_default(),
        Err(other) => format!("{other:?}"),
        Ok(_) => "none".to_owned(),
    }
}

/// The same of a login.
pub async fn rejected(workspace: &Value) -> String {
    code(PgConnection::connect_with(&options(workspace)).await.map(drop))
}

/// The real `psql`, from where the servers are, about to log in.
pub fn psql(workspace: &Value, password: &str) -> Command {
    let directory = PathBuf::from(std::env::var_os("ALLUVIUM_POSTGRES_BIN").expect("where Postgres is"));
    let mut command = Command::new(directory.join("psql"));
    command
        .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p"])
        .arg(workspace["connection"]["port"].to_string())
        .args(["-U", connection(workspace, "username"), "-d", connection(workspace, "database")])
        .env("PGPASSWORD", password);
    command
}

/// What it said when all went well.
pub fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

//! `alluvium doctor`: looks at everything the platform stands on; each finding with its fix.

use std::path::Path;

use alluvium_messaging::streams;
use reqwest::Method;
use serde_json::{Value, json};

use super::Context;
use crate::client::{Client, Session};
use crate::failure::{Done, Exit, Failure};
use crate::node::nats;

/// Less free space than this is a finding, in bytes.
const DISK_FREE_BYTES_MIN: u64 = 2 * 1024 * 1024 * 1024;
/// A projection further behind than this is a finding, in events.
const LAG_EVENTS_MAX: u64 = 50_000;
/// Or longer than this, in seconds.
const LAG_SECONDS_MAX: f64 = 30.0;

/// What was looked at.
struct Examined {
    about: String,
    found: String,
    fix: Option<String>,
}

impl Examined {
    fn fine(about: impl Into<String>, found: impl Into<String>) -> Self {
        Self { about: about.into(), found: found.into(), fix: None }
    }

    fn wrong(about: impl Into<String>, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { about: about.into(), found: found.into(), fix: Some(fix.into()) }
    }
}

pub async fn run(cx: &Context) -> Done {
    let (client, session) = cx.client()?;
    let mut all = vec![disk(&session.config.data_dir)];
    all.extend(server(&client, &session).await);
    all.extend(log(&session).await);
    let rows: Vec<Value> = all
        .iter()
        .map(|examined| {
            let status = if examined.fix.is_some() { "finding" } else { "ok" };
            json!({ "about": examined.about, "status": status, "found": examined.found, "fix": examined.fix })
        })
        .collect();
    cx.ui.rows(&["about", "status", "found", "fix"], &rows);
    match all.iter().filter(|examined| examined.fix.is_some()).count() {
        0 => {
            cx.ui.ok("nothing is wrong");
            Ok(())
        }
        findings => Err(Failure::findings(findings)),
    }
}

/// Free space where the data directory is, or would be.
fn disk(data_dir: &Path) -> Examined {
    let there = data_dir.ancestors().find(|path| path.exists() && !path.as_os_str().is_empty());
    let Ok(stat) = nix::sys::statvfs::statvfs(there.unwrap_or(Path::new("."))) else {
        return Examined::wrong("disk", "free space cannot be found out", "check `data_dir`");
    };
    let free = stat.blocks_available() * stat.fragment_size();
    let found = format!("{:.1} GB free at {}", free as f64 / 1e9, data_dir.display());
    if free < DISK_FREE_BYTES_MIN {
        Examined::wrong("disk", found, "free some space, or move `data_dir` to a larger disk")
    } else {
        Examined::fine("disk", found)
    }
}

/// What the server says of itself; or who else has its port.
async fn server(client: &Client, session: &Session) -> Vec<Examined> {
    // `/ready` tells with 503 what is wrong, which is an answer here.
    let ready = match client.request(Method::GET, "/ready").send().await {
        Ok(response) => response.json::<Value>().await.ok(),
        Err(_) => return vec![unreachable(session)],
    };
    let Some(checks) = ready.as_ref().and_then(|body| body.get("checks")?.as_array()) else {
        let fix = "stop what listens there, or name the server with `--server`";
        return vec![Examined::wrong("server", format!("{} is not Alluvium", session.server), fix)];
    };
    let mut all = vec![Examined::fine("server", format!("answers at {}", session.server))];
    for check in checks.iter().filter(|check| check["ok"] == false) {
        let (name, detail) = (check["name"].as_str().unwrap_or_default(), check["detail"].as_str().unwrap_or_default());
        all.push(Examined::wrong(name, detail, fix_of(name)));
    }
    all.extend(projections(client).await);
    all
}

fn fix_of(name: &str) -> &'static str {
    match name.split('.').next().unwrap_or(name) {
        "nats" => "check that nats-server runs and that `nats.url` leads to it; it is tried again for ever",
        "postgres" => "check that Postgres runs; projections catch up alone when it is back",
        "projection" | "tables" => "`alluvium projections list` has the reason; rebuild it once you know why",
        "commands" => "restart this process; another one takes over meanwhile",
        _ => "wait a moment and look again",
    }
}

fn unreachable(session: &Session) -> Examined {
    let found = format!("nothing answers at {}", session.server);
    Examined::wrong("server", found, "start it with `alluvium dev` or `alluvium serve`, or name it with `--server`")
}

async fn projections(client: &Client) -> Vec<Examined> {
    let body = match client.get("/projections").await {
        Ok(body) => body,
        Err(failure) if failure.exit == Exit::NotAllowed => {
            let fix = "add the admin key with `--key`, or ALLUVIUM_KEY";
            return vec![Examined::wrong("projections", "this key may not see them", fix)];
        }
        Err(failure) => return vec![Examined::wrong("projections", failure.message, "look again")],
    };
    let all = body.get("projections").and_then(Value::as_array).into_iter().flatten();
    all.map(|projection| {
        let about = format!("projection {}", projection["name"].as_str().unwrap_or_default());
        let (events, seconds) = (projection["lag_events"].as_u64(), projection["lag_seconds"].as_f64().unwrap_or(0.0));
        let parked = projection["parked"].as_u64().unwrap_or(0);
        let behind = events.map_or("an unknown number of".to_owned(), |events| events.to_string());
        let found = format!("{behind} events behind, {parked} parked");
        if parked > 0 {
            Examined::wrong(about, found, "`alluvium projections parked` says why; then retry or skip them")
        } else if events.unwrap_or(u64::MAX) > LAG_EVENTS_MAX || seconds > LAG_SECONDS_MAX {
            Examined::wrong(about, found, "wait if it is catching up; else look at the server's log")
        } else {
            Examined::fine(about, found)
        }
    })
    .collect()
}

/// The server behind the log, and its streams.
async fn log(session: &Session) -> Vec<Examined> {
    let js = match nats::for_command(session).await {
        Ok(js) => js,
        Err(failure) => return vec![Examined::wrong("nats", failure.message, failure.help.unwrap_or_default())],
    };
    let version = js.client().server_info().version;
    let mut all = vec![if js.client().is_server_compatible(2, 12, 0) {
        Examined::fine("nats", format!("nats-server {version}"))
    } else {
        Examined::wrong("nats", format!("nats-server {version} is too old"), "use 2.12 or newer")
    }];
    match streams::diff(&js, Some(session.config.nats.replicas)).await {
        Ok(differences) if differences.is_empty() => all.push(Examined::fine("streams", "as their files want them")),
        Ok(differences) => {
            let names: Vec<String> = differences.iter().map(|one| format!("{} {}", one.stream, one.field)).collect();
            let fix = "`alluvium streams diff` shows it, `alluvium streams apply` makes what may be made";
            all.push(Examined::wrong("streams", format!("differ: {}", names.join(", ")), fix));
        }
        Err(problem) => all.push(Examined::wrong("streams", problem.detail, "check that JetStream is enabled")),
    }
    all
}

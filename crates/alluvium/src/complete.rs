//! Live names for shell completion: asked of the server within a short budget, silent about every failure.

use std::time::Duration;

use clap_complete::CompletionCandidate;
use serde_json::Value;

use crate::cli::Globals;
use crate::client::{Client, Session, path};
use crate::ui::{Format, safe};

/// How long a Tab may take.
const BUDGET: Duration = Duration::from_millis(300);

/// Names of contexts.
pub fn contexts() -> Vec<CompletionCandidate> {
    let mut names: Vec<String> = listed("/commands", "commands", "context");
    names.sort();
    names.dedup();
    candidates(names)
}

/// Names of commands.
pub fn commands() -> Vec<CompletionCandidate> {
    candidates(listed("/commands", "commands", "command"))
}

/// Names of projections.
pub fn projections() -> Vec<CompletionCandidate> {
    candidates(listed("/projections", "projections", "name"))
}

/// Names of buckets.
pub fn buckets() -> Vec<CompletionCandidate> {
    candidates(live(|client, project| Box::pin(async move { bucket_names(&client, &project).await })))
}

/// Tables as `bucket/table`.
pub fn tables() -> Vec<CompletionCandidate> {
    candidates(live(|client, project| {
        Box::pin(async move {
            let mut names = Vec::new();
            for bucket in bucket_names(&client, &project).await {
                let at = path(&["projects", &project, "branches", "default", "buckets", &bucket, "tables"]);
                let tables = client.get(&at).await.map(|body| strings(&body, "tables", "name")).unwrap_or_default();
                names.extend(tables.into_iter().map(|table| format!("{bucket}/{table}")));
            }
            names
        })
    }))
}

/// Error codes.
pub fn codes() -> Vec<CompletionCandidate> {
    crate::errors::catalogue()
        .iter()
        .map(|info| CompletionCandidate::new(info.code).help(Some(info.title.into())))
        .collect()
}

async fn bucket_names(client: &Client, project: &str) -> Vec<String> {
    let at = path(&["projects", project, "branches", "default", "buckets"]);
    client.get(&at).await.map(|body| strings(&body, "buckets", "name")).unwrap_or_default()
}

fn listed(at: &'static str, list: &'static str, field: &'static str) -> Vec<String> {
    live(move |client, _| {
        Box::pin(async move { client.get(at).await.map(|body| strings(&body, list, field)).unwrap_or_default() })
    })
}

fn strings(body: &Value, list: &str, field: &str) -> Vec<String> {
    let rows = body.get(list).and_then(Value::as_array).into_iter().flatten();
    rows.filter_map(|row| Some(row.get(field)?.as_str()?.to_owned())).collect()
}

fn live(ask: impl FnOnce(Client, String) -> alluvium_kernel::BoxFuture<'static, Vec<String>>) -> Vec<String> {
    // Options on the line being completed are not known here; the environment and the local `alluvium dev` are.
    let var = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
    let globals = Globals {
        config: var("ALLUVIUM_CONFIG").map(Into::into),
        server: var("ALLUVIUM_SERVER"),
        key: var("ALLUVIUM_KEY"),
        project: var("ALLUVIUM_PROJECT"),
        nats: None,
        output: Format::Table,
        yes: false,
        quiet: true,
    };
    let Ok(session) = Session::open(&globals) else { return Vec::new() };
    let Ok(client) = Client::new(&session) else { return Vec::new() };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return Vec::new() };
    let project = session.project.unwrap_or_default();
    runtime.block_on(async { tokio::time::timeout(BUDGET, ask(client, project)).await }).unwrap_or_default()
}

fn candidates(names: Vec<String>) -> Vec<CompletionCandidate> {
    names.into_iter().map(|name| CompletionCandidate::new(safe(&name))).collect()
}

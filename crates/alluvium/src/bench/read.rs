//! Point reads over HTTP, beside a bare axum handler that runs the same query.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use alluvium_storage::Queries;
use axum::extract::{Path, State};
use axum::routing::get;
use serde_json::json;

use super::world::World;
use super::{Measured, Results, Run};
use crate::failure::Failure;

/// How long each is asked, in milliseconds.
const ASK_MS: u64 = 4_000;
/// Requests at once.
const CLIENTS: usize = 16;
/// What is promised.
const SHARE: f64 = 0.6;

pub async fn run(run: Run) -> Results {
    let world = World::start().await?;
    let running = world.node().await?;
    let create = running.client.request(reqwest::Method::POST, "/projects").json(&json!({ "id": "bench" }));
    running.client.json(create).await?;
    running.client.get("/projects/bench").await?;
    let queries = running.node.parts().catalogue().ok_or_else(|| Failure::bug("no catalogue"))?;
    let bare = bare(queries).await?;
    let time = Duration::from_millis(run.scaled(ASK_MS, 500));
    let key = world.secrets.admin_key.expose().to_owned();
    let at = |address: SocketAddr| format!("http://{address}/projects/bench");
    let before = ask(&at(bare), None, time).await?;
    let ours = ask(&at(running.address), Some(&key), time).await?;
    let after = ask(&at(bare), None, time).await?;
    running.node.stop().await;
    world.stop().await?;
    let beside = "a bare axum + sqlx handler with the same query";
    Ok(vec![Measured::share("point read over HTTP", "requests/s", ours, before.midpoint(after), SHARE, beside)])
}

/// A server that does nothing but this query.
async fn bare(queries: Queries) -> Result<SocketAddr, Failure> {
    let handler =
        async |State(queries): State<Queries>, Path(id): Path<String>| match queries.project("default", &id).await {
            Ok(project) => axum::Json(json!({ "id": project.id, "name": project.name })),
            Err(problem) => axum::Json(json!({ "error": problem.code })),
        };
    let router = axum::Router::new().route("/projects/{id}", get(handler)).with_state(queries);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

/// Requests a second.
pub async fn ask(url: &str, key: Option<&str>, time: Duration) -> Result<f64, Failure> {
    let client = crate::http::client();
    let until = Instant::now() + time;
    let mut askers = tokio::task::JoinSet::new();
    for _ in 0..CLIENTS {
        let (client, url, key) = (client.clone(), url.to_owned(), key.map(str::to_owned));
        askers.spawn(async move {
            let mut answered = 0_u64;
            while Instant::now() < until {
                let mut request = client.get(&url);
                if let Some(key) = &key {
                    request = request.bearer_auth(key);
                }
                let response =
                    request.send().await.and_then(reqwest::Response::error_for_status).map_err(Failure::bug)?;
                response.bytes().await.map_err(Failure::bug)?;
                answered += 1;
            }
            Ok::<_, Failure>(answered)
        });
    }
    let mut all = 0;
    while let Some(answered) = askers.join_next().await {
        all += answered.map_err(Failure::bug)??;
    }
    Ok(all as f64 / time.as_secs_f64())
}

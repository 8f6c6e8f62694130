//! A whole small installation of this context: log, read model, command worker, driver and HTTP surface, all real.

#![allow(dead_code, reason = "each test binary uses its part")]

pub mod engine;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use alluvium_eventlog::seals::Seals;
use alluvium_eventlog::{CommandClient, CommandRequest, Executor, ExecutorOptions, LogOptions};
use alluvium_http::{About, Authenticator, Principal, Surface};
use alluvium_kernel::{Actor, Authorizer, BoxFuture, Position, Problem, Requirement, SigningKey, Token};
use alluvium_messaging::{ContractSet as _, connect, streams};
use alluvium_pipelines::contract::Command;
use alluvium_pipelines::{
    ApiKeys, Driver, DriverParts, Health, IssuedApiKey, KeyRole, NamedKey, PROJECTION, PipelineQueries, PipelineRoutes,
    Pipelines, PipelinesContext, PipelinesProjection, RouteParts, Service,
};
use alluvium_projection::{Freshness, Live, Projections, Settings};
use alluvium_testing::{NatsServer, Postgres};
use async_nats::jetstream;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request};
use bytes::Bytes;
use serde_json::Value;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use engine::{NoteRunner, TableCompiler};

pub const ADMIN: &str = "admin";
pub const READER: &str = "reader";
pub const NOBODY: &str = "nobody";

pub struct World {
    pub nats: NatsServer,
    pub postgres: Arc<Postgres>,
    pub js: jetstream::Context,
    pub pool: PgPool,
    pub client: CommandClient,
    pub projections: Projections,
    pub freshness: Freshness,
    pub compiler: Arc<TableCompiler>,
    pub runner: Arc<NoteRunner>,
    pub router: Router,
    pub stop: CancellationToken,
    pub driving: Mutex<CancellationToken>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn secret() -> SigningKey {
    SigningKey::new([42; 32])
}

/// The bearer is the name of who calls. `reader` reads, `admin` does all, and nobody else anything.
struct Names;

impl Authenticator for Names {
    fn authenticate<'a>(&'a self, bearer: &'a str) -> BoxFuture<'a, Result<Option<Principal>, Problem>> {
        let actor = if bearer == ADMIN { Actor::Admin } else { Actor::Key(bearer.to_owned()) };
        let tenant = Token::encode("default").unwrap();
        let known = (bearer != "unknown").then(|| Principal::new(actor, tenant, bearer));
        Box::pin(async move { Ok(known) })
    }
}

impl Authorizer for Names {
    fn check<'a>(
        &'a self,
        _: &'a Token,
        actor: &'a Actor,
        requirement: &'a Requirement,
    ) -> BoxFuture<'a, Result<(), Problem>> {
        let may = match (actor, requirement) {
            (_, Requirement::Nothing) | (Actor::Admin, _) | (Actor::System(_), Requirement::System) => true,
            (Actor::Key(name), Requirement::PipelineRead) => name == READER,
            _ => false,
        };
        let refused = Problem::new("access.forbidden", 403, "may not");
        Box::pin(async move { if may { Ok(()) } else { Err(refused) } })
    }
}

/// Keys in memory: stands where the binary asks the context that has the keys.
#[derive(Default)]
struct Keys(Mutex<Vec<NamedKey>>);

impl ApiKeys for Keys {
    fn issue<'a>(
        &'a self,
        by: &'a Principal,
        name: &'a str,
        role: KeyRole,
    ) -> BoxFuture<'a, Result<IssuedApiKey, Problem>> {
        Box::pin(async move {
            let id = by.seed.uuid("key").to_string();
            self.0.lock().unwrap().push(NamedKey { id: id.clone(), name: name.to_owned(), role });
            Ok(IssuedApiKey { id, secret: "apikey:x".into(), position: Position::start() })
        })
    }

    fn list<'a>(&'a self, _: &'a Token) -> BoxFuture<'a, Result<Vec<NamedKey>, Problem>> {
        Box::pin(async move { Ok(self.0.lock().unwrap().clone()) })
    }

    fn revoke<'a>(&'a self, _: &'a Principal, id: &'a str) -> BoxFuture<'a, Result<Position, Problem>> {
        Box::pin(async move {
            self.0.lock().unwrap().retain(|key| key.id != id);
            Ok(Position::start())
        })
    }
}

struct Well;

impl Health for Well {
    fn services(&self) -> BoxFuture<'_, [Service; 3]> {
        Box::pin(async { [0, 1, 2].map(|n| Service { healthy: n != 2, message: format!("service {n}") }) })
    }
}

fn sealer<'a>(seals: &'a Seals, request: &'a CommandRequest) -> BoxFuture<'a, Result<Option<Bytes>, Problem>> {
    Box::pin(async move {
        let Ok(mut command) = Command::decode(&request.command, &request.payload) else { return Ok(None) };
        let fields = command.sealed_fields();
        if fields.is_empty() {
            return Ok(None);
        }
        seals.seal(&request.tenant, fields).await?;
        Ok(Some(command.to_avro().into()))
    })
}

impl World {
    /// An installation that compiles and runs.
    pub async fn start() -> Self {
        let world = Self::undriven().await;
        world.drive(world.runner.clone());
        world
    }

    /// One in which nothing acts on the log yet.
    pub async fn undriven() -> Self {
        let (nats, postgres) = tokio::join!(NatsServer::start(), Postgres::shared());
        let config = connect::ConnectConfig { url: nats.url(), name: "test".into(), ..Default::default() };
        let js = connect::jetstream(connect::connect(&config).await.unwrap());
        streams::apply(&js, None).await.unwrap();
        let pool = PgPool::connect(&postgres.database().await).await.unwrap();
        let (stop, freshness) = (CancellationToken::new(), Freshness::default());
        let settings = Settings { pool: pool.clone(), js: js.clone(), freshness: freshness.clone() };
        let projections = Projections::open(settings, vec![Arc::new(PipelinesProjection)]).await.unwrap();
        let names = Arc::new(Names);
        let options = ExecutorOptions { owner: "test".into(), replicas: 1, log: LogOptions::default() };
        let executor = Executor::new(js.clone(), Arc::new(PipelinesContext), names.clone(), secret(), options);
        let client = CommandClient::new(js.clone(), secret()).with_sealer(sealer);
        tokio::spawn(executor.run(stop.clone()));
        tokio::spawn({
            let (projections, stop) = (projections.clone(), stop.clone());
            async move { projections.run(stop).await }
        });
        let queries =
            PipelineQueries::new(pool.clone(), projections.active(PROJECTION).unwrap(), client.seals().clone());
        let (compiler, runner) = (Arc::new(TableCompiler::open()), Arc::new(NoteRunner::default()));
        let state = PipelineRoutes::new(RouteParts {
            client: client.clone(),
            queries,
            freshness: freshness.clone(),
            authorizer: names.clone(),
            keys: Arc::new(Keys::default()),
            health: Arc::new(Well),
            compiler: Some(compiler.clone()),
            telemetry: Some(runner.clone()),
            edition: "Enterprise".into(),
            revision: "1.2.3".into(),
            unstable_features: vec!["testing".into()],
            demos: Vec::new(),
        });
        let about = About { title: "test".into(), version: "0".into() };
        let groups = vec![alluvium_pipelines::routes(state)];
        let surface = Surface::assemble(&about, groups, &[alluvium_eventlog::ERRORS]).unwrap();
        let router = surface.into_router(names.clone(), names);
        let driving = Mutex::new(stop.child_token());
        Self { nats, postgres, js, pool, client, projections, freshness, compiler, runner, router, stop, driving }
    }

    /// Lets somebody act on the log, with what ran before when it is the same runner.
    pub fn drive(&self, runner: Arc<NoteRunner>) {
        let stop = self.driving.lock().unwrap().clone();
        let pipelines = Live::<Pipelines>::new(self.js.clone(), self.freshness.clone());
        tokio::spawn(pipelines.clone().run(stop.clone()));
        let parts = DriverParts {
            pipelines,
            client: self.client.clone(),
            compiler: self.compiler.clone(),
            runner,
            js: self.js.clone(),
            owner: "test".into(),
            replicas: 1,
        };
        tokio::spawn(Driver::new(parts).run(stop));
    }

    /// Nobody acts any more, as if the process were gone.
    pub fn stop_driving(&self) {
        let mut driving = self.driving.lock().unwrap();
        driving.cancel();
        *driving = self.stop.child_token();
    }

    /// Waits, within reason, until something holds.
    pub async fn until(&self, what: &str, holds: impl AsyncFn(&Self) -> bool) {
        for _ in 0..800 {
            if holds(self).await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("waited 20 s until {what}");
    }

    pub async fn whole(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<Value>,
    ) -> (u16, HeaderMap, Value) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 1 << 22).await.unwrap();
        let json = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        (parts.status.as_u16(), parts.headers, json)
    }

    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let (status, _, body) = self.whole(method, path, Some(ADMIN), body).await;
        (status, body)
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.call(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str) -> (u16, Value) {
        self.call(Method::POST, path, None).await
    }

    /// Creates a pipeline.
    pub async fn create(&self, name: &str, code: &str) -> Value {
        let body = serde_json::json!({"name": name, "program_code": code});
        let (status, made) = self.call(Method::POST, "/v0/pipelines", Some(body)).await;
        assert_eq!(status, 201, "{made}");
        made
    }

    /// Waits until a member of a pipeline has a value.
    pub async fn becomes(&self, name: &str, member: &str, value: &str) -> Value {
        let path = format!("/v0/pipelines/{name}");
        self.until(&format!("{name}: {member} is {value}"), async |world| world.get(&path).await.1[member] == value)
            .await;
        self.get(&path).await.1
    }

    /// The refusal, by status and code.
    pub async fn refused(&self, method: Method, path: &str, body: Option<Value>) -> (u16, String) {
        let (status, answer) = self.call(method, path, body).await;
        assert!(answer["message"].is_string() && answer.get("details").is_some(), "{answer}");
        (status, answer["error_code"].as_str().unwrap_or_default().to_owned())
    }
}

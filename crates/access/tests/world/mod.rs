//! A whole small installation of this context: log, read models, command worker, policy and HTTP surface, all real.

#![allow(dead_code, reason = "each test binary uses its part")]

pub mod issuer;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alluvium_access::contract::Command;
use alluvium_access::login::{KeySets, LoginSettings, Logins, OwnerTrust, Provider};
use alluvium_access::{
    Access, AccessContext, AccessProjection, Follower, Holdings, KeyDesk, KeyQueries, KeyRoutes, PROJECTION, Projects,
    TenancyRoutes, project_keys, usage,
};
use alluvium_eventlog::seals::Seals;
use alluvium_eventlog::{CommandClient, CommandRequest, Executor, ExecutorOptions, LogOptions};
use alluvium_http::{About, CodedRenderer, DetailRenderer, Json, Op, Principal, Route, RouteGroup, Surface};
use alluvium_kernel::{Authorizer, BoxFuture, Problem, Requirement, SigningKey, Token};
use alluvium_messaging::{ContractSet as _, connect, streams};
use alluvium_projection::{Freshness, Projections, Settings};
use alluvium_testing::{NatsServer, Postgres};
use async_nats::jetstream;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request};
use bytes::Bytes;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use issuer::Issuer;

pub const ADMIN: &str = "the admin's key";

/// A branch that every project of these tests has.
pub const BRANCH: &str = "00c0ffee";

pub struct World {
    pub nats: NatsServer,
    pub postgres: Arc<Postgres>,
    pub js: jetstream::Context,
    pub pool: PgPool,
    pub desk: KeyDesk,
    pub access: Arc<Access>,
    pub follower: Arc<Follower>,
    pub projections: Projections,
    pub freshness: Freshness,
    pub projects: Arc<KnownProjects>,
    pub router: Router,
    pub issuer: Arc<Issuer>,
    pub stop: CancellationToken,
}

/// The projects of a test: stands where the binary asks the storage context.
#[derive(Default)]
pub struct KnownProjects(Mutex<BTreeSet<String>>);

impl KnownProjects {
    pub fn add(&self, project: &str) {
        self.0.lock().unwrap().insert(project.to_owned());
    }

    pub fn remove(&self, project: &str) {
        self.0.lock().unwrap().remove(project);
    }
}

impl Projects for KnownProjects {
    fn exists<'a>(&'a self, _: &'a Token, project: &'a str) -> BoxFuture<'a, Result<bool, Problem>> {
        Box::pin(async move { Ok(self.0.lock().unwrap().contains(project)) })
    }

    fn bucket_name(&self, name: &str) -> Result<String, Problem> {
        Ok(name.replace("in.c-", "in_c_"))
    }

    fn has_branch<'a>(&'a self, _: &'a Token, _: &'a str, branch: &'a str) -> BoxFuture<'a, Result<bool, Problem>> {
        Box::pin(async move { Ok(branch == BRANCH) })
    }
}

/// Other contexts have nothing of any tenant.
struct Nothing;

impl Holdings for Nothing {
    fn of<'a>(&'a self, _: &'a Token) -> BoxFuture<'a, Result<Option<String>, Problem>> {
        Box::pin(async { Ok(None) })
    }
}

fn settings_of_logins() -> LoginSettings {
    LoginSettings {
        provider: Provider::GenericOidc { extra_scopes: vec!["email".into()] },
        issuer: issuer::LOGIN.into(),
        client_id: "client".into(),
        owners: vec!["boss@example.org".into(), "root".into()],
        owner_trusts: vec![OwnerTrust { issuer: issuer::CI.into(), subject: "deploy".into(), audience: None }],
        ..LoginSettings::default()
    }
}

fn sealer<'a>(seals: &'a Seals, request: &'a CommandRequest) -> BoxFuture<'a, Result<Option<Bytes>, Problem>> {
    Box::pin(async move {
        let Ok(mut command) = Command::decode(&request.command, &request.payload) else { return Ok(None) };
        // What keys say in these tests is left open, so that it can be seen on the log.
        if !matches!(command, Command::Membership(_)) || command.sealed_fields().is_empty() {
            return Ok(None);
        }
        seals.seal(&request.tenant, command.sealed_fields()).await?;
        Ok(Some(command.to_avro().into()))
    })
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub fn tenant() -> Token {
    Token::encode("default").unwrap()
}

/// Whoever has the admin key, with a new request.
pub fn admin() -> Principal {
    Principal::new(alluvium_kernel::Actor::Admin, tenant(), "admin")
}

pub fn secret() -> SigningKey {
    SigningKey::new([42; 32])
}

impl World {
    pub async fn start() -> Self {
        Self::start_with(Some(ADMIN)).await
    }

    pub async fn start_with(admin_key: Option<&str>) -> Self {
        let (nats, postgres) = tokio::join!(NatsServer::start(), Postgres::shared());
        let config = connect::ConnectConfig { url: nats.url(), name: "test".into(), ..Default::default() };
        let js = connect::jetstream(connect::connect(&config).await.unwrap());
        streams::apply(&js, None).await.unwrap();
        let pool = PgPool::connect(&postgres.database().await).await.unwrap();
        let (stop, freshness) = (CancellationToken::new(), Freshness::default());

        let settings = Settings { pool: pool.clone(), js: js.clone(), freshness: freshness.clone() };
        let projections = Projections::open(settings, vec![Arc::new(AccessProjection)]).await.unwrap();
        let (notes, writer) = usage(pool.clone()).await.unwrap();
        let follower = Follower::new(js.clone(), freshness.clone());
        let access = Arc::new(Access::new(secret(), admin_key, follower.clone()).noting_usage(notes));
        let authorizer: Arc<dyn Authorizer> = access.clone();
        let options = ExecutorOptions { owner: "test".into(), replicas: 1, log: LogOptions::default() };
        let executor = Executor::new(js.clone(), Arc::new(AccessContext), authorizer, secret(), options);
        let client = CommandClient::new(js.clone(), secret()).with_sealer(sealer);
        let desk = KeyDesk::new(access.clone(), client, freshness.clone());

        tokio::spawn(executor.run(stop.clone()));
        tokio::spawn(follower.clone().run(stop.clone()));
        tokio::spawn(writer.run(stop.clone()));
        tokio::spawn(project_keys::run(desk.clone(), js.clone(), stop.clone()));
        tokio::spawn({
            let (projections, stop) = (projections.clone(), stop.clone());
            async move { projections.run(stop).await }
        });

        let projects = Arc::new(KnownProjects::default());
        let queries =
            KeyQueries::new(pool.clone(), projections.active(PROJECTION).unwrap(), Seals::new(js.clone(), secret()));
        let state = KeyRoutes { desk: desk.clone(), queries, projects: projects.clone() };
        let issuer = Arc::new(Issuer::new());
        let logins = Logins::new(desk.clone(), settings_of_logins(), KeySets::new(issuer.clone()));
        let tenancy = TenancyRoutes::new(logins.clone(), access.clone(), Arc::new(Nothing));
        let router = router(state, &access, tenancy, logins);
        let world = Self {
            nats,
            postgres,
            js,
            pool,
            desk,
            access,
            follower,
            projections,
            freshness,
            projects,
            router,
            issuer,
            stop,
        };
        world.until("the keys are read", async |world| world.follower.is_ready()).await;
        world
    }

    /// Waits, within reason, until something holds.
    pub async fn until(&self, what: &str, holds: impl AsyncFn(&Self) -> bool) {
        for _ in 0..400 {
            if holds(self).await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("waited 10 s until {what}");
    }

    pub async fn call(&self, method: Method, path: &str, key: Option<&str>, body: Option<Value>) -> (u16, Value) {
        let (status, _, body) = self.call_whole(method, path, key, body).await;
        (status, body)
    }

    pub async fn call_whole(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<Value>,
    ) -> (u16, HeaderMap, Value) {
        self.call_with(method, path, key, &[], body).await
    }

    pub async fn call_with(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> (u16, HeaderMap, Value) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        let json = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        (parts.status.as_u16(), parts.headers, json)
    }

    pub async fn get(&self, path: &str, key: &str) -> (u16, Value) {
        self.call(Method::GET, path, Some(key), None).await
    }

    /// A project with a first key.
    pub async fn project(&self, project: &str) -> String {
        self.projects.add(project);
        let issued = self.desk.issue_first_key(&admin(), project).await.unwrap();
        issued.secret.reveal().to_owned()
    }
}

fn router(state: KeyRoutes, access: &Arc<Access>, tenancy: TenancyRoutes, logins: Logins) -> Router {
    let admin_configured = access.has_admin_key();
    let admins =
        vec![Route::get("/admins", |_| Requirement::Admin, async || "hello", Op::new("admins", "test", "For admins"))];
    let known = vec![Route::get(
        "/known",
        |_| Requirement::Authenticated,
        async || "hello",
        Op::new("known", "test", "For anyone known"),
    )];
    let group = |name, routes| RouteGroup::new(name, (), routes).errors_as(DetailRenderer { admin_configured }, &[]);
    let who = async |principal: Principal| Json(json!({"actor": principal.actor, "tenant": principal.tenant.decode()}));
    let who = vec![
        Route::get("/v0/who", |_| Requirement::PipelineRead, who, Op::new("who", "test", "Who asks")),
        Route::post("/v0/who", |_| Requirement::PipelineWrite, who, Op::new("write", "test", "Who may write")),
    ];
    let who = RouteGroup::new("who", (), who).credentials(logins).errors_as(CodedRenderer, &["/v0"]);
    let tenancy = alluvium_access::tenancy_routes(tenancy);
    let groups = vec![alluvium_access::routes(state), tenancy, who, group("admins", admins), group("known", known)];
    let about = About { title: "test".into(), version: "0".into() };
    Surface::assemble(&about, groups, &[alluvium_eventlog::ERRORS]).unwrap().into_router(access.clone(), access.clone())
}

//! Requests about tables are answered by the process that keeps them: here, or asked for over there.

use std::sync::Arc;
use std::time::Duration;

use alluvium_eventlog::registry::{Member, Registry, owner};
use alluvium_http::{JSON_BYTES_MAX, PathParams, Placement, Principal, ProblemResponse, RequestId};
use alluvium_kernel::{BoxFuture, Problem, SigningKey, Token};
use alluvium_storage::Queries;
use alluvium_storage::fold::{Tables, keeper, project_key};
use alluvium_storage::model::names::bucket_name;
use async_nats::jetstream;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, HOST, TRANSFER_ENCODING, UPGRADE, VARY};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tokio::time::Instant;

use super::vouch::{VOUCHER, vouch};

/// The role whose processes keep tables.
pub const TABLES: &str = "tables";
/// Answer header: the tables are not kept there, and nothing was done.
const ELSEWHERE: HeaderName = HeaderName::from_static("alv-elsewhere");
/// How long a request waits for tables that are moving, in milliseconds; longer than it takes to notice that a node is gone.
const MOVE_WAIT_MS: u64 = 15_000;
/// Pause between two looks for who keeps the tables, in milliseconds.
const LOOK_AGAIN_MS: u64 = 100;
/// How long connecting to another process may take, in milliseconds.
const CONNECT_MS_MAX: u64 = 1_000;

/// Finds out who keeps a project's tables.
pub struct Places {
    registry: Arc<Registry>,
    js: jetstream::Context,
    key: SigningKey,
    here: Option<Arc<Tables>>,
    /// Knows which buckets show another project's.
    links: Queries,
    /// Asks others. None behind the address for other processes: what came from one is not passed on.
    http: Option<reqwest::Client>,
}

/// Where a project's tables are.
enum Place {
    /// Here, by this claim; none for a project without tables.
    Here(Option<u64>),
    There(Member),
    Nowhere,
}

/// What came of asking another process.
enum Asked {
    Answered(Response),
    /// It does not keep them, or is not there; nothing was done.
    NotThere,
    /// It went away in between.
    Lost,
}

impl Places {
    /// For callers of the platform.
    pub fn outward(
        registry: Arc<Registry>,
        js: jetstream::Context,
        key: SigningKey,
        here: Option<Arc<Tables>>,
        links: Queries,
    ) -> Result<Self, reqwest::Error> {
        let http = crate::http::builder()
            .connect_timeout(Duration::from_millis(CONNECT_MS_MAX))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self { registry, js, key, here, links, http: Some(http) })
    }

    /// For other processes.
    pub fn inward(
        registry: Arc<Registry>,
        js: jetstream::Context,
        key: SigningKey,
        here: Arc<Tables>,
        links: Queries,
    ) -> Self {
        Self { registry, js, key, here: Some(here), links, http: None }
    }

    fn find(&self, project: &str) -> Place {
        let members = self.registry.members();
        let keeper = owner(&members, TABLES, project);
        let counts =
            |tables: &&Arc<Tables>| self.registry.is_sure() && tables.owned().counts_for() == self.registry.epoch();
        if let Some(tables) = self.here.as_ref().filter(counts) {
            let (owned, mine) = (tables.owned(), keeper.is_some_and(|member| member.node == self.registry.node()));
            if let Some(epoch) = owned.serves(project) {
                return Place::Here(Some(epoch));
            }
            if mine && !owned.holds(project) && !tables.fold().routing().has_project(project) {
                return Place::Here(None);
            }
        }
        match keeper {
            Some(member) if member.node != self.registry.node() => Place::There(member.clone()),
            _ => Place::Nowhere,
        }
    }

    /// The project that has the table in a path, when the bucket there only shows it.
    async fn source(&self, principal: &Principal, params: &PathParams) -> Result<Option<String>, Problem> {
        let [project, branch, bucket, table] =
            ["project_id", "branch_id", "bucket_name", "table_name"].map(|name| params.get(name));
        // No name holds a NUL, and Postgres takes no text with it.
        if table.is_empty() || [project, branch, bucket, table].iter().any(|name| name.contains('\0')) {
            return Ok(None);
        }
        let (tenant, bucket) = (principal.tenant.decode(), bucket_name(bucket));
        self.links.source_project(&tenant, project, branch, &bucket, table).await
    }

    async fn placed(&self, request: Request, here: Next) -> Result<Response, Problem> {
        let (parts, body) = request.into_parts();
        let principal = parts.extensions.get::<Principal>().cloned().ok_or_else(Problem::internal)?;
        let params = parts.extensions.get::<PathParams>().cloned().ok_or_else(Problem::internal)?;
        let shown = self.source(&principal, &params).await?;
        let named = Token::encode(shown.as_deref().unwrap_or_else(|| params.get("project_id")));
        let Ok(project) = named.map(|project| project_key(&principal.tenant, &project)) else {
            // No project can be called that; the handler says so.
            return Ok(here.run(Request::from_parts(parts, body)).await);
        };
        if let Place::Here(claim) = self.find(&project) {
            return Ok(self.run_here(&project, claim, Request::from_parts(parts, body), here).await);
        }
        let Some(http) = &self.http else { return Ok(elsewhere()) };
        let body = to_bytes(body, JSON_BYTES_MAX).await.map_err(|_| {
            Problem::new("http.body_too_large", 413, format!("The body is larger than {JSON_BYTES_MAX} bytes."))
        })?;
        let deadline = Instant::now() + Duration::from_millis(MOVE_WAIT_MS);
        let mut only_keeper = None;
        loop {
            let place = match only_keeper.take() {
                Some(member) => Place::There(member),
                None => self.find(&project),
            };
            match place {
                Place::Here(claim) => {
                    let request = Request::from_parts(parts, Body::from(body));
                    return Ok(self.run_here(&project, claim, request, here).await);
                }
                Place::There(member) => match self.ask(http, &member, &principal, &parts, &body).await? {
                    Asked::Answered(response) => return Ok(response),
                    Asked::NotThere => only_keeper = self.keeper_besides(&project, Some(&member)).await,
                    Asked::Lost if only_reads(&parts) => {}
                    Asked::Lost => return Err(lost()),
                },
                Place::Nowhere => only_keeper = self.keeper_besides(&project, None).await,
            }
            if Instant::now() > deadline {
                return Err(moving());
            }
            if only_keeper.is_none() {
                tokio::time::sleep(Duration::from_millis(LOOK_AGAIN_MS)).await;
            }
        }
    }

    /// Lets the request through, and makes sure that the tables were kept here until its answer was there.
    async fn run_here(&self, project: &str, claim: Option<u64>, request: Request, here: Next) -> Response {
        let reads = request_only_reads(&request);
        let response = here.run(request).await;
        let owned = self.here.as_ref().map(|tables| tables.owned());
        let kept = claim.is_none() || owned.is_some_and(|owned| owned.epoch(project) == claim);
        if kept || !reads || !response.status().is_success() {
            return response;
        }
        elsewhere()
    }

    /// Who has claimed the tables, when that is another than the one asked last: their owner to be is still folding them.
    async fn keeper_besides(&self, project: &str, asked: Option<&Member>) -> Option<Member> {
        let node = keeper(&self.js, project).await.ok().flatten()?;
        let members = self.registry.members();
        let keeper = members.iter().find(|member| member.node == node && member.node != self.registry.node())?;
        asked.is_none_or(|asked| asked.node != keeper.node).then(|| keeper.clone())
    }

    async fn ask(
        &self,
        http: &reqwest::Client,
        member: &Member,
        principal: &Principal,
        parts: &Parts,
        body: &Bytes,
    ) -> Result<Asked, Problem> {
        let Some(address) = &member.address else { return Ok(Asked::NotThere) };
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut headers = passed_on(&parts.headers);
        if let Some(RequestId(id)) = parts.extensions.get::<RequestId>()
            && let Ok(id) = HeaderValue::from_str(id)
        {
            headers.insert("x-request-id", id);
        }
        let mut signed = parts.clone();
        signed.uri = path.parse().map_err(|_| Problem::internal())?;
        signed.headers.clone_from(&headers);
        headers.insert(VOUCHER, vouch(&self.key, principal, &signed, body)?);
        let sending = http
            .request(parts.method.clone(), format!("http://{address}{path}"))
            .headers(headers)
            .body(body.clone())
            .send();
        let answer = tokio::select! {
            answer = sending => answer,
            () = self.gone(member) => return Ok(Asked::Lost),
        };
        match answer {
            Ok(answer) if answer.headers().contains_key(&ELSEWHERE) => Ok(Asked::NotThere),
            Ok(answer) => Ok(Asked::Answered(passed_back(answer))),
            Err(error) if error.is_connect() => Ok(Asked::NotThere),
            Err(error) => {
                tracing::warn!(node = %member.node, error = %error, "the process that keeps the tables did not answer");
                Ok(Asked::Lost)
            }
        }
    }

    /// Resolves when a node is not among the living any more, or as another.
    async fn gone(&self, member: &Member) {
        let mut members = self.registry.watch();
        let gone = |members: &Arc<Vec<Member>>| {
            !members.iter().any(|other| other.node == member.node && other.epoch == member.epoch)
        };
        if members.wait_for(gone).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Placement for Places {
    fn answer(&self, request: Request, here: Next) -> BoxFuture<'_, Response> {
        Box::pin(async move {
            match self.placed(request, here).await {
                Ok(response) => response,
                Err(problem) => ProblemResponse(problem).into_response(),
            }
        })
    }
}

/// Whether asking twice does the same as asking once.
fn only_reads(parts: &Parts) -> bool {
    is_read(&parts.method, parts.uri.path())
}

fn request_only_reads(request: &Request) -> bool {
    is_read(request.method(), request.uri().path())
}

fn is_read(method: &Method, path: &str) -> bool {
    // A statement in a workspace may change it.
    let asks =
        ["/preview", "/profile", "/query"].iter().any(|end| path.ends_with(end)) && !path.contains("/workspaces/");
    matches!(*method, Method::GET | Method::HEAD) || (*method == Method::POST && asks)
}

fn moving() -> Problem {
    let detail = "The tables of this project are moving to another node, or no node keeps tables now. Try again.";
    Problem::unavailable("storage.table_moving", detail)
}

fn lost() -> Problem {
    let detail = "The process that keeps the tables went away before it answered. The change may have been accepted: look, or \
                  send it again under the same key or command id.";
    Problem::unavailable("platform.owner_lost", detail)
}

fn elsewhere() -> Response {
    let mut response = ProblemResponse(moving()).into_response();
    response.headers_mut().insert(ELSEWHERE, HeaderValue::from_static("true"));
    response
}

/// Headers of a request that mean something to the process that answers it; credentials do not.
fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in [AUTHORIZATION, COOKIE, HOST, CONTENT_LENGTH, CONNECTION, TRANSFER_ENCODING, UPGRADE, VOUCHER] {
        headers.remove(name);
    }
    for name in ["x-storageapi-token", "expect", "te", "keep-alive", "origin"] {
        headers.remove(name);
    }
    headers
}

/// The answer as it came, streamed; what concerns the connection, and what every answer here gets anyway, left out.
fn passed_back(answer: reqwest::Response) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = answer.status();
    for (name, value) in answer.headers() {
        let own = [CONNECTION, TRANSFER_ENCODING, UPGRADE, VARY].contains(name);
        if !own && !name.as_str().starts_with("access-control-") {
            response.headers_mut().append(name, value.clone());
        }
    }
    *response.body_mut() = Body::from_stream(answer.bytes_stream());
    response
}

//! The surface as a client meets it, through the whole router.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use alluvium_http::{
    About, Authenticator, Authorizer, BodyBytes, BoxFuture, Documented, ErrorBody, ErrorContext, ErrorInfo,
    ErrorRenderer, Json, MinPosition, Op, PathParams, Principal, ProblemResponse, Query, Route, RouteGroup, Surface,
    Upload, WithPosition,
};
use alluvium_kernel::{Actor, Position, Problem, Requirement, Token};
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use futures::StreamExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// Keys of the tests: `admin`, and `p1-admin`, `p1-write`, `p1-read` for project p1.
struct Access;

impl Authenticator for Access {
    fn authenticate<'a>(&'a self, bearer: &'a str) -> BoxFuture<'a, Result<Option<Principal>, Problem>> {
        Box::pin(async move {
            let actor = match bearer {
                "admin" => Actor::Admin,
                "broken" => return Err(Problem::unavailable("demo.away", "The keys cannot be read now.")),
                key if key.starts_with("p1-") => Actor::Key(key.to_owned()),
                _ => return Ok(None),
            };
            let tenant = Token::encode("default").unwrap();
            Ok(Some(Principal::new(actor, tenant, bearer)))
        })
    }
}

impl Authorizer for Access {
    fn check<'a>(
        &'a self,
        _: &'a Token,
        actor: &'a Actor,
        requirement: &'a Requirement,
    ) -> BoxFuture<'a, Result<(), Problem>> {
        let role = match actor {
            Actor::Admin => 4,
            Actor::Key(key) if key == "p1-admin" => 3,
            Actor::Key(key) if key == "p1-write" => 2,
            Actor::Key(key) if key == "p1-read" => 1,
            _ => 0,
        };
        let own = |project: &str| role == 4 || project == "p1";
        let allowed = match requirement {
            Requirement::Nothing | Requirement::Authenticated => true,
            Requirement::Admin => role >= 4,
            Requirement::ProjectAdmin(p) => role >= 3 && own(p),
            Requirement::ProjectWrite(p) | Requirement::AnyBranchWrite(p) | Requirement::BranchWrite(p, _) => {
                role >= 2 && own(p)
            }
            Requirement::ProjectRead(p) | Requirement::ProjectMember(p) | Requirement::BranchRead(p, _) => {
                role >= 1 && own(p)
            }
            // Nothing here asks for these.
            _ => false,
        };
        let refusal = Problem::new("demo.forbidden", 403, "This key may not do that.");
        Box::pin(async move { if allowed { Ok(()) } else { Err(refusal) } })
    }
}

/// A compatible surface with its own error shape.
struct Wire;

impl ErrorRenderer for Wire {
    fn render(&self, problem: &Problem, context: &ErrorContext<'_>) -> Response {
        let detail = match (problem.code.as_str(), context.matched) {
            ("http.not_found", _) => json!("Not Found"),
            ("http.method_not_allowed", _) => json!("Method Not Allowed"),
            (code, matched) => json!({"error": code, "route": matched.map(|m| m.template.to_string())}),
        };
        let status = StatusCode::from_u16(problem.status).unwrap();
        (status, axum::Json(json!({ "detail": detail }))).into_response()
    }

    fn documented(&self, error: &ErrorInfo, _: &Requirement) -> Option<Documented> {
        Some(Documented { status: error.status, media_type: "application/json", body: ErrorBody::Detail })
    }
}

#[derive(serde::Deserialize, serde::Serialize, utoipa::ToSchema)]
struct Thing {
    name: String,
    size: u32,
}

#[derive(serde::Deserialize, utoipa::IntoParams)]
struct Page {
    limit: Option<u32>,
}

const ERRORS: &[ErrorInfo] = &[
    ErrorInfo::new("demo.forbidden", 403, "Not allowed", "Use another key."),
    ErrorInfo::new("demo.away", 503, "Away", "Wait."),
];

async fn show(params: PathParams, min: MinPosition, Query(page): Query<Page>) -> impl IntoResponse {
    let facts: Vec<_> = params.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let body = json!({"params": facts, "wait_ms": min.budget.as_millis() as u64, "limit": page.limit});
    WithPosition(min.position.join(&Position::of("STORAGE", 9)), Json(body))
}

async fn create(principal: Principal, Json(thing): Json<Thing>) -> impl IntoResponse {
    (StatusCode::CREATED, Json(json!({"by": principal.actor.to_string(), "name": thing.name, "size": thing.size})))
}

async fn count(upload: Upload) -> Result<String, ProblemResponse> {
    let mut total = 0;
    let mut stream = std::pin::pin!(upload.into_stream());
    while let Some(chunk) = stream.next().await {
        total += chunk?.len();
    }
    Ok(total.to_string())
}

async fn panics() -> &'static str {
    panic!("secret of the inside")
}

async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_mins(1)).await;
    "never"
}

fn project(params: &PathParams) -> String {
    params.owned("project_id")
}

fn surface() -> Surface {
    let op = |id: &str| Op::new(id, "demo", "…");
    let demo = vec![
        Route::get("/open", |_| Requirement::Nothing, async || "hello", op("open")),
        Route::post(
            "/things",
            |_| Requirement::Admin,
            create,
            op("createThing").body::<Thing>().json::<Thing>(201, "Made"),
        ),
        Route::get("/panic", |_| Requirement::Nothing, panics, op("panic")),
        Route::get("/slow", |_| Requirement::Nothing, slow, op("slow")).timeout(Duration::from_millis(30)),
        Route::put("/upload", |_| Requirement::Nothing, count, op("upload").binary_body("application/octet-stream"))
            .body_bytes_max(1000),
        Route::put("/raw", |_| Requirement::Nothing, async |body: BodyBytes| body.0.len().to_string(), op("raw"))
            .body_bytes_max(10),
    ];
    let wire = vec![
        Route::get(
            "/projects/{project_id}/branches/{branch_id}/buckets/{bucket}",
            |p| Requirement::ProjectRead(project(p)),
            show,
            op("showBucket").query::<Page>().errors(&["demo.forbidden"]),
        )
        .alias("/projects/{project_id}/buckets/{bucket}", &[("branch_id", "default")]),
        Route::delete(
            "/projects/{project_id}/branches/{branch_id}/buckets/{bucket}",
            |p| Requirement::ProjectAdmin(project(p)),
            async || StatusCode::NO_CONTENT,
            op("dropBucket"),
        ),
        Route::get("/s3/{bucket}/{*key}", |_| Requirement::Authenticated, show, op("object")),
    ];
    let groups = vec![
        RouteGroup::new("demo", (), demo).error_codes(ERRORS),
        RouteGroup::new("wire", (), wire).errors_as(Wire, &["/projects"]),
    ];
    let about = About { title: "Demo <&>".into(), version: "1".into() };
    Surface::assemble(&about, groups, &[]).unwrap()
}

fn router() -> Router {
    surface().into_router(Arc::new(Access), Arc::new(Access))
}

fn request(method: Method, path: &str, key: Option<&str>, body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(key) = key {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    request.body(body.into()).unwrap()
}

async fn send(request: Request<Body>) -> Response {
    router().oneshot(request).await.unwrap()
}

async fn get(path: &str, key: Option<&str>) -> Response {
    send(request(Method::GET, path, key, Body::empty())).await
}

async fn json_of(response: Response) -> Value {
    serde_json::from_slice(&axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap()).unwrap()
}

async fn text_of(response: Response) -> String {
    String::from_utf8(axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn problems_are_rfc_9457_with_our_code() {
    let response = get("/nowhere", None).await;
    assert_eq!(response.status(), 404);
    assert_eq!(header(&response, "content-type"), "application/problem+json");
    let id = header(&response, "x-request-id").to_owned();
    let body = json_of(response).await;
    assert_eq!(body["type"], "/docs/errors/http.not_found");
    assert_eq!((body["status"].as_u64(), body["code"].as_str()), (Some(404), Some("http.not_found")));
    assert_eq!((body["instance"].as_str(), body["request_id"].as_str()), (Some("/nowhere"), Some(id.as_str())));
}

#[tokio::test]
async fn a_group_has_its_own_shape_of_errors_also_for_unknown_paths_and_methods() {
    let unknown = get("/projects/p1/nonsense", Some("admin")).await;
    assert_eq!(unknown.status(), 404);
    assert_eq!(json_of(unknown).await, json!({"detail": "Not Found"}));

    let wrong = send(request(Method::PATCH, "/projects/p1/buckets/b", Some("admin"), Body::empty())).await;
    assert_eq!((wrong.status().as_u16(), header(&wrong, "allow")), (405, "GET,HEAD"));
    assert_eq!(json_of(wrong).await, json!({"detail": "Method Not Allowed"}));

    let refused = get("/projects/p2/buckets/b", Some("p1-read")).await;
    assert_eq!(refused.status(), 403);
    let route = "/projects/{project_id}/branches/{branch_id}/buckets/{bucket}";
    assert_eq!(json_of(refused).await, json!({"detail": {"error": "demo.forbidden", "route": route}}));
    assert_eq!(get("/projectsx", None).await.headers()["content-type"], "application/problem+json");
}

#[tokio::test]
async fn without_a_live_credential_nothing_happens() {
    for (key, code) in [(None, "http.not_authenticated"), (Some("stranger"), "http.unknown_credential")] {
        let response = send(request(Method::POST, "/things", key, "{}")).await;
        assert_eq!((response.status().as_u16(), header(&response, "www-authenticate")), (401, "Bearer"));
        assert_eq!(json_of(response).await["code"], code);
    }
    let basic = Request::post("/things").header("authorization", "Basic YTpi").body(Body::empty()).unwrap();
    assert_eq!(json_of(send(basic).await).await["code"], "http.not_authenticated");
    let other = Request::post("/things").header("x-storageapi-token", "p1-read").body(Body::empty()).unwrap();
    assert_eq!(send(other).await.status(), 403);
    let away = send(request(Method::POST, "/things", Some("broken"), "{}")).await;
    assert_eq!((away.status().as_u16(), header(&away, "retry-after")), (503, "1"));
}

#[tokio::test]
async fn every_route_holds_for_every_role() {
    let surface = surface();
    let routes: Vec<_> = surface.routes().cloned().collect();
    let router = surface.into_router(Arc::new(Access), Arc::new(Access));
    let mut walked = 0;
    for route in &routes {
        let params = PathParams::new(route.param_names().into_iter().map(|name| {
            let value = if name == "project_id" { "p1" } else { "x" };
            (name, value.to_owned())
        }));
        let needed = route.requirement(&params);
        for (key, role) in
            [(None, 0), (Some("p1-read"), 1), (Some("p1-write"), 2), (Some("p1-admin"), 3), (Some("admin"), 4)]
        {
            for pattern in route.patterns() {
                let path = pattern.replace("{project_id}", "p1").replace("{branch_id}", "x").replace("{bucket}", "x");
                let path = path.replace("{*key}", "x/y").replace("{code}", "http.timeout");
                let response = router.clone().oneshot(request(route.method().clone(), &path, key, Body::empty())).await;
                let refused = matches!(response.unwrap().status().as_u16(), 401 | 403);
                let (least, public) = match &needed {
                    Requirement::Nothing => (0, true),
                    Requirement::Authenticated
                    | Requirement::ProjectRead(_)
                    | Requirement::ProjectMember(_)
                    | Requirement::BranchRead(..) => (1, false),
                    Requirement::ProjectWrite(_) | Requirement::AnyBranchWrite(_) | Requirement::BranchWrite(..) => {
                        (2, false)
                    }
                    Requirement::ProjectAdmin(_) => (3, false),
                    Requirement::Admin => (4, false),
                    _ => (9, false),
                };
                assert_eq!(refused, !public && role < least, "{} {path} as {key:?}", route.method());
                walked += 1;
            }
        }
    }
    assert!(walked > 60, "{walked}");
}

#[tokio::test]
async fn aliases_fill_in_what_they_leave_out_and_parts_are_decoded_once() {
    let body = json_of(get("/projects/p1/buckets/a%252Fb?limit=5", Some("p1-read")).await).await;
    assert_eq!(body["params"], json!(["branch_id=default", "bucket=a%2Fb", "project_id=p1"]));
    assert_eq!(body["limit"], 5);
    let body = json_of(get("/projects/p1/branches/dev/buckets/b", Some("p1-read")).await).await;
    assert_eq!(body["params"][0], "branch_id=dev");
    assert_eq!(get("/projects/p1/buckets/%ff", Some("p1-read")).await.status(), 400);
    assert_eq!(get("/projects/p1/buckets/b?limit=many", Some("p1-read")).await.status(), 422);
    assert_eq!(
        json_of(get("/s3/b/deep/key", Some("p1-read")).await).await["params"],
        json!(["bucket=b", "key=deep/key"])
    );
}

#[tokio::test]
async fn bodies_are_read_with_clear_errors() {
    let post = async |body: &'static str, kind: &str| {
        let request = Request::post("/things").header("authorization", "Bearer admin").header("content-type", kind);
        let response = send(request.body(body.into()).unwrap()).await;
        (response.status().as_u16(), json_of(response).await)
    };
    let (status, made) = post(r#"{"name": "a", "size": 1}"#, "application/json; charset=utf-8").await;
    assert_eq!((status, made), (201, json!({"by": "admin", "name": "a", "size": 1})));
    let (status, wrong) = post(r#"{"name": "a", "size": "big"}"#, "application/json").await;
    assert_eq!((status, wrong["errors"][0]["field"].as_str()), (422, Some("size")));
    for broken in ["{", "", "{} x"] {
        let (status, body) = post(broken, "application/json").await;
        assert!(matches!(status, 400 | 422), "{broken}: {body}");
    }
    assert_eq!(post("a=1", "application/x-www-form-urlencoded").await.0, 415);
}

#[tokio::test]
async fn limits_hold_with_and_without_a_declared_length() {
    for path in ["/upload", "/raw"] {
        let declared = Request::put(path).header("content-length", "5000").body(Body::from(vec![0; 5000])).unwrap();
        let response = send(declared).await;
        assert_eq!(
            (response.status().as_u16(), json_of(response).await["code"].as_str()),
            (413, Some("http.body_too_large"))
        );
        let chunks = futures::stream::iter((0..50).map(|_| Ok::<_, std::io::Error>(vec![0_u8; 100])));
        let response = send(Request::put(path).body(Body::from_stream(chunks)).unwrap()).await;
        assert_eq!(
            (response.status().as_u16(), json_of(response).await["code"].as_str()),
            (413, Some("http.body_too_large"))
        );
    }
    assert_eq!(text_of(send(Request::put("/upload").body(Body::from(vec![0; 900])).unwrap()).await).await, "900");
    let broken = futures::stream::iter([Ok(vec![0_u8; 10]), Err(std::io::Error::other("gone"))]);
    assert_eq!(send(Request::put("/upload").body(Body::from_stream(broken)).unwrap()).await.status(), 400);
}

#[tokio::test]
async fn panics_and_slow_handlers_end_as_problems_without_the_inside() {
    let response = get("/panic", None).await;
    assert_eq!(response.status(), 500);
    assert_eq!(header(&response, "access-control-allow-origin"), "*", "browsers must see the problem");
    assert!(!header(&response, "x-request-id").is_empty());
    let text = text_of(response).await;
    assert!(text.contains("platform.internal") && !text.contains("secret"), "{text}");
    let response = get("/slow", None).await;
    assert_eq!((response.status().as_u16(), header(&response, "retry-after")), (503, "1"));
    assert_eq!(json_of(response).await["code"], "http.timeout");
}

#[tokio::test]
async fn request_ids_are_kept_when_they_are_decent() {
    for (given, kept) in
        [("abc-1", true), (&"x".repeat(128), true), (&"x".repeat(129), false), ("a b", false), ("", false)]
    {
        let request = Request::get("/open").header("x-request-id", given).body(Body::empty()).unwrap();
        let response = send(request).await;
        let id = header(&response, "x-request-id");
        assert_eq!(id == given, kept, "{given:?}");
        assert!(!id.is_empty());
    }
}

#[tokio::test]
async fn positions_come_in_and_go_out() {
    let ask = async |position: &str, wait: &str| {
        let request = Request::get("/projects/p1/buckets/b").header("authorization", "Bearer p1-read");
        let request = request.header("alv-min-position", position).header("alv-wait-ms", wait);
        send(request.body(Body::empty()).unwrap()).await
    };
    let token = Position::of("EV_ACCESS", 3).to_token();
    let response = ask(&token, "90000").await;
    let position = Position::from_token(header(&response, "alv-position")).unwrap();
    assert_eq!((position.seq("EV_ACCESS"), position.seq("STORAGE")), (3, 9));
    assert_eq!(json_of(response).await["wait_ms"], 30_000, "the budget is bounded");
    assert_eq!(ask("nonsense", "1").await.status(), 400);
    assert_eq!(ask(&token, "-1").await.status(), 400);
}

#[tokio::test]
async fn other_origins_may_ask_but_never_with_credentials() {
    let preflight = Request::options("/things")
        .header("origin", "https://elsewhere.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,alv-min-position");
    let response = send(preflight.body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "access-control-allow-origin"), "*");
    assert!(header(&response, "access-control-allow-headers").contains("authorization"));
    assert_eq!(header(&response, "access-control-allow-credentials"), "");
    assert!(!header(&response, "x-request-id").is_empty());
}

#[tokio::test]
async fn the_documentation_comes_from_the_routes() {
    let spec = json_of(get("/openapi.json", None).await).await;
    let path = "/projects/{project_id}/branches/{branch_id}/buckets/{bucket}";
    let show = &spec["paths"][path]["get"];
    assert_eq!(show["operationId"], "showBucket");
    let names: Vec<_> = show["parameters"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["project_id", "branch_id", "bucket", "limit"]);
    assert!(show["responses"]["403"]["description"].as_str().unwrap().contains("demo.forbidden"));
    let shape = &show["responses"]["403"]["content"]["application/json"]["schema"]["$ref"];
    assert_eq!(shape, "#/components/schemas/DetailError", "errors have the shape of the route's group");
    let all: Vec<_> = show["responses"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(all, ["400", "401", "403", "422", "503"], "what the guard and the extractors answer is told too");
    let thing = &spec["paths"]["/things"]["post"]["responses"];
    assert!(thing["413"].is_object() && thing["415"].is_object() && thing["422"].is_object(), "{thing}");
    assert!(thing["422"]["content"]["application/problem+json"].is_object());
    assert!(show["description"].as_str().unwrap().contains("read access"));
    assert!(spec["paths"][path]["delete"].is_object());
    assert!(spec["paths"]["/s3/{bucket}/{key}"].is_object());
    assert_eq!(
        spec["paths"]["/things"]["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"],
        "#/components/schemas/Thing"
    );
    assert_eq!(spec["components"]["schemas"]["Thing"]["properties"]["name"]["type"], "string");
    assert_eq!(spec["paths"]["/open"]["get"]["security"], json!([]));

    let page = get("/docs", None).await;
    let policy = header(&page, "content-security-policy").to_owned();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let html = text_of(page).await;
    assert!(html.contains("Demo &lt;&amp;&gt;") && !html.contains("https://") && !html.contains("style="), "{html}");
    assert!(text_of(get("/docs/assets/docs.js", None).await).await.contains("/openapi.json"));
    assert!(text_of(get("/docs/errors", None).await).await.contains("/docs/errors/demo.away"));
    assert!(text_of(get("/docs/errors/http.timeout", None).await).await.contains("503"));
    assert_eq!(get("/docs/errors/%3Cscript%3E", None).await.status(), 404);
}

#[test]
fn mistakes_of_the_wiring_are_found_when_assembling() {
    let about = About { title: "x".into(), version: "1".into() };
    let assemble = |routes| Surface::assemble(&about, vec![RouteGroup::new("g", (), routes)], &[]).err().unwrap();
    let route = |path, id: &str| Route::get(path, |_| Requirement::Nothing, async || "", Op::new(id, "g", ""));
    assert!(assemble(vec![route("/a", "same"), route("/b", "same")]).contains("same"));
    assert!(assemble(vec![route("/a/{x}/{y}", "a").alias("/b/{x}", &[])]).contains("gives no `y`"));
    let unlisted = Route::get("/a", |_| Requirement::Nothing, async || "", Op::new("a", "g", "").errors(&["no.such"]));
    assert!(assemble(vec![unlisted]).contains("no.such"));
    // A list has no name of its own: given as one, the second would replace the first.
    let op = |id: &str| Op::new(id, "g", "");
    let lists = |path, op: Op| Route::get(path, |_| Requirement::Nothing, async || "", op);
    let named = [op("a").json::<Vec<u8>>(200, ""), op("b").json::<Vec<String>>(200, "")];
    assert!(
        assemble(["/a", "/b"].into_iter().zip(named).map(|(path, op)| lists(path, op)).collect())
            .contains("two schemas")
    );
}

#[tokio::test]
async fn stopping_lets_requests_finish_within_the_bound() {
    let op = |id: &str| Op::new(id, "g", "");
    let wait = |ms| {
        async move || {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            "done"
        }
    };
    let routes = vec![
        Route::get("/short", |_| Requirement::Nothing, wait(200), op("short")),
        Route::get("/long", |_| Requirement::Nothing, wait(60_000), op("long")).timeout(Duration::from_secs(90)),
    ];
    let about = About { title: "x".into(), version: "1".into() };
    let surface = Surface::assemble(&about, vec![RouteGroup::new("g", (), routes)], &[]).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let router = surface.into_router(Arc::new(Access), Arc::new(Access));
    let stopped = async move { drop(stopped.await) };
    let serving = tokio::spawn(alluvium_http::serve(listener, router, stopped, Duration::from_millis(800)));
    let ask = |path: &'static str| {
        tokio::spawn(async move {
            use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
            let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
            let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
            connection.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            let _ = connection.read_to_string(&mut answer).await;
            answer
        })
    };
    let (short, _long) = (ask("/short"), ask("/long"));
    tokio::time::sleep(Duration::from_millis(50)).await;
    stop.send(()).unwrap();
    assert!(short.await.unwrap().ends_with("done"));
    tokio::time::timeout(Duration::from_secs(3), serving).await.unwrap().unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn headers_that_never_end_and_connections_that_say_nothing_are_closed() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let surface = Surface::assemble(&About { title: "x".into(), version: "1".into() }, Vec::new(), &[]).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = surface.into_router(Arc::new(Access), Arc::new(Access));
    tokio::spawn(alluvium_http::serve(listener, router, std::future::pending(), Duration::from_secs(1)));
    for begun in ["GET / HTTP/1.1\r\nhost:", "", "GET /nothing HTTP/1.1\r\nhost: x\r\n\r\n"] {
        let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
        connection.write_all(begun.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // Time passes as soon as nobody has anything to do.
        let read = tokio::time::timeout(Duration::from_mins(5), connection.read_to_end(&mut answer)).await;
        read.expect("the server ends it").unwrap();
        assert_eq!(answer.starts_with(b"HTTP/1.1 404"), begun.contains("/nothing"), "{begun:?}");
    }
}

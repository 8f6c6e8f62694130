//! The whole context over HTTP: command worker, catalogue in Postgres, table files, routes; all real, only the keys are told.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::sync::Arc;

use alluvium_eventlog::blob::BlobStore;
use alluvium_eventlog::{CommandClient, Executor, ExecutorOptions, Log, LogOptions, OutcomePublisher, Past};
use alluvium_http::{About, Authenticator, Principal, Surface};
use alluvium_kernel::{
    Actor, Authorizer, BoxFuture, BucketReach, Position, Problem, Requirement, SigningKey, Timestamp, Token,
};
use alluvium_messaging::streams;
use alluvium_projection::{Freshness, Pace, Projections, RebuildMode, Settings};
use alluvium_storage::fold::{Live, STREAM, Tables};
use alluvium_storage::queries::FileReach;
use alluvium_storage::{CatalogueProjection, ProjectKeys, Queries, Storage, StorageRoutes, projection, routes};
use alluvium_tablestore::{Hub, HubConfig};
use alluvium_testing::{NatsServer, Postgres};
use async_nats::jetstream;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// Lets everybody in as the admin: who may is another context's matter.
struct Open;

impl Authorizer for Open {
    fn check<'a>(&'a self, _: &'a Token, _: &'a Actor, _: &'a Requirement) -> BoxFuture<'a, Result<(), Problem>> {
        Box::pin(async { Ok(()) })
    }

    fn readable_buckets<'a>(
        &'a self,
        _: &'a Token,
        _: &'a Actor,
        _: &'a str,
    ) -> BoxFuture<'a, Result<BucketReach, Problem>> {
        Box::pin(async { Ok(BucketReach::everything()) })
    }
}

impl Authenticator for Open {
    fn authenticate<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Principal>, Problem>> {
        let tenant = Token::encode("default").unwrap();
        Box::pin(async { Ok(Some(Principal::new(Actor::Admin, tenant, "admin"))) })
    }
}

impl ProjectKeys for Open {
    fn issue_first_key<'a>(
        &'a self,
        _: &'a Principal,
        project: &'a str,
    ) -> BoxFuture<'a, Result<(String, Position), Problem>> {
        Box::pin(async move { Ok((format!("proj_{project}_admin_x"), Position::start())) })
    }

    fn issue_s3_key<'a>(&'a self, _: &'a Principal, _: &'a str) -> BoxFuture<'a, Result<(String, Position), Problem>> {
        Box::pin(async { Ok(("x".to_owned(), Position::start())) })
    }

    fn project_of(&self, _: &Principal) -> Result<Option<String>, Problem> {
        Ok(None)
    }

    fn files_of(&self, _: &Principal) -> Result<FileReach, Problem> {
        Ok(FileReach::all())
    }

    fn present(&self, _: &Token, key: &str) -> Result<String, Problem> {
        Ok(key.to_owned())
    }

    fn revoke_all<'a>(
        &'a self,
        _: &'a Principal,
        _: &'a str,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<Position, Problem>> {
        Box::pin(async { Ok(Position::start()) })
    }

    fn revoke_branch<'a>(
        &'a self,
        _: &'a Principal,
        _: &'a str,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Position, Problem>> {
        Box::pin(async { Ok(Position::start()) })
    }
}

struct World {
    router: Router,
    js: jetstream::Context,
    projections: Projections,
    stop: CancellationToken,
    _directory: tempfile::TempDir,
    _postgres: Arc<Postgres>,
    _nats: NatsServer,
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl World {
    async fn start() -> Self {
        let (nats, postgres) = tokio::join!(NatsServer::start(), Postgres::shared());
        let js = jetstream::new(nats.connect().await);
        streams::apply(&js, None).await.unwrap();
        let pool = PgPool::connect(&postgres.database().await).await.unwrap();
        let (stop, freshness, signing) = (CancellationToken::new(), Freshness::default(), SigningKey::new([7; 32]));
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let hub = Hub::open(HubConfig {
            data_dir: path("tables"),
            blob_dir: path("blobs"),
            export_dir: path("exports"),
            memory_limit_bytes: 1 << 30,
            threads: 2,
            attached_max: 8,
            probe_command: None,
        });
        let blobs = BlobStore::open(path("blobs")).await.unwrap();
        let live = Live {
            log: Log::new(js.clone(), STREAM, "storage", LogOptions::default()),
            outcomes: OutcomePublisher::new(js.clone()),
            authorizer: Arc::new(Open),
            signing: signing.clone(),
            given_up: std::sync::RwLock::default(),
        };
        let tables = Tables::start(hub.unwrap(), js.clone(), blobs.clone(), live, stop.clone()).await.unwrap();
        let settings = Settings { pool: pool.clone(), js: js.clone(), freshness: freshness.clone() };
        let projections = Projections::open(settings, vec![Arc::new(CatalogueProjection)]).await.unwrap();
        let options = ExecutorOptions { owner: "test".into(), replicas: 1, log: LogOptions::default() };
        let executor =
            Executor::new(js.clone(), Arc::new(Storage::default()), Arc::new(Open), signing.clone(), options);
        tokio::spawn(executor.run(stop.clone()));
        tokio::spawn({
            let (projections, stop) = (projections.clone(), stop.clone());
            async move { projections.run(stop).await }
        });
        let state = StorageRoutes {
            authorizer: Arc::new(Open),
            sessions: None,
            workspaces: None,
            client: CommandClient::new(js.clone(), signing),
            queries: Queries::new(pool, projections.active(projection::NAME).unwrap(), tables.clone()),
            projections: projections.clone(),
            past: Past::new(js.clone(), "STORAGE"),
            tables: Some(tables),
            sizes: None,
            blobs,
            freshness,
            keys: Arc::new(Open),
            admin_configured: true,
        };
        let about = About { title: "test".into(), version: "0".into() };
        let surface =
            Surface::assemble(&about, vec![routes(state)], &[alluvium_eventlog::ERRORS, alluvium_projection::ERRORS])
                .unwrap();
        let router = surface.into_router(Arc::new(Open), Arc::new(Open));
        Self { router, js, projections, stop, _directory: directory, _postgres: postgres, _nats: nats }
    }

    async fn raw(&self, request: Request<Body>) -> (StatusCode, HeaderMap, Vec<u8>) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        (parts.status, parts.headers, axum::body::to_bytes(body, 1 << 26).await.unwrap().to_vec())
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = Request::builder().method(method).uri(path).header("authorization", "Bearer x");
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let (status, _, bytes) = self.raw(request.body(body).unwrap()).await;
        (status.as_u16(), serde_json::from_slice(&bytes).unwrap_or_default())
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.call(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn refused(&self, method: Method, path: &str, body: Option<Value>, status: u16, code: &str) {
        let (got, answer) = self.call(method, path, body).await;
        assert_eq!((got, answer["detail"]["error"].as_str()), (status, Some(code)), "{path}: {answer}");
    }

    async fn upload(&self, project: &str, content: &str) -> String {
        let (status, prepared) =
            self.post(&format!("/projects/{project}/files/prepare"), json!({"filename": "a.csv"})).await;
        assert_eq!(status, 200, "{prepared}");
        let body = format!(
            "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n{content}\r\n--x--\r\n"
        );
        let request = Request::post(prepared["upload_url"].as_str().unwrap())
            .header("authorization", "Bearer x")
            .header("content-type", "multipart/form-data; boundary=x")
            .body(Body::from(body));
        let (status, _, answer) = self.raw(request.unwrap()).await;
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
        let register = json!({"upload_key": prepared["upload_key"], "tags": {"a": "1"}});
        let (status, file) = self.post(&format!("/projects/{project}/files"), register).await;
        assert_eq!((status, file["size_bytes"].as_u64()), (201, Some(content.len() as u64)), "{file}");
        file["id"].as_str().unwrap().to_owned()
    }
}

const TABLE: &str = "/projects/Shop/branches/default/buckets/in_c_sales/tables/orders";

async fn with_table() -> World {
    let world = World::start().await;
    let (status, project) =
        world.post("/projects", json!({"id": "Shop", "name": "A shop", "settings": {"a": 1}})).await;
    assert_eq!(status, 201, "{project}");
    assert_eq!((&project["db_path"], &project["api_key"]), (&json!("project_Shop"), &json!("proj_Shop_admin_x")));
    let (status, bucket) =
        world.post("/projects/Shop/buckets", json!({"name": "in.c-sales", "description": "d"})).await;
    assert_eq!((status, &bucket["name"], &bucket["description"]), (201, &json!("in_c_sales"), &json!("d")));
    let columns =
        json!([{"name": "id", "type": "int8"}, {"name": "note", "type": "text"}, {"name": "x", "type": "DOUBLE"}]);
    let body = json!({"name": "orders", "columns": columns, "primary_key": ["id"]});
    let (status, table) = world.post("/projects/Shop/branches/default/buckets/in_c_sales/tables", body).await;
    assert_eq!((status, &table["columns"][0]["type"]), (201, &json!("BIGINT")), "{table}");
    assert_eq!((&table["row_count"], &table["primary_key"]), (&json!(0), &json!(["id"])));
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_lives_from_creation_to_deletion_and_leaves_nothing() {
    let world = with_table().await;
    world.refused(Method::POST, "/projects", Some(json!({"id": "sHOP"})), 409, "project_exists").await;
    world
        .refused(Method::POST, "/projects/Shop/buckets", Some(json!({"name": "IN_C_SALES"})), 409, "bucket_exists")
        .await;
    let (_, project) = world.get("/projects/Shop").await;
    assert_eq!((&project["table_count"], &project["bucket_count"]), (&json!(1), &json!(1)), "{project}");
    assert_eq!(project["settings"], json!({"a": 1}));
    let (_, updated) = world.call(Method::PUT, "/projects/Shop", Some(json!({"settings": {"b": [2]}}))).await;
    assert_eq!((&updated["name"], &updated["settings"]), (&json!("A shop"), &json!({"b": [2]})));
    let (_, listed) = world.get("/projects?limit=10").await;
    assert_eq!((&listed["total"], &listed["projects"][0]["id"]), (&json!(1), &json!("Shop")));
    assert_eq!(world.get("/projects?limit=0").await.0, 422);
    world.upload("Shop", "id\n1\n").await;
    let not_empty = "/projects/Shop/buckets/in_c_sales?cascade=false";
    world.refused(Method::DELETE, not_empty, None, 409, "bucket_not_empty").await;
    world.refused(Method::GET, "/projects/Shop/branches/dev/buckets", None, 404, "branch_not_found").await;
    world.refused(Method::GET, "/projects/none/buckets", None, 404, "project_not_found").await;

    assert_eq!(world.call(Method::DELETE, "/projects/Shop", None).await.0, 204);
    world.refused(Method::GET, "/projects/Shop", None, 404, "not_found").await;
    assert_eq!(world.post("/projects", json!({"id": "shop"})).await.0, 201);
    let (_, project) = world.get("/projects/shop").await;
    assert_eq!(
        (&project["table_count"], &project["bucket_count"], &project["size_bytes"]),
        (&json!(0), &json!(0), &json!(0))
    );
    assert_eq!(world.get("/projects/shop/files").await.1["total"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_come_by_file_and_leave_by_condition_and_by_file() {
    let world = with_table().await;
    let file = world.upload("Shop", "id,note,x\n1,one,1.5\n2,two,\n3,three,3\n").await;
    let (status, loaded) = world.post(&format!("{TABLE}/import/file"), json!({"file_id": file})).await;
    assert_eq!(
        (status, &loaded["imported_rows"], &loaded["table_rows_after"]),
        (200, &json!(3), &json!(3)),
        "{loaded}"
    );
    let (_, preview) = world.get(&format!("{TABLE}/preview?limit=2")).await;
    assert_eq!(preview["rows"], json!([{"id": 1, "note": "one", "x": 1.5}, {"id": 2, "note": "two", "x": null}]));
    assert_eq!((&preview["total_row_count"], &preview["preview_row_count"]), (&json!(3), &json!(2)));
    let filter = json!({"where_filters": [{"column": "id", "operator": "ge", "values": ["2"]}],
        "order_by": [{"column": "id", "order": "DESC"}], "columns": ["id"]});
    let (_, filtered) = world.post(&format!("{TABLE}/preview"), filter).await;
    assert_eq!(filtered["rows"], json!([{"id": 3}, {"id": 2}]), "{filtered}");
    let ask = json!({"query": "SELECT count(*) AS n FROM in_c_sales.orders"});
    let (_, answer) = world.post("/projects/Shop/query", ask).await;
    assert_eq!((&answer["status"], &answer["data"]["rows"]), (&json!("ok"), &json!([[3]])), "{answer}");
    let (status, failed) = world.post("/projects/Shop/query", json!({"query": "DROP TABLE x"})).await;
    assert_eq!((status, &failed["status"], &failed["error"]), (200, &json!("error"), &json!("query_not_allowed")));

    let rows = format!("{TABLE}/rows");
    let (_, deleted) = world.call(Method::DELETE, &rows, Some(json!({"where_clause": "id = 2"}))).await;
    assert_eq!(deleted, json!({"deleted_rows": 1, "table_rows_after": 2}));
    let bad = Some(json!({"where_clause": "1=1; DROP TABLE x;"}));
    world.refused(Method::DELETE, &rows, bad, 400, "invalid_where_clause").await;
    assert_eq!(world.call(Method::DELETE, &rows, None).await.0, 422);

    let (status, exported) = world.post(&format!("{TABLE}/export"), json!({"where_filter": "id = 1"})).await;
    assert_eq!((status, &exported["rows_exported"]), (200, &json!(1)), "{exported}");
    let path = format!("/projects/Shop/files/{}/download", exported["file_id"].as_str().unwrap());
    let request = |range: &str| {
        let request = Request::get(&path).header("authorization", "Bearer x");
        if range.is_empty() { request } else { request.header("range", range) }.body(Body::empty()).unwrap()
    };
    let (status, headers, content) = world.raw(request("")).await;
    assert_eq!((status.as_u16(), String::from_utf8(content).unwrap().as_str()), (200, "id,note,x\n1,one,1.5\n"));
    assert_eq!(headers["content-type"], "text/csv");
    let (status, headers, content) = world.raw(request("bytes=3-6")).await;
    assert_eq!((status.as_u16(), content.as_slice()), (206, &b"note"[..]));
    assert_eq!(headers["content-range"], "bytes 3-6/20");
    assert_eq!(world.get("/projects/Shop/files").await.1["total"], 2);
    assert_eq!(world.call(Method::DELETE, path.trim_end_matches("/download"), None).await.0, 204);
    assert_eq!(world.get("/projects/Shop/files").await.1["total"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_change_when_the_rows_allow_and_a_rebuild_shows_the_same() {
    let world = with_table().await;
    let file = world.upload("Shop", "id,note\n1,one\n2,\n").await;
    assert_eq!(world.post(&format!("{TABLE}/import/file"), json!({"file_id": file})).await.0, 200);
    let columns = format!("{TABLE}/columns");
    let add = |name: &str| json!({"name": name, "type": "BOOLEAN", "default": "true"});
    let (status, table) = world.post(&columns, add("flag")).await;
    assert_eq!((status, &table["columns"][3]["name"]), (201, &json!("flag")), "{table}");
    world.refused(Method::POST, &columns, Some(add("FLAG")), 409, "column_exists").await;
    let required = json!({"name": "n", "type": "INTEGER", "nullable": false});
    let (status, pinned) = world.post(&columns, required).await;
    assert_eq!(status, 500, "{pinned}");
    let required = Some(json!({"name": "n", "type": "INTEGER", "nullable": false, "backfill": true}));
    world.refused(Method::POST, &columns, required, 400, "default_required").await;
    let note = format!("{columns}/note");
    world.refused(Method::PUT, &note, Some(json!({"set_not_null": true})), 400, "null_values_present").await;
    world.refused(Method::PUT, &note, Some(json!({})), 400, "no_changes_specified").await;
    let (status, table) = world.call(Method::PUT, &note, Some(json!({"new_name": "remark"}))).await;
    assert_eq!((status, &table["columns"][1]["name"]), (200, &json!("remark")), "{table}");
    let (status, table) = world.call(Method::DELETE, &format!("{columns}/x"), None).await;
    assert_eq!((status, table["columns"].as_array().map(Vec::len)), (200, Some(3)), "{table}");
    world.refused(Method::DELETE, &format!("{columns}/id"), None, 400, "column_in_primary_key").await;
    let key = format!("{TABLE}/primary-key");
    assert_eq!(world.call(Method::DELETE, &key, None).await.1["primary_key"], json!([]));
    world.refused(Method::POST, &key, Some(json!({"columns": ["remark"]})), 400, "null_values_present").await;
    assert_eq!(world.post(&key, json!({"columns": ["ID"]})).await.1["primary_key"], json!(["id"]));
    assert_eq!(world.get(&format!("{TABLE}/schema")).await.1["type"], "record");

    let (_, before) = world.get(TABLE).await;
    let report = world.projections.rebuild(projection::NAME, RebuildMode::MustEqual, Pace::default()).await;
    let report = report.unwrap();
    let (_, after) = world.get(TABLE).await;
    assert_eq!(before, after, "{report:?}");
    assert_eq!(world.call(Method::DELETE, TABLE, None).await.0, 204);
    world.refused(Method::GET, TABLE, None, 404, "table_not_found").await;
    assert!(world.js.get_stream("DLQ").await.unwrap().info().await.unwrap().state.messages == 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_and_names_are_read_as_they_were() {
    let world = with_table().await;
    let preview = format!("{TABLE}/preview");
    // Where the stream stands, when, what the table holds, what it looks like.
    let mut points = Vec::new();
    let note = async |points: &mut Vec<(u64, String, Value, Value)>| {
        let seq = world.js.get_stream(STREAM).await.unwrap().cached_info().state.last_sequence;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let time = Timestamp::from_micros(now.as_micros() as i64).to_rfc3339().replace('+', "%2B");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        points.push((seq, time, world.get(&preview).await.1, world.get(TABLE).await.1));
    };
    note(&mut points).await;
    let file = world.upload("Shop", "id,note,x\n1,one,1.5\n2,two,\n3,three,3\n").await;
    assert_eq!(world.post(&format!("{TABLE}/import/file"), json!({"file_id": file})).await.0, 200);
    note(&mut points).await;
    let rows = r#"[{"id": 4, "note": "four"}, {"id": 1, "note": "ONE"}]"#;
    let seq =
        world.js.publish("rows.default.Shop.in_c_sales.orders", rows.into()).await.unwrap().await.unwrap().sequence;
    let held = Request::get(&preview)
        .header("authorization", "Bearer x")
        .header("alv-min-position", Position::of(STREAM, seq).to_token());
    assert_eq!(world.raw(held.body(Body::empty()).unwrap()).await.0, StatusCode::OK);
    note(&mut points).await;
    let gone = Some(json!({"where_clause": "id = 2"}));
    assert_eq!(world.call(Method::DELETE, &format!("{TABLE}/rows"), gone).await.0, 200);
    // A request that the rows refuse is part of the past too.
    let required = Some(json!({"set_not_null": true}));
    world.refused(Method::PUT, &format!("{TABLE}/columns/x"), required, 400, "null_values_present").await;
    let column = json!({"name": "flag", "type": "BOOLEAN", "default": "true"});
    assert_eq!(world.post(&format!("{TABLE}/columns"), column).await.0, 201);
    note(&mut points).await;
    let counts: Vec<u64> = points.iter().map(|point| point.2["total_row_count"].as_u64().unwrap()).collect();
    assert_eq!(counts, [0, 3, 4, 3]);

    let check = async |points: &[(u64, String, Value, Value)]| {
        for (seq, time, rows, table) in points {
            for at in [format!("STORAGE:{seq}"), time.clone(), Position::of(STREAM, *seq).to_token()] {
                let (status, then) = world.get(&format!("{preview}?as_of={at}")).await;
                assert_eq!((status, &then), (200, rows), "{at}");
            }
            let (_, mut then) = world.get(&format!("{TABLE}?as_of={seq}")).await;
            // What a file takes depends on how it was written.
            then["size_bytes"] = table["size_bytes"].clone();
            assert_eq!(&then, table, "at {seq}");
            let sql = "SELECT count(*) AS n FROM in_c_sales.orders";
            let (_, answer) =
                world.post("/projects/Shop/query", json!({"query": sql, "as_of": time.replace("%2B", "+")})).await;
            assert_eq!(answer["data"]["rows"], json!([[rows["total_row_count"]]]), "at {seq}: {answer}");
        }
    };
    check(&points).await;
    let body = json!({"columns": ["note"], "where_clause": "id = 1"});
    let (_, then) = world.post(&format!("{preview}?as_of={}", points[1].0), body).await;
    assert_eq!(then["rows"], json!([{"note": "one"}]));
    let (_, listed) = world.get(&format!("{}?as_of={}", TABLE.trim_end_matches("/orders"), points[1].0)).await;
    assert_eq!((&listed["total"], &listed["tables"][0]["row_count"]), (&json!(1), &Value::Null), "{listed}");
    assert_eq!(world.get("/projects/Shop/buckets?as_of=1").await.1["total"], 0);
    assert_eq!(world.get("/projects/Shop?as_of=1").await.1["bucket_count"], 0);
    assert_eq!(world.get("/projects?as_of=0").await.1["total"], 0);

    world.refused(Method::GET, &format!("{preview}?as_of=1"), None, 404, "bucket_not_found").await;
    world.refused(Method::GET, &format!("{preview}?as_of=STORAGE:99999"), None, 400, "point_in_future").await;
    world.refused(Method::GET, &format!("{preview}?as_of=soon"), None, 400, "invalid_point").await;
    assert_eq!(world.call(Method::DELETE, TABLE, None).await.0, 204);
    world.refused(Method::GET, &preview, None, 404, "table_not_found").await;
    check(&points[..3]).await;

    // Whoever has the project's id next sees nothing of it.
    assert_eq!(world.call(Method::DELETE, "/projects/Shop", None).await.0, 204);
    world.refused(Method::GET, &format!("{preview}?as_of={}", points[1].0), None, 404, "project_not_found").await;
    assert_eq!(world.post("/projects", json!({"id": "Shop"})).await.0, 201);
    world.refused(Method::GET, &format!("{preview}?as_of={}", points[1].0), None, 404, "project_not_found").await;
    world.refused(Method::GET, &format!("/projects/Shop?as_of={}", points[1].0), None, 404, "not_found").await;
}

//! Sessions in workspaces over PostgreSQL's protocol, with the real `psql` and a real driver.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use alluvium_blackbox::sessions::{
    WORKSPACES, code, connection, fill, filled, login, printed, psql, rejected, workspace,
};
use alluvium_blackbox::{ADMIN, World};
use alluvium_testing::pick_port;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, Executor as _, Row as _};

fn id(workspace: &Value) -> &str {
    workspace["id"].as_str().unwrap()
}

async fn number(connection: &mut PgConnection, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(connection).await.unwrap()
}

async fn metrics(world: &World) -> String {
    let answer = reqwest::get(format!("{}/metrics", world.alluvium.url())).await.unwrap();
    answer.text().await.unwrap()
}

#[tokio::test]
async fn psql_works_in_a_workspace() {
    let world = filled(&[]).await;
    let made = workspace(&world).await;
    let password = connection(&made, "password");
    let ask = |sql: &str| printed(&psql(&made, password).args(["-c", sql]).output().unwrap());

    assert_eq!(ask("SELECT id, note FROM b.t ORDER BY id"), "1|a\n2|b\n3|c");
    assert_eq!(ask("SELECT count(*) FROM \"b\".\"t\""), "3");
    assert_eq!(ask("SELECT count(*) FROM b_t.main.data WHERE id > 1"), "2");
    let types =
        "SELECT true, 1.50::DECIMAL(4,2), DATE '2026-01-02', TIMESTAMP '2026-01-02 03:04:05.5', [1,2], NULL, 'é'";
    assert_eq!(ask(types), "t|1.50|2026-01-02|2026-01-02 03:04:05.500000|[1,2]||é");
    assert_eq!(ask("SHOW server_version"), "9.3.duckdb");

    // What is its own stays; what is the project's cannot be written.
    let made_here = "CREATE TABLE own AS SELECT * FROM b.t; INSERT INTO own VALUES (4, 'd'); SELECT count(*) FROM own";
    assert_eq!(ask(made_here), "4");
    assert_eq!(ask("SELECT max(id) FROM own"), "4");
    for sql in
        ["INSERT INTO b.t VALUES (9, 'x')", "DELETE FROM b_t.main.data", "DROP TABLE b.t", "CREATE TABLE b.x (a INT)"]
    {
        assert!(!psql(&made, password).args(["-c", sql]).output().unwrap().status.success(), "{sql}");
    }
    assert_eq!(ask("SELECT count(*) FROM b.t"), "3");
    let shown = world.get(&format!("{WORKSPACES}/{}", id(&made))).await;
    assert_eq!(shown["workspace_objects"], json!([{ "name": "own", "type": "table", "rows": 4 }]));

    // Several statements at once are one transaction.
    let failed = psql(&made, password).args(["-c", "DELETE FROM own; SELECT nothing_there"]).output().unwrap();
    assert!(!failed.status.success());
    assert_eq!(ask("SELECT count(*) FROM own"), "4");

    let wrong = psql(&made, "wrong").args(["-c", "SELECT 1"]).output().unwrap();
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("Invalid credentials"), "{wrong:?}");
    let metrics = metrics(&world).await;
    assert!(metrics.contains(r#"pgwire_connections_total{status="auth_failed"} 1"#), "{metrics}");
    assert!(metrics.contains(r#"pgwire_connections_total{status="success"}"#), "{metrics}");
    let asked = format!(r#"pgwire_queries_total{{workspace_id="{}",status="success"}}"#, id(&made));
    assert!(metrics.contains(&asked), "{metrics}");
}

#[tokio::test]
async fn a_session_sees_tables_as_they_are_and_stands_in_nobodys_way() {
    let world = filled(&[]).await;
    let made = workspace(&world).await;
    let mut session = login(&made).await;
    assert_eq!(number(&mut session, "SELECT count(*) FROM b.t").await, 3);
    world.table("p", "later", &[("id", "BIGINT")], &["id"]).await;
    fill(&world, "default", "later", "id\n7\n").await;
    fill(&world, "default", "t", "id,note\n1,a\n").await;
    assert_eq!(number(&mut session, "SELECT sum(id)::BIGINT FROM b.later").await, 7);
    assert_eq!(number(&mut session, "SELECT count(*) FROM b.t").await, 1);

    // While it is open, the workspace is read and written over HTTP.
    let shown = world.get(&format!("{WORKSPACES}/{}", id(&made))).await;
    assert_eq!(shown["active_sessions"], 1);
    let loaded =
        world.post(&format!("{WORKSPACES}/{}/load", id(&made)), &json!({ "tables": [{ "source": "b.t" }] })).await;
    assert_eq!(loaded["loaded"][0]["rows"], 1);
    assert_eq!(number(&mut session, "SELECT count(*) FROM t").await, 1);

    // A branch of the project, and a bucket that another project shares.
    let branch = world.post("/projects/p/branches", &json!({ "name": "try" })).await;
    let branch = branch["id"].as_str().unwrap();
    fill(&world, branch, "t", "id,note\n10,x\n20,y\n").await;
    let of_branch = world.post(&format!("/projects/p/branches/{branch}/workspaces"), &json!({ "name": "w" })).await;
    let mut in_branch = login(&of_branch).await;
    assert_eq!(number(&mut in_branch, "SELECT sum(id)::BIGINT FROM b.t").await, 30);
    assert_eq!(number(&mut session, "SELECT sum(id)::BIGINT FROM b.t").await, 1);
    world.post("/projects", &json!({ "id": "other" })).await;
    let link = json!({ "source_project_id": "p", "source_bucket_name": "b" });
    world.post("/projects/other/branches/default/buckets/theirs/link", &link).await;
    let linked = world.post("/projects/other/workspaces", &json!({ "name": "w" })).await;
    let mut in_other = login(&linked).await;
    assert_eq!(number(&mut in_other, "SELECT count(*) FROM theirs.t").await, 1);
    assert_eq!(number(&mut in_other, "SELECT sum(id)::BIGINT FROM theirs.later").await, 7);

    session.close().await.unwrap();
    world
        .eventually("the session is no more", || async {
            world.get(&format!("{WORKSPACES}/{}", id(&made))).await["active_sessions"] == 0
        })
        .await;
}

#[tokio::test]
async fn parameters_and_transactions_work() {
    let world = filled(&[]).await;
    let made = workspace(&world).await;
    let mut session = login(&made).await;
    let found = sqlx::query(
        "SELECT note, id, id::DOUBLE / 2, id > 1, DATE '2026-01-02'::VARCHAR FROM b.t WHERE id = $1 AND note = $2",
    )
    .bind(2_i64)
    .bind("b")
    .fetch_one(&mut session)
    .await
    .unwrap();
    assert_eq!((found.get::<String, _>(0), found.get::<i64, _>(1)), ("b".to_owned(), 2));
    assert_eq!((found.get::<f64, _>(2), found.get::<bool, _>(3)), (1.0, true));
    session.execute("CREATE TABLE own (id BIGINT, flag BOOLEAN, raw BLOB, note VARCHAR)").await.unwrap();
    for number in 0..3_i64 {
        let inserted = sqlx::query("INSERT INTO own VALUES ($1, $2, $3, $4)")
            .bind(number)
            .bind(number == 1)
            .bind(vec![0_u8, 255])
            .bind(None::<String>)
            .execute(&mut session)
            .await
            .unwrap();
        assert_eq!(inserted.rows_affected(), 1);
    }
    let raw: Vec<u8> = sqlx::query_scalar("SELECT raw FROM own WHERE flag").fetch_one(&mut session).await.unwrap();
    assert_eq!(raw, [0, 255]);

    let mut transaction = session.begin().await.unwrap();
    sqlx::query("DELETE FROM own WHERE id = $1").bind(0_i64).execute(&mut *transaction).await.unwrap();
    transaction.execute("CREATE VIEW seen AS SELECT count(*) AS n FROM b.t").await.unwrap();
    assert_eq!(number(&mut transaction, "SELECT count(*) FROM own").await, 2);
    assert_eq!(number(&mut transaction, "SELECT n FROM seen").await, 3);
    // What a transaction has read of a table is what it goes on to read.
    fill(&world, "default", "t", "id,note\n1,a\n").await;
    assert_eq!(number(&mut transaction, "SELECT count(*) FROM b.t").await, 3);
    transaction.rollback().await.unwrap();
    assert_eq!(number(&mut session, "SELECT count(*) FROM own").await, 3);
    assert_eq!(number(&mut session, "SELECT count(*) FROM b.t").await, 1);

    let mut transaction = session.begin().await.unwrap();
    transaction.execute("INSERT INTO own (id) VALUES (100)").await.unwrap();
    assert_eq!(code(transaction.execute("SELECT nothing_there").await), "42703");
    assert_eq!(code(transaction.execute("SELECT 1").await), "25P02");
    transaction.rollback().await.unwrap();
    let mut transaction = session.begin().await.unwrap();
    transaction.execute("INSERT INTO own (id) VALUES (100)").await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(number(&mut login(&made).await, "SELECT max(id) FROM own").await, 100);

    // A transaction whose client says nothing gives way to others.
    let mut transaction = session.begin().await.unwrap();
    transaction.execute("DELETE FROM own").await.unwrap();
    let loaded =
        world.post(&format!("{WORKSPACES}/{}/load", id(&made)), &json!({ "tables": [{ "source": "b.t" }] })).await;
    assert_eq!(loaded["loaded"][0]["rows"], 1);
    assert_eq!(code(transaction.execute("SELECT 1").await), "40001");
    transaction.rollback().await.unwrap();
    assert_eq!(number(&mut session, "SELECT count(*) FROM own").await, 4);
}

#[tokio::test]
async fn statements_stay_in_their_workspace() {
    let world = filled(&[]).await;
    let made = workspace(&world).await;
    let mut session = login(&made).await;
    std::fs::write(world.data.path().join("secret.csv"), "a\n1\n").unwrap();
    let secret = world.data.path().join("secret.csv").display().to_string();
    for sql in [
        "SELECT * FROM read_csv('/etc/passwd')".to_owned(),
        format!("SELECT * FROM '{secret}'"),
        format!("CREATE TABLE x AS SELECT * FROM read_text('{secret}')"),
        "SELECT * FROM glob('/*')".to_owned(),
        "COPY (SELECT 1) TO '/tmp/alluvium-pgwire.csv'".to_owned(),
        "COPY t FROM '/etc/passwd'".to_owned(),
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '/tmp/alluvium-pgwire.csv'".to_owned(),
        format!("ATTACH '{secret}' AS stolen"),
        "ATTACH ':memory:' AS mine".to_owned(),
        "INSTALL httpfs".to_owned(),
        "LOAD httpfs".to_owned(),
        "PRAGMA memory_limit='99GB'".to_owned(),
        "SET memory_limit = '99GB'".to_owned(),
        "SET GLOBAL threads = 64".to_owned(),
        "SET enable_external_access = true".to_owned(),
        "RESET memory_limit; SET memory_limit = '99GB'".to_owned(),
        "SELECT 1; ATTACH ':memory:' AS mine".to_owned(),
        "CREATE SECRET s (TYPE s3)".to_owned(),
        "EXPORT DATABASE '/tmp/alluvium-pgwire'".to_owned(),
        "CALL pragma_version()".to_owned(),
    ] {
        let simple = code(session.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(sql.clone()))).await);
        assert_ne!(simple, "none", "{sql}");
        let extended = code(session.execute(sqlx::query(sqlx::AssertSqlSafe(sql.clone()))).await);
        assert_ne!(extended, "none", "{sql}");
    }
    assert!(!std::path::Path::new("/tmp/alluvium-pgwire.csv").exists());
    assert_eq!(number(&mut session, "SELECT 1::BIGINT").await, 1, "the session lives on");
    let limit: String =
        sqlx::query_scalar("SELECT current_setting('memory_limit')").fetch_one(&mut session).await.unwrap();
    assert!(limit.starts_with("3.7") || limit.starts_with("4.0"), "{limit}");
}

#[tokio::test]
async fn sessions_have_limits_and_end() {
    let envs = [("PGWIRE_MAX_CONNECTIONS_PER_WORKSPACE", "2"), ("PGWIRE_QUERY_TIMEOUT_SECONDS", "2")];
    let world = filled(&envs).await;
    let made = workspace(&world).await;
    let (mut one, two) = (login(&made).await, login(&made).await);
    assert_eq!(rejected(&made).await, "53300");
    drop(two);
    world.eventually("there is room again", || async { rejected(&made).await == "none" }).await;

    let long = "SELECT count(*) FROM range(100000000) a, range(100000) b WHERE a.range + b.range = 7";
    assert_eq!(code(one.execute(long).await), "57014");
    assert_eq!(number(&mut one, "SELECT count(*) FROM b.t").await, 3);

    // Another password: the old one opens nothing, and who was in is out.
    let reset = world.post(&format!("{WORKSPACES}/{}/credentials/reset", id(&made)), &json!({})).await;
    assert_eq!(code(one.execute("SELECT 1").await), "57P01");
    assert_eq!(rejected(&made).await, "28P01");
    let made = json!({ "id": id(&made), "connection": reset });
    let mut again = login(&made).await;
    assert_eq!(number(&mut again, "SELECT 1::BIGINT").await, 1);

    let (status, _) = world.http(Method::DELETE, &format!("{WORKSPACES}/{}", id(&made)), None).await;
    assert_eq!(status, 204);
    assert_eq!(code(again.execute("SELECT 1").await), "57P01");
    assert_eq!(rejected(&made).await, "28P01");
    let unknown = json!({ "connection": { "username": "nobody", "password": "x", "database": "d", "port": made["connection"]["port"] } });
    assert_eq!(rejected(&unknown).await, "28P01");
}

#[tokio::test]
async fn a_workspace_of_a_key_shows_what_that_key_reads_whoever_logs_in() {
    let world = filled(&[]).await;
    world.post("/projects/p/buckets", &json!({ "name": "secret" })).await;
    let table = json!({ "name": "t", "columns": [{ "name": "id", "type": "BIGINT" }] });
    world.post("/projects/p/buckets/secret/tables", &table).await;
    let may = json!({ "description": "d", "scope": "custom", "bucket_permissions": { "b": "read" } });
    let key = world.post("/projects/p/api-keys", &may).await;
    let (status, made) =
        world.http_as(key["api_key"].as_str(), Method::POST, WORKSPACES, Some(&json!({ "name": "own" }))).await;
    assert_eq!(status, 201, "{made}");
    let mut session = login(&made).await;
    assert_eq!(number(&mut session, "SELECT count(*) FROM b.t").await, 3);
    let hidden = session.execute("SELECT * FROM secret.t").await;
    assert_ne!(code(hidden), "none", "a bucket that the key does not read is not there");
    // The key that comes in its place has what it made; without any there is nothing to read.
    let at = format!("/projects/p/api-keys/{}", key["id"].as_str().unwrap());
    let next = world.post(&format!("{at}/rotate"), &json!({})).await;
    assert_eq!(number(&mut session, "SELECT count(*) FROM b.t").await, 3);
    let gone = format!("/projects/p/api-keys/{}", next["id"].as_str().unwrap());
    assert_eq!(world.http(Method::DELETE, &gone, None).await.0, 204);
    assert_ne!(code(session.execute("SELECT * FROM b.t").await), "none");
}

#[tokio::test]
async fn a_workspace_that_is_over_lets_nobody_in() {
    let world = filled(&[]).await;
    let made = workspace(&world).await;
    let verifier = verifier(&world).await;
    // The surface sets no time that is that near; the command that it sends does.
    let soon =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap() + std::time::Duration::from_secs(4);
    let body = json!({
        "project": "p", "branch": "default", "workspace": "ws_short", "name": "short",
        "expires_at": i64::try_from(soon.as_micros()).unwrap(), "size_limit_bytes": 1_000_000, "username": "ws_ws_short_0",
        "password_hash": verifier, "project_uid": "",
    });
    world.command("storage", "CreateWorkspace", &body).await;
    let mut connection = made["connection"].clone();
    connection["username"] = json!("ws_ws_short_0");
    let short = json!({ "connection": connection });
    world.eventually("it lets in", || async { rejected(&short).await == "none" }).await;
    let mut session = login(&short).await;
    let full = "CREATE TABLE big AS SELECT gen_random_uuid()::VARCHAR AS a FROM range(1000000)";
    assert_eq!(code(session.execute(full).await), "53100");
    world.eventually("it is over", || async { rejected(&short).await == "28000" }).await;
    assert_eq!(code(session.execute("SELECT 1").await), "57P01");
}

/// How the platform knows the password of the only workspace.
async fn verifier(world: &World) -> String {
    let mut catalogue = PgConnection::connect(&world.database).await.unwrap();
    let schema: String =
        sqlx::query_scalar("SELECT table_schema::text FROM information_schema.tables WHERE table_name = 'workspaces'")
            .fetch_one(&mut catalogue)
            .await
            .unwrap();
    let sql = sqlx::AssertSqlSafe(format!("SELECT password_hash FROM \"{schema}\".workspaces"));
    sqlx::query_scalar(sql).fetch_one(&mut catalogue).await.unwrap()
}

#[tokio::test]
async fn a_statement_is_cancelled_by_who_has_its_secret() {
    let world = filled(&[]).await;
    let made = workspace(&world).await;
    let long = "SELECT count(*) FROM range(100000000) a, range(100000) b WHERE a.range + b.range = 7";
    let child = psql(&made, connection(&made, "password"))
        .args(["-c", long])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let asked = || async {
        world.http(Method::GET, "/internal/pgwire/sessions?status=active", None).await.1[0]["query_count"] == 1
    };
    world.eventually("it asks", asked).await;
    // Ctrl-C.
    let interrupted = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("canceling statement due to user request"), "{said}");
}

#[tokio::test]
async fn sessions_are_controlled_by_the_admin_and_from_this_machine() {
    let internal = pick_port().unwrap();
    let at = format!("127.0.0.1:{internal}");
    let envs = [("ALLUVIUM_PGWIRE_INTERNAL_LISTEN", at.as_str()), ("PGWIRE_INTERNAL_SECRET", "a-secret-of-the-tests")];
    let world = filled(&envs).await;
    let made = workspace(&world).await;
    let client = reqwest::Client::new();
    let local = |method: Method, path: &str, body: Option<Value>| {
        let request = client.request(method, format!("http://{at}/internal/pgwire{path}"));
        let request = body.iter().fold(request, reqwest::RequestBuilder::json);
        async move {
            let answer = request.send().await.unwrap();
            (answer.status().as_u16(), answer.json::<Value>().await.unwrap_or_default())
        }
    };
    let text = |name: &str| connection(&made, name);
    let body = json!({ "username": text("username"), "password": text("password"), "client_ip": "10.0.0.1" });
    let (status, admitted) = local(Method::POST, "/auth", Some(body.clone())).await;
    assert_eq!(status, 200, "{admitted}");
    assert_eq!(
        (&admitted["workspace_id"], &admitted["project_id"], &admitted["branch_id"]),
        (&made["id"], &json!("p"), &json!(null))
    );
    assert_eq!((&admitted["memory_limit"], &admitted["query_timeout_seconds"]), (&json!("4GB"), &json!(300)));
    assert_eq!((&admitted["tables"][0]["bucket"], &admitted["tables"][0]["rows"]), (&json!("b"), &json!(3)));
    assert!(!admitted["tables"][0]["path"].as_str().unwrap().contains('/'), "{admitted}");
    let (status, refused) = local(Method::POST, "/auth", Some(json!({ "username": "x", "password": "y" }))).await;
    assert_eq!((status, &refused["detail"]["error"]), (401, &json!("invalid_credentials")), "{refused}");

    let begin = |session: &str| json!({ "session_id": session, "workspace_id": made["id"] });
    let (status, session) = local(Method::POST, "/sessions", Some(begin("s1"))).await;
    assert_eq!((status, &session["status"], &session["query_count"]), (201, &json!("active"), &json!(0)), "{session}");
    assert_eq!(local(Method::POST, "/sessions", Some(begin("s1"))).await.0, 409);
    for number in 2..=5 {
        assert_eq!(local(Method::POST, "/sessions", Some(begin(&format!("s{number}")))).await.0, 201);
    }
    let (status, full) = local(Method::POST, "/sessions", Some(begin("s6"))).await;
    assert_eq!((status, &full["detail"]["details"]["limit"]), (429, &json!(5)), "{full}");
    assert_eq!(rejected(&made).await, "53300");
    let (_, touched) = local(Method::PATCH, "/sessions/s1/activity", None).await;
    assert_eq!(touched["query_count"], 1, "{touched}");
    let (_, touched) = local(Method::PATCH, "/sessions/s1/activity", Some(json!({ "increment_queries": false }))).await;
    assert_eq!(touched["query_count"], 1, "{touched}");
    assert_eq!(local(Method::DELETE, "/sessions/s1?reason=done%20here", None).await.0, 204);
    assert_eq!(local(Method::GET, "/sessions/s1", None).await.1["status"], "done here");
    assert_eq!(local(Method::GET, "/sessions/none", None).await.0, 404);
    assert_eq!(local(Method::GET, "/sessions?status=active", None).await.1.as_array().unwrap().len(), 4);
    let nowhere = json!({ "session_id": "s7", "workspace_id": "ws_none" });
    assert_eq!(local(Method::POST, "/sessions", Some(nowhere)).await.0, 404);
    let (_, cleaned) = local(Method::POST, "/sessions/cleanup?idle_timeout_seconds=0", None).await;
    assert_eq!(cleaned, json!({ "cleaned_up": 4, "idle_timeout_seconds": 0 }));
    assert_eq!(local(Method::GET, "/sessions/s2", None).await.1["status"], "timeout");

    // Not what a page in a browser sends from here, and elsewhere only with a key.
    let page = client.get(format!("http://{at}/internal/pgwire/sessions")).header("Origin", "http://evil.example");
    assert_eq!(page.send().await.unwrap().status(), 401);
    let renamed = client.get(format!("http://{at}/internal/pgwire/sessions")).header("Host", "evil.example:5434");
    assert_eq!(renamed.send().await.unwrap().status(), 401);
    for (key, expected) in [(None, 401), (Some("wrong"), 401), (Some("a-secret-of-the-tests"), 200), (Some(ADMIN), 200)]
    {
        let (status, answer) = world.http_as(key, Method::GET, "/internal/pgwire/sessions", None).await;
        assert_eq!(status, expected, "{key:?}: {answer}");
    }
    assert_eq!(world.http_as(Some("a-secret-of-the-tests"), Method::GET, "/projects", None).await.0, 401);

    // One of the listener's is ended from here.
    let mut session = login(&made).await;
    let (_, active) = local(Method::GET, "/sessions?status=active", None).await;
    let name = active[0]["session_id"].as_str().unwrap();
    assert_eq!(local(Method::DELETE, &format!("/sessions/{name}?reason=enough"), None).await.0, 204);
    assert_eq!(code(session.execute("SELECT 1").await), "57P01");
    assert_eq!(local(Method::GET, &format!("/sessions/{name}"), None).await.1["status"], "enough");
}

#[tokio::test]
async fn a_killed_platform_leaves_nobody_logged_in() {
    let mut world = filled(&[]).await;
    let made = workspace(&world).await;
    let mut session = login(&made).await;
    let mut transaction = session.begin().await.unwrap();
    transaction.execute("CREATE TABLE lost AS SELECT * FROM b.t").await.unwrap();
    world.alluvium.kill();
    assert!(transaction.execute("SELECT 1").await.is_err());
    world.alluvium.restart().await;
    let shown = world.get(&format!("{WORKSPACES}/{}", id(&made))).await;
    assert_eq!((&shown["active_sessions"], &shown["workspace_objects"]), (&json!(0), &json!([])));
    let sessions = world.get("/internal/pgwire/sessions").await;
    assert_eq!(sessions[0]["status"], "terminated", "{sessions}");
    let port = shown["connection"]["port"].clone();
    let mut connection = made["connection"].clone();
    connection["port"] = port;
    let copies = || std::fs::read_dir(world.data.path().join("exports")).unwrap().count();
    assert_eq!(copies(), 0, "copies of tables are gone, too");
    let mut session = login(&json!({ "connection": connection })).await;
    assert_eq!(number(&mut session, "SELECT count(*) FROM b.t").await, 3);
}

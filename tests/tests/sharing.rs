//! Buckets of other projects: shared, linked, read through links as long as the share stands, and never written through them.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use alluvium_blackbox::World;
use alluvium_blackbox::cluster::Cluster;
use alluvium_testing::{NatsServer, Postgres};
use reqwest::Method;
use serde_json::{Value, json};

const SHOP: &str = "/projects/shop/branches/default";
const LAB: &str = "/projects/lab/branches/default";

/// Two projects with a key each. `shop` has bucket `b` with the tables `orders` (three rows) and `items`.
struct Parties {
    world: World,
    shop: String,
    lab: String,
}

impl Parties {
    async fn meet(envs: &[(&str, &str)]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let world = World::start_on(NatsServer::start().await, Postgres::shared().await, data, envs).await;
        let mut keys = Vec::new();
        for id in ["shop", "lab"] {
            let made = world.post("/projects", &json!({"id": id})).await;
            keys.push(made["api_key"].as_str().unwrap().to_owned());
        }
        world.post(&format!("{SHOP}/buckets"), &json!({"name": "b"})).await;
        for table in ["orders", "items"] {
            world.table("shop", table, &[("id", "BIGINT"), ("note", "VARCHAR")], &["id"]).await;
        }
        let file = world.upload("shop", "orders.csv", b"id,note\n1,a\n2,b\n3,c\n".to_vec()).await;
        world.post(&format!("{SHOP}/buckets/b/tables/orders/import/file"), &json!({"file_id": file})).await;
        let lab = keys.pop().unwrap();
        Self { world, shop: keys.pop().unwrap(), lab }
    }

    async fn ask(&self, key: &str, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let (status, answer) = self.world.http_as(Some(key), method, path, body.as_ref()).await;
        (status.as_u16(), answer)
    }

    /// As the holder of the shop's key.
    async fn shop(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        self.ask(&self.shop, method, &format!("{SHOP}{path}"), body).await
    }

    /// As the holder of the lab's key.
    async fn lab(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        self.ask(&self.lab, method, &format!("{LAB}{path}"), body).await
    }

    async fn share(&self) {
        let shared = self.shop(Method::POST, "/buckets/b/share", Some(json!({"target_project_id": "lab"}))).await;
        assert_eq!(shared.0, 200, "{}", shared.1);
    }

    async fn unshare(&self) {
        let taken_back = self.shop(Method::DELETE, "/buckets/b/share?target_project_id=lab", None).await;
        assert_eq!(taken_back.0, 204, "{}", taken_back.1);
    }

    async fn link(&self, name: &str) -> (u16, Value) {
        let body = json!({"source_project_id": "shop", "source_bucket_name": "b"});
        self.lab(Method::POST, &format!("/buckets/{name}/link"), Some(body)).await
    }

    /// What the lab reads of the linked table `orders`, in every way there is; status and code of each.
    async fn reads(&self, bucket: &str) -> Vec<(&'static str, u16, String)> {
        let table = format!("/buckets/{bucket}/tables/orders");
        let tables = format!("/buckets/{bucket}/tables");
        let preview = format!("{table}/preview");
        let asked = [
            ("list", Method::GET, tables.clone(), None),
            ("get", Method::GET, table.clone(), None),
            ("schema", Method::GET, format!("{table}/schema"), None),
            ("preview", Method::GET, preview.clone(), None),
            ("preview as csv", Method::GET, format!("{preview}?format=rfc"), None),
            ("filtered preview", Method::POST, preview, Some(json!({"limit": 1}))),
            ("profile", Method::POST, format!("{table}/profile"), None),
            ("export", Method::POST, format!("{table}/export"), Some(json!({}))),
            ("snapshot", Method::POST, "/snapshots".to_owned(), Some(json!({"bucket": bucket, "table": "orders"}))),
        ];
        let mut found = Vec::new();
        for (what, method, path, body) in asked {
            let (status, answer) = self.lab(method, &path, body).await;
            found.push((what, status, answer["detail"]["error"].as_str().unwrap_or_default().to_owned()));
        }
        let query = json!({"query": format!("SELECT count(*) AS n FROM {bucket}.orders")});
        let (_, answer) = self.ask(&self.lab, Method::POST, "/projects/lab/query", Some(query)).await;
        let status = if answer["status"] == "ok" { 200 } else { 403 };
        found.push(("query", status, answer["error"].as_str().unwrap_or_default().replace("storage.", "")));
        found
    }
}

fn code(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["detail"]["error"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn a_share_lets_a_link_read_and_taking_it_back_cuts_that() {
    let parties = Parties::meet(&[]).await;
    // Without a share nobody is told what there is.
    assert_eq!(code(&parties.link("theirs").await), (403, "bucket_not_shared"));
    for (project, bucket) in [("shop", "nothing"), ("nobody", "b"), ("../x", "b")] {
        let body = json!({"source_project_id": project, "source_bucket_name": bucket});
        let refused = parties.lab(Method::POST, "/buckets/theirs/link", Some(body)).await;
        assert_eq!(code(&refused), (403, "bucket_not_shared"), "{project}.{bucket}");
    }

    let shared = parties.shop(Method::POST, "/buckets/b/share", Some(json!({"target_project_id": "lab"}))).await;
    let expected = json!({
        "shared_with": ["lab"], "is_linked": false, "source_project_id": null, "source_bucket_name": null,
    });
    assert_eq!(shared, (200, expected));
    let again = parties.shop(Method::POST, "/buckets/b/share", Some(json!({"target_project_id": "lab"}))).await;
    assert_eq!(code(&again), (409, "already_shared"));

    let (status, linked) = parties.link("theirs").await;
    let expected = json!({
        "name": "theirs", "table_count": 2, "description": "Linked from shop.b", "is_linked": true,
        "source_project_id": "shop", "source_bucket_name": "b",
    });
    assert_eq!((status, &linked), (201, &expected));
    assert_eq!(code(&parties.link("theirs").await), (409, "bucket_already_linked"));
    assert_eq!(parties.link("again").await.0, 201, "the same source under another name");
    let (_, buckets) = parties.lab(Method::GET, "/buckets", None).await;
    assert_eq!((&buckets["total"], &buckets["buckets"][1]), (&json!(2), &expected));
    let (_, project) = parties.ask(&parties.lab, Method::GET, "/projects/lab", None).await;
    assert_eq!(
        (&project["bucket_count"], &project["table_count"], &project["size_bytes"]),
        (&json!(2), &json!(4), &json!(0))
    );

    for (what, status, code) in parties.reads("theirs").await {
        assert!((200..300).contains(&status), "{what}: {status} {code}");
    }
    let (_, table) = parties.lab(Method::GET, "/buckets/theirs/tables/orders", None).await;
    assert_eq!(
        (&table["bucket"], &table["source"], &table["is_linked"]),
        (&json!("theirs"), &json!("main"), &json!(true))
    );
    assert_eq!(table["row_count"], 3);

    parties.unshare().await;
    for (what, status, code) in parties.reads("theirs").await {
        assert_eq!((status, code.as_str()), (403, "share_revoked"), "{what}");
    }
    let (_, listed) = parties.lab(Method::GET, "/buckets/theirs", None).await;
    assert_eq!((&listed["is_linked"], &listed["table_count"]), (&json!(true), &json!(0)));
    // Linking again is refused as well, until the share is there again; then the link is what it was.
    assert_eq!(code(&parties.link("third").await), (403, "bucket_not_shared"));
    parties.share().await;
    for (what, status, code) in parties.reads("theirs").await {
        assert!((200..300).contains(&status), "{what}: {status} {code}");
    }
    parties.world.verify();
}

#[tokio::test]
async fn a_link_is_live_and_read_only_and_takes_tables_of_its_own() {
    let parties = Parties::meet(&[]).await;
    parties.share().await;
    assert_eq!(parties.link("theirs").await.0, 201);

    // What the source does shows.
    parties.world.table("shop", "late", &[("id", "BIGINT")], &[]).await;
    let (_, tables) = parties.lab(Method::GET, "/buckets/theirs/tables", None).await;
    let names: Vec<&str> = tables["tables"].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
    assert_eq!((names, &tables["total"]), (vec!["items", "late", "orders"], &json!(3)));

    // Nothing is written through it, and what it does not show is not there.
    let table = "/buckets/theirs/tables/orders";
    let (_, file) = parties.lab(Method::POST, &format!("{table}/export"), Some(json!({}))).await;
    let writes = [
        (Method::DELETE, table.to_owned(), None),
        (Method::POST, format!("{table}/columns"), Some(json!({"name": "x", "type": "BIGINT"}))),
        (Method::PUT, format!("{table}/columns/note"), Some(json!({"new_name": "x"}))),
        (Method::DELETE, format!("{table}/columns/note"), None),
        (Method::POST, format!("{table}/primary-key"), Some(json!({"columns": ["id"]}))),
        (Method::DELETE, format!("{table}/primary-key"), None),
        (Method::DELETE, format!("{table}/rows"), Some(json!({"where_clause": "TRUE"}))),
        (Method::POST, format!("{table}/import/file"), Some(json!({"file_id": file["file_id"]}))),
    ];
    for (method, path, body) in writes {
        let refused = parties.lab(method.clone(), &path, body).await;
        assert_eq!(code(&refused), (403, "bucket_readonly"), "{method} {path}: {}", refused.1);
    }
    let missing = parties.lab(Method::DELETE, "/buckets/theirs/tables/nothing", None).await;
    assert_eq!(code(&missing), (404, "table_not_found"));
    let (_, kept) = parties.shop(Method::GET, "/buckets/b/tables/orders", None).await;
    assert_eq!((&kept["row_count"], kept["columns"].as_array().unwrap().len()), (&json!(3), 2));

    // Its own tables stand beside, and hide what comes later.
    let own = |name: &str| json!({"name": name, "columns": [{"name": "own", "type": "BIGINT"}]});
    let taken = parties.lab(Method::POST, "/buckets/theirs/tables", Some(own("Orders"))).await;
    assert_eq!(code(&taken), (409, "table_exists"));
    assert_eq!(parties.lab(Method::POST, "/buckets/theirs/tables", Some(own("mine"))).await.0, 201);
    parties.world.table("shop", "mine", &[("id", "BIGINT")], &[]).await;
    let (_, mine) = parties.lab(Method::GET, "/buckets/theirs/tables/mine", None).await;
    assert_eq!((&mine["is_linked"], &mine["columns"][0]["name"]), (&json!(false), &json!("own")));
    // No earlier version comes back under a name that the link shows.
    let (_, versions) = parties.lab(Method::GET, "/buckets/theirs/tables/mine/versions", None).await;
    let version = &versions["versions"][0]["version"];
    let copy = json!({"source_bucket": "theirs", "source_table": "mine", "version": version, "name": "orders"});
    let taken = parties.lab(Method::POST, "/buckets/theirs/tables-from-time-travel", Some(copy)).await;
    assert_eq!(code(&taken), (409, "table_exists"), "{}", taken.1);
    let taken = parties.lab(Method::POST, "/buckets/theirs/tables/orders/undrop", None).await;
    assert_eq!(code(&taken), (409, "table_exists"), "{}", taken.1);
    let (_, bucket) = parties.lab(Method::GET, "/buckets/theirs", None).await;
    assert_eq!(bucket["table_count"], 4);
    // A revoked share hides the source, not the bucket's own.
    parties.unshare().await;
    assert_eq!(parties.lab(Method::GET, "/buckets/theirs/tables/mine", None).await.0, 200);
    assert_eq!(code(&parties.lab(Method::GET, "/buckets/theirs/tables/late", None).await), (403, "share_revoked"));
    parties.share().await;

    // Through a dev branch a link reads as through the main line, and is made by nobody.
    let (_, branch) =
        parties.ask(&parties.lab, Method::POST, "/projects/lab/branches", Some(json!({"name": "x"}))).await;
    let below = format!("/projects/lab/branches/{}/buckets", branch["id"].as_str().unwrap());
    let read = parties.ask(&parties.lab, Method::GET, &format!("{below}/theirs/tables/orders/preview"), None).await;
    assert_eq!((read.0, &read.1["total_row_count"]), (200, &json!(3)));
    for (method, path, body) in [
        (Method::POST, "/x/link", Some(json!({"source_project_id": "shop", "source_bucket_name": "b"}))),
        (Method::DELETE, "/theirs/link", None),
        (Method::POST, "/theirs/share", Some(json!({"target_project_id": "shop"}))),
        (Method::DELETE, "/theirs/share?target_project_id=shop", None),
        (Method::POST, "/theirs/grant-readonly", None),
        (Method::DELETE, "/theirs/grant-readonly", None),
    ] {
        let refused = parties.ask(&parties.lab, method.clone(), &format!("{below}{path}"), body).await;
        assert_eq!(code(&refused), (400, "operation_not_allowed"), "{method} {path}");
    }

    // Unlinking takes what is its own, and nothing else.
    assert_eq!(code(&parties.lab(Method::DELETE, "/buckets/theirs?force=true", None).await), (409, "bucket_is_linked"));
    assert_eq!(parties.lab(Method::DELETE, "/buckets/theirs/link", None).await.0, 204);
    assert_eq!(code(&parties.lab(Method::GET, "/buckets/theirs", None).await), (404, "bucket_not_found"));
    assert_eq!(code(&parties.lab(Method::DELETE, "/buckets/theirs/link", None).await), (404, "link_not_found"));
    assert_eq!(parties.link("theirs").await.0, 201, "the share stays");
    assert_eq!(parties.shop(Method::GET, "/buckets/b/tables/orders", None).await.0, 200);
    parties.world.verify();
}

#[tokio::test]
async fn a_link_outlives_what_it_shows_and_a_new_one_of_the_name_is_another() {
    let parties = Parties::meet(&[]).await;
    parties.share().await;
    assert_eq!(parties.link("theirs").await.0, 201);
    // A snapshot of a linked table is the linking project's, and can be restored beside the link only.
    let body = json!({"bucket": "theirs", "table": "orders"});
    let (status, taken) = parties.lab(Method::POST, "/snapshots", Some(body)).await;
    assert_eq!((status, &taken["row_count"], &taken["project_id"]), (201, &json!(3), &json!("lab")), "{taken}");
    let restore = format!("/snapshots/{}/restore", taken["id"].as_str().unwrap());
    assert_eq!(code(&parties.lab(Method::POST, &restore, Some(json!({}))).await), (403, "bucket_readonly"));
    let onto = json!({"target_table": "items"});
    assert_eq!(code(&parties.lab(Method::POST, &restore, Some(onto)).await), (409, "table_exists"));

    assert_eq!(code(&parties.shop(Method::DELETE, "/buckets/b", None).await), (409, "bucket_linked"));
    assert_eq!(parties.shop(Method::DELETE, "/buckets/b?force=true", None).await.0, 204);
    let gone = parties.lab(Method::GET, "/buckets/theirs/tables", None).await;
    assert_eq!(code(&gone), (404, "source_not_found"));
    let (status, restored) = parties.lab(Method::POST, &restore, Some(json!({"target_table": "copy"}))).await;
    assert_eq!((status, &restored["row_count"]), (200, &json!(3)), "{restored}");

    parties.world.post(&format!("{SHOP}/buckets"), &json!({"name": "b"})).await;
    parties.world.table("shop", "orders", &[("id", "BIGINT")], &[]).await;
    let other = parties.lab(Method::GET, "/buckets/theirs/tables/orders", None).await;
    assert_eq!(code(&other), (404, "source_not_found"));
    assert_eq!(code(&parties.link("fresh").await), (403, "bucket_not_shared"), "the new bucket is shared with nobody");

    // A project of the same id that comes later has no part in a share.
    parties.share().await;
    assert_eq!(parties.link("fresh").await.0, 201);
    let (status, _) = parties.world.http(Method::DELETE, "/projects/lab", None).await;
    assert_eq!(status.as_u16(), 204);
    let again = parties.world.post("/projects", &json!({"id": "lab"})).await;
    let key = again["api_key"].as_str().unwrap().to_owned();
    let body = json!({"source_project_id": "shop", "source_bucket_name": "b"});
    let refused = parties.ask(&key, Method::POST, &format!("{LAB}/buckets/theirs/link"), Some(body)).await;
    assert_eq!(code(&refused), (403, "bucket_not_shared"));
    assert_eq!(parties.shop(Method::DELETE, "/buckets/b", None).await.0, 204, "nobody links it any more");
    parties.world.verify();
}

#[tokio::test]
async fn the_admin_links_without_a_share_and_what_makes_no_sense_is_refused() {
    let parties = Parties::meet(&[]).await;
    let body = |project: &str, bucket: &str| Some(json!({"source_project_id": project, "source_bucket_name": bucket}));
    let admin = async |path: &str, body: Option<Value>| {
        let (status, answer) = parties.world.http(Method::POST, &format!("{LAB}/buckets/{path}"), body.as_ref()).await;
        (status.as_u16(), answer)
    };
    assert_eq!(code(&admin("x/link", body("nobody", "b")).await), (404, "project_not_found"));
    assert_eq!(code(&admin("x/link", body("shop", "nothing")).await), (404, "bucket_not_found"));
    assert_eq!(code(&admin("x/link", body("lab", "b")).await), (400, "invalid_request"));
    assert_eq!(admin("x/link", body("shop", "b")).await.0, 201);
    // That was a share: the project's own key reads, and links again.
    assert_eq!(parties.lab(Method::GET, "/buckets/x/tables/orders/preview", None).await.0, 200);
    assert_eq!(parties.link("y").await.0, 201);
    assert_eq!(code(&admin("x/share", Some(json!({"target_project_id": "shop"}))).await), (400, "invalid_request"));

    let share = |target: &str| Some(json!({"target_project_id": target}));
    let shop =
        async |bucket: &str, target| parties.shop(Method::POST, &format!("/buckets/{bucket}/share"), target).await;
    assert_eq!(code(&shop("b", share("shop")).await), (400, "invalid_request"));
    assert_eq!(
        code(&shop("nothing", share("nobody")).await),
        (404, "project_not_found"),
        "the target is looked at first"
    );
    assert_eq!(code(&shop("nothing", share("lab")).await), (404, "bucket_not_found"));
    assert_eq!(shop("b", None).await.0, 422);
    assert_eq!(parties.shop(Method::DELETE, "/buckets/b/share", None).await.0, 422);
    assert_eq!(parties.shop(Method::DELETE, "/buckets/b/share?target_project_id=nobody", None).await.0, 204);
    // The older form of the path is the same route.
    let older =
        parties.ask(&parties.shop, Method::DELETE, "/projects/shop/buckets/b/share?target_project_id=lab", None);
    assert_eq!(older.await.0, 204);
    assert_eq!(code(&parties.lab(Method::GET, "/buckets/x/tables", None).await), (403, "share_revoked"));

    let (status, noted) = parties.shop(Method::POST, "/buckets/b/grant-readonly", None).await;
    assert_eq!((status, &noted["status"], &noted["bucket_name"]), (200, &json!("success"), &json!("b")));
    assert!(noted["message"].as_str().unwrap().contains("ATTACH READ_ONLY"), "{noted}");
    let missing = parties.shop(Method::POST, "/buckets/nothing/grant-readonly", None).await;
    assert_eq!(code(&missing), (404, "bucket_not_found"));
    for bucket in ["b", "nothing"] {
        let path = format!("/buckets/{bucket}/grant-readonly");
        assert_eq!(parties.shop(Method::DELETE, &path, None).await.0, 204, "{bucket}");
    }

    let metrics =
        reqwest::get(format!("{}/metrics", parties.world.alluvium.url())).await.unwrap().text().await.unwrap();
    for line in [
        r#"duckdb_bucket_sharing_operations_total{operation="link",status="error"} 3"#,
        r#"duckdb_bucket_sharing_operations_total{operation="link",status="success"} 2"#,
        r#"duckdb_bucket_sharing_operations_total{operation="grant_readonly",status="success"} 1"#,
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
}

#[tokio::test]
async fn earlier_points_are_read_through_a_link_as_far_as_it_was_one() {
    let parties = Parties::meet(&[]).await;
    let seq = async || {
        let js = async_nats::jetstream::new(parties.world.nats.connect().await);
        js.get_stream("STORAGE").await.unwrap().cached_info().state.last_sequence
    };
    let before = seq().await;
    parties.share().await;
    assert_eq!(parties.link("theirs").await.0, 201);
    let linked = seq().await;
    let rows = json!({"where_clause": "id > 1"});
    assert_eq!(parties.shop(Method::DELETE, "/buckets/b/tables/orders/rows", Some(rows)).await.0, 200);

    let then = async |at: u64| {
        let path = format!("/buckets/theirs/tables/orders/preview?as_of=STORAGE:{at}");
        parties.lab(Method::GET, &path, None).await
    };
    let (status, rows) = then(linked).await;
    assert_eq!((status, &rows["total_row_count"]), (200, &json!(3)), "{rows}");
    assert_eq!(code(&then(before).await), (404, "bucket_not_found"), "the link was not there");
    let list = format!("/buckets/theirs/tables?as_of=STORAGE:{linked}");
    assert_eq!(parties.lab(Method::GET, &list, None).await.1["total"], 2);
    let query = json!({"query": "SELECT * FROM theirs.orders", "as_of": format!("STORAGE:{linked}")});
    let (_, refused) = parties.ask(&parties.lab, Method::POST, "/projects/lab/query", Some(query)).await;
    assert_eq!(refused["error"], "source_elsewhere", "{refused}");

    parties.unshare().await;
    assert_eq!(code(&then(linked).await), (403, "share_revoked"), "what may not be read now may not be read as it was");
    assert_eq!(code(&parties.lab(Method::GET, &list, None).await), (403, "share_revoked"));
}

#[tokio::test]
async fn an_open_installation_links_without_asking() {
    let parties = Parties::meet(&[("SHARE_ENFORCEMENT", "open")]).await;
    assert_eq!(parties.link("theirs").await.0, 201);
    assert_eq!(parties.lab(Method::GET, "/buckets/theirs/tables/orders/preview", None).await.0, 200);
    parties.unshare().await;
    assert_eq!(code(&parties.lab(Method::GET, "/buckets/theirs/tables", None).await), (403, "share_revoked"));
    assert_eq!(parties.link("again").await.0, 201);
    assert_eq!(parties.lab(Method::GET, "/buckets/theirs/tables", None).await.0, 200);
}

/// How many projects there are, so that two of them are kept by different nodes (all but once in 32,768 times).
const SPREAD: usize = 16;

#[tokio::test]
async fn a_linked_table_is_read_where_its_source_is_kept() {
    let cluster = Cluster::start().await;
    let projects: Vec<String> = (0..SPREAD).map(|n| format!("p{n}")).collect();
    for project in &projects {
        cluster.project(project).await;
    }
    cluster
        .eventually("every project has a keeper, and not all the same", || async {
            let keepers = cluster.keepers(&projects).await;
            keepers.iter().all(Option::is_some) && keepers.iter().any(|keeper| *keeper != keepers[0])
        })
        .await;
    let keepers = cluster.keepers(&projects).await;
    let other = keepers.iter().position(|keeper| *keeper != keepers[0]).unwrap();
    let (source, target) = (&projects[0], &projects[other]);
    let file = cluster.upload(source, "rows.csv", "n\n1\n2\n").await;
    let load = json!({"file_id": file});
    cluster.post(&format!("/projects/{source}/branches/default/buckets/b/tables/t/import/file"), &load).await;

    let link = json!({"source_project_id": source, "source_bucket_name": "b"});
    cluster.post(&format!("/projects/{target}/branches/default/buckets/theirs/link"), &link).await;
    let table = format!("/projects/{target}/branches/default/buckets/theirs/tables/t");
    assert_eq!(cluster.get(&format!("{table}/preview")).await["total_row_count"], 2);
    assert_eq!(cluster.post(&format!("{table}/profile"), &json!({})).await["row_count"], 2);
    assert_eq!(cluster.post(&format!("{table}/export"), &json!({})).await["rows_exported"], 2);
    assert_eq!(cluster.get(&table).await["row_count"], 2);
    let listed = cluster.get(&format!("/projects/{target}/branches/default/buckets/theirs/tables")).await;
    assert_eq!(listed["tables"][0]["row_count"], 2, "{listed}");

    // A query is answered where the project's own tables are, and says when that is not enough. A node that a table has just
    // left may still read it, so that comes to be; a wrong answer never does.
    let pair = [source.clone(), target.clone()];
    let query = json!({"query": "SELECT count(*) FROM theirs.t"});
    cluster
        .eventually("a query over what another node keeps says so", || async {
            let kept = cluster.keepers(&pair).await;
            let answer = cluster.post(&format!("/projects/{target}/query"), &query).await;
            let elsewhere = answer["error"] == "source_elsewhere";
            assert!(elsewhere || answer["data"]["rows"] == json!([[2]]), "{kept:?}: {answer}");
            elsewhere || kept[0] == kept[1]
        })
        .await;
}

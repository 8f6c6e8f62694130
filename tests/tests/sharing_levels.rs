//! Buckets that are shared with an organisation: who may link them, who does, who is cut off, and what nobody is told.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeMap;

use alluvium_blackbox::{ADMIN, World};
use reqwest::Method;
use serde_json::{Value, json};

/// Projects and their organisations.
const PROJECTS: [(&str, Option<&str>); 5] =
    [("shop", Some("acme")), ("lab", Some("acme")), ("desk", Some("acme")), ("rival", Some("other")), ("loner", None)];

/// Projects with a key each. `shop` has bucket `b` with the tables `orders` (three rows) and `items`.
struct Parties {
    world: World,
    keys: BTreeMap<&'static str, String>,
}

impl Parties {
    async fn meet() -> Self {
        let world = World::start().await;
        let mut keys = BTreeMap::from([("admin", ADMIN.to_owned())]);
        for (id, organization) in PROJECTS {
            let made = world.post("/projects", &json!({"id": id, "organizationId": organization})).await;
            assert_eq!(made["organization_id"], json!(organization));
            keys.insert(id, made["api_key"].as_str().unwrap().to_owned());
        }
        world.post("/projects/shop/buckets", &json!({"name": "b", "description": "sold"})).await;
        for table in ["orders", "items"] {
            world.table("shop", table, &[("id", "BIGINT")], &["id"]).await;
        }
        let file = world.upload("shop", "orders.csv", b"id\n1\n2\n3\n".to_vec()).await;
        world.post("/projects/shop/buckets/b/tables/orders/import/file", &json!({"file_id": file})).await;
        Self { world, keys }
    }

    /// As the holder of a project's key, or the admin; below a project.
    async fn ask(&self, who: &str, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let (status, answer) =
            self.world.http_as(Some(&self.keys[who]), method, &format!("/projects/{path}"), body.as_ref()).await;
        (status.as_u16(), answer)
    }

    async fn set(&self, sharing: &str, targets: Option<&[&str]>) -> (u16, Value) {
        let mut body = json!({ "sharing": sharing });
        if let Some(targets) = targets {
            body["targets"] = json!(targets);
        }
        self.ask("shop", Method::PUT, "shop/branches/default/buckets/b/share", Some(body)).await
    }

    async fn link(&self, who: &str, name: &str) -> (u16, Value) {
        let body = json!({"source_project_id": "shop", "source_bucket_name": "b"});
        self.ask(who, Method::POST, &format!("{who}/buckets/{name}/link"), Some(body)).await
    }

    /// What reading the linked table comes to: a table, a list, rows and a query must agree.
    async fn read(&self, who: &str, bucket: &str) -> (u16, String) {
        let below = format!("{who}/buckets/{bucket}/tables");
        let preview = self.ask(who, Method::GET, &format!("{below}/orders/preview"), None).await;
        for path in [below.clone(), format!("{below}/orders")] {
            let other = self.ask(who, Method::GET, &path, None).await;
            assert_eq!(code(&other), code(&preview), "{path}");
        }
        let query = json!({"query": format!("SELECT count(*) AS n FROM {bucket}.orders")});
        let (_, asked) = self.ask(who, Method::POST, &format!("{who}/query"), Some(query)).await;
        assert_eq!(asked["status"] == "ok", preview.0 == 200, "{asked}");
        (preview.0, code(&preview).1.to_owned())
    }

    async fn cut(&self, target: &str) -> (u16, Value) {
        self.ask("shop", Method::DELETE, &format!("shop/buckets/b/links/{target}"), None).await
    }

    async fn links(&self) -> Value {
        let (status, links) = self.ask("shop", Method::GET, "shop/buckets/b/links", None).await;
        assert_eq!(status, 200, "{links}");
        links
    }

    /// The buckets that a project is told it may link, with the links to them.
    async fn shared(&self, who: &str) -> Vec<(String, Value)> {
        let (status, listed) = self.ask(who, Method::GET, &format!("{who}/shared-buckets"), None).await;
        assert_eq!(status, 200, "{listed}");
        let entries = listed["shared_buckets"].as_array().unwrap();
        assert_eq!(listed["total"], entries.len());
        let name = |one: &Value| {
            format!("{}.{}", one["source_project_id"].as_str().unwrap(), one["source_bucket_name"].as_str().unwrap())
        };
        entries.iter().map(|one| (name(one), one["linked_as"].clone())).collect()
    }

    async fn organize(&self, who: &str, project: &str, organization: &str) -> (u16, Value) {
        self.ask(who, Method::PUT, project, Some(json!({ "organization_id": organization }))).await
    }
}

fn code(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["detail"]["error"].as_str().unwrap_or_default())
}

fn refused(code: &str) -> (u16, String) {
    (403, code.to_owned())
}

fn read() -> (u16, String) {
    (200, String::new())
}

#[tokio::test]
async fn a_level_lets_its_organisation_link_and_tells_nobody_else() {
    let parties = Parties::meet().await;
    for (who, _) in PROJECTS {
        assert_eq!(parties.shared(who).await, [], "{who}");
    }
    assert_eq!(parties.links().await, json!({"sharing": null, "shared_with": [], "links": [], "total": 0}));
    let set = parties.set("organization", None).await;
    assert_eq!(set, (200, json!({"sharing": "organization", "shared_with": []})));

    let (_, listed) = parties.ask("lab", Method::GET, "lab/shared-buckets", None).await;
    let mut bucket = listed["shared_buckets"][0].clone();
    assert!(bucket["size_bytes"].take().as_u64().unwrap() > 0, "{listed}");
    let expected = json!({
        "source_project_id": "shop", "source_project_name": null, "source_bucket_name": "b", "description": "sold",
        "sharing": "organization", "table_count": 2, "row_count": 3, "size_bytes": null, "linked_as": [],
    });
    assert_eq!(bucket, expected);
    for who in ["shop", "rival", "loner"] {
        assert_eq!(parties.shared(who).await, [], "{who}");
    }
    // Who is of another organisation, or of none, is told the same as of a bucket that is not there.
    for who in ["rival", "loner"] {
        let unknown = json!({"source_project_id": "shop", "source_bucket_name": "nothing"});
        let unknown = parties.ask(who, Method::POST, &format!("{who}/buckets/theirs/link"), Some(unknown)).await;
        assert_eq!(code(&unknown), (403, "bucket_not_shared"), "{who}");
        assert_eq!(code(&parties.link(who, "theirs").await), (403, "bucket_not_shared"), "{who}");
    }

    assert_eq!(parties.link("lab", "theirs").await.0, 201);
    assert_eq!(parties.read("lab", "theirs").await, read());
    assert_eq!(parties.shared("lab").await, [("shop.b".to_owned(), json!(["theirs"]))]);
    assert_eq!(parties.shared("desk").await, [("shop.b".to_owned(), json!([]))]);
    let mut links = parties.links().await;
    assert!(links["links"][0]["linked_at"].take().is_string(), "{links}");
    let link = json!({
        "project_id": "lab", "project_name": null, "bucket_name": "theirs", "linked_at": null, "is_open": true,
    });
    assert_eq!(links, json!({"sharing": "organization", "shared_with": [], "links": [link], "total": 1}));
    let (_, page) = parties.ask("shop", Method::GET, "shop/buckets/b/links?offset=1", None).await;
    assert_eq!((&page["links"], &page["total"]), (&json!([]), &json!(1)));
    let foreign = parties.ask("lab", Method::GET, "shop/buckets/b/links", None).await;
    assert_eq!(code(&foreign), (403, "forbidden"));

    // With its last link goes what followed from the organisation alone.
    assert_eq!(parties.ask("lab", Method::DELETE, "lab/buckets/theirs/link", None).await.0, 204);
    assert_eq!(parties.links().await["total"], 0);
    assert_eq!(parties.set("selected-projects", Some(&[])).await.0, 200);
    assert_eq!(code(&parties.link("lab", "theirs").await), (403, "bucket_not_shared"));
    assert_eq!(parties.shared("lab").await, []);
    // A bucket that is made again is shared with nobody.
    assert_eq!(parties.set("organization-project", None).await.0, 200);
    assert_eq!(parties.ask("shop", Method::DELETE, "shop/buckets/b", None).await.0, 204);
    parties.world.post("/projects/shop/buckets", &json!({"name": "b"})).await;
    assert_eq!(parties.shared("lab").await, []);
    parties.world.verify();
}

#[tokio::test]
async fn a_narrower_level_cuts_nobody_and_names_who_is_in_its_way() {
    let parties = Parties::meet().await;
    assert_eq!(parties.set("organization", None).await.0, 200);
    for who in ["lab", "desk"] {
        assert_eq!(parties.link(who, "theirs").await.0, 201);
    }
    for targets in [vec![], vec!["lab"], vec!["rival", "lab"]] {
        let kept = parties.set("selected-projects", Some(&targets)).await;
        assert_eq!(code(&kept), (409, "sharing_in_use"));
        let named = if targets.is_empty() { json!(["desk", "lab"]) } else { json!(["desk"]) };
        assert_eq!(kept.1["detail"]["details"]["projects"], named);
    }
    assert_eq!((parties.read("lab", "theirs").await, parties.read("desk", "theirs").await), (read(), read()));
    assert_eq!(parties.shared("rival").await, [], "a refused change shared nothing");

    // Who is named keeps its link; who is not is unlinked first.
    assert_eq!(parties.ask("desk", Method::DELETE, "desk/buckets/theirs/link", None).await.0, 204);
    let named = parties.set("selected-projects", Some(&["lab", "rival"])).await;
    assert_eq!(named, (200, json!({"sharing": "selected-projects", "shared_with": ["lab", "rival"]})));
    assert_eq!(parties.read("lab", "theirs").await, read());
    assert_eq!(code(&parties.link("desk", "theirs").await), (403, "bucket_not_shared"));
    assert_eq!(parties.link("rival", "theirs").await.0, 201);
    // Back to the organisation: what the lab has goes on, the rival is in the way.
    let kept = parties.set("organization", None).await;
    assert_eq!((code(&kept), &kept.1["detail"]["details"]["projects"]), ((409, "sharing_in_use"), &json!(["rival"])));
    assert_eq!(parties.cut("rival").await.0, 204);
    assert_eq!(parties.set("organization", None).await, (200, json!({"sharing": "organization", "shared_with": []})));
    assert_eq!(parties.read("lab", "theirs").await, read());
    // Taking one project's share back cuts it at once, as ever; the organisation lets it link anew.
    let path = "shop/buckets/b/share?target_project_id=lab";
    assert_eq!(parties.ask("shop", Method::DELETE, path, None).await.0, 204);
    assert_eq!(parties.read("lab", "theirs").await, refused("share_revoked"));
    assert_eq!(parties.links().await["links"][0]["is_open"], false);
    assert_eq!(parties.link("lab", "again").await.0, 201);
    assert_eq!(parties.read("lab", "theirs").await, read());

    for (sharing, targets, expected) in [
        ("selected-users", None, (400, "sharing_by_user")),
        ("organization", Some(&["lab"][..]), (400, "invalid_request")),
        ("selected-projects", Some(&["shop"][..]), (400, "invalid_request")),
        ("selected-projects", Some(&["nobody"][..]), (404, "project_not_found")),
        ("selected-projects", None, (422, "")),
        ("everybody", None, (422, "")),
    ] {
        assert_eq!(code(&parties.set(sharing, targets).await), expected, "{sharing} {targets:?}");
    }
    let nothing = parties.ask("shop", Method::PUT, "shop/buckets/none/share", Some(json!({"sharing": "organization"})));
    assert_eq!(code(&nothing.await), (404, "bucket_not_found"));
    parties.world.post("/projects/loner/buckets", &json!({"name": "b"})).await;
    let alone = parties.ask("loner", Method::PUT, "loner/buckets/b/share", Some(json!({"sharing": "organization"})));
    assert_eq!(code(&alone.await), (400, "no_organization"));
    let link = parties.ask("lab", Method::PUT, "lab/buckets/theirs/share", Some(json!({"sharing": "organization"})));
    assert_eq!(code(&link.await), (400, "invalid_request"), "a link is not shared on");
    parties.world.verify();
}

#[tokio::test]
async fn a_cut_link_shows_nothing_whatever_is_shared_later() {
    let parties = Parties::meet().await;
    assert_eq!(parties.set("organization", None).await.0, 200);
    for name in ["theirs", "more"] {
        assert_eq!(parties.link("lab", name).await.0, 201);
    }
    let own = json!({"name": "mine", "columns": [{"name": "own", "type": "BIGINT"}]});
    assert_eq!(parties.ask("lab", Method::POST, "lab/buckets/theirs/tables", Some(own)).await.0, 201);
    for target in ["desk", "nobody", "a b"] {
        assert_eq!(code(&parties.cut(target).await), (404, "link_not_found"), "{target}");
    }
    let foreign = parties.ask("lab", Method::DELETE, "shop/buckets/b/links/lab", None).await;
    assert_eq!(code(&foreign), (403, "forbidden"));

    assert_eq!(parties.cut("lab").await.0, 204);
    for name in ["theirs", "more"] {
        assert_eq!(parties.read("lab", name).await, refused("share_revoked"), "{name}");
    }
    assert_eq!(parties.links().await["links"], json!([]));
    assert_eq!(code(&parties.cut("lab").await), (404, "link_not_found"));
    // What the lab has of its own is the lab's.
    assert_eq!(parties.ask("lab", Method::GET, "lab/buckets/theirs/tables/mine", None).await.0, 200);
    let (_, bucket) = parties.ask("lab", Method::GET, "lab/buckets/theirs", None).await;
    assert_eq!((&bucket["is_linked"], &bucket["table_count"]), (&json!(true), &json!(1)));

    // The organisation lets it link anew; the cut links stay closed, also when it is named.
    assert_eq!(parties.shared("lab").await, [("shop.b".to_owned(), json!([]))]);
    assert_eq!(parties.link("lab", "fresh").await.0, 201);
    let share = Some(json!({"target_project_id": "lab"}));
    assert_eq!(parties.ask("shop", Method::POST, "shop/buckets/b/share", share).await.0, 200);
    assert_eq!(parties.read("lab", "fresh").await, read());
    assert_eq!(parties.read("lab", "theirs").await, refused("share_revoked"));
    let write = parties.ask("lab", Method::DELETE, "lab/buckets/theirs/tables/orders", None).await;
    assert_eq!(code(&write), (403, "share_revoked"));
    assert_eq!(code(&parties.link("lab", "theirs").await), (409, "bucket_already_linked"));
    assert_eq!(parties.ask("lab", Method::DELETE, "lab/buckets/theirs/link", None).await.0, 204);
    assert_eq!(parties.link("lab", "theirs").await.0, 201);
    assert_eq!(parties.read("lab", "theirs").await, read());
    assert_eq!(parties.links().await["total"], 2);
    assert_eq!(code(&parties.ask("shop", Method::DELETE, "shop/buckets/b", None).await), (409, "bucket_linked"));
    assert_eq!(parties.cut("lab").await.0, 204);
    assert_eq!(parties.ask("shop", Method::DELETE, "shop/buckets/b", None).await.0, 204, "nobody is left");
    parties.world.verify();
}

#[tokio::test]
async fn only_the_admin_moves_projects_and_none_that_shares_within_its_organisation() {
    let parties = Parties::meet().await;
    assert_eq!(parties.set("organization", None).await.0, 200);
    assert_eq!(parties.link("lab", "theirs").await.0, 201);
    // A key that could put its project into an organisation could read what that shares.
    for (who, to) in [("rival", "acme"), ("loner", "acme"), ("lab", "")] {
        assert_eq!(code(&parties.organize(who, who, to).await), (403, "organization_by_admin"), "{who}");
    }
    assert_eq!(parties.organize("lab", "lab", "acme").await.0, 200, "what it is already may be said again");
    assert_eq!(code(&parties.organize("admin", "loner", "a b").await), (400, "invalid_name"));
    for (project, bucket) in [("lab", "shop.b"), ("shop", "b")] {
        let kept = parties.organize("admin", project, "other").await;
        assert_eq!(code(&kept), (409, "organization_in_use"), "{project}");
        assert_eq!(kept.1["detail"]["details"]["buckets"], json!([bucket]));
    }
    let (_, kept) = parties.ask("lab", Method::GET, "lab", None).await;
    assert_eq!(kept["organization_id"], "acme");

    assert_eq!(parties.ask("lab", Method::DELETE, "lab/buckets/theirs/link", None).await.0, 204);
    assert_eq!(parties.organize("admin", "lab", "").await.1["organization_id"], json!(null));
    assert_eq!(parties.shared("lab").await, []);
    assert_eq!(code(&parties.link("lab", "theirs").await), (403, "bucket_not_shared"));
    assert_eq!(parties.organize("admin", "loner", "acme").await.0, 200);
    assert_eq!(parties.shared("loner").await.len(), 1);
    assert_eq!(parties.link("loner", "theirs").await.0, 201);
    // A name that changes leaves the organisation as it is, and an undeleted project is in the one it was in.
    let named = parties.ask("loner", Method::PUT, "loner", Some(json!({"name": "L"}))).await;
    assert_eq!((&named.1["name"], &named.1["organization_id"]), (&json!("L"), &json!("acme")));
    assert_eq!(parties.ask("admin", Method::DELETE, "loner", None).await.0, 204);
    assert_eq!(parties.links().await["total"], 0, "a deleted project links nothing");
    let (status, back) = parties.ask("admin", Method::POST, "loner/undelete", None).await;
    assert_eq!((status, &back["organization_id"]), (200, &json!("acme")));
    parties.world.verify();
}

#[tokio::test]
async fn keys_of_chosen_buckets_are_told_only_what_they_may_link() {
    let parties = Parties::meet().await;
    assert_eq!(parties.set("organization", None).await.0, 200);
    let key = async |manages: bool| {
        let body = json!({
            "description": "x", "scope": "custom", "bucket_permissions": {"own": "write"}, "can_manage_buckets": manages,
        });
        let (status, made) = parties.ask("lab", Method::POST, "lab/api-keys", Some(body)).await;
        assert_eq!(status, 201, "{made}");
        made["api_key"].as_str().unwrap().to_owned()
    };
    let ask = async |key: &str, method: Method, path: &str, body: Option<Value>| {
        let (status, answer) =
            parties.world.http_as(Some(key), method, &format!("/projects/lab/{path}"), body.as_ref()).await;
        (status.as_u16(), answer)
    };
    let link = || Some(json!({"source_project_id": "shop", "source_bucket_name": "b"}));
    let (reads, manages) = (key(false).await, key(true).await);
    assert_eq!(code(&ask(&reads, Method::GET, "shared-buckets", None).await), (403, "forbidden"));
    assert_eq!(code(&ask(&reads, Method::POST, "buckets/own/link", link()).await), (403, "forbidden"));
    let (status, listed) = ask(&manages, Method::GET, "shared-buckets", None).await;
    assert_eq!((status, &listed["total"]), (200, &json!(1)));
    assert_eq!(ask(&manages, Method::POST, "buckets/theirs/link", link()).await.0, 201);
    assert_eq!(code(&ask(&reads, Method::GET, "buckets/theirs", None).await), (404, "bucket_not_found"));

    // A dev branch has no buckets of its own to share.
    let (_, branch) = parties.ask("shop", Method::POST, "shop/branches", Some(json!({"name": "x"}))).await;
    let below = format!("shop/branches/{}/buckets/b", branch["id"].as_str().unwrap());
    for (method, path, body) in [
        (Method::PUT, "share", Some(json!({"sharing": "organization"}))),
        (Method::GET, "links", None),
        (Method::DELETE, "links/lab", None),
    ] {
        let refused = parties.ask("shop", method, &format!("{below}/{path}"), body).await;
        assert_eq!(code(&refused), (400, "operation_not_allowed"), "{path}");
    }
}

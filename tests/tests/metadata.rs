//! What is said of projects, branches, buckets, tables and columns; what dev branches say over the main line; and finding things by
//! their names and by what is said of them.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use alluvium_blackbox::World;
use reqwest::Method;
use serde_json::{Value, json};

const MAIN: &str = "/projects/p/branches/default";
const T: &str = "/buckets/b/tables/t";

/// A project with a table `t` of columns `id` and `Note` in bucket `b`.
async fn filled() -> World {
    let world = World::start().await;
    world.project("p").await;
    table(&world, "t").await;
    world
}

async fn table(world: &World, name: &str) {
    world.table("p", name, &[("id", "BIGINT"), ("Note", "VARCHAR")], &["id"]).await;
}

async fn branch(world: &World, name: &str) -> String {
    let made = world.post("/projects/p/branches", &json!({"name": name})).await;
    format!("/projects/p/branches/{}", made["id"].as_str().unwrap())
}

/// Says one thing of an object; gives what is said of it then.
async fn say(world: &World, object: &str, key: &str, value: &str) -> Value {
    let body = json!({"provider": "me", "metadata": [{"key": key, "value": value}]});
    let (status, list) = world.http(Method::POST, &format!("{object}/metadata"), Some(&body)).await;
    assert_eq!(status, 201, "{object}: {list}");
    list
}

/// Keys and values of a list.
fn pairs(list: &Value) -> Vec<(&str, &str)> {
    list.as_array().unwrap().iter().map(|one| (one["key"].as_str().unwrap(), one["value"].as_str().unwrap())).collect()
}

async fn said(world: &World, object: &str) -> Value {
    world.get(&format!("{object}/metadata")).await
}

/// Deletes what is said under a key of an object.
async fn take_back(world: &World, object: &str, key: &str) {
    let id = id_of(&said(world, object).await, key);
    let (status, answer) = world.http(Method::DELETE, &format!("{object}/metadata/{id}"), None).await;
    assert_eq!(status, 204, "{object} {key}: {answer}");
}

fn id_of(list: &Value, key: &str) -> String {
    let found = list.as_array().unwrap().iter().find(|one| one["key"] == key);
    found.unwrap_or_else(|| panic!("{key} in {list}"))["id"].as_str().unwrap().to_owned()
}

async fn refused(world: &World, method: Method, path: &str, body: Option<Value>) -> (u16, String) {
    let (status, answer) = world.http(method, path, body.as_ref()).await;
    (status.as_u16(), answer["detail"]["error"].as_str().unwrap_or_default().to_owned())
}

fn refusal(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

async fn done(world: &World, method: Method, path: &str, body: Option<Value>) {
    let (status, answer) = world.http(method, path, body.as_ref()).await;
    assert!(status.is_success(), "{path}: {status} {answer}");
}

#[tokio::test]
async fn every_object_has_metadata_of_its_own() {
    let world = filled().await;
    let objects =
        ["/projects/p", MAIN, &format!("{MAIN}/buckets/b"), &format!("{MAIN}{T}"), &format!("{MAIN}{T}/columns/id")]
            .map(ToOwned::to_owned);
    for (nth, object) in objects.iter().enumerate() {
        assert_eq!(said(&world, object).await, json!([]), "{object}");
        say(&world, object, "owner", &format!("a{nth}")).await;
        let list = say(&world, object, "owner", &format!("b{nth}")).await;
        assert_eq!(pairs(&list), [("owner", format!("b{nth}").as_str())], "the last word counts");
        assert_eq!(list[0]["provider"], "me");
        assert!(list[0]["timestamp"].as_str().is_some_and(|time| time.ends_with("+00:00")), "{list}");
    }
    for (nth, object) in objects.iter().enumerate() {
        assert_eq!(pairs(&said(&world, object).await), [("owner", format!("b{nth}").as_str())], "{object}");
    }
    // Another provider's key is another entry, and the older form of the path is the same.
    let older = "/projects/p/buckets/b/tables/t";
    let body = json!({"provider": "other", "metadata": [{"key": "owner", "value": "c"}, {"key": "a", "value": ""}]});
    let list = world.post(&format!("{older}/metadata"), &body).await;
    assert_eq!(pairs(&list), [("owner", "b3"), ("a", ""), ("owner", "c")], "by provider and key");
    // A table speaks for its columns too, whose names are the same in any case.
    let body = json!({
        "provider": "me", "metadata": [{"key": "unit", "value": "row"}],
        "columnsMetadata": {"NOTE": [{"key": "kind", "value": "text"}], "id": [{"key": "kind", "value": "key"}]},
    });
    let list = world.post(&format!("{older}/metadata"), &body).await;
    assert_eq!(list.as_array().unwrap().len(), 4, "of the table alone: {list}");
    assert_eq!(pairs(&said(&world, &format!("{older}/columns/Note")).await), [("kind", "text")]);
    assert_eq!(pairs(&said(&world, &format!("{older}/columns/ID")).await), [("kind", "key"), ("owner", "b4")]);

    for object in &objects {
        take_back(&world, object, "owner").await;
        assert!(!pairs(&said(&world, object).await).contains(&("owner", "b0")));
    }
    let id = id_of(&said(&world, &objects[3]).await, "unit");
    let path = |object: &str| format!("{object}/metadata/{id}");
    let not_found = refusal(404, "metadata_not_found");
    assert_eq!(refused(&world, Method::DELETE, &path(&objects[2]), None).await, not_found, "it is the table's");
    assert_eq!(refused(&world, Method::DELETE, &path(&objects[4]), None).await, not_found);
    done(&world, Method::DELETE, &path(&objects[3]), None).await;
    assert_eq!(refused(&world, Method::DELETE, &path(&objects[3]), None).await, not_found);
    world.verify();
}

#[tokio::test]
async fn what_cannot_be_said_is_refused_with_its_reason() {
    let world = filled().await;
    let table = format!("{MAIN}{T}");
    let post = async |object: &str, provider: &str, entries: Value| {
        let body = json!({"provider": provider, "metadata": entries});
        refused(&world, Method::POST, &format!("{object}/metadata"), Some(body)).await
    };
    let one = |key: &str, value: &str| json!([{"key": key, "value": value}]);
    let invalid = refusal(400, "invalid_metadata");
    for (provider, entries) in [
        ("", one("k", "v")),
        (&"p".repeat(256), one("k", "v")),
        ("me", one(&"k".repeat(256), "v")),
        ("me", one("", "v")),
        ("me", one("a\u{0}", "v")),
        ("me", one("k", "a\u{0}")),
        ("me", one("k", &"v".repeat(64 * 1024 + 1))),
        ("me", json!((0..1_001).map(|n| json!({"key": n.to_string(), "value": ""})).collect::<Vec<_>>())),
        ("me", json!((0..5).map(|n| json!({"key": n.to_string(), "value": "v".repeat(60_000)})).collect::<Vec<_>>())),
    ] {
        assert_eq!(post(&table, provider, entries).await, invalid);
    }
    let huge: Vec<_> = (0..40).map(|n| json!({"key": n.to_string(), "value": "v".repeat(40_000)})).collect();
    assert_eq!(post(&table, "me", json!(huge)).await, invalid, "more than a message holds");
    assert_eq!(post(&table, "me", json!([])).await.0, 422);
    assert_eq!(post(&table, "me", json!([{"key": 1, "value": "v"}])).await.0, 422);
    assert_eq!(said(&world, &table).await, json!([]), "nothing of it was taken in");
    let full = json!((0..200).map(|n| json!({"key": n.to_string(), "value": "v"})).collect::<Vec<_>>());
    done(&world, Method::POST, &format!("{table}/metadata"), Some(json!({"provider": "me", "metadata": full}))).await;
    assert_eq!(post(&table, "me", one("more", "")).await, refusal(403, "quota_exceeded"));
    say(&world, &table, "7", "said again").await;

    for (object, code) in [
        ("/projects/none", "project_not_found"),
        ("/projects/p/branches/0badf00d", "branch_not_found"),
        ("/projects/p/branches/0badf00d/buckets/b", "branch_not_found"),
        ("/projects/p/buckets/none", "bucket_not_found"),
        ("/projects/p/buckets/b/tables/none", "table_not_found"),
        ("/projects/p/buckets/b/tables/t/columns/none", "column_not_found"),
    ] {
        let expected = refusal(404, code);
        assert_eq!(refused(&world, Method::GET, &format!("{object}/metadata"), None).await, expected, "{object}");
        assert_eq!(post(object, "me", one("k", "v")).await, expected, "{object}");
        assert_eq!(refused(&world, Method::DELETE, &format!("{object}/metadata/x"), None).await, expected, "{object}");
    }
    let columns = json!({"provider": "me", "columns_metadata": {"none": [{"key": "k", "value": "v"}]}});
    let answer = refused(&world, Method::POST, &format!("{table}/metadata"), Some(columns)).await;
    assert_eq!(answer, refusal(404, "column_not_found"));
    world.verify();
}

#[tokio::test]
async fn a_branch_speaks_over_the_main_line_and_nobody_else_hears_it() {
    let world = filled().await;
    let (dev, other) = (branch(&world, "dev").await, branch(&world, "other").await);
    for object in ["", "/buckets/b", T, &format!("{T}/columns/Note")] {
        let [main, dev, other] = [MAIN, &dev, &other].map(|branch| format!("{branch}{object}"));
        say(&world, &main, "owner", "main").await;
        say(&world, &main, "unit", "m").await;
        let all = [("owner", "main"), ("unit", "m")];
        assert_eq!(pairs(&said(&world, &dev).await), all, "it inherits: {object}");
        say(&world, &dev, "owner", "dev").await;
        say(&world, &dev, "new", "dev").await;
        assert_eq!(pairs(&said(&world, &dev).await), [("new", "dev"), ("owner", "dev"), ("unit", "m")]);
        take_back(&world, &dev, "unit").await;
        assert_eq!(pairs(&said(&world, &dev).await), [("new", "dev"), ("owner", "dev")]);
        for silent in [&main, &other] {
            assert_eq!(pairs(&said(&world, silent).await), all, "{silent}");
        }
        // What it has taken back is gone for it, its own word and the main line's.
        take_back(&world, &dev, "owner").await;
        assert_eq!(pairs(&said(&world, &dev).await), [("new", "dev")]);
        say(&world, &main, "owner", "again").await;
        say(&world, &main, "later", "too").await;
        assert_eq!(pairs(&said(&world, &dev).await), [("later", "too"), ("new", "dev")]);
        say(&world, &dev, "owner", "back").await;
        assert_eq!(pairs(&said(&world, &dev).await), [("later", "too"), ("new", "dev"), ("owner", "back")]);
    }
    // A table of its own in place of the main line's changes nothing of it.
    let delete = json!({"where_clause": "1=1"});
    done(&world, Method::DELETE, &format!("{dev}{T}/rows"), Some(delete)).await;
    assert_eq!(world.get(&format!("{dev}{T}")).await["source"], "branch");
    let on_dev = [("later", "too"), ("new", "dev"), ("owner", "back")];
    assert_eq!(pairs(&said(&world, &format!("{dev}{T}")).await), on_dev);
    assert_eq!(pairs(&said(&world, &format!("{dev}{T}/columns/note")).await), on_dev);
    world.verify();

    // With the branch goes what it said.
    done(&world, Method::DELETE, &dev, None).await;
    assert_eq!(
        pairs(&said(&world, &format!("{MAIN}{T}")).await),
        [("later", "too"), ("owner", "again"), ("unit", "m")]
    );
    assert_eq!(refused(&world, Method::GET, &format!("{dev}/metadata"), None).await, refusal(404, "branch_not_found"));
    world.verify();
}

#[tokio::test]
async fn what_has_the_same_name_later_has_nothing_of_it() {
    let world = filled().await;
    let dev = branch(&world, "dev").await;
    let [on_main, on_dev] = [MAIN, &dev].map(|branch| format!("{branch}{T}"));
    let column = |object: &str| format!("{object}/columns/Note");
    for object in [&on_main, &on_dev] {
        say(&world, object, "owner", "x").await;
        say(&world, &column(object), "kind", "x").await;
    }
    // A column that comes back, after the main line dropped it, on the main line and where a branch shows that.
    let again = json!({"name": "note", "type": "VARCHAR"});
    done(&world, Method::DELETE, &column(&on_main), None).await;
    done(&world, Method::POST, &format!("{on_main}/columns"), Some(again.clone())).await;
    for object in [&on_main, &on_dev] {
        assert_eq!(said(&world, &column(object)).await, json!([]), "{object}");
        assert_eq!(pairs(&said(&world, object).await), [("owner", "x")]);
    }
    for object in [&on_main, &on_dev] {
        say(&world, &column(object), "kind", "y").await;
    }
    // In a branch's own table.
    done(&world, Method::DELETE, &column(&on_dev), None).await;
    done(&world, Method::POST, &format!("{on_dev}/columns"), Some(again)).await;
    take_back(&world, &column(&on_main), "kind").await;
    assert_eq!(said(&world, &column(&on_dev)).await, json!([]));
    // A table that the branch shows again.
    done(&world, Method::POST, &format!("{dev}/tables/b/t/pull"), None).await;
    assert_eq!(pairs(&said(&world, &on_dev).await), [("owner", "x")], "the main line's");
    say(&world, &on_dev, "owner", "dev").await;
    done(&world, Method::DELETE, &on_dev, None).await;
    done(&world, Method::POST, &format!("{dev}/tables/b/t/pull"), None).await;
    assert_eq!(pairs(&said(&world, &on_dev).await), [("owner", "x")], "after it was deleted there");
    say(&world, &on_dev, "owner", "dev").await;
    done(&world, Method::POST, &format!("{dev}/tables/b/t/pull"), None).await;
    assert_eq!(pairs(&said(&world, &on_dev).await), [("owner", "x")], "a pull gives up what the branch says");
    say(&world, &on_dev, "owner", "dev").await;
    world.verify();

    // The table, the bucket and the project, made again.
    done(&world, Method::DELETE, &on_main, None).await;
    table(&world, "t").await;
    for object in [&on_main, &on_dev, &column(&on_main)] {
        assert_eq!(said(&world, object).await, json!([]), "{object}");
    }
    done(&world, Method::DELETE, &on_main, None).await;
    done(&world, Method::POST, &format!("{on_main}/undrop"), None).await;
    assert_eq!(said(&world, &on_main).await, json!([]), "a table comes back without");
    let bucket = format!("{MAIN}/buckets/b");
    say(&world, &bucket, "owner", "x").await;
    say(&world, "/projects/p", "owner", "x").await;
    say(&world, MAIN, "owner", "x").await;
    done(&world, Method::DELETE, &bucket, None).await;
    world.post(&format!("{MAIN}/buckets"), &json!({"name": "b"})).await;
    assert_eq!(said(&world, &bucket).await, json!([]));
    done(&world, Method::DELETE, "/projects/p", None).await;
    world.project("p").await;
    for object in ["/projects/p", MAIN, &bucket] {
        assert_eq!(said(&world, object).await, json!([]), "{object}");
    }
    world.verify();
}

#[tokio::test]
async fn a_copy_keeps_what_its_branch_says_when_the_main_line_goes_its_own_way() {
    let world = filled().await;
    let dev = branch(&world, "dev").await;
    let [on_main, on_dev] = [MAIN, &dev].map(|branch| format!("{branch}{T}"));
    for object in [&on_main, &on_dev] {
        say(&world, &format!("{object}/columns/Note"), "kind", object).await;
        say(&world, object, "owner", object).await;
    }
    done(&world, Method::DELETE, &format!("{on_dev}/rows"), Some(json!({"where_clause": "1=1"}))).await;
    done(&world, Method::DELETE, &format!("{on_main}/columns/Note"), None).await;
    assert_eq!(pairs(&said(&world, &format!("{on_dev}/columns/Note")).await), [("kind", on_dev.as_str())]);
    done(&world, Method::DELETE, &on_main, None).await;
    assert_eq!(pairs(&said(&world, &on_dev).await), [("owner", on_dev.as_str())]);
    table(&world, "t").await;
    say(&world, &on_main, "new", "of another table").await;
    assert_eq!(pairs(&said(&world, &on_dev).await), [("owner", on_dev.as_str())], "it was never taken from this one");
    world.verify();
}

#[tokio::test]
async fn a_merged_table_takes_what_its_branch_said_along() {
    let world = filled().await;
    let dev = branch(&world, "dev").await;
    let [on_main, on_dev] = [MAIN, &dev].map(|branch| format!("{branch}{T}"));
    for key in ["owner", "gone", "kept"] {
        say(&world, &on_main, key, "main").await;
    }
    say(&world, &on_dev, "owner", "dev").await;
    take_back(&world, &on_dev, "gone").await;
    say(&world, &format!("{on_dev}/columns/id"), "kind", "dev").await;
    say(&world, &format!("{dev}/buckets/b"), "owner", "dev").await;
    done(&world, Method::POST, &format!("{on_dev}/columns"), Some(json!({"name": "more", "type": "VARCHAR"}))).await;
    say(&world, &format!("{on_dev}/columns/more"), "kind", "new").await;
    let own = json!({"name": "own", "columns": [{"name": "id", "type": "BIGINT"}]});
    world.post(&format!("{dev}/buckets/b/tables"), &own).await;
    say(&world, &format!("{dev}/buckets/b/tables/own"), "owner", "dev").await;

    let merged = world.post(&format!("{dev}/merge"), &json!({})).await;
    assert_eq!(merged["tables"].as_array().unwrap().len(), 2, "{merged}");
    for object in [&on_main, &on_dev] {
        assert_eq!(pairs(&said(&world, object).await), [("kept", "main"), ("owner", "dev")], "{object}");
        assert_eq!(pairs(&said(&world, &format!("{object}/columns/id")).await), [("kind", "dev")]);
        assert_eq!(pairs(&said(&world, &format!("{object}/columns/more")).await), [("kind", "new")]);
    }
    let own = format!("{MAIN}/buckets/b/tables/own");
    assert_eq!(pairs(&said(&world, &own).await), [("owner", "dev")]);
    assert_eq!(pairs(&say(&world, &own, "owner", "main").await), [("owner", "main")], "it is the same entry");
    assert_eq!(said(&world, &format!("{MAIN}/buckets/b")).await, json!([]), "a bucket is not merged");
    assert_eq!(pairs(&said(&world, &format!("{dev}/buckets/b")).await), [("owner", "dev")]);
    world.verify();
}

#[tokio::test]
async fn a_link_shows_what_the_source_says_and_is_not_spoken_of() {
    let world = filled().await;
    say(&world, &format!("{MAIN}{T}"), "owner", "source").await;
    say(&world, &format!("{MAIN}{T}/columns/id"), "kind", "source").await;
    world.post("/projects", &json!({"id": "lab"})).await;
    world.post(&format!("{MAIN}/buckets/b/share"), &json!({"target_project_id": "lab"})).await;
    let theirs = "/projects/lab/branches/default/buckets/theirs";
    world.post(&format!("{theirs}/link"), &json!({"source_project_id": "p", "source_bucket_name": "b"})).await;
    let linked = format!("{theirs}/tables/t");
    let list = said(&world, &linked).await;
    assert_eq!(pairs(&list), [("owner", "source")]);
    assert_eq!(pairs(&said(&world, &format!("{linked}/columns/id")).await), [("kind", "source")]);
    let body = json!({"provider": "me", "metadata": [{"key": "k", "value": "v"}]});
    let read_only = refusal(403, "bucket_readonly");
    assert_eq!(refused(&world, Method::POST, &format!("{linked}/metadata"), Some(body)).await, read_only);
    let entry = format!("{linked}/metadata/{}", id_of(&list, "owner"));
    assert_eq!(refused(&world, Method::DELETE, &entry, None).await, read_only);
    // The link itself is the project's own, and what was said of it goes with it.
    assert_eq!(pairs(&say(&world, theirs, "owner", "lab").await), [("owner", "lab")]);
    assert_eq!(said(&world, &format!("{MAIN}/buckets/b")).await, json!([]));
    let found = world.get("/projects/lab/search?metadata_value=source").await;
    assert_eq!(names(&found), ["table theirs t", "column theirs t id"]);
    done(&world, Method::DELETE, &format!("{MAIN}/buckets/b/share?target_project_id=lab"), None).await;
    assert_eq!(refused(&world, Method::GET, &format!("{linked}/metadata"), None).await, refusal(403, "share_revoked"));
    assert_eq!(world.get("/projects/lab/search?q=t&types=table").await["total"], 0);
    done(&world, Method::DELETE, &format!("{theirs}/link"), None).await;
    world.post("/projects/lab/branches/default/buckets", &json!({"name": "theirs"})).await;
    assert_eq!(said(&world, theirs).await, json!([]));
    world.verify();
}

/// What was found, each as kind and names.
fn names(found: &Value) -> Vec<String> {
    let name = |one: &Value| {
        let parts = ["type", "bucket", "table", "column"].iter().filter_map(|part| one[*part].as_str());
        parts.collect::<Vec<_>>().join(" ")
    };
    found["results"].as_array().unwrap().iter().map(name).collect()
}

#[tokio::test]
async fn things_are_found_by_name_and_by_metadata() {
    let world = filled().await;
    world.post(&format!("{MAIN}/buckets"), &json!({"name": "note_b"})).await;
    world.table("p", "100_percent", &[("rate%", "DOUBLE"), ("Über\\x", "VARCHAR")], &[]).await;
    let find = async |query: &str| world.get(&format!("/projects/p/search?{query}")).await;
    let found = find("q=NOTE").await;
    assert_eq!(names(&found), ["column b t Note", "bucket note_b"]);
    let expected = json!({"type": "bucket", "bucket": "note_b", "table": null, "column": null, "matches": ["name"]});
    assert_eq!((&found["results"][1], &found["total"]), (&expected, &json!(2)));
    assert_eq!(names(&find("q=note&types=bucket").await), ["bucket note_b"]);
    assert_eq!(names(&find("q=t&types=table,bucket").await), ["table b 100_percent", "table b t", "bucket note_b"]);
    let page = find("q=t&types=table,bucket&limit=1&offset=1").await;
    assert_eq!((names(&page), &page["total"]), (vec!["table b t".to_owned()], &json!(3)));
    // Letters that mean more in patterns mean themselves.
    assert_eq!(names(&find("q=%25").await), ["column b 100_percent rate%"]);
    assert_eq!(names(&find("q=0_p").await), ["table b 100_percent"]);
    assert_eq!(names(&find("q=%5C").await), ["column b 100_percent Über\\x"]);
    assert_eq!(names(&find("q='").await), [""; 0]);

    let dev = branch(&world, "dev").await;
    say(&world, &format!("{MAIN}{T}"), "owner", "ann").await;
    say(&world, &format!("{MAIN}{T}/columns/Note"), "owner", "bob").await;
    say(&world, &format!("{MAIN}/buckets/note_b"), "unit", "ann").await;
    let by_key = find("metadata_key=owner").await;
    assert_eq!(names(&by_key), ["table b t", "column b t Note"]);
    assert_eq!(by_key["results"][0]["matches"], json!(["metadata"]));
    assert_eq!(names(&find("metadata_value=ann").await), ["table b t", "bucket note_b"]);
    assert_eq!(names(&find("metadata_key=owner&metadata_value=ann").await), ["table b t"]);
    let either = find("q=note&metadataKey=owner").await;
    assert_eq!(names(&either), ["table b t", "column b t Note", "bucket note_b"], "the one or the other");
    assert_eq!(either["results"][1]["matches"], json!(["name", "metadata"]));

    // Through a branch, as that shows it.
    say(&world, &format!("{dev}{T}"), "owner", "eve").await;
    take_back(&world, &format!("{dev}{T}/columns/Note"), "owner").await;
    world
        .post(
            &format!("{dev}/buckets/b/tables"),
            &json!({"name": "eves", "columns": [{"name": "x", "type": "BIGINT"}]}),
        )
        .await;
    done(&world, Method::DELETE, &format!("{dev}/buckets/b/tables/100_percent"), None).await;
    let through = async |query: &str| names(&world.get(&format!("{dev}/search?{query}")).await);
    assert_eq!(through("metadata_value=eve").await, ["table b t"]);
    assert_eq!(through("metadata_key=owner").await, ["table b t"]);
    assert_eq!(through("metadata_value=ann").await, ["bucket note_b"]);
    assert_eq!(through("q=e&types=table").await, ["table b eves"]);
    assert_eq!(names(&find("metadata_value=eve").await), [""; 0]);
    assert_eq!(names(&find("q=e&types=table").await), ["table b 100_percent"]);

    for odd in ["", "?types=table", "?q=a&types=file", "?q=a%00", "?q=a&limit=0"] {
        let (status, answer) = world.http(Method::GET, &format!("/projects/p/search{odd}"), None).await;
        assert_eq!(status, 422, "{odd}: {answer}");
    }
    let nowhere = refused(&world, Method::GET, "/projects/p/branches/0badf00d/search?q=a", None).await;
    assert_eq!(nowhere, refusal(404, "branch_not_found"));
}

#[tokio::test]
async fn a_key_of_chosen_buckets_speaks_of_these_and_finds_these() {
    let world = filled().await;
    world.post(&format!("{MAIN}/buckets"), &json!({"name": "secret"})).await;
    let table = json!({"name": "t", "columns": [{"name": "id", "type": "BIGINT"}]});
    world.post(&format!("{MAIN}/buckets/secret/tables"), &table).await;
    say(&world, &format!("{MAIN}/buckets/secret/tables/t"), "owner", "x").await;
    let key = async |right: &str| {
        let body = json!({"description": "d", "scope": "custom", "bucket_permissions": {"b": right}});
        world.post("/projects/p/api-keys", &body).await["api_key"].as_str().unwrap().to_owned()
    };
    let (reader, writer) = (key("read").await, key("write").await);
    let body = json!({"provider": "me", "metadata": [{"key": "owner", "value": "x"}]});
    let ask = async |key: &str, method: Method, path: &str, body: Option<&Value>| {
        let (status, answer) = world.http_as(Some(key), method, path, body).await;
        (status.as_u16(), answer)
    };
    for below in ["/buckets/b", T, &format!("{T}/columns/id")] {
        let path = format!("{MAIN}{below}/metadata");
        assert_eq!(ask(&reader, Method::POST, &path, Some(&body)).await.0, 403, "{path}");
        let (status, list) = ask(&writer, Method::POST, &path, Some(&body)).await;
        assert_eq!(status, 201, "{path}: {list}");
        assert_eq!(ask(&reader, Method::GET, &path, None).await, (200, list.clone()));
        let entry = format!("{path}/{}", id_of(&list, "owner"));
        assert_eq!(ask(&reader, Method::DELETE, &entry, None).await.0, 403, "{path}");
        assert_eq!(ask(&writer, Method::DELETE, &entry, None).await.0, 204, "{path}");
        ask(&writer, Method::POST, &path, Some(&body)).await;
    }
    for below in ["/buckets/secret", "/buckets/secret/tables/t"] {
        let path = format!("{MAIN}{below}/metadata");
        for (method, body) in [(Method::GET, None), (Method::POST, Some(&body))] {
            assert_eq!(ask(&writer, method, &path, body).await.0, 404, "{path}");
        }
    }
    for (path, method) in [("/projects/p/metadata", Method::POST), (&format!("{MAIN}/metadata"), Method::POST)] {
        assert_eq!(ask(&writer, method, path, Some(&body)).await.0, 403, "{path}");
    }
    let (_, found) = ask(&reader, Method::GET, "/projects/p/search?q=t&metadata_key=owner", None).await;
    let own = ["bucket b", "table b t", "column b t id", "column b t Note"];
    let mut names = names(&found);
    names.sort();
    let mut expected = own.map(ToOwned::to_owned);
    expected.sort();
    assert_eq!((names, &found["total"]), (expected.to_vec(), &json!(4)));

    // The same over NATS, where a command asks for the same right.
    let command = json!({
        "project": "p", "bucket": "b", "table": "t", "provider": "nats", "entries": [{"key": "k", "value": "v"}],
    });
    let path = "/commands/storage/SetMetadata";
    assert_eq!(ask(&reader, Method::POST, path, Some(&command)).await.0, 403);
    let (status, outcome) = ask(&writer, Method::POST, path, Some(&command)).await;
    assert_eq!((status, &outcome["status"]), (200, &json!("accepted")), "{outcome}");
    let secret =
        json!({"project": "p", "bucket": "secret", "provider": "nats", "entries": [{"key": "k", "value": "v"}]});
    assert_ne!(ask(&writer, Method::POST, path, Some(&secret)).await.0, 200);
    assert_eq!(said(&world, &format!("{MAIN}/buckets/secret")).await, json!([]));
    world.verify();
}

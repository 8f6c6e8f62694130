//! Pinned branches: what the main line was when they were made, to every reader, whatever it becomes; and a place to write like any
//! other branch.

use alluvium_blackbox::{ADMIN, World};
use futures::TryStreamExt as _;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const MAIN: &str = "default";
const RUN: [&str; 7] = ["--yes", "retention", "run", "--keep", "0s", "--messages-min", "20"];

async fn ask(world: &World, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
    let (status, answer) = world.http_as(Some(ADMIN), method, path, body.as_ref()).await;
    (status.as_u16(), answer)
}

/// Status and code of what is refused.
async fn refused(world: &World, method: Method, path: &str, body: Option<Value>) -> (u16, String) {
    let (status, answer) = ask(world, method, path, body).await;
    (status, answer["detail"]["error"].as_str().unwrap_or_default().to_owned())
}

fn is(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

async fn pin(world: &World, name: &str) -> String {
    let made = world.post("/projects/p/branches", &json!({ "name": name, "mode": "pinned" })).await;
    made["id"].as_str().expect("an id").to_owned()
}

fn below(branch: &str) -> String {
    format!("/projects/p/branches/{branch}")
}

fn table(branch: &str, table: &str) -> String {
    format!("{}/buckets/b/tables/{table}", below(branch))
}

async fn load(world: &World, branch: &str, name: &str, csv: &str) {
    let file = world.upload("p", "rows.csv", csv.as_bytes().to_vec()).await;
    let body = json!({ "file_id": file, "import_options": { "incremental": true } });
    world.post(&format!("{}/import/file", table(branch, name)), &body).await;
}

/// Id and note of every row, in one word each.
async fn shown(world: &World, branch: &str, name: &str) -> Vec<String> {
    let preview = world.get(&format!("{}/preview", table(branch, name))).await;
    let rows = preview["rows"].as_array().expect("rows").iter();
    rows.map(|row| format!("{}{}", row["id"], row["note"].as_str().unwrap_or_default())).collect()
}

async fn say(world: &World, object: &str, value: &str) {
    let body = json!({ "provider": "me", "metadata": [{ "key": "owner", "value": value }] });
    world.post(&format!("{object}/metadata"), &body).await;
}

/// A project with `b.t` and `b.gone`, an alias of `b.t`, and something said of each.
async fn filled() -> World {
    let world = World::start().await;
    world.project("p").await;
    for name in ["t", "gone"] {
        world.table("p", name, &[("id", "BIGINT"), ("note", "VARCHAR")], &["id"]).await;
        load(&world, MAIN, name, "id,note\n1,a\n2,a\n3,a\n").await;
    }
    let filter = json!([{ "column": "id", "operator": "gt", "values": ["1"] }]);
    let alias = json!({ "name": "some", "source": { "bucket": "b", "table": "t" }, "filter": filter });
    world.post(&format!("{}/buckets/b/table-aliases", below(MAIN)), &alias).await;
    say(&world, &format!("{}/buckets/b", below(MAIN)), "then").await;
    say(&world, &table(MAIN, "t"), "then").await;
    say(&world, &format!("{}/columns/note", table(MAIN, "t")), "then").await;
    world
}

async fn exported(world: &World, branch: &str, name: &str) -> Vec<String> {
    let file = world.post(&format!("{}/export", table(branch, name)), &json!({ "format": "csv" })).await;
    let file = file["file_id"].as_str().expect("a file").to_owned();
    let url = format!("{}/projects/p/files/{file}/download", world.alluvium.url());
    let answer = reqwest::Client::new().get(url).bearer_auth(ADMIN).send().await.expect("an answer");
    let mut lines: Vec<String> = answer.text().await.expect("text").lines().map(ToOwned::to_owned).collect();
    lines.sort_unstable();
    lines
}

/// What a new workspace of a branch reads: where it is asked, and where it is loaded.
async fn in_workspace(world: &World, branch: &str, name: &str) -> Vec<Value> {
    let made = world.post(&format!("{}/workspaces", below(branch)), &json!({ "name": "w" })).await;
    let path = format!("/projects/p/workspaces/{}", made["id"].as_str().expect("an id"));
    let loaded = world.post(&format!("{path}/load"), &json!({ "tables": [{ "source": format!("b.{name}") }] })).await;
    let sql = json!({ "query": format!("SELECT * FROM b.{name} ORDER BY ALL"), "timeout_seconds": 60 });
    let asked = world.post(&format!("{path}/query"), &sql).await;
    assert_eq!(ask(world, Method::DELETE, &path, None).await.0, 204);
    vec![loaded["loaded"][0]["rows"].clone(), asked["data"].clone()]
}

/// All that is read through a branch.
async fn image(world: &World, branch: &str) -> Vec<Value> {
    let below = below(branch);
    let mut found = Vec::new();
    for path in ["/buckets", "/buckets/b", "/buckets/b/metadata", "/search?q=e", "/search?metadata_key=owner"] {
        found.push(world.get(&format!("{below}{path}")).await);
    }
    for name in ["t", "gone", "some"] {
        let at = table(branch, name);
        found.push(world.get(&at).await);
        found.push(world.get(&format!("{at}/preview")).await);
        found.push(world.post(&format!("{at}/profile"), &json!({})).await);
        found.push(json!(exported(world, branch, name).await));
        found.extend(in_workspace(world, branch, name).await);
    }
    for path in ["", "/columns/note"] {
        found.push(world.get(&format!("{}{path}/metadata", table(branch, "t"))).await);
    }
    found.push(world.get(&format!("{below}/buckets/b/tables")).await);
    found.iter_mut().for_each(sizeless);
    found
}

/// Files of the same rows are not of the same size.
fn sizeless(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("size_bytes");
            fields.values_mut().for_each(sizeless);
        }
        Value::Array(entries) => entries.iter_mut().for_each(sizeless),
        _ => {}
    }
}

/// Changes everything of the main line that a branch could show.
async fn change_main(world: &World) {
    load(world, MAIN, "t", "id,note\n2,late\n4,late\n").await;
    world.post(&format!("{}/columns", table(MAIN, "t")), &json!({ "name": "extra", "type": "VARCHAR" })).await;
    let (gone, _) = ask(world, Method::DELETE, &table(MAIN, "gone"), None).await;
    assert_eq!(gone, 204);
    world.table("p", "late", &[("id", "BIGINT"), ("note", "VARCHAR")], &["id"]).await;
    load(world, MAIN, "late", "id,note\n1,late\n").await;
    assert_eq!(ask(world, Method::DELETE, &table(MAIN, "some"), None).await.0, 204);
    let alias = json!({ "name": "others", "source": { "bucket": "b", "table": "late" } });
    world.post(&format!("{}/buckets/b/table-aliases", below(MAIN)), &alias).await;
    world.post(&format!("{}/buckets", below(MAIN)), &json!({ "name": "newer" })).await;
    for object in [format!("{}/buckets/b", below(MAIN)), table(MAIN, "t")] {
        say(world, &object, "late").await;
    }
}

#[tokio::test]
async fn a_branch_says_its_mode_and_main_is_no_branch_that_could_go() {
    let world = World::start().await;
    world.project("p").await;
    let path = "/projects/p/branches";
    let live = world.post(path, &json!({ "name": "live" })).await;
    let made = world.post(path, &json!({ "name": "then", "mode": "pinned" })).await;
    assert_eq!((&live["mode"], &made["mode"], &made["table_count"]), (&json!("live"), &json!("pinned"), &json!(0)));
    let said = world.post(path, &json!({ "name": "live too", "mode": "live" })).await;
    assert_eq!(said["mode"], "live");
    let listed = world.get(path).await;
    let modes: Vec<&Value> = listed["branches"].as_array().expect("a list").iter().map(|one| &one["mode"]).collect();
    assert_eq!(modes, ["live", "pinned", "live"]);
    let one = format!("{path}/{}", made["id"].as_str().expect("an id"));
    assert_eq!(world.get(&one).await["mode"], "pinned");
    let odd = Some(json!({ "name": "odd", "mode": "frozen" }));
    assert_eq!(refused(&world, Method::POST, path, odd).await, is(400, "invalid_branch_mode"));
    assert_eq!(world.get(path).await["count"], 3);

    let main = below(MAIN);
    for (method, path, body) in [
        (Method::DELETE, main.clone(), None),
        (Method::POST, format!("{main}/merge"), Some(json!({}))),
        (Method::GET, format!("{main}/diff"), None),
        (Method::POST, format!("{main}/tables/b/t/pull"), None),
        (Method::POST, format!("{main}/tables/b/t/rebase"), Some(json!({}))),
    ] {
        assert_eq!(refused(&world, method, &path, body).await, is(404, "branch_not_found"), "{path}");
    }
    world.verify();
}

#[tokio::test]
async fn nothing_that_main_becomes_is_seen_through_a_pinned_branch() {
    let mut world = filled().await;
    let branch = pin(&world, "then").await;
    let before = image(&world, &branch).await;
    assert_eq!(shown(&world, &branch, "t").await, ["1a", "2a", "3a"]);
    assert_eq!(shown(&world, &branch, "some").await, ["2a", "3a"]);
    let made = world.get(&below(&branch)).await;
    assert_eq!((&made["table_count"], made["copied_tables"].as_array().map(Vec::len)), (&json!(2), Some(2)), "{made}");
    assert_eq!(world.get(&table(&branch, "t")).await["source"], "branch");

    change_main(&world).await;
    assert_eq!(shown(&world, MAIN, "t").await, ["1a", "2late", "3a", "4late"]);
    assert_eq!(image(&world, &branch).await, before);
    for name in ["late", "others"] {
        let at = table(&branch, name);
        for path in [at.clone(), format!("{at}/preview"), format!("{at}/schema")] {
            assert_eq!(refused(&world, Method::GET, &path, None).await, is(404, "table_not_found"), "{path}");
        }
        assert_eq!(in_workspace(&world, &branch, name).await[0], 0);
    }
    let newer = format!("{}/buckets/newer", below(&branch));
    for path in [newer.clone(), format!("{newer}/tables"), format!("{newer}/metadata")] {
        assert_eq!(refused(&world, Method::GET, &path, None).await, is(404, "bucket_not_found"), "{path}");
    }
    let column = json!({ "name": "t2", "columns": [{ "name": "id", "type": "BIGINT" }] });
    let into = refused(&world, Method::POST, &format!("{newer}/tables"), Some(column)).await;
    assert_eq!(into, is(404, "bucket_not_found"));
    // What is taken out of one table for another is the branch's as well.
    let empty = json!({ "name": "copy", "columns": [{ "name": "id", "type": "BIGINT" }, { "name": "note", "type": "VARCHAR" }] });
    world.post(&format!("{}/buckets/b/tables", below(&branch)), &empty).await;
    let from = json!({ "source_bucket": "b", "source_table": "t" });
    world.post(&format!("{}/import/table", table(&branch, "copy")), &from).await;
    let mut rows = shown(&world, &branch, "copy").await;
    rows.sort_unstable();
    assert_eq!(rows, ["1a", "2a", "3a"]);
    assert_eq!(ask(&world, Method::DELETE, &table(&branch, "copy"), None).await.0, 204);

    world.alluvium.kill();
    world.alluvium.restart().await;
    assert_eq!(image(&world, &branch).await, before);
    world.verify();
    // One that is made now shows what is now.
    let now = pin(&world, "now").await;
    assert_eq!(shown(&world, &now, "t").await, ["1a", "2late", "3a", "4late"]);
    assert_eq!(shown(&world, &now, "others").await, ["1late"]);
    assert_eq!(refused(&world, Method::GET, &table(&now, "gone"), None).await, is(404, "table_not_found"));
}

#[tokio::test]
async fn a_pinned_branch_is_written_to_from_where_it_began() {
    let world = filled().await;
    let branch = pin(&world, "then").await;
    change_main(&world).await;
    let diff = async || world.get(&format!("{}/diff", below(&branch))).await["tables"].clone();
    assert_eq!(diff().await, json!([]), "nobody has written to it");

    load(&world, &branch, "t", "id,note\n3,mine\n9,mine\n").await;
    assert_eq!(shown(&world, &branch, "t").await, ["1a", "2a", "3mine", "9mine"]);
    assert_eq!(shown(&world, MAIN, "t").await, ["1a", "2late", "3a", "4late"]);
    // The difference is what the branch did, and speaks of no row of main.
    let only = diff().await;
    assert_eq!(only.as_array().map(Vec::len), Some(1), "{only}");
    let counts = |name: &str| only[0][name].clone();
    assert_eq!([counts("rows_added"), counts("rows_changed"), counts("rows_removed")], [1, 1, 0]);
    assert_eq!((counts("columns_removed"), counts("main_changed")), (json!([]), json!(true)));

    // A pull gives back what the branch began with.
    let pulled = world.post(&format!("{}/tables/b/t/pull", below(&branch)), &json!({})).await;
    let message = pulled["message"].as_str().expect("a text");
    assert!(message.contains("now reads from main") && pulled["was_local"] == true, "{pulled}");
    world.eventually("the rows are back", async || shown(&world, &branch, "t").await == ["1a", "2a", "3a"]).await;
    // Also of what main has dropped; of what it has made since, there is nothing to pull.
    load(&world, &branch, "gone", "id,note\n1,mine\n").await;
    world.post(&format!("{}/tables/b/gone/pull", below(&branch)), &json!({})).await;
    world.eventually("the rows are back", async || shown(&world, &branch, "gone").await == ["1a", "2a", "3a"]).await;
    let late = refused(&world, Method::POST, &format!("{}/tables/b/late/pull", below(&branch)), None).await;
    assert_eq!(late, is(404, "table_not_found"));

    // What is dropped there is gone there, and its name is free.
    assert_eq!(ask(&world, Method::DELETE, &table(&branch, "gone"), None).await.0, 204);
    assert_eq!(
        world.get(&below(&branch)).await["deleted_tables"],
        json!([{ "bucket_name": "b", "table_name": "gone" }])
    );
    let own = json!({ "name": "late", "columns": [{ "name": "id", "type": "BIGINT" }] });
    world.post(&format!("{}/buckets/b/tables", below(&branch)), &own).await;
    assert_eq!(world.get(&table(&branch, "late")).await["row_count"], 0);
    assert_eq!(shown(&world, MAIN, "late").await, ["1late"]);
    world.verify();
}

#[tokio::test]
async fn a_merge_takes_what_was_changed_and_nothing_else() {
    let world = filled().await;
    let branch = pin(&world, "then").await;
    let merge = async |body: Value| ask(&world, Method::POST, &format!("{}/merge", below(&branch)), Some(body)).await;
    load(&world, MAIN, "gone", "id,note\n4,late\n").await;
    let (status, nothing) = merge(json!({})).await;
    assert_eq!((status, &nothing["tables"]), (200, &json!([])), "main has gone on; the branch has nothing for it");

    load(&world, &branch, "t", "id,note\n3,mine\n").await;
    let (status, merged) = merge(json!({})).await;
    let expected = json!([{ "bucket_name": "b", "table_name": "t", "result": "merged" }]);
    assert_eq!((status, &merged["tables"]), (200, &expected), "{merged}");
    assert_eq!(shown(&world, MAIN, "t").await, ["1a", "2a", "3mine"]);
    assert_eq!(shown(&world, MAIN, "gone").await, ["1a", "2a", "3a", "4late"]);
    // It goes on from where it is, and does not see main now.
    load(&world, MAIN, "t", "id,note\n5,late\n").await;
    assert_eq!(shown(&world, &branch, "t").await, ["1a", "2a", "3mine"]);
    let (status, conflict) = merge(json!({})).await;
    assert_eq!((status, &conflict["detail"]["error"]), (409, &json!("merge_conflict")), "{conflict}");
    let (_, left) = merge(json!({ "strategy": "main" })).await;
    assert_eq!(left["tables"][0]["result"], "conflict");
    assert_eq!(merge(json!({ "strategy": "branch" })).await.0, 200);
    assert_eq!(shown(&world, MAIN, "t").await, ["1a", "2a", "3mine"]);
    world.verify();
}

#[tokio::test]
async fn what_would_bring_main_in_is_refused_and_what_a_branch_shows_stays() {
    let world = filled().await;
    let branch = pin(&world, "then").await;
    let rebase = format!("{}/tables/b/t/rebase", below(&branch));
    assert_eq!(refused(&world, Method::POST, &rebase, Some(json!({}))).await, is(400, "branch_pinned"));
    let buckets = format!("{}/buckets", below(&branch));
    let made = refused(&world, Method::POST, &buckets, Some(json!({ "name": "mine" }))).await;
    assert_eq!(made, is(400, "branch_pinned"));
    assert_eq!(world.get("/projects/p/buckets").await["total"], 1);
    for query in ["", "?force=true"] {
        let gone = refused(&world, Method::DELETE, &format!("/projects/p/buckets/b{query}"), None).await;
        assert_eq!(gone, is(409, "bucket_pinned"));
    }
    assert_eq!(ask(&world, Method::DELETE, &below(&branch), None).await.0, 204);
    assert_eq!(ask(&world, Method::DELETE, "/projects/p/buckets/b", None).await.0, 204);
    world.verify();
}

/// What is said through a pinned branch is said there alone; a merge takes along only that.
#[tokio::test]
async fn metadata_is_what_was_said_then_and_what_the_branch_says() {
    let world = filled().await;
    let branch = pin(&world, "then").await;
    let owner = async |branch: &str| world.get(&format!("{}/metadata", table(branch, "t"))).await[0]["value"].clone();
    say(&world, &table(MAIN, "t"), "late").await;
    assert_eq!((owner(&branch).await, owner(MAIN).await), (json!("then"), json!("late")));
    load(&world, &branch, "t", "id,note\n3,mine\n").await;
    world.post(&format!("{}/merge", below(&branch)), &json!({})).await;
    assert_eq!(owner(MAIN).await, "late", "the branch has not said it");
    say(&world, &table(&branch, "t"), "mine").await;
    assert_eq!((owner(&branch).await, owner(MAIN).await), (json!("mine"), json!("late")));
    let listed = world.get(&format!("{}/metadata", table(&branch, "t"))).await;
    let id = &listed[0]["id"];
    let path = format!("{}/metadata/{}", table(&branch, "t"), id.as_str().map_or_else(|| id.to_string(), Into::into));
    assert_eq!(ask(&world, Method::DELETE, &path, None).await.0, 204);
    assert_eq!(world.get(&format!("{}/metadata", table(&branch, "t"))).await, json!([]));
    assert_eq!(owner(MAIN).await, "late");
    world.verify();
}

/// Messages of rows that the stream has.
async fn messages(world: &World) -> usize {
    let js = async_nats::jetstream::new(world.nats.connect().await);
    let stream = js.get_stream("STORAGE").await.expect("the stream");
    let info = stream.info_with_subjects("rows.default.p.b.t").await.expect("its subjects");
    let counts: Vec<(String, usize)> = info.try_collect().await.expect("counts");
    counts.into_iter().map(|(_, count)| count).sum()
}

async fn publish(world: &World, ids: std::ops::Range<u64>, note: &str) {
    let js = async_nats::jetstream::new(world.nats.connect().await);
    for id in ids.clone() {
        let row = json!({ "id": id, "note": note }).to_string();
        js.publish("rows.default.p.b.t", row.into()).await.expect("sent").await.expect("stored");
    }
    let has_last = format!("{}{note}", ids.end - 1);
    world.eventually("the rows are there", async || shown(world, MAIN, "t").await.contains(&has_last)).await;
}

#[tokio::test]
async fn rows_that_a_pinned_branch_began_with_stay_on_the_log() {
    let mut world = World::start().await;
    world.project("p").await;
    world.table("p", "t", &[("id", "BIGINT"), ("note", "VARCHAR")], &["id"]).await;
    publish(&world, 1..31, "then").await;
    let branch = pin(&world, "then").await;
    publish(&world, 1..31, "late").await;
    let before = shown(&world, &branch, "t").await;
    assert!(before.len() == 30 && before.iter().all(|row| row.ends_with("then")), "{before:?}");
    assert!(world.cli(&RUN).status.success());
    assert!(messages(&world).await >= 30, "the rows of then are needed");
    load(&world, &branch, "t", "id,note\n1,mine\n").await;
    world.alluvium.kill();
    world.alluvium.restart().await;
    world.post(&format!("{}/tables/b/t/pull", below(&branch)), &json!({})).await;
    world.eventually("the rows are back", async || shown(&world, &branch, "t").await == before).await;
    world.verify();
    assert_eq!(world.http(Method::DELETE, &below(&branch), None).await.0, StatusCode::NO_CONTENT);
    world
        .eventually("they go when nobody needs them", async || {
            assert!(world.cli(&RUN).status.success());
            messages(&world).await == 0
        })
        .await;
}

//! What the main line has become, under the changes of a dev branch, row by row.

use alluvium_blackbox::{ADMIN, World};
use reqwest::Method;
use serde_json::{Value, json};

const MAIN: &str = "default";

/// A project with table `b.t` of rows 1 to 8, and a branch.
async fn filled() -> (World, String) {
    let world = World::start().await;
    world.project("p").await;
    world.table("p", "t", &[("id", "BIGINT"), ("note", "VARCHAR"), ("big", "HUGEINT")], &["id"]).await;
    let rows: String = (1..=8).map(|id| format!("{id},a,{id}00000000000000000000000\n")).collect();
    load(&world, MAIN, "t", &format!("id,note,big\n{rows}"), false).await;
    let branch = world.post("/projects/p/branches", &json!({ "name": "try" })).await;
    let branch = branch["id"].as_str().expect("an id").to_owned();
    (world, branch)
}

fn table(branch: &str, table: &str) -> String {
    format!("/projects/p/branches/{branch}/buckets/b/tables/{table}")
}

async fn load(world: &World, branch: &str, name: &str, csv: &str, incremental: bool) {
    let file = world.upload("p", "rows.csv", csv.as_bytes().to_vec()).await;
    let body = json!({ "file_id": file, "import_options": { "incremental": incremental } });
    world.post(&format!("{}/import/file", table(branch, name)), &body).await;
}

async fn note(world: &World, branch: &str, csv: &str) {
    load(world, branch, "t", &format!("id,note,big\n{csv}"), true).await;
}

async fn delete(world: &World, branch: &str, which: &str) {
    let path = format!("{}/rows", table(branch, "t"));
    let (status, answer) = world.http(Method::DELETE, &path, Some(&json!({ "where_clause": which }))).await;
    assert!(status.is_success(), "{answer}");
}

/// Id and note of every row, in one word each.
async fn shown(world: &World, branch: &str) -> Vec<String> {
    let preview = world.get(&format!("{}/preview", table(branch, "t"))).await;
    let rows = preview["rows"].as_array().expect("rows").iter();
    rows.map(|row| format!("{}{}", row["id"], row["note"].as_str().unwrap_or_default())).collect()
}

async fn ask(world: &World, key: &str, branch: &str, name: &str, body: &Value) -> (u16, Value) {
    let path = format!("/projects/p/branches/{branch}/tables/b/{name}/rebase");
    let (status, answer) = world.http_as(Some(key), Method::POST, &path, Some(body)).await;
    (status.as_u16(), answer)
}

async fn rebase(world: &World, branch: &str, strategy: &str) -> Value {
    let (status, answer) = ask(world, ADMIN, branch, "t", &json!({ "strategy": strategy })).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

fn code(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["detail"]["error"].as_str().unwrap_or_default())
}

/// What the branch's own table says of the main line's.
async fn main_changed(world: &World, branch: &str) -> Value {
    world.get(&format!("/projects/p/branches/{branch}/diff")).await["tables"][0]["main_changed"].clone()
}

#[tokio::test]
async fn the_branchs_changes_stay_on_top_of_the_main_lines() {
    let (mut world, branch) = filled().await;
    assert_eq!(rebase(&world, &branch, "fail").await["result"], "up_to_date", "it shows the main line");
    note(&world, &branch, "1,mine,1\n9,mine,9\n").await;
    delete(&world, &branch, "id = 2").await;
    assert_eq!(rebase(&world, &branch, "fail").await["result"], "up_to_date", "the main line is what it was");
    note(&world, MAIN, "3,theirs,3\n10,theirs,10\n").await;
    delete(&world, MAIN, "id = 4").await;
    assert_eq!(main_changed(&world, &branch).await, true);

    let client = reqwest::Client::new();
    let send = || async {
        let path = format!("{}/projects/p/branches/{branch}/tables/b/t/rebase", world.alluvium.url());
        let request = client.post(path).bearer_auth(ADMIN).header("X-Idempotency-Key", "one");
        request.send().await.expect("an answer").json::<Value>().await.expect("JSON")
    };
    let done = send().await;
    let expected = json!({
        "bucket_name": "b", "table_name": "t", "result": "rebased", "conflicts": 0, "inserted_rows": 1, "updated_rows": 1,
        "deleted_rows": 1,
    });
    assert_eq!((&done, &send().await), (&expected, &expected));
    assert_eq!(shown(&world, &branch).await, ["1mine", "3theirs", "5a", "6a", "7a", "8a", "9mine", "10theirs"]);
    assert_eq!(shown(&world, MAIN).await, ["1a", "2a", "3theirs", "5a", "6a", "7a", "8a", "10theirs"]);
    // As text: a parsed one would be a float.
    let path = format!("{}{}/preview", world.alluvium.url(), table(&branch, "t"));
    let preview = client.get(path).bearer_auth(ADMIN).send().await.expect("an answer").text().await.expect("text");
    assert!(preview.contains("500000000000000000000000"), "no digit is lost: {preview}");
    assert_eq!(main_changed(&world, &branch).await, false);

    // What it stands on is remembered, so the next one begins there; a row that the main line takes over is no conflict.
    world.alluvium.kill();
    world.alluvium.restart().await;
    assert_eq!(main_changed(&world, &branch).await, false);
    note(&world, MAIN, "9,mine,9\n5,theirs,5\n3,again,3\n").await;
    assert_eq!(rebase(&world, &branch, "fail").await["updated_rows"], 2);
    assert_eq!(shown(&world, &branch).await, ["1mine", "3again", "5theirs", "6a", "7a", "8a", "9mine", "10theirs"]);
    world.verify();

    // A merge counts what has changed since the rebase.
    note(&world, MAIN, "6,late,6\n").await;
    let merge = format!("/projects/p/branches/{branch}/merge");
    let (status, answer) = world.http(Method::POST, &merge, Some(&json!({}))).await;
    assert_eq!(code(&(status.as_u16(), answer)), (409, "merge_conflict"));
    rebase(&world, &branch, "fail").await;
    assert_eq!(world.post(&merge, &json!({})).await["tables"][0]["result"], "merged");
    assert_eq!(shown(&world, MAIN).await, ["1mine", "3again", "5theirs", "6late", "7a", "8a", "9mine", "10theirs"]);
    world.verify();
}

#[tokio::test]
async fn rows_that_both_have_changed_are_told_or_decided() {
    let (world, branch) = filled().await;
    note(&world, &branch, "1,mine,1\n2,same,2\n9,mine,9\n").await;
    delete(&world, &branch, "id = 3").await;
    note(&world, MAIN, "1,theirs,1\n2,same,2\n3,theirs,3\n9,theirs,9\n4,theirs,4\n").await;
    let before = shown(&world, &branch).await;
    let refused = ask(&world, ADMIN, &branch, "t", &json!({})).await;
    assert_eq!(code(&refused), (409, "merge_conflict"));
    let details = &refused.1["detail"]["details"];
    assert_eq!((&details["rows"], &details["keys"]), (&json!(3), &json!([[1], [3], [9]])), "{}", refused.1);
    assert_eq!(shown(&world, &branch).await, before);
    assert_eq!(main_changed(&world, &branch).await, true);

    assert_eq!(rebase(&world, &branch, "branch").await["conflicts"], 3);
    assert_eq!(shown(&world, &branch).await, ["1mine", "2same", "4theirs", "5a", "6a", "7a", "8a", "9mine"]);
    note(&world, MAIN, "1,theirs again,1\n").await;
    assert_eq!(rebase(&world, &branch, "main").await["conflicts"], 1);
    assert_eq!(shown(&world, &branch).await[0], "1theirs again");
    world.verify();
}

#[tokio::test]
async fn what_cannot_be_rebased_is_refused() {
    let (world, branch) = filled().await;
    let ask_for = async |name: &str| ask(&world, ADMIN, &branch, name, &json!({})).await;
    assert_eq!(code(&ask_for("nope").await), (404, "table_not_found"));
    assert_eq!(code(&ask(&world, ADMIN, MAIN, "t", &json!({})).await), (404, "branch_not_found"));
    assert_eq!(code(&ask(&world, ADMIN, "nope", "t", &json!({})).await), (404, "branch_not_found"));
    assert_eq!(code(&ask(&world, ADMIN, &branch, "t", &json!({ "strategy": "mine" })).await), (400, "invalid_request"));
    let body = json!({ "description": "d", "scope": "branch_read", "branch_id": branch });
    let key = world.post("/projects/p/api-keys", &body).await["api_key"].as_str().expect("a key").to_owned();
    assert_eq!(ask(&world, &key, &branch, "t", &json!({})).await.0, 403);

    let column = json!([{ "name": "id", "type": "BIGINT" }]);
    let tables = format!("/projects/p/branches/{branch}/buckets/b/tables");
    world.post(&tables, &json!({ "name": "created", "columns": column, "primary_key": ["id"] })).await;
    assert_eq!(code(&ask_for("created").await), (404, "table_not_found"));
    world.table("p", "created", &[("id", "BIGINT")], &["id"]).await;
    assert_eq!(code(&ask_for("created").await), (409, "merge_conflict"), "it was taken from no table");

    for name in ["keyless", "wide"] {
        world.table("p", name, &[("id", "BIGINT")], if name == "wide" { &["id"] } else { &[] }).await;
        load(&world, &branch, name, "id\n1\n", true).await;
        load(&world, MAIN, name, "id\n2\n", true).await;
    }
    assert_eq!(code(&ask_for("keyless").await), (400, "rebase_needs_key"));
    let more = json!({ "name": "more", "type": "DATE" });
    world.post(&format!("{}/columns", table(MAIN, "wide")), &more).await;
    assert_eq!(code(&ask_for("wide").await), (409, "rebase_columns_differ"));
    world.verify();
}

/// What the route never does: the command with content of another moment.
#[tokio::test]
async fn a_table_that_has_gone_on_is_not_rebased() {
    let (world, branch) = filled().await;
    note(&world, &branch, "1,mine,1\n").await;
    note(&world, MAIN, "2,theirs,2\n").await;
    let columns = json!([{ "name": "id", "type": "BIGINT", "nullable": true, "default": null }]);
    let create = json!({ "project": "p", "branch": branch, "bucket": "b", "table": "own", "columns": columns, "primary_key": ["id"] });
    let made = world.command("storage", "CreateTable", &create).await;
    let uid = made["result"]["uid"].as_str().expect("its id");
    let exported =
        world.post(&format!("{}/export", table(MAIN, "t")), &json!({ "format": "parquet", "columns": ["id"] })).await;
    let file = world.get(&format!("/projects/p/files/{}", exported["file_id"].as_str().expect("an id"))).await;
    let command = |uid: &str, name: &str, since: u64| {
        json!({
            "project": "p", "branch": branch, "bucket": "b", "table": name, "uid": uid, "blob": file["checksum_sha256"],
            "size_bytes": 1, "rebased_on": 1, "unchanged_since": since,
        })
    };
    let send = async |body: Value| {
        let (status, answer) = world.http(Method::POST, "/commands/storage/RebaseTable", Some(&body)).await;
        (status.as_u16(), answer["code"].as_str().unwrap_or_default().to_owned())
    };
    load(&world, &branch, "own", "id\n7\n", true).await;
    assert_eq!(send(command(uid, "own", 1)).await, (409, "storage.rebase_outdated".to_owned()));
    assert_eq!(send(command(uid, "t", 1)).await.0, 404, "another table than the right was asked for");
    assert_eq!(world.get(&table(&branch, "own")).await["row_count"], 1);
    assert_eq!(send(command(uid, "own", 1_000_000_000)).await.0, 200);
    assert_eq!(world.get(&table(&branch, "own")).await["row_count"], 8);
    world.verify();
}

//! Files whose content is a manifest: the files that it names are loaded as one, and nothing but files of the project can be named.

use alluvium_blackbox::{ADMIN, World};
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

const BUCKET: &str = "/projects/p/branches/default/buckets/b";
const TABLES: &str = "/projects/p/branches/default/buckets/b/tables";

async fn ask(world: &World, method: Method, path: &str, body: Value) -> (u16, Value) {
    let (status, answer) = world.http(method, path, Some(&body)).await;
    (status.as_u16(), answer)
}

/// Uploads with a key; gives the file.
async fn upload(world: &World, key: &str, content: Vec<u8>, is_sliced: bool) -> Value {
    let post = async |path: &str, body: Value| {
        let (status, answer) = world.http_as(Some(key), Method::POST, path, Some(&body)).await;
        assert!(status.is_success(), "{path}: {answer}");
        answer
    };
    let prepared = post("/projects/p/files/prepare", json!({ "filename": "f", "isSliced": is_sliced })).await;
    let url = format!("{}{}", world.alluvium.url(), prepared["upload_url"].as_str().expect("a url"));
    let form = Form::new().part("file", Part::bytes(content).file_name("f"));
    let sent = reqwest::Client::new().post(url).bearer_auth(key).multipart(form).send().await.expect("an answer");
    assert!(sent.status().is_success());
    post("/projects/p/files", json!({ "upload_key": prepared["upload_key"] })).await
}

async fn slice(world: &World, text: &str) -> Value {
    upload(world, ADMIN, text.as_bytes().to_vec(), false).await
}

/// A manifest of these URLs; gives its id.
async fn manifest(world: &World, urls: &[String]) -> String {
    let entries: Vec<Value> = urls.iter().map(|url| json!({ "url": url, "mandatory": true })).collect();
    let content = json!({ "entries": entries }).to_string().into_bytes();
    let file = upload(world, ADMIN, content, true).await;
    assert_eq!(file["is_sliced"], true, "{file}");
    id(&file)
}

fn id(file: &Value) -> String {
    file["id"].as_str().expect("an id").to_owned()
}

async fn load(world: &World, table: &str, file: &str, options: Value) -> (u16, Value) {
    let body = json!({ "file_id": file, "import_options": options });
    ask(world, Method::POST, &format!("{TABLES}/{table}/import/file"), body).await
}

async fn rows(world: &World, table: &str) -> Value {
    world.get(&format!("{TABLES}/{table}/preview")).await["rows"].clone()
}

fn error(answer: &Value) -> &str {
    answer["detail"]["error"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn slices_are_loaded_as_one_in_the_order_of_the_manifest() {
    let world = World::start().await;
    world.project("p").await;
    world.table("p", "keyed", &[("id", "BIGINT"), ("note", "VARCHAR")], &["id"]).await;
    world.table("p", "keyless", &[("id", "BIGINT"), ("note", "VARCHAR")], &[]).await;
    let first = slice(&world, "id,note\n1,first\n2,first\n").await;
    // Other slices may have the columns in another order.
    let second = slice(&world, "note,id\nsecond,2\nsecond,3\n").await;
    let packed = zipped("id,note\n3,third\n");
    let third = upload(&world, ADMIN, packed, false).await;
    let download = format!("/projects/p/files/{}/download", id(&second));
    let path = third["path"].as_str().expect("a path").strip_prefix("project_p/").expect("the key").to_owned();
    let order = [id(&first), download, format!("s3://project_p/{path}")];
    let sliced = manifest(&world, &order).await;
    for table in ["keyed", "keyless"] {
        let (status, done) = load(&world, table, &sliced, json!({})).await;
        assert_eq!((status, &done["imported_rows"]), (200, &json!(5)), "{done}");
    }
    let last = json!([{ "id": 1, "note": "first" }, { "id": 2, "note": "second" }, { "id": 3, "note": "third" }]);
    assert_eq!(rows(&world, "keyed").await, last, "the last of equal keys wins across slices");
    let notes = world.query("p", "SELECT string_agg(note, ' ') AS notes FROM (SELECT note FROM b.keyless)").await;
    assert_eq!(notes, json!([{ "notes": "first first second second third" }]));

    let reverse: Vec<String> = order.iter().rev().cloned().collect();
    let back = manifest(&world, &reverse).await;
    assert_eq!(load(&world, "keyed", &back, json!({})).await.0, 200);
    assert_eq!(rows(&world, "keyed").await[1]["note"], "first");

    // Slices of Keboola's clients have no header.
    let bare = [id(&slice(&world, "7,a\n").await), id(&slice(&world, "8,b\n").await), id(&slice(&world, "").await)];
    let headless = manifest(&world, &bare).await;
    let options = json!({ "without_headers": true, "columns": ["id", "note"], "incremental": true });
    let (status, done) = load(&world, "keyed", &headless, options).await;
    assert_eq!((status, &done["inserted_rows"]), (200, &json!(2)), "{done}");
    world.verify();
}

/// As gzip.
fn zipped(text: &str) -> Vec<u8> {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let mut gzip =
        Command::new("gzip").arg("-c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("gzip runs");
    gzip.stdin.take().expect("its input").write_all(text.as_bytes()).expect("it reads");
    gzip.wait_with_output().expect("it ends").stdout
}

#[tokio::test]
async fn a_table_is_made_of_all_slices() {
    let world = World::start().await;
    world.project("p").await;
    let order = [
        id(&slice(&world, "id,value,when\n1,5,2024-01-01\n").await),
        id(&slice(&world, "value,id,when\n6.5,2,2024-01-02\n").await),
        id(&slice(&world, "id,value,when\n3,,soon\n").await),
    ];
    let sliced = manifest(&world, &order).await;
    let body = json!({ "file_id": sliced, "name": "t", "primary_key": ["id"] });
    let (status, made) = ask(&world, Method::POST, &format!("{BUCKET}/tables-from-file"), body).await;
    let types: Vec<&Value> = made["columns"].as_array().expect("columns").iter().map(|one| &one["type"]).collect();
    assert_eq!((status, types), (201, vec![&json!("BIGINT"), &json!("DOUBLE"), &json!("VARCHAR")]), "{made}");
    assert_eq!(made["row_count"], 3);
    let expected = json!({ "id": 2, "value": 6.5, "when": "2024-01-02" });
    assert_eq!(rows(&world, "t").await[1], expected);
    world.verify();
}

#[tokio::test]
async fn what_a_manifest_cannot_name_changes_nothing() {
    let world = World::start().await;
    world.project("p").await;
    world.project("other").await;
    world.table("p", "t", &[("id", "BIGINT")], &[]).await;
    let good = id(&slice(&world, "id\n1\n").await);
    assert_eq!(load(&world, "t", &good, json!({})).await.0, 200);
    let theirs = world.upload("other", "f.csv", b"id\n9\n".to_vec()).await;
    let nested = manifest(&world, std::slice::from_ref(&good)).await;
    let cases = [
        ("https://example.com/a.csv".to_owned(), 400, "slice_elsewhere"),
        (format!("https://localhost/projects/p/files/{good}/download"), 400, "slice_elsewhere"),
        ("file:///etc/passwd".to_owned(), 400, "slice_elsewhere"),
        (format!("/projects/other/files/{theirs}/download"), 400, "slice_elsewhere"),
        ("s3://project_other/a.csv".to_owned(), 400, "slice_elsewhere"),
        (theirs, 404, "file_not_found"),
        ("nothing".to_owned(), 404, "file_not_found"),
        ("s3://project_p/no/such.csv".to_owned(), 404, "file_not_found"),
        ("s3://project_p/../such.csv".to_owned(), 400, "invalid_key"),
        (nested, 400, "invalid_manifest"),
    ];
    for (url, status, code) in cases {
        let sliced = manifest(&world, &[good.clone(), url.clone()]).await;
        let (found, answer) = load(&world, "t", &sliced, json!({ "incremental": true })).await;
        assert_eq!((found, error(&answer)), (status, code), "{url}: {answer}");
        assert_eq!(answer["detail"]["details"]["entry"], 2, "{url}: {answer}");
    }
    for content in ["", "[]", "{}", r#"{"entries": []}"#, r#"{"entries": [{"uri": "x"}]}"#, "id\n1\n"] {
        let file = id(&upload(&world, ADMIN, content.as_bytes().to_vec(), true).await);
        let (status, answer) = load(&world, "t", &file, json!({})).await;
        assert_eq!((status, error(&answer)), (400, "invalid_manifest"), "{content}: {answer}");
    }
    let many = manifest(&world, &vec![good.clone(); 1_001]).await;
    assert_eq!(error(&load(&world, "t", &many, json!({})).await.1), "invalid_manifest");

    // What only reading them tells is told with the slice.
    for text in ["id\n2\nx\n", "id,more\n2,3\n", "more\n2\n3\n"] {
        let bad = id(&slice(&world, text).await);
        let sliced = manifest(&world, &[good.clone(), bad]).await;
        let (status, answer) = load(&world, "t", &sliced, json!({ "incremental": true })).await;
        if text.starts_with("more") {
            // The only name is unknown and the counts agree: by position, as in a load of one file.
            assert_eq!((status, &answer["imported_rows"]), (200, &json!(3)), "{answer}");
            assert_eq!(load(&world, "t", &good, json!({})).await.0, 200);
            continue;
        }
        assert_eq!((status, error(&answer)), (400, "import_failed"), "{answer}");
        assert_eq!(answer["detail"]["details"]["file"], 2, "{answer}");
    }
    assert_eq!(rows(&world, "t").await, json!([{ "id": 1 }]));
    world.verify();
}

#[tokio::test]
async fn a_key_of_a_branch_names_only_files_that_it_reaches() {
    let world = World::start().await;
    world.project("p").await;
    world.table("p", "t", &[("id", "BIGINT")], &[]).await;
    let of_main = id(&slice(&world, "id\n1\n").await);
    let branch = world.post("/projects/p/branches", &json!({ "name": "dev" })).await;
    let branch = branch["id"].as_str().expect("an id").to_owned();
    let body = json!({ "description": "d", "scope": "branch_admin", "branch_id": branch });
    let key = world.post("/projects/p/api-keys", &body).await["api_key"].as_str().expect("a key").to_owned();
    let own = id(&upload(&world, &key, b"id\n2\n".to_vec(), false).await);
    let path = format!("/projects/p/branches/{branch}/buckets/b/tables/t/import/file");
    for (entry, status) in [(own, 200), (of_main, 404)] {
        let content = json!({ "entries": [{ "url": entry }] }).to_string().into_bytes();
        let sliced = id(&upload(&world, &key, content, true).await);
        let (found, answer) = world.http_as(Some(&key), Method::POST, &path, Some(&json!({ "file_id": sliced }))).await;
        assert_eq!(found.as_u16(), status, "{answer}");
    }
}

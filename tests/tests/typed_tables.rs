//! Columns by base type, and tables that are made of files: with all their rows, or not at all.

use std::fmt::Write as _;

use alluvium_blackbox::{ADMIN, World};
use reqwest::Method;
use serde_json::{Value, json};

const BUCKET: &str = "/projects/p/branches/default/buckets/b";
/// Rows of the files that are loaded while the process is killed.
const ROWS: usize = 60_000;
/// How often it is.
const KILLS: u32 = 6;

async fn ask(world: &World, method: Method, path: &str, body: Value) -> (u16, Value) {
    let (status, answer) = world.http(method, path, Some(&body)).await;
    (status.as_u16(), answer)
}

async fn make(world: &World, body: Value) -> (u16, Value) {
    ask(world, Method::POST, &format!("{BUCKET}/tables-from-file"), body).await
}

async fn upload(world: &World, text: &str) -> String {
    world.upload("p", "f.csv", text.as_bytes().to_vec()).await
}

/// Name, type and base type of each column.
fn types(table: &Value) -> Vec<(&str, &str, &str)> {
    table["columns"]
        .as_array()
        .expect("columns")
        .iter()
        .map(|column| {
            let field = |name: &str| column[name].as_str().unwrap_or_else(|| panic!("no {name} in {column}"));
            (field("name"), field("type"), field("base_type"))
        })
        .collect()
}

fn error(answer: &Value) -> &str {
    answer["detail"]["error"].as_str().unwrap_or_default()
}

async fn status_of(world: &World, table: &str) -> u16 {
    world.http(Method::GET, &format!("{BUCKET}/tables/{table}"), None).await.0.as_u16()
}

#[tokio::test]
async fn a_base_type_says_what_a_column_holds() {
    let world = World::start().await;
    world.project("p").await;
    let column = |name: &str, base: &str| json!({ "name": name, "base_type": base });
    let columns = json!([
        column("s", "STRING"), column("i", "INTEGER"), column("n", "NUMERIC"), column("f", "FLOAT"), column("b", "BOOLEAN"),
        column("d", "DATE"), column("t", "TIMESTAMP"),
        { "name": "both", "type": "DECIMAL(10,2)", "baseType": "numeric" }, { "name": "list", "type": "INTEGER[]" },
    ]);
    let body = json!({ "name": "t", "columns": columns, "primary_key": ["i"] });
    let made = world.post(&format!("{BUCKET}/tables"), &body).await;
    let expected = vec![
        ("s", "VARCHAR", "STRING"),
        ("i", "BIGINT", "INTEGER"),
        ("n", "DECIMAL(38,9)", "NUMERIC"),
        ("f", "DOUBLE", "FLOAT"),
        ("b", "BOOLEAN", "BOOLEAN"),
        ("d", "DATE", "DATE"),
        ("t", "TIMESTAMP", "TIMESTAMP"),
        ("both", "DECIMAL(10,2)", "NUMERIC"),
        ("list", "INTEGER[]", "STRING"),
    ];
    assert_eq!(types(&made), expected);
    let add = json!({ "name": "more", "baseType": "DATE" });
    let (status, added) = ask(&world, Method::POST, &format!("{BUCKET}/tables/t/columns"), add).await;
    assert_eq!((status, types(&added)[9]), (201, ("more", "DATE", "DATE")), "{added}");
    assert_eq!(types(&world.get(&format!("{BUCKET}/tables/t")).await).len(), 10);
    let preview = world.get(&format!("{BUCKET}/tables/t/preview")).await;
    assert_eq!(preview["columns"][2]["base_type"], "NUMERIC");
    for wrong in [
        json!({ "name": "x", "base_type": "MONEY" }),
        json!({ "name": "x", "base_type": "DATE", "type": "INTEGER" }),
        json!({ "name": "x" }),
    ] {
        let body = json!({ "name": "u", "columns": [wrong] });
        let (status, answer) = ask(&world, Method::POST, &format!("{BUCKET}/tables"), body).await;
        assert_eq!(status, 422, "{answer}");
        assert_eq!(answer["detail"][0]["loc"][1], "columns", "{answer}");
    }
}

#[tokio::test]
async fn a_file_becomes_a_table_with_types_that_every_value_has() {
    let world = World::start().await;
    world.project("p").await;
    let mut text = "\u{feff}id, zip ,price,when,ok,day,none,late\n".to_owned();
    for id in 1..=5_000 {
        // What only the last row says counts as well.
        let late = if id == 5_000 { "five" } else { "5" };
        let (second, is_even) = (id % 10, id % 2 == 0);
        writeln!(text, "{id},0{id},{id}.50,2024-01-01 00:00:0{second},{is_even},2024-02-29,,{late}").expect("a text");
    }
    let file = upload(&world, &text).await;
    let (status, made) = make(&world, json!({ "file_id": file, "name": "t", "primary_key": ["ID"] })).await;
    assert_eq!(status, 201, "{made}");
    let expected = vec![
        ("id", "BIGINT", "INTEGER"),
        ("zip", "VARCHAR", "STRING"),
        ("price", "DOUBLE", "FLOAT"),
        ("when", "TIMESTAMP", "TIMESTAMP"),
        ("ok", "BOOLEAN", "BOOLEAN"),
        ("day", "DATE", "DATE"),
        ("none", "VARCHAR", "STRING"),
        ("late", "VARCHAR", "STRING"),
    ];
    assert_eq!(types(&made), expected);
    assert_eq!((&made["row_count"], &made["primary_key"]), (&json!(5_000), &json!(["id"])), "{made}");
    assert_eq!(made["columns"][0]["nullable"], false);
    let last = world.query("p", "SELECT zip, price, late FROM b.t WHERE id = 5000").await;
    assert_eq!(last, json!([{ "zip": "05000", "price": 5000.5, "late": "five" }]));
    let listed = world.get(&format!("{BUCKET}/tables")).await;
    assert_eq!((&listed["total"], &listed["tables"][0]["row_count"]), (&json!(1), &json!(5_000)));

    let as_text = json!({ "fileId": file, "name": "texts", "columnTypes": "text" });
    let (status, made) = make(&world, as_text).await;
    assert!(status == 201 && types(&made).iter().all(|(_, _, base)| *base == "STRING"), "{made}");

    let chosen = json!({ "file_id": file, "name": "chosen", "columns": [
        { "name": "PRICE", "base_type": "NUMERIC", "nullable": false }, { "name": "id" }] });
    let (status, made) = make(&world, chosen).await;
    assert_eq!((status, types(&made)), (201, vec![("PRICE", "DECIMAL(38,9)", "NUMERIC"), ("id", "BIGINT", "INTEGER")]));

    let bare = upload(&world, "report\n1;a\n2;-\n2;c\n").await;
    let options = json!({ "without_headers": true, "ignored_lines_count": 1, "treat_values_as_null": ["-"] });
    let headless = json!({ "file_id": bare, "name": "headless", "columns": ["n", "t"], "primary_key": ["n"],
        "csv_options": { "delimiter": ";" }, "import_options": options });
    let (status, made) = make(&world, headless).await;
    assert_eq!((status, &made["row_count"]), (201, &json!(2)), "the last of equal keys wins: {made}");
    let rows = world.get(&format!("{BUCKET}/tables/headless/preview")).await["rows"].clone();
    assert_eq!(rows, json!([{ "n": 1, "t": "a" }, { "n": 2, "t": "c" }]));

    let none = upload(&world, "a,b\n").await;
    let (status, made) = make(&world, json!({ "file_id": none, "name": "none" })).await;
    assert_eq!((status, &made["row_count"], types(&made).len()), (201, &json!(0), 2), "{made}");
    world.verify();
}

#[tokio::test]
async fn parquet_keeps_its_types_and_a_job_answers_later() {
    let world = World::start().await;
    world.project("p").await;
    world.table("p", "from", &[("id", "INTEGER"), ("at", "TIMESTAMP"), ("tags", "VARCHAR[]")], &["id"]).await;
    let file = upload(&world, "id,at,tags\n1,2024-01-01 00:00:00,[a]\n2,,\n").await;
    let load = json!({ "file_id": file });
    assert_eq!(ask(&world, Method::POST, &format!("{BUCKET}/tables/from/import/file"), load).await.0, 200);
    let out = world.post(&format!("{BUCKET}/tables/from/export"), &json!({ "format": "parquet" })).await;
    let body = json!({ "file_id": out["file_id"], "name": "t", "format": "parquet", "primary_key": ["id"] });
    let (status, job) = ask(&world, Method::POST, &format!("{BUCKET}/tables-from-file?async=true"), body).await;
    assert_eq!((status, &job["operation_name"]), (202, &json!("tableCreateFromFile")), "{job}");
    let job = format!("/projects/p/jobs/{}", job["id"].as_str().expect("an id"));
    world.eventually("the job is done", || async { world.get(&job).await["status"] == "success" }).await;
    let made = world.get(&job).await["results"].clone();
    let expected =
        vec![("id", "INTEGER", "INTEGER"), ("at", "TIMESTAMP", "TIMESTAMP"), ("tags", "VARCHAR[]", "STRING")];
    assert_eq!((types(&made), &made["row_count"]), (expected, &json!(2)), "{made}");
    let rows = world.get(&format!("{BUCKET}/tables/t/preview")).await["rows"].clone();
    assert_eq!(rows[0], json!({ "id": 1, "at": "2024-01-01T00:00:00", "tags": ["a"] }));
    let junk = upload(&world, "PAR1 is not enough PAR1").await;
    let (status, answer) = make(&world, json!({ "file_id": junk, "name": "u", "format": "parquet" })).await;
    assert_eq!((status, error(&answer)), (400, "import_failed"), "{answer}");
    world.verify();
}

#[tokio::test]
async fn what_is_refused_leaves_no_table() {
    let world = World::start().await;
    world.project("p").await;
    let file = upload(&world, "id,note\n1,a\n2,b\n2,\n").await;
    let of = |more: Value| {
        let mut body = json!({ "file_id": file, "name": "t" });
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        body
    };
    let twice = upload(&world, "id,a,ID\n1,2,3\n").await;
    let unnamed = upload(&world, "id,\n1,2\n").await;
    let empty = upload(&world, "").await;
    let short = upload(&world, "a,b\n1,2\n3\n").await;
    let typed = json!([{ "name": "id" }, { "name": "note", "base_type": "INTEGER" }]);
    let strict = json!([{ "name": "id" }, { "name": "note", "nullable": false }]);
    for (body, status, code) in [
        (
            of(json!({ "import_options": { "dedup_mode": "fail_on_duplicates" }, "primary_key": ["id"] })),
            409,
            "duplicate_key",
        ),
        (of(json!({ "primary_key": ["note"] })), 400, "import_failed"),
        (of(json!({ "columns": typed })), 400, "import_failed"),
        (of(json!({ "columns": strict })), 400, "import_failed"),
        (of(json!({ "columns": ["id", "other"] })), 400, "import_failed"),
        (of(json!({ "columns": ["id", "ID"] })), 400, "duplicate_column"),
        (of(json!({ "primary_key": ["x"] })), 400, "invalid_primary_key"),
        (of(json!({ "file_id": twice })), 400, "import_failed"),
        (of(json!({ "file_id": unnamed })), 400, "import_failed"),
        (of(json!({ "file_id": empty })), 400, "import_failed"),
        (of(json!({ "file_id": short })), 400, "import_failed"),
        (of(json!({ "file_id": "nothing" })), 404, "file_not_found"),
        (of(json!({ "name": "a/b" })), 400, "invalid_name"),
        (of(json!({ "format": "xls" })), 400, "invalid_format"),
        (of(json!({ "csv_options": { "quote": "ab" } })), 400, "invalid_csv_options"),
        (of(json!({ "import_options": { "without_headers": true } })), 400, "import_failed"),
        (of(json!({ "import_options": { "dedup_mode": "x" } })), 400, "invalid_dedup_mode"),
        (of(json!({ "columns": [{ "name": "id", "type": "NOPE" }] })), 400, "invalid_column_type"),
    ] {
        let (found, answer) = make(&world, body.clone()).await;
        assert_eq!((found, error(&answer)), (status, code), "{body}: {answer}");
        assert_eq!(status_of(&world, "t").await, 404, "{body}");
    }
    let (_, answer) = make(&world, of(json!({ "columns": typed }))).await;
    assert_eq!(
        (&answer["detail"]["details"]["line"], &answer["detail"]["details"]["column"]),
        (&json!(2), &json!("note"))
    );
    let (_, answer) = make(&world, of(json!({ "file_id": twice }))).await;
    assert_eq!(
        (&answer["detail"]["details"]["line"], &answer["detail"]["details"]["column"]),
        (&json!(1), &json!("ID"))
    );
    assert_eq!(world.get(&format!("{BUCKET}/tables")).await["total"], 0);
    // What never was does not come back.
    assert_eq!(ask(&world, Method::POST, &format!("{BUCKET}/tables/t/undrop"), json!({})).await.0, 404);

    assert_eq!(make(&world, of(json!({}))).await.0, 201, "the name is free");
    let (status, answer) = make(&world, of(json!({ "file_id": "nothing" }))).await;
    assert_eq!((status, error(&answer)), (409, "table_exists"), "said before the file is looked for: {answer}");
    world.verify();
}

#[tokio::test]
async fn a_branch_makes_a_table_of_its_own_and_shows_what_it_showed_when_that_is_refused() {
    let world = World::start().await;
    world.project("p").await;
    world.table("p", "hidden", &[("id", "BIGINT")], &[]).await;
    let branch = world.post("/projects/p/branches", &json!({ "name": "dev" })).await;
    let branch = format!("/projects/p/branches/{}/buckets/b", branch["id"].as_str().expect("an id"));
    let file = upload(&world, "id\n1\n1\n").await;
    let made = world.post(&format!("{branch}/tables-from-file"), &json!({ "file_id": file, "name": "own" })).await;
    assert_eq!((&made["source"], &made["row_count"]), (&json!("branch"), &json!(2)), "{made}");
    assert_eq!(status_of(&world, "own").await, 404, "the main line has it not");

    let at = format!("{branch}/tables/hidden");
    assert_eq!(world.http(Method::DELETE, &at, None).await.0, 204);
    let mut body = json!({ "file_id": file, "name": "hidden", "primary_key": ["id"],
        "import_options": { "dedup_mode": "fail_on_duplicates" } });
    let (status, answer) = ask(&world, Method::POST, &format!("{branch}/tables-from-file"), body.clone()).await;
    assert_eq!((status, error(&answer)), (409, "duplicate_key"), "{answer}");
    assert_eq!(world.http(Method::GET, &at, None).await.0, 404, "the branch has deleted it");
    body["import_options"] = json!({});
    let made = world.post(&format!("{branch}/tables-from-file"), &body).await;
    assert_eq!((&made["source"], &made["row_count"]), (&json!("branch"), &json!(1)), "{made}");
    world.verify();
}

/// Every second key twice, so that a load may be refused for it.
fn large(file: u32) -> String {
    let mut text = "id,note\n".to_owned();
    for row in 0..ROWS {
        writeln!(text, "{},row {row} of {file} {}", row / 2, "x".repeat(40)).expect("a text");
    }
    text
}

#[tokio::test]
async fn killed_while_it_makes_a_table_it_makes_all_of_it_or_nothing() {
    let mut world = World::start().await;
    world.project("p").await;
    let file = upload(&world, &large(0)).await;
    let body = |name: &str, mode: &str| json!({ "file_id": file, "name": name, "primary_key": ["id"], "import_options": { "dedup_mode": mode } });
    let began = std::time::Instant::now();
    assert_eq!(make(&world, body("usual", "update_duplicates")).await.0, 201);
    let usual = began.elapsed();
    let mut cut = 0;
    for round in 0..KILLS {
        let (good, bad) = (format!("good{round}"), format!("bad{round}"));
        let pause = usual * (round + 1) / (KILLS + 1);
        let sending = [(&good, "update_duplicates"), (&bad, "fail_on_duplicates")].map(|(name, mode)| {
            tokio::spawn(sent(format!("{}{BUCKET}/tables-from-file", world.alluvium.url()), body(name, mode)))
        });
        tokio::time::sleep(pause).await;
        world.alluvium.kill();
        for answer in sending {
            cut += u32::from(answer.await.expect("a request ends").is_none());
        }
        world.alluvium.restart().await;
        whole_or_none(&world, &good, &bad, &body).await;
    }
    assert!(cut > 0, "no kill fell into the making of a table");
    world.verify();
}

/// A request that may find nobody to answer it.
async fn sent(url: String, body: Value) -> Option<u16> {
    let answer = reqwest::Client::new().post(url).bearer_auth(ADMIN).json(&body).send().await.ok()?;
    Some(answer.status().as_u16())
}

/// Polled, so that a table in the making would be seen.
async fn whole_or_none(world: &World, good: &str, bad: &str, body: &impl Fn(&str, &str) -> Value) {
    let rows = json!(ROWS / 2);
    world
        .eventually("a whole table", || async {
            // Made before the kill, or now; whenever it shows it is whole.
            make(world, body(good, "update_duplicates")).await;
            let (status, table) = world.http(Method::GET, &format!("{BUCKET}/tables/{good}"), None).await;
            assert!(status != 200 || table["row_count"] == rows, "{table}");
            status == 200
        })
        .await;
    world
        .eventually("the name of what was refused is free", || async {
            assert_eq!(status_of(world, bad).await, 404);
            let (status, answer) = make(world, body(bad, "fail_on_duplicates")).await;
            assert_ne!(status, 201, "{answer}");
            error(&answer) == "duplicate_key"
        })
        .await;
}

//! What clients of PostgreSQL ask the catalogue in a workspace: with the real `psql`, and by a driver.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use alluvium_blackbox::World;
use alluvium_blackbox::sessions::{WORKSPACES, code, connection, fill, filled, login, printed, psql, workspace};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Column as _, Connection as _, Executor as _, Row as _};

/// The first column of an answer.
async fn texts(connection: &mut PgConnection, sql: &str) -> Vec<String> {
    let rows = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_all(connection).await;
    rows.unwrap_or_else(|error| panic!("{error}: {sql}")).iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn psql_describes_what_a_workspace_can_read() {
    let world = filled(&[]).await;
    let made = workspace(&world).await;
    let password = connection(&made, "password");
    let output = |sql: &str| psql(&made, password).args(["-c", sql]).output().unwrap();
    let ask = |sql: &str| printed(&output(sql));
    // With its titles and all that stands below.
    let described =
        |sql: &str| printed(&psql(&made, password).args(["-P", "tuples_only=off", "-c", sql]).output().unwrap());
    ask("CREATE TABLE own (id BIGINT PRIMARY KEY, note VARCHAR DEFAULT 'x', price DECIMAL(10,2) NOT NULL);
         CREATE TABLE child (id BIGINT REFERENCES own (id)); CREATE UNIQUE INDEX by_id ON child (id);
         CREATE VIEW few AS SELECT id FROM own; CREATE VIEW seen AS SELECT * FROM b.t");
    let (user, database) = (connection(&made, "username"), connection(&made, "database"));
    let mine = |what: &str| format!("main|{what}|{user}");

    assert_eq!(ask("\\dt"), [mine("child|table"), mine("own|table")].join("\n"));
    assert_eq!(ask("\\dv"), [mine("few|view"), mine("seen|view")].join("\n"));
    assert_eq!(ask("\\d"), [mine("child|table"), mine("few|view"), mine("own|table"), mine("seen|view")].join("\n"));
    assert_eq!(ask("\\dt b.*"), format!("b|t|table|{user}"));
    assert_eq!(ask("\\dt *.*"), [format!("b|t|table|{user}"), mine("child|table"), mine("own|table")].join("\n"));
    let own = described("\\d own");
    let expected = "id|bigint||not null|\nnote|text|||'x'\nprice|numeric(10,2)||not null|\nIndexes:\n    \"own_id_pkey\" PRIMARY KEY, btree (id)";
    assert!(own.contains(expected), "{own}");
    let of_project = "Table \"b.t\"\nColumn|Type|Collation|Nullable|Default\nid|bigint||not null|\nnote|text|||\nIndexes:\n    \"t_id_pkey\" PRIMARY KEY, btree (id)";
    assert_eq!(described("\\d b.t"), of_project);
    let child = described("\\d child");
    assert!(child.contains("\"by_id\" UNIQUE, btree (id)"), "{child}");
    assert!(described("\\d+ few").contains("SELECT id FROM own"));
    assert_eq!(ask("\\d seen"), "id|bigint|||\nnote|text|||");
    assert_eq!(ask("\\dn"), format!("b|{user}\nmain|{user}"));
    assert!(ask("\\l").starts_with(&format!("{database}|{user}|UTF8|")), "{}", ask("\\l"));
    assert!(ask("\\du").starts_with(user), "{}", ask("\\du"));
    assert!(ask("\\conninfo").contains(&format!("database \"{database}\" as user \"{user}\"")));
    let further =
        ["\\di", "\\ds", "\\df", "\\dT", "\\dp", "\\dt+", "\\dn+", "\\l+", "\\dx", "\\db", "\\sv few", "\\d by_id"];
    printed(&psql(&made, password).args(further.iter().flat_map(|sql| ["-c", *sql])).output().unwrap());
    // `psql` knows by itself that there is none.
    let nowhere = output("\\d nowhere");
    assert!(nowhere.stdout.is_empty() && !String::from_utf8_lossy(&nowhere.stderr).contains("ERROR"), "{nowhere:?}");

    // Rows are where they were.
    assert_eq!(ask("SELECT count(*), (SELECT count(*) FROM pg_class WHERE relname = 't') FROM b.t"), "3|1");
    assert_eq!(ask("SHOW ALL TABLES").lines().filter(|line| line.contains("|b|t|")).count(), 1);
    let native = "SELECT schema_name || '.' || table_name FROM duckdb_tables() ORDER BY ALL";
    assert_eq!(ask(native), "b.t\nmain.child\nmain.own");
    // A view of it is kept, and says what it said.
    ask("CREATE VIEW asked AS SELECT table_name FROM information_schema.tables");
    ask("SELECT * FROM asked");
}

#[tokio::test]
async fn types_are_those_that_answers_have() {
    let world = filled(&[]).await;
    let made = workspace(&world).await;
    let mut session = login(&made).await;
    let kinds = [
        "BOOLEAN",
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "BIGINT",
        "HUGEINT",
        "UTINYINT",
        "USMALLINT",
        "UINTEGER",
        "UBIGINT",
        "FLOAT",
        "DOUBLE",
        "DECIMAL(12,3)",
        "VARCHAR",
        "BLOB",
        "BIT",
        "DATE",
        "TIME",
        "TIMETZ",
        "TIMESTAMP",
        "TIMESTAMP_S",
        "TIMESTAMP_NS",
        "TIMESTAMPTZ",
        "INTERVAL",
        "UUID",
        "JSON",
        "ENUM('a', 'b')",
        "INTEGER[]",
        "INTEGER[2]",
        "STRUCT(a INTEGER)",
        "MAP(VARCHAR, INTEGER)",
    ];
    let columns: Vec<String> = kinds.iter().enumerate().map(|(at, kind)| format!("c{at} {kind}")).collect();
    let create = format!("CREATE TABLE every ({})", columns.join(", "));
    session.execute(sqlx::raw_sql(AssertSqlSafe(create))).await.unwrap();
    session.execute("INSERT INTO every (c0) VALUES (true)").await.unwrap();
    let row = sqlx::query("SELECT * FROM every").fetch_one(&mut session).await.unwrap();
    let asked = "SELECT atttypid::VARCHAR || ' ' || format_type(atttypid, atttypmod) FROM pg_catalog.pg_attribute
        WHERE attrelid = 'every'::regclass ORDER BY attnum";
    let told = texts(&mut session, asked).await;
    assert_eq!(told.len(), kinds.len());
    for ((column, told), kind) in row.columns().iter().zip(&told).zip(kinds) {
        let oid = column.type_info().oid().unwrap().0;
        assert_eq!(told.split(' ').next().unwrap(), oid.to_string(), "{kind}");
    }
    assert_eq!(told[12], "1700 numeric(12,3)");
    // As `psql` and drivers read a list of columns.
    session.execute("CREATE INDEX two ON every (c4, c3)").await.unwrap();
    let indexed = "SELECT indkey FROM pg_index WHERE indexrelid = 'two'::regclass";
    assert_eq!(printed(&psql(&made, connection(&made, "password")).args(["-c", indexed]).output().unwrap()), "5 4");
}

#[tokio::test]
async fn a_catalogue_shows_what_may_be_read_and_no_more() {
    let world = filled(&[]).await;
    for bucket in ["secret", "empty"] {
        world.post("/projects/p/buckets", &json!({ "name": bucket })).await;
    }
    let table = json!({ "name": "hidden", "columns": [{ "name": "id", "type": "BIGINT" }] });
    world.post("/projects/p/buckets/secret/tables", &table).await;
    world.post("/projects", &json!({ "id": "other" })).await;
    let link = json!({ "source_project_id": "p", "source_bucket_name": "b" });
    world.post("/projects/other/branches/default/buckets/theirs/link", &link).await;
    let may = json!({ "description": "d", "scope": "custom", "bucket_permissions": { "b": "read" } });
    let key = world.post("/projects/p/api-keys", &may).await;
    let (status, of_key) =
        world.http_as(key["api_key"].as_str(), Method::POST, WORKSPACES, Some(&json!({ "name": "own" }))).await;
    assert_eq!(status, 201, "{of_key}");
    let of_all = workspace(&world).await;
    let linked = world.post("/projects/other/workspaces", &json!({ "name": "w" })).await;
    let branch = world.post("/projects/p/branches", &json!({ "name": "try" })).await;
    let branch = branch["id"].as_str().unwrap();
    let at = format!("/projects/p/branches/{branch}/buckets/b/tables");
    world.post(&at, &json!({ "name": "of_branch", "columns": [{ "name": "id", "type": "BIGINT" }] })).await;
    let in_branch = world.post(&format!("/projects/p/branches/{branch}/workspaces"), &json!({ "name": "w" })).await;

    for (made, expected) in [
        (&of_key, vec!["b.t"]),
        (&of_all, vec!["b.t", "secret.hidden"]),
        (&linked, vec!["theirs.t"]),
        (&in_branch, vec!["b.of_branch", "b.t", "secret.hidden"]),
    ] {
        let mut session = login(made).await;
        for sql in [
            "SELECT table_schema || '.' || table_name FROM information_schema.tables ORDER BY 1",
            "SELECT n.nspname || '.' || relname FROM pg_catalog.pg_class c JOIN pg_namespace n ON n.oid = relnamespace
             WHERE relkind = 'r' ORDER BY 1",
            "SELECT schema_name || '.' || table_name FROM duckdb_tables() ORDER BY 1",
        ] {
            assert_eq!(texts(&mut session, sql).await, expected, "{sql}");
        }
    }
    refused(&world, &of_key).await;
}

/// The catalogue is no way around what is checked, and nothing that could be changed.
async fn refused(world: &World, made: &Value) {
    let mut session = login(made).await;
    for sql in [
        "SELECT * FROM \"project tables\".b.t, pg_class",
        "INSERT INTO \"project tables\".b.t (id) SELECT oid FROM pg_class",
        "CREATE TABLE \"pg catalog\".main.x AS SELECT * FROM pg_class",
        "INSERT INTO pg_catalog.pg_type (oid) VALUES (1)",
        "SELECT * FROM secret.hidden, pg_class",
        "SELECT 'secret.hidden'::regclass",
        "ATTACH ':memory:' AS x; SELECT * FROM pg_class",
        "SELECT * FROM pg_class, read_text('/etc/passwd')",
        "SELECT pg_read_file('/etc/passwd') FROM pg_class",
        "COPY pg_class TO '/tmp/alluvium-catalogue.csv'",
    ] {
        assert_ne!(code(session.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await), "none", "{sql}");
    }
    assert_eq!(
        texts(&mut session, "SELECT 'pg_catalog.x ~ ''y''::regclass' FROM pg_am").await,
        ["pg_catalog.x ~ 'y'::regclass"]
    );

    // In a transaction it shows what is not committed, and leaves the way to the rows open.
    let mut transaction = session.begin().await.unwrap();
    transaction.execute("CREATE TABLE fresh (id BIGINT)").await.unwrap();
    let tables = "SELECT table_name FROM information_schema.tables ORDER BY 1";
    assert_eq!(texts(&mut transaction, tables).await, ["fresh", "t"]);
    assert_eq!(texts(&mut transaction, "SELECT note FROM b.t ORDER BY id").await, ["a", "b", "c"]);
    transaction.execute("INSERT INTO fresh SELECT id FROM b.t").await.unwrap();
    assert_eq!(texts(&mut transaction, "SELECT count(*)::VARCHAR FROM fresh, pg_am").await, ["3"]);
    transaction.commit().await.unwrap();
    fill(world, "default", "t", "id,note\n1,z\n").await;
    assert_eq!(texts(&mut session, "SELECT note FROM b.t").await, ["z"]);
}

//! The driver bridge: commands of the storage driver mean what the routes mean, to whom they are open.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use alluvium_blackbox::{ADMIN, World};
use reqwest::Method;
use serde_json::{Value, json};

/// A command with a key; status and answer.
async fn execute(world: &World, key: &str, project: Option<&str>, command: Value) -> (u16, Value) {
    let body = json!({"command": command, "credentials": project.map(|project| json!({"project_id": project}))});
    let (status, answer) = world.http_as(Some(key), Method::POST, "/driver/execute", Some(&body)).await;
    (status.as_u16(), answer)
}

/// A command of the admin's that must be done; its response.
async fn done(world: &World, command: Value) -> Value {
    let (status, answer) = execute(world, ADMIN, None, command.clone()).await;
    assert_eq!(status, 200, "{command}: {answer}");
    answer["commandResponse"].clone()
}

async fn project(world: &World, id: &str) -> String {
    let made = done(world, json!({"type": "CreateProjectCommand", "projectId": id})).await;
    assert_eq!(made["@type"], "type.googleapis.com/keboola.storageDriver.command.project.CreateProjectResponse");
    assert_eq!(
        (&made["projectUserName"], &made["projectDatabaseName"]),
        (&json!(format!("project_{id}")), &json!(format!("project_{id}")))
    );
    made["projectPassword"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_table_lives_its_life_by_commands() {
    let world = World::start().await;
    let (status, begun) = execute(&world, ADMIN, None, json!({"type": "InitBackendCommand"})).await;
    assert_eq!((status, begun["messages"][0]["level"].as_str()), (200, Some("Info")), "{begun}");
    assert!(begun["commandResponse"].is_object(), "{begun}");
    let key = project(&world, "p").await;

    let full = "type.googleapis.com/keboola.storageDriver.command.bucket.CreateBucketCommand";
    let bucket = json!({"@type": full, "project_id": "p", "bucket_id": "in.c-sales"});
    let (status, made) = execute(&world, &key, Some("p"), bucket).await;
    assert_eq!(status, 200, "{made}");
    assert_eq!(made["commandResponse"]["path"], json!(["p", "in_c_sales"]));
    assert_eq!(made["commandResponse"]["createBucketObjectName"], "in_c_sales");

    let at = json!(["p", "in_c_sales"]);
    let table = |kind: &str, more: Value| {
        let mut command = json!({"type": kind, "path": at, "tableName": "orders"});
        command.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        command
    };
    let columns = json!([{"name": "id", "type": "BIGINT"}, {"name": "sum", "type": "DECIMAL", "length": "10,2", "nullable": true}]);
    done(&world, table("CreateTableCommand", json!({"columns": columns, "primaryKeysNames": ["id"]}))).await;
    done(
        &world,
        table("AddColumnCommand", json!({"columnDefinition": {"name": "note", "type": "VARCHAR", "nullable": true}})),
    )
    .await;
    let file = world.upload("p", "orders.csv", b"id,sum,note\n1,1.50,a\n2,2.50,b\n3,3.50,c\n".to_vec()).await;
    let load = json!({
        "type": "TableImportFromFileCommand", "destination": {"path": at, "tableName": "orders"},
        "filePath": {"root": "project_p", "fileName": file}, "importOptions": {"numberOfIgnoredLines": 1},
    });
    let loaded = done(&world, load.clone()).await;
    assert_eq!((&loaded["importedRowsCount"], &loaded["tableRowsCount"]), (&json!("3"), &json!("3")), "{loaded}");
    assert_eq!(loaded["importedColumns"], json!(["id", "sum", "note"]));
    let file = world.upload("p", "orders.csv", b"report\nid,sum,note\n3,-,c\n4,1.50,n/a\n".to_vec()).await;
    let with = |options: Value| {
        let mut load = load.clone();
        (load["filePath"]["fileName"], load["importOptions"]) = (json!(file), options);
        load
    };
    let options = json!({
        "importType": "INCREMENTAL", "numberOfIgnoredLines": 2, "importAsNull": ["-", "n/a"], "dedupColumnsNames": ["ID"],
        "timestampColumn": "_timestamp",
    });
    let (status, answer) = execute(&world, ADMIN, None, with(options)).await;
    assert_eq!((status, &answer["commandResponse"]["importedRowsCount"]), (200, &json!("1")), "{answer}");
    assert!(answer["messages"][0]["message"].as_str().unwrap().contains("_timestamp"), "{answer}");
    let nulls = "SELECT id, sum IS NULL AS s, note IS NULL AS n FROM in_c_sales.orders WHERE id > 2 ORDER BY id";
    let expected = json!([{"id": 3, "s": true, "n": false}, {"id": 4, "s": false, "n": true}]);
    assert_eq!(world.query("p", nulls).await, expected);
    for wrong in [
        json!({"numberOfIgnoredLines": -1}),
        json!({"dedupColumnsNames": ["note"]}),
        json!({"convertEmptyValuesToNullOnColumns": ["note"]}),
        json!({"createMode": "REPLACE"}),
        json!({"importType": "VIEW"}),
    ] {
        assert_eq!(execute(&world, ADMIN, None, with(wrong.clone())).await.0, 400, "{wrong}");
    }
    let gone = table("DeleteTableRowsCommand", json!({"whereFilters": [{"columnsName": "id", "values": ["4"]}]}));
    done(&world, gone).await;
    let file = world.upload("p", "orders.csv", b"id,sum,note\n3,3.50,c\n".to_vec()).await;
    let mut back = load.clone();
    (back["filePath"]["fileName"], back["importOptions"]["importType"]) = (json!(file), json!("INCREMENTAL"));
    done(&world, back).await;
    let mut outside = load;
    outside["filePath"] = json!({"root": "/etc", "fileName": "passwd"});
    assert_eq!(execute(&world, ADMIN, None, outside).await.0, 400);

    let filters = json!([{"columnsName": "id", "operator": "ge", "values": ["2"], "dataType": "BIGINT"}]);
    let order = json!([{"columnName": "id", "order": "DESC"}]);
    let shown = done(
        &world,
        table(
            "PreviewTableCommand",
            json!({
                "columns": ["id", "note"], "filters": {"limit": "5", "whereFilters": filters}, "orderBy": order,
            }),
        ),
    )
    .await;
    assert_eq!(shown["columns"], json!(["id", "note"]));
    let first = json!({"columns": [{"columnName": "id", "value": 3}, {"columnName": "note", "value": "c"}]});
    assert_eq!((&shown["rows"][0], shown["rows"].as_array().unwrap().len()), (&first, 2), "{shown}");

    let info = done(
        &world,
        json!({"type": "ObjectInfoCommand", "path": ["p", "in_c_sales", "orders"], "expectedObjectType": 2}),
    )
    .await;
    assert_eq!((&info["objectType"], &info["tableInfo"]["rowsCount"]), (&json!("TABLE"), &json!("3")), "{info}");
    assert_eq!(info["tableInfo"]["columns"][1], json!({"name": "sum", "type": "DECIMAL(10,2)", "nullable": true}));
    let schema = done(&world, json!({"type": "ObjectInfoCommand", "path": at, "expectedObjectType": "SCHEMA"})).await;
    assert_eq!(schema["schemaInfo"]["objects"], json!([{"objectName": "orders", "objectType": "TABLE"}]));
    let database = done(&world, json!({"type": "ObjectInfoCommand", "path": ["p"]})).await;
    assert_eq!(database["databaseInfo"]["objects"], json!([{"objectName": "in_c_sales", "objectType": "SCHEMA"}]));

    let ask = |query: &str| json!({"type": "ExecuteQueryCommand", "query": query, "pathRestriction": at});
    let sum = done(&world, ask("SELECT sum(id) AS n FROM in_c_sales.orders")).await;
    assert_eq!((&sum["data"]["rows"], sum.get("status")), (&json!([{"fields": {"n": 6}}]), None), "{sum}");
    for wrong in ["SELECT * FROM elsewhere.t", "DROP TABLE in_c_sales.orders", "SELECT * FROM read_csv('/etc/passwd')"]
    {
        assert_eq!(done(&world, ask(wrong)).await["status"], "Error", "{wrong}");
    }

    let altered = json!({"desiredDefiniton": {"name": "note", "default": "'x'"}, "attributesToUpdate": ["default"]});
    done(&world, table("AlterColumnCommand", altered)).await;
    done(&world, table("DropColumnCommand", json!({"columnName": "sum"}))).await;
    done(&world, table("DropPrimaryKeyCommand", json!({}))).await;
    done(&world, table("AddPrimaryKeyCommand", json!({"primaryKeysNames": ["id"]}))).await;
    let one = json!({"whereFilters": [{"columnsName": "note", "values": ["a' OR '1'='1", "a"]}]});
    let gone = done(&world, table("DeleteTableRowsCommand", one)).await;
    assert_eq!((&gone["deletedRowsCount"], &gone["tableRowsCount"]), (&json!("1"), &json!("2")), "{gone}");
    let exported = json!({
        "type": "TableExportToFileCommand", "source": {"path": at, "tableName": "orders"},
        "filePath": {"root": "project_p"}, "exportOptions": {"isCompressed": true, "columnsToExport": ["id"]},
    });
    assert_eq!(done(&world, exported).await["tableInfo"]["rowsCount"], "2");
    done(&world, table("DropTableCommand", json!({}))).await;
    assert_eq!(execute(&world, ADMIN, None, table("DropTableCommand", json!({}))).await.0, 404);

    let drop = json!({"type": "DropBucketCommand", "bucketObjectName": "in_c_sales"});
    for _ in 0..2 {
        assert_eq!(execute(&world, &key, Some("p"), drop.clone()).await.0, 200, "what is gone is dropped");
    }
    done(&world, json!({"type": "DropProjectCommand", "projectDatabaseName": "project_p"})).await;
    world.verify();
}

#[tokio::test]
async fn roles_stand_for_what_was_shared_and_branches_for_their_names() {
    let world = World::start().await;
    let shop = project(&world, "shop_a").await;
    let lab = project(&world, "lab").await;
    for bucket in ["in.c-x", "in.c-y"] {
        done(&world, json!({"type": "CreateBucketCommand", "projectId": "shop_a", "bucketId": bucket})).await;
    }
    let share = json!({"type": "ShareBucketCommand", "sourceProjectId": "shop_a", "sourceBucketId": "in.c-x"});
    let (status, shared) = execute(&world, &shop, Some("shop_a"), share).await;
    assert_eq!(
        (status, &shared["commandResponse"]["bucketShareRoleName"]),
        (200, &json!("share_shop_a_in_c_x")),
        "{shared}"
    );
    let link = |role: &str| {
        json!({
            "type": "LinkBucketCommand", "targetProjectId": "lab", "targetBucketId": "in.c-theirs", "sourceShareRoleName": role,
        })
    };
    // A role is what was shared, whatever a name could be taken apart into; and it opens nothing to a project's key.
    assert_eq!(execute(&world, ADMIN, None, link("share_shop_a_in_c_y")).await.0, 403);
    assert_eq!(execute(&world, &lab, Some("lab"), link("share_shop_a_in_c_x")).await.0, 403);
    assert_eq!(done(&world, link("share_shop_a_in_c_x")).await["linkedBucketObjectName"], "in_c_theirs");
    let tables = "/projects/lab/branches/default/buckets/in_c_theirs/tables";
    assert_eq!(world.http_as(Some(&lab), Method::GET, tables, None).await.0.as_u16(), 200);
    let unshare = json!({"type": "UnshareBucketCommand", "bucketShareRoleName": "share_shop_a_in_c_x"});
    assert_eq!(execute(&world, &lab, Some("lab"), unshare.clone()).await.0, 403, "it is not the lab's");
    assert_eq!(execute(&world, &shop, Some("shop_a"), unshare).await.0, 200);
    let (status, cut) = world.http_as(Some(&lab), Method::GET, tables, None).await;
    assert_eq!((status.as_u16(), &cut["detail"]["error"]), (403, &json!("share_revoked")));
    let unlink = json!({"type": "UnlinkBucketCommand", "bucketObjectName": "in_c_theirs"});
    assert_eq!(execute(&world, &lab, Some("lab"), unlink).await.0, 200);

    let grant = json!({"type": "GrantBucketAccessToReadOnlyRoleCommand", "path": ["shop_a", "in_c_x"]});
    assert_eq!(done(&world, grant).await["createBucketObjectName"], "in_c_x");
    let revoke = json!({"type": "RevokeBucketAccessFromReadOnlyRoleCommand", "bucketObjectName": "in_c_x"});
    assert_eq!(execute(&world, &shop, Some("shop_a"), revoke).await.0, 200);

    let branch = done(&world, json!({"type": "CreateDevBranchCommand", "projectId": "lab", "branchId": "try"})).await;
    assert_eq!(branch["devBranchReadOnlyRoleName"], "branch_lab_try_readonly");
    let info = json!({"type": "ObjectInfoCommand", "path": ["lab", "try"], "expectedObjectType": "DATABASE"});
    assert_eq!(execute(&world, ADMIN, None, info).await.0, 200);
    let drop = json!({"type": "DropDevBranchCommand", "devBranchReadOnlyRoleName": "branch_lab_try_readonly"});
    assert_eq!(execute(&world, &lab, Some("lab"), drop.clone()).await.0, 200);
    assert_eq!(execute(&world, &lab, Some("lab"), drop).await.0, 400);
}

#[tokio::test]
async fn the_bridge_is_no_way_around_a_right() {
    let world = World::start().await;
    let (mine, theirs) = (project(&world, "mine").await, project(&world, "theirs").await);
    let (status, listed) = world.http_as(None, Method::GET, "/driver/commands", None).await;
    assert_eq!((status.as_u16(), &listed["total_commands"]), (200, &json!(35)));
    // Every command there is: a key of a project opens nothing of another one's, whatever it says its own is.
    for listed in listed["supported_commands"].as_array().unwrap() {
        let text = listed["example"].to_string().replace("demo", "theirs");
        let command: Value = serde_json::from_str(&text).unwrap();
        for credentials in [None, Some("theirs")] {
            let (status, answer) = execute(&world, &mine, credentials, command.clone()).await;
            let refused = matches!(status, 400 | 403 | 501) && answer["detail"].is_string();
            assert!(refused, "{command} as of {credentials:?}: {status} {answer}");
        }
    }
    let buckets = world.http_as(Some(&theirs), Method::GET, "/projects/theirs/branches/default/buckets", None).await.1;
    assert_eq!(buckets["total"], 0);

    for wrong in
        [json!({}), json!({"type": "NoSuchCommand"}), json!({"type": 7}), json!({"type": "CreateBucketCommand"})]
    {
        let (status, answer) = execute(&world, &mine, Some("mine"), wrong.clone()).await;
        assert!(status == 400 && answer["detail"].is_string(), "{wrong}: {status} {answer}");
    }
    let (status, _) = world.http(Method::POST, "/driver/execute", Some(&json!({}))).await;
    assert_eq!(status.as_u16(), 422);
    let (status, answer) = execute(&world, "nobody's key", None, json!({"type": "InitBackendCommand"})).await;
    assert_eq!((status, &answer["detail"]["error"]), (401, &json!("unauthorized")));
    let workspace = json!({"type": "CreateWorkspaceCommand", "projectId": "theirs", "workspaceId": "w"});
    assert_eq!(execute(&world, &mine, Some("mine"), workspace).await.0, 403);
}

#[tokio::test]
async fn workspaces_live_by_commands() {
    let world = World::start().await;
    let key = project(&world, "p").await;
    let of_p = |mut command: Value| {
        command["projectId"] = json!("p");
        command
    };
    let ask = async |command: Value| execute(&world, &key, Some("p"), of_p(command)).await;
    let answer = async |command: Value| {
        let (status, answer) = ask(command.clone()).await;
        assert_eq!(status, 200, "{command}: {answer}");
        answer["commandResponse"].clone()
    };
    answer(json!({"type": "CreateBucketCommand", "bucketId": "in.c-sales"})).await;
    let columns = json!([{"name": "id", "type": "BIGINT"}, {"name": "note", "type": "VARCHAR"}]);
    answer(
        json!({"type": "CreateTableCommand", "path": ["p", "in_c_sales"], "tableName": "orders", "columns": columns}),
    )
    .await;
    let file = world.upload("p", "rows.csv", b"id,note\n1,a\n2,b\n3,c\n".to_vec()).await;
    let table = "/projects/p/branches/default/buckets/in_c_sales/tables/orders/import/file";
    world.post(table, &json!({ "file_id": file })).await;

    let made = answer(json!({"type": "CreateWorkspaceCommand", "workspaceId": "w1"})).await;
    assert_eq!(
        (&made["workspaceRoleName"], made["workspacePassword"].as_str().map(str::len)),
        (&json!("role_w1"), Some(32))
    );
    assert!(made["workspaceUserName"].as_str().unwrap().starts_with("ws_"), "{made}");
    assert_eq!(ask(json!({"type": "CreateWorkspaceCommand", "workspaceId": "w1"})).await.0, 400);
    let object = made["workspaceObjectName"].as_str().unwrap();

    let source = |more: Value| {
        let mut source = json!({"path": ["p", "in_c_sales"], "tableName": "orders"});
        source.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        source
    };
    let load = |source: Value, to: &str| json!({"type": "LoadTableToWorkspaceCommand", "source": source, "destination": {"path": ["w1"], "tableName": to}});
    let filters = json!({"whereFilters": [{"columnsName": "id", "operator": "gt", "values": ["1"]}]});
    assert_eq!(answer(load(source(filters), "some")).await["importedRowsCount"], "2");
    let shaped = json!({"limit": 2, "columnMappings": [{"sourceColumnName": "note", "destinationColumnName": "text"}]});
    assert_eq!(answer(load(source(shaped), "two")).await["importedRowsCount"], "2");
    assert_eq!(ask(load(json!({"path": ["in_c_sales"], "tableName": "nope"}), "x")).await.0, 400);
    let workspace = format!("/projects/p/workspaces/{object}");
    let shown = async || world.get(&workspace).await["workspace_objects"].clone();
    let object_of = |name: &str, rows: u64| json!({"name": name, "type": "table", "rows": rows});
    assert_eq!(shown().await, json!([object_of("some", 2), object_of("two", 2)]));
    let columns = world.post(&format!("{workspace}/query"), &json!({"query": "SELECT * FROM two"})).await;
    assert_eq!(columns["data"]["columns"][0]["name"], "text", "{columns}");

    for grant in ["GrantWorkspaceAccessToProjectCommand", "RevokeWorkspaceAccessToProjectCommand"] {
        answer(json!({"type": grant, "workspaceObjectName": "w1"})).await;
    }
    let drop = |ignore: bool| json!({"type": "DropWorkspaceObjectCommand", "workspaceObjectName": object, "objectNameToDrop": "x", "ignoreIfNotExists": ignore});
    assert_eq!((ask(drop(false)).await.0, ask(drop(true)).await.0), (404, 200));
    answer(json!({"type": "ClearWorkspaceCommand", "workspaceObjectName": "w1", "objectsToPreserve": ["two"]})).await;
    assert_eq!(shown().await, json!([object_of("two", 2)]));
    answer(json!({"type": "ClearWorkspaceCommand", "workspaceObjectName": object})).await;
    assert_eq!(shown().await, json!([]));
    let reset = json!({"type": "ResetWorkspacePasswordCommand", "workspaceUserName": made["workspaceUserName"]});
    let reset = answer(reset).await;
    assert_ne!(
        (&reset["workspacePassword"], reset["workspacePassword"].as_str().map(str::len)),
        (&made["workspacePassword"], Some(32))
    );
    let drop = json!({"type": "DropWorkspaceCommand", "workspaceObjectName": "w1"});
    answer(drop.clone()).await;
    assert_eq!(ask(drop).await.1["messages"][0]["level"], "Info");
    let (status, _) = ask(json!({"type": "ClearWorkspaceCommand", "workspaceObjectName": "w1"})).await;
    assert_eq!(status, 404);
}

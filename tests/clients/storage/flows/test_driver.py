"""Commands of the storage driver, from the backend's beginning to the end of a project."""

import uuid

import httpx


def execute(admin, command, status=200, project=None):
    body = {"command": command, "credentials": {"project_id": project} if project else None}
    answer = admin.post("/driver/execute", json=body)
    assert answer.status_code == status, f"{command}: {answer.text}"
    return answer.json()


def done(admin, kind, **fields):
    return execute(admin, {"type": kind, **fields})["commandResponse"]


def test_a_table_is_made_filled_shown_and_dropped(admin):
    begun = execute(admin, {"type": "InitBackendCommand"})
    assert isinstance(begun["commandResponse"], dict) and begun["messages"], begun
    id = f"driver-{uuid.uuid4().hex[:12]}"
    made = done(admin, "CreateProjectCommand", projectId=id)
    assert made["projectUserName"] == f"project_{id}" and made["projectPassword"], made
    bucket = done(admin, "CreateBucketCommand", projectId=id, bucketId="in.c-sales")
    assert bucket["path"] == [id, "in_c_sales"], bucket
    place = {"path": bucket["path"], "tableName": "orders"}
    columns = [{"name": "id", "type": "BIGINT"}, {"name": "sum", "type": "DECIMAL", "length": "10,2", "nullable": True}]
    done(admin, "CreateTableCommand", **place, columns=columns, primaryKeysNames=["id"])
    execute(admin, {"type": "CreateTableCommand", **place, "columns": columns}, 409)

    own = httpx.Client(base_url=admin.base_url, headers={"Authorization": f"Bearer {made['projectPassword']}"}, trust_env=False)
    with own as http:
        prepared = http.post(f"/projects/{id}/files/prepare", json={"filename": "orders.csv"}).json()
        http.post(prepared["upload_url"], files={"file": ("orders.csv", "id,sum\n1,1.50\n2,2.50\n3,3.50\n")})
        file = http.post(f"/projects/{id}/files", json={"upload_key": prepared["upload_key"]}).json()["id"]
    load = {
        "destination": place,
        "filePath": {"root": f"project_{id}", "fileName": file},
        "importOptions": {"numberOfIgnoredLines": 1},
    }
    loaded = done(admin, "TableImportFromFileCommand", **load)
    assert (loaded["importedRowsCount"], loaded["tableRowsCount"]) == ("3", "3"), loaded
    outside = {"type": "TableImportFromFileCommand", **load, "filePath": {"root": "/etc", "fileName": "passwd"}}
    execute(admin, outside, 400)

    order = [{"columnName": "id", "order": "DESC"}]
    shown = done(admin, "PreviewTableCommand", **place, columns=["id"], orderBy=order)
    values = [row["columns"][0]["value"] for row in shown["rows"]]
    assert (shown["columns"], values) == (["id"], [3, 2, 1]), shown
    info = done(admin, "ObjectInfoCommand", path=[id, "in_c_sales", "orders"], expectedObjectType=2)
    assert info["tableInfo"]["rowsCount"] == "3", info
    exported = done(admin, "TableExportToFileCommand", source=place, filePath={"root": f"project_{id}"}, exportOptions={"isCompressed": False})
    assert exported["tableInfo"]["rowsCount"] == "3", exported
    files = admin.get(f"/projects/{id}/files").json()["files"]
    [export] = [one for one in files if one["name"].startswith("export_orders_")]
    content = admin.get(f"/projects/{id}/files/{export['id']}/download").text
    assert sorted(content.splitlines()) == ["1,1.50", "2,2.50", "3,3.50", "id,sum"], content

    done(admin, "DropTableCommand", **place)
    execute(admin, {"type": "DropTableCommand", **place}, 404)
    done(admin, "DropBucketCommand", bucketObjectName="in_c_sales", projectId=id)
    done(admin, "DropProjectCommand", projectDatabaseName=f"project_{id}")
    assert admin.get(f"/projects/{id}").status_code == 404


def test_what_is_no_command_is_refused(admin):
    for command in ({"type": "NoSuchCommand"}, {}, {"type": 5}):
        answer = admin.post("/driver/execute", json={"command": command})
        assert 400 <= answer.status_code < 500 and answer.json()["detail"], answer.text
    assert httpx.post(f"{admin.base_url}/driver/execute", json={"command": {"type": "InitBackendCommand"}}, trust_env=False).status_code == 401

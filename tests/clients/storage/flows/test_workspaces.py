"""Workspaces: create, load, look, empty, delete."""


def test_a_workspace_lives(project):
    table = project.table()
    project.load(table, b"id,name\n1,5\n2,7\n")
    bucket, name = table.split("/")[-3], table.split("/")[-1]
    workspaces = f"{project.path}/workspaces"
    made = project.post(workspaces, {"name": "scratch", "ttl_hours": 1, "size_limit_gb": 1})
    one = f"{workspaces}/{made['id']}"
    connection = made["connection"]
    assert made["id"].startswith("ws_") and connection["username"].startswith(f"ws_{made['id']}_")
    assert len(connection["password"]) == 32 and connection["database"] == f"workspace_{made['id']}"
    assert (connection["host"], connection["port"], connection["ssl_mode"]) == ("localhost", 5433, "prefer")
    assert (made["status"], made["branch_id"], made["size_limit_gb"]) == ("active", None, 1)
    tables = [{"source": f"{bucket}.{name}", "destination": "mine", "where": "id > 1"}, {"source": "no.where"}]
    loaded = project.post(f"{one}/load", {"tables": tables}, 200)
    assert [(item["destination"], item["rows"]) for item in loaded["loaded"]] == [("mine", 1), ("where", 0)]
    shown = project.get(one)
    assert shown["workspace_objects"] == [{"name": "mine", "type": "table", "rows": 1}]
    assert shown["attached_tables"] == [{"schema": bucket, "table": name, "rows": 2}]
    assert (shown["connection"]["password"], shown["active_sessions"]) == (None, 0)
    reset = project.post(f"{one}/credentials/reset", None, 200)
    assert reset["username"] == connection["username"] and reset["password"] != connection["password"]
    project.delete(f"{one}/objects/mine")
    project.refused("DELETE", f"{one}/objects/mine", 404, "object_not_found")
    project.request("POST", f"{one}/clear", 204)
    listed = project.get(workspaces)
    assert (listed["count"], listed["workspaces"][0]["id"]) == (1, made["id"])
    project.delete(one)
    project.refused("GET", one, 404, "workspace_not_found")
    assert project.post(workspaces, {"name": "x", "ttl_hours": 169}, 422)["detail"][0]["type"] == "less_than_equal"

"""What is said of things: kept for each provider and key, over the main line's in a branch, and found again."""

KBC = "KBC.datatype"


def said(project, path):
    return {entry["key"]: entry["value"] for entry in project.get(f"{path}/metadata")}


def say(project, path, key, value, provider="user"):
    body = {"provider": provider, "metadata": [{"key": key, "value": value}]}
    return project.post(f"{path}/metadata", body)


def test_a_component_describes_a_table_and_its_columns(project):
    table = project.table()
    described = project.post(
        f"{table}/metadata",
        {
            "provider": "keboola.ex-db",
            "metadata": [{"key": "KBC.lastUpdatedBy", "value": "run-1"}, {"key": "KBC.description", "value": "Orders"}],
            "columnsMetadata": {
                "id": [{"key": f"{KBC}.basetype", "value": "INTEGER"}, {"key": f"{KBC}.nullable", "value": "0"}],
                "name": [{"key": f"{KBC}.basetype", "value": "STRING"}],
            },
        },
    )
    assert [entry["key"] for entry in described] == ["KBC.description", "KBC.lastUpdatedBy"], described
    assert set(described[0]) == {"id", "key", "value", "provider", "timestamp"}, described
    assert said(project, f"{table}/columns/id") == {f"{KBC}.basetype": "INTEGER", f"{KBC}.nullable": "0"}
    again = say(project, table, "KBC.description", "All orders", "keboola.ex-db")
    assert again[0]["id"] == described[0]["id"] and again[0]["timestamp"] > described[0]["timestamp"], again
    assert len(say(project, table, "KBC.description", "Mine")) == 3, "another provider, another entry"
    project.delete(f"{table}/metadata/{described[0]['id']}")
    assert said(project, table) == {"KBC.description": "Mine", "KBC.lastUpdatedBy": "run-1"}
    project.refused("DELETE", f"{table}/metadata/{described[0]['id']}", 404, "metadata_not_found")
    project.refused("POST", f"{table}/metadata", 400, "invalid_metadata", json={"provider": "", "metadata": [{"key": "k", "value": "v"}]})
    missing = project.request("POST", f"{table}/metadata", 422, json={"provider": "user"}).json()["detail"]
    assert missing[0]["loc"] == ["body", "metadata"], missing


def test_a_branch_says_something_else(project):
    table = project.table()
    bucket = table.rpartition("/tables/")[0]
    branch = project.post(f"{project.path}/branches", {"name": "try"})["id"]
    for path in (project.path, f"{project.path}/branches/default", bucket, table, f"{table}/columns/name"):
        say(project, path, "owner", "main")
        there = path.replace("/branches/default", f"/branches/{branch}")
        if there == path:
            continue
        assert said(project, there) == {"owner": "main"}, there
        assert [entry["value"] for entry in say(project, there, "owner", "branch")] == ["branch"]
        assert said(project, path) == {"owner": "main"}, path
        project.delete(f"{there}/metadata/{project.get(f'{there}/metadata')[0]['id']}")
        assert said(project, there) == {} and said(project, path) == {"owner": "main"}, there


def test_things_are_found(project):
    table = project.table("orders_2026")
    bucket = table.rpartition("/tables/")[0].rpartition("/")[2]
    say(project, table, "owner", "sales")
    found = project.get(f"{project.path}/search", params={"q": "ORDERS_"})
    assert found["total"] == 1, found
    one = {"type": "table", "bucket": bucket, "table": "orders_2026", "column": None, "matches": ["name"]}
    assert found["results"] == [one], found
    by_metadata = project.get(f"{project.path}/search", params={"metadata_key": "owner", "metadata_value": "sales"})
    assert [result["table"] for result in by_metadata["results"]] == ["orders_2026"], by_metadata
    assert project.get(f"{project.path}/search", params={"q": "a", "types": "column"})["total"] == 1
    project.get(f"{project.path}/search", 422)

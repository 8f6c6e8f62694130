"""Dev branches: a live view, a table of their own with the first write, pull, diff and merge, and keys of one branch."""

from conftest import client


def made(project, name):
    branch = project.post(f"{project.path}/branches", {"name": name})
    assert len(branch["id"]) == 8 and (branch["table_count"], branch["size_bytes"]) == (0, 0), branch
    return branch["id"]


def through(table, branch):
    return table.replace("/branches/default/", f"/branches/{branch}/")


def names(table):
    bucket, _, name = table.rpartition("/tables/")
    return bucket.rpartition("/")[2], name


def test_a_branch_follows_the_main_line_until_it_is_written_to(project):
    assert project.get(f"{project.path}/branches") == {"branches": [], "count": 0, "total": 0}
    table = project.table()
    bucket, name = names(table)
    project.load(table, "id,name\n1,a\n")
    branch = made(project, "feature/x")
    project.refused("POST", f"{project.path}/branches", 409, "branch_name_exists", json={"name": "feature/x"})
    view = through(table, branch)
    assert (project.get(view)["source"], len(project.rows(view))) == ("main", 1)
    project.load(table, "id,name\n2,b\n", incremental=True)
    assert len(project.rows(view)) == 2

    project.load(view, "id,name\n3,c\n", incremental=True)
    assert (project.get(view)["source"], project.get(table)["source"]) == ("branch", "main")
    assert (len(project.rows(view)), len(project.rows(table))) == (3, 2)
    project.load(table, "id,name\n4,d\n", incremental=True)
    assert [row["id"] for row in project.rows(view)] == [1, 2, 3]
    shown = project.get(f"{project.path}/branches/{branch}")
    assert [one["table_name"] for one in shown["copied_tables"]] == [name] and shown["table_count"] == 1
    assert project.get(f"{project.path}/stats")["table_count"] == 1

    pull = f"{project.path}/branches/{branch}/tables/{bucket}/{name}/pull"
    answer = project.post(pull, status=200)
    assert answer["was_local"] and "now reads from main" in answer["message"]
    answer = project.post(pull, status=200)
    assert not answer["was_local"] and "already reading from main" in answer["message"]
    assert [row["id"] for row in project.rows(view)] == [1, 2, 4]
    project.refused("POST", pull.replace(name, "none"), 404, "table_not_found")
    project.delete(f"{project.path}/branches/{branch}")
    project.refused("GET", view, 404, "branch_not_found")


def test_what_a_branch_makes_and_deletes_is_its_own(project):
    table = project.table()
    bucket, name = names(table)
    branch, other = made(project, "one"), made(project, "two")
    tables = f"{project.path}/branches/{branch}/buckets/{bucket}/tables"
    column = {"name": "n", "type": "BIGINT"}
    project.refused("POST", tables, 409, "table_exists", json={"name": name, "columns": [column]})
    project.post(tables, {"name": "mine", "columns": [column]})
    project.delete(f"{tables}/{name}")
    project.refused("GET", f"{tables}/{name}", 404, "table_not_found")
    assert [one["name"] for one in project.get(tables)["tables"]] == ["mine"]
    for view in ("default", other):
        shown = project.get(tables.replace(branch, view))["tables"]
        assert [one["name"] for one in shown] == [name], view
    assert project.get(f"{project.path}/branches/{branch}")["deleted_tables"] == [
        {"bucket_name": bucket, "table_name": name}
    ]
    states = {one["table_name"]: one["state"] for one in project.get(f"{project.path}/branches/{branch}/diff")["tables"]}
    assert states == {"mine": "created", name: "deleted"}
    merged = project.post(f"{project.path}/branches/{branch}/merge", {}, 200)
    assert [(one["table_name"], one["result"]) for one in merged["tables"]] == [("mine", "merged")]
    assert project.get(table.replace(name, "mine"))["source"] == "main"
    project.refused("DELETE", f"{project.path}/branches/{branch}/buckets/{bucket}", 400, "operation_not_allowed")


def test_a_key_of_a_branch_writes_there_alone(project):
    table = project.table()
    branch = made(project, "keyed")
    keys = f"{project.path}/api-keys"
    for scope, allowed in (("branch_admin", 200), ("branch_read", 403)):
        key = project.post(keys, {"description": "d", "scope": scope, "branch_id": branch})["api_key"]
        with client(key) as http:
            assert http.get(through(table, branch)).status_code == 200
            column = through(f"{table}/primary-key", branch)
            assert http.delete(column).status_code == allowed, scope
            assert http.delete(f"{table}/primary-key").status_code == 403
            merge = http.post(f"{project.path}/branches/{branch}/merge", json={})
            assert merge.status_code == 403, merge.text
    assert (project.get(table)["primary_key"], project.get(through(table, branch))["primary_key"]) == (["id"], [])


def test_a_branch_is_written_to_compared_and_merged(project):
    table = project.table()
    bucket, name = names(table)
    project.load(table, "id,name\n1,a\n2,b\n")
    branch = made(project, "work")
    below, view = f"{project.path}/branches/{branch}", through(table, branch)
    project.load(view, "id,name\n2,changed\n3,c\n", incremental=True)
    project.delete(f"{view}/rows", {"where_clause": "id = 1"}, 200)
    [diff] = project.get(f"{below}/diff")["tables"]
    assert [diff[key] for key in ("state", "main_changed", "rows_added", "rows_changed", "rows_removed")] == ["copied", False, 1, 1, 1]
    assert [row["id"] for row in project.rows(table)] == [1, 2], "the main line is as it was"
    project.load(table, "id,name\n9,z\n", incremental=True)
    assert project.get(f"{below}/diff")["tables"][0]["main_changed"]
    details = project.refused("POST", f"{below}/merge", 409, "merge_conflict", json={})
    assert [one["table_name"] for one in details["tables"]] == [name]
    kept = project.post(f"{below}/merge", {"strategy": "main"}, 200)
    assert [one["result"] for one in kept["tables"]] == ["conflict"]
    merged = project.post(f"{below}/merge", {"strategy": "branch", "tables": [{"bucket_name": bucket, "table_name": name}]}, 200)
    assert [one["result"] for one in merged["tables"]] == ["merged"]
    assert [(row["id"], row["name"]) for row in project.rows(table)] == [(2, "changed"), (3, "c")]
    assert project.get(view)["source"] == "main" and project.get(f"{below}/diff")["tables"] == []

"""Buckets, tables, columns, keys, rows."""

import json


def test_buckets_and_tables_come_by_name_and_go(project):
    assert project.post(project.buckets, {"name": "in.c-Zoo", "description": "animals"}) == {
        "name": "in_c_Zoo", "table_count": 0, "description": "animals", "is_linked": False,
        "source_project_id": None, "source_bucket_name": None,
    }
    bucket = f"{project.buckets}/in_c_Zoo"
    project.refused("POST", project.buckets, 409, "bucket_exists", json={"name": "IN_C_zoo"})
    project.post(project.buckets, {"name": "a"})
    listed = project.get(project.buckets)
    assert ([one["name"] for one in listed["buckets"]], listed["total"]) == (["a", "in_c_Zoo"], 2)
    assert [one["name"] for one in project.get(f"{project.path}/buckets", params={"limit": 1})["buckets"]] == ["a"]
    columns = [{"name": "id", "type": "bigint"}, {"name": "at", "type": "TIMESTAMPTZ", "default": "now()"}]
    table = project.post(f"{bucket}/tables", {"name": "cats", "columns": columns, "primary_key": ["id"]})
    assert [(c["name"], c["type"], c["nullable"], c["ordinal_position"]) for c in table["columns"]] == [
        ("id", "BIGINT", False, 1), ("at", "TIMESTAMP WITH TIME ZONE", True, 2),
    ]
    assert (table["row_count"], table["primary_key"], table["source"], table["bucket"]) == (0, ["id"], "main", "in_c_Zoo")
    project.refused("POST", f"{bucket}/tables", 409, "table_exists", json={"name": "CATS", "columns": columns})
    project.refused("DELETE", bucket, 409, "bucket_not_empty", params={"cascade": "false"})
    project.delete(bucket)
    project.refused("GET", bucket, 404, "bucket_not_found")
    project.refused("GET", f"{bucket}/tables/cats", 404, "bucket_not_found")


def test_tables_that_make_no_sense_are_refused(project):
    tables = f"{project.bucket()}/tables"
    column = {"name": "a", "type": "INTEGER"}
    for columns, key, code in [
        ([{"name": "a", "type": "NOPE"}], [], "invalid_column_type"),
        ([{"name": "a", "type": "INTEGER", "default": "(SELECT 1)"}], [], "invalid_default"),
        ([column, {"name": "A", "type": "DATE"}], [], "duplicate_column"),
        ([column], ["b"], "invalid_primary_key"),
        ([column], ["a", "a"], "invalid_primary_key"),
        ([{"name": "", "type": "DATE"}], [], "invalid_name"),
    ]:
        project.refused("POST", tables, 400, code, json={"name": "t", "columns": columns, "primary_key": key})
    mistakes = project.post(tables, {"name": "t", "columns": []}, 422)["detail"]
    assert (mistakes[0]["type"], mistakes[0]["loc"]) == ("too_short", ["body", "columns"])


def test_columns_and_keys_change(project):
    table = project.table()
    project.load(table, b"id,name\n1,5\n2,7\n")
    added = project.post(f"{table}/columns", {"name": "paid", "type": "BOOLEAN", "default": "false"})
    assert added["columns"][-1]["name"] == "paid" and project.rows(table)[0]["paid"] is False
    project.refused("POST", f"{table}/columns", 409, "column_exists", json={"name": "PAID", "type": "DATE"})
    pinned = project.request("POST", f"{table}/columns", 500, json={"name": "n", "type": "DATE", "nullable": False})
    assert pinned.json()["detail"]["error"] == "add_column_failed"
    assert "not yet supported" in pinned.json()["detail"]["message"]
    project.put(f"{table}/columns/name", {"new_name": "count", "new_type": "INTEGER", "set_not_null": True})
    assert project.rows(table)[0]["count"] == 5
    project.refused("PUT", f"{table}/columns/count", 400, "no_changes_specified", json={})
    project.refused("PUT", f"{table}/columns/none", 404, "column_not_found", json={"new_name": "x"})
    project.refused("DELETE", f"{table}/columns/id", 400, "column_in_primary_key")
    project.delete(f"{table}/columns/paid", status=200)
    project.refused("POST", f"{table}/primary-key", 409, "primary_key_exists", json={"columns": ["count"]})
    assert project.delete(f"{table}/primary-key", status=200)["primary_key"] == []
    project.refused("DELETE", f"{table}/primary-key", 400, "no_primary_key")
    assert project.post(f"{table}/primary-key", {"columns": ["count"]})["primary_key"] == ["count"]


def test_values_come_back_as_their_types_say(project):
    kinds = [
        ("big", "BIGINT", "9223372036854775807", 9223372036854775807), ("dec", "DECIMAL(9,2)", "1.5", "1.50"),
        ("ok", "BOOLEAN", "true", True), ("x", "DOUBLE", "nan", None), ("day", "DATE", "2024-01-15", "2024-01-15"),
        ("at", "TIMESTAMP", "2024-01-15 14:30:00", "2024-01-15T14:30:00"), ("j", "JSON", '"{""k"": 1}"', '{"k": 1}'),
        ("l", "INTEGER[]", '"[1, 2]"', [1, 2]),
    ]
    table = project.table(columns=[(name, kind) for name, kind, _, _ in kinds], primary_key=())
    names = ",".join(name for name, _, _, _ in kinds)
    project.load(table, f"{names}\n{','.join(text for _, _, text, _ in kinds)}\n".encode())
    assert project.rows(table) == [{name: value for name, _, _, value in kinds}]


def test_rows_go_by_conditions(project):
    table = project.table()
    project.load(table, b"id,name\n1,alter ego\n2,b\n3,c\n4,d\n")
    for condition in ["1=1; DROP TABLE x;", "1=1 -- c", "", "id IN (SELECT 1)", "count(*) > 1", "nope = 1"]:
        project.refused("DELETE", f"{table}/rows", 400, "invalid_where_clause", json={"where_clause": condition})
    assert project.delete(f"{table}/rows", {"where_clause": "name = 'alter ego'"}, 200) == {
        "deleted_rows": 1, "table_rows_after": 3,
    }
    assert project.delete(f"{table}/rows", {"where_filters": [{"column": "id", "values": ["2"]}]}, 200)["deleted_rows"] == 1
    project.refused("DELETE", f"{table}/rows", 400, "truncate_not_confirmed", json={})
    assert project.request("DELETE", f"{table}/rows", 422).json()["detail"][0]["type"] == "missing"
    assert project.delete(f"{table}/rows", {"where_clause": "1=1"}, 200)["table_rows_after"] == 0


def test_previews_are_in_order_and_bounded(project):
    table = project.table()
    project.load(table, b"id,name\n3,c\n1,a\n2,b\n")
    preview = project.get(f"{table}/preview", params={"limit": 2})
    assert [row["id"] for row in preview["rows"]] == [1, 2]
    assert (preview["total_row_count"], preview["preview_row_count"]) == (3, 2)
    assert preview["columns"][0] == {
        "name": "id", "type": "INTEGER", "base_type": "INTEGER", "nullable": False, "ordinal_position": 1,
    }
    for limit in ["0", "10001", "x"]:
        assert project.get(f"{table}/preview", 422, params={"limit": limit})["detail"][0]["loc"] == ["query", "limit"]


def test_a_table_is_followed_by_its_changes(project):
    table = project.table()
    first = project.load(table, "id,name\n1,a\n2,b\n")["version"]
    project.load(table, "id,name\n2,x\n3,c\n", incremental=True)
    answer = project.request("GET", f"{table}/changes", 200, params={"from_version": first})
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert lines == [
        {"kind": "update_before", "row": {"id": 2, "name": "b"}},
        {"kind": "update_after", "row": {"id": 2, "name": "x"}},
        {"kind": "insert", "row": {"id": 3, "name": "c"}},
    ]
    end = answer.headers["alv-position"]
    again = project.request("GET", f"{table}/changes", 200, params={"from_version": end})
    assert again.text == "" and again.headers["content-length"] == "0"
    project.refused(
        "GET", f"{table}/changes", 400, "invalid_version_range", params={"from_version": end, "to_version": first}
    )
    project.refused("GET", f"{table}/changes", 400, "invalid_point", params={"from_version": "yesterday"})

"""Snapshots that somebody takes or that take themselves, and dropped tables and buckets that come back."""


def settings(place):
    return f"{place}/settings/snapshots"


def taken(project, kind):
    listed = project.get(f"{project.path}/branches/default/snapshots", params={"type": kind})
    assert listed["total"] == len(listed["snapshots"])
    return listed["snapshots"]


def restore(project, snapshot, **target):
    return project.post(f"{project.path}/branches/default/snapshots/{snapshot['id']}/restore", target, 200)


def test_snapshots_are_taken_listed_restored_and_deleted(project):
    table = project.table()
    bucket, name = table.split("/")[-3], table.split("/")[-1]
    project.load(table, "id,name\n1,a\n2,b\n")
    snapshots = f"{project.path}/branches/default/snapshots"
    snapshot = project.post(snapshots, {"bucket": bucket, "table": name, "description": "before"})
    assert snapshot["id"].startswith(f"snap_{name}_") and snapshot["row_count"] == 2 and snapshot["size_bytes"] > 0
    project.load(table, "id,name\n9,z\n")
    assert restore(project, snapshot) == {"restored_to": {"bucket": bucket, "table": name}, "row_count": 2}
    assert [row["id"] for row in project.rows(table)] == [1, 2]
    assert restore(project, snapshot, target_table="copy")["row_count"] == 2
    again = f"{snapshots}/{snapshot['id']}/restore"
    project.refused("POST", again, 409, "table_exists", json={"target_table": "copy"})
    assert [column["name"] for column in project.get(f"{snapshots}/{snapshot['id']}")["schema_columns"]] == ["id", "name"]
    project.delete(f"{snapshots}/{snapshot['id']}")
    project.refused("GET", f"{snapshots}/{snapshot['id']}", 404, "snapshot_not_found")


def test_snapshots_take_themselves_as_the_nearest_level_says(project):
    table = project.table()
    bucket = table.rpartition("/tables/")[0]
    project.load(table, "id,name\n1,a\n2,b\n")
    assert project.get(settings(table))["local_config"] is None
    project.put(settings(project.path), {"auto_snapshot_triggers": {"drop_column": True, "delete_all_rows": True}})
    project.put(settings(bucket), {"retention": {"auto_days": 3}})
    project.put(settings(table), {"auto_snapshot_triggers": {"drop_column": False}})
    shown = project.get(settings(table))
    levels = [shown["inheritance"][key] for key in ("auto_snapshot_triggers.drop_column", "retention.auto_days")]
    assert levels == ["table", "bucket"], shown
    project.refused("PUT", settings(table), 400, "invalid_config", json={"retention": {"auto_days": 0}})

    project.delete(f"{table}/columns/name", status=200)
    assert taken(project, "auto_predrop_column") == [], "the table says no"
    project.delete(settings(table))
    assert project.get(settings(table))["local_config"] is None
    project.delete(f"{table}/rows", {"where_clause": "1=1"}, 200)
    assert project.get(table)["row_count"] == 0
    [before] = taken(project, "auto_pretruncate")
    assert before["row_count"] == 2 and before["expires_at"] is not None
    assert restore(project, before)["row_count"] == 2
    assert [row["id"] for row in project.rows(table)] == [1, 2]


def test_a_dropped_table_has_one_snapshot_and_comes_back(project):
    table = project.table()
    project.load(table, "id,name\n1,a\n")
    before = project.get(table)
    project.refused("POST", f"{table}/undrop", 409, "table_exists")
    project.delete(table)
    [left] = taken(project, "auto_predrop")
    assert left["description"].startswith("Auto-backup before DROP TABLE") and left["row_count"] == 1
    back = project.post(f"{table}/undrop", status=200)
    assert [back[key] for key in ("columns", "primary_key", "row_count")] == [before[key] for key in ("columns", "primary_key", "row_count")]
    project.load(table, "id,name\n1,b\n", incremental=True)
    assert [row["name"] for row in project.rows(table)] == ["b"], "its key is at work"


def test_a_dropped_bucket_comes_back_with_its_tables(project):
    table = project.table()
    bucket = table.rpartition("/tables/")[0]
    columns = [{"name": "n", "type": "BIGINT"}]
    project.post(f"{bucket}/tables", {"name": "other", "columns": columns})
    project.load(table, "id,name\n1,a\n")
    project.load(f"{bucket}/tables/other", "n\n5\n6\n")
    project.delete(bucket)
    project.refused("GET", table, 404, "bucket_not_found")
    assert project.post(f"{bucket}/undrop", status=200)["table_count"] == 2
    assert (len(project.rows(table)), len(project.rows(f"{bucket}/tables/other"))) == (1, 2)
    project.refused("POST", f"{bucket}/undrop", 409, "bucket_exists")

"""Loads and exports."""

import gzip
import threading


def test_full_loads_replace_and_incremental_ones_merge(project):
    table = project.table()
    assert project.load(table, b"id,name\n1,a\n2,b\n")["imported_rows"] == 2
    loaded = project.load(table, b"id,name\n2,B\n3,c\n3,C\n", incremental=True)
    assert (loaded["imported_rows"], loaded["table_rows_after"]) == (1, 3)
    assert (loaded["inserted_rows"], loaded["updated_rows"], loaded["duplicates_in_file"]) == (1, 1, 1)
    assert [row["name"] for row in project.rows(table)] == ["a", "B", "C"]
    assert project.load(table, b"id,name\n9,z\n")["table_rows_after"] == 1


def test_duplicates_are_an_error_when_asked(project):
    table = project.table()
    for mode in ["insert_duplicates", "fail_on_duplicates"]:
        body = {"file_id": project.upload(b"id,name\n1,a\n1,b\n"), "import_options": {"dedup_mode": mode}}
        project.refused("POST", f"{table}/import/file", 409, "duplicate_key", json=body)
    body = {"file_id": project.upload(b"id,name\n1,a\n"), "import_options": {"dedup_mode": "nope"}}
    project.refused("POST", f"{table}/import/file", 400, "invalid_dedup_mode", json=body)


def test_a_load_that_fails_changes_nothing(project):
    table = project.table()
    project.load(table, b"id,name\n1,a\n")
    body = {"file_id": project.upload(b"id,name\n2,b\nx,c\n")}
    details = project.refused("POST", f"{table}/import/file", 400, "import_failed", json=body)
    assert (details["line"], details["column"]) == (3, "id")
    assert [row["id"] for row in project.rows(table)] == [1]
    project.refused("POST", f"{table}/import/file", 404, "file_not_found", json={"file_id": "none"})
    body["format"] = "xml"
    project.refused("POST", f"{table}/import/file", 400, "invalid_format", json=body)
    body = {"file_id": body["file_id"], "csv_options": {"delimiter": "too long"}}
    project.refused("POST", f"{table}/import/file", 400, "invalid_csv_options", json=body)


def test_dialects(project):
    table = project.table()
    project.load(table, b"1;'a;\\'b'\n2;NIL\n", csv={"delimiter": ";", "quote": "'", "header": False, "null_string": "NIL"})
    assert [row["name"] for row in project.rows(table)] == ["a;'b", None]
    project.load(table, gzip.compress(b"\xef\xbb\xbfNAME,ID\nx,7\n"))
    assert project.rows(table) == [{"id": 7, "name": "x"}]


def test_loads_into_one_table_wait_for_each_other(project):
    table = project.table(primary_key=())
    statuses = []

    def load(number):
        project.load(table, f"id,name\n{number},x\n".encode(), incremental=True)
        statuses.append(number)

    threads = [threading.Thread(target=load, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == sorted(row["id"] for row in project.rows(table)) == [0, 1, 2, 3, 4]


def test_exports_are_files_of_the_project(project):
    table = project.table()
    project.load(table, b'id,name\n1,"a,b"\n2,\n3,"q""z"\n')
    made = project.post(f"{table}/export", {"where_filter": "id < 3"}, 200)
    assert made["rows_exported"] == 2
    file = project.get(f"{project.path}/files/{made['file_id']}")
    assert file["path"] == made["file_path"] and file["size_bytes"] == made["file_size_bytes"]
    assert file["tags"]["type"] == "export" and file["content_type"] == "text/csv" and not file["is_staged"]
    content = project.request("GET", f"{project.path}/files/{made['file_id']}/download", 200).content
    assert content == b'id,name\n1,"a,b"\n2,\n'
    packed = project.post(f"{table}/export", {"compression": "gzip", "columns": ["id"]}, 200)
    answer = project.request("GET", f"{project.path}/files/{packed['file_id']}/download", 200)
    assert gzip.decompress(answer.content) == b"id\n1\n2\n3\n"
    assert ".csv.gz" in answer.headers["Content-Disposition"]
    back = project.table(name="back")
    parquet = project.post(f"{table}/export", {"format": "parquet", "compression": "zstd"}, 200)
    project.post(f"{back}/import/file", {"file_id": parquet["file_id"], "format": "parquet"}, 200)
    assert project.rows(back) == project.rows(table)
    details = project.refused("POST", f"{table}/export", 400, "invalid_compression", json={"compression": "zip"})
    assert details["valid_compression"] == ["gzip"]
    for condition in ["id = 1 UNION SELECT 1", "id IN (SELECT 1)", "read_csv('/etc/passwd')", "1=1 /* c */"]:
        project.refused("POST", f"{table}/export", 400, "invalid_where_clause", json={"where_filter": condition})


def test_tables_can_be_read_as_they_were(project):
    table = project.table()
    first = project.load(table, b"id,name\n1,a\n")["version"]
    project.load(table, b"id,name\n2,b\n")
    project.delete(f"{table}/rows", {"where_clause": "TRUE"}, 200)
    assert project.rows(table) == []
    assert project.rows(table, as_of=first) == [{"id": 1, "name": "a"}]
    body = {"query": f"SELECT count(*) AS n FROM {table.split('/')[-3]}.orders", "as_of": first}
    assert project.post(f"{project.path}/query", body, 200)["data"]["rows"] == [[1]]

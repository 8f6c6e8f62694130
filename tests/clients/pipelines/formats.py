"""Rows in and out in all forms that clients use."""

import os
import tempfile
import warnings

import pandas as pd
import pyarrow.parquet as pq
from feldera import PipelineBuilder
from shared import refused, run, same, true

PROGRAM = """
CREATE TABLE t (id INT NOT NULL PRIMARY KEY, name VARCHAR, price DECIMAL(10, 2), at TIMESTAMP, tags VARCHAR ARRAY)
    WITH ('materialized' = 'true');
CREATE TABLE bag (a INT, b DOUBLE) WITH ('materialized' = 'true');
CREATE VIEW hidden AS SELECT id FROM t;
"""


def main(client):
    pipeline = PipelineBuilder(client, "forms", PROGRAM).create()
    pipeline.start()
    push = lambda table, form, data, **more: client.push_to_pipeline("forms", table, form, data, **more)
    push("t", "json", {"id": 1, "name": "one", "price": "1.50", "at": "2024-01-02 03:04:05", "tags": ["x", None]})
    push("t", "json", [{"insert": {"id": 2, "name": "two"}}, {"delete": {"id": 9}}], update_format="insert_delete", array=True)
    push("t", "json", {"payload": {"before": None, "after": {"id": 3, "name": "three"}}}, update_format="debezium")
    push("bag", "json", {"weight": 2, "data": {"a": 5, "b": 0.5}}, update_format="weighted")
    push("bag", "csv", "6,1.5\n7,\n")
    frame = pd.DataFrame({"id": [4], "name": ["four"], "price": [4.25], "at": pd.to_datetime(["2024-02-03"]), "tags": [["y"]]})
    pipeline.input_pandas("t", frame)
    client.wait_for_token("forms", push("t", "csv", "5,five,5,2024-03-04 00:00:00,\n", wait=False))
    refused("no column", "ParseErrors", lambda: push("t", "json", {"id": "x"}))
    refused("no table", "UnknownInputStream", lambda: push("nope", "json", {"id": 1}))
    true("processed", client.completion_token_processed("forms", push("t", "json", {"id": 6, "name": None})))

    names = [(row["id"], row["name"]) for row in pipeline.query("SELECT id, name FROM t ORDER BY id")]
    same("rows", names, [(1, "one"), (2, "two"), (3, "three"), (4, "four"), (5, "five"), (6, None)])
    same("bag", [row["a"] for row in pipeline.query("SELECT a FROM bag ORDER BY a")], [5, 5, 6, 7])
    batches = list(pipeline.query_arrow("SELECT id, tags FROM t WHERE id IN (1, 4) ORDER BY id"))
    same("arrow", batches[0].to_pydict(), {"id": [1, 4], "tags": [["x", None], ["y"]]})
    dicts = list(pipeline.query_arrow_dicts("SELECT price FROM t WHERE id = 1"))
    same("types", str(dicts[0]["price"]), "1.50")
    text = list(pipeline.query_tabular("SELECT 1 AS one"))
    same("text", [line for line in text if "one" in line], ["| one |"])
    hashes = {pipeline.query_hash(f"SELECT id FROM t ORDER BY id {order}") for order in ["ASC", "DESC"]}
    same("a hash", [len(one) for one in hashes], [64])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        same("json", list(client.query_as_json("forms", "SELECT 2 AS two")), [{"two": 2}])
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "rows.parquet")
        pipeline.query_parquet("SELECT id, at FROM t ORDER BY id", path)
        same("parquet", pq.read_table(path).column("id").to_pylist(), [1, 2, 3, 4, 5, 6])

    pipeline.execute("INSERT INTO bag VALUES (8, 1), (9, 2)", wait=True)
    same("inserted", next(pipeline.query("SELECT COUNT(*) AS n FROM bag", wait=True))["n"], 6)
    refused("wrong", "AdHocQueryError", lambda: list(pipeline.query("SELECT nope FROM t")))
    refused("hidden", "AdHocQueryError", lambda: list(pipeline.query("SELECT * FROM hidden")))
    pipeline.stop(force=True)
    pipeline.delete(clear_storage=True)


if __name__ == "__main__":
    run(main)

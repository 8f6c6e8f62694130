"""The first steps of a user of pipelines, with the SDK they use today."""

import pandas as pd
from feldera import Pipeline, PipelineBuilder
from feldera.enums import PipelineStatus, ProgramStatus, StorageStatus
from shared import counted, run, same

PROGRAM = """
CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, shop VARCHAR, cents BIGINT);
CREATE TABLE visits (shop VARCHAR, at TIMESTAMP);
CREATE MATERIALIZED VIEW totals AS SELECT shop, SUM(cents) AS cents, COUNT(*) AS orders FROM orders GROUP BY shop;
CREATE VIEW busy AS SELECT t.shop, t.cents FROM totals t WHERE EXISTS (SELECT 1 FROM visits v WHERE v.shop = t.shop);
"""


def main(client):
    pipeline = PipelineBuilder(client, "shops", PROGRAM).create_or_replace()
    same("program", pipeline.program_status(), ProgramStatus.Success)
    same("tables", sorted(table.name for table in pipeline.tables()), ["orders", "visits"])
    same("views", sorted(view.name for view in pipeline.views()), ["busy", "error_view", "totals"])
    same("found", Pipeline.get("shops", client).id(), pipeline.id())
    pipeline.start_paused()
    same("paused", pipeline.status(), PipelineStatus.PAUSED)
    busy = pipeline.listen("busy")
    pipeline.resume()
    same("running", pipeline.status(), PipelineStatus.RUNNING)

    pipeline.input_json("orders", [{"id": n, "shop": f"s{n % 3}", "cents": 10 * n} for n in range(9)])
    pipeline.input_json("visits", {"shop": "s1", "at": "2024-05-01 10:00:00"})
    pipeline.input_json(
        "orders", [{"delete": {"id": 8}}, {"insert": {"id": 7, "shop": "s1", "cents": 1}}], update_format="insert_delete"
    )
    at = pd.to_datetime(["2024-05-02", "2024-05-03"])
    pipeline.input_pandas("visits", pd.DataFrame({"shop": ["s2", "s9"], "at": at}))
    pipeline.wait_for_idle(idle_interval_s=1)
    same("listened", counted(busy.to_dict()), [(("cents", 51), ("shop", "s1")), (("cents", 70), ("shop", "s2"))])

    totals = sorted((row["shop"], row["cents"], row["orders"]) for row in pipeline.query("SELECT * FROM totals"))
    same("queried", totals, [("s0", 90, 3), ("s1", 51, 3), ("s2", 70, 2)])

    pipeline.stop(force=False)
    pipeline.wait_for_status(PipelineStatus.STOPPED, timeout=5)
    pipeline.start()
    totals = sorted((row["shop"], row["cents"]) for row in pipeline.query("SELECT shop, cents FROM totals"))
    same("after a graceful stop", totals, [("s0", 90), ("s1", 51), ("s2", 70)])
    pipeline.stop(force=True)
    same("kept", pipeline.storage_status(), StorageStatus.INUSE)
    pipeline.clear_storage()
    same("cleared", (pipeline.storage_status(), pipeline.storage_status_details()), (StorageStatus.CLEARED, None))
    pipeline.start()
    same("empty", list(pipeline.query("SELECT * FROM totals")), [])
    pipeline.stop(force=True)
    pipeline.delete(clear_storage=True)
    same("deleted", [one.name for one in Pipeline.all(client) if one.name == "shops"], [])
    same("not found", pipeline.status(), PipelineStatus.NOT_FOUND)


if __name__ == "__main__":
    run(main)

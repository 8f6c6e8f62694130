"""Steps, tokens and the time."""

from feldera import PipelineBuilder
from feldera.enums import CompletionTokenStatus, TransactionStatus
from feldera.runtime_config import RuntimeConfig
from shared import refused, run, same, true

PROGRAM = """
CREATE TABLE t (a INT NOT NULL PRIMARY KEY, at TIMESTAMP);
CREATE MATERIALIZED VIEW n AS SELECT COUNT(*) AS n FROM t;
CREATE MATERIALIZED VIEW late AS SELECT a FROM t WHERE at <= NOW();
"""


def count(pipeline):
    return next(pipeline.query("SELECT n FROM n"))["n"]


def main(client):
    config = RuntimeConfig(clock_resolution_usecs=1_000_000, dev_tweaks={"now_http_driven": True})
    pipeline = PipelineBuilder(client, "steps", PROGRAM, runtime_config=config).create()
    pipeline.start()
    same("none", (pipeline.transaction_status(), pipeline.transaction_id()), (TransactionStatus.NoTransaction, None))
    first = pipeline.start_transaction()
    same("begun", (pipeline.transaction_status(), pipeline.transaction_id()), (TransactionStatus.TransactionInProgress, first))
    refused("twice", "TransactionInProgress", pipeline.start_transaction)
    tokens = [pipeline.input_json("t", {"a": n}, wait=False) for n in range(5)]
    same("before", count(pipeline), 0)
    same("on its way", pipeline.completion_token_status(tokens[-1]), CompletionTokenStatus.IN_PROGRESS)
    pipeline.commit_transaction(first, poll_interval_s=0.1)
    same("after", count(pipeline), 5)
    pipeline.wait_for_token(tokens[-1])
    same("done", pipeline.completion_token_status(tokens[-1]), CompletionTokenStatus.COMPLETE)
    same("the next", pipeline.start_transaction(), first + 1)
    pipeline.commit_transaction(poll_interval_s=0.1)
    refused("no token", "InvalidParam", lambda: pipeline.completion_token_status("x"))

    start = pipeline.advance_clock(0)
    true("now", start["now"].endswith("Z") and start["now_ms"] % 1000 == 0)
    later = pipeline.advance_clock(1)
    same("rounded", later["now_ms"] - start["now_ms"], 1000)
    same("one step", pipeline.advance_clock()["now_ms"] - later["now_ms"], 1000)
    refused("backwards", "InvalidParam", lambda: pipeline.advance_clock(-1))
    at = (start["now_ms"] + 3_600_000) // 1000
    pipeline.execute(f"INSERT INTO t VALUES (100, to_timestamp({at}))", wait=True)
    same("not yet", list(pipeline.query("SELECT a FROM late")), [])
    pipeline.advance_clock(3_600_000)
    pipeline.wait_for_token(pipeline.input_json("t", {"a": 200}))
    same("now it is", list(pipeline.query("SELECT a FROM late")), [{"a": 100}])

    pipeline.pause()
    pipeline.input_json("t", {"a": 300}, force=True, wait=False)
    pipeline.resume()
    pipeline.wait_for_idle(idle_interval_s=0.5)
    same("forced", count(pipeline), 8)
    pipeline.stop(force=True)
    pipeline.delete(clear_storage=True)


if __name__ == "__main__":
    run(main)

"""Connectors: rows that come by themselves, held up and let go."""

import json

from feldera import PipelineBuilder
from feldera.enums import CompletionTokenStatus
from shared import refused, run, same, true

ROWS = 20
CONNECTOR = {
    "name": "made",
    "paused": True,
    "transport": {"name": "datagen", "config": {"plan": [{"limit": ROWS, "fields": {"a": {"strategy": "increment"}}}]}},
}
NOWHERE = {"name": "nowhere", "transport": {"name": "null_output"}}
PROGRAM = f"""
CREATE TABLE t (a INT NOT NULL PRIMARY KEY) WITH ('connectors' = '{json.dumps([CONNECTOR])}');
CREATE MATERIALIZED VIEW v WITH ('connectors' = '{json.dumps([NOWHERE])}') AS SELECT a FROM t WHERE a >= 5;
"""


def main(client):
    pipeline = PipelineBuilder(client, "connected", PROGRAM).create()
    same("endpoints", list(pipeline.program_info()["input_connectors"]), ["t.made"])
    pipeline.start()
    stats = pipeline.input_connector_stats("t", "made")
    same("held up", (stats.paused, stats.metrics.total_records, stats.metrics.end_of_input), (True, 0, False))
    same("not complete", pipeline.is_complete(), False)
    refused("no connector", "UnknownInputEndpoint", lambda: pipeline.resume_connector("t", "no"))
    refused("no output", "UnknownOutputEndpoint", lambda: pipeline.output_connector_stats("v", "no"))
    pipeline.resume_connector("t", "made")
    pipeline.wait_for_completion(timeout_s=15)
    same("complete", pipeline.is_complete(), True)
    token = pipeline.generate_completion_token("t", "made")
    pipeline.wait_for_token(token)
    same("done", pipeline.completion_token_status(token), CompletionTokenStatus.COMPLETE)
    stats = pipeline.input_connector_stats("t", "made")
    same("let go", (stats.paused, stats.metrics.total_records, stats.metrics.end_of_input), (False, ROWS, True))
    same("queried", next(pipeline.query("SELECT COUNT(*) AS n FROM v"))["n"], ROWS - 5)
    pipeline.pause_connector("t", "made")
    same("held up again", pipeline.input_connector_stats("t", "made").paused, True)
    same("given out", pipeline.output_connector_stats("v", "nowhere").metrics.transmitted_records, ROWS - 5)
    true("in the statistics", [one.endpoint_name for one in pipeline.stats().outputs] == ["v.nowhere"])
    pipeline.stop(force=True)
    pipeline.delete(clear_storage=True)


if __name__ == "__main__":
    run(main)

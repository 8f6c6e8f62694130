"""What a running pipeline tells: changes, lines, counts, profiles."""

import gzip
import io
import json
import tempfile
import threading
import time
import zipfile

from feldera import PipelineBuilder
from feldera.output_handler import OutputHandler
from shared import counted, refused, run, same, true

PROGRAM = """
CREATE TABLE t (k VARCHAR, v INT);
CREATE MATERIALIZED VIEW sums AS SELECT k, SUM(v) AS s FROM t GROUP BY k;
"""


def until(what, holds, seconds=10):
    end = time.monotonic() + seconds
    while not holds():
        true(what, time.monotonic() < end)
        time.sleep(0.05)


def changes(client, pipeline):
    handler = OutputHandler(client, "tells", "sums")
    handler.start()
    seen, lock = [], threading.Lock()

    def chunk(frame, number):
        with lock:
            seen.append((number, len(frame)))

    pipeline.foreach_chunk("sums", chunk)
    pipeline.input_json("t", [{"k": "a", "v": 1}, {"k": "b", "v": 2}])
    pipeline.input_json("t", [{"k": "a", "v": 3}])
    until("changes", lambda: len(handler.to_pandas(clear_buffer=False)) >= 4)
    same("heard", counted(handler.to_dict()), [(("k", "a"), ("s", 4)), (("k", "b"), ("s", 2))])
    same("taken", handler.to_dict(), [])
    until("chunks", lambda: sum(rows for _, rows in seen) == 4)
    true("numbered", [number for number, _ in seen] == sorted({number for number, _ in seen}))

    chunks = client.listen_to_pipeline("tells", "sums", "csv", send_snapshot=True, timeout=10)()
    snapshot = next(one for one in chunks if "text_data" in one)
    same("snapshot", (snapshot["snapshot"], sorted(snapshot["text_data"].splitlines())), (True, ["a,4,1", "b,2,1"]))
    refused("nothing to hear", "UnknownOutputStream", lambda: next(client.listen_to_pipeline("tells", "no", "csv")()))


def counts(client, pipeline):
    stats = pipeline.stats()
    same("processed", (stats.global_metrics.total_processed_records, stats.global_metrics.buffered_input_records), (3, 0))
    same("inputs", [one.config["stream"] for one in stats.inputs if one.metrics.total_records == 3], ["t"])
    text, data = pipeline.metrics(), pipeline.metrics("json")
    true("metrics", "# TYPE records_processed_total counter\n" in text and 'le="inf"' in text)
    values = {one["key"]: one["values"][0] for one in data}
    same("metric", values["records_processed_total"]["value"], 3)
    same("label", values["records_processed_total"]["labels"]["pipeline_name"], "tells")
    true("steps", values["dbsp_step_latency_seconds"]["value"]["count"] >= 2)
    true("lines", "Running" in next(line for line in pipeline.logs() if "Running" in line))


def profiles(pipeline):
    pipeline.rebalance()
    pipeline.start_compaction()
    refused("no samples", "NoSamplyProfile", pipeline.get_samply_profile)
    pipeline.start_samply_profile(1)
    refused("twice", "SamplyProfileInProgress", lambda: pipeline.start_samply_profile(1))

    def sampled():
        try:
            return json.loads(gzip.decompress(pipeline.get_samply_profile()))
        except Exception:
            return None

    until("samples", sampled)
    thread = sampled()["threads"][0]
    true("samples", thread["samples"]["length"] > 10 and "waiting" in thread["stringArray"])
    with tempfile.NamedTemporaryFile(suffix=".zip") as file:
        bundle = zipfile.ZipFile(io.BytesIO(pipeline.support_bundle(file.name)))
    names = {name.rsplit("/", 1)[-1] for name in bundle.namelist()}
    expected = "circuit_profile.zip circuit_profile.json heap_profile.pb.gz metrics.txt logs.txt stats.json "
    expected += "pipeline_config.json system_config.json dataflow_graph.json pipeline_events.json metadata.txt metadata.json"
    same("bundle", names, set(expected.split()))
    none = {part: False for part in "circuit_profile heap_profile metrics logs stats pipeline_config".split()}
    none |= {part: False for part in "system_config dataflow_graph pipeline_events".split()}
    bare = zipfile.ZipFile(io.BytesIO(pipeline.support_bundle(**none)))
    same("nothing but what it is", sorted(bare.namelist()), ["metadata.json", "metadata.txt"])


def collections(pipeline):
    """What is collected by itself, here every second: the last three."""

    def directories():
        bundle = zipfile.ZipFile(io.BytesIO(pipeline.support_bundle(collect=False)))
        return {name.split("/")[0] for name in bundle.namelist() if "/" in name}

    until("three collections", lambda: len(directories()) == 3)
    first = min(directories())
    until("the oldest goes", lambda: first not in directories())
    same("not more", len(directories()), 3)
    bundle = zipfile.ZipFile(io.BytesIO(pipeline.support_bundle(limit=2)))
    same("the newest two", len({name.split("/")[0] for name in bundle.namelist() if "/" in name}), 2)


def main(client):
    pipeline = PipelineBuilder(client, "tells", PROGRAM).create()
    pipeline.start()
    changes(client, pipeline)
    counts(client, pipeline)
    profiles(pipeline)
    collections(pipeline)
    pipeline.stop(force=True)
    pipeline.delete(clear_storage=True)


if __name__ == "__main__":
    run(main)

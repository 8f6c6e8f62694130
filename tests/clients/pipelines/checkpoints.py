"""What is kept, set aside and taken back."""

import sys

from feldera import PipelineBuilder
from feldera.enums import CheckpointStatus
from shared import refused, run, same, true

PROGRAM = """
CREATE TABLE t (a INT NOT NULL PRIMARY KEY);
CREATE MATERIALIZED VIEW n AS SELECT COUNT(*) AS n FROM t;
"""


def count(pipeline):
    return next(pipeline.query("SELECT n FROM n"))["n"]


def main(client):
    pipeline = PipelineBuilder(client, "keeps", PROGRAM).create()
    pipeline.start()
    same("none", (pipeline.checkpoints(), pipeline.remote_checkpoints()), ([], []))
    refused("nothing to copy", "NotSupported", lambda: pipeline.sync_checkpoint())
    refused("nothing to copy", "NotSupported", lambda: client.sync_checkpoint("keeps"))
    pipeline.input_json("t", [{"a": 1}, {"a": 2}])
    first = pipeline.checkpoint(wait=True, timeout_s=10)
    same("done", pipeline.checkpoint_status(first), CheckpointStatus.Success)
    pipeline.input_json("t", {"a": 3})
    asked = pipeline.checkpoint_response(wait=True, timeout_s=10)
    same("the next", asked["checkpoint_sequence_number"], first + 1)
    status = client.checkpoint_pipeline_status("keeps", asked["incarnation_uuid"])
    same("status", status, {"success": first + 1, "failure": None})
    same("listed", [one.processed_records for one in pipeline.checkpoints()], [2, 3])
    refused("still nothing to copy", "NotSupported", lambda: pipeline.sync_checkpoint_response())
    copied = pipeline.sync_checkpoint_status(pipeline.checkpoints()[0].uuid)
    same("nothing copied", (copied, client.sync_checkpoint_status("keeps")["success"]), (CheckpointStatus.InProgress, None))
    try:
        sys.exit(f"copied: {pipeline.last_successful_checkpoint_sync()}")
    except RuntimeError as error:
        true("never", "no checkpoints" in str(error))

    pipeline.input_json("t", {"a": 4})
    same("more", count(pipeline), 4)
    # What is stopped by force, and promises nothing, goes back to its last checkpoint.
    pipeline.stop(force=True)
    pipeline.start()
    same("taken back", count(pipeline), 3)
    true("another time", client.checkpoint_pipeline("keeps") >= 1)
    wrong = asked["incarnation_uuid"]
    refused("of the time before", "IncarnationUuidMismatch", lambda: pipeline.checkpoint_status(1, wrong))
    pipeline.stop(force=True)
    pipeline.delete(clear_storage=True)


if __name__ == "__main__":
    run(main)

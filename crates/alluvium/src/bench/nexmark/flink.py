"""Runs queries on PyFlink's own local cluster, one after the other, and tells what each took, as a line of JSON.

Standard input: {"parallelism": n, "setup": [statement, ...], "warm_up": query, "queries": [{"name": ..., "sql": ...}, ...]}.
The start of the Java process and one query before all others are not counted; the start of a query's own job is.
"""

import json
import os
import sys
import time
from pathlib import Path

# No Python runs inside of queries, so nothing of it has to be there.
os.environ["_python_worker_execution_mode"] = "process"

from pyflink.table import EnvironmentSettings, TableDescriptor, TableEnvironment  # noqa: E402

# As the benchmark's own configuration for Flink has them.
SETTINGS = {
    "table.exec.mini-batch.enabled": "true",
    "table.exec.mini-batch.allow-latency": "2 s",
    "table.exec.mini-batch.size": "50000",
    "table.optimizer.distinct-agg.split.enabled": "true",
    "pipeline.object-reuse": "true",
}


def java() -> int:
    """The process that works: the only child of this one."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    for child in children:
        if "java" in os.readlink(f"/proc/{child}/exe"):
            return int(child)
    raise RuntimeError(f"no Java process among {children}")


def cpu_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mb(process: int) -> float:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError("the system does not tell memory in use")


def main() -> None:
    job = json.load(sys.stdin)
    tables = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    for key, value in {**SETTINGS, "parallelism.default": str(job["parallelism"])}.items():
        tables.get_config().set(key, value)
    for statement in job["setup"]:
        tables.execute_sql(statement)
    nowhere = TableDescriptor.for_connector("blackhole").build()
    tables.sql_query(job["warm_up"]).execute_insert(nowhere).wait()
    process = java()
    for query in job["queries"]:
        told = {"name": query["name"]}
        Path(f"/proc/{process}/clear_refs").write_text("5")
        cpu, began = cpu_seconds(process), time.monotonic()
        try:
            tables.sql_query(query["sql"]).execute_insert(nowhere).wait()
            told["seconds"] = time.monotonic() - began
            told["cpu_seconds"] = cpu_seconds(process) - cpu
            told["peak_mb"] = peak_mb(process)
        except Exception as error:  # whatever it is, the other queries can still be measured
            told["error"] = next((line for line in str(error).splitlines() if line.strip()), repr(error))[:500]
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()

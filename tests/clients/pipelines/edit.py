"""Programs and settings that change, and the installation around them."""

import time
from datetime import datetime

from feldera import PipelineBuilder
from feldera.enums import (
    BootstrapPolicy,
    CompilationProfile,
    DeploymentDesiredStatus,
    DeploymentResourcesDesiredStatus,
    DeploymentResourcesStatus,
    PipelineStatus,
    ProgramStatus,
)
from feldera.runtime_config import RuntimeConfig
from shared import refused, run, same, true

TABLES = "CREATE TABLE t (a INT NOT NULL PRIMARY KEY, b VARCHAR);\n"
OLD = TABLES + "CREATE MATERIALIZED VIEW v AS SELECT COUNT(*) AS n FROM t;"
NEW = TABLES + "CREATE MATERIALIZED VIEW v AS SELECT COUNT(*) + 1 AS n FROM t;\nCREATE VIEW w AS SELECT a FROM t;"
WRONG = "CREATE VIEW v AS SELECT a FROM nope;"


def programs(client):
    config = RuntimeConfig(workers=2)
    builder = PipelineBuilder(
        client,
        "edited",
        OLD,
        description="one",
        tags=["b", "a|ef4444", "a|22c55e"],
        compilation_profile=CompilationProfile.DEV,
        runtime_config=config,
    )
    pipeline = builder.create()
    refused("twice", "DuplicateName", lambda: client.create_pipeline(pipeline._inner))
    same("code", pipeline.program_code(), OLD)
    same("described", (pipeline.description(), pipeline.tags()), ("one", ["a|22c55e", "b"]))
    same("profile", pipeline.program_config()["profile"], "dev")
    same("versions", (pipeline.version(), pipeline.program_version(), pipeline.platform_version()), (1, 1, "0.337.0"))
    true("times", pipeline.created_at() <= pipeline.program_status_since() <= datetime.now(pipeline.created_at().tzinfo))
    same("functions", (pipeline.udf_rust(), pipeline.udf_toml()), ("", ""))
    same("views", [one["name"] for one in pipeline.program_info()["schema"]["outputs"]], ["error_view", "v"])
    same("errors", (pipeline.errors(), pipeline.program_error()["sql_compilation"]["exit_code"]), ([], 0))

    diff = pipeline.diff(NEW)
    same("diff", (diff["program_diff"]["added_views"], diff["program_diff"]["modified_views"]), (["w"], ["v"]))
    refused("a wrong diff", "InvalidNewProgramSql", lambda: pipeline.diff(WRONG))
    pipeline.modify(sql=NEW, description="two", tags=[])
    pipeline = PipelineBuilder(client, "edited", NEW, description="two", runtime_config=config).create_or_replace()
    same("edited", (pipeline.description(), pipeline.tags(), pipeline.program_code()), ("two", [], NEW))
    same("edited twice", pipeline.program_version() >= 2, True)
    pipeline.set_runtime_config(RuntimeConfig(workers=3, logging="debug"))
    same("settings", (pipeline.runtime_config().workers, client.get_runtime_config("edited")["logging"]), (3, "debug"))
    pipeline.testing_force_update_platform_version("0.1.0")
    same("an old platform", pipeline.platform_version(), "0.1.0")
    pipeline.update_runtime()
    same("the platform", pipeline.platform_version(), "0.337.0")
    return pipeline


def wrong_programs(client):
    pipeline = PipelineBuilder(client, "wrong", WRONG)
    try:
        pipeline.create()
    except Exception as error:
        true("what is wrong", "Object 'nope' not found" in str(error))
    pipeline = client.pipelines()
    found = [one for one in pipeline if one.name == "wrong"][0]
    same("wrong", found.program_status, "SqlError")
    refused("started", "CannotStartWithCompilationError", lambda: client.start_pipeline("wrong"))
    client.patch_pipeline("wrong", sql=OLD)
    client.delete_pipeline("wrong")
    good, bad = client.validate_program(OLD)["Success"]["program_info"], client.validate_program(WRONG)
    same("valid", [one["name"] for one in good["schema"]["inputs"]], ["t"])
    same("without its graph", good["dataflow"], None)
    true("with its graph", client.validate_program(OLD, ir=True)["Success"]["program_info"]["dataflow"]["mir"])
    same("invalid", bad["SqlError"]["info"]["messages"][0]["error_type"], "Compilation error")


def deployments(client, pipeline):
    same("stopped", pipeline.deployment_resources_status(), DeploymentResourcesStatus.STOPPED)
    pipeline.start()
    same("policy", pipeline.bootstrap_policy() is not None, True)
    same(
        "desired",
        (pipeline.deployment_desired_status(), pipeline.deployment_resources_desired_status()),
        (DeploymentDesiredStatus.RUNNING, DeploymentResourcesDesiredStatus.PROVISIONED),
    )
    same(
        "runtime",
        (pipeline.deployment_runtime_status().name, pipeline.deployment_runtime_desired_status().name),
        ("RUNNING", "RUNNING"),
    )
    true("details", "connector_stats" in (pipeline.deployment_runtime_status_details() or {"connector_stats": 0}))
    true("since", pipeline.deployment_status_since() >= pipeline.created_at())
    refused("edited while it runs", "UpdateRestrictedToStopped", lambda: pipeline.modify(sql=OLD))
    pipeline.modify(description="three")
    same("described while it runs", pipeline.description(), "three")
    pipeline.pause()
    same("paused", pipeline.status(), PipelineStatus.PAUSED)
    pipeline.restart()
    same("restarted", pipeline.status(), PipelineStatus.RUNNING)
    pipeline.stop(force=True)
    same("no error", (pipeline.deployment_error(), pipeline.bootstrap_policy()), (None, None))
    events = pipeline.events(selector="all")
    same("events", pipeline.event("latest")["event_id"], events[0]["event_id"])
    same("one event", pipeline.event(events[-1]["event_id"], selector="all"), events[-1])
    refused("deleted with what it keeps", "DeleteRestrictedToClearedStorage", lambda: pipeline.delete())
    pipeline.delete(clear_storage=True)


def versions(client):
    """A program takes another's place, and what is kept stays."""
    pipeline = PipelineBuilder(client, "versions", OLD).create()
    pipeline.start()
    pipeline.input_json("t", [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}])
    pipeline.stop(force=False)
    same("no difference", pipeline.diff()["program_diff"]["modified_views"], [])
    told = pipeline.diff(NEW)
    pipeline.modify(sql=NEW)
    pipeline.start(bootstrap_policy=BootstrapPolicy.AWAIT_APPROVAL)
    same("waits", pipeline.status(), PipelineStatus.AWAITINGAPPROVAL)
    same("shown", pipeline.deployment_runtime_status_details()["approval_diff"], told)
    pipeline.approve()
    pipeline.wait_for_status(PipelineStatus.RUNNING, timeout=10)
    same("carried over", list(pipeline.query("SELECT n FROM v")), [{"n": 3}])
    pipeline.stop(force=False)
    pipeline.modify(sql=OLD)
    pipeline.start(bootstrap_policy=BootstrapPolicy.REJECT, wait=False)
    while not pipeline.deployment_error():
        time.sleep(0.1)
    same("rejected", pipeline.deployment_error()["error_code"], "BootstrapRejected")
    pipeline.stop(force=True)
    pipeline.delete(clear_storage=True)


def failures(client):
    """A pipeline that stops by itself says why."""
    sql = "CREATE TABLE t (a INT);\nCREATE VIEW v AS SELECT 1 / a AS b FROM t;"
    pipeline = PipelineBuilder(client, "fails", sql).create()
    pipeline.start()
    pipeline.input_json("t", {"a": 0}, wait=False)
    pipeline.wait_for_status(PipelineStatus.STOPPED, timeout=15)
    same("why", pipeline.deployment_error()["error_code"], "RuntimeError.WorkerPanic")
    same("program", (pipeline.program_status(), len(pipeline.errors())), (ProgramStatus.Success, 1))
    pipeline.dismiss_error()
    same("dismissed", pipeline.deployment_error(), None)
    pipeline.delete(clear_storage=True)


def installation(client):
    same("edition", client.get_config().edition.value, "Enterprise")
    key = client.create_api_key("one", "read")
    true("a key", key["api_key"].startswith("apikey:"))
    same("no more rights", type(client).__name__, "FelderaClient")
    events = client.get_cluster_events()
    same("cluster", client.get_cluster_event("latest")["id"], events[0]["id"])
    tenant = client.create_tenant("acme")
    same("tenant", client.get_tenant("acme")["id"], tenant["id"])
    same("renamed", client.rename_tenant(tenant["id"], "acne"), {"displaced": None})
    true("tenants", "acne" in [one["name"] for one in client.list_tenants()])
    client.delete_tenant(tenant["id"])
    refused("gone", "UnknownTenant", lambda: client.get_tenant(tenant["id"]))
    client.create_oidc_trust("ci", "https://issuer.example.com", "repo:x:*", audience="us", role="write")
    same("trust", (client.get_oidc_trust("ci")["role"], len(client.list_oidc_trust())), ("write", 1))
    client.delete_oidc_trust("ci")
    same("no trust", client.list_oidc_trust(), [])


def main(client):
    pipeline = programs(client)
    wrong_programs(client)
    deployments(client, pipeline)
    versions(client)
    failures(client)
    installation(client)


if __name__ == "__main__":
    run(main)

"""Projects and keys: created, seen, changed, deleted; who may do what."""

import re
import time
import uuid

from conftest import Project, client

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")


def test_a_project_lives_and_its_id_is_free_again(admin):
    name = f"flow_{uuid.uuid4().hex[:8]}"
    made = admin.post("/projects", json={"id": name, "name": "Sales", "settings": {"a": 1}})
    assert made.status_code == 201
    body = made.json()
    assert re.fullmatch(f"proj_{name}_admin_[0-9a-f]{{32}}", body.pop("api_key"))
    assert TIME.fullmatch(body.pop("created_at")) and TIME.fullmatch(body.pop("updated_at"))
    assert body == {
        "id": name, "name": "Sales", "db_path": f"project_{name}", "size_bytes": 0, "table_count": 0,
        "bucket_count": 0, "status": "active", "settings": {"a": 1}, "organization_id": None,
    }
    again = admin.post("/projects", json={"id": name})
    assert (again.status_code, again.json()["detail"]["error"]) == (409, "project_exists")
    assert again.json()["detail"]["details"]["status"] == "active"
    changed = admin.put(f"/projects/{name}", json={"settings": {"b": 2}}).json()
    assert (changed["name"], changed["settings"]) == ("Sales", {"b": 2})
    assert name in [one["id"] for one in admin.get("/projects", params={"limit": 1000}).json()["projects"]]
    assert name not in deleted_projects(admin)
    assert admin.delete(f"/projects/{name}").status_code == 204
    assert deleted_projects(admin)[name]["status"] == "deleted"
    gone = admin.get(f"/projects/{name}")
    assert (gone.status_code, gone.json()["detail"]["error"]) == (404, "not_found")
    assert admin.post("/projects", json={"id": name}).status_code == 201
    assert name not in deleted_projects(admin)


def deleted_projects(admin):
    """The deleted projects that may still come back, by id."""
    listed = admin.get("/projects", params={"status": "deleted", "limit": 1000}).json()["projects"]
    return {one["id"]: one for one in listed}


def test_names_that_are_no_names_are_refused(admin):
    for name in ["", "a/b", "..", "a..b", "-a", "x" * 65, "žluť", "a b", "a\\b", "a\0b"]:
        answer = admin.post("/projects", json={"id": name})
        assert (answer.status_code, answer.json()["detail"]["error"]) == (400, "invalid_name"), name


def test_counters_are_exact(project):
    table = project.table()
    project.load(table, b"id,name\n1,a\n2,b\n")
    stats = project.get(f"{project.path}/stats")
    assert (stats["bucket_count"], stats["table_count"]) == (1, 1)
    assert stats["size_bytes"] > 0
    project.delete(table)
    assert project.get(project.path)["table_count"] == 0


def test_keys_are_shown_once_and_die_at_once(project):
    keys = f"{project.path}/api-keys"
    made = project.post(keys, {"description": "second", "expires_in_days": "30"})
    assert made["key_prefix"] == f"proj_{project.id}_admin_..." and made["scope"] == "project_admin"
    assert made["id"].startswith("key_") and made["expires_at"]
    listed = project.get(keys)
    assert listed["count"] == len(listed["api_keys"]) == 2
    assert all("api_key" not in key for key in listed["api_keys"])
    with client(made["api_key"]) as second:
        assert second.get(project.path).status_code == 200
        project.delete(f"{keys}/{made['id']}")
        refused = second.get(project.path)
        assert refused.status_code == 403
        assert refused.json()["detail"] == {"error": "forbidden", "message": f"Access denied to project {project.id}"}
    project.delete(f"{keys}/{made['id']}")
    assert project.get(f"{keys}/{made['id']}")["is_revoked"] is True
    last = project.get(keys)["api_keys"][0]["id"]
    project.refused("DELETE", f"{keys}/{last}", 400, "cannot_revoke_last_admin_key")
    for days in [0, 366]:
        assert project.post(keys, {"description": "x", "expires_in_days": days}, 422)["detail"][0]["loc"] == [
            "body", "expires_in_days",
        ]


def test_who_is_not_known_learns_nothing(project, admin):
    other = Project(admin.post("/projects", json={"id": f"{project.id}_x"}).json())
    with client() as nobody:
        answer = nobody.get(project.path)
        assert (answer.status_code, answer.json()) == (401, {"detail": "Not authenticated"})
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    for path in [project.path, "/projects/there-is-none", f"{project.buckets}/b/tables"]:
        answer = other.http.get(path)
        assert (answer.status_code, answer.json()["detail"]["error"]) == (403, "forbidden"), path
    answer = other.http.get("/projects")
    assert answer.status_code == 401
    assert answer.json()["detail"] == {"error": "unauthorized", "message": "Invalid admin API key"}
    assert admin.get(f"/projects/none/branches/default/buckets").json()["detail"]["error"] == "project_not_found"


def test_every_answer_names_its_request(project):
    answer = project.http.get(project.path, headers={"X-Request-ID": "my-request-1"})
    assert answer.headers["X-Request-ID"] == "my-request-1"
    assert project.http.get("/nowhere").headers["X-Request-ID"]
    assert (project.http.get("/projects/x/nowhere").json()) == {"detail": "Not Found"}
    wrong = project.http.patch(project.path)
    assert (wrong.status_code, wrong.json()) == (405, {"detail": "Method Not Allowed"}) and wrong.headers["Allow"]


def test_operations_are_listed_and_counted(project):
    bucket = project.bucket("in_c_counted").rsplit("/", 1)[1]
    for _ in range(300):
        found = project.get(f"{project.path}/operations", params={"object_id": bucket})["operations"]
        if found:
            break
        time.sleep(0.1)
    assert [(one["operation"], one["status"]) for one in found] == [("createBucket", "success")]
    stats = project.get(f"{project.path}/operations/stats", params={"hours": 1})
    counted = {one["operation"]: one for one in stats["operations"]}
    assert counted["createBucket"]["calls"] == 1 and counted["createBucket"]["errors"] == 0
    assert counted["createBucket"]["duration_ms"]["median"] > 0
    project.request("GET", f"{project.path}/operations", 422, params={"status": "done"})

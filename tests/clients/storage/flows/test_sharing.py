"""Buckets of other projects: shared, linked, read as long as the share stands, taken back and let go."""

import uuid

import pytest

from conftest import Project


@pytest.fixture
def lab(admin):
    made = Project(admin.post("/projects", json={"id": f"lab-{uuid.uuid4().hex[:12]}"}).json())
    with made.http:
        yield made


def test_a_bucket_is_shared_linked_read_and_taken_back(project, lab):
    table = project.table()
    bucket, _, name = table.rpartition("/tables/")
    bucket_name = bucket.rpartition("/")[2]
    project.load(table, "id,name\n1,a\n2,b\n")
    link, source = f"{lab.buckets}/theirs/link", {"source_project_id": project.id, "source_bucket_name": bucket_name}
    lab.refused("POST", link, 403, "bucket_not_shared", json=source)
    shared = project.post(f"{bucket}/share", {"target_project_id": lab.id}, 200)
    assert shared["shared_with"] == [lab.id] and not shared["is_linked"], shared
    project.refused("POST", f"{bucket}/share", 409, "already_shared", json={"target_project_id": lab.id})

    linked = lab.post(link, source)
    assert linked["is_linked"] and linked["source_project_id"] == project.id and linked["table_count"] == 1, linked
    lab.refused("POST", link, 409, "bucket_already_linked", json=source)
    theirs = f"{lab.buckets}/theirs/tables/{name}"
    assert lab.get(theirs)["is_linked"] and len(lab.rows(theirs)) == 2
    project.load(table, "id,name\n3,c\n", incremental=True)
    assert [row["id"] for row in lab.rows(theirs)] == [1, 2, 3], "what the source gets, the link shows"
    asked = {"query": f"SELECT count(*) AS n FROM theirs.{name}"}
    assert lab.post(f"{lab.path}/query", asked, 200)["data"]["rows"] == [[3]]
    lab.refused("POST", f"{theirs}/columns", 403, "bucket_readonly", json={"name": "more", "type": "VARCHAR"})
    lab.refused("DELETE", f"{theirs}/rows", 403, "bucket_readonly", json={"where_clause": "1=1"})
    assert len(project.rows(table)) == 3, "and nobody writes through it"

    project.delete(f"{bucket}/share?target_project_id={lab.id}")
    lab.refused("GET", theirs, 403, "share_revoked")
    lab.refused("GET", f"{theirs}/preview", 403, "share_revoked")
    project.post(f"{bucket}/share", {"target_project_id": lab.id}, 200)
    assert len(lab.rows(theirs)) == 3, "shared again, the link is what it was"
    lab.delete(link)
    lab.refused("GET", f"{lab.buckets}/theirs", 404, "bucket_not_found")
    assert len(project.rows(table)) == 3


def test_an_organisation_links_what_it_shares(project, lab, admin):
    table = project.table()
    bucket, _, name = table.rpartition("/tables/")
    bucket_name = bucket.rpartition("/")[2]
    project.load(table, "id,name\n1,a\n2,b\n")
    link, source = f"{lab.buckets}/theirs/link", {"source_project_id": project.id, "source_bucket_name": bucket_name}
    project.refused("PUT", f"{bucket}/share", 400, "no_organization", json={"sharing": "organization"})
    project.refused("PUT", project.path, 403, "organization_by_admin", json={"organization_id": "acme"})
    acme = f"acme-{uuid.uuid4().hex[:12]}"
    for member in (project, lab):
        moved = admin.put(member.path, json={"organizationId": acme})
        assert moved.status_code == 200 and moved.json()["organization_id"] == acme, moved.text
    project.refused("PUT", f"{bucket}/share", 400, "sharing_by_user", json={"sharing": "selected-users"})
    assert lab.get(f"{lab.path}/shared-buckets") == {"shared_buckets": [], "total": 0}
    shared = project.put(f"{bucket}/share", {"sharing": "organization-project"})
    assert shared == {"sharing": "organization-project", "shared_with": []}

    [found] = lab.get(f"{lab.path}/shared-buckets")["shared_buckets"]
    assert (found["source_project_id"], found["source_bucket_name"]) == (project.id, bucket_name)
    assert (found["table_count"], found["row_count"], found["linked_as"]) == (1, 2, []) and found["size_bytes"] > 0
    assert project.get(f"{project.path}/shared-buckets")["total"] == 0, "its own it need not link"
    lab.post(link, {key: found[key] for key in source})
    theirs = f"{lab.buckets}/theirs/tables/{name}"
    assert len(lab.rows(theirs)) == 2
    [linked] = project.get(f"{bucket}/links")["links"]
    assert (linked["project_id"], linked["bucket_name"], linked["is_open"]) == (lab.id, "theirs", True)
    nobody = {"sharing": "selected-projects", "targets": []}
    in_use = project.refused("PUT", f"{bucket}/share", 409, "sharing_in_use", json=nobody)
    assert in_use == {"projects": [lab.id]}

    project.delete(f"{bucket}/links/{lab.id}")
    lab.refused("GET", f"{theirs}/preview", 403, "share_revoked")
    project.refused("DELETE", f"{bucket}/links/{lab.id}", 404, "link_not_found")
    assert project.put(f"{bucket}/share", nobody) == {"sharing": None, "shared_with": []}
    lab.delete(link)
    lab.refused("POST", link, 403, "bucket_not_shared", json=source)


def test_a_bucket_is_read_only_for_a_while(project):
    table = project.table()
    bucket = table.rpartition("/tables/")[0]
    assert project.post(f"{bucket}/grant-readonly", status=200)["status"] == "success"
    project.delete(f"{bucket}/grant-readonly")
    project.load(table, "id,name\n1,a\n")
    project.delete(f"{project.buckets}/none/grant-readonly")

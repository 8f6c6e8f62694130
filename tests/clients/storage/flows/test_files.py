"""Files in three stages."""

import hashlib


def test_a_file_goes_through_its_stages(project):
    files = f"{project.path}/files"
    content = b"0123456789"
    prepared = project.post(f"{files}/prepare", {"filename": "a b.txt", "content_type": "text/plain", "tags": {"k": "v"}}, 200)
    key = prepared["upload_key"]
    project.refused("POST", files, 400, "file_not_uploaded", json={"upload_key": key})
    staged = project.post(prepared["upload_url"], status=200, files={"file": ("other", content)})
    assert staged["checksum_sha256"] == hashlib.sha256(content).hexdigest()
    assert staged["staging_path"] == f"staging/{key}_a b.txt"
    listed = project.get(files, params={"include_staged": True})
    assert [(one["id"], one["is_staged"]) for one in listed["files"]] == [(key, True)]
    assert project.get(files)["total"] == 0
    file = project.post(files, {"upload_key": key, "tags": {"l": "w"}})
    assert (file["name"], file["size_bytes"], file["is_staged"]) == ("a b.txt", 10, False)
    assert file["tags"] == {"k": "v", "l": "w"} and file["path"].startswith(f"project_{project.id}/")
    project.refused("POST", files, 404, "upload_session_not_found", json={"upload_key": key})
    download = f"{files}/{file['id']}/download"
    whole = project.request("GET", download, 200)
    assert whole.content == content and whole.headers["Content-Type"] == "text/plain"
    assert whole.headers["Content-Disposition"] == 'attachment; filename="a b.txt"'
    part = project.request("GET", download, 206, headers={"Range": "bytes=2-4"})
    assert (part.content, part.headers["Content-Range"]) == (b"234", "bytes 2-4/10")
    project.request("GET", download, 416, headers={"Range": "bytes=10-"})
    project.delete(f"{files}/{file['id']}")
    project.refused("GET", f"{files}/{file['id']}", 404, "file_not_found")


def test_declared_values_must_hold(project):
    files = f"{project.path}/files"
    for declared, code in [({"size_bytes": 3}, "size_mismatch"), ({"checksum_sha256": "0" * 64}, "checksum_mismatch")]:
        prepared = project.post(f"{files}/prepare", {"filename": "x", **declared}, 200)
        project.refused("POST", prepared["upload_url"], 400, code, files={"file": ("x", b"1234")})
    project.refused(
        "POST", f"{files}/prepare", 400, "file_too_large", json={"filename": "x", "size_bytes": 11 * 1024**3}
    )
    for name in ["a/b", "a\\b", "x" * 256, "a\nb", ""]:
        project.refused("POST", f"{files}/prepare", 400, "invalid_name", json={"filename": name})
    prepared = project.post(f"{files}/prepare", {"filename": "x"}, 200)
    nothing = project.request("POST", prepared["upload_url"], 422, files={"other": ("x", b"1")})
    assert nothing.json()["detail"][0]["loc"] == ["body", "file"]


def test_another_project_cannot_use_an_upload(project, admin):
    from conftest import Project

    other = Project(admin.post("/projects", json={"id": f"{project.id}-other"}).json())
    prepared = project.post(f"{project.path}/files/prepare", {"filename": "x"}, 200)
    key = prepared["upload_key"]
    other.refused("POST", f"{other.path}/files/upload/{key}", 403, "upload_session_mismatch", files={"file": ("x", b"1")})
    project.post(prepared["upload_url"], status=200, files={"file": ("x", b"1")})
    other.refused("POST", f"{other.path}/files", 403, "upload_session_mismatch", json={"upload_key": key})

"""What the flows share: a client with the admin key, and a project of each flow's own."""

import os
import uuid

import httpx
import pytest

URL = os.environ["STORAGE_URL"]
ADMIN = os.environ["STORAGE_ADMIN_KEY"]
SECONDS_MAX = 120.0


def client(key=None):
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.Client(base_url=URL, headers=headers, timeout=SECONDS_MAX, trust_env=False)


@pytest.fixture
def admin():
    with client(ADMIN) as session:
        yield session


class Project:
    """A project as one of its own keys sees it."""

    def __init__(self, made):
        self.id = made["id"]
        self.key = made["api_key"]
        self.http = client(self.key)
        self.path = f"/projects/{self.id}"
        self.buckets = f"{self.path}/branches/default/buckets"

    def request(self, method, path, status, **more):
        answer = self.http.request(method, path, **more)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    def get(self, path, status=200, **more):
        return self.request("GET", path, status, **more).json()

    def post(self, path, body=None, status=201, **more):
        return self.request("POST", path, status, json=body, **more).json()

    def put(self, path, body, status=200):
        return self.request("PUT", path, status, json=body).json()

    def delete(self, path, body=None, status=204):
        answer = self.request("DELETE", path, status, json=body)
        return answer.json() if answer.content else None

    def refused(self, method, path, status, code, **more):
        """An error of the surface; gives its details."""
        detail = self.request(method, path, status, **more).json()["detail"]
        assert detail["error"] == code, detail
        assert detail["message"], detail
        return detail.get("details") or {}

    def bucket(self, name="in_c_sales"):
        self.post(self.buckets, {"name": name})
        return f"{self.buckets}/{name}"

    def table(self, name="orders", columns=(("id", "INTEGER"), ("name", "VARCHAR")), primary_key=("id",)):
        bucket = self.bucket(f"in_c_{uuid.uuid4().hex[:8]}")
        columns = [{"name": column, "type": kind} for column, kind in columns]
        self.post(f"{bucket}/tables", {"name": name, "columns": columns, "primary_key": list(primary_key)})
        return f"{bucket}/tables/{name}"

    def upload(self, content, name="data.csv", **prepare):
        prepared = self.post(f"{self.path}/files/prepare", {"filename": name, **prepare}, 200)
        assert prepared["upload_url"] == f"{self.path}/files/upload/{prepared['upload_key']}"
        self.post(prepared["upload_url"], status=200, files={"file": (name, content)})
        return self.post(f"{self.path}/files", {"upload_key": prepared["upload_key"]})["id"]

    def load(self, table, content, status=200, csv=None, **options):
        body = {"file_id": self.upload(content), "import_options": options}
        if csv is not None:
            body["csv_options"] = csv
        return self.post(f"{table}/import/file", body, status)

    def rows(self, table, **query):
        return self.get(f"{table}/preview", params=query)["rows"]


@pytest.fixture
def project(admin):
    answer = admin.post("/projects", json={"id": f"flow-{uuid.uuid4().hex[:12]}"})
    assert answer.status_code == 201, answer.text
    made = Project(answer.json())
    with made.http:
        yield made

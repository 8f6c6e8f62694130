-- Buckets that show those of other projects, and who may show which. A share is with one incarnation of a project, a link to
-- one of a bucket. `target_project` is empty for the role of a bucket, which nobody reads by.

CREATE TABLE links (
    tenant         text COLLATE "C" NOT NULL,
    project        text COLLATE "C" NOT NULL,
    bucket         text COLLATE "C" NOT NULL,
    source_project text COLLATE "C" NOT NULL,
    source_bucket  text COLLATE "C" NOT NULL,
    source_uid     text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, project, bucket)
);

CREATE TABLE shares (
    tenant         text COLLATE "C" NOT NULL,
    project        text COLLATE "C" NOT NULL,
    bucket         text COLLATE "C" NOT NULL,
    target_project text COLLATE "C" NOT NULL,
    uid            text COLLATE "C" NOT NULL,
    target_uid     text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, project, bucket, target_project)
);

-- Links that show something: the source is the one they were made to, and shared with who asks.
CREATE VIEW open_links AS
SELECT l.* FROM links AS l
JOIN buckets AS b
  ON b.tenant = l.tenant AND b.project = l.source_project AND b.name = l.source_bucket AND b.uid = l.source_uid
JOIN shares AS s
  ON s.tenant = l.tenant AND s.project = l.source_project AND s.bucket = l.source_bucket AND s.uid = l.source_uid
  AND s.target_project = l.project
JOIN projects AS p ON p.tenant = l.tenant AND p.id = l.project AND p.uid = s.target_uid;

-- Tables under the names a project knows them by: its own, and those of its links that no table of its own hides.
CREATE VIEW named_tables AS
SELECT uid, tenant, project, branch, bucket, name, columns, primary_key, created_at, changed_seq, false AS is_linked
FROM tables
UNION ALL
SELECT t.uid, l.tenant, l.project, 'default', l.bucket, t.name, t.columns, t.primary_key, t.created_at, t.changed_seq, true
FROM open_links AS l
JOIN tables AS t
  ON t.tenant = l.tenant AND t.project = l.source_project AND t.bucket = l.source_bucket AND t.branch = 'default'
WHERE NOT EXISTS (
  SELECT 1 FROM tables AS o
  WHERE o.tenant = l.tenant AND o.project = l.project AND o.bucket = l.bucket AND o.branch = 'default'
    AND lower(o.name) = lower(t.name));

-- Organisations, and buckets that every project of one may link. `sharing` is null where only those may that a share names; a share
-- `by_level` stands only as long as its project has a link. A closed link shows nothing, whatever is shared later.

ALTER TABLE projects ADD COLUMN organization text COLLATE "C";
ALTER TABLE deleted_projects ADD COLUMN organization text COLLATE "C";
ALTER TABLE buckets ADD COLUMN sharing text;
ALTER TABLE shares ADD COLUMN by_level boolean NOT NULL DEFAULT false;
ALTER TABLE links ADD COLUMN is_closed boolean NOT NULL DEFAULT false;

CREATE INDEX buckets_shared ON buckets (tenant, project) WHERE sharing IS NOT NULL;
CREATE INDEX projects_of_organization ON projects (tenant, organization) WHERE organization IS NOT NULL;
CREATE INDEX shares_of_target ON shares (tenant, target_project);
CREATE INDEX links_of_source ON links (tenant, source_project, source_bucket);

CREATE OR REPLACE VIEW open_links AS
SELECT l.tenant, l.project, l.bucket, l.source_project, l.source_bucket, l.source_uid FROM links AS l
JOIN buckets AS b
  ON b.tenant = l.tenant AND b.project = l.source_project AND b.name = l.source_bucket AND b.uid = l.source_uid
JOIN shares AS s
  ON s.tenant = l.tenant AND s.project = l.source_project AND s.bucket = l.source_bucket AND s.uid = l.source_uid
  AND s.target_project = l.project
JOIN projects AS p ON p.tenant = l.tenant AND p.id = l.project AND p.uid = s.target_uid
WHERE NOT l.is_closed;

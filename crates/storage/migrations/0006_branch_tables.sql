-- Tables of dev branches: a name stands for one table a branch. What a branch has none of, it shows of the main line.

ALTER TABLE tables
  ADD COLUMN branch text COLLATE "C" NOT NULL DEFAULT 'default',
  DROP CONSTRAINT tables_tenant_project_bucket_name_key,
  ADD UNIQUE (tenant, project, bucket, name, branch);

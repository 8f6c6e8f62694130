-- What branches say of projects, branches, buckets, tables and columns. `object` is the uid of the project (of its branches too), the
-- bucket or the table; for tables of dev branches that of the main line's table that they show or have taken. `column_name` is in
-- small letters, empty for the object itself. Without a value, a dev branch hides what the main line says.

CREATE TABLE metadata (
    tenant      text COLLATE "C" NOT NULL,
    project     text COLLATE "C" NOT NULL,
    kind        text COLLATE "C" NOT NULL,
    object      text COLLATE "C" NOT NULL,
    column_name text COLLATE "C" NOT NULL,
    id          text COLLATE "C" NOT NULL,
    branch      text COLLATE "C" NOT NULL,
    provider    text COLLATE "C" NOT NULL,
    key         text COLLATE "C" NOT NULL,
    value       text COLLATE "C",
    changed_at  bigint NOT NULL,
    PRIMARY KEY (tenant, kind, object, column_name, id, branch)
);
CREATE INDEX metadata_of_projects ON metadata (tenant, project, branch);
CREATE INDEX tables_copied ON tables (copy_of) WHERE copy_of IS NOT NULL;

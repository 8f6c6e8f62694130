-- Views of tables, by their own names. `columns` is null where an alias shows all that its source has; the source is what the branch
-- that is looked through shows under its names.

CREATE TABLE aliases (
    uid           text COLLATE "C" PRIMARY KEY,
    tenant        text COLLATE "C" NOT NULL,
    project       text COLLATE "C" NOT NULL,
    branch        text COLLATE "C" NOT NULL,
    bucket        text COLLATE "C" NOT NULL,
    name          text COLLATE "C" NOT NULL,
    source_bucket text COLLATE "C" NOT NULL,
    source_table  text COLLATE "C" NOT NULL,
    columns       text,
    filter        text NOT NULL,
    created_at    bigint NOT NULL,
    UNIQUE (tenant, project, bucket, name, branch)
);

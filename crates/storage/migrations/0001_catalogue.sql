-- Names stand once per tenant and project. Texts that only travel to clients (settings, columns, tags) are kept as the JSON
-- text of their event: Postgres' jsonb would refuse some and reorder others. Times are microseconds since 1970.

CREATE TABLE projects (
    tenant     text COLLATE "C" NOT NULL,
    id         text COLLATE "C" NOT NULL,
    uid        text NOT NULL,
    name       text,
    settings   text NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX projects_newest ON projects (tenant, created_at DESC, id);

CREATE TABLE buckets (
    tenant      text COLLATE "C" NOT NULL,
    project     text COLLATE "C" NOT NULL,
    name        text COLLATE "C" NOT NULL,
    uid         text NOT NULL,
    description text,
    created_at  bigint NOT NULL,
    PRIMARY KEY (tenant, project, name)
);

CREATE TABLE tables (
    uid         text COLLATE "C" PRIMARY KEY,
    tenant      text COLLATE "C" NOT NULL,
    project     text COLLATE "C" NOT NULL,
    bucket      text COLLATE "C" NOT NULL,
    name        text COLLATE "C" NOT NULL,
    columns     text NOT NULL,
    primary_key text NOT NULL,
    created_at  bigint NOT NULL,
    changed_seq bigint NOT NULL,
    UNIQUE (tenant, project, bucket, name)
);

CREATE TABLE files (
    id           text COLLATE "C" NOT NULL,
    tenant       text COLLATE "C" NOT NULL,
    project      text COLLATE "C" NOT NULL,
    name         text NOT NULL,
    content_type text,
    blob         text,
    size_bytes   bigint,
    tags         text NOT NULL,
    is_registered boolean NOT NULL,
    created_at   bigint NOT NULL,
    expires_at   bigint,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX files_newest ON files (tenant, project, created_at DESC, id);

-- Counts and columns come with the table's own events; until both are there nobody sees the snapshot.
CREATE TABLE snapshots (
    table_uid   text COLLATE "C" NOT NULL,
    id          text COLLATE "C" NOT NULL,
    tenant      text COLLATE "C" NOT NULL,
    project     text COLLATE "C" NOT NULL,
    branch      text COLLATE "C" NOT NULL,
    bucket      text COLLATE "C" NOT NULL,
    table_name  text COLLATE "C" NOT NULL,
    kind        text COLLATE "C" NOT NULL,
    description text,
    created_by  text NOT NULL,
    created_at  bigint NOT NULL,
    expires_at  bigint NOT NULL,
    columns     text,
    primary_key text,
    row_count   bigint,
    size_bytes  bigint,
    PRIMARY KEY (table_uid, id)
);
CREATE INDEX snapshots_newest ON snapshots (tenant, project, branch, created_at DESC, id);

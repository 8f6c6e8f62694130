-- Projects that were deleted, each with what it held then: what can be listed, and while its window lasts brought back. An id that
-- stands for a project again has none.

CREATE TABLE deleted_projects (
    tenant       text COLLATE "C" NOT NULL,
    id           text COLLATE "C" NOT NULL,
    uid          text NOT NULL,
    name         text,
    settings     text NOT NULL,
    created_at   bigint NOT NULL,
    deleted_at   bigint NOT NULL,
    bucket_count bigint NOT NULL,
    table_count  bigint NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE raw_before (
    tenant     text COLLATE "C" NOT NULL,
    id         text COLLATE "C" NOT NULL,
    uid        text NOT NULL,
    name       text,
    settings   text NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX raw_before_newest ON raw_before (tenant, created_at DESC, id);

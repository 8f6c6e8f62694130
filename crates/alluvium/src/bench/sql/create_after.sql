CREATE TABLE raw_after (
    tenant     text COLLATE "C" NOT NULL,
    id         text COLLATE "C" NOT NULL,
    uid        text NOT NULL,
    name       text,
    settings   text NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX raw_after_newest ON raw_after (tenant, created_at DESC, id);

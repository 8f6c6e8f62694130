-- All moments are microseconds since 1970, as on the log.
CREATE TABLE key (
    tenant text NOT NULL,
    id text NOT NULL,
    project text NOT NULL,
    digest text NOT NULL UNIQUE,
    prefix text NOT NULL,
    scope text NOT NULL,
    description text NOT NULL,
    issued_at bigint NOT NULL,
    issued_by text NOT NULL,
    expires_at bigint,
    revoked boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX key_by_project ON key (tenant, project, issued_at DESC, id) WHERE NOT revoked;

CREATE TABLE tenant (
    tenant text PRIMARY KEY,
    publishers text NOT NULL
);

-- Not a fold of the log: survives every rebuild, and may be emptied without harm.
CREATE SCHEMA IF NOT EXISTS access_usage;
CREATE TABLE IF NOT EXISTS access_usage.key_use (
    tenant text NOT NULL,
    id text NOT NULL,
    last_used_at bigint NOT NULL, -- microseconds since 1970
    PRIMARY KEY (tenant, id)
);

-- Sequences are those of EV_SCHEMAS: how it was with message n is every row with from_seq <= n and no later end before it.
CREATE TABLE schema (
    tenant text NOT NULL,
    ctx text NOT NULL,
    id bigint NOT NULL,
    type text NOT NULL,
    text text NOT NULL,
    metadata text,
    rule_set text,
    identity_sha256 text NOT NULL,
    guid text NOT NULL,
    fp64 bigint,
    first_seq bigint NOT NULL,
    PRIMARY KEY (tenant, ctx, id)
);
CREATE INDEX schema_by_guid ON schema (guid);
CREATE INDEX schema_by_fp64 ON schema (fp64);

CREATE TABLE subject_version (
    tenant text NOT NULL,
    ctx text NOT NULL,
    subject text NOT NULL,
    version bigint NOT NULL,
    id bigint NOT NULL,
    registered_by text NOT NULL,
    registered_at bigint NOT NULL,
    from_seq bigint NOT NULL,
    soft_seq bigint,
    purged_seq bigint,
    -- Numbers begin again after a subject has gone.
    PRIMARY KEY (tenant, ctx, subject, version, from_seq)
);
CREATE INDEX subject_version_by_id ON subject_version (tenant, ctx, id);

CREATE TABLE reference (
    tenant text NOT NULL,
    ctx text NOT NULL,
    id bigint NOT NULL,
    name text NOT NULL,
    subject text NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (tenant, ctx, id, name, subject, version)
);

CREATE TABLE setting_history (
    tenant text NOT NULL,
    ctx text NOT NULL,
    -- config or mode
    what text NOT NULL,
    scope text NOT NULL,
    value text NOT NULL,
    changed_by text NOT NULL,
    from_seq bigint NOT NULL,
    to_seq bigint,
    PRIMARY KEY (tenant, ctx, what, scope, from_seq)
);
CREATE VIEW config_history AS SELECT tenant, ctx, scope, value, changed_by, from_seq, to_seq FROM setting_history WHERE what = 'config';
CREATE VIEW mode_history AS SELECT tenant, ctx, scope, value, changed_by, from_seq, to_seq FROM setting_history WHERE what = 'mode';

-- One row a message of the stream, as the message says it; rows of messages that the stream has let go of are deleted.
CREATE TABLE call (
    seq         bigint PRIMARY KEY,
    uuid        text NOT NULL,
    tenant      text NOT NULL,
    created     bigint NOT NULL,
    channel     text NOT NULL,
    operation   text NOT NULL,
    event       text NOT NULL,
    kind        text NOT NULL,
    message     text NOT NULL,
    denied      boolean NOT NULL,
    status      integer NOT NULL,
    code        text,
    actor       text,
    project     text,
    branch      text,
    bucket      text,
    table_name  text,
    key_id      text,
    object_type text,
    object_id   text,
    object_name text,
    component   text,
    run_id      text,
    params      text NOT NULL,
    results     text NOT NULL,
    duration_us bigint,
    request_id  text,
    remote_addr text,
    user_agent  text
);
CREATE INDEX call_uuid ON call (uuid);
CREATE INDEX call_project ON call (tenant, project, seq);
CREATE INDEX call_bucket ON call (tenant, project, bucket, table_name, seq) WHERE bucket IS NOT NULL;
CREATE INDEX call_key ON call (tenant, project, key_id, seq) WHERE key_id IS NOT NULL;
CREATE INDEX call_actor ON call (tenant, project, actor, seq);

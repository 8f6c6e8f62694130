-- Objects that are uploaded in parts. A completed upload is kept until its time is over, with what named the content, for clients
-- that did not hear the answer; its parts are not.

CREATE TABLE multiparts (
    tenant       text COLLATE "C" NOT NULL,
    upload       text COLLATE "C" NOT NULL,
    project      text COLLATE "C" NOT NULL,
    branch       text NOT NULL,
    key          text COLLATE "C" NOT NULL,
    content_type text,
    started_at   bigint NOT NULL,
    expires_at   bigint NOT NULL,
    md5          text,
    PRIMARY KEY (tenant, upload)
);
CREATE INDEX multiparts_open ON multiparts (tenant, project, key, upload) WHERE md5 IS NULL;
CREATE INDEX multiparts_ending ON multiparts (expires_at);

CREATE TABLE multipart_parts (
    tenant     text COLLATE "C" NOT NULL,
    upload     text COLLATE "C" NOT NULL,
    number     integer NOT NULL,
    blob       text NOT NULL,
    size_bytes bigint NOT NULL,
    md5        text NOT NULL,
    staged_at  bigint NOT NULL,
    PRIMARY KEY (tenant, upload, number)
);

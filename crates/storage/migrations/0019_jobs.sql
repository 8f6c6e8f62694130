-- Requests that are answered later. One that has ended has an answer; one that has not is carried out, if need be again.
CREATE TABLE jobs (
    id         text COLLATE "C" PRIMARY KEY,
    tenant     text COLLATE "C" NOT NULL,
    project    text COLLATE "C" NOT NULL,
    branch     text COLLATE "C" NOT NULL,
    operation  text COLLATE "C" NOT NULL,
    table_id   text,
    method     text NOT NULL,
    target     text NOT NULL,
    body       text NOT NULL,
    run_id     text,
    node       text NOT NULL,
    created_by text NOT NULL,
    created_at bigint NOT NULL,
    started_at bigint,
    ended_at   bigint,
    is_success boolean,
    answer     text
);
CREATE INDEX jobs_newest ON jobs (tenant, project, created_at DESC, id);
CREATE INDEX jobs_open ON jobs (created_at, id) WHERE ended_at IS NULL;

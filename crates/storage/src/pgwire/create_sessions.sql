-- Not a fold of the log: who is logged in. Survives every rebuild, and may be emptied while nobody is.
CREATE SCHEMA IF NOT EXISTS pgwire;
CREATE TABLE IF NOT EXISTS pgwire.sessions (
    session_id       text COLLATE "C" PRIMARY KEY,
    workspace_uid    text COLLATE "C" NOT NULL,
    workspace_id     text COLLATE "C" NOT NULL,
    client_ip        text,
    node             text, -- the process that serves it; null for one of somebody else
    connected_at     bigint NOT NULL, -- microseconds since 1970
    last_activity_at bigint NOT NULL,
    query_count      bigint NOT NULL DEFAULT 0,
    status           text NOT NULL DEFAULT 'active'
);
-- Who logged in; null where that is not known.
ALTER TABLE pgwire.sessions ADD COLUMN IF NOT EXISTS username text COLLATE "C";
CREATE INDEX IF NOT EXISTS sessions_active ON pgwire.sessions (workspace_uid) WHERE status = 'active';
CREATE INDEX IF NOT EXISTS sessions_newest ON pgwire.sessions (connected_at);

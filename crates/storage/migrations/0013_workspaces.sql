-- What lies in a workspace is not on the log and not here.
CREATE TABLE workspaces (
    uid              text COLLATE "C" PRIMARY KEY,
    tenant           text COLLATE "C" NOT NULL,
    project          text COLLATE "C" NOT NULL,
    branch           text COLLATE "C" NOT NULL,
    id               text COLLATE "C" NOT NULL,
    name             text NOT NULL,
    created_at       bigint NOT NULL,
    expires_at       bigint,
    size_limit_bytes bigint NOT NULL,
    username         text COLLATE "C" NOT NULL,
    password_hash    text NOT NULL,
    is_let_go        boolean NOT NULL,
    UNIQUE (tenant, project, id)
);
CREATE INDEX workspaces_newest ON workspaces (tenant, project, created_at DESC, id);
CREATE INDEX workspaces_ending ON workspaces (expires_at) WHERE expires_at IS NOT NULL AND NOT is_let_go;

-- Who logs in to a workspace besides the user that it was made with. They go with it.
CREATE TABLE workspace_credentials (
    uid           text COLLATE "C" NOT NULL REFERENCES workspaces (uid) ON DELETE CASCADE,
    id            text COLLATE "C" NOT NULL,
    name          text NOT NULL,
    username      text COLLATE "C" NOT NULL,
    password_hash text NOT NULL,
    created_at    bigint NOT NULL,
    PRIMARY KEY (uid, id)
);
CREATE INDEX workspace_credentials_users ON workspace_credentials (username);

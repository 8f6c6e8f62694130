-- Who logs in to a workspace is known by the user's name alone.
CREATE INDEX workspaces_users ON workspaces (username);

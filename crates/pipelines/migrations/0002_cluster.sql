-- How the parts of the installation were after each change.
CREATE TABLE cluster_event (
    id text PRIMARY KEY,
    recorded_at bigint NOT NULL,
    body text NOT NULL
);
CREATE INDEX cluster_event_by_time ON cluster_event (recorded_at, id);

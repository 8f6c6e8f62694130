-- What each level says about snapshots, as JSON; it goes with the project, bucket or table that says it.
ALTER TABLE projects ADD COLUMN snapshot_settings text;
ALTER TABLE buckets ADD COLUMN snapshot_settings text;
ALTER TABLE tables ADD COLUMN snapshot_settings text;
CREATE INDEX snapshots_over ON snapshots (expires_at);

-- Files are objects too: known by a key, with the digest that clients of objects ask for; and they may belong to a client's run.

ALTER TABLE files ADD COLUMN md5 text, ADD COLUMN key text COLLATE "C", ADD COLUMN run_id text;

UPDATE files
SET key = to_char(to_timestamp(created_at / 1000000) AT TIME ZONE 'UTC', 'YYYY/MM/DD') || '/' || id || '_' || name
WHERE is_registered;

CREATE INDEX files_keys ON files (tenant, project, key) WHERE is_registered;
CREATE INDEX files_ending ON files (expires_at) WHERE expires_at IS NOT NULL AND (blob IS NOT NULL OR NOT is_registered);

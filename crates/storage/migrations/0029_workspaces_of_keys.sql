-- A workspace that a key of chosen buckets made is that key's: other keys of chosen buckets do not see it.

ALTER TABLE workspaces ADD COLUMN holder text COLLATE "C" NOT NULL DEFAULT '';

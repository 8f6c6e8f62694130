-- A file is of a branch when a key of that branch made it, or an export of it did: keys of the branch see it, and no other files.

ALTER TABLE files ADD COLUMN branch text NOT NULL DEFAULT 'default';

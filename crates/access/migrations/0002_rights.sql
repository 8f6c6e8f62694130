-- What a key may do in the schema registry.
ALTER TABLE key ADD COLUMN rights text[] NOT NULL DEFAULT '{}';

-- What a key of chosen buckets may, as JSON.
ALTER TABLE key ADD COLUMN permissions text;

-- Who holds a key, sealed.
ALTER TABLE key ADD COLUMN person text;

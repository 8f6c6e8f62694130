-- Of one scope, or of all of the context when none is named.
UPDATE setting_history
SET to_seq = $5
WHERE tenant = $1 AND ctx = $2 AND what = ANY($3::text[]) AND ($4::text IS NULL OR scope = $4) AND to_seq IS NULL

-- With its last version a subject loses its settings.
UPDATE setting_history
SET to_seq = $4
WHERE
    tenant = $1 AND ctx = $2 AND scope = $3 AND to_seq IS NULL
    AND NOT EXISTS (
        SELECT 1
        FROM subject_version
        WHERE tenant = $1 AND ctx = $2 AND subject = $3 AND purged_seq IS NULL
    )

UPDATE subject_version
SET purged_seq = $5
WHERE tenant = $1 AND ctx = $2 AND subject = $3 AND version = ANY($4::bigint[]) AND purged_seq IS NULL

UPDATE subject_version
SET soft_seq = $5
WHERE tenant = $1 AND ctx = $2 AND subject = $3 AND version = ANY($4::bigint[]) AND soft_seq IS NULL AND purged_seq IS NULL

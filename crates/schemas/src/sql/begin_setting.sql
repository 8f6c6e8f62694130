INSERT INTO setting_history (tenant, ctx, what, scope, value, changed_by, from_seq)
VALUES ($1, $2, $3, $4, $5, $6, $7)
-- A setting that one message changes twice is what it says last.
ON CONFLICT (tenant, ctx, what, scope, from_seq) DO UPDATE SET value = excluded.value, to_seq = NULL

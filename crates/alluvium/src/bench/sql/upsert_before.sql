INSERT INTO raw_before (tenant, id, uid, settings, created_at, updated_at)
SELECT tenant, id, uid, settings, at, at
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[]) AS row (tenant, id, uid, settings, at)
ON CONFLICT (tenant, id) DO UPDATE SET uid = excluded.uid, settings = excluded.settings, updated_at = excluded.updated_at

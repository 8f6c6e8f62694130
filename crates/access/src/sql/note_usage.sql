INSERT INTO access_usage.key_use AS known (tenant, id, last_used_at)
SELECT tenant, id, max(last_used_at)
FROM unnest($1::text[], $2::text[], $3::bigint[]) AS note (tenant, id, last_used_at)
GROUP BY tenant, id
ON CONFLICT (tenant, id) DO UPDATE SET last_used_at = greatest(known.last_used_at, excluded.last_used_at)

INSERT INTO cluster_event (id, recorded_at, body)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[])
ON CONFLICT (id) DO NOTHING

INSERT INTO reference (tenant, ctx, id, name, subject, version)
SELECT *
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::bigint[])
ON CONFLICT DO NOTHING

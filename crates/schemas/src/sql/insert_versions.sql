INSERT INTO subject_version (tenant, ctx, subject, version, id, registered_by, registered_at, from_seq)
SELECT *
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::bigint[], $8::bigint[])

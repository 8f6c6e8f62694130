INSERT INTO schema (tenant, ctx, id, type, text, metadata, rule_set, identity_sha256, guid, fp64, first_seq)
SELECT *
FROM unnest(
    $1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::bigint[],
    $11::bigint[]
)
-- An id is the same content for ever.
ON CONFLICT DO NOTHING

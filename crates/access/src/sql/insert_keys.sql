INSERT INTO key (tenant, id, project, digest, prefix, scope, description, issued_at, issued_by, expires_at, rights, branch, permissions,
    person)
SELECT tenant, id, project, digest, prefix, scope, description, issued_at, issued_by, expires_at,
    string_to_array(rights, E'\n'), branch, permissions, person
FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::text[], $10::bigint[],
    -- One right a line: arrays of arrays would have to be of one length.
    $11::text[],
    $12::text[],
    $13::text[],
    $14::text[]
) AS issued (tenant, id, project, digest, prefix, scope, description, issued_at, issued_by, expires_at, rights, branch,
    permissions, person)
-- An id or a digest that was there before stays with who had it first.
ON CONFLICT DO NOTHING

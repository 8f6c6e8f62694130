UPDATE key SET revoked = true
FROM unnest($1::text[], $2::text[], $3::text[]) AS dead (tenant, project, id)
WHERE key.tenant = dead.tenant AND key.project = dead.project AND key.id = dead.id

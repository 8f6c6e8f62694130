UPDATE key SET description = said.description, permissions = said.permissions
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
    AS said (tenant, project, id, description, permissions)
WHERE key.tenant = said.tenant AND key.project = said.project AND key.id = said.id

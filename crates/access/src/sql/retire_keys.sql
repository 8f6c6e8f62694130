-- `least` passes over nulls: a key that had no end gets one.
UPDATE key SET expires_at = least(key.expires_at, retired.works_until)
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS retired (tenant, project, id, works_until)
WHERE key.tenant = retired.tenant AND key.project = retired.project AND key.id = retired.id

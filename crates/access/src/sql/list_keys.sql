SELECT key.id, key.project, key.branch, key.prefix, key.scope, key.rights, key.description, key.issued_at, key.expires_at,
    key.revoked, key.permissions, key.person, used.last_used_at
FROM {schema}.key AS key
LEFT JOIN access_usage.key_use AS used ON used.tenant = key.tenant AND used.id = key.id
WHERE key.tenant = $1 AND key.project = $2 AND NOT key.revoked
ORDER BY key.issued_at DESC, key.id
LIMIT $3 OFFSET $4

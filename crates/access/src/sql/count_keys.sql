SELECT count(*) FROM {schema}.key AS key WHERE key.tenant = $1 AND key.project = $2 AND NOT key.revoked

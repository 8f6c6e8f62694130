SELECT tenant, id, state FROM pipeline WHERE (tenant, id) IN (SELECT * FROM unnest($1::text[], $2::text[]))

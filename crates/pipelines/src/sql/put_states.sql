INSERT INTO pipeline (tenant, id, name, state)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
ON CONFLICT (tenant, id) DO UPDATE SET name = excluded.name, state = excluded.state

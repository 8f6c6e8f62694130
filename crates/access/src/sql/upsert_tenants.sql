INSERT INTO tenant (tenant, publishers)
SELECT * FROM unnest($1::text[], $2::text[])
ON CONFLICT (tenant) DO UPDATE SET publishers = excluded.publishers

INSERT INTO pipeline_event (tenant, pipeline, id, recorded_at, number, body)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[])
ON CONFLICT (tenant, pipeline, id) DO NOTHING

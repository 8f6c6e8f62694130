DELETE FROM pipeline_event USING unnest($1::text[], $2::text[], $3::bigint[]) AS kept (tenant, pipeline, first)
WHERE pipeline_event.tenant = kept.tenant AND pipeline_event.pipeline = kept.pipeline
  AND pipeline_event.number < kept.first

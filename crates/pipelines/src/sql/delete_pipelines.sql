WITH gone AS (SELECT * FROM unnest($1::text[], $2::text[]) AS gone (tenant, id)),
     events AS (
         DELETE FROM pipeline_event USING gone
         WHERE pipeline_event.tenant = gone.tenant AND pipeline_event.pipeline = gone.id
     )
DELETE FROM pipeline USING gone WHERE pipeline.tenant = gone.tenant AND pipeline.id = gone.id

-- An id is a place in the order of the stream; one that is not known any more lies before all that is.
WITH since AS (SELECT max(seq) AS seq FROM {schema}.call WHERE uuid = $7), until AS (SELECT min(seq) AS seq FROM {schema}.call WHERE uuid = $8)
SELECT c.* FROM {schema}.call c
WHERE c.tenant = $1
  AND ($2::text IS NULL OR c.project = $2)
  AND ($3::text IS NULL OR coalesce(c.branch, 'default') = $3)
  AND ($4::text IS NULL OR c.bucket = $4)
  AND ($5::text IS NULL OR c.table_name = $5)
  AND ($6::text IS NULL OR c.key_id = $6 OR c.actor = 'key:' || $6)
  AND ($7::text IS NULL OR c.seq > coalesce((SELECT seq FROM since), 0))
  AND ($8::text IS NULL OR c.seq < coalesce((SELECT seq FROM until), 0))
  AND ($9::text IS NULL OR c.component = $9)
  AND ($10::text IS NULL OR c.run_id = $10)
  AND ($11::text IS NULL OR position(lower($11) IN lower(concat_ws(' ', c.event, c.message, c.object_id, c.actor, c.code))) > 0)

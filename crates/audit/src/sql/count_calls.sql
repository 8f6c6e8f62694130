SELECT c.operation,
       count(*) AS calls,
       count(*) FILTER (WHERE c.kind = 'error') AS errors,
       count(*) FILTER (WHERE c.kind = 'warn') AS denied,
       CAST(avg(c.duration_us) AS bigint) AS mean_us,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY c.duration_us) AS median_us,
       percentile_disc(0.95) WITHIN GROUP (ORDER BY c.duration_us) AS p95_us,
       max(c.duration_us) AS max_us
FROM {schema}.call c
WHERE c.tenant = $1 AND c.project = $2 AND c.channel <> 'event' AND c.created >= $3 AND c.created < $4
GROUP BY c.operation
ORDER BY count(*) DESC, c.operation
LIMIT $5

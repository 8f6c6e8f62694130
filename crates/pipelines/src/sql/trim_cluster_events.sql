DELETE FROM cluster_event
WHERE recorded_at < (SELECT max(recorded_at) FROM cluster_event) - $1
   OR id NOT IN (SELECT id FROM cluster_event ORDER BY recorded_at DESC, id DESC LIMIT $2)

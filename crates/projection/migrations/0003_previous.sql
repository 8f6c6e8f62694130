-- The generation that was read before the active one: kept to go back to, until it is dropped or another takes its place.
ALTER TABLE generation ADD COLUMN previous integer;
UPDATE generation g SET previous =
    (SELECT max(w.generation) FROM watermark w WHERE w.projection = g.projection AND w.generation < g.active);

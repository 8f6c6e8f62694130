SELECT f.origin, f.dest, l.name AS airline, count(*) AS flights
FROM nyc.flights AS f
JOIN nyc.airlines AS l ON l.carrier = f.carrier
GROUP BY f.origin, f.dest, l.name
ORDER BY flights DESC, f.origin, f.dest, airline
LIMIT 10

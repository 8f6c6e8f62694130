SELECT f.hour,
       count(*) AS flights,
       round(avg(f.dep_delay), 2) AS delay_minutes,
       round(avg(w.wind_speed), 2) AS wind_mph,
       round(avg(w.precip), 4) AS rain_inches,
       round(avg(w.visib), 2) AS visibility_miles
FROM nyc.flights AS f
LEFT JOIN nyc.weather AS w ON w.origin = f.origin AND w.time_hour = f.time_hour
GROUP BY f.hour
ORDER BY f.hour

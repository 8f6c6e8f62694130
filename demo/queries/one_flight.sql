SELECT year, month, day, carrier, flight, tailnum, origin, dest, dep_delay, arr_delay, distance
FROM nyc.flights
WHERE time_hour = TIMESTAMPTZ '2013-01-01T10:00:00Z' AND carrier = 'UA' AND flight = 1545

-- The same figures from the table as it came and from the cleaned one: rows, cancelled flights, sums of delays and distances.
SELECT
    COUNT_BIG(*) AS flights,
    SUM(CASE WHEN dep_time IS NULL THEN 1 ELSE 0 END) AS cancelled,
    SUM(CAST(dep_delay AS bigint)) AS dep_delay_min,
    SUM(CAST(arr_delay AS bigint)) AS arr_delay_min,
    SUM(CAST(distance AS bigint)) AS distance_miles
FROM dbo.flights
UNION ALL
SELECT
    COUNT_BIG(*) AS flights,
    SUM(CASE WHEN cancelled = 1 THEN 1 ELSE 0 END) AS cancelled,
    SUM(CAST(dep_delay_min AS bigint)) AS dep_delay_min,
    SUM(CAST(arr_delay_min AS bigint)) AS arr_delay_min,
    SUM(CAST(distance_miles AS bigint)) AS distance_miles
FROM dbo.flights_clean

-- The cleaned flights by carrier, busiest first.
SELECT
    carrier_name,
    COUNT_BIG(*) AS flights,
    SUM(CASE WHEN cancelled = 1 THEN 1 ELSE 0 END) AS cancelled,
    AVG(CAST(dep_delay_min AS float)) AS mean_dep_delay_min,
    AVG(speed_mph) AS mean_speed_mph
FROM dbo.flights_clean
GROUP BY carrier_name
ORDER BY flights DESC, carrier_name

-- What arrived, as the server writes it; NULLs last.
SELECT
    CONVERT(varchar(10), day, 23) AS day,
    CONVERT(varchar(16), hour, 121) AS hour,
    CONVERT(varchar(27), moment, 121) AS moment,
    CONVERT(varchar(34), instant, 121) AS instant
FROM #etl_probe
ORDER BY CASE WHEN day IS NULL THEN 1 ELSE 0 END, day

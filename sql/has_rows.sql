-- Whether a table has a row, without waiting for those who write to it.
SELECT CASE WHEN EXISTS (SELECT 1 FROM {table}{uncommitted}) THEN 1 ELSE 0 END AS has_rows

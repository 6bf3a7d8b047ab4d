-- The rows of a table.
SELECT COUNT(*) AS row_count FROM {table}

-- The rows of a table.
SELECT COUNT_BIG(*) AS row_count FROM {table}

-- The rows of a table that meet a condition.
SELECT COUNT(*) AS row_count FROM {table} WHERE {rows}

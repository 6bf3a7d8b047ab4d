-- The rows of a table that meet a condition.
SELECT COUNT_BIG(*) AS row_count FROM {table} WHERE {rows}

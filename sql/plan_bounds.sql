-- The first key of every chunk: each n-th row in key order, equal keys kept together by the server's own comparison.
SELECT {bound} AS bound, MIN(numbered.row_no) AS first_row
FROM (
    SELECT {key} AS key_value, ROW_NUMBER() OVER (ORDER BY {key}) AS row_no
    FROM {table}
    WHERE {key} IS NOT NULL AND {new}
) AS numbered
WHERE (numbered.row_no - 1) % ? = 0
GROUP BY numbered.key_value
ORDER BY first_row

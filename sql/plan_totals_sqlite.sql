-- The last key, and how many rows have a key and how many have none.
SELECT {bound} AS last_bound, totals.keyed_rows, totals.all_rows - totals.keyed_rows AS null_rows
FROM (
    SELECT MAX({key}) AS key_value, COUNT({key}) AS keyed_rows, COUNT(*) AS all_rows
    FROM {table}
    WHERE {new}
) AS totals

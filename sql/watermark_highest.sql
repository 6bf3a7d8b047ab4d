-- The highest value of a growing key.
SELECT {bound} AS upper_bound
FROM (SELECT MAX({column}) AS value FROM {table}) AS highest

-- The same rows, made by the server and kept there: how much of the time is its own.
WITH digits AS (SELECT n FROM (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) AS v (n))
SELECT COUNT_BIG(*), SUM(made.id), MAX(made.name), SUM(made.amount)
FROM (
    SELECT
        CAST(a.n * 10000 + b.n * 1000 + c.n * 100 + d.n * 10 + e.n AS bigint) AS id,
        REPLICATE(N'x', 40) AS name,
        CAST(a.n AS float) AS amount
    FROM digits AS a
    CROSS JOIN digits AS b
    CROSS JOIN digits AS c
    CROSS JOIN digits AS d
    CROSS JOIN digits AS e
) AS made

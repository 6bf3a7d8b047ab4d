-- One row for each letter that the database's collation tells from the others.
INSERT INTO {table} (id, name)
SELECT ROW_NUMBER() OVER (ORDER BY y.name), y.name
FROM (
    SELECT MIN(x.name) AS name
    FROM (SELECT CAST(v.letter AS varchar(20)) AS name FROM (VALUES {letters}) AS v (letter)) AS x
    GROUP BY x.name
) AS y

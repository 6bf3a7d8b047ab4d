-- The storage classes that a column of no declared type really holds.
SELECT DISTINCT typeof(origin.{column}) AS storage_class
FROM (
{query}
) AS origin
WHERE origin.{column} IS NOT NULL

-- The collation that the database's own texts have, and in which FreeTDS's bulk copy sends every text of a code page.
SELECT CAST(DATABASEPROPERTYEX(DB_NAME(), 'Collation') AS nvarchar(128)) AS collation_name

-- The collation that temporary tables have by default, which is the server's, and that of the database.
SELECT
    CAST(SERVERPROPERTY('Collation') AS nvarchar(128)) AS server_collation,
    CAST(DATABASEPROPERTYEX(DB_NAME(), 'Collation') AS nvarchar(128)) AS database_collation

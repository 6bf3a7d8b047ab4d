-- Where the session is, and whether it can write there.
SELECT DB_NAME() AS name, CAST(DATABASEPROPERTYEX(DB_NAME(), 'Updateability') AS nvarchar(128)) AS updateability

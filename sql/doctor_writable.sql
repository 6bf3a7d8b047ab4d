-- Whether rows may be inserted everywhere, and into how many of the tables that the login sees.
SELECT
    HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'INSERT') AS everything,
    SUM(HAS_PERMS_BY_NAME(QUOTENAME(s.name) + N'.' + QUOTENAME(t.name), 'OBJECT', 'INSERT')) AS writable,
    COUNT(*) AS seen
FROM sys.tables AS t
INNER JOIN sys.schemas AS s ON s.schema_id = t.schema_id

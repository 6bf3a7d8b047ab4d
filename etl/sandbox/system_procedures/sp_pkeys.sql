-- SQLPrimaryKeys.
CREATE PROCEDURE sp_pkeys
  @table_name sysname, @table_owner sysname = NULL, @table_qualifier sysname = NULL
AS
SELECT CONVERT(sysname, DB_NAME()) AS TABLE_QUALIFIER, CONVERT(sysname, s.name) AS TABLE_OWNER, CONVERT(sysname, t.name) AS TABLE_NAME,
  CONVERT(sysname, c.name) AS COLUMN_NAME, CONVERT(smallint, x.key_ordinal) AS KEY_SEQ, CONVERT(sysname, i.name) AS PK_NAME
FROM sys.tables t JOIN sys.schemas s ON s.schema_id = t.schema_id
JOIN sys.indexes i ON i.object_id = t.object_id AND i.is_primary_key = 1
JOIN sys.index_columns x ON x.object_id = i.object_id AND x.index_id = i.index_id
JOIN sys.columns c ON c.object_id = x.object_id AND c.column_id = x.column_id
WHERE t.name = @table_name AND (@table_owner IS NULL OR s.name = @table_owner)
ORDER BY 1, 2, 3, 5

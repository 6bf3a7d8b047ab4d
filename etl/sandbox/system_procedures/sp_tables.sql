-- SQLTables. Three calls list something else: all databases, all schemas, all kinds of tables.
CREATE PROCEDURE sp_tables
  @table_name nvarchar(384) = NULL, @table_owner nvarchar(384) = NULL, @table_qualifier sysname = NULL,
  @table_type varchar(100) = NULL, @fUsePattern bit = 1
AS
IF @table_name = '' AND @table_owner = '' AND @table_qualifier = '%'
  SELECT name AS TABLE_QUALIFIER, CONVERT(sysname, NULL) AS TABLE_OWNER, CONVERT(sysname, NULL) AS TABLE_NAME,
    CONVERT(varchar(32), NULL) AS TABLE_TYPE, CONVERT(varchar(254), NULL) AS REMARKS
  FROM sys.databases ORDER BY 1
ELSE IF @table_name = '' AND @table_owner = '%' AND @table_qualifier = ''
  SELECT CONVERT(sysname, NULL) AS TABLE_QUALIFIER, name AS TABLE_OWNER, CONVERT(sysname, NULL) AS TABLE_NAME,
    CONVERT(varchar(32), NULL) AS TABLE_TYPE, CONVERT(varchar(254), NULL) AS REMARKS
  FROM sys.schemas ORDER BY 2
ELSE IF @table_name = '' AND @table_owner = '' AND @table_qualifier = '' AND REPLACE(@table_type, '''', '') = '%'
  SELECT CONVERT(sysname, NULL) AS TABLE_QUALIFIER, CONVERT(sysname, NULL) AS TABLE_OWNER, CONVERT(sysname, NULL) AS TABLE_NAME,
    CONVERT(varchar(32), kind) AS TABLE_TYPE, CONVERT(varchar(254), NULL) AS REMARKS
  FROM (VALUES ('SYSTEM TABLE'), ('TABLE'), ('VIEW')) kinds (kind) ORDER BY 4
ELSE
  SELECT CONVERT(sysname, DB_NAME()) AS TABLE_QUALIFIER, CONVERT(sysname, owner) AS TABLE_OWNER, CONVERT(sysname, name) AS TABLE_NAME,
    CONVERT(varchar(32), kind) AS TABLE_TYPE, CONVERT(varchar(254), NULL) AS REMARKS
  FROM (
    SELECT s.name AS owner, o.name AS name, CASE o.type WHEN 'U' THEN 'TABLE' ELSE 'VIEW' END AS kind
    FROM sys.objects o JOIN sys.schemas s ON s.schema_id = o.schema_id WHERE o.type IN ('U', 'V')
    UNION ALL SELECT owner, name, 'VIEW' FROM sys.spt_system_views
  ) found
  WHERE (@table_name IS NULL OR (@fUsePattern = 1 AND name LIKE @table_name) OR (@fUsePattern = 0 AND name = @table_name))
    AND (@table_owner IS NULL OR (@fUsePattern = 1 AND owner LIKE @table_owner) OR (@fUsePattern = 0 AND owner = @table_owner))
    AND (@table_type IS NULL OR CHARINDEX('''' + kind + '''', @table_type) > 0)
    AND (@table_qualifier IS NULL OR @table_qualifier = '%' OR @table_qualifier = DB_NAME())
  ORDER BY 4, 1, 2, 3

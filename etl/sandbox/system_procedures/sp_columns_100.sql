-- SQLColumns for drivers that know SQL Server 2008's types.
CREATE PROCEDURE sp_columns_100
  @table_name nvarchar(384), @table_owner nvarchar(384) = NULL, @table_qualifier sysname = NULL,
  @column_name nvarchar(384) = NULL, @NameScope int = 0, @ODBCVer int = 2, @fUsePattern bit = 1
AS
SELECT CONVERT(sysname, DB_NAME()) AS TABLE_QUALIFIER, CONVERT(sysname, table_owner) AS TABLE_OWNER,
  CONVERT(sysname, table_name) AS TABLE_NAME, CONVERT(sysname, column_name) AS COLUMN_NAME,
  CONVERT(smallint, CASE WHEN @ODBCVer < 3 AND data_type IN (91, 93) THEN CASE data_type WHEN 91 THEN 9 ELSE 11 END ELSE data_type END) AS DATA_TYPE,
  CONVERT(sysname, type_name) AS TYPE_NAME, CONVERT(int, CASE WHEN @ODBCVer < 3 AND radix = 2 THEN CASE precision WHEN 53 THEN 15 ELSE 7 END
    ELSE precision END) AS PRECISION,
  CONVERT(int, length) AS LENGTH, CONVERT(smallint, scale) AS SCALE,
  CONVERT(smallint, CASE WHEN @ODBCVer < 3 AND radix = 2 THEN 10 ELSE radix END) AS RADIX, CONVERT(smallint, nullable) AS NULLABLE,
  CONVERT(varchar(254), NULL) AS REMARKS, CONVERT(nvarchar(4000), column_default) AS COLUMN_DEF,
  CONVERT(smallint, CASE WHEN data_type IN (91, 93) THEN 9 ELSE data_type END) AS SQL_DATA_TYPE,
  CONVERT(smallint, CASE data_type WHEN 91 THEN 1 WHEN 93 THEN 3 END) AS SQL_DATETIME_SUB, CONVERT(int, octets) AS CHAR_OCTET_LENGTH,
  CONVERT(int, column_id) AS ORDINAL_POSITION, CONVERT(varchar(254), CASE nullable WHEN 1 THEN 'YES' ELSE 'NO' END) AS IS_NULLABLE,
  CONVERT(smallint, 0) AS SS_IS_SPARSE, CONVERT(smallint, 0) AS SS_IS_COLUMN_SET, CONVERT(smallint, is_computed) AS SS_IS_COMPUTED,
  CONVERT(smallint, is_identity) AS SS_IS_IDENTITY, CONVERT(sysname, NULL) AS SS_UDT_CATALOG_NAME, CONVERT(sysname, NULL) AS SS_UDT_SCHEMA_NAME,
  CONVERT(nvarchar(4000), NULL) AS SS_UDT_ASSEMBLY_TYPE_NAME, CONVERT(sysname, NULL) AS SS_XML_SCHEMACOLLECTION_CATALOG_NAME,
  CONVERT(sysname, NULL) AS SS_XML_SCHEMACOLLECTION_SCHEMA_NAME, CONVERT(sysname, NULL) AS SS_XML_SCHEMACOLLECTION_NAME,
  CONVERT(tinyint, ss_data_type) AS SS_DATA_TYPE
FROM sys.spt_columns_odbc_view
WHERE ((@fUsePattern = 1 AND table_name LIKE @table_name) OR (@fUsePattern = 0 AND table_name = @table_name))
  AND (@table_owner IS NULL OR (@fUsePattern = 1 AND table_owner LIKE @table_owner) OR (@fUsePattern = 0 AND table_owner = @table_owner))
  AND (@column_name IS NULL OR (@fUsePattern = 1 AND column_name LIKE @column_name) OR (@fUsePattern = 0 AND column_name = @column_name))
  AND (@table_qualifier IS NULL OR @table_qualifier = DB_NAME())
ORDER BY 1, 2, 3, 17

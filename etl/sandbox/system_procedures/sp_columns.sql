-- SQLColumns for drivers older than date, time, datetime2 and datetimeoffset: those are told as nvarchar.
CREATE PROCEDURE sp_columns
  @table_name nvarchar(384), @table_owner nvarchar(384) = NULL, @table_qualifier sysname = NULL,
  @column_name nvarchar(384) = NULL, @ODBCVer int = 2
AS
SELECT CONVERT(sysname, DB_NAME()) AS TABLE_QUALIFIER, CONVERT(sysname, table_owner) AS TABLE_OWNER,
  CONVERT(sysname, table_name) AS TABLE_NAME, CONVERT(sysname, column_name) AS COLUMN_NAME,
  CONVERT(smallint, CASE WHEN @ODBCVer < 3 AND data_type_28 = 93 THEN 11 ELSE data_type_28 END) AS DATA_TYPE,
  CONVERT(sysname, type_name) AS TYPE_NAME, CONVERT(int, CASE WHEN @ODBCVer < 3 AND radix = 2 THEN CASE precision_28 WHEN 53 THEN 15 ELSE 7 END
    ELSE precision_28 END) AS PRECISION,
  CONVERT(int, length_28) AS LENGTH, CONVERT(smallint, scale_28) AS SCALE,
  CONVERT(smallint, CASE WHEN @ODBCVer < 3 AND radix = 2 THEN 10 ELSE radix END) AS RADIX, CONVERT(smallint, nullable) AS NULLABLE,
  CONVERT(varchar(254), NULL) AS REMARKS, CONVERT(nvarchar(4000), column_default) AS COLUMN_DEF,
  CONVERT(smallint, CASE WHEN data_type_28 = 93 THEN 9 ELSE data_type_28 END) AS SQL_DATA_TYPE,
  CONVERT(smallint, CASE WHEN data_type_28 = 93 THEN 3 END) AS SQL_DATETIME_SUB, CONVERT(int, octets_28) AS CHAR_OCTET_LENGTH,
  CONVERT(int, column_id) AS ORDINAL_POSITION, CONVERT(varchar(254), CASE nullable WHEN 1 THEN 'YES' ELSE 'NO' END) AS IS_NULLABLE,
  CONVERT(tinyint, ss_data_type) AS SS_DATA_TYPE
FROM sys.spt_columns_odbc_view
WHERE table_name LIKE @table_name AND (@table_owner IS NULL OR table_owner LIKE @table_owner)
  AND (@column_name IS NULL OR column_name LIKE @column_name) AND (@table_qualifier IS NULL OR @table_qualifier = DB_NAME())
ORDER BY 1, 2, 3, 17

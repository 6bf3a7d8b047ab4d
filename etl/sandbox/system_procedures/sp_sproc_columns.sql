-- SQLProcedureColumns: there are no procedures of users here, so no row.
CREATE PROCEDURE sp_sproc_columns
  @procedure_name nvarchar(390) = '%', @procedure_owner nvarchar(384) = NULL, @procedure_qualifier sysname = NULL,
  @column_name nvarchar(384) = NULL, @ODBCVer int = 2, @fUsePattern bit = 1
AS
SELECT CONVERT(sysname, NULL) AS PROCEDURE_QUALIFIER, CONVERT(sysname, NULL) AS PROCEDURE_OWNER, CONVERT(nvarchar(134), NULL) AS PROCEDURE_NAME,
  CONVERT(sysname, NULL) AS COLUMN_NAME, CONVERT(smallint, NULL) AS COLUMN_TYPE, CONVERT(smallint, NULL) AS DATA_TYPE, CONVERT(sysname, NULL) AS TYPE_NAME,
  CONVERT(int, NULL) AS PRECISION, CONVERT(int, NULL) AS LENGTH, CONVERT(smallint, NULL) AS SCALE, CONVERT(smallint, NULL) AS RADIX,
  CONVERT(smallint, NULL) AS NULLABLE, CONVERT(varchar(254), NULL) AS REMARKS, CONVERT(nvarchar(4000), NULL) AS COLUMN_DEF,
  CONVERT(smallint, NULL) AS SQL_DATA_TYPE, CONVERT(smallint, NULL) AS SQL_DATETIME_SUB, CONVERT(int, NULL) AS CHAR_OCTET_LENGTH,
  CONVERT(int, NULL) AS ORDINAL_POSITION, CONVERT(varchar(254), NULL) AS IS_NULLABLE, CONVERT(tinyint, NULL) AS SS_DATA_TYPE
FROM sys.procedures WHERE 1 = 0

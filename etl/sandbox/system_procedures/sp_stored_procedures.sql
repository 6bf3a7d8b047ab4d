-- SQLProcedures: there are no procedures of users here.
CREATE PROCEDURE sp_stored_procedures
  @sp_name nvarchar(390) = NULL, @sp_owner nvarchar(384) = NULL, @sp_qualifier sysname = NULL, @fUsePattern bit = 1
AS
SELECT CONVERT(sysname, DB_NAME()) AS PROCEDURE_QUALIFIER, CONVERT(sysname, s.name) AS PROCEDURE_OWNER,
  CONVERT(nvarchar(134), p.name + ';1') AS PROCEDURE_NAME, CONVERT(int, -1) AS NUM_INPUT_PARAMS, CONVERT(int, -1) AS NUM_OUTPUT_PARAMS,
  CONVERT(int, -1) AS NUM_RESULT_SETS, CONVERT(varchar(254), NULL) AS REMARKS, CONVERT(smallint, 2) AS PROCEDURE_TYPE
FROM sys.procedures p JOIN sys.schemas s ON s.schema_id = p.schema_id
WHERE (@sp_name IS NULL OR p.name LIKE @sp_name) AND (@sp_owner IS NULL OR s.name LIKE @sp_owner)
ORDER BY 1, 2, 3

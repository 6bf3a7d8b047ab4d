-- What bulk copy clients ask before they load: each column's collation as the wire has it. The name may be quoted and have a schema.
CREATE PROCEDURE sp_tablecollations_100
  @object nvarchar(4000)
AS
SELECT CONVERT(int, column_id) AS colid, CONVERT(sysname, name) AS name, CONVERT(binary(5), tds_collation) AS tds_collation,
  CONVERT(sysname, collation_name) AS collation
FROM sys.spt_table_collations WHERE object_id = OBJECT_ID(@object) ORDER BY 1

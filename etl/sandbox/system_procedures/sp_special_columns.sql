-- SQLSpecialColumns: the primary key, or else the first unique index, tells a row (R); rowversion changes with it (V).
CREATE PROCEDURE sp_special_columns
  @table_name sysname, @table_owner sysname = NULL, @qualifier sysname = NULL, @col_type char(1) = 'R',
  @scope char(1) = 'T', @nullable char(1) = 'U', @ODBCVer int = 2
AS
SELECT CONVERT(smallint, CASE @col_type WHEN 'R' THEN 0 END) AS SCOPE, CONVERT(sysname, column_name) AS COLUMN_NAME,
  CONVERT(smallint, CASE WHEN @ODBCVer < 3 AND data_type IN (91, 93) THEN CASE data_type WHEN 91 THEN 9 ELSE 11 END ELSE data_type END) AS DATA_TYPE,
  CONVERT(sysname, type_name) AS TYPE_NAME, CONVERT(int, precision) AS PRECISION, CONVERT(int, length) AS LENGTH,
  CONVERT(smallint, scale) AS SCALE, CONVERT(smallint, 1) AS PSEUDO_COLUMN
FROM sys.spt_columns_odbc_view v
WHERE table_name = @table_name AND (@table_owner IS NULL OR table_owner = @table_owner) AND kind = 'U'
  AND ((@col_type = 'V' AND type_name = 'timestamp')
    OR (@col_type = 'R' AND EXISTS (
      SELECT 1 FROM sys.index_columns x WHERE x.object_id = v.object_id AND x.column_id = v.column_id AND x.is_included_column = 0
        AND x.index_id = (
          SELECT TOP 1 i.index_id FROM sys.indexes i
          WHERE i.object_id = v.object_id AND i.is_unique = 1 AND i.has_filter = 0
            AND (@nullable <> 'O' OR NOT EXISTS (
              SELECT 1 FROM sys.index_columns k JOIN sys.columns c ON c.object_id = k.object_id AND c.column_id = k.column_id
              WHERE k.object_id = i.object_id AND k.index_id = i.index_id AND c.is_nullable = 1))
          ORDER BY i.is_primary_key DESC, i.index_id))))
ORDER BY 1, column_id

-- SQLStatistics: a row for the table, then one for each column of each index. Pages are not counted here.
CREATE PROCEDURE sp_statistics
  @table_name sysname, @table_owner sysname = NULL, @table_qualifier sysname = NULL, @index_name sysname = '%',
  @is_unique char(1) = 'N', @accuracy char(1) = 'Q'
AS
SELECT CONVERT(sysname, DB_NAME()) AS TABLE_QUALIFIER, CONVERT(sysname, owner) AS TABLE_OWNER, CONVERT(sysname, table_name) AS TABLE_NAME,
  CONVERT(smallint, non_unique) AS NON_UNIQUE, CONVERT(sysname, index_qualifier) AS INDEX_QUALIFIER, CONVERT(sysname, index_name) AS INDEX_NAME,
  CONVERT(smallint, type) AS TYPE, CONVERT(smallint, seq_in_index) AS SEQ_IN_INDEX, CONVERT(sysname, column_name) AS COLUMN_NAME,
  CONVERT(char(1), direction) AS COLLATION, CONVERT(int, cardinality) AS CARDINALITY, CONVERT(int, NULL) AS PAGES,
  CONVERT(varchar(128), NULL) AS FILTER_CONDITION
FROM (
  SELECT s.name AS owner, t.name AS table_name, CONVERT(smallint, NULL) AS non_unique, CONVERT(sysname, NULL) AS index_qualifier,
    CONVERT(sysname, NULL) AS index_name, 0 AS type, CONVERT(smallint, NULL) AS seq_in_index, CONVERT(sysname, NULL) AS column_name,
    CONVERT(char(1), NULL) AS direction, p.rows AS cardinality
  FROM sys.tables t JOIN sys.schemas s ON s.schema_id = t.schema_id JOIN sys.partitions p ON p.object_id = t.object_id AND p.index_id IN (0, 1)
  UNION ALL
  SELECT s.name, t.name, CASE i.is_unique WHEN 1 THEN 0 ELSE 1 END, t.name, i.name, CASE i.index_id WHEN 1 THEN 1 ELSE 3 END,
    x.key_ordinal, c.name, CASE x.is_descending_key WHEN 1 THEN 'D' ELSE 'A' END, p.rows
  FROM sys.tables t JOIN sys.schemas s ON s.schema_id = t.schema_id
  JOIN sys.indexes i ON i.object_id = t.object_id AND i.index_id > 0
  JOIN sys.partitions p ON p.object_id = i.object_id AND p.index_id = i.index_id
  JOIN sys.index_columns x ON x.object_id = i.object_id AND x.index_id = i.index_id AND x.is_included_column = 0
  JOIN sys.columns c ON c.object_id = x.object_id AND c.column_id = x.column_id
  WHERE i.name LIKE @index_name AND (@is_unique <> 'Y' OR i.is_unique = 1)
) found
WHERE table_name = @table_name AND (@table_owner IS NULL OR owner = @table_owner)
ORDER BY 4, 7, 6, 8

-- A table's indexes with their leading columns; none for a bare heap, which sys.indexes lists with type 0.
SELECT sys.indexes.name, sys.indexes.type_desc AS kind, sys.columns.name AS leading_column
FROM sys.indexes
INNER JOIN sys.index_columns
    ON sys.index_columns.object_id = sys.indexes.object_id
    AND sys.index_columns.index_id = sys.indexes.index_id
    AND sys.index_columns.key_ordinal = 1
INNER JOIN sys.columns
    ON sys.columns.object_id = sys.index_columns.object_id
    AND sys.columns.column_id = sys.index_columns.column_id
WHERE sys.indexes.object_id = OBJECT_ID(:table) AND sys.indexes.type > 0
ORDER BY sys.indexes.index_id

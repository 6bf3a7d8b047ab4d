-- The columns of a table's primary key, in key order.
SELECT key_column.name
FROM sys.indexes AS key_index
JOIN sys.index_columns AS part
    ON part.object_id = key_index.object_id AND part.index_id = key_index.index_id
JOIN sys.columns AS key_column
    ON key_column.object_id = part.object_id AND key_column.column_id = part.column_id
WHERE key_index.object_id = OBJECT_ID(:table) AND key_index.is_primary_key = 1
ORDER BY part.key_ordinal

-- The columns of each unique index of a table that holds for all its rows, in key order.
SELECT unique_index.index_id, key_column.name AS column_name
FROM sys.indexes AS unique_index
JOIN sys.index_columns AS part
    ON part.object_id = unique_index.object_id AND part.index_id = unique_index.index_id
JOIN sys.columns AS key_column
    ON key_column.object_id = part.object_id AND key_column.column_id = part.column_id
WHERE
    unique_index.object_id = OBJECT_ID(:table) AND unique_index.is_unique = 1 AND unique_index.is_disabled = 0
    AND unique_index.has_filter = 0 AND part.is_included_column = 0
ORDER BY unique_index.index_id, part.key_ordinal

-- Each foreign key of a table: the table that it refers to, and the pairs of columns.
SELECT
    foreign_key.object_id, SCHEMA_NAME(there.schema_id) AS schema_name, there.name AS table_name,
    own_column.name AS own_column, other_column.name AS other_column
FROM sys.foreign_keys AS foreign_key
JOIN sys.objects AS there ON there.object_id = foreign_key.referenced_object_id
JOIN sys.foreign_key_columns AS part ON part.constraint_object_id = foreign_key.object_id
JOIN sys.columns AS own_column
    ON own_column.object_id = part.parent_object_id AND own_column.column_id = part.parent_column_id
JOIN sys.columns AS other_column
    ON other_column.object_id = part.referenced_object_id AND other_column.column_id = part.referenced_column_id
WHERE foreign_key.parent_object_id = OBJECT_ID(:table) AND foreign_key.is_disabled = 0

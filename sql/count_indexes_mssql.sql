-- How many indexes a table has; 0 for a bare heap, which sys.indexes lists with type 0.
SELECT COUNT(*) AS index_count
FROM sys.indexes
WHERE object_id = OBJECT_ID(:table) AND type > 0

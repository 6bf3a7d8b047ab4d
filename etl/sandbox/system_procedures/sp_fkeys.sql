-- SQLForeignKeys: what points to a table, what a table points to, or what lies between two.
CREATE PROCEDURE sp_fkeys
  @pktable_name sysname = NULL, @pktable_owner sysname = NULL, @pktable_qualifier sysname = NULL,
  @fktable_name sysname = NULL, @fktable_owner sysname = NULL, @fktable_qualifier sysname = NULL
AS
SELECT CONVERT(sysname, DB_NAME()) AS PKTABLE_QUALIFIER, CONVERT(sysname, ps.name) AS PKTABLE_OWNER, CONVERT(sysname, p.name) AS PKTABLE_NAME,
  CONVERT(sysname, pc.name) AS PKCOLUMN_NAME, CONVERT(sysname, DB_NAME()) AS FKTABLE_QUALIFIER, CONVERT(sysname, fs.name) AS FKTABLE_OWNER,
  CONVERT(sysname, c.name) AS FKTABLE_NAME, CONVERT(sysname, fc.name) AS FKCOLUMN_NAME, CONVERT(smallint, x.constraint_column_id) AS KEY_SEQ,
  CONVERT(smallint, CASE f.update_referential_action WHEN 0 THEN 1 WHEN 1 THEN 0 ELSE f.update_referential_action END) AS UPDATE_RULE,
  CONVERT(smallint, CASE f.delete_referential_action WHEN 0 THEN 1 WHEN 1 THEN 0 ELSE f.delete_referential_action END) AS DELETE_RULE,
  CONVERT(sysname, f.name) AS FK_NAME, CONVERT(sysname, i.name) AS PK_NAME, CONVERT(smallint, 7) AS DEFERRABILITY
FROM sys.foreign_keys f
JOIN sys.foreign_key_columns x ON x.constraint_object_id = f.object_id
JOIN sys.tables p ON p.object_id = f.referenced_object_id JOIN sys.schemas ps ON ps.schema_id = p.schema_id
JOIN sys.tables c ON c.object_id = f.parent_object_id JOIN sys.schemas fs ON fs.schema_id = c.schema_id
JOIN sys.columns pc ON pc.object_id = p.object_id AND pc.column_id = x.referenced_column_id
JOIN sys.columns fc ON fc.object_id = c.object_id AND fc.column_id = x.parent_column_id
JOIN sys.indexes i ON i.object_id = p.object_id AND i.index_id = f.key_index_id
WHERE (@pktable_name IS NULL OR p.name = @pktable_name) AND (@pktable_owner IS NULL OR ps.name = @pktable_owner)
  AND (@fktable_name IS NULL OR c.name = @fktable_name) AND (@fktable_owner IS NULL OR fs.name = @fktable_owner)
  AND (@pktable_name IS NOT NULL OR @fktable_name IS NOT NULL)
ORDER BY 5, 6, 7, 9

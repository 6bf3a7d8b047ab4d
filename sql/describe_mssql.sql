-- The columns of a table or query as the server itself types them, or one row with the error that stops it.
SELECT
    described.name,
    described.system_type_name,
    described.is_nullable,
    described.is_identity_column,
    described.is_computed_column,
    described.collation_name,
    described.error_number,
    described.error_message
FROM sys.dm_exec_describe_first_result_set(:query, NULL, 0) AS described
WHERE described.is_hidden = 0 OR described.is_hidden IS NULL
ORDER BY described.column_ordinal

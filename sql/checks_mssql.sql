-- The conditions of a table's CHECK constraints, where the login may see them.
SELECT definition FROM sys.check_constraints
WHERE parent_object_id = OBJECT_ID(:table) AND is_disabled = 0 AND definition IS NOT NULL

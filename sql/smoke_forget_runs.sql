-- The runs of a smoke test, after their chunks.
DELETE FROM etl_run WHERE LEFT(target_table, LEN(:prefix)) = :prefix

-- The chunks of a smoke test's runs.
DELETE FROM etl_chunk
WHERE run_id IN (SELECT run_id FROM etl_run WHERE LEFT(target_table, LEN(:prefix)) = :prefix)

-- The rows that a run set aside, with their reasons.
SELECT
    run_id, chunk_no, reject_no, row_no, stage, error_number, column_name, reason, row_key, row_values, output_values
FROM etl_reject
WHERE run_id = :run_id
ORDER BY chunk_no, reject_no

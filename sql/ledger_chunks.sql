-- The committed chunks of a run. A claimed row is visible only inside its own transaction.
SELECT
    chunk_no, rows_read, rows_written, COALESCE(rows_rejected, 0) AS rows_rejected, attempt, worker,
    seconds, extract_sec, transform_sec, wait_sec, load_sec, cpu_sec, route, started_at, ended_at
FROM etl_chunk{skip_locked}
WHERE run_id = :run_id AND state = 'done'
ORDER BY chunk_no

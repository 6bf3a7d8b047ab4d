-- All runs, latest first, with what is committed of each.
SELECT
    etl_run.run_id,
    etl_run.target_table,
    etl_run.mode,
    etl_run.state,
    etl_run.started_at,
    etl_run.ended_at,
    COUNT(etl_chunk.chunk_no) AS chunks_done,
    SUM(etl_chunk.rows_written) AS rows_written
FROM etl_run
LEFT JOIN etl_chunk{skip_locked} ON etl_chunk.run_id = etl_run.run_id AND etl_chunk.state = 'done'
GROUP BY
    etl_run.run_id, etl_run.target_table, etl_run.mode, etl_run.state, etl_run.started_at, etl_run.ended_at
ORDER BY etl_run.started_at DESC, etl_run.run_id DESC

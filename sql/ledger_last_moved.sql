-- The completed runs of a job that read rows, latest first.
SELECT etl_run.run_id, SUM(etl_chunk.rows_read) AS rows_read
FROM etl_run
INNER JOIN etl_chunk{skip_locked} ON etl_chunk.run_id = etl_run.run_id AND etl_chunk.state = 'done'
WHERE etl_run.job_hash = :job_hash AND etl_run.state = 'done'
GROUP BY etl_run.run_id, etl_run.ended_at, etl_run.started_at
HAVING SUM(etl_chunk.rows_read) > 0
ORDER BY etl_run.ended_at DESC, etl_run.started_at DESC, etl_run.run_id DESC

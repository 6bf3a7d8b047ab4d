-- The latest run of a job.
SELECT run_id, state
FROM etl_run
WHERE job_hash = :job_hash
ORDER BY started_at DESC, run_id DESC

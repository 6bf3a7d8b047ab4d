-- The run that an outside scheduler started under its own key.
SELECT run_id, state
FROM etl_run
WHERE run_key = :run_key AND job_hash = :job_hash
ORDER BY started_at DESC, run_id DESC
